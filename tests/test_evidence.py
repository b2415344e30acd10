"""Every number leads back to printed digits, register rows, rules and its function; two bundles differ only where something changed."""

import csv
import importlib
import json
import re
import shutil
from fractions import Fraction

import pytest
from typer.testing import CliRunner

from kcq_eval.claims import Quantity
from kcq_eval.cli import app
from kcq_eval.datafiles import project_root
from kcq_eval.errors import BadInput
from kcq_eval.evaluation import evaluate
from kcq_eval.evidence.difference import ONLY_B, SAME, WITHIN, difference
from kcq_eval.evidence.explain import explain
from kcq_eval.evidence.lineage import _ranges, key, read_key, rules_behind
from kcq_eval.parameters import Period, read_parameters
from kcq_eval.runs.bundle import run

REGISTER = "data/demonstration/register.csv"


def made(folder, **parameters):
    return run(read_parameters({"figure_formats": "png"} | parameters), folder / "bundle").folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return made(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def of_register(tmp_path_factory):
    return made(tmp_path_factory.mktemp("register"), register=REGISTER)


@pytest.fixture(params=["published", "of_register"])
def bundle(request):
    return request.getfixturevalue(request.param)


def numbers_of(bundle):
    with open(bundle / "numbers.csv", encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_every_number_has_its_function_and_what_it_rests_on(bundle):
    told, numbers = json.loads((bundle / "lineage.json").read_text(encoding="utf-8")), numbers_of(bundle)
    assert [number["id"] for number in told["numbers"]] == list(numbers)
    for number in told["numbers"]:
        module, _, name = number["function"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
        assert ";".join(number["claims"]) == numbers[number["id"]]["sources"]
        assert set(number["quantities"]) <= set(told["quantities"])
    for name, quantity in told["quantities"].items():
        assert key(read_key(name)) == name
        assert quantity["claims"] or quantity["rules"] or quantity.get("row_count") or quantity["basis"] == "register" or quantity["lower"] == "0", name
        assert set(quantity["claims"]) <= set(told["claims"]) and set(quantity["rules"]) <= set(told["rules"])


def test_every_number_is_explained_in_both_languages(bundle):
    for number_id, row in numbers_of(bundle).items():
        for language in ("vi", "en"):
            lines = explain(bundle, number_id, language)
            assert lines[0] == f"{row[f'label_{language}']}: {row[f'text_{language}']}"


def test_the_page_leads_from_each_number_to_its_origin(bundle):
    page = (bundle / "report.html").read_text(encoding="utf-8")
    leading, there = set(re.findall(r'href="#(from-[^"]+)"', page)), set(re.findall(r'id="(from-[^"]+)"', page))
    assert leading == there == {f"from-{number_id}" for number_id in numbers_of(bundle)}


def test_a_derived_count_names_its_claims_and_the_rule(published):
    folder = published
    told = "\n".join(explain(folder, "facilities.rest.current", "en"))
    assert "“145”" in told and "“236”" in told and "add up to all schemes" in told and "ipc1-2023-12-27/5 set aside" in told
    done = CliRunner().invoke(app, ["explain", "facilities.rest.curent", str(folder), "--language", "en"])
    assert done.exit_code == 2 and "facilities.rest.current" in done.output
    assert CliRunner().invoke(app, ["explain", "x", str(folder / "figures")]).exit_code == 2


def test_the_rules_named_are_needed_and_enough():
    evaluation = evaluate(read_parameters({}))
    rest = Quantity("facilities", Period(2021, 2023), "ipc1", "standalone")
    assert rules_behind(rest, evaluation.estimates.of(rest), evaluation.corrected) == ["facilities-by-scheme-kind"]
    printed = Quantity("facilities", Period(2021, 2023), "ipc1", "focal")
    assert rules_behind(printed, evaluation.estimates.of(printed), evaluation.corrected) == []


def test_register_rows_are_those_that_add_up(of_register):
    told = json.loads((of_register / "lineage.json").read_text(encoding="utf-8"))["quantities"]
    focal = told["facilities/2021-2023/ipc1/focal/all/all/all"]
    rows = [n for part in focal["rows"].split(", ") for n in range(int(part.split("–")[0]), int(part.split("–")[-1]) + 1)]
    assert len(rows) == focal["row_count"] == Fraction(focal["value"])
    with open(REGISTER, encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))
    assert all(any("2021" <= cell <= "2023" for cell in cells[row - 1] if len(cell) == 4) for row in rows)


def test_rows_are_told_as_ranges():
    assert list(_ranges([2, 3, 4, 7, 9, 10])) == ["2–4", "7", "9–10"]
    assert list(_ranges([])) == []




def test_a_changed_claim_moves_exactly_the_numbers_that_rest_on_it(published, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(project_root() / "data", data)
    claims = data / "claims" / "ipc1-2023-12-27.csv"
    text = claims.read_text(encoding="utf-8")
    assert text.count("232.908 triệu đồng") == 1
    claims.write_text(text.replace("232.908 triệu đồng", '"232.907,9 triệu đồng"'), encoding="utf-8")
    after = made(tmp_path, data_dir=str(data))
    found = difference(published, after)
    assert [(change.kind, change.name) for change in found.changes] == [("claim", "ipc1-2023-12-27/2")]
    moved = {number.id for number in found.numbers if number.verdict != SAME}
    told = json.loads((after / "lineage.json").read_text(encoding="utf-8"))["numbers"]
    assert moved == {number["id"] for number in told if "ipc1-2023-12-27/2" in number["claims"]}
    assert found.of(WITHIN) and all(number.through == found.changes for number in found.numbers if number.id in moved)
    done = CliRunner().invoke(app, ["diff", str(published), str(after), "--language", "en"])
    assert done.exit_code == 1 and "232.908 triệu đồng → 232.907,9 triệu đồng" in done.output


def test_a_bundle_does_not_differ_from_itself(bundle):
    assert difference(bundle, bundle).is_none and not difference(bundle, bundle).changes
    done = CliRunner().invoke(app, ["diff", str(bundle), str(bundle)])
    assert done.exit_code == 0


def test_the_register_is_named_where_its_rows_moved_numbers(published, of_register):
    found = difference(published, of_register)
    moved = {number.id: number for number in found.numbers}
    assert any(change.kind == "register" for change in found.changes)
    assert moved["funding.current"].verdict == WITHIN and {change.kind for change in moved["funding.current"].through} >= {"register"}
    assert moved["register.rows.accepted"].verdict == ONLY_B


def test_what_is_no_bundle_is_named(published, tmp_path):
    with pytest.raises(BadInput) as error:
        difference(tmp_path, tmp_path / "nothing")
    assert len(error.value.problems) == 2
