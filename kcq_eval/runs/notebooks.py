"""Executing the chapters' notebooks through papermill, side by side, each in a fresh process of its own."""

from __future__ import annotations

import functools
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcq_eval.datafiles import project_root
from kcq_eval.parameters import without_place
from kcq_eval.runs import engine
from kcq_eval.runs.pool import can_fork, run_each
from kcq_eval.runs.warm import load_everything

CHAPTERS = ("funding_growth", "facility_shares", "support_type_mix", "province_coverage", "facility_register", "sensitivity", "consistency_audit")
DOCS_FIGURES = {"conflict.png": "conflict.png", "sensitivity_facility_share.png": "specification-curve.png"}  # of the default run, in English
KEPT_FIGURES = "KCQ_EVAL_DRAWN"  # `figures.drawn.FOLDER`, told without loading what draws
_LONGEST_FIRST = ("province_coverage", "sensitivity", "facility_register", "funding_growth", "facility_shares", "consistency_audit", "support_type_mix")


@dataclass(frozen=True)
class Executed:
    """How one notebook ended: `error` is empty when it ran through."""

    chapter: str
    seconds: float
    error: str = ""


EXPLORER = "explore"  # the notebook that is no chapter: the page of `kcq-eval explore`


def notebook_path(chapter: str) -> Path:
    return project_root() / "notebooks" / f"{chapter}.ipynb"


def tutorial_paths() -> list[Path]:
    """Notebooks that teach, and are no part of a run."""
    return sorted((project_root() / "tutorials").glob("*.ipynb"))


def execute_chapters(
    folder: Path, parameters: dict[str, Any], *, plain: bool, workers: int, drawn: Path | None = None,
    on_start: Callable[[str], None] = lambda chapter: None, on_end: Callable[[Executed], None] = lambda executed: None,
) -> list[Executed]:  # fmt: skip
    """Run all chapters' notebooks with `folder` as working directory; the executed copies go into `folder/notebooks`.

    Args:
        plain: Through papermill's own kernels, as on systems that cannot fork, instead of forked shells.
        workers: How many at a time.
        drawn: Where figures are kept that were drawn already.
        on_start, on_end: Told in this process when a notebook starts and ends.
    """
    (folder / "notebooks").mkdir()
    fork = can_fork() and not plain
    if fork:
        load_everything()
    done: dict[str, Executed] = {}
    execute = functools.partial(_execute, folder=folder, parameters=parameters, shell=fork, drawn=drawn)
    for ended in run_each(execute, _LONGEST_FIRST, workers=workers, fork=fork, on_start=on_start):
        done[ended.task] = ended.result or Executed(ended.task, 0.0, ended.error)
        on_end(done[ended.task])
    return [done[chapter] for chapter in CHAPTERS]


def _execute(chapter: str, folder: Path, parameters: dict[str, Any], shell: bool, drawn: Path | None) -> Executed:
    """In the child: run one notebook and say how it ended."""
    if drawn is not None:
        os.environ[KEPT_FIGURES] = str(drawn)
    started = time.monotonic()
    papermill = engine.load_papermill()
    output = folder / "notebooks" / f"{chapter}.ipynb"
    error = ""
    os.chdir(folder)  # the notebooks write to ".", so that a bundle names no place
    try:
        papermill.execute_notebook(
            notebook_path(chapter), output, parameters, engine_name=engine.NAME if shell else None, cwd=folder, progress_bar=False,
            request_save_on_cell_execute=False, autosave_cell_every=0,
        )  # fmt: skip
    except papermill.exceptions.PapermillExecutionError as problem:
        error = f"{problem.ename}: {problem.evalue}"
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    try:
        if output.exists():
            _without_timings(output, parameters)
    except (OSError, ValueError) as problem:  # half a file, for want of space
        error = error or f"{type(problem).__name__}: {problem}"
    return Executed(chapter, time.monotonic() - started, error)


def _without_timings(path: Path, parameters: Mapping[str, Any] = {}) -> None:
    """Drop when and where a notebook ran, so that the same run leaves the same bytes; the log keeps the times, parameters.yaml the places."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("papermill", None)
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.source = "\n".join(_told(line, parameters) for line in cell.source.split("\n"))
    nbformat.write(notebook, path)


def _told(line: str, parameters: Mapping[str, Any]) -> str:
    """A line that sets a parameter, with what results may tell of its value."""
    name = line.partition(" = ")[0]
    told = without_place(name, parameters.get(name))
    return line if told == parameters.get(name) else f"{name} = {json.dumps(told, ensure_ascii=False)}"


def store_outputs() -> None:
    """Bring what is committed of results up to date: the notebooks' parameters cells and outputs, and the figures of README and docs.

    `python tasks.py notebooks` calls this after a change; tests then compare.
    """
    import tempfile

    from kcq_eval.parameters import parameters_cell, read_parameters
    from kcq_eval.runs.bundle import run

    engine.load_papermill()
    import nbclient
    import nbformat

    for path in [*map(notebook_path, CHAPTERS), *tutorial_paths()]:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", []):
                cell.source = parameters_cell()
        nbclient.NotebookClient(notebook, resources={"metadata": {"path": path.parent}}, record_timing=False).execute()
        for cell in notebook.cells:
            if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
                cell.metadata = {"tags": ["nbval-check-output"]} if cell.outputs else {}
        nbformat.write(notebook, path)
        _without_timings(path)
    explorer = nbformat.read(notebook_path(EXPLORER), as_version=4)  # stored unrun: widgets leave nothing to compare
    for cell in explorer.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = parameters_cell()
    nbformat.write(explorer, notebook_path(EXPLORER))
    with tempfile.TemporaryDirectory() as folder:
        bundle = run(read_parameters({"language": "en", "figure_formats": "png"}), Path(folder) / "bundle")
        for drawn, stored in DOCS_FIGURES.items():
            shutil.copy(bundle.folder / "figures" / drawn, project_root() / "docs" / stored)


if __name__ == "__main__":
    store_outputs()
