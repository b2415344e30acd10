"""Claims and structural rules as exact linear constraints over quantities, each under its name.

Quantities are not negative; counts are whole numbers, money (in đồng) need not be. A share or a growth is printed, so its interval
ends are constants and it is linear, even between unknowns (part ≥ lower · whole, part ≤ upper · whole). Only a change of a share is not.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.claims import AnyQuantity, Claim, Published, Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import STRICT, UNITS, Interval, Printed
from kcq_eval.vocabulary import ALL, Vocabulary

_MORE_THAN_NOTHING = Interval(Fraction(0), None, lower_open=True)


@dataclass(frozen=True)
class Linear:
    """lower ≤ Σ coefficient · quantity ≤ upper, exactly, in base units; None is unbounded, `open` ends are strict."""

    terms: tuple[tuple[Quantity, Fraction], ...]
    interval: Interval


@dataclass(frozen=True)
class ShareChange:
    """part / whole - part_before / whole_before lies in the interval, as a ratio: the one statement that no line can draw."""

    part: AnyQuantity
    whole: AnyQuantity
    part_before: AnyQuantity
    whole_before: AnyQuantity
    interval: Interval


@dataclass(frozen=True)
class Constraint:
    """What one claim or one rule demands. `name` is the claim's id or the rule's; a fixed claim is known to be right."""

    name: str
    is_claim: bool
    parts: tuple[Linear, ...]
    is_fixed: bool = False
    share_change: ShareChange | None = None

    @property
    def quantities(self) -> Iterator[AnyQuantity]:
        yield from (quantity for part in self.parts for quantity, _ in part.terms)
        if self.share_change:
            yield from (self.share_change.part, self.share_change.whole, self.share_change.part_before, self.share_change.whole_before)


@dataclass(frozen=True)
class System:
    """All claims and rules over their quantities, in a fixed order."""

    quantities: tuple[Quantity, ...]
    claims: tuple[Constraint, ...]
    rules: tuple[Constraint, ...]
    continuous: frozenset[Quantity] = frozenset()  # not counted in whole things: money


def build_system(published: Published) -> System:
    """The constraints of the claims and of every structural rule that binds what they mention."""
    return assemble([c for claim in published.claims if (c := constrain(claim, published.vocabulary))], published.vocabulary)


def assemble(claims: list[Constraint], vocabulary: Vocabulary) -> System:
    """The claims' constraints together with the rules that bind the quantities they mention."""
    mentioned = {quantity for claim in claims for quantity in claim.quantities}
    before, rules = 0, []
    while len(mentioned) > before:  # a whole that one partition brings in may be a part of another
        before, rules = len(mentioned), list(_partitions(mentioned, vocabulary))
        mentioned |= {quantity for rule in rules for quantity in rule.quantities}
    rules += [*_lists(mentioned, vocabulary), *_part_of_whole(mentioned, vocabulary), *_durations(mentioned)]
    mentioned |= {quantity for rule in rules for quantity in rule.quantities}
    continuous = frozenset(q for q in mentioned if UNITS[vocabulary.measure(q.measure).unit].is_continuous)
    return System(tuple(sorted(mentioned)), tuple(claims), tuple(rules), continuous)


def constrain(claim: Claim, vocabulary: Vocabulary) -> Constraint | None:
    """A claim as constraints; None for a statement in words."""
    quantity, printed = claim.quantity, claim.printed
    match claim.relation:
        case "value" | "duration":
            parts = [_linear({quantity: 1}, printed.interval)]
        case "difference":
            sign = 1 if claim.direction == "up" else -1
            parts = [_linear({quantity: sign, claim.reference: -sign}, printed.interval)]
        case "growth":
            change = printed.interval if claim.direction == "up" else printed.interval.negated()
            parts = _quotient(quantity, claim.reference, _shifted(change, 100), Fraction(1, 100))
        case "share":
            parts = _quotient(quantity, claim.whole, printed.interval, Fraction(1, 100))
        case "share_change":
            before = replace(claim.whole, period=claim.reference.period)
            change = printed.interval if claim.direction == "up" else printed.interval.negated()
            moved = ShareChange(quantity, claim.whole, claim.reference, before, change.scaled(Fraction(1, 100)))
            parts = tuple(_linear({whole: 1}, _MORE_THAN_NOTHING) for whole in (claim.whole, before))
            return Constraint(claim.claim_id, True, parts, claim.trust is None, moved)
        case "average":
            parts = _quotient(quantity, claim.whole, averaged(printed), Fraction(1))
        case "ratio":
            parts = [_exactly({q: 1}, n) for q, n in zip((quantity, claim.whole), claim.ratio)]
        case "list":
            parts = [_exactly({quantity: 1}, len(claim.items))]
            members = _members(quantity, vocabulary, claim.items)
            parts += [_exactly({member: 1}, int(code in claim.items)) for code, member in members.items()]
        case _:
            return None
    return Constraint(claim.claim_id, True, tuple(parts), is_fixed=claim.trust is None)


def number_between(claim: Claim, ends: Callable[[AnyQuantity], tuple[Fraction, Fraction | None] | None]) -> Interval | None:
    """Where a claim's number lies when its quantities lie between `ends`; None where that is unknown or unbounded both ways.

    In the base unit of the printed number (percent as 0 to 100). A share, growth or difference is computed from the ends of its
    quantities as if these were free of each other, so the interval may be wider than the truth, never narrower.
    """
    found = ends(claim.quantity)
    if claim.relation in ("value", "duration"):
        return None if found is None else Interval(*found)
    others = [claim.reference or claim.whole]
    if claim.relation in ("share_change", "share_growth"):
        others = [claim.whole, claim.reference, replace(claim.whole, period=claim.reference.period)]
    by = [ends(other) for other in others if other is not None]
    if found is None or None in by or len(by) != len(others):
        return None
    if claim.relation == "difference":
        lower, upper = _difference(found, by[0])
    elif claim.relation in ("share_change", "share_growth"):
        now, before = (_between_quotients(*pair) for pair in ((found, by[0]), by[1:]))
        if claim.relation == "share_growth":
            now, before = _between_quotients((now[0] or Fraction(0), now[1]), (before[0] or Fraction(0), before[1])), (Fraction(1), Fraction(1))
        lower, upper = (None if end is None else end * 100 for end in _difference(now, before))
    else:
        lower, upper = _between_quotients(found, by[0])
        unit = 1 if claim.relation == "average" else 100
        lower, upper = (None if end is None else end * unit for end in (lower, upper))
        if claim.relation == "growth":
            lower, upper = (None if end is None else end - 100 for end in (lower, upper))
    if lower is None and upper is None:
        return None
    interval = Interval(lower, upper)
    return interval.negated() if claim.direction == "down" else interval


def _difference(found: Sequence[Fraction | None], by: Sequence[Fraction | None]) -> tuple[Fraction | None, Fraction | None]:
    lower = None if by[1] is None or found[0] is None else found[0] - by[1]
    return lower, None if found[1] is None or by[0] is None else found[1] - by[0]


def _between_quotients(part: tuple[Fraction, Fraction | None], whole: tuple[Fraction, Fraction | None]) -> tuple[Fraction | None, Fraction | None]:
    lower = Fraction(0) if whole[1] is None else Fraction(part[0]) / whole[1] if whole[1] else None
    return lower, None if part[1] is None or not whole[0] else Fraction(part[1]) / whole[0]


def _quotient(part: Quantity, whole: Quantity, interval: Interval, unit: Fraction) -> list[Linear]:
    """part / whole lies in the interval times `unit`, and the whole is more than zero."""
    found = [_linear({whole: 1}, _MORE_THAN_NOTHING)]
    if interval.lower is not None:
        at_least = Interval(Fraction(0), None, lower_open=interval.lower_open)
        found.append(_linear({part: 1, whole: -interval.lower * unit}, at_least))
    if interval.upper is not None:
        at_most = Interval(None, Fraction(0), upper_open=interval.upper_open)
        found.append(_linear({part: 1, whole: -interval.upper * unit}, at_most))
    return found


def averaged(printed: Printed) -> Interval:
    """An average of counts was rounded even where it is printed without decimals."""
    if not printed.interval.is_point:
        return printed.interval
    value, step = printed.value, printed.step
    if printed.rounding == "truncated":
        return Interval(value, value + step, upper_open=True)
    return Interval(value - step / 2, value + step / 2, upper_open=printed.reading == STRICT)


def _shifted(interval: Interval, by: int) -> Interval:
    lower, upper = (None if end is None else end + by for end in (interval.lower, interval.upper))
    return replace(interval, lower=lower, upper=upper)


def _linear(terms: dict[Quantity, int | Fraction], interval: Interval) -> Linear:
    return Linear(tuple((quantity, Fraction(coefficient)) for quantity, coefficient in terms.items()), interval)


def _exactly(terms: dict[Quantity, int], value: int) -> Linear:
    return _linear(terms, Interval(Fraction(value), Fraction(value)))


# The structural rules


def _partitions(mentioned: set[Quantity], vocabulary: Vocabulary) -> Iterator[Constraint]:
    """The parts of a declared partition add up, wherever the whole and a part, or all parts, are mentioned."""
    for partition in vocabulary.partitions:
        dimension = partition.dimension
        wholes = {replace(q, **{dimension: partition.whole}) for q in mentioned if q.measure == partition.measure}
        for whole in sorted(wholes):
            parts = [replace(whole, **{dimension: code}) for code in partition.parts]
            spoken_of = [part in mentioned for part in parts]
            if all(spoken_of) or (whole in mentioned and any(spoken_of)):
                terms = dict.fromkeys(parts, 1) | {whole: -1}
                yield Constraint(f"{partition.rule_id}/{whole.key}", False, (_exactly(terms, 0),))


def _members(total: Quantity, vocabulary: Vocabulary, extra: Iterable[str] = ()) -> dict[str, Quantity]:
    """For a measure that counts a list: one 0-or-1 quantity per code that the list could name."""
    dimension = vocabulary.measure(total.measure).list_of
    if not dimension or getattr(total, dimension) != ALL:
        return {}
    possible = vocabulary.served(total.centre) if dimension == "province" else vocabulary.codes(dimension)
    return {code: replace(total, **{dimension: code}) for code in dict.fromkeys((*possible, *extra))}


def _lists(mentioned: set[Quantity], vocabulary: Vocabulary) -> Iterator[Constraint]:
    """A count of a list is the number of codes that are on it."""
    for total in sorted(mentioned):
        dimension = vocabulary.measure(total.measure).list_of
        named = [q for q in mentioned if dimension and replace(q, **{dimension: ALL}) == total and q != total]
        if not named:
            continue
        members = _members(total, vocabulary, [getattr(q, dimension) for q in sorted(named)]).values()
        at_most_once = [_linear({member: 1}, Interval(Fraction(0), Fraction(1))) for member in members]
        terms = dict.fromkeys(members, 1) | {total: -1}
        yield Constraint(f"count-of-list/{total.key}", False, (*at_most_once, _exactly(terms, 0)))


def _part_of_whole(mentioned: set[Quantity], vocabulary: Vocabulary) -> Iterator[Constraint]:
    """A part is no more than its whole, nor are disjoint parts together where the measure adds up."""
    families: dict[tuple[str, str], list[Quantity]] = {}
    for quantity in sorted(mentioned):
        families.setdefault((quantity.measure, quantity.centre), []).append(quantity)
    for (measure, _), family in sorted(families.items()):
        wholes = _wholes(family, vocabulary.measure(measure).nested_over)
        for part, found in wholes.items():
            passed_on = {beyond for whole in found for beyond in wholes[whole]}  # what holds through a whole in between
            for whole in found:
                if whole not in passed_on:
                    yield Constraint(f"part-of-whole/{part.key}", False, (_linear({part: 1, whole: -1}, Interval(None, Fraction(0))),))
        for dimension in sorted(vocabulary.measure(measure).adds_up_over):
            yield from _sums(family, dimension)


def _wholes(family: list[Quantity], nested_over: frozenset[str]) -> dict[Quantity, list[Quantity]]:
    """For each quantity of a measure those that it is a part of."""
    dimensions = ("period", *family[0].dimensions)
    known = {dimension: {getattr(quantity, dimension) for quantity in family} for dimension in dimensions}
    contain = functools.cache(lambda dimension, mine: sorted(whole for whole in known[dimension] if whole == mine or _inside(dimension, mine, whole)))
    members, found = set(family), {}
    for part in family:
        free = [dimension for dimension in dimensions if dimension in nested_over and len(contain(dimension, getattr(part, dimension))) > 1]
        choices = itertools.product(*(contain(dimension, getattr(part, dimension)) for dimension in free))
        wholes = (replace(part, **dict(zip(free, choice))) for choice in choices)
        found[part] = [whole for whole in wholes if whole != part and whole in members]
    return found


def _inside(dimension: str, mine: Period | str, whole: Period | str) -> bool:
    if dimension == "period":
        return mine in whole
    return whole == ALL or (mine != ALL and set(mine.split("+")) <= set(whole.split("+")))


def _sums(family: list[Quantity], dimension: str) -> Iterator[Constraint]:
    """In a dimension that adds up, disjoint parts are no more than their whole, and just as much where they are all of it.

    What `all` consists of only a partition says.
    """
    alike: dict[Quantity, list[tuple[Quantity, frozenset | None]]] = {}
    anything = Period(0, 0) if dimension == "period" else ALL
    for quantity in family:
        alike.setdefault(replace(quantity, **{dimension: anything}), []).append((quantity, _pieces(quantity, dimension)))
    for group in alike.values():
        finest_first = sorted(((len(found), part.key, part, found) for part, found in group if found), key=lambda entry: entry[:2])
        for whole, pieces in group:
            if pieces is not None and len(pieces) == 1:
                continue
            parts: list[Quantity] = []
            covered: set = set()
            for _, _, part, found in finest_first:  # the finest, where some overlap
                if part is not whole and covered.isdisjoint(found) and (pieces is None or found <= pieces):
                    parts.append(part)
                    covered |= found
            if len(parts) > 1:
                interval = Interval(Fraction(0) if covered == pieces else None, Fraction(0))
                yield Constraint(f"parts-of-whole/{whole.key}/{dimension}", False, (_linear(dict.fromkeys(parts, 1) | {whole: -1}, interval),))


def _pieces(quantity: Quantity, dimension: str) -> frozenset | None:
    """Single years of a period, or single codes; None for `all`."""
    if dimension == "period":
        return frozenset(quantity.period.years)
    code = getattr(quantity, dimension)
    return None if code == ALL else frozenset(code.split("+"))


def _durations(mentioned: set[Quantity]) -> Iterator[Constraint]:
    """A duration may be told in elapsed years or in calendar years, which is one more."""
    for quantity in sorted(q for q in mentioned if q.measure == "duration"):
        elapsed = quantity.period.end - quantity.period.start
        interval = Interval(Fraction(elapsed), Fraction(elapsed + 1))
        yield Constraint(f"elapsed-or-calendar-years/{quantity.key}", False, (_linear({quantity: 1}, interval),))
