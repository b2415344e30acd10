"""Where a verdict turns on how a printed number is read: open or closed ends, a hedge taken strictly or generously."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from kcq_eval.audit.constraints import assemble, constrain
from kcq_eval.audit.explanations import CONSISTENT, Audit
from kcq_eval.audit.solver import Answer, Component, components, shrink
from kcq_eval.printed import GENEROUS, STRICT

_MOST_TRIED = 50  # conflicts


@dataclass(frozen=True)
class Turned:
    """Claims whose verdict is another one in another reading: `generous` clears them, `strict` makes them contradict each other."""

    reading: str
    claims: tuple[str, ...]


def other_readings(audit: Audit) -> list[Turned]:
    """Conflicts that a generous reading resolves; of an account that can be true, the claims that a strict reading puts in conflict."""
    return list(_cleared(audit) if audit.conflicts else _accused(audit) if audit.verdict == CONSISTENT else ())


def _cleared(audit: Audit) -> Iterator[Turned]:
    parts = _read(audit, GENEROUS)
    for conflict in audit.conflicts[:_MOST_TRIED]:
        if _possible(conflict, parts) is Answer.YES:
            yield Turned(GENEROUS, conflict)


def _accused(audit: Audit) -> Iterator[Turned]:
    for part in _read(audit, STRICT):
        claims = [audit.published.claim(claim_id) for claim_id in part.claims]
        if any(claim.printed and not claim.printed.interval.is_point for claim in claims) and part.feasible(part.claims) is Answer.NO:
            few = len(claims) <= _MOST_TRIED
            yield Turned(STRICT, tuple(shrink(part.claims, lambda rest: part.feasible(rest) is Answer.NO)) if few else part.claims)


def _read(audit: Audit, reading: str) -> list[Component]:
    """All claims read so. Rules follow from all that the claims speak of, so they are put together once and not for each conflict."""
    vocabulary = audit.published.vocabulary
    claims = audit.published.claims
    read = [replace(claim, printed=replace(claim.printed, reading=reading)) if claim.printed else claim for claim in claims]
    return components(assemble([found for claim in read if (found := constrain(claim, vocabulary))], vocabulary))


def _possible(claims: Collection[str], parts: list[Component]) -> Answer:
    """Whether some claims can all be true."""
    for part in parts:
        if not set(claims).isdisjoint(part.claims):
            return part.feasible([claim for claim in part.claims if claim in claims])
    return Answer.YES
