"""Whatever happens while results are written, they are whole or absent; wherever a run is made, the same bytes come out; nothing in data is executed."""

import ast
import errno
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation
from registers import row, workbook
from typer.testing import CliRunner

from kcq_eval import tables
from kcq_eval.cli import app
from kcq_eval.datafiles import project_root
from kcq_eval.errors import Problems
from kcq_eval.evidence.integrity import LOG, damage, hashes
from kcq_eval.parameters import read_parameters
from kcq_eval.register.register import check_register
from kcq_eval.runs import bundle as bundles
from kcq_eval.runs import engine, places
from kcq_eval.runs.bundle import run
from kcq_eval.runs.inputs import InputsChanged
from kcq_eval.runs.places import move_into_place, working_folder

ROOT = project_root()
QUICK = {"figure_formats": "png", "language": "en"}
HOSTILE = "Nguyễn Văn A & \"họ\" 'nhà'"
posix = pytest.mark.skipif(os.name == "nt", reason="signals, locks and limits of POSIX")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return run(read_parameters(QUICK), tmp_path_factory.mktemp("made") / "bundle").folder


def started(*arguments, cwd=ROOT, limit=None, **environment):
    """The command, started in a session of its own so that all of it can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "kcq_eval", *map(str, arguments)], cwd=cwd, start_new_session=True, preexec_fn=limit, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def quick_run(out, **how):
    return started("run", "--out", out, "-p", "figure_formats=png", "-p", "language=en", **how)


def killed(process, seconds):
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


# --- written whole or not at all


MOVING = """
import sys
from pathlib import Path
from kcq_eval.runs.inputs import InputsChanged
from kcq_eval.runs.places import move_into_place, working_folder
place, number = Path(sys.argv[1]), 0
while True:
    number += 1
    with working_folder(place) as work:
        for part in "abc":
            (work / part).write_text(f"{number}" * 5000)
        move_into_place(work, place)
"""


@posix
def test_a_kill_at_any_moment_of_writing_leaves_a_whole_folder(tmp_path):
    place, chance = tmp_path / "bundle", random.Random(3)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", MOVING, str(place)], env={**os.environ, "PYTHONPATH": str(ROOT)})
        while not place.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.wait()
        with working_folder(place):  # the next run puts back what the killed one had just moved aside
            assert len({(place / part).read_text() for part in "abc"}) == 1


@posix
@pytest.mark.soak
def test_a_hundred_kills_leave_whole_bundles_or_none(made, tmp_path):
    chance, place = random.Random(100), tmp_path / "bundle"
    for number in range(100):
        if chance.random() < 0.5:
            shutil.rmtree(place, ignore_errors=True)
        had = place.exists()
        killed(started("run", "--force", "--out", place, "-p", "figure_formats=png", "-p", "language=en"), chance.uniform(0.2, 12))
        if had:
            with working_folder(place):
                assert place.exists(), number
        assert not place.exists() or damage(place).is_none, number


@posix
@pytest.mark.soak
@pytest.mark.parametrize("command", [("register", "demo"), ("register", "template"), ("audit", "--template")])
def test_a_killed_command_leaves_a_whole_file_or_none(command, tmp_path):
    chance, file = random.Random(7), tmp_path / "sổ.xlsx"
    for _ in range(10):
        file.unlink(missing_ok=True)
        killed(started(*command, file), chance.uniform(0.3, 3))
        if file.exists():
            openpyxl.load_workbook(file)


def test_leftovers_of_killed_runs_are_cleared_and_other_files_are_not(tmp_path):
    place = tmp_path / "bundle"
    (tmp_path / ".bundle.abcd1234").mkdir()
    os.utime(tmp_path / ".bundle.abcd1234", (0, 0))
    for name in (".bundle.txt", ".bundle.mine", ".bundle.abcd12345"):
        (tmp_path / name).mkdir()
    (tmp_path / ".bundle.abcd1234.old").mkdir()
    (tmp_path / ".bundle.abcd1234.old" / "whole").write_text("1")
    with working_folder(place) as work:
        assert (place / "whole").exists() and work.parent == tmp_path
    left = {path.name for path in tmp_path.iterdir()}
    assert left - {".bundle.abcd1234"} == {"bundle", ".bundle.txt", ".bundle.mine", ".bundle.abcd12345"}
    assert os.name == "nt" or ".bundle.abcd1234" not in left


@posix
def test_the_folder_of_a_run_that_goes_on_is_not_cleared(tmp_path):
    place = tmp_path / "bundle"
    with working_folder(place) as first:
        os.utime(first, (0, 0))
        with working_folder(place) as second:
            assert first.exists() and first != second


def test_many_that_write_the_same_folder_at_once_leave_one_of_them_whole(tmp_path):
    place, troubles = tmp_path / "bundle", []

    def write(number):
        try:
            for _ in range(10):
                with working_folder(place) as work:
                    for part in "abc":
                        (work / part).write_text(str(number))
                    move_into_place(work, place)
        except OSError as error:
            troubles.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles and len({(place / part).read_text() for part in "abc"}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@posix
@pytest.mark.soak
def test_two_runs_into_the_same_folder_at_once_leave_a_whole_bundle(made, tmp_path):
    both = [quick_run(tmp_path / "bundle") for _ in range(2)]
    assert [process.wait() for process in both if process.communicate()] == [0, 0]
    assert damage(tmp_path / "bundle").is_none and [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert without_log(tmp_path / "bundle") == without_log(made)


def test_a_folder_that_cannot_be_moved_across_devices_is_told_and_the_earlier_one_stays(tmp_path, monkeypatch):
    place = tmp_path / "bundle"
    place.mkdir()
    (place / "earlier").write_text("1")

    def across(source, target):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))

    monkeypatch.setattr(places.os, "rename", across)
    with pytest.raises(OSError) as error, working_folder(place) as work:
        move_into_place(work, place)
    assert error.value.errno == errno.EXDEV and (place / "earlier").exists() and [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_move_that_fails_half_way_puts_the_earlier_folder_back(tmp_path, monkeypatch):
    place, really = tmp_path / "bundle", os.rename
    place.mkdir()
    (place / "earlier").write_text("1")

    def failing(source, target):
        if Path(target) == place and not place.exists() and not str(source).endswith(".old"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really(source, target)

    monkeypatch.setattr(places.os, "rename", failing)
    with pytest.raises(OSError), working_folder(place) as work:
        (work / "later").write_text("2")
        move_into_place(work, place)
    assert (place / "earlier").exists()


@posix
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))  # every larger file fails as on a full disk

    process = quick_run(tmp_path / "kết quả" / "bundle", limit=limit)
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 1 and os.strerror(errno.EFBIG) in told and "Traceback" not in told, told
    assert not (tmp_path / "kết quả" / "bundle").exists() and not list((tmp_path / "kết quả").glob(".bundle*"))


def test_no_space_at_the_end_of_a_run_is_told_too(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "bundle" / LOG))

    monkeypatch.setattr(bundles, "_notebooks", full)
    done = CliRunner().invoke(app, ["run", "--out", str(tmp_path / "bundle"), "-p", "language=en"])
    assert done.exit_code == 1 and os.strerror(errno.ENOSPC) in done.output and not list(tmp_path.iterdir())


def test_data_that_change_while_a_run_reads_them_are_told(tmp_path, monkeypatch):
    def changed(*_, **__):
        raise InputsChanged("data/rules.csv")

    monkeypatch.setattr(bundles, "_notebooks", changed)
    done = CliRunner().invoke(app, ["run", "--out", str(tmp_path / "bundle"), "-p", "language=en"])
    assert done.exit_code == 1 and "data/rules.csv was changed" in done.output and not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_is_told(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path))

    monkeypatch.setattr(places.tempfile, "mkdtemp", refused)
    for arguments in (["run", "--out", str(tmp_path / "bundle"), "-p", "language=en"], ["register", "template", str(tmp_path / "a.xlsx"), "--language", "en"]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 1 and str(tmp_path) in done.output and os.strerror(errno.EROFS) in done.output, done.output
    assert not list(tmp_path.iterdir())


# --- the same bytes wherever


def without_log(folder):
    return {name: digest for name, digest in hashes(folder).items() if name != LOG}


def turkish(folder):
    """A folder with the Turkish locale, whose i has no dot when capital; "" where it cannot be made."""
    made = subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")], capture_output=True, check=False) if shutil.which("localedef") else None
    return str(folder) if made and made.returncode == 0 else ""


@posix
@pytest.mark.parametrize("surroundings", ["turkish", "c"])
def test_locale_time_zone_home_and_working_folder_change_no_byte(surroundings, made, tmp_path):
    home = tmp_path / HOSTILE
    home.mkdir()
    if surroundings == "turkish":
        around = {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": turkish(tmp_path), "TZ": "Pacific/Kiritimati"}
    else:
        around = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "", "TZ": "America/Los_Angeles"}
    process = quick_run(home / "kết quả", cwd=home, HOME=str(home), **around)
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 0, told
    assert without_log(home / "kết quả") == without_log(made)


def test_a_clock_set_back_changes_no_byte(made, tmp_path, monkeypatch):
    clock, lock = [2_000_000_000.0], threading.Lock()

    def backwards():
        with lock:
            clock[0] -= 3600
        return max(clock[0], 100_000.0)

    monkeypatch.setattr(time, "time", backwards)
    assert without_log(run(read_parameters(QUICK), tmp_path / "bundle").folder) == without_log(made)


# --- nothing in data is executed or interpreted


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_parameter_s_text_stays_a_text_in_the_notebook(text):
    engine.load_papermill()
    from papermill.translators import papermill_translators

    translator = papermill_translators.find_translator("python3", "python")
    (line,) = [node for node in ast.parse(translator.codify({"register": text})).body]
    assert isinstance(line, ast.Assign) and line.targets[0].id == "register" and ast.literal_eval(line.value) == text


def test_a_parameter_s_name_cannot_carry_code(tmp_path):
    done = CliRunner().invoke(app, ["run", "-p", "x=1\nimport os;period=2021-2023", "--out", str(tmp_path / "b")])
    assert done.exit_code == 2 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["period: !!python/object/apply:os.system ['touch owned']", "!!python/name:os.system", "a: &a [*a]", "period: !!binary aGk="])
def test_tags_in_a_parameters_file_are_not_followed(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(text)
    done = CliRunner().invoke(app, ["run", "-f", "p.yaml", "--out", "b"])
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit)
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


EXECUTING = {"eval", "exec", "compile", "__import__"}
DANGEROUS = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "runpy"}


def test_the_package_runs_no_text_as_code_and_unpickles_no_file():
    """Only runs/ may pickle and unpack: what its own processes send each other."""
    for path in sorted((ROOT / "kcq_eval").rglob("*.py")):
        name, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
                assert not (isinstance(node.func, ast.Name) and called in EXECUTING), name
                assert called not in {"read_pickle", "unsafe_load", "full_load", "system", "popen"}, (name, called)
                assert called != "extractall" or name.startswith("kcq_eval/runs/"), name
                switched = {keyword.arg for keyword in node.keywords if isinstance(keyword.value, ast.Constant) and keyword.value.value}
                assert not switched & {"shell", "allow_pickle"}, name
            elif isinstance(node, ast.Import | ast.ImportFrom) and not name.startswith("kcq_eval/runs/"):
                assert not {(getattr(node, "module", "") or "").partition(".")[0], *(alias.name.partition(".")[0] for alias in node.names)} & DANGEROUS, name


def rewritten(path, change):
    """A zip file with some parts changed: `change` has name and content, and returns the new ones."""
    with zipfile.ZipFile(path) as source:
        parts = [change(name, source.read(name)) for name in source.namelist()]
    with zipfile.ZipFile(path, "w") as target:
        for name, content in parts:
            target.writestr(name, content)


def test_entities_in_a_workbook_are_not_read(published_folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("geheim-4711")
    path = workbook(tmp_path / "a.xlsx", [row(facility="x")])
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()

    def planted(name, content):
        if not name.endswith("sheet1.xml"):
            return name, content
        content = re.sub(rb"<\?xml[^>]*\?>", b"", content)
        return name, entity + content.replace(b"<v>", b"<v>&e;", 1)

    rewritten(path, planted)
    problems = Problems()
    register, pieces = check_register(path, published_folder, problems, number_format="en")
    read = "" if register is None else register.facts.to_csv()
    assert "geheim" not in read + "".join(piece.raw.frame.to_csv() for piece in pieces) + "".join(problem.found for problem in problems)


def test_entities_in_a_slide_template_are_not_read(tmp_path):
    from kcq_eval.deliverables.slide_template import open_template, template_problems

    (tmp_path / "secret.txt").write_text("geheim-4711")
    Presentation().save(tmp_path / "t.pptx")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'.encode()

    def planted(name, content):
        if not re.fullmatch(r"ppt/slide(Layouts|Masters)/\w+\.xml", name):
            return name, content
        return name, entity + re.sub(rb"<\?xml[^>]*\?>", b"", content).replace(b"<a:t>", b"<a:t>&e;")

    rewritten(tmp_path / "t.pptx", planted)
    if not template_problems(tmp_path / "t.pptx"):
        open_template(tmp_path / "t.pptx").presentation.save(tmp_path / "kept.pptx")
        with zipfile.ZipFile(tmp_path / "kept.pptx") as kept:
            assert not any(b"geheim" in kept.read(name) for name in kept.namelist())


def test_parts_of_a_workbook_with_paths_of_their_own_are_not_unpacked(published_folder, tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = workbook(folder / "r.xlsx", [row(facility="x")])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../owned.txt", "x")
        archive.writestr("/tmp/owned-by-kcq.txt", "x")
    check_register(path, published_folder, Problems(), number_format="en")
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {"r.xlsx"} and not Path("/tmp/owned-by-kcq.txt").exists()


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_table_for_excel_begins_a_formula(text):
    assert tables.harmless(text) == f"'{text}"
    assert [tables.harmless(number) for number in ("-1,5", "−1,5", "+2", "1.234,5", "03")] == ["-1,5", "−1,5", "+2", "1.234,5", "03"]


def test_tables_of_a_chapter_are_written_without_formulas(tmp_path, monkeypatch):
    from kcq_eval.chapter import open_chapter

    monkeypatch.chdir(tmp_path)
    chapter = open_chapter("funding_growth", {"out_dir": "."})
    chapter.show("numbers", pd.DataFrame({"a": ["=HYPERLINK(1)", "-3"]}))
    assert (tmp_path / "tables" / "funding_growth.numbers.csv").read_text(encoding="utf-8-sig").splitlines() == ["a", "'=HYPERLINK(1)", "-3"]


# --- the table in the docs


@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_test_that_the_docs_name_exists(language):
    text = (ROOT / "docs" / f"hardening.{language}.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/test_\w+\.py)::(test_\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (file, test)


def test_the_docs_name_the_same_tests_in_both_languages():
    named = [sorted(re.findall(r"::(test_\w+)`", (ROOT / "docs" / f"hardening.{language}.md").read_text(encoding="utf-8"))) for language in ("en", "vi")]
    assert named[0] == named[1]
