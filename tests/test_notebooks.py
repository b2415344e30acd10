"""The notebooks as CI, researchers and papermill users run them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kcq_eval.datafiles import project_root
from kcq_eval.parameters import parameters_cell
from kcq_eval.runs.kernels import forked_kernels
from kcq_eval.runs.notebooks import CHAPTERS, EXPLORER, notebook_path, tutorial_paths


def cells(chapter):
    return json.loads(notebook_path(chapter).read_text(encoding="utf-8"))["cells"]


def code_cells(chapter):
    return [cell for cell in cells(chapter) if cell["cell_type"] == "code"]


def text(cell):
    return "".join(cell["source"])


def test_every_notebook_is_a_chapter_of_the_run_or_the_explorer():
    assert {path.stem for path in (project_root() / "notebooks").glob("*.ipynb")} == {*CHAPTERS, EXPLORER}


@pytest.mark.parametrize("chapter", [*CHAPTERS, EXPLORER])
def test_the_parameters_cell_is_the_contract(chapter):
    (parameters,) = [cell for cell in cells(chapter) if "parameters" in cell["metadata"].get("tags", [])]
    assert text(parameters) == parameters_cell()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_is_thin_and_was_saved_after_a_whole_run(chapter):
    counts = [cell["execution_count"] for cell in code_cells(chapter)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(chapter):
        assert not [line for line in text(cell).splitlines() if line.startswith(("def ", "class ", "for ", "while "))]
        checked = "nbval-check-output" in cell["metadata"].get("tags", [])
        assert checked == bool(cell["outputs"])


def test_the_notebooks_reproduce_their_stored_outputs_under_nbval(tmp_path):
    chapters = [*CHAPTERS, EXPLORER]
    command = [sys.executable, "-m", "pytest", "--nbval", *map(str, map(notebook_path, chapters)), "-q", "-p", "no:cacheprovider", "-o", "addopts="]
    with forked_kernels() as environment:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{sum(len(code_cells(chapter)) for chapter in chapters)} passed" in done.stdout


@pytest.mark.parametrize("start", [".", "notebooks"])
def test_plain_papermill_works_from_the_root_and_from_the_notebooks_folder(start, tmp_path):
    root = project_root()
    notebook = notebook_path("support_type_mix").relative_to(root / start)
    command = [
        sys.executable, "-m", "papermill", str(notebook), str(tmp_path / "out.ipynb"), "-p", "period", "2021-2023", "-p", "language", "en",
        "-p", "out_dir", str(tmp_path), "--no-progress-bar",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=root / start, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Support-type mix" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert (tmp_path / "figures" / "mix_change.png").exists()


def test_a_mistyped_value_fails_in_plain_papermill_too(tmp_path):
    command = [
        sys.executable, "-m", "papermill", str(notebook_path("support_type_mix")), str(tmp_path / "out.ipynb"), "-p", "language", "vn",
        "-p", "out_dir", str(tmp_path), "--no-progress-bar",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "language" in done.stderr and "vi, en" in done.stderr


def shown(cell):
    """What a cell printed, however the pieces arrived, and what it displayed."""
    outputs = cell.get("outputs", [])
    return "".join(o["text"] for o in outputs if o["output_type"] == "stream"), [o for o in outputs if o["output_type"] != "stream"]


@pytest.mark.parametrize("path", tutorial_paths(), ids=lambda path: path.stem)
def test_a_tutorial_ends_as_it_is_stored(path, tmp_path):
    import nbclient
    import nbformat

    stored, again = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    nbclient.NotebookClient(again, resources={"metadata": {"path": tmp_path}}).execute()
    for before, now in zip(stored.cells, again.cells):
        assert shown(before) == shown(now), before.source
    assert str(Path.home()) + "/" not in path.read_text(encoding="utf-8")


def test_the_notebooks_name_no_place_of_a_machine():
    for chapter in (*CHAPTERS, EXPLORER):
        assert str(Path.home()) + "/" not in notebook_path(chapter).read_text(encoding="utf-8")
        assert str(project_root()) not in notebook_path(chapter).read_text(encoding="utf-8")
