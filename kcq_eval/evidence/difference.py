"""`kcq-eval diff A B`: which numbers moved between two bundles, by more than rounding or not, and what changed behind them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kcq_eval.errors import Problem, Problems
from kcq_eval.evidence.explain import LINEAGE
from kcq_eval.evidence.integrity import RECORD
from kcq_eval.texts import plain

MOVED, WITHIN, SAME, ONLY_A, ONLY_B = "moved", "within", "same", "only_a", "only_b"


@dataclass(frozen=True)
class Change:
    """Something that is not the same in both bundles.

    Attributes:
        kind: `parameter`, `claim`, `set_aside`, `register`, `data`, `code` or `environment`.
        name: Parameter, claim id, file or package.
        before, after: What it was and is; "" where there was or is none.
    """

    kind: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Moved:
    """A number of both bundles, or of one.

    Attributes:
        verdict: `moved` (no value could be true in both), `within` (bounds differ but overlap), `same`, `only_a` or `only_b`.
        through: The changes that it can have moved through, the closest kind only: changed claims or rows behind it, else what else changed.
    """

    id: str
    verdict: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    through: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Difference:
    changes: tuple[Change, ...]
    numbers: tuple[Moved, ...]

    def of(self, *verdicts: str) -> list[Moved]:
        return [number for number in self.numbers if number.verdict in verdicts]

    @property
    def is_none(self) -> bool:
        """Whether every number is the same in both."""
        return all(number.verdict == SAME for number in self.numbers)


@dataclass(frozen=True)
class _Bundle:
    record: dict[str, Any]
    numbers: dict[str, dict[str, str]]
    lineage: dict[str, Any]


def difference(before: Path, after: Path) -> Difference:
    """Compare two bundles.

    Raises:
        BadInput: A folder is no bundle; both are named at once.
    """
    problems, read = Problems(), []
    for folder in (before, after):
        try:
            read.append(_read(folder))
        except (OSError, ValueError, KeyError):
            problems.append(Problem("not_a_bundle", str(folder), expected=f"{RECORD}, numbers.csv, {LINEAGE}"))
    problems.stop()
    a, b = read
    changes = tuple(_changes(a, b))
    ids = [*a.numbers, *(number_id for number_id in b.numbers if number_id not in a.numbers)]
    return Difference(changes, tuple(_moved(number_id, a, b, changes) for number_id in ids))


def _read(folder: Path) -> _Bundle:
    with open(folder / "numbers.csv", encoding="utf-8", newline="") as file:
        numbers = {row["id"]: row for row in csv.DictReader(file)}
    record, lineage = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (RECORD, LINEAGE))
    return _Bundle({"parameters": record["parameters"], "inputs": record["inputs"], "environment": record["environment"]}, numbers, lineage)


def _changes(a: _Bundle, b: _Bundle) -> Iterator[Change]:
    for name, before, after in _unlike(a.record["parameters"], b.record["parameters"]):
        yield Change("parameter", name, _told(before), _told(after))
    claims = [{claim_id: claim["printed"] for claim_id, claim in bundle.lineage["claims"].items()} for bundle in (a, b)]
    for claim_id, before, after in _unlike(*claims):
        yield Change("claim", claim_id, before or "", after or "")
    if a.lineage["set_aside"] != b.lineage["set_aside"]:
        yield Change("set_aside", "", ", ".join(a.lineage["set_aside"]), ", ".join(b.lineage["set_aside"]))
    for change in changed_inputs(a.record, b.record):
        if not change.name.startswith("data/claims/") or not any(claims):
            yield change


def changed_inputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The input files, code and versions that two records do not share."""
    for name, first, second in _unlike(before["inputs"], after["inputs"]):
        kind = name.partition("/")[0]
        yield Change(kind if kind in ("register", "data") else "code", name, (first or "")[:10], (second or "")[:10])
    for name, first, second in _unlike(before["environment"], after["environment"]):
        yield Change("environment", name, first or "", second or "")


def _unlike(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _told(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _moved(number_id: str, a: _Bundle, b: _Bundle, changes: tuple[Change, ...]) -> Moved:
    before, after = a.numbers.get(number_id, {}), b.numbers.get(number_id, {})
    if not (before and after):
        return Moved(number_id, ONLY_A if before else ONLY_B, before, after, _through(number_id, a, b, changes))
    if all(before[column] == after[column] for column in ("value", "lower", "upper", "unit")):
        return Moved(number_id, SAME, before, after)
    verdict = WITHIN if before["unit"] == after["unit"] and _overlap(before, after) else MOVED
    return Moved(number_id, verdict, before, after, _through(number_id, a, b, changes))


def _overlap(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    lower = max(Decimal(before["lower"]), Decimal(after["lower"]))
    uppers = [Decimal(row["upper"]) for row in (before, after) if row["upper"]]
    return not uppers or lower <= min(uppers)


def _through(number_id: str, a: _Bundle, b: _Bundle, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Changed claims behind the number in either bundle; a changed register where rows are; else parameters and data, else code and environment."""
    claims, rows, depends = set(), False, False
    for bundle in (a, b):
        number = next((number for number in bundle.lineage["numbers"] if number["id"] == number_id), None)
        if number:
            quantities = [bundle.lineage["quantities"][name] for name in number["quantities"]]
            claims |= {*number["claims"], *(claim for quantity in quantities for claim in quantity["claims"])}
            rows |= any(quantity["basis"] == "register" for quantity in quantities)
            depends |= number["depends_on_explanation"]
    close = [c for c in changes if (c.kind == "claim" and c.name in claims) or (c.kind == "register" and rows) or (c.kind == "set_aside" and depends)]
    for kinds in (("parameter", "data", "claim", "register"), ("code",), ("environment",)):
        close = close or [change for change in changes if change.kind in kinds]
    return tuple(close)


def told(found: Difference, language: str) -> Iterator[str]:
    """The difference in words: what changed, then the numbers that moved, those within bounds, those of one bundle only."""

    def say(key: str, **values: Any) -> str:
        return plain(language, f"diff.{key}", **values)

    if found.is_none:
        yield say("none", count=len(found.numbers))
    if found.changes:
        yield say("changed")
        for change in found.changes:
            yield f"  • {say(f'kind.{change.kind}', name=change.name).strip()}: {change.before or '–'} → {change.after or '–'}"
    for verdict in (MOVED, WITHIN, ONLY_A, ONLY_B):
        numbers = found.of(verdict)
        if numbers:
            yield say(verdict, count=len(numbers))
        for number in numbers:
            row = number.after or number.before
            values = [one.get(f"text_{language}", "") or "–" for one in (number.before, number.after)]
            through = ", ".join(dict.fromkeys(change.name or say(f"kind.{change.kind}", name="").strip() for change in number.through))
            yield f"  • {row[f'label_{language}']} [{number.id}]: {values[0]} → {values[1]}" + (f"  ({say('through', what=through)})" if through else "")
    same = len(found.of(SAME))
    if same and not found.is_none:
        yield say("same", count=same)
