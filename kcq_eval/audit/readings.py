"""Where a verdict turns on how a printed number is read: open or closed ends, a hedge taken strictly or generously."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kcq_eval.audit.constraints import assemble, constrain
from kcq_eval.audit.explanations import CONSISTENT, Audit
from kcq_eval.audit.solver import Answer, components
from kcq_eval.claims import Claim
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
    for conflict in audit.conflicts[:_MOST_TRIED]:
        claims = [audit.published.claim(claim_id) for claim_id in conflict]
        if _possible(claims, GENEROUS, audit) is Answer.YES:
            yield Turned(GENEROUS, conflict)


def _accused(audit: Audit) -> Iterator[Turned]:
    for part in audit.parts:
        claims = [audit.published.claim(claim_id) for claim_id in part.claims]
        if any(claim.printed and not claim.printed.interval.is_point for claim in claims) and _possible(claims, STRICT, audit) is Answer.NO:
            needed = list(part.claims)
            for claim_id in reversed(part.claims if len(claims) <= _MOST_TRIED else ()):
                rest = [claim for claim in claims if claim.claim_id in needed and claim.claim_id != claim_id]
                if _possible(rest, STRICT, audit) is Answer.NO:
                    needed.remove(claim_id)
            yield Turned(STRICT, tuple(needed))


def _possible(claims: list[Claim], reading: str, audit: Audit) -> Answer:
    """Whether the claims can all be true when they are read so."""
    vocabulary = audit.published.vocabulary
    read = [replace(claim, printed=replace(claim.printed, reading=reading)) if claim.printed else claim for claim in claims]
    parts = components(assemble([found for claim in read if (found := constrain(claim, vocabulary))], vocabulary))
    answers = {part.feasible(part.claims) for part in parts}
    return Answer.NO if Answer.NO in answers else Answer.UNKNOWN if Answer.UNKNOWN in answers else Answer.YES
