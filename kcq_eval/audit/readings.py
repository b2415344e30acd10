"""Where a verdict turns on how a printed number is read: open or closed ends, a hedge taken strictly or generously."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kcq_eval.audit.constraints import assemble, constrain
from kcq_eval.audit.explanations import CONSISTENT, Audit
from kcq_eval.audit.solver import Answer, Component, components, shrink
from kcq_eval.printed import GENEROUS, STRICT
from kcq_eval.remembered import remembered

_MOST_TRIED = 50  # conflicts


@dataclass(frozen=True)
class Turned:
    """Claims whose verdict is another one in another reading: `generous` clears them, `strict` makes them contradict each other."""

    reading: str
    claims: tuple[str, ...]


@remembered
def other_readings(audit: Audit) -> tuple[Turned, ...]:
    """Conflicts that a generous reading resolves; of an account that can be true, the claims that a strict reading puts in conflict."""
    return tuple(_cleared(audit) if audit.conflicts else _accused(audit) if audit.verdict == CONSISTENT else ())


def _cleared(audit: Audit) -> Iterator[Turned]:
    parts = _read(audit, GENEROUS)
    for conflict in audit.conflicts[:_MOST_TRIED]:
        part = next(part for part in parts if conflict[0] in part.claims)
        if part.feasible(conflict) is Answer.YES:
            yield Turned(GENEROUS, conflict)


def _accused(audit: Audit) -> Iterator[Turned]:
    for part in _read(audit, STRICT):
        claims = [audit.published.claim(claim_id) for claim_id in part.claims]
        rounded = any(claim.printed and (claim.relation == "average" or not claim.printed.interval.is_point) for claim in claims)
        if rounded and part.feasible(part.claims) is Answer.NO:
            in_conflict = functools.partial(_in_conflict, part)
            yield Turned(STRICT, tuple(shrink(part.claims, in_conflict)) if len(claims) <= _MOST_TRIED else part.claims)


def _in_conflict(part: Component, claims: Sequence[str]) -> bool:
    return part.feasible(claims) is Answer.NO


def _read(audit: Audit, reading: str) -> list[Component]:
    """All claims read so. Rules follow from all that the claims speak of, so they are put together once and not for each conflict."""
    vocabulary, claims = audit.published.vocabulary, audit.published.claims
    read = [replace(claim, printed=replace(claim.printed, reading=reading)) if claim.printed else claim for claim in claims]
    return components(assemble([found for claim in read if (found := constrain(claim, vocabulary))], vocabulary))
