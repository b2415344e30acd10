"""`record.json`: what a run was told, what it read and left, with what, and what came of it.

Same inputs, same bytes: it says nothing of when, where and by whom. A commit of version control is not told, since the same files
make the same bundle in a copy without one; `code` says which code it was.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kcq_eval import __version__
from kcq_eval.datafiles import project_root
from kcq_eval.evidence.integrity import LOG, RECORD, SUMS, hashes

if TYPE_CHECKING:
    from kcq_eval.evaluation import Evaluation

PARAMETERS, LOCK = "parameters.yaml", "requirements.lock"
COMMAND = f"kcq-eval run -f {PARAMETERS}"
CODE = ("kcq_eval/", "notebooks/")  # inputs that are code
_ONLY_SHOW = {"jupyterlab", "voila"}  # what people look with: no run loads them
_NAME = re.compile(r"[-_.]+")


def write_record(work: Path, run_id: str, parameters: Mapping[str, Any], inputs: Mapping[str, str], evaluation: Evaluation) -> None:
    """Write the record of a finished run.

    Args:
        work: The finished folder.
        parameters: Those that change results.
        inputs: SHA-256 of every file read, by name.
    """
    audit = evaluation.audit
    record = {
        "run_id": run_id,
        "kcq_eval": __version__,
        "command": COMMAND,
        "code": code_version(inputs),
        "parameters": dict(parameters),
        "sources": list(evaluation.published.sources),
        "verdict": audit.verdict,
        "verdicts": dict(_verdicts(work)),
        "conflicts": audit.conflicts,
        "explanations": audit.explanations,
        "set_aside": evaluation.set_aside,
        "ledger": {correction.claim_id: correction.status for correction in evaluation.ledger},
        "environment": environment(),
        "inputs": dict(inputs),
        "outputs": {name: found for name, found in hashes(work).items() if name not in (RECORD, SUMS, LOG)},
    }
    (work / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


def code_version(inputs: Mapping[str, str]) -> str:
    """One SHA-256 for the package and the notebooks: that of the lines `<hash>  <name>` of their files, in the order of names."""
    lines = [f"{inputs[name]}  {name}\n" for name in sorted(inputs) if name.startswith(CODE)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@functools.cache
def environment() -> dict[str, str]:
    """Python, the platform whose compiled libraries were used, and the version of every package that a run can load."""
    from importlib.metadata import PackageNotFoundError, distribution

    found, waiting = {}, list(_required())
    while waiting:
        requirement = waiting.pop()
        name = _canonical(requirement.name)
        if name in found and not requirement.extras:
            continue
        try:
            there = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        found[name] = there.version
        waiting += [one for one in _parsed(there.requires or (), requirement.extras) if _canonical(one.name) not in found]
    compiled_for = f"{sys.platform}-{platform.machine().lower()}"
    return {"python": ".".join(map(str, sys.version_info[:3])), "platform": compiled_for, **{name: found[name] for name in sorted(found)}}


def _required() -> Iterator[Any]:
    """What the package itself asks for: as pyproject.toml says where there is one, which an installation may be older than."""
    from importlib.metadata import requires

    project = project_root() / "pyproject.toml"
    if project.is_file():
        import tomllib

        stated = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        stated = requires("kcq_eval") or ()
    return (one for one in _parsed(stated, set()) if _canonical(one.name) not in _ONLY_SHOW)


def _parsed(stated: Any, extras: set[str]) -> Iterator[Any]:
    """The requirements that hold on this machine."""
    from packaging.requirements import Requirement

    for line in stated:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _canonical(name: str) -> str:
    return _NAME.sub("-", name).lower()


def _verdicts(work: Path) -> Iterator[tuple[str, str]]:
    with open(work / "verdicts.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["claim_id"], row["verdict"]
