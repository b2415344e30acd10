"""What a figure's title may say: decided by the bounds of the numbers drawn, or left open.

Every rule holds for each value that the bounds allow; where it would not, and at a tie, it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from kcq_eval.estimates import Bounded

UP, DOWN = "up", "down"


def direction(change: Bounded) -> str | None:
    """`up` or `down`, where zero is ruled out."""
    if change.lower > 0:
        return UP
    return DOWN if change.upper is not None and change.upper < 0 else None


def split_title(by_number: Bounded, by_size: Bounded) -> str:
    """Of two effects: `up_down`, `up_up`, …; `neutral` where either is open."""
    ways = direction(by_number), direction(by_size)
    return "_".join(ways) if all(ways) else "neutral"


def leader(values: Mapping[str, Bounded]) -> str | None:
    """The one that is larger than every other, of two or more."""
    if len(values) < 2:
        return None
    for code, value in values.items():
        others = [other.upper for name, other in values.items() if name != code]
        if all(upper is not None and value.lower > upper for upper in others):
            return code
    return None


def mover(changes: Mapping[str, Bounded]) -> str | None:
    """The one that changed more than every other, up or down, of two or more."""
    if len(changes) < 2 or any(change.upper is None for change in changes.values()):
        return None
    for code, change in changes.items():
        others = [max(-other.lower, other.upper) for name, other in changes.items() if name != code]
        if direction(change) and min(abs(change.lower), abs(change.upper)) > max(others):
            return code
    return None


def most_of(whole: Bounded, parts: Mapping[str, Bounded]) -> str | None:
    """The part that makes more than half of a change, in the same direction."""
    way = direction(whole)
    for code, part in parts.items():
        if way is None or direction(part) != way or None in (whole.upper, part.upper):
            continue
        if min(abs(part.lower), abs(part.upper)) * 2 > max(abs(whole.lower), abs(whole.upper)):
            return code
    return None


def course(values: Sequence[Bounded]) -> tuple[str, int]:
    """Of a row of years: `rising` or `falling` throughout (the last is named), else `highest` (which); `neutral` at a tie."""
    if len(values) > 2 and all(_more(later, earlier) for earlier, later in pairwise(values)):
        return "rising", len(values) - 1
    if len(values) > 2 and all(_more(earlier, later) for earlier, later in pairwise(values)):
        return "falling", len(values) - 1
    top = leader({str(place): value for place, value in enumerate(values)})
    return ("neutral", 0) if top is None else ("highest", int(top))


def leader_throughout(periods: Sequence[Mapping[str, Bounded]]) -> str | None:
    """The one that is larger than every other in each period."""
    leaders = {leader(values) for values in periods}
    return leaders.pop() if len(leaders) == 1 else None


def comparison(now: Bounded, before: Bounded) -> str | None:
    """`up` or `down` from before to now."""
    if _more(now, before):
        return UP
    return DOWN if _more(before, now) else None


def _more(one: Bounded, other: Bounded) -> bool:
    return other.upper is not None and one.lower > other.upper
