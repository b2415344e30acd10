"""`kcq-eval run`: the bundle it leaves, and what it does with unusable input."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from PIL import Image

from kcq_eval.datafiles import project_root
from kcq_eval.parameters import read_parameters
from kcq_eval.runs.bundle import FolderTaken, run
from kcq_eval.runs.notebooks import CHAPTERS, DOCS_FIGURES
from kcq_eval.runs.pool import CAN_FORK

QUICK = {"figure_formats": "png"}


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "log.txt"}


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def command(*arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-m", "kcq_eval", *map(str, arguments)], cwd=cwd or project_root(), capture_output=True, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def vietnamese(tmp_path_factory):
    return run(read_parameters({}), tmp_path_factory.mktemp("vi") / "bundle")


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    return run(read_parameters({"language": "en", **QUICK}), tmp_path_factory.mktemp("en") / "bundle")


def test_the_bundle_holds_what_the_design_names(vietnamese):
    found = files(vietnamese.folder)
    assert {"parameters.yaml", "record.json", "numbers.csv", "findings.csv", "verdicts.csv", "explanations.csv", "checkability.csv", "report.html"} <= set(found)
    assert {f"notebooks/{chapter}.ipynb" for chapter in CHAPTERS} <= set(found)
    figures = {name.removeprefix("figures/") for name in found if name.startswith("figures/")}
    drawn = "funding_now_before funding_split facilities_by_type mix_change share_check coverage_map sensitivity_facility_share checkability conflict".split()
    assert figures == {f"{name}.{kind}" for name in drawn for kind in ("png", "svg", "pdf", "print.png", "print.svg", "print.pdf")}


def test_two_runs_in_different_folders_leave_the_same_bytes(vietnamese, tmp_path):
    again = run(read_parameters({}), tmp_path / "một nơi khác" / "kết quả")
    assert files(again.folder) == files(vietnamese.folder)


@pytest.mark.skipif(not CAN_FORK, reason="the notebooks run in papermill's own kernels here anyway")
def test_papermills_own_kernels_give_the_same_outputs_cell_by_cell(english, tmp_path):
    plain = run(read_parameters({"language": "en", **QUICK}), tmp_path / "plain", plain=True)
    for chapter in CHAPTERS:
        here, there = (nbformat.read(b.folder / "notebooks" / f"{chapter}.ipynb", as_version=4).cells for b in (english, plain))
        assert [c.get("outputs") for c in here] == [c.get("outputs") for c in there]
        assert [c.get("execution_count") for c in here] == [c.get("execution_count") for c in there]
    assert (plain.folder / "numbers.csv").read_bytes() == (english.folder / "numbers.csv").read_bytes()


def test_both_languages_carry_the_same_numbers(vietnamese, english):
    assert rows(vietnamese.folder / "numbers.csv") == rows(english.folder / "numbers.csv")


def test_every_number_has_one_id_and_lies_between_its_bounds(vietnamese):
    numbers = rows(vietnamese.folder / "numbers.csv")
    assert len({row["id"] for row in numbers}) == len(numbers) > 60
    for row in numbers:
        assert float(row["lower"]) <= float(row["value"]) <= float(row["upper"]), row["id"]


@pytest.mark.parametrize(
    ("number_id", "text_vi", "text_en"),
    [
        ("funding.growth.nominal", "28,01 %", "28.01 %"),
        ("funding.growth.cpi", "18,2 %", "18.2 %"),
        ("funding.growth.gdp_deflator", "17,9 %", "17.9 %"),
        ("funding.baseline", "181.946,9 triệu đồng", "181,946.9 million VND"),
        ("funding.per_facility.growth.nominal", "−44,4 %", "−44.4 %"),
        ("facilities.share.current", "61,4 %", "61.4 %"),
        ("facilities.baseline.consultancy", "0–2", "0–2"),
        ("coverage.63.share.current", "46,4 %", "46.4 %"),
        ("coverage.34.current", "10", "10"),
        ("coverage.34.served", "18", "18"),
        ("audit.required.ipc1-2023-12-27/6", "543–544", "543–544"),
    ],
)
def test_the_published_evaluation_is_reproduced(vietnamese, number_id, text_vi, text_en):
    (row,) = [row for row in rows(vietnamese.folder / "numbers.csv") if row["id"] == number_id]
    assert (row["text_vi"].replace("\xa0", " "), row["text_en"].replace("\xa0", " ")) == (text_vi, text_en)


def test_what_depends_on_the_accepted_explanation_is_marked(vietnamese):
    depends = {row["id"] for row in rows(vietnamese.folder / "numbers.csv") if row["depends_on_explanation"] == "true"}
    assert depends == {"facilities.all.current", "facilities.rest.current", "facilities.share.current"}


def test_the_report_is_one_page_without_anything_to_fetch(vietnamese):
    page = (vietnamese.folder / "report.html").read_text(encoding="utf-8")
    assert 'lang="vi"' in page and page.count("<img ") == 9
    assert "http:" not in page.replace("http://www.w3.org", "") and "https:" not in page and "<script" not in page


def test_the_figures_in_readme_and_docs_are_those_that_the_run_draws(english):
    for drawn, stored in DOCS_FIGURES.items():
        assert (project_root() / "docs" / stored).read_bytes() == (english.folder / "figures" / drawn).read_bytes()


def test_the_record_hashes_every_file_and_names_no_place(vietnamese):
    text = (vietnamese.folder / "record.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert set(record["outputs"]) == set(files(vietnamese.folder)) - {"record.json", "SHA256SUMS"}
    assert str(project_root()) not in text and str(vietnamese.folder) not in text


def test_vietnamese_values_stay_readable_in_the_executed_notebook(tmp_path):
    data = tmp_path / "số liệu"
    shutil.copytree(project_root() / "data", data)
    bundle = run(read_parameters({"data_dir": str(data), **QUICK}), tmp_path / "bundle")
    assert 'số liệu"' in (bundle.folder / "notebooks" / "funding_growth.ipynb").read_text(encoding="utf-8").replace('\\"', '"')


def test_an_unchanged_run_is_found_and_a_changed_one_replaces_it(english, tmp_path):
    folder = shutil.copytree(english.folder, tmp_path / "bundle")
    assert run(read_parameters({"language": "en", **QUICK}), folder).unchanged
    assert not run(read_parameters({"language": "en", "price_basis": "cpi", **QUICK}), folder).unchanged
    assert "price_basis: cpi" in (folder / "parameters.yaml").read_text(encoding="utf-8")


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(FolderTaken):
        run(read_parameters(QUICK), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-p", "perod=2021-2023"], ["perod", '"period"']),
        (["-p", "language=vn"], ["language", "vi, en"]),
        (["-p", "baseline=2019-2021"], ["baseline"]),
        (["-p", "baseline=2019-2020"], ["allow_unequal_periods=true"]),
        (["-p", "period=2031-2033", "-p", "baseline=2028-2030"], ["period", "2021-2023"]),
        (["-p", "sources=ipc1-2023-12-28"], ["sources", '"ipc1-2023-12-27"']),
        (["-p", "explanation=ipc1-2023-12-27/4"], ["explanation", "first, tied"]),
        (["-p", "scheme_kind=focus"], ["scheme_kind", '"focal"']),
        (["-p", "nonsense"], ["nonsense"]),
        (["-f", "missing.yaml"], ["missing.yaml"]),
    ],
)
def test_bad_parameters_are_refused_before_anything_runs(arguments, told, tmp_path):
    done = command("run", *arguments, "--out", tmp_path / "bundle")
    assert done.returncode == 2, done.stderr
    assert all(word in done.stderr for word in told), done.stderr
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())


def test_all_problems_are_told_at_once(tmp_path):
    done = command("run", "-p", "language=en", "-p", "map_vintage=62", "-p", "price_bais=cpi", "-p", "period=x", "--out", tmp_path / "b")
    assert done.returncode == 2 and len([line for line in done.stderr.splitlines() if line.startswith("  - ")]) == 3


def test_bad_data_are_refused_with_file_row_and_column(tmp_path):
    shutil.copytree(project_root() / "data", tmp_path / "data")
    path = tmp_path / "data" / "claims" / "baonamdinh-2020-11-05.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("funding", "fundig").replace("3,count", "1.2.3,count"), encoding="utf-8")
    done = command("run", "-p", f"data_dir={tmp_path / 'data'}", "-p", "language=en", "--out", tmp_path / "bundle")
    assert done.returncode == 2
    assert 'baonamdinh-2020-11-05.csv, row 3, column measure' in done.stderr and '"funding"' in done.stderr
    assert "column printed" in done.stderr and not (tmp_path / "bundle").exists()


def test_a_failing_notebook_leaves_its_copy_and_no_bundle(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(project_root() / "data", home / "data")
    shutil.copytree(project_root() / "notebooks", home / "notebooks")
    path = home / "notebooks" / "support_type_mix.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("chapter.conclude()", "1 / 0"), encoding="utf-8")
    done = command("run", "-p", "figure_formats=png", "--out", tmp_path / "bundle", KCQ_EVAL_HOME=str(home))
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
    assert not (tmp_path / "bundle").exists() and not list(tmp_path.glob(".bundle*"))
    assert "ZeroDivisionError" in (tmp_path / "bundle.failed" / "support_type_mix.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize("seconds", [0.8, 1.6, 2.4, 3.2])
def test_a_kill_in_the_middle_leaves_no_half_bundle(seconds, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "kcq_eval", "run", "--out", str(tmp_path / "bundle")], cwd=project_root(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "bundle").exists() or (tmp_path / "bundle" / "report.html").exists()


def test_one_source_alone_leaves_the_baseline_map_unreported(tmp_path):
    bundle = run(read_parameters({"sources": "ipc1-2023-12-27", "language": "en", **QUICK}), tmp_path / "bundle")
    told = "\n".join(bundle.findings()).replace("\xa0", " ")
    assert "the period before is not in the sources used" in told and "181,937.6–181,952.7 million VND" in told
    with Image.open(bundle.folder / "figures" / "coverage_map.png") as drawn:
        assert {"Reached (13)", "Not reached (15)", "Coverage in 2021–2023, map of 63 provinces and cities"} <= set(drawn.text["Drawn-Texts"].split("\n"))


@pytest.mark.parametrize(
    "given",
    [
        {"explanation": "tied", "map_extent": "country", "price_basis": "cpi"},
        {"explanation": "ipc1-2023-12-27/6", "language": "en", "price_basis": "gdp_deflator", "share_whole": "rest", "map_vintage": "34"},
        {"scheme_kind": "standalone"},
        {"scheme_kind": "all", "language": "en"},
        {"period": "2018-2020", "baseline": "2015-2017"},
    ],
)
def test_other_choices_run_through(given, tmp_path):
    bundle = run(read_parameters({**given, **QUICK}), tmp_path / "bundle")
    assert bundle.report.exists() and bundle.findings()


def test_help_names_the_commands_in_both_languages():
    done = command("--help")
    assert done.returncode == 0 and "run" in done.stdout and "parameters" in done.stdout and "Chạy đánh giá" in done.stdout
