"""The checkability map: would a single error in a figure be detected, would it be located, and from which size on?

It is asked before any accusation. Where the figures contradict each other, the claims of the accepted explanation are
taken out first, and the rest is taken as if it were true; a claim that is itself taken out is judged against that rest,
as if it printed the number nearest to its own that fits (where none does, as when the direction is another, any number
is detected, and nothing is said of locating).

- An error: one figure prints another number of the same form, its direction and its hedge unchanged, so many steps of its
  last digit up or down (of its last digit that is not zero, under a hedge), never below zero. A ratio "13/28" is two
  figures, of which one is in error. A list is in error by names added or by names dropped, and `exchanged` tells of one
  name put in another's place; a list always keeps one name.
- Held: all other claims and the rules force the figure's number to lie within certain ends.
- Detected: the figure and all the others cannot be true together. `detected_up` and `detected_down` are the smallest sizes
  from which on every error that way is detected; an error one step smaller is not.
- Unchecked: neither other claims nor rules hold the number at either end. That a quantity is not negative, that nothing
  falls by more than 100 %, that there are no more names to add, checks nothing.
- Located: detected, and no other single claim could be the one in error instead: whichever other claim is left out, the
  rest still cannot be true with the wrong figure. `located_up` and `located_down` are the smallest sizes from which on that
  is so; `tied_with` are the claims that could be the one instead however large the error is, up or down.

A part that holds a change of a share, which is not linear, is left undecided.

Nothing here is estimated: every size rests on the solver's answers yes and no, and where one is missing the figure is
undecided. Only claims of the same independent part are asked about, and of them only those in a minimal set of reasons:
without any other claim the number is held just as before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.audit.constraints import Constraint, Linear, System, averaged, build_system, constrain
from kcq_eval.audit.explanations import Audit
from kcq_eval.audit.solver import Answer, Component, Undecided, components, shrink
from kcq_eval.claims import Claim, Quantity
from kcq_eval.printed import UNITS, Interval
from kcq_eval.remembered import remembered
from kcq_eval.vocabulary import Vocabulary

UNCHECKED, DETECTED, LOCATED, UNDECIDED = "unchecked", "detected", "located", "undecided"
STATES = (LOCATED, DETECTED, UNCHECKED, UNDECIDED)
_FAR = 10**12  # steps; a number that may be as far off as this is not held at that end


@dataclass(frozen=True)
class Checkability:
    """What would happen if one figure were in error.

    Attributes:
        claim_id: The claim that prints it.
        figure: `part` or `whole` of a ratio; "" where the claim prints one figure.
        state: `unchecked`; `detected`; `located`, if errors each way that are detected are also located from some size on;
            or `undecided`.
        detected_up: Every error up of this size or more is detected, in the claim's printed unit (names, for a list); None
            where there is no such size. The same for the other three.
        tied_with: Claims that could be in error instead, however large the error is.
        checked_by: Claims of a minimal set of reasons, one for each end, that the number is held.
        rules: The structural rules of that set.
        exchanged: The state for one name of a list exchanged for another; "" for numbers, and for a list of all names there are.
    """

    claim_id: str
    figure: str
    state: str
    detected_up: Fraction | None = None
    detected_down: Fraction | None = None
    located_up: Fraction | None = None
    located_down: Fraction | None = None
    tied_with: tuple[str, ...] = ()
    checked_by: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    exchanged: str = ""


def checkability(audit: Audit, set_aside: Iterable[str] = ()) -> tuple[Checkability, ...]:
    """The map of all figures that are numbers or lists, in the order of the claims.

    Args:
        set_aside: The claims of the accepted explanation.

    Raises:
        ValueError: Without these claims the others still cannot all be true.
    """
    return _checkability(audit, frozenset(set_aside))


@remembered
def _checkability(audit: Audit, set_aside: frozenset[str]) -> tuple[Checkability, ...]:
    system = build_system(audit.published)
    found: dict[str, list[Checkability]] = {}
    bound = _bound(audit.parts, system)
    for part in audit.parts:
        kept = [claim for claim in part.claims if claim not in set_aside]
        undecided = any(claim in audit.undecided for claim in part.claims) or bool(part.curved)
        if not undecided and part.feasible(kept) is Answer.NO:
            raise ValueError(f"without {', '.join(sorted(set_aside)) or 'any claim'} set aside the others cannot all be true")
        reasons = _Reasons(part, *bound[part.quantities[0]], system.continuous)
        for claim_id in part.claims:
            claim = audit.published.claim(claim_id)
            others = [other for other in kept if other != claim_id]
            found[claim_id] = [
                _undecided(figure)
                if undecided
                else _Judged(figure, part, others, reasons, claim_id in set_aside).checkability()
                for figure in figures(claim, audit.published.vocabulary)
            ]
    return tuple(figure for claim in audit.published.claims for figure in found.get(claim.claim_id, ()))


def _bound(parts: Iterable[Component], system: System) -> dict[Quantity, tuple[list[Constraint], list[Constraint]]]:
    """Claims and rules of each part, by its first quantity."""
    first = {quantity: part.quantities[0] for part in parts for quantity in part.quantities}
    found: dict[Quantity, tuple[list[Constraint], list[Constraint]]] = {quantity: ([], []) for quantity in first.values()}
    for constraint in (*system.claims, *system.rules):
        found[first[next(iter(constraint.quantities))]][0 if constraint.is_claim else 1].append(constraint)
    return found


# What could have been printed instead


@dataclass(frozen=True)
class Figure:
    """One printed figure of a claim, and what the claim would demand with other numbers.

    Attributes:
        step: By which errors grow, in the claim's printed unit.
        fewest: Steps down to the smallest number that can be printed; not more than 0.
        most: Steps up to the largest, None where there is none.
        beyond: `beyond(steps, up)`: what a number demands that is so many steps off, or further; None where that is nothing.
        exchanged: What one name exchanged for another demands of a list: nothing, where nothing depends on which names; None
            where there is none to exchange.
    """

    claim: Claim
    name: str
    step: Fraction
    fewest: int
    most: int | None
    beyond: Callable[[int, bool], list[Linear] | None]
    exchanged: tuple[Linear, ...] | None = None


def figures(claim: Claim, vocabulary: Vocabulary) -> Iterator[Figure]:
    """The figures that a claim prints: two for a ratio, none for a statement in words."""
    if claim.ratio:
        ends = dict(zip((claim.quantity, claim.whole), claim.ratio))
        for name, quantity in zip(("part", "whole"), ends):
            rest = [_is(other, number) for other, number in ends.items() if other != quantity]
            yield _counted(claim, name, quantity, ends[quantity], fewest=int(name == "whole"), up=rest, down=rest)
    elif claim.items:
        on, off = _members(claim, vocabulary)
        yield replace(
            _counted(claim, "", claim.quantity, len(claim.items), fewest=1, up=[_is(q, 1) for q in on], down=[_is(q, 0) for q in off]),
            most=len(off) if on else None,
            exchanged=(_is(claim.quantity, len(on)), _sum_is(on, len(on) - 1), _sum_is(off, 1)) if off else None if on else (),
        )
    elif claim.printed:
        yield _measured(claim, vocabulary)


def _counted(claim: Claim, name: str, quantity: Quantity, number: int, *, fewest: int, up: list[Linear], down: list[Linear]) -> Figure:
    """A whole number of things, with what else the claim demands when it is more and when it is less."""

    def beyond(steps: int, upwards: bool) -> list[Linear]:
        end = Fraction(number + steps)
        interval = Interval(end, None) if upwards else Interval(None, end)
        return [Linear(((quantity, Fraction(1)),), interval), *(up if upwards else down)]

    return Figure(claim, name, Fraction(1), min(0, fewest - number), None, beyond)


def _measured(claim: Claim, vocabulary: Vocabulary) -> Figure:
    """A number with its unit: the range that it stands for is moved as a whole."""
    printed = claim.printed
    interval = averaged(printed) if claim.relation == "average" else printed.interval
    step = printed.step
    while printed.hedge and printed.value and (printed.value / step) % 10 == 0:
        step *= 10

    # "0" that was cut off stands for numbers on both sides of zero, other such numbers only for greater ones
    reaches_below = not printed.value and printed.rounding == "truncated" and not printed.hedge

    def beyond(steps: int, upwards: bool) -> list[Linear] | None:
        if upwards:
            cut_off = reaches_below and steps > 0
            lower, is_open = (Fraction(0), False) if cut_off else (interval.lower, interval.lower_open)
            end = None if lower is None else Interval(lower + steps * step, None, lower_open=is_open)
        else:
            end = None if interval.upper is None else Interval(None, interval.upper + steps * step, upper_open=interval.upper_open)
        return None if end is None else list(constrain(replace(claim, printed=_Anywhere(end)), vocabulary).parts)

    return Figure(claim, "", step / UNITS[printed.unit].scale, -int(printed.value / step), None, beyond)


@dataclass(frozen=True)
class _Anywhere:
    """Stands where a claim has its printed number: any number of an interval."""

    interval: Interval


def _members(claim: Claim, vocabulary: Vocabulary) -> tuple[list[Quantity], list[Quantity]]:
    """What says of each code whether it is on the list: those that are, and those that are not; empty if nothing does."""
    parts = constrain(claim, vocabulary).parts[1:]
    on, off = ([part.terms[0][0] for part in parts if part.interval.lower == named] for named in (1, 0))
    return on, off


def _is(quantity: Quantity, number: int) -> Linear:
    return _sum_is([quantity], number)


def _sum_is(quantities: Sequence[Quantity], number: int) -> Linear:
    return Linear(tuple((quantity, Fraction(1)) for quantity in quantities), Interval(Fraction(number), Fraction(number)))


# How far a number may be off


@dataclass(frozen=True)
class _Judged:
    """One figure against the other claims of its part."""

    figure: Figure
    part: Component
    others: list[str]
    reasons: _Reasons
    set_aside: bool

    def checkability(self) -> Checkability:
        claim = self.figure.claim
        try:
            up = self._end(upwards=True)
            down = self._end(upwards=False, likely=up.claims)
            exchanged, *behind = ("",) if self.figure.exchanged is None else self._exchanged(list(self.figure.exchanged))
        except Undecided:
            return _undecided(self.figure)
        nearest = self._nearest(up, down)
        if nearest is None:
            one = self.figure.step
            return Checkability(claim.claim_id, self.figure.name, DETECTED, one, one, checked_by=up.claims or down.claims, rules=up.rules or down.rules)
        ends = [up, down]
        sizes = [(self._size(end.held, nearest), self._size(end.located, nearest)) for end in ends]
        if all(detected is None for detected, _ in sizes):
            state = UNCHECKED
        else:
            state = LOCATED if all(detected is None or located is not None for detected, located in sizes) else DETECTED
        return Checkability(
            claim.claim_id, self.figure.name, state,
            sizes[0][0], sizes[1][0], sizes[0][1], sizes[1][1],
            self._in_order({other for end in ends for other in end.tied}),
            self._in_order({reason for end in (*ends, *behind) for reason in end.claims}),
            tuple(sorted({rule for end in (*ends, *behind) for rule in end.rules})),
            exchanged,
        )  # fmt: skip

    def _end(self, *, upwards: bool, likely: Sequence[str] = ()) -> _End:
        """Where the number is held, and where it would be with any one of the reasons left out."""
        held = self._furthest(upwards)
        if held is None:
            return _End()
        claims, rules = self.reasons.of(self.others, self.figure.beyond(held + (1 if upwards else -1), upwards), likely)
        if not claims and not rules:
            return _End()
        without = {d: self._furthest(upwards, without=d, known=held) for d in claims}
        tied = tuple(d for d, end in without.items() if end is None)
        furthest = max if upwards else min
        return _End(held, None if tied else furthest([held, *without.values()]), tied, claims, rules)

    def _furthest(self, upwards: bool, *, without: str = "", known: int | None = None) -> int | None:
        """The steps of the last number that the others allow for, `known` being one; None where they set no end."""
        sign = 1 if upwards else -1
        others = [other for other in self.others if other != without]

        def allowed(ahead: int) -> bool:
            demanded = self.figure.beyond(sign * ahead, upwards)
            return demanded is None or _yes(self.part.feasible(others, demanded))

        last = self._most if upwards else -self.figure.fewest
        first = 0 if known is None else sign * known
        if known is not None and not allowed(first + 1):
            return known
        if allowed(last):
            return None
        if known is None and self.set_aside and not allowed(0):  # what is set aside need not fit as printed: begin at the other end
            first = self.figure.fewest if upwards else -self._most
            if not allowed(first):
                return sign * (first - 1)
        stride = 1
        while first + stride < last and allowed(first + stride):
            first, stride = first + stride, 2 * stride
        last = min(last, first + stride)
        while last - first > 1:
            middle = (first + last) // 2
            first, last = (middle, last) if allowed(middle) else (first, middle)
        return sign * first

    @property
    def _most(self) -> int:
        return _FAR if self.figure.most is None else self.figure.most

    def _nearest(self, up: _End, down: _End) -> int | None:
        """The steps to the number nearest to the printed one that fits (none, unless the claim is set aside); None if none fits."""
        least, most = (0 if end.held is None else end.held for end in (down, up))
        if most < self.figure.fewest or least > self._most:
            return None
        return most if most < 0 else max(least, 0)

    def _size(self, end: int | None, nearest: int) -> Fraction | None:
        return None if end is None else (abs(end - nearest) + 1) * self.figure.step

    def _exchanged(self, demanded: list[Linear]) -> tuple[str, _End]:
        """Whether one name in another's place would be noticed, and located."""
        if not demanded or _yes(self.part.feasible(self.others, demanded)):
            return UNCHECKED, _End()
        claims, rules = self.reasons.of(self.others, demanded, ())
        instead = [d for d in claims if _yes(self.part.feasible([other for other in self.others if other != d], demanded))]
        return DETECTED if instead else LOCATED, _End(None, None, (), claims, rules)

    def _in_order(self, claims: Iterable[str]) -> tuple[str, ...]:
        chosen = set(claims)
        return tuple(claim for claim in self.part.claims if claim in chosen)


@dataclass(frozen=True)
class _End:
    """How far a number may be off one way, in steps: undetected, and unlocated; what could be wrong instead; and why."""

    held: int | None = None
    located: int | None = None
    tied: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class _Reasons:
    """Minimal sets of claims and rules of one part under which something cannot be."""

    def __init__(self, part: Component, claims: Sequence[Constraint], rules: Sequence[Constraint], continuous: frozenset[Quantity]):
        self._part, self._claims, self._continuous = part, claims, continuous
        self._rules = {f"rule {i}: {rule.name}": rule for i, rule in enumerate(rules)}  # one rule may bind several wholes

    def of(self, claims: Sequence[str], outside: Sequence[Linear], likely: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the claims those that are needed with all rules, and of the rules those that are needed with these claims.

        `likely` are claims to try first; after them those in widening circles around what is asked for: in a large part few matter.
        """
        circles = list(self._circles(outside))

        def impossible(kept: Sequence[str]) -> bool:
            return not _yes(self._part.feasible(kept, outside))

        def impossible_by(rules: Sequence[str]) -> bool:
            return not _yes(self._free.feasible([*needed, *rules], outside))

        near = ([claim for claim in claims if claim in circle] for circle in circles)
        needed = shrink(next(few for few in (likely, *near) if few and impossible(few) or len(few) == len(claims)), impossible)
        near = ([rule for rule in self._rules if rule in circle] for circle in circles)
        rules = shrink(next(few for few in near if impossible_by(few) or len(few) == len(self._rules)), impossible_by)
        return tuple(needed), tuple(dict.fromkeys(self._rules[rule].name for rule in rules))

    def _circles(self, outside: Sequence[Linear]) -> Iterator[set[str]]:
        """Names of the claims and rules that share quantities with what is asked for, then of those that share some with them, …"""
        reached = {quantity for part in outside for quantity, _ in part.terms}
        left = {claim.name: claim for claim in self._claims} | self._rules
        found: set[str] = set()
        while left:
            circle = [name for name, constraint in left.items() if not reached.isdisjoint(constraint.quantities)]
            reached |= {quantity for name in circle for quantity in left.pop(name).quantities}
            found |= set(circle)
            yield set(found)

    @functools.cached_property
    def _free(self) -> Component:
        """The part with its rules asked about like claims."""
        asked = [replace(rule, name=name, is_claim=True) for name, rule in self._rules.items()]
        (free,) = components(System(self._part.quantities, (*self._claims, *asked), (), self._continuous))
        return free


def _undecided(figure: Figure) -> Checkability:
    return Checkability(figure.claim.claim_id, figure.name, UNDECIDED, exchanged="" if figure.exchanged is None else UNDECIDED)


def _yes(answer: Answer) -> bool:
    if answer is Answer.UNKNOWN:
        raise Undecided
    return answer is Answer.YES
