"""What is done for a run of a sweep, in a process of its own: the whole bundle, or the numbers alone."""

from __future__ import annotations

import csv
import errno
import functools
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from kcq_eval.errors import BadInput
from kcq_eval.kept import keep, read_kept
from kcq_eval.parameters import Parameters
from kcq_eval.runs.index import Reported
from kcq_eval.runs.inputs import Inputs, InputsChanged
from kcq_eval.runs.pool import can_fork

RUNS, KEPT, NUMBERS, FIGURES = "runs", ".kept", "numbers", "figures"
NO_ROOM = "no room"  # said where the disk is full: then nothing else would end well either


@dataclass(frozen=True)
class Planned:
    """A run that is to be made: its id follows from parameters and inputs."""

    run: str
    parameters: Parameters


def make_bundle(planned: Planned, folder: Path, inputs: dict[str, Inputs], drawn: Path | None = None) -> str:
    """Make one bundle in the sweep's folder; the error, or "" once it is whole.

    Args:
        drawn: Where figures are kept; in the sweep's folder when None.
    """
    from kcq_eval.runs.bundle import FolderTaken, NotebookFailed, run

    try:
        run(
            planned.parameters, folder / RUNS / planned.run, plain=not can_fork(), inputs=inputs[read_by(planned.parameters)], workers=1,
            drawn=drawn or folder / KEPT / FIGURES,
        )  # fmt: skip
    except BadInput as error:
        return " ".join(str(error).split("\n"))
    except NotebookFailed as error:
        return no_room(error.error) or f"{error.chapter}: {error.error}"
    except InputsChanged as error:
        return f"changed while it was read: {error.name}"
    except FolderTaken as error:
        return f"not left by a run: {error.args[0].name}"
    except OSError as error:
        return NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"{type(error).__name__}: {error}"
    return ""


def no_room(told: str) -> str:
    """`NO_ROOM` where an error's text says so: a notebook's error reaches us as text only."""
    return NO_ROOM if f"[Errno {errno.ENOSPC}]" in told or f"[Errno {errno.EDQUOT}]" in told else ""


def make_numbers(chunk: Sequence[Planned], folder: Path, inputs: dict[str, Inputs]) -> dict[str, str]:
    """Compute the numbers of some runs and keep them; the errors by run."""
    found, errors = compute_numbers(chunk)
    for reads in {read_by(planned.parameters) for planned in chunk}:
        try:
            inputs[reads].check_unchanged()
        except InputsChanged as error:
            return {planned.run: f"changed while it was read: {error.name}" for planned in chunk}
    try:
        keep_numbers(folder, *packed(found))
    except OSError as error:
        told = NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else f"{type(error).__name__}: {error}"
        return {planned.run: told for planned in chunk}
    return errors


def compute_numbers(chunk: Iterable[Planned]) -> tuple[dict[str, list[Reported]], dict[str, str]]:
    """Numbers by run, and errors by run."""
    found: dict[str, list[Reported]] = {}
    errors: dict[str, str] = {}
    for planned in chunk:
        try:
            found[planned.run] = numbers_of(planned.parameters)
        except BadInput as error:
            errors[planned.run] = " ".join(str(error).split("\n"))
        except Exception as error:  # one run's failure is no reason to lose the others
            errors[planned.run] = f"{type(error).__name__}: {error}"
    return found, errors


def numbers_of(parameters: Parameters) -> list[Reported]:
    """The numbers of one run as its numbers.csv would have them."""
    from kcq_eval.evaluation import evaluate
    from kcq_eval.runs.numbers import all_numbers
    from kcq_eval.tables import decimal

    return [
        Reported(n.id, decimal(n.bounded.value), decimal(n.bounded.lower), decimal(n.bounded.upper), n.unit) for n in all_numbers(evaluate(parameters))
    ]


def packed(found: dict[str, list[Reported]]) -> tuple[str, bytes]:
    """Numbers as they are kept: a name of their own, and their bytes."""
    told = {run: [astuple(number) for number in numbers] for run, numbers in found.items()}
    return f"{min(found, default='')}-{len(found)}", zlib.compress(json.dumps(told, ensure_ascii=False).encode(), 1)


def keep_numbers(folder: Path, name: str, content: bytes) -> None:
    """Write down what is whole, so that it is never computed again."""
    keep(folder / KEPT / NUMBERS / name, content)


def kept_numbers(folder: Path) -> dict[str, list[Reported]]:
    """Numbers of every run that is whole; a damaged file counts as not there."""
    found: dict[str, list[Reported]] = {}
    reported = functools.cache(Reported)  # most numbers are alike in most runs
    for place in sorted((folder / KEPT / NUMBERS).glob("[!.]*")):
        content = read_kept(place)
        if content is not None:
            found |= {run: [reported(*number) for number in numbers] for run, numbers in json.loads(zlib.decompress(content)).items()}
    return found


def bundle_numbers(bundle: Path) -> list[Reported]:
    """The numbers of a whole bundle."""
    with open(bundle / "numbers.csv", encoding="utf-8", newline="") as file:
        return [Reported(row["id"], row["value"], row["lower"], row["upper"], row["unit"]) for row in csv.DictReader(file)]


def read_by(parameters: Parameters) -> str:
    """Which files a run reads, as a key: runs that read the same files share their hashes."""
    from kcq_eval.parameters import INPUTS

    return json.dumps([parameters.data_dir, *(getattr(parameters, name) for name in INPUTS)])
