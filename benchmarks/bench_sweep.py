"""What many runs cost: a sweep beside papermill, ploomber-engine, nbconvert and the limit; numbers alone; a cluster; CI; imports.

One interleaved run (A B C … A B C …), medians of the rounds' ratios, whole processes. `python benchmarks/bench_sweep.py [ROUNDS [SETS
[SETS OF THE PEERS]]]`; slow peers do fewer sets, and rates are compared.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from results import machine, table, write_section

ROOT = Path(__file__).resolve().parent.parent
PEERS = (
    "papermill in turn", "papermill, pool of two", "ploomber-engine in turn", "ploomber-engine, pool of two", "nbconvert --execute in turn",
    "plain function in turn",
)  # fmt: skip
OURS, ALL_DRAWN, LIMIT = "ours", "ours, all drawn", "warm function in two processes"
NUMBERS_GRID = """axes:
  price_basis: every
  share_whole: every
  map_vintage: every
  map_extent: every
  language: every
  scheme_kind: every
  explanation: [first, tied]
  sources: [all, ipc1-2023-12-27]
  figure_formats: [png, "png,svg", "png,pdf"]
"""
NUMBERS_SIZE = 3 * 2 * 2 * 2 * 2 * 3 * 2 * 2 * 3


def sets(count: int) -> list[dict[str, str]]:
    """Parameter sets as an evaluator would sweep them: what changes touches some figures and not others."""
    axes = {"price_basis": ("nominal", "cpi", "gdp_deflator"), "share_whole": ("all", "rest"), "map_vintage": ("63", "34"), "language": ("vi", "en")}
    made = [dict(zip(axes, values)) | {"figure_formats": "png,svg"} for values in itertools.product(*axes.values())]
    return made[:count]


def run(*command: object, cwd: Path = ROOT, check: bool = True) -> float:
    """Wall seconds of a program."""
    started = time.perf_counter()
    subprocess.run(list(map(str, command)), cwd=cwd, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=surroundings())
    return time.perf_counter() - started


def surroundings() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))}


class Peak:
    """The largest summed proportional memory of a process and all its children, in MB; Linux only, else 0."""

    def __init__(self, pid: int):
        self._pid, self.megabytes, self._ended = pid, 0.0, False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._ended = True
        self._thread.join()
        return self.megabytes

    def _watch(self) -> None:
        while not self._ended:
            self.megabytes = max(self.megabytes, sum(map(_proportional, _tree(self._pid))) / 1000)
            time.sleep(0.2)


def _tree(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(place.read_text().rpartition(")")[2].split()[1]), []).append(int(place.parent.name))
        except (OSError, ValueError):
            continue
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration, ValueError):
        return 0


def sweep_once(way: str, count: int) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak MB for each run of a way."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "sets.json").write_text(json.dumps(sets(count)))
        before, started = os.times(), time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "benchmarks" / "runners.py"), way, str(folder / "sets.json"), str(folder / "out")], env=surroundings(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        peak = Peak(process.pid)
        code = process.wait()
        wall, after, memory = time.perf_counter() - started, os.times(), peak.stop()
        if code:
            return float("nan"), float("nan"), memory
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return wall / count, cpu / count, memory
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def interleaved(rounds: int, measured: dict[str, Callable[[], tuple]]) -> dict[str, list[tuple]]:
    found: dict[str, list[tuple]] = {name: [] for name in measured}
    for number in range(rounds):
        for name, measure in measured.items():
            found[name].append(measure())
            print(f"round {number + 1}: {name}: {', '.join(f'{value:.2f}' for value in found[name][-1])}", file=sys.stderr, flush=True)
    return found


def ratio(found: dict[str, list[tuple]], a: str, b: str, place: int = 0) -> float:
    """The median over rounds of a's figure over b's."""
    return statistics.median(one[place] / other[place] for one, other in zip(found[a], found[b]))


def sweeps(rounds: int, count: int, of_peers: int) -> None:
    counts = {OURS: count, ALL_DRAWN: count, LIMIT: count} | dict.fromkeys(PEERS, of_peers)
    found = interleaved(rounds, {name: lambda name=name: sweep_once(name, counts[name]) for name in (*counts,)})
    rows = []
    for name, taken in found.items():
        wall, cpu, memory = (statistics.median(one[place] for one in taken) for place in (0, 1, 2))
        quicker = [f"{1 / ratio(found, name, other):.2f}" for other in ("papermill in turn", "papermill, pool of two", LIMIT)]
        rows.append([name, counts[name], f"{60 / wall:.1f}", *quicker, f"{cpu:.2f}", f"{memory:.0f}"])
    heads = ["way", "sets", "runs a minute", "× papermill in turn", "× papermill pool of two", "× limit", "processor s a run", "peak MB"]
    reached = [
        ("sweep, every figure drawn, × papermill in turn", "≥ 3.5", 1 / ratio(found, ALL_DRAWN, "papermill in turn")),
        ("the same × papermill pool of two", "≥ 1.8", 1 / ratio(found, ALL_DRAWN, "papermill, pool of two")),
        ("the same, part of the limit", "≥ 0.8", 1 / ratio(found, ALL_DRAWN, LIMIT)),
        ("the same, memory over the papermill pool's", "≤ 0.65", ratio(found, ALL_DRAWN, "papermill, pool of two", 2)),
        ("sweep, figures drawn once, × papermill in turn", "≥ 10", 1 / ratio(found, OURS, "papermill in turn")),
    ]
    told = [[what, aim, f"{value:.2f}"] for what, aim, value in reached]
    about = machine(("papermill", "ploomber-engine", "nbconvert", "ipykernel", "matplotlib", "pandas"))
    write_section(
        "A sweep",
        f"Parameter sets over price basis, whole, map and language, seven notebooks each, figures as PNG and SVG. {about}; {rounds} round(s), interleaved. The peers make the "
        "executed notebooks only; ours, the plain and the warm function also join them into a bundle with its report. The limit is a warm function in two processes: "
        "the same code without notebooks and without isolation, every figure drawn.\n\n" + table(heads, rows) + "\n\n" + table(["figure", "aim", "measured"], told),
    )


def others(rounds: int) -> None:
    folder = Path(tempfile.mkdtemp())
    python, lines = sys.executable, []
    try:
        (folder / "grid.yaml").write_text(NUMBERS_GRID)
        taken = []
        for _ in range(rounds):
            shutil.rmtree(folder / "numbers", ignore_errors=True)
            taken.append(run(python, "-m", "kcq_eval", "sweep", folder / "grid.yaml", "--numbers", "--out", folder / "numbers"))
        lines.append(["`sweep --numbers`, runs a minute, start, check and index included", "≥ 2,000", f"{NUMBERS_SIZE / statistics.median(taken) * 60:,.0f} ({NUMBERS_SIZE:,} runs)"])
        run(python, "-m", "kcq_eval", "run", "--out", folder / "bundle")
        unchanged = statistics.median(run(python, "-m", "kcq_eval", "run", "--out", folder / "bundle") for _ in range(rounds))
        lines.append(["an unchanged run, s", "< 1", f"{unchanged:.2f}"])
        lines.append(["`kcq-eval --help`, s", "< 0.3", f"{statistics.median(run(python, '-m', 'kcq_eval', '--help') for _ in range(rounds)):.2f}"])
        notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
        quiet = ["-q", "-p", "no:cacheprovider", "-o", "addopts="]
        checks = {
            "lax": lambda: (run(python, "-m", "pytest", "--nbval-lax", *notebooks, *quiet, cwd=folder),),
            "two": lambda: (run(python, "-m", "pytest", "--nbval", "-n", "2", "--dist", "loadfile", *notebooks, *quiet, cwd=folder),),
            "forked": lambda: (run(python, "-m", "kcq_eval.runs.kernels", python, "-m", "pytest", "--nbval", *notebooks, *quiet, cwd=folder),),
            "two, forked": lambda: (
                run(python, "-m", "kcq_eval.runs.kernels", python, "-m", "pytest", "--nbval", "-n", "2", "--dist", "loadfile", *notebooks, *quiet, cwd=folder),
            ),
        }
        found = interleaved(rounds, checks)
        for way, told in (("two", "two notebooks side by side"), ("forked", "forked kernels"), ("two, forked", "forked kernels, two notebooks side by side")):
            lines.append([f"nbval, outputs compared, {told} / `--nbval-lax` in turn", "≤ 0.5", f"{ratio(found, way, 'lax'):.2f}"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    body = f"{machine(('nbval', 'pytest-xdist', 'typer', 'pydantic'))}; {rounds} round(s).\n\n" + table(["figure", "aim", "measured"], lines)
    write_section("Numbers alone, an unchanged run, CI", body + "\n\n" + imports())


def imports() -> str:
    """What the command line and a run load, by `python -X importtime`: the largest by their own and their children's time."""
    rows = []
    for name, code in (("`kcq-eval --help`", "import kcq_eval.cli"), ("before the fork", "from kcq_eval.runs.warm import load_everything; load_everything()")):
        told = subprocess.run([sys.executable, "-X", "importtime", "-c", code], cwd=ROOT, capture_output=True, text=True, env=surroundings()).stderr
        parts = [line.removeprefix("import time:").split("|") for line in told.splitlines() if line.startswith("import time:") and "cumulative" not in line]
        total = sum(int(own) for own, _, _ in parts) / 1e6
        top = sorted(((int(both), module.strip()) for _, both, module in parts if not module.startswith("   ")), reverse=True)[:6]
        rows.append([name, len(parts), f"{total:.2f}", ", ".join(f"{module} {microseconds / 1e6:.2f}" for microseconds, module in top)])
    return "Imports (`python -X importtime`, seconds):\n\n" + table(["what", "modules", "all", "largest, with what they load"], rows)


def cluster(most: int = 8) -> None:
    """Numbers alone on one to eight workers of one machine, and what a task costs scheduler and client."""
    rows = []
    for workers in (1, 2, 4, 8):
        if workers > most:
            break
        folder = Path(tempfile.mkdtemp())
        (folder / "grid.yaml").write_text(NUMBERS_GRID)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address, started = f"tcp://127.0.0.1:{port}", []
        dask = [sys.executable, "-m", "dask"]
        try:
            with open(folder / "log", "w") as log:
                started.append(subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"], stdout=log, stderr=log, env=surroundings()))
                more = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
                started += [subprocess.Popen([*dask, "worker", address, *more], stdout=log, stderr=log, env=surroundings()) for _ in range(workers)]
                while (folder / "log").read_text().count("Registered to:") < workers:
                    time.sleep(0.2)
                command = ("-m", "kcq_eval", "sweep", folder / "grid.yaml", "--numbers", "--scheduler", address)
                run(sys.executable, *command, "--out", folder / "first")  # the workers load and work out what every run shares
                before = _processor_seconds(started[0].pid)
                wall = run(sys.executable, *command, "--out", folder / "second")
                rows.append([workers, f"{wall:.1f}", f"{_processor_seconds(started[0].pid) - before:.2f}"])
        finally:
            for process in started:
                process.kill()
                process.wait()
            shutil.rmtree(folder, ignore_errors=True)
    heads = ["workers", "s for the grid", "scheduler, processor s"]
    write_section("A sweep on a cluster", f"`sweep --numbers --scheduler`, {NUMBERS_SIZE:,} runs in chunks of 64, warm workers on this machine. {machine(('distributed',))}; one round.\n\n" + table(heads, rows))


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    rounds, count, of_peers = (given + [5, 24, 4][len(given) :])[:3]
    sweeps(rounds, count, of_peers)
    others(rounds)
    cluster()
