"""`kcq-eval verify`: whether a bundle is what it says. Its files are unchanged; the inputs are those it names; run again, it comes out the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kcq_eval.datafiles import resolve_folder
from kcq_eval.errors import BadInput, Problem, Problems
from kcq_eval.evidence.crate import CRATE
from kcq_eval.evidence.difference import MOVED, ONLY_A, ONLY_B, SAME, Change, Difference, changed_inputs, difference
from kcq_eval.evidence.explain import LINEAGE
from kcq_eval.evidence.integrity import LOG, RECORD, SUMS, Damage, damage, hashes
from kcq_eval.evidence.record import LOCK, PARAMETERS
from kcq_eval.parameters import FOLDERS, INPUTS, Parameters, read_parameters

IDENTICAL, EQUAL, DIFFERENT = "identical", "equal", "different"
PLACES = (*INPUTS, "data_dir")  # parameters that say where something lies
_ABOUT = (RECORD, CRATE, SUMS, LOG)  # what a run says of itself, not its results
_MOST_TOLD = 20  # inputs that are named
_LEFT = shutil.ignore_patterns(".venv", "outputs", ".git", "__pycache__", ".*_cache", ".hypothesis", ".ipynb_checkpoints")


@dataclass(frozen=True)
class Verified:
    """What came of a verification.

    Attributes:
        damage: Files that are not as the run left them.
        changes: Inputs, code and versions here that are not those recorded.
        verdict: `identical` (same bytes), `equal` (other bytes, for which `changes` can be the reason, and no number moved) or `different`.
        files: Results whose bytes are not those recorded.
        numbers: Number by number, where bytes differ.
        repeated: Results that were compared.
    """

    damage: Damage
    changes: tuple[Change, ...]
    verdict: str
    files: tuple[str, ...] = ()
    numbers: Difference | None = None
    repeated: int = 0

    @property
    def holds(self) -> bool:
        return self.damage.is_none and self.verdict != DIFFERENT


def verify(
    bundle: Path, given: Mapping[str, Path] = {}, *, from_scratch: bool = False, tell: Callable[[str], None] = lambda step: None
) -> Verified:
    """Check a bundle's files, run it again in a fresh folder and compare.

    Args:
        given: Where the user's own files lie now, by parameter; those not named are looked for where they were.
        from_scratch: Make the environment anew from the recorded lock first, and run there.
        tell: Called with each step's name.

    Raises:
        BadInput: The folder is no bundle, or what the run needs is not here or not what it was; all problems at once.
        NotebookFailed, NumbersDiffer, InputsChanged: The run does not come to its end here.
        OSError: A file or folder cannot be read or written.
    """
    tell("files")
    found = damage(bundle)
    record, parameters = _recorded(bundle)
    with tempfile.TemporaryDirectory(prefix="kcq-verify-", ignore_cleanup_errors=True) as folder:
        work = Path(folder).resolve()
        parameters = _with_inputs(parameters, given, record["inputs"], work / "inputs")
        again = work / "bundle"
        if from_scratch:
            _run_from_scratch(parameters, record, work, again, tell)
        else:
            tell("run")
            _run_here(parameters, again)
        tell("compare")
        return _compared(bundle, again, record, found)


def _recorded(bundle: Path) -> tuple[dict[str, Any], Parameters]:
    import yaml

    try:
        record = json.loads((bundle / RECORD).read_text(encoding="utf-8"))
        if not all(isinstance(value, str) for name in ("inputs", "outputs", "environment") for value in record[name].values()):
            raise ValueError(RECORD)
        given = yaml.safe_load((bundle / PARAMETERS).read_text(encoding="utf-8"))
        return record, read_parameters({str(name): value for name, value in given.items()}, file=PARAMETERS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        raise BadInput([Problem("not_a_bundle", str(bundle), expected=f"{RECORD}, {PARAMETERS}")]) from None


def _with_inputs(parameters: Parameters, given: Mapping[str, Path], recorded: Mapping[str, str], place: Path) -> Parameters:
    """The parameters with the user's files where they lie now; a file that has another name now is copied under its own.

    Raises:
        BadInput: A file is missing, or is not the one that was used.
    """
    from kcq_eval.register.register import hash_of

    problems, found = Problems(), {}
    for name in PLACES:
        if not getattr(parameters, name):
            continue
        path = Path(os.path.abspath(given[name])) if name in given else resolve_folder(getattr(parameters, name))
        expected = next(((key.partition("/")[2], digest) for key, digest in recorded.items() if key.startswith(f"{name}/")), None)
        if not path.exists():
            problems.append(Problem("input_missing", path.name, column=name, expected=f"--{name.removesuffix('_dir')} FILE"))
        elif name in INPUTS and (expected is None or hash_of(path) != expected[1]):
            problems.append(Problem("input_differs", path.name, column=name, expected=expected[1] if expected else ""))
        elif expected and path.name != expected[0]:
            place.mkdir(exist_ok=True)
            found[name] = str(place / expected[0])
            (shutil.copytree if path.is_dir() else shutil.copy)(path, found[name])
        elif name in given:
            found[name] = str(path)
    problems.stop()
    return parameters.model_copy(update=found)


def _run_here(parameters: Parameters, again: Path) -> None:
    from kcq_eval.runs.bundle import run

    run(parameters, again)


def _run_from_scratch(parameters: Parameters, record: Mapping[str, Any], work: Path, again: Path, tell: Callable[[str], None]) -> None:
    """Copy the project without its environment, make one from the lock, run there.

    Raises:
        BadInput: There is no project here to copy, its lock is not the recorded one, or a step fails.
    """
    import yaml

    root = Path(__file__).resolve().parents[2]
    lock = root / LOCK
    if not (root / "tasks.py").is_file() or not lock.is_file():
        raise BadInput([Problem("no_project", LOCK, expected=f"tasks.py, {LOCK}")])
    expected = record["inputs"].get(LOCK, "")
    if hashes(root, [LOCK])[LOCK] != expected:
        raise BadInput([Problem("other_lock", LOCK, expected=expected)])
    project = work / "project"
    shutil.copytree(root, project, ignore=_LEFT)
    (work / PARAMETERS).write_text(yaml.safe_dump({**parameters.model_dump(exclude={"out_dir"})}, allow_unicode=True), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "KCQ_EVAL_HOME")}
    for step, arguments in (("environment", ["setup"]), ("run", ["evaluate", "-f", str(work / PARAMETERS), "--out", str(again)])):
        tell(step)
        done = subprocess.run([sys.executable, "tasks.py", *arguments], cwd=project, env=clean, capture_output=True, text=True, encoding="utf-8", check=False)
        if done.returncode:
            raise BadInput([Problem("scratch_failed", "tasks.py", column=arguments[0], found=done.stderr.strip()[-2000:])])


def _compared(bundle: Path, again: Path, record: Mapping[str, Any], found: Damage) -> Verified:
    made = json.loads((again / RECORD).read_text(encoding="utf-8"))
    touched = found.names
    recorded, results = hashes(bundle) if RECORD in touched else record["outputs"], made["outputs"]
    names = sorted({*recorded, *results} - {*_ABOUT})
    files = tuple(name for name in names if recorded.get(name) != results.get(name) and not _same_but_for_places(name, bundle, again))
    changes = tuple(changed_inputs(record, made))
    if not files:
        return Verified(found, changes, IDENTICAL, repeated=len(names))
    comparable = not touched & {RECORD, LINEAGE, "numbers.csv"}
    numbers = replace(difference(bundle, again), changes=changes) if comparable else None
    equal = bool(changes) and numbers is not None and not numbers.of(MOVED, ONLY_A, ONLY_B)
    return Verified(found, changes, EQUAL if equal else DIFFERENT, files, numbers, len(names))


def _same_but_for_places(name: str, bundle: Path, again: Path) -> bool:
    """Whether two parameter files differ at most in where things lie."""
    import yaml

    if name != PARAMETERS:
        return False
    told = [yaml.safe_load((folder / name).read_text(encoding="utf-8")) for folder in (bundle, again)]
    before, after = ({key: value for key, value in one.items() if key not in FOLDERS} for one in told)
    return before == after


def told(found: Verified, language: str) -> Iterator[str]:
    """The verification in plain words: files, inputs, the run again."""
    from kcq_eval.texts import plain

    def say(key: str, **values: Any) -> str:
        return plain(language, f"verify.{key}", **values)

    yield say("unchanged") if found.damage.is_none else say("damaged")
    for kind in ("changed", "missing", "extra"):
        yield from (f"  • {say(kind, file=name)}" for name in getattr(found.damage, kind))
    yield from (f"  • {say('renamed', file=name, other=other)}" for name, other in found.damage.renamed)
    yield say("same_inputs") if not found.changes else say("other_inputs", count=len(found.changes))
    for change in found.changes[:_MOST_TOLD]:
        yield f"  • {plain(language, f'diff.kind.{change.kind}', name=change.name)}: {change.before or '–'} → {change.after or '–'}"
    if len(found.changes) > _MOST_TOLD:
        yield f"  • {say('more', count=len(found.changes) - _MOST_TOLD)}"
    yield say(found.verdict, count=found.repeated)
    if found.verdict != IDENTICAL and found.numbers:
        yield say("numbers", same=len(found.numbers.of(SAME)), count=len(found.numbers.numbers))
        from kcq_eval.evidence.difference import told as told_difference

        if not found.numbers.is_none:
            yield from told_difference(replace(found.numbers, changes=()), language)
    yield from (f"  • {say('file', file=name)}" for name in found.files)
    yield say("holds" if found.holds else "fails")
