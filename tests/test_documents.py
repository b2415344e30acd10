"""An evaluator's own document is read as declared, audited without assuming anything else, and refused with a clear list otherwise."""

import contextlib
import csv
import io
import itertools
import json
import os
import random
import re
import unicodedata
import zipfile
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kcq_eval import documents, spellings
from kcq_eval.audit.explanations import audit_claims
from kcq_eval.cli import app
from kcq_eval.deliverables.audit_page import audit_document, rules_behind
from kcq_eval.documents import read_document
from kcq_eval.errors import BadInput
from kcq_eval.printed import UNITS
from kcq_eval.texts import LANGUAGES, problem_lines

HEADER = "no,statement,measure,period,compared with,by region,whole,printed,unit,direction,hedge,trust"
ENERGY = """\
1,value,Electricity used,2022,,North,,"1,250",million kWh,,,
2,value,Electricity used,2022,,South,,"2,100",million kWh,,,
3,value,Electricity used,2022,,,,"3,350",million kWh,,,
4,share,Electricity used,2022,,North,all,37.3%,%,,,
5,growth,Electricity used,2022,2021,,,4.0%,%,up,,
6,value,Electricity used,2021,,,,"3,220",million kWh,,about,
7,value,Cost of electricity,2022,,North,,96.3,million EUR,,,
8,average,Electricity used,2022,,North,measure=Households,"2,500",kWh per household,,,
9,value,Households,2022,,North,,"500,000",count households,,,
"""
REGIONS = "rule,measure,by,whole,parts,label\nR1,Electricity used,region,,North;South,North and South are the country\n"

some = settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))


def folder(place: Path, claims: str, header: str = HEADER, **tables: str) -> Path:
    """A document as a folder of CSV files."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "claims.csv").write_text(f"{header}\n{claims}", encoding="utf-8")
    for name, text in tables.items():
        (place / f"{name}.csv").write_text(text, encoding="utf-8")
    return place


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, lines in sheets.items():
        sheet = made.create_sheet(name)
        for line in lines:
            sheet.append(line)
    made.save(path)
    return path


def verdict(path: Path, number_format: str = "en") -> str:
    return audit_claims(read_document(path, number_format).published).verdict


def refused(path: Path, number_format: str = "en") -> list[tuple[str, str]]:
    """What is wrong, as message and header; every problem can be told in both languages."""
    with pytest.raises(BadInput) as error:
        read_document(path, number_format)
    for language in LANGUAGES:
        assert len(problem_lines(error.value.problems, language)) == len(error.value.problems) > 0
    return [(problem.message, problem.column) for problem in error.value.problems]


def refusal(path: Path, message: str, number_format: str = "en"):
    """The one problem of that kind."""
    with pytest.raises(BadInput) as error:
        read_document(path, number_format)
    (problem,) = [problem for problem in error.value.problems if problem.message == message]
    return problem


def run(*arguments: object):
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


# --- a document outside the programme


def test_an_honest_document_of_its_own_measures_units_and_regions_is_consistent(tmp_path):
    assert verdict(folder(tmp_path / "energy", ENERGY, rules=REGIONS)) == "consistent"


def test_an_error_planted_in_it_is_the_only_suspect_and_told_with_what_it_would_have_to_be(tmp_path):
    found = audit_claims(read_document(folder(tmp_path / "energy", ENERGY.replace('"3,350"', '"3,250"'), rules=REGIONS), "en").published)
    assert found.suspects == ("energy/3",)
    required = found.required(found.published.claim("energy/3"))
    assert Fraction(3349 * 10**6) < required.lower <= required.upper < Fraction(3351 * 10**6)


@pytest.mark.parametrize("number", range(1, 9))
def test_wherever_a_figure_that_others_hold_is_changed_the_conflict_is_found(tmp_path, number):
    lines = ENERGY.splitlines()
    cells = next(csv.reader([lines[number - 1]]))
    cells[7] = {"%": "71.9%"}.get(cells[8], "1")
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    lines[number - 1] = buffer.getvalue().strip()
    found = audit_claims(read_document(folder(tmp_path / "energy", "\n".join(lines), rules=REGIONS), "en").published)
    alone = number == 7  # nothing else speaks of the cost
    assert (f"energy/{number}" in {claim for conflict in found.conflicts for claim in conflict}) is not alone


def test_a_single_csv_file_a_folder_and_a_workbook_say_the_same(tmp_path):
    lines = list(csv.reader(io.StringIO(f"{HEADER}\n{ENERGY}")))
    as_folder = folder(tmp_path / "energy", ENERGY)
    as_file = tmp_path / "energy.csv"
    as_file.write_bytes((as_folder / "claims.csv").read_bytes())
    as_workbook = workbook(tmp_path / "energy.xlsx", Claims=lines)
    read = [read_document(path, "en").published.claims for path in (as_folder, as_file, as_workbook)]
    assert read[0] == read[1] == read[2]


def test_the_order_of_rows_changes_no_verdict_and_no_explanation(tmp_path):
    lines = ENERGY.replace('"3,350"', '"3,250"').splitlines()
    mixed = random.Random(7).sample(lines, len(lines))
    found = [audit_claims(read_document(folder(tmp_path / name / "e", "\n".join(each), rules=REGIONS), "en").published) for name, each in (("a", lines), ("b", mixed))]
    assert found[0].conflicts == found[1].conflicts
    assert found[0].explanations == found[1].explanations


# --- words


VIETNAMESE = [
    ["Số", "Loại phát biểu", "Chỉ tiêu", "Giai đoạn", "So với", "Theo vùng", "Mẫu số", "Số in", "Đơn vị", "Tăng giảm", "Mức độ", "Độ tin cậy"],
    ["1", "giá trị", "Sản lượng", "2022", "", "Miền Bắc", "", "1.250", "nghìn tấn", "", "", ""],
    ["2", "Giá trị", "Sản lượng", "2022", "", "", "", "3.350", "nghìn tấn", "", "hơn", ""],
    ["3", "tỷ trọng", "sản lượng", "2022", "", "Miền Bắc", "tất cả", "37,3 %", "phần trăm", "", "", "chắc chắn"],
    ["4", "tốc độ tăng", "Sản lượng", "2022", "2021", "", "", "4,0 %", "%", "tăng", "khoảng", ""],
    ["5", "thay đổi tỷ trọng", "Sản lượng", "2022", "2021", "Miền Bắc", "vùng=tất cả", "1,2", "điểm phần trăm", "giảm", "", "2"],
]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("case", [str, str.upper, str.casefold])
def test_vietnamese_headers_and_words_are_read_in_any_form_and_case(tmp_path, form, case):
    lines = [[unicodedata.normalize(form, case(cell)) for cell in line] for line in VIETNAMESE]
    lines[1:] = [[*line[:8], *map(case, VIETNAMESE[i][8:9])] + line[9:] for i, line in enumerate(lines[1:], start=1)]
    claims = read_document(workbook(tmp_path / "s.xlsx", **{"Số liệu": lines}), "vi").published.claims
    assert [claim.relation for claim in claims] == ["value", "value", "share", "growth", "share_change"]
    assert [claim.direction for claim in claims] == ["", "", "", "up", "down"]
    assert [claim.printed.hedge for claim in claims] == ["", "over", "", "about", ""]
    assert [claim.trust for claim in claims] == [1, 1, None, 1, 2]
    assert claims[0].printed.value == 1_250_000 and UNITS[claims[0].printed.unit].word.casefold() == "tấn"
    assert claims[2].whole.by_1 == "all" == claims[4].whole.by_1
    assert claims[4].reference.period.start == 2021
    assert len({claim.quantity.measure for claim in claims}) == 1


@pytest.mark.parametrize("words", [spellings.TABLES, spellings.RELATIONS, spellings.DIRECTIONS, spellings.HEDGES, spellings.UNITS, spellings.KINDS, *spellings.HEADERS.values()])
def test_no_word_means_two_codes_and_every_code_has_words_in_both_languages(words):
    meanings: dict[str, set[str]] = {}
    for code, languages in words.items():
        assert all(languages)
        for word in [code, *itertools.chain(*languages)]:
            meanings.setdefault(spellings.key(word), set()).add(code)
    assert [word for word, codes in meanings.items() if len(codes) > 1] == []


def test_names_differ_by_diacritics_but_not_by_case_or_the_place_of_a_tone_mark():
    assert spellings.name_key("Hoà  Bình") == spellings.name_key("Hòa bình")
    assert spellings.name_key("Hòa") != spellings.name_key("Hỏa") != spellings.name_key("Hoa")


def test_a_plus_in_a_name_is_no_union(tmp_path):
    rows = "1,value,People,2022,,65+,,10,count people,,,\n2,value,People,2022,,0-64,,20,count people,,,\n3,value,People,2022,,0-64 + 65+,,30,count people,,,\n"
    claims = read_document(folder(tmp_path / "d", rows)).published.claims
    assert claims[0].quantity.by_1 == "65＋"
    assert set(claims[2].quantity.by_1.split("+")) == {"0-64", "65＋"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("kWh", "amount:1:kWh"), ("nghìn tấn", "amount:1000:tấn"), ("million EUR", "amount:1000000:EUR"), ("count người", "count:1:người"),
        ("%", "percent"), ("Trieu Dong", "million_vnd"), ("tỷ VND", "billion_vnd"), ("count", "count"), ("m3", "amount:1:m3"), ("percentage points", "percentage_point"),
    ],
)  # fmt: skip
def test_units_are_built_in_or_a_word_with_a_size(text, code):
    assert documents._unit(text)[0].code == code


@pytest.mark.parametrize(("text", "near"), [("precent", "percent"), ("coutn", "count"), ("milion EUR", "million EUR"), ("million_vdn", "million VND"), ("tỷy đồng", "tỷ đồng"), ("triệu đôngg", "triệu đồng"), ("triệu", ""), ("12", "")])
def test_a_word_very_near_to_a_known_unit_is_refused_with_it(text, near):
    assert documents._unit(text) == (None, near)


# --- what is assumed


@pytest.mark.parametrize(
    ("unit", "measures", "expected"),
    [
        ("count people", "", "contradicted"),  # what is counted: a part is no more than its whole
        ("million EUR", "", "consistent"),  # it could be an average or a balance
        ("million EUR", "measure,kind\nM,total\n", "contradicted"),
        ("count people", "measure,kind\nM,rate\n", "consistent"),
        ("%", "", "consistent"),
    ],
)
def test_a_part_above_its_whole_is_a_conflict_only_where_that_is_declared_or_counted(tmp_path, unit, measures, expected):
    rows = f"1,value,M,2022,,North,,15,{unit},,,\n2,value,M,2022,,,,12,{unit},,,\n"
    assert verdict(folder(tmp_path / "d", rows, **({"measures": measures} if measures else {}))) == expected


@pytest.mark.parametrize(("tables", "expected"), [({}, "consistent"), ({"measures": "measure,adds up over\nM,years\n"}, "contradicted"), ({"rules": "rule,measure,by\nY,M,years\n"}, "contradicted")])
def test_years_add_up_to_a_period_only_where_that_is_declared(tmp_path, tables, expected):
    rows = "".join(f"{n},value,M,{period},,,,{printed},kWh,,,\n" for n, (period, printed) in enumerate([("2021", "10"), ("2022", "20"), ("2021-2022", "40")], start=1))
    assert verdict(folder(tmp_path / "d", rows, **tables)) == expected


def test_regions_of_regions_are_not_added_twice(tmp_path):
    rows = "".join(f"{n},value,M,2022,,{region},,{printed},kWh,,,\n" for n, (region, printed) in enumerate([("", "30"), ("North", "10"), ("South", "20"), ("Hanoi", "6"), ("Haiphong", "4")], start=1))
    rules = "rule,measure,by,whole,parts\nR1,M,region,,North;South\nR2,M,region,North,Hanoi;Haiphong\n"
    place = folder(tmp_path / "d", rows, rules=rules)
    assert verdict(place) == "consistent"
    assert verdict(folder(place, rows.replace("Hanoi,,6", "Hanoi,,9"), rules=rules)) == "contradicted"


def test_a_rule_for_every_measure_binds_no_average(tmp_path):
    rows = "".join(
        f"{n},value,{measure},2022,,{region},,{printed},{unit},,,\n"
        for n, (measure, region, printed, unit) in enumerate(
            [("People", "", "3", "count"), ("People", "North", "1", "count"), ("People", "South", "2", "count")]
            + [("Rate", "", "30", "%"), ("Rate", "North", "28", "%"), ("Rate", "South", "31", "%")],
            start=1,
        )
    )
    rule = "rule,by,parts\nR1,region,North;South\n"
    place = folder(tmp_path / "d", rows, rules=rule)
    assert verdict(place) == "consistent"
    salary = rows + "7,value,Salary,2022,,North,,10,million EUR,,,\n"
    assert refused(folder(place, salary, rules=rule)) == [("rule_needs_measure", "measure")]
    assert verdict(folder(place, salary, rules=rule, measures="measure,kind\nSalary,average\n")) == "consistent"


def test_a_union_of_parts_is_their_sum(tmp_path):
    rows = "1,value,M,2022,,A,,10,kWh,,,\n2,value,M,2022,,B,,20,kWh,,,\n3,value,M,2022,,A + B,,50,kWh,,,\n4,value,M,2022,,C,,1,kWh,,,\n"
    assert verdict(folder(tmp_path / "d", rows, rules="rule,measure,by,parts\nR,M,region,A;B;C\n")) == "contradicted"


def test_shares_of_an_unstated_whole_contradict_each_other_only_where_it_is_the_same_whole(tmp_path):
    def rows(first, second):
        return (
            f"1,share,M,2022,,A,{first},50%,%,,,\n2,share,M,2022,,B,{second},50%,%,,,\n"
            "3,value,M,2022,,A,,10,kWh,,,\n4,value,M,2022,,B,,20,kWh,,,\n"
        )  # fmt: skip

    assert verdict(folder(tmp_path / "d", rows("?", "?"))) == "consistent"
    assert verdict(folder(tmp_path / "d", rows("?budget", "?plan"))) == "consistent"
    assert verdict(folder(tmp_path / "d", rows("?budget", "?budget"))) == "contradicted"


def test_a_ratio_states_two_counts_exactly(tmp_path):
    def rows(printed, unit="count regions"):
        return f"1,ratio,Covered,2022,,,measure=Served,{printed},{unit},,,\n2,value,Covered,2022,,,,13,count regions,,,\n3,value,Served,2022,,,,28,count regions,,,\n"

    assert verdict(folder(tmp_path / "a", rows("13/28"))) == "consistent"
    assert verdict(folder(tmp_path / "b", rows("13/27"))) == "contradicted"
    assert ("unit_unfit", "unit") in refused(folder(tmp_path / "c", rows("13/28", "kWh")))


def test_rates_differ_by_points_and_their_shares_need_no_rule(tmp_path):
    rows = "1,value,Rate,2022,,North,,30%,%,,,\n2,value,Rate,2021,,North,,28%,%,,,\n3,difference,Rate,2022,2021,North,,2,percentage points,up,,\n"
    assert verdict(folder(tmp_path / "a", rows)) == "consistent"
    assert verdict(folder(tmp_path / "b", rows.replace(",2,percentage", ",7,percentage"))) == "contradicted"


def test_a_list_is_counted_where_the_measure_is_declared_as_one(tmp_path):
    header = "no,statement,measure,period,by sector,items,printed,unit"
    rows = "1,list,Sectors supported,2022,,Textiles;Wood;Food,,\n2,value,Sectors supported,2022,,,4,count\n"
    listed = {"measures": "measure,list of\nSectors supported,sector\n"}
    assert verdict(folder(tmp_path / "a", rows, header=header, **listed)) == "contradicted"
    assert verdict(folder(tmp_path / "b", rows.replace(",4,", ",3,"), header=header, **listed)) == "consistent"
    assert ("list_of_what", "items") in refused(folder(tmp_path / "c", rows, header=header))


def test_a_change_of_share_is_checked_against_the_shares(tmp_path):
    rows = "1,share,M,2021,,A,all,40%,%,,,\n2,share,M,2022,,A,all,45%,%,,,\n3,share_change,M,2022,2021,A,all,5,percentage points,up,,\n"
    assert verdict(folder(tmp_path / "a", rows)) == "consistent"
    assert verdict(folder(tmp_path / "b", rows.replace(",up", ",down"))) == "contradicted"


def test_plain_digits_without_a_format_are_audited_to_the_end(tmp_path):
    rows = "1,value,M,2022,,,,1250,kWh,,,\n2,value,M,2022,,,,12500,million kWh,,,fixed\n"
    told = run(folder(tmp_path / "a", rows), "--out", tmp_path / "o")
    assert told.exit_code == 1, told.output
    assert json.loads((tmp_path / "o" / "verdicts.json").read_text(encoding="utf-8"))["explanations"] == [["a/1"]]


def test_figures_declared_right_that_contradict_each_other_are_told_as_that(tmp_path):
    rows = "1,value,M,2022,,,,10,kWh,,,fixed\n2,value,M,2022,,,,20,kWh,,,fixed\n"
    told = run(folder(tmp_path / "a", rows), "--out", tmp_path / "o", "--language", "en")
    assert told.exit_code == 1 and "declared to be right" in told.output


def test_hedged_values_reach_as_far_as_their_words(tmp_path):
    def rows(hedge, printed):
        return f"1,value,M,2022,,,,{printed},kWh,,{hedge},\n2,value,M,2022,,,,215,kWh,,,\n"

    assert verdict(folder(tmp_path / "d", rows("over", 200))) == "consistent"
    assert verdict(folder(tmp_path / "d", rows("nearly", 200))) == "contradicted"
    assert verdict(folder(tmp_path / "d", rows("about", 210))) == "consistent"


@some
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5), st.integers(0, 3))
def test_an_honestly_rounded_table_is_never_contradicted(tmp_path_factory, parts, decimals):
    """Parts, total and shares of any numbers, each rounded as printed."""
    total = sum(parts)
    scale = 10**decimals
    names = "ABCDE"[: len(parts)]
    cells = [(name, Fraction(part, 997)) for name, part in zip(names, parts)] + [("", Fraction(total, 997))]
    rows = [f"{n},value,M,2022,,{name},,{_rounded(value, scale)},kWh,,," for n, (name, value) in enumerate(cells, start=1)]
    if total:
        rows += [f"s{name},share,M,2022,,{name},all,{_rounded(Fraction(100 * part, total), 10)}%,%,,," for name, part in zip(names, parts)]
    place = folder(tmp_path_factory.mktemp("d") / "d", "\n".join(rows), rules=f"rule,measure,by,parts\nR,M,region,{';'.join(names)}\n")
    assert verdict(place) == "consistent"


def _rounded(value: Fraction, scale: int) -> str:
    steps = int(value * scale + Fraction(1, 2))
    whole, rest = divmod(steps, scale)
    return f"{whole}.{str(rest).rjust(len(str(scale)) - 1, '0')}" if scale > 1 else str(whole)


# --- unusable input


ONE = "1,value,M,2022,,North,,15,kWh,,,\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,share,M,2022,,North,,15%,%,,,\n", ("empty_cell", "whole")),
        ("1,growth,M,2022,,North,,15%,%,up,,\n", ("empty_cell", "compared with")),
        ("1,growth,M,2022,2021,North,,15%,%,,,\n", ("empty_cell", "direction")),
        ("1,growth,M,2022,2022,North,,15%,%,up,,\n", ("same_period", "compared with")),
        ("1,growth,M,2022,2021,North,,-15%,%,up,,\n", ("printed_negative", "printed")),
        ("1,value,M,2022,,North,,15,kWh,up,,\n", ("cell_not_empty", "direction")),
        ("1,share,M,2022,,North,region=North,15%,%,,,\n", ("whole_is_part", "whole")),
        ("1,share,M,2022,,North,region=Nroth,15%,%,,,\n", ("unknown_category", "whole")),
        ("1,share,M,2022,,North,measure=N,15%,%,,,\n", ("unknown_code", "whole")),
        ("1,share,M,2022,,North,all,15,kWh,,,\n", ("unit_unfit", "unit")),
        ("1,value,M,2022,,North,,hơn 15,kWh,,,\n", ("printed_hedge_in_text", "printed")),
        ("1,value,M,2022,,North,,15,kWh,,mroe,\n", ("unknown_code", "hedge")),
        ("1,valeu,M,2022,,North,,15,kWh,,,\n", ("unknown_code", "statement")),
        ("1,value,M,2022-2021,,North,,15,kWh,,,\n", ("bad_period", "period")),
        ("1,value,M,2022,,North,,15.5,count,,,\n", ("printed_not_whole", "printed")),
        ("1,value,M,2022,,North,,15,precent,,,\n", ("unknown_unit", "unit")),
        ("1,value,M,2022,,North,,15,kWh,,,-1\n", ("bad_form", "trust")),
        ("1,value,,2022,,North,,15,kWh,,,\n", ("empty_cell", "measure")),
        (ONE + ONE, ("id_twice", "no")),
        (ONE + "2,value,M,2022,,,,15,MWh,,,\n" + "3,value,M,2022,,,,15,kWh,,,\n", ("units_differ", "unit")),
        (ONE + "2,value,M,2022,,,,15,%,,,\n" + "3,value,M,2022,,,,15,kWh,,,\n", ("units_differ", "unit")),
        ("1,value,M,2022,,North,,15 triệu đồng,kWh,,,\n", ("printed_unit_mismatch", "printed")),
        ("1,value,M,2022,,North,,15\n", ("row_width", "")),
        ("", ("no_rows", "")),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_with_its_cell(tmp_path, rows, expected):
    assert expected in refused(folder(tmp_path / "d", rows))


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"rules": "rule,measure,by,parts\nR,M,region,North;Atlantis\n"}, ("unknown_category", "parts")),
        ({"rules": "rule,measure,by,parts\nR,M,region,North\n"}, ("too_few_parts", "parts")),
        ({"rules": "rule,measure,by,parts\nR,M,regoin,North;South\n"}, ("unknown_code", "by")),
        ({"rules": "rule,measure,by,parts\nR,N,region,North;South\n"}, ("unknown_code", "measure")),
        ({"rules": "rule,measure,by,whole,parts\nR,M,region,North,North;South\n"}, ("whole_is_part", "whole")),
        ({"rules": "rule,measure,by,parts\nR,M,region,North;North\n"}, ("item_twice", "parts")),
        ({"rules": "rule,measure,by,parts\nR,M,years,2021;2022\n"}, ("cell_not_empty", "parts")),
        ({"rules": "rule,measure,by,parts\nR,M,region,North;South\n", "measures": "measure,adds up over\nM,region\n"}, ("rule_and_adds_up", "by")),
        ({"rules": "rule,measure,by,parts\nR,M,region,North;South\n", "measures": "measure,kind\nM,rate\n"}, ("rate_adds_up", "measure")),
        ({"measures": "measure,kind\nM,totla\n"}, ("unknown_code", "kind")),
        ({"measures": "measure,adds up over\nM,regoin\n"}, ("unknown_code", "adds up over")),
        ({"sources": "source,number format\ns,english decimal\n"}, ("unknown_code", "number format")),
        ({"ruels": "rule,measure,by,parts\n"}, ("unknown_table", "")),
    ],
)
def test_rules_that_name_what_is_not_there_are_refused(tmp_path, tables, expected):
    rows = ONE + "2,value,M,2022,,South,,15,kWh,,,\n"
    assert expected in refused(folder(tmp_path / "d", rows, **tables))


def test_a_category_that_no_claim_speaks_of_can_be_declared(tmp_path):
    rows = "1,value,M,2022,,North,,15,kWh,,,\n2,value,M,2022,,,,12,kWh,,,\n"
    rules, categories = "rule,measure,by,parts\nR,M,region,North;South\n", "by,category\nregion,South\n"
    assert verdict(folder(tmp_path / "d", rows, rules=rules, categories=categories)) == "contradicted"


def test_a_mistyped_column_is_never_taken_for_a_dimension(tmp_path):
    problem = refusal(folder(tmp_path / "d", "1,M,2022,5,kWh,x\n", header="no,measure,period,printed,unit,regoin"), "unknown_column")
    assert problem.column == "regoin"
    assert refusal(folder(tmp_path / "d", "1,M,2022,5,kWh,x\n", header="no,measure,period,prinetd,unit,by x"), "missing_column").nearest == "prinetd"


def test_units_that_cannot_be_added_are_told_with_the_unit_of_the_others(tmp_path):
    rows = ONE + "2,value,M,2022,,,,15,MWh,,,\n3,value,M,2022,,South,,15,kWh,,,\n"
    problem = refusal(folder(tmp_path / "d", rows), "units_differ")
    assert (problem.row, problem.found, problem.nearest) == (3, "MWh", "kWh")


def test_a_number_format_is_declared_and_never_guessed(tmp_path):
    rows = '1,value,M,2022,,,,"1,250",kWh,,,\n2,value,M,2022,,,,1250,kWh,,,\n'
    place = folder(tmp_path / "d", rows)
    assert refused(place, "") == [("printed_undeclared_format", "printed")]
    assert verdict(place, "en") == "consistent"
    assert verdict(folder(tmp_path / "v", rows, sources="source,number format\nreport,vi\n"), "en") == "contradicted"  # 1,250 is 1.25 there
    told = run(place, "--out", tmp_path / "out")
    assert told.exit_code == 2 and "--format vi" in told.output


def test_everything_wrong_is_told_at_once(tmp_path):
    rows = "1,valeu,M,20222,,North,,x,kwh?,,,\n1,share,M,2022,,North,,15 %,%,,hmm,0\n"
    found = refused(folder(tmp_path / "d", rows, rules="rule,measure,by,parts\nR,M,region,North;Atlantis\n"))
    assert {("unknown_code", "statement"), ("bad_period", "period"), ("id_twice", "no"), ("empty_cell", "whole"), ("unknown_code", "hedge"), ("bad_form", "trust"), ("unknown_category", "parts")} <= set(found)
    assert len(found) == len(set(found))


# --- files


@pytest.mark.parametrize("name", ["noise.xlsx", "noise.csv"])
def test_fifty_megabytes_of_noise_are_refused_before_they_are_read(tmp_path, name):
    path = tmp_path / name
    with open(path, "wb") as file:
        file.truncate(50_000_000)
    assert refused(path) == [("too_large", "")]


@pytest.mark.parametrize("name", ["noise.xlsx", "noise.csv", "noise.xls"])
def test_noise_is_no_document(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(random.Random(1).randbytes(200_000))
    assert refused(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty_file"),
        ("blank.csv", b"\n\n,,\n", "empty_file"),
        ("empty.xlsx", b"", "empty_file"),
        ("locked.xlsx", b"\xd0\xcf\x11\xe0" + bytes(2_000), "locked_workbook"),
        ("text.xlsx", b"not a workbook", "not_a_workbook"),
        ("cut.xlsx", b"PK\x03\x04" + bytes(50), "not_a_workbook"),
        ("report.docx", "Báo cáo kết quả".encode(), "no_table_file"),
        ("report.docx", b"PK\x03\x04" + bytes(50), "no_table_file"),
        ("report.csv", b"%PDF-1.7\n", "no_table_file"),
    ],
)
def test_a_file_that_cannot_be_a_document_is_told_as_what_it_is(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name) == [(message, "")]


def test_a_missing_file_is_told_with_the_nearest(tmp_path):
    (tmp_path / "energy.xlsx").touch()
    assert refusal(tmp_path / "enrgy.xlsx", "missing_file").nearest == "energy.xlsx"


def test_a_truncated_workbook_is_refused(tmp_path):
    whole = workbook(tmp_path / "whole.xlsx", Claims=VIETNAMESE).read_bytes()
    for part in (10, len(whole) // 2, len(whole) - 10):
        (tmp_path / "cut.xlsx").write_bytes(whole[:part])
        assert refused(tmp_path / "cut.xlsx") == [("not_a_workbook", "")]


def test_a_zip_bomb_is_refused_without_being_unpacked(tmp_path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(12):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", bytes(10_000_000))
    assert path.stat().st_size < 1_000_000
    assert refused(path) == [("too_large", "")]


def test_one_cell_far_away_takes_no_memory(tmp_path):
    made = openpyxl.Workbook()
    made.active["XFD1048576"] = "far"
    made.save(tmp_path / "far.xlsx")
    assert refused(tmp_path / "far.xlsx") == [("too_large", "")]


def test_a_workbook_without_a_sheet_of_claims_is_told_so(tmp_path):
    path = workbook(tmp_path / "w.xlsx", Rules=[["by", "parts"]], Budget=[["a"]])
    assert refused(path) == [("missing_sheet", "")]


def test_a_sheet_of_another_name_is_noted_and_left_alone(tmp_path):
    path = workbook(tmp_path / "w.xlsx", **{"Số liệu": VIETNAMESE, "Pivot 7": [["x"]]})
    assert [note.key for note in read_document(path, "vi").notes] == ["not_read"]


def test_two_names_nearly_alike_are_noted_but_not_joined(tmp_path):
    rows = "".join(f"{n},value,M,2022,,{region},,15,kWh,,,\n" for n, region in enumerate(["South", "Suoth", "Region 1", "Region 2"], start=1))
    document = read_document(folder(tmp_path / "d", rows))
    assert [(note.key, *note.values.values()) for note in document.notes] == [("alike", "South", "Suoth")]
    assert len(document.vocabulary.codes("by_1")) == 4


def test_figures_that_stand_alone_are_named(tmp_path):
    found = audit_document(read_document(folder(tmp_path / "d", ENERGY), "en"), "en")
    assert any("#7" in note and "Standing alone" in note for note in found.notes)


# --- numbers typed as numbers


@pytest.mark.parametrize(
    ("value", "number_format", "unit", "printed"),
    [
        (1250, "General", "kWh", "1250"), (12.5, "General", "kWh", "12.5"), (12.5, "0.00", "kWh", "12.5"), (28.0083, "0.00", "kWh", "28.01"),
        (0.267, "0.0%", "%", "26.7%"), (0.267, "0.00%", "%", "26.7%"), (0.1 + 0.2, "General", "kWh", "0.3"), (1e7, "#,##0", "kWh", "10000000"),
        (1 / 3, "General", "kWh", "0.333333333333333"),
    ],
)  # fmt: skip
def test_a_number_of_a_spreadsheet_is_its_stored_digits_or_those_it_shows_and_that_is_noted(tmp_path, value, number_format, unit, printed):
    made = openpyxl.Workbook()
    made.active.append(["measure", "period", "printed", "unit"])
    made.active.append(["M", 2022, value, unit])
    made.active["C2"].number_format = number_format
    made.save(tmp_path / "n.xlsx")
    document = read_document(tmp_path / "n.xlsx")
    assert [claim.printed.text for claim in document.published.claims] == [printed]
    assert [(note.key, note.values) for note in document.notes] == [("numbers", {"rows": "2"})]


def test_a_date_made_of_a_figure_by_excel_is_refused(tmp_path):
    import datetime

    path = workbook(tmp_path / "n.xlsx", Claims=[["measure", "period", "printed", "unit"], ["M", 2022, datetime.date(2023, 9, 28), "kWh"]])
    assert refused(path)[0][1] == "printed"


# --- nothing is run


FORMULA = '=HYPERLINK("http://x.invalid","x")'
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{@period}"


def test_no_cell_is_run_or_read_as_html(tmp_path):
    lines = [["measure", "period", "by <b>region</b>", "printed", "unit", "note"], [FORMULA, 2022, SCRIPT, "10", "count x", SCRIPT], [FORMULA, 2022, "", "9", "count x", ""]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    (tmp_path / "d.csv").write_text(buffer.getvalue(), encoding="utf-8")
    for language in LANGUAGES:
        told = run(tmp_path / "d.csv", "--out", tmp_path / "out", "--language", language)
        assert told.exit_code == 1, told.output
        page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
        assert "<script" not in page and "<img" not in page and "<b>region" not in page
        assert "&lt;script&gt;" in page and "{{ 7*7 }}" in page and "{@period}" in page and "default-src 'none'" in page
        with open(tmp_path / "out" / "verdicts.csv", encoding="utf-8", newline="") as file:
            cells = list(itertools.chain(*csv.reader(file)))
        assert any("HYPERLINK" in cell for cell in cells)
        assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def test_control_characters_never_reach_the_terminal(tmp_path):
    rows = "1,value,M\x1b[31m\u202e,2022,,,,15,kWh,,,\n2,value,M\x1b[31m\u202e,2022,,,,17,kWh,,,\n3,val\x1b]0;x\x07,M,2022,,,,1,kWh,,,\n"
    assert not re.search("[\x1b\x07\u202e]", run(folder(tmp_path / "d", rows), "--out", tmp_path / "o").output)
    told = run(folder(tmp_path / "d", "\n".join(rows.splitlines()[:2])), "--out", tmp_path / "o")
    assert told.exit_code == 1 and not re.search("[\x1b\u202e]", told.output)


# --- the command


def test_exit_codes_say_the_verdict(tmp_path, monkeypatch):
    honest, wrong = folder(tmp_path / "honest", ENERGY, rules=REGIONS), folder(tmp_path / "wrong", ENERGY.replace('"3,350"', '"3,250"'), rules=REGIONS)
    assert run(honest, "--format", "en", "--out", tmp_path / "o1").exit_code == 0
    assert run(wrong, "--format", "en", "--out", tmp_path / "o2").exit_code == 1
    assert run(tmp_path / "absent.xlsx").exit_code == 2
    assert run().exit_code == 2
    assert run(honest, "--format", "de").exit_code == 2
    from kcq_eval.audit import explanations
    from kcq_eval.audit.solver import Undecided

    def gives_up(*_):
        raise Undecided("limit")

    monkeypatch.setattr(explanations, "holds", gives_up)
    told = run(wrong, "--format", "en", "--out", tmp_path / "o3", "--language", "en")
    assert told.exit_code == 3 and "not enough to decide" in told.output
    assert json.loads((tmp_path / "o3" / "verdicts.json").read_text(encoding="utf-8"))["verdict"] == "undecided"


def test_a_failure_of_the_program_is_no_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "read_document", lambda *_: 1 / 0)
    told = run(folder(tmp_path / "d", ENERGY))
    assert told.exit_code == 70


def test_the_folder_is_written_whole_or_not_at_all_and_no_other_is_touched(tmp_path, monkeypatch):
    place, out = folder(tmp_path / "d", ENERGY), tmp_path / "out"
    assert run(place, "--format", "en", "--out", out).exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["audit.html", "explanations.csv", "verdicts.csv", "verdicts.json"]
    assert run(place, "--format", "en", "--out", out).exit_code == 0  # its own results are replaced
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("dear")
    assert run(place, "--format", "en", "--out", foreign).exit_code == 2
    assert [p.name for p in foreign.iterdir()] == ["letter.txt"]
    assert run(place, "--out", out).exit_code == 2  # no format: nothing changes
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "mine", "out"]
    monkeypatch.chdir(tmp_path)
    assert run(place, "--format", "en").exit_code == 0
    assert (tmp_path / "outputs" / "audit-d" / "audit.html").is_file()


def test_the_same_document_gives_the_same_bytes(tmp_path):
    place = folder(tmp_path / "d", ENERGY.replace('"3,350"', '"3,250"'), rules=REGIONS)
    for out in ("a", "b"):
        run(place, "--format", "en", "--out", tmp_path / out)
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}


def test_the_page_says_the_verdict_first_then_the_conflict_with_the_rule_behind_it(tmp_path):
    found = audit_document(read_document(folder(tmp_path / "d", ENERGY.replace('"3,350"', '"3,250"'), rules=REGIONS), "en"), "en")
    assert run(tmp_path / "d", "--format", "en", "--language", "en", "--out", tmp_path / "o").exit_code == 1
    page = (tmp_path / "o" / "audit.html").read_text(encoding="utf-8")
    in_order = [found.sentence, "would have to be", "Why they cannot all be true", "printed 3,250 million kWh, must be", "North and South are the country", "Electricity used: rule R1: North + South = total."]
    places = [page.replace("\xa0", " ").find(text) for text in in_order]
    assert -1 not in places and places == sorted(places)


def test_the_verdict_counts_the_figures_to_review_not_all_that_they_contradict(tmp_path):
    found = audit_document(read_document(folder(tmp_path / "d", ENERGY.replace('"3,350"', '"3,250"'), rules=REGIONS), "en"), "en")
    assert found.sentence.startswith("The figures cannot all be true; without 1 of the ")


def test_a_reading_is_told_only_where_it_changes_the_verdict(tmp_path):
    """One document is in conflict by a hedge alone; the other also by figures without a hedge."""
    rows = "1,value,Heat,2022,,North,,120,MWh,,about,\n2,value,Heat,2022,,South,,100,MWh,,,\n3,value,Heat,2022,,,,240,MWh,,,\n"
    for name, more, told in (("a", "", True), ("b", "4,value,Heat,2022,,,,215,MWh,,,\n", False)):
        found = audit_document(read_document(folder(tmp_path / name, rows + more, rules=REGIONS.replace("Electricity used", "Heat")), "en"), "en")
        assert found.verdict == "contradicted"
        assert any(finding.id.startswith("audit_reading") for finding in found.findings) is told, name


def test_the_template_shows_how_a_misprint_may_have_come_about(tmp_path):
    assert run("--template", tmp_path / "my.xlsx").exit_code == 0
    found = audit_document(read_document(tmp_path / "my.xlsx"), "vi")
    assert [finding.id for finding in found.findings if finding.id.startswith("audit_mechanism")] == ["audit_mechanism.bao-cao-vi-du/5"]
    assert not [finding.id for finding in found.findings if finding.id.startswith("audit_reading")]


def test_the_rules_behind_a_conflict_are_those_it_needs(tmp_path):
    from kcq_eval.audit.constraints import build_system

    rules = REGIONS + "R2,Households,region,,North;South,\n"
    document = read_document(folder(tmp_path / "d", ENERGY.replace('"3,350"', '"3,250"'), rules=rules), "en")
    system = build_system(document.published)
    (rule,) = rules_behind(system, ["d/1", "d/2", "d/3"])
    assert rule.name.startswith("R1/")
    assert rules_behind(system, ["d/1", "d/3", "d/4"]) == []
    assert rules_behind(system, ["d/1", "d/2"]) is None


# --- the template


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["template.xlsx", "template"])
def test_the_template_can_be_audited_and_its_example_is_contradicted(tmp_path, language, name):
    assert run("--template", tmp_path / name, "--language", language).exit_code == 0
    told = run(tmp_path / name, "--out", tmp_path / "out", "--language", language)
    assert told.exit_code == 1, told.output
    record = json.loads((tmp_path / "out" / "verdicts.json").read_text(encoding="utf-8"))
    assert [c["claim_id"].partition("/")[2] for c in record["claims"] if c["verdict"] == "suspect"] == ["5"]
    assert run("--template", tmp_path / name).exit_code == 2  # what was filled in is not overwritten


def test_the_template_is_the_same_bytes_twice_and_tells_every_column(tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        run("--template", tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    made = openpyxl.load_workbook(tmp_path / "a.xlsx")
    for sheet in made.worksheets[1:]:
        assert all(cell.comment and cell.comment.text for cell in sheet[1])
    lists = [listed.formula1 for listed in made.worksheets[1].data_validations.dataValidation]
    assert any("tỷ trọng" in listed for listed in lists) and all(len(listed) <= 257 for listed in lists)


# --- anything at all


CELLS = st.one_of(
    st.sampled_from(["", "1", "all", "+", "=", ";", "?", "?a", "-0", "1/0", "9" * 300, "٣", "measure=", "region=", "=1+1", "North", "M", "%", "kWh", "2021-2022", "a + b", "fixed", "0"]),
    st.text(max_size=12),
)


@some
@given(st.data())
def test_a_damaged_table_is_read_or_refused_and_never_breaks(tmp_path_factory, data):
    lines = list(csv.reader(io.StringIO(f"{HEADER}\n{ENERGY}")))
    for _ in range(data.draw(st.integers(1, 4))):
        line = lines[data.draw(st.integers(0, len(lines) - 1))]
        if line:
            line[data.draw(st.integers(0, len(line) - 1))] = data.draw(CELLS)
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    rules = REGIONS.replace(data.draw(st.sampled_from(["North;South", "R1", "region", "\n", "unchanged"])), data.draw(CELLS))
    place = tmp_path_factory.mktemp("f")
    (place / "claims.csv").write_bytes(buffer.getvalue().encode("utf-8", "surrogatepass"))
    (place / "rules.csv").write_bytes(rules.encode("utf-8", "surrogatepass"))
    told = run(place, "--format", "en", "--out", place / "out")
    assert told.exit_code in (0, 1, 2, 3), told.output


@some
@given(st.binary(max_size=400), st.integers(0, 5_000))
def test_a_damaged_workbook_is_read_or_refused_and_never_breaks(tmp_path_factory, noise, at):
    place = tmp_path_factory.mktemp("w")
    whole = workbook(place / "w.xlsx", Claims=VIETNAMESE).read_bytes()
    (place / "w.xlsx").write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    assert run(place / "w.xlsx", "--format", "vi", "--out", place / "out").exit_code in (0, 1, 2, 3)


def test_no_file_descriptor_or_folder_is_left_behind(tmp_path):
    place = folder(tmp_path / "d", ENERGY)
    run(place, "--format", "en", "--out", tmp_path / "out")
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def test_an_empty_cell_below_a_merged_one_says_so(tmp_path):
    from openpyxl import load_workbook

    assert run("--template", tmp_path / "my.xlsx", "--language", "en").exit_code == 0
    workbook = load_workbook(tmp_path / "my.xlsx")
    workbook["Claims"].merge_cells("D2:D4")
    workbook.save(tmp_path / "my.xlsx")
    with pytest.raises(BadInput) as raised:
        read_document(tmp_path / "my.xlsx")
    assert [(p.message, p.row, p.column) for p in raised.value.problems] == [("merged_cell", 3, "measure"), ("merged_cell", 4, "measure")]


def test_letters_among_digits_and_formulas_without_a_value_are_told_as_that(tmp_path):
    head, *lines = csv.reader(io.StringIO(f"{HEADER}\n{ENERGY}"))
    place = head.index("printed")
    lines[0][place], lines[1][place] = "1O0,000", "=100+150"
    path = workbook(tmp_path / "a.xlsx", Claims=[head, *lines])
    with pytest.raises(BadInput) as error:
        read_document(path, "en")
    assert [(p.message, p.row, p.nearest) for p in error.value.problems] == [("letter_in_number", 2, "100,000"), ("formula_without_value", 3, "")]


def test_a_long_csv_is_refused_without_reading_it_all(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(documents, "_cleaned", lambda file, lines, *rest: read.append(len(lines)) or documents._Table(file, []))
    (tmp_path / "claims.csv").write_text(HEADER + "\n" + ",,\n" * 5_000 + "x\n" * 200_000, encoding="utf-8")
    with contextlib.suppress(BadInput, LookupError):
        read_document(tmp_path / "claims.csv")
    assert read == [5_002]
    monkeypatch.undo()
    refusal(tmp_path / "claims.csv", "table_too_large")


def test_blank_lines_after_the_last_claim_are_no_lines(tmp_path):
    assert verdict(folder(tmp_path / "a", ENERGY + ",,\n" * 3_000)) == "consistent"
