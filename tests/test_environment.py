"""Everybody gets the same versions, whichever way the environment is made, and a set-up is done once."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OPTIONAL = [dependency for group in PROJECT["optional-dependencies"].values() for dependency in group]


def statements(file: str) -> list[str]:
    """Lines of a requirements file without comments; a pin and its hashes are one."""
    text = (ROOT / file).read_text("utf-8").replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


@pytest.fixture(scope="module")
def pins() -> dict[str, Requirement]:
    requirements = [Requirement(line.partition("--hash")[0]) for line in statements("requirements.lock")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


@pytest.fixture
def tasks(tmp_path):
    """tasks.py as a stranger finds it: a copy of the project in a folder of its own, not set up."""
    for file in ("tasks.py", "requirements.lock", "pyproject.toml"):
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    return runpy.run_path(str(tmp_path / "tasks.py"), run_name="tasks")


@pytest.mark.parametrize("dependency", PROJECT["dependencies"] + OPTIONAL)
def test_every_dependency_is_locked_at_a_version_that_suits_it(dependency, pins):
    wanted = Requirement(dependency)
    (pin,) = pins[canonicalize_name(wanted.name)].specifier
    assert pin.operator == "=="
    assert wanted.specifier.contains(pin.version)


def test_a_package_has_one_version_whatever_the_python(pins):
    assert len(pins) == len(statements("requirements.lock"))


def test_every_pin_in_the_lock_names_the_files_it_accepts_by_hash():
    assert [line for line in statements("requirements.lock") if not re.search(r"( +--hash=sha256:[0-9a-f]{64})+$", line)] == []


def test_the_constraints_are_the_pins_of_the_lock(pins):
    assert [Requirement(line) for line in statements("constraints.txt")] == list(pins.values())


def test_conda_and_binder_install_the_versions_of_the_constraints_and_nothing_else():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert pip == "pip"
    assert from_pip == {"pip": ["-c constraints.txt", "-e .[test]"]}


def test_no_file_says_where_packages_come_from():
    """Whoever sets up may be behind a mirror: the address is for their own settings to say."""
    addresses = re.compile("|".join(["pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npm", r"--(extra-)?index" + "-url", "--find" + "-links"]))
    skipped = {".git", "outputs", "__pycache__"}
    naming = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in skipped and (not name.startswith(".") or name == ".ci")]
        texts = ((file, Path(folder, file).read_text("utf-8", errors="replace")) for file in files)
        naming += [file for file, text in texts if addresses.search(text)]
    assert naming == []


def test_what_must_pass_before_a_change_lands_is_make_test():
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text("utf-8").splitlines()
    assert os.name == "nt" or os.access(script, os.X_OK)


def test_make_offers_the_tasks_of_tasks_py(tasks):
    (targets,) = re.findall(r"^TASKS := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(targets.split()) == {*tasks["TASKS"], "help"}


def test_a_task_that_does_not_exist_is_refused_with_those_that_do(tasks, capfd):
    with pytest.raises(SystemExit) as refusal:
        tasks["main"](["evalute"])
    assert refusal.value.code == 2
    assert "evaluate, test" in capfd.readouterr().err


def test_a_finished_set_up_is_not_repeated_until_the_lock_changes(tasks):
    assert not tasks["is_set_up"]()
    finish(tasks)
    assert tasks["is_set_up"]()
    tasks["LOCK"].write_text("another lock", "utf-8")
    assert not tasks["is_set_up"]()


def test_an_interrupted_set_up_is_not_taken_for_a_finished_one(tasks):
    finish(tasks)
    tasks["STAMP"].unlink()
    assert not tasks["is_set_up"]()


def test_a_set_up_does_not_survive_a_move_of_the_folder(tasks, tmp_path_factory):
    finish(tasks)
    there = tmp_path_factory.mktemp("moved") / "project"
    tasks["ROOT"].rename(there)
    assert not runpy.run_path(str(there / "tasks.py"), run_name="tasks")["is_set_up"]()


def test_the_callers_python_settings_do_not_reach_the_project(tasks, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PYTHONHOME", "elsewhere")
    assert not {"PYTHONPATH", "PYTHONHOME"} & tasks["surroundings"]().keys()


@pytest.mark.skipif(os.name == "nt", reason="Windows finds the home folder otherwise")
@pytest.mark.parametrize("home", ["", "/nowhere/at/all"])
def test_without_a_home_folder_one_inside_the_environment_serves(home, tasks, monkeypatch):
    monkeypatch.setenv("HOME", home)
    assert Path(tasks["surroundings"]()["HOME"]) == tasks["VENV"] / "home"
    assert (tasks["VENV"] / "home").is_dir()


def test_a_task_ends_with_the_exit_code_of_what_it_ran(tasks):
    assert tasks["run"](sys.executable, "-c", "raise SystemExit(7)") == 7


def test_the_linter_finds_nothing():
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "."]
    linter = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linter.returncode == 0, linter.stdout + linter.stderr


def finish(tasks) -> None:
    """Leaves what a finished set-up leaves, without installing anything."""
    tasks["PROGRAMS"].mkdir(parents=True)
    tasks["PYTHON"].touch()
    tasks["STAMP"].write_text(tasks["wanted"](), "utf-8")
