"""What one run costs: `kcq-eval run` beside the same work as one plain script, and beside papermill on each notebook in turn.

All three write every figure in three formats; the run and the plain script also write the report. One interleaved run, the
median of the rounds' ratios. `python tasks.py bench` runs it and writes `benchmarks/RESULTS.md`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import machine, table, write_section

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
CHAPTERS = tuple(sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")))


def plain_script() -> str:
    """The notebooks' own code cells as one script, and the joining of their parts into a bundle."""
    lines = ["import contextlib, os, sys", "from pathlib import Path", "folder = sys.argv[1]", "quiet = open(os.devnull, 'w')"]
    for chapter in CHAPTERS:
        cells = json.loads((ROOT / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        code.insert(1, "out_dir = folder")
        lines.append(f"with contextlib.redirect_stdout(quiet): exec({chr(10).join(code)!r}, {{'folder': folder}})")
    lines += [
        "import shutil",
        "from kcq_eval.parameters import read_parameters",
        "from kcq_eval.runs import bundle",
        f"shutil.copytree({str(ROOT / 'notebooks')!r}, folder + '/notebooks')",
        "parameters = read_parameters({})",
        "contents = bundle._join(Path(folder), *bundle.checked(parameters), Path(folder), 1)",
        "bundle._write_evidence(contents, 'plain', bundle.input_hashes(parameters), [])",
    ]
    return "\n".join(lines)


def kcq_run(folder: Path) -> None:
    call("-m", "kcq_eval", "run", "--force", "--out", folder / "bundle")


def plain(folder: Path) -> None:
    script = folder / "script.py"
    script.write_text(plain_script(), encoding="utf-8")
    call(script, folder / "bundle")


def papermill_in_turn(folder: Path) -> None:
    for chapter in CHAPTERS:
        call(
            "-m", "papermill", ROOT / "notebooks" / f"{chapter}.ipynb", folder / f"{chapter}.ipynb", "-p", "out_dir", folder / "bundle",
            "--no-progress-bar",
        )  # fmt: skip


def ploomber_in_turn(folder: Path) -> None:
    (folder / "sets.json").write_text("[{}]")
    call(ROOT / "benchmarks" / "runners.py", "ploomber-engine in turn", folder / "sets.json", folder)


def nbconvert_in_turn(folder: Path) -> None:
    (folder / "sets.json").write_text("[{}]")
    call(ROOT / "benchmarks" / "runners.py", "nbconvert --execute in turn", folder / "sets.json", folder)


def call(*arguments: object) -> None:
    subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def seconds(runner) -> tuple[float, float]:
    """Wall and CPU seconds of the runner with all its children."""
    folder = Path(tempfile.mkdtemp())
    before, started = os.times(), time.perf_counter()
    try:
        runner(folder)
    finally:
        shutil.rmtree(folder)
    wall, after = time.perf_counter() - started, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    runners = {
        "kcq-eval run": kcq_run, "plain script": plain, "papermill in turn": papermill_in_turn, "ploomber-engine in turn": ploomber_in_turn,
        "nbconvert --execute in turn": nbconvert_in_turn,
    }  # fmt: skip
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runners}
    for _ in range(rounds + 1):
        for name, runner in runners.items():
            found[name].append(seconds(runner))
            print(f"{name}: {found[name][-1][0]:.2f}", file=sys.stderr, flush=True)
    rows = []
    for name, taken in found.items():
        taken, ours = taken[1:], found["kcq-eval run"][1:]  # the first round warms the disk
        ratios = [statistics.median(mine[i] / other[i] for mine, other in zip(ours, taken)) for i in (0, 1)]
        wall, cpu = (statistics.median(t[i] for t in taken) for i in (0, 1))
        rows.append([name, f"{wall:.2f}", f"{cpu:.2f}", f"{ratios[0]:.2f}", f"{ratios[1]:.2f}"])
    heads = ["runner", "wall s, median", "CPU s, median", "wall: kcq-eval run / this", "CPU: kcq-eval run / this"]
    about = f"{machine(('papermill', 'ploomber-engine', 'nbconvert', 'ipykernel', 'matplotlib', 'pandas', 'ortools'))}; {rounds} round(s) after one to warm up."
    intro = f"{len(CHAPTERS)} notebooks, every figure in three formats; the run and the plain script also make what people open. {about}"
    write_section("One run", intro + "\n\n" + table(heads, rows) + "\n\nAims: ≤ 0.9 of the plain script, ≤ 0.45 of papermill in turn (wall).")


if __name__ == "__main__":
    main()
