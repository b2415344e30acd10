"""Many runs: all that a grid asks for, side by side, each whole or not there, never one twice; then their index."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kcq_eval import __version__
from kcq_eval.errors import BadInput, Problem, Problems
from kcq_eval.kept import write_whole
from kcq_eval.parameters import INPUTS, Parameters
from kcq_eval.runs.grid import Grid, evidence_of
from kcq_eval.runs.index import Comparison, Row, write_index
from kcq_eval.runs.inputs import Inputs
from kcq_eval.runs.pool import CAN_FORK, can_fork, cores, run_each
from kcq_eval.runs.tasks import (
    KEPT,
    NO_ROOM,
    NUMBERS,
    RUNS,
    Planned,
    bundle_numbers,
    kept_numbers,
    make_bundle,
    make_numbers,
    read_by,
)

RECORD = "sweep.json"
BUNDLES_DEPTH, NUMBERS_DEPTH = "bundles", "numbers"
MOST = {BUNDLES_DEPTH: 10_000, NUMBERS_DEPTH: 50_000}
_CHUNK = 64 if CAN_FORK else 1_000  # runs of one process where only numbers are wanted
_BYTES = {BUNDLES_DEPTH: 6_000_000, NUMBERS_DEPTH: 12_000}  # what a run needs, before the first one of this sweep says it
_FREE = 50_000_000  # left to others


class NoRoom(Exception):
    """The disk is full; what is whole stays, and the same sweep goes on from there."""


class Held(Exception):
    """Another process works in this folder."""


@dataclass
class Progress:
    """How far a sweep is.

    Attributes:
        found: Runs that were whole already.
        running: Runs that are being made.
        failed: Errors by run.
    """

    size: int
    found: int = 0
    made: int = 0
    running: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return self.size - self.found - self.made - len(self.failed)


@dataclass(frozen=True)
class Sweep:
    """A finished sweep."""

    folder: Path
    runs: tuple[Planned, ...]
    progress: Progress
    compared: tuple[Comparison, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be done in a folder: runs in the grid's order, and what they read."""

    grid: Grid
    depth: str
    folder: Path
    runs: tuple[Planned, ...]
    inputs: dict[str, Inputs]


# Makes runs somewhere: takes the plan, the runs that are not there, and what to call with (run, error) as each ends and with runs that start.
Maker = Callable[["Plan", Sequence[Planned], Callable[[str, str], None], Callable[[Iterable[str]], None]], None]


def plan(grid: Grid, depth: str, folder: Path) -> Plan:
    """Check everything before anything runs.

    Raises:
        BadInput: Combinations that no run can have, or that the data do not hold; a folder that cannot be used; too little room.
    """
    from kcq_eval.runs.bundle import checked, run_id_of

    parameters = grid.parameters()
    problems = Problems()
    seen: set[tuple] = set()
    for one in _in_order(parameters):
        key = evidence_of(one)
        if key not in seen:
            seen.add(key)
            try:
                checked(one)
            except BadInput as error:
                problems += [problem for problem in error.problems if problem not in problems]
    problems.stop()
    inputs: dict[str, Inputs] = {}
    runs: dict[str, Planned] = {}
    for one in parameters:
        read = read_by(one)
        if read not in inputs:
            inputs[read] = Inputs.of(one)
        run = run_id_of(one, inputs[read])
        runs.setdefault(run, Planned(run, one))
    _check_folder(folder)
    return Plan(grid, depth, folder, tuple(runs.values()), inputs)


def sweep(planned: Plan, *, make: Maker | None = None, tell: Callable[[Progress], None] = lambda progress: None) -> Sweep:
    """Make the runs that are not whole yet, and the index of all.

    Args:
        make: Where runs are made; in forked processes of this one when None.
        tell: Called whenever something changed, and at least twice a second.

    Raises:
        BadInput: Too little room for what is missing.
        NoRoom: The disk ran full; nothing that is whole is lost.
        Held: Another process works in the folder.
    """
    with _held(planned.folder):
        _clear_up(planned.folder)
        record = {"kcq_eval": __version__, "depth": planned.depth, "axes": [list(axis.names) for axis in planned.grid.axes], "runs": len(planned.runs)}
        write_whole(planned.folder / RECORD, (json.dumps(record, indent=1) + "\n").encode())
        there = _whole(planned)
        missing = [run for run in planned.runs if run.run not in there]
        progress = Progress(len(planned.runs), found=len(planned.runs) - len(missing))
        _check_room(planned, len(missing))
        tell(progress)
        full = False

        def ended(run: str, error: str) -> None:
            nonlocal full
            full = full or error == NO_ROOM
            if error:
                progress.failed[run] = error
            else:
                progress.made += 1
            tell(progress)
            if full:
                raise NoRoom
            if not error and progress.made == 1 and planned.depth == BUNDLES_DEPTH:
                try:
                    _check_room(planned, len(missing) - 1, _size(planned.folder / RUNS / run))
                except BadInput as little:
                    raise NoRoom from little

        def started(running: Iterable[str]) -> None:
            progress.running = list(running)
            tell(progress)

        (make or _make_here)(planned, missing, ended, started)
        progress.running = []
        try:
            compared = _index(planned, progress.failed)
        except OSError as error:
            raise NoRoom from error
        return Sweep(planned.folder, planned.runs, progress, tuple(compared))


def make_in_pool(workers: int) -> Maker:
    """Runs are made by so many processes of this machine."""
    return functools.partial(_make_here, workers=workers)


def chunks(missing: Sequence[Planned], workers: int) -> list[list[Planned]]:
    """Runs for one task each where only numbers are wanted: those that rest on the same data together."""
    length = max(1, min(_CHUNK, -(-len(missing) // workers)))
    ordered = iter(_in_order(missing, lambda run: run.parameters))
    return list(iter(lambda: list(itertools.islice(ordered, length)), []))


def _make_here(
    planned: Plan, missing: Sequence[Planned], ended: Callable[[str, str], None], started: Callable[[Iterable[str]], None], workers: int = 0
) -> None:  # fmt: skip
    workers = workers or cores()
    running: list[str] = []

    def starts(task: Planned | list[Planned]) -> None:
        running.extend(_ids(task))
        started(running)

    work = functools.partial(make_bundle if planned.depth == BUNDLES_DEPTH else make_numbers, folder=planned.folder, inputs=planned.inputs)
    tasks: Iterable = _in_order(missing, lambda run: run.parameters) if planned.depth == BUNDLES_DEPTH else chunks(missing, workers)
    for outcome in run_each(work, _prepared(tasks, planned), workers=workers, on_start=starts, on_wait=lambda: started(running)):
        for run in _ids(outcome.task):
            running.remove(run)
            if outcome.error:
                ended(run, outcome.error)
            else:
                ended(run, outcome.result if planned.depth == BUNDLES_DEPTH else outcome.result.get(run, ""))


def _prepared(tasks: Iterable, planned: Plan) -> Iterator:
    """Each task as it is needed, once this process holds what its children would otherwise each compute: libraries, the audit and its answers."""
    from kcq_eval.runs.warm import load_everything, work_out

    if can_fork() and planned.depth == BUNDLES_DEPTH:
        load_everything()
    for read in planned.inputs.values():
        _ = read.hashes  # computed once, before the fork
    seen: set[tuple] = set()
    for task in tasks:
        first = task if isinstance(task, Planned) else task[0]
        key = (first.parameters.data_dir, first.parameters.sources, first.parameters.explanation, first.parameters.register)
        if can_fork() and key not in seen:
            seen.add(key)
            with contextlib.suppress(Exception):  # the run itself will say what is wrong
                work_out(first.parameters)
        yield task


def _ids(task: Planned | list[Planned]) -> list[str]:
    return [task.run] if isinstance(task, Planned) else [run.run for run in task]


def _in_order(runs: Iterable, parameters: Callable = lambda run: run) -> list:
    """Runs that rest on the same data after each other, so that what is computed from data alone stays at hand."""

    def reads(run: object) -> tuple:
        of: Parameters = parameters(run)
        inputs = tuple(getattr(of, name) for name in INPUTS)
        return of.data_dir, *inputs, of.sources, of.explanation, of.count_unit, of.centre, of.period, of.baseline

    return sorted(runs, key=reads)


def _whole(planned: Plan) -> set[str]:
    """The runs that lie in the folder, whole."""
    if planned.depth == NUMBERS_DEPTH:
        return set(kept_numbers(planned.folder))
    from kcq_eval.runs.bundle import is_there

    return {run.run for run in planned.runs if is_there(planned.folder / RUNS / run.run, run.run)}


def _index(planned: Plan, failed: dict[str, str]) -> list[Comparison]:
    kept = kept_numbers(planned.folder) if planned.depth == NUMBERS_DEPTH else {}
    rows = []
    for run in planned.runs:
        given = {name: value for name, value in run.parameters.model_dump().items() if name != "out_dir"}
        if run.run in failed:
            rows.append(Row(run.run, given, error=failed[run.run]))
        else:
            numbers = kept[run.run] if planned.depth == NUMBERS_DEPTH else bundle_numbers(planned.folder / RUNS / run.run)
            rows.append(Row(run.run, given, numbers))
    return write_index(planned.folder, rows, [axis.names for axis in planned.grid.axes if len(axis.values) > 1])


def _check_folder(folder: Path) -> None:
    """A folder that holds other things, or that cannot be written to, is refused."""
    try:
        ours = not folder.exists() or (folder.is_dir() and ((folder / RECORD).exists() or {p.name for p in folder.iterdir()} <= {KEPT, RUNS}))
        if not ours:
            raise BadInput([Problem("folder_taken", str(folder))])
        (folder / KEPT / NUMBERS).mkdir(parents=True, exist_ok=True)
        (folder / RUNS).mkdir(exist_ok=True)
        write_whole(folder / KEPT / "room", b"")
    except OSError as error:
        raise BadInput([Problem("folder_not_writable", str(folder), found=error.strerror or str(error))]) from error


def _check_room(planned: Plan, missing: int, each: int = 0) -> None:
    """Whether the missing runs will find room; a guess until the first of them says how much each needs."""
    needed, free = missing * (each or _BYTES[planned.depth]), shutil.disk_usage(planned.folder).free
    if missing and free < needed + _FREE:
        told = f"{free / 1e6:,.0f} MB".replace(",", "\N{NO-BREAK SPACE}"), f"≥ {(needed + _FREE) / 1e6:,.0f} MB".replace(",", "\N{NO-BREAK SPACE}")
        raise BadInput([Problem("no_room", str(planned.folder), found=told[0], expected=told[1])])


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _clear_up(folder: Path) -> None:
    """Take away what runs left that were killed."""
    for place in (folder / RUNS).glob(".*"):
        shutil.rmtree(place, ignore_errors=True)
    for place in [*(folder / KEPT).glob("*/.*"), *folder.glob(".index*"), *folder.glob(".comparison*")]:
        place.unlink(missing_ok=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder for this process alone; the system lets go of it however the process ends."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with open(folder / KEPT / "held", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Held(folder) from error
        yield
