"""A bundle can be checked by anyone: every byte is covered, it runs again to the same bytes, and reviewers' lists are answered from what is seen."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from importlib.resources import files as resources
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kcq_eval.cli import app
from kcq_eval.datafiles import project_root
from kcq_eval.errors import BadInput
from kcq_eval.evidence import checklist, verify
from kcq_eval.evidence.crate import CRATE, WORKFLOW
from kcq_eval.evidence.integrity import LOG, RECORD, SUMS, Damage, damage, hashes, seal
from kcq_eval.evidence.observed import Repository
from kcq_eval.evidence.record import code_version
from kcq_eval.parameters import read_parameters
from kcq_eval.runs.bundle import run
from kcq_eval.runs.notebooks import CHAPTERS
from kcq_eval.texts import LANGUAGES, plain

ROOT = project_root()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return run(read_parameters({"language": "en", "figure_formats": "png"}), tmp_path_factory.mktemp("made") / "bundle").folder


@pytest.fixture
def copied(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "ở nơi khác"))


@pytest.fixture
def ran_again(made, monkeypatch):
    """The run again, without waiting for it: what it left the first time."""
    monkeypatch.setattr(verify, "_run_here", lambda parameters, again: shutil.copytree(made, again))


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << position % 8
    path.write_bytes(content)


def sealed_again(folder, edit):
    """A bundle as another version would have left it: its record changed, and everything sealed with the true hashes."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    edit(record)
    record["outputs"] = {name: digest for name, digest in hashes(folder).items() if name not in (RECORD, SUMS, LOG)}
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
    seal(folder, "")


def test_a_flipped_byte_in_any_file_is_found_and_named(copied):
    chance = random.Random(8)
    assert damage(copied).is_none
    for name in hashes(copied):
        path = copied / name
        for position in {0, path.stat().st_size - 1, chance.randrange(path.stat().st_size)}:
            flip(path, position)
            assert damage(copied) == Damage(changed=(name,)), (name, position)
            flip(path, position)


def test_no_byte_of_a_small_bundle_can_be_flipped_unseen(tmp_path):
    (tmp_path / "numbers.csv").write_text("id\na\n")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "tỷ lệ.png").write_bytes(b"\x89PNG")
    (tmp_path / RECORD).write_text(json.dumps({"outputs": hashes(tmp_path)}))
    seal(tmp_path, "a\t1 s\n")
    for name in hashes(tmp_path):
        for position in range((tmp_path / name).stat().st_size):
            flip(tmp_path / name, position)
            assert damage(tmp_path) == Damage(changed=(name,)), (name, position)
            flip(tmp_path / name, position)


def test_damage_is_named_even_where_the_list_of_hashes_is_damaged_too(copied):
    flip(copied / SUMS, 3)
    flip(copied / "numbers.csv", 100)
    assert damage(copied).changed == (SUMS, "numbers.csv")
    flip(copied / "numbers.csv", 100)
    (copied / SUMS).unlink()
    assert damage(copied) == Damage(missing=(SUMS,))


def test_missing_extra_renamed_and_linked_files_are_told(copied, tmp_path):
    (copied / "letter.md").unlink()
    (copied / "notes.txt").write_text("mine")
    (copied / "findings.csv").rename(copied / "results.csv")
    assert damage(copied) == Damage(missing=("letter.md",), extra=("notes.txt",), renamed=(("findings.csv", "results.csv"),))
    (copied / "numbers.csv").rename(tmp_path / "numbers.csv")
    try:
        (copied / "numbers.csv").symlink_to(tmp_path / "numbers.csv")
    except OSError:
        pytest.skip("links are not allowed here")
    assert damage(copied).changed == ("numbers.csv",)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no coreutils here")
def test_the_system_s_own_tool_checks_the_same(made):
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=made, check=True)


def test_the_record_tells_code_packages_and_verdicts_and_nothing_of_the_machine(made):
    text = (made / RECORD).read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["environment"].keys() >= {"python", "platform", "matplotlib", "numpy", "pandas", "typst", "z3-solver"}
    assert "jupyterlab" not in record["environment"] and len(record["environment"]) > 50
    pins = Repository(ROOT).pins()
    assert all(pins[name] == version for name, version in record["environment"].items() if name in pins)
    lines = [f"{digest}  {name}\n" for name, digest in sorted(record["inputs"].items()) if name.startswith(("kcq_eval/", "notebooks/"))]
    assert record["code"] == code_version(record["inputs"]) == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert record["verdict"] == "contradicted" and record["verdicts"]["ipc1-2023-12-27/5"] == "suspect"
    crate = (made / CRATE).read_text(encoding="utf-8")
    for private in (str(ROOT), str(Path.home()), os.uname().nodename if hasattr(os, "uname") else ""):
        assert len(private) < 6 or private not in text + crate


def context_of_the_specification():
    """Terms of the RO-Crate 1.1 context: those of the library's, which is of 1.3, with the four that were other addresses then."""
    known = json.loads((resources("rocrate") / "data" / "ro-crate.jsonld").read_text(encoding="utf-8"))["@context"]
    terms = {name: address for part in (known if isinstance(known, list) else [known]) if isinstance(part, dict) for name, address in part.items()}
    bio = "https://bioschemas.org/"
    workflow = {"ComputationalWorkflow": f"{bio}ComputationalWorkflow", "FormalParameter": f"{bio}FormalParameter"}
    return terms | workflow | {name: f"{bio}ComputationalWorkflow#{name}" for name in ("input", "output")}


VALIDATION = """
import io, json, sys
import requests
from requests_cache import CachedResponse, CachedSession
from urllib3 import HTTPResponse
bundle, cache, context, *profiles = sys.argv[1:]
address = "https://w3id.org/ro/crate/1.1/context"
answer = requests.Response()
answer.status_code, answer.url, answer._content = 200, address, open(context, "rb").read()
answer.headers["Content-Type"] = "application/ld+json"
answer.request = requests.Request("GET", address, headers={"Accept": "application/ld+json"}).prepare()
answer.raw = HTTPResponse(body=io.BytesIO(answer._content), headers=dict(answer.headers), status=200, preload_content=False)
CachedSession(cache, backend="sqlite").cache.save_response(CachedResponse.from_response(answer))
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.services import validate
for profile in profiles:
    settings = ValidationSettings(rocrate_uri=bundle, profile_identifier=profile, offline=True, cache_path=cache, requirement_severity=Severity.REQUIRED)
    found = validate(settings)
    print(profile, len(found.context.profiles), json.dumps(sorted({f"{issue.check.identifier} {issue.message}" for issue in found.get_issues()})))
"""


def validated(bundle, tmp_path, *profiles):
    """What the profiles' validator finds, without a network: the one page it wants is put into its cache."""
    context = tmp_path / "context.json"
    context.write_text(json.dumps({"@context": context_of_the_specification()}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VALIDATION, str(bundle), str(tmp_path / "cache"), str(context), *profiles], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {line.split(" ", 2)[0]: json.loads(line.split(" ", 2)[2]) for line in done.stdout.splitlines() if line.startswith(profiles)}


def test_the_crate_passes_the_validator_of_its_profile(made, tmp_path):
    assert validated(made, tmp_path, "provenance-run-crate-0.5") == {"provenance-run-crate-0.5": []}


def test_the_validator_would_notice_a_crate_without_its_run(copied, tmp_path):
    crate = json.loads((copied / CRATE).read_text(encoding="utf-8"))
    crate["@graph"] = [entity for entity in crate["@graph"] if entity["@id"] != "#run"]
    (copied / CRATE).write_text(json.dumps(crate), encoding="utf-8")
    assert validated(copied, tmp_path, "provenance-run-crate-0.5")["provenance-run-crate-0.5"]


def test_the_crate_holds_every_file_parameter_and_notebook(made):
    from rocrate.rocrate import ROCrate

    crate = ROCrate(made)
    record = json.loads((made / RECORD).read_text(encoding="utf-8"))
    for name, digest in hashes(made).items():
        told = crate.get(name)
        assert told is not None, name
        assert name in (CRATE, RECORD, SUMS, LOG) or told["sha256"] == digest
    assert {entity["name"]: entity["value"] for entity in crate.get_by_type("PropertyValue") if entity.id != "#verdict"} == record["parameters"]
    assert crate.get("#verdict")["value"] == record["verdict"]
    assert [step["name"] for step in crate.mainEntity["step"]] and len(crate.mainEntity["step"]) == len(CHAPTERS)
    made_by = {result.id for chapter in CHAPTERS for result in crate.get(f"#run-{chapter}")["result"]}
    assert made_by == {name for name in hashes(made) if name.startswith(("figures/", "tables/"))}


def test_the_workflow_in_the_bundle_is_the_same_run(made):
    done = subprocess.run([sys.executable, made / WORKFLOW, "--out", made], capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=False)
    assert done.returncode == 0 and plain("en", "cli.unchanged") in done.stdout, done.stderr


def test_a_changed_file_is_named_and_the_run_again_still_told(copied, ran_again):
    numbers = copied / "numbers.csv"
    numbers.write_bytes(numbers.read_bytes().replace(b"145", b"146", 1))
    found = verify.verify(copied)
    assert not found.holds and found.damage.changed == ("numbers.csv",) and found.verdict == verify.IDENTICAL
    done = CliRunner().invoke(app, ["verify", str(copied), "--language", "vi"])
    assert done.exit_code == 1 and "numbers.csv đã bị thay đổi" in done.output


def test_other_versions_with_the_same_numbers_are_equal_and_named(copied, ran_again):
    flip(copied / "report.html", 500)
    sealed_again(copied, lambda record: record["environment"].update(matplotlib="3.11.0"))
    found = verify.verify(copied)
    assert found.holds and found.verdict == verify.EQUAL and found.files == ("report.html",)
    assert [(change.kind, change.name) for change in found.changes] == [("environment", "matplotlib")]
    for language, words in (("en", "equal in numbers"), ("vi", "các con số bằng nhau")):
        assert words in "\n".join(verify.told(found, language)) and "report.html" in "\n".join(verify.told(found, language))


def test_other_bytes_that_nothing_explains_are_different(copied, ran_again):
    flip(copied / "report.html", 500)
    sealed_again(copied, lambda record: None)
    found = verify.verify(copied)
    assert found.damage.is_none and found.verdict == verify.DIFFERENT and found.files == ("report.html",) and not found.holds


def test_a_number_that_moved_is_named_whatever_the_versions(copied, ran_again):
    numbers = copied / "numbers.csv"
    lines = numbers.read_text(encoding="utf-8").splitlines(keepends=True)
    (place,) = [at for at, line in enumerate(lines) if line.startswith("facilities.current,")]
    lines[place] = lines[place].replace(",145,145,145,", ",154,154,154,")
    assert ",154,154,154," in lines[place]
    numbers.write_text("".join(lines), encoding="utf-8", newline="")
    sealed_again(copied, lambda record: record["environment"].update(numpy="2.4.0"))
    found = verify.verify(copied)
    assert found.verdict == verify.DIFFERENT and [number.id for number in found.numbers.of("moved")] == ["facilities.current"]
    assert "facilities.current" in "\n".join(verify.told(found, "en"))


def test_a_bundle_copied_elsewhere_verifies_and_its_private_register_is_asked_for(tmp_path):
    register = tmp_path / "sổ.csv"
    shutil.copy(ROOT / "data" / "demonstration" / "register.csv", register)
    bundle = run(read_parameters({"register": str(register), "figure_formats": "png", "language": "en"}), tmp_path / "bundle").folder
    for name, content in ((path.name, path.read_bytes()) for path in bundle.rglob("*") if path.suffix in (".csv", ".html", ".ipynb", ".json", ".md")):
        assert str(tmp_path).encode() not in content, name
    bundle = bundle.rename(tmp_path / "ở nơi khác")
    moved = register.rename(tmp_path / "register.csv")
    with pytest.raises(BadInput) as error:
        verify.verify(bundle)
    assert [problem.message for problem in error.value.problems] == ["input_missing"]
    done = CliRunner().invoke(app, ["verify", str(bundle), "--register", str(moved), "--language", "en"])
    assert done.exit_code == 0, done.output
    assert "every file is as the run left it" in done.output and "identical, every byte" in done.output and "are those of the record" in done.output
    moved.write_text(moved.read_text(encoding="utf-8-sig") + "\n", encoding="utf-8-sig")
    done = CliRunner().invoke(app, ["verify", str(bundle), "--register", str(moved), "--language", "en"])
    assert done.exit_code == 2 and "not the file that the run read" in done.output


@pytest.mark.parametrize("content", ["", "[]", "{", '{"inputs": {"a": 1}, "outputs": {}, "environment": {}}', '{"inputs": [], "outputs": {}, "environment": {}}'])
def test_what_is_no_bundle_is_unusable(content, tmp_path):
    (tmp_path / RECORD).write_text(content)
    (tmp_path / "parameters.yaml").write_text("period: 2021-2023\n")
    done = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert done.exit_code == 2 and "Traceback" not in done.output


def test_from_scratch_wants_the_recorded_lock(copied):
    sealed_again(copied, lambda record: record["inputs"].update({"requirements.lock": "0" * 64}))
    with pytest.raises(BadInput) as error:
        verify.verify(copied, from_scratch=True)
    assert [problem.message for problem in error.value.problems] == ["other_lock"]


@pytest.mark.soak
def test_from_scratch_the_same_bytes_come_out(copied):
    assert verify.verify(copied, from_scratch=True).verdict == verify.IDENTICAL


def statuses(bundle, root):
    return {f"{name}.{item}": answer.status for name, item, answer in checklist.answers(bundle, root)}


def test_the_checklist_meets_what_the_project_has_and_says_what_cannot_be_seen(made):
    found = statuses(made, ROOT)
    assert {found[f"rap_silver.{item}"] for item in checklist.LISTS["rap_silver"]} == {checklist.MET}
    assert {item for item, status in found.items() if status == checklist.UNOBSERVABLE} >= {"rap_baseline.reviewed", "rap_baseline.open", "aea.rights", "world_bank.link"}
    assert {item for item, status in found.items() if status == checklist.NOT_MET} == {"rap_gold.triggered", "world_bank.addresses"}


def test_the_checklist_meets_nothing_that_is_not_there(made, tmp_path):
    (tmp_path / "data").mkdir()
    of_the_bundle = {"rap_silver.automatic", "rap_silver.logs", "rap_silver.tidy", "aea.exhibits", "world_bank.created", "world_bank.mapping", "world_bank.outputs"}
    nothing_wrong = {"rap_silver.functions", "aea.randomness", "world_bank.paths", "rap_silver.style"}  # no code, no remark about it
    found = statuses(made, tmp_path)
    assert {item for item, status in found.items() if status == checklist.MET} - nothing_wrong <= of_the_bundle


def test_the_checklist_notices_what_is_amiss_in_a_bundle(copied):
    flip(copied / "report.html", 9)
    lineage = json.loads((copied / "lineage.json").read_text(encoding="utf-8"))
    lineage["numbers"][0]["function"] = ""
    (copied / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")
    (copied / "verdicts.csv").write_text("a,a\n1\n")
    found = statuses(copied, ROOT)
    assert {found[item] for item in ("rap_silver.automatic", "rap_silver.tidy", "aea.exhibits", "world_bank.created")} == {checklist.NOT_MET}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_checklist_is_a_page_in_either_language(language, made, tmp_path):
    page = tmp_path / "checklist.html"
    done = CliRunner().invoke(app, ["checklist", str(made), "--out", str(page), "--language", language])
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert len(re.findall("<tr><td", text)) == sum(map(len, checklist.LISTS.values())) and f'lang="{language}"' in text
    assert "http" not in text and "<script" not in text


def test_parameters_of_a_bundle_are_read_as_plain_yaml(copied):
    (copied / "parameters.yaml").write_text("!!python/object/apply:os.system ['true']\n")
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load((copied / "parameters.yaml").read_text())
    with pytest.raises(BadInput):
        verify.verify(copied)
