"""The ways to run the notebooks that are set beside ours, as programs of their own: `python runners.py WAY SETS.json FOLDER`.

SETS.json lists parameter sets; each way makes the chapters' notebooks of every set. Only the plain script and the warm function also
join them into a bundle, as a sweep does.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def chapters() -> tuple[str, ...]:
    from kcq_eval.runs.notebooks import CHAPTERS

    return CHAPTERS


def notebook(chapter: str) -> Path:
    return ROOT / "notebooks" / f"{chapter}.ipynb"


def papermill(work: tuple[dict, Path]) -> None:
    """One set through papermill and real kernels."""
    import papermill as pm

    given, folder = work
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters():
        pm.execute_notebook(notebook(chapter), folder / f"{chapter}.ipynb", given | {"out_dir": str(folder)}, progress_bar=False, cwd=folder)


def ploomber(work: tuple[dict, Path]) -> None:
    """One set through ploomber-engine, in this process."""
    from ploomber_engine import execute_notebook

    given, folder = work
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters():
        main = sys.modules["__main__"]  # its shell takes that place
        execute_notebook(
            str(notebook(chapter)), str(folder / f"{chapter}.ipynb"), parameters=given | {"out_dir": str(folder)}, progress_bar=False, cwd=str(folder)
        )
        sys.modules["__main__"] = main


def nbconvert(work: tuple[dict, Path]) -> None:
    """One set through `jupyter nbconvert --execute`, which takes no parameters: they are written into the notebook before."""
    import nbformat

    given, folder = work
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters():
        read = nbformat.read(notebook(chapter), as_version=4)
        cell = next(cell for cell in read.cells if "parameters" in cell.metadata.get("tags", []))
        cell.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in (given | {"out_dir": str(folder)}).items())
        nbformat.write(read, folder / f"in-{chapter}.ipynb")
        command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", str(folder / f"in-{chapter}.ipynb"), "--output", f"{chapter}.ipynb"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def function(work: tuple[dict, Path]) -> None:
    """One set as a function: the notebooks' own code cells and the joining, without notebooks and without isolation."""
    import contextlib
    import io
    import shutil

    from kcq_eval.parameters import read_parameters
    from kcq_eval.runs import bundle

    given, folder = work
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters():
        cells = json.loads(notebook(chapter).read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        namespace: dict = {}
        exec(code[0], namespace)
        namespace |= given | {"out_dir": str(folder)}
        with contextlib.redirect_stdout(io.StringIO()):
            exec("\n\n".join(code[1:]), namespace)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    parameters = read_parameters(given)
    contents = bundle._join(folder, *bundle.checked(parameters), folder, 1)
    bundle._write_evidence(contents, "plain", bundle.input_hashes(parameters), [])


def in_turn(way, sets: list[dict], folder: Path) -> None:
    for place, given in enumerate(sets):
        way((given, folder / str(place)))


def pool(way, sets: list[dict], folder: Path, start: str = "spawn") -> None:
    if start == "fork":
        from kcq_eval.runs.warm import load_everything

        load_everything()
    with multiprocessing.get_context(start).Pool(2) as processes:
        processes.map(way, [(given, folder / str(place)) for place, given in enumerate(sets)], chunksize=1)


def ours(sets: list[dict], folder: Path, keep: bool) -> None:
    """A sweep over the sets; without kept figures every one is drawn in every run."""
    from kcq_eval.figures import drawn
    from kcq_eval.runs.grid import Axis, Grid
    from kcq_eval.runs.sweep import BUNDLES_DEPTH, plan, sweep

    if not keep:
        drawn.key_of = lambda draw: ""
    names = tuple(sets[0])
    grid = Grid({}, (Axis(names, tuple(tuple(given[name] for name in names) for given in sets)),), (), "sets")
    done = sweep(plan(grid, BUNDLES_DEPTH, folder))
    assert not done.progress.failed, done.progress.failed


WAYS = {
    "ours": lambda sets, folder: ours(sets, folder, keep=True),
    "ours, all drawn": lambda sets, folder: ours(sets, folder, keep=False),
    "papermill in turn": lambda sets, folder: in_turn(papermill, sets, folder),
    "papermill, pool of two": lambda sets, folder: pool(papermill, sets, folder),
    "ploomber-engine in turn": lambda sets, folder: in_turn(ploomber, sets, folder),
    "ploomber-engine, pool of two": lambda sets, folder: pool(ploomber, sets, folder),
    "nbconvert --execute in turn": lambda sets, folder: in_turn(nbconvert, sets, folder),
    "plain function in turn": lambda sets, folder: in_turn(function, sets, folder),
    "warm function in two processes": lambda sets, folder: pool(function, sets, folder, "fork"),
}

if __name__ == "__main__":
    os.chdir(ROOT)
    WAYS[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
