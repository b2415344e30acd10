"""Claims and structural rules as exact linear constraints over quantities, each under its name.

Quantities are not negative; counts are whole numbers, money (in đồng) need not be. Products never arise: a share or a growth is printed, so its interval ends are constants (part ≥ lower · whole, part ≤ upper · whole).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.printed import UNITS, Interval, Printed
from kcq_eval.vocabulary import ALL, Vocabulary


@dataclass(frozen=True)
class Linear:
    """lower ≤ Σ coefficient · quantity ≤ upper, exactly, in base units; None is unbounded, `open` ends are strict."""

    terms: tuple[tuple[Quantity, Fraction], ...]
    interval: Interval


@dataclass(frozen=True)
class Constraint:
    """What one claim or one rule demands. `name` is the claim's id or the rule's."""

    name: str
    is_claim: bool
    parts: tuple[Linear, ...]

    @property
    def quantities(self) -> Iterator[Quantity]:
        return (quantity for part in self.parts for quantity, _ in part.terms)


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
        case "average":
            parts = _quotient(quantity, claim.whole, _averaged(printed), Fraction(1))
        case "ratio":
            parts = [_exactly({q: 1}, n) for q, n in zip((quantity, claim.whole), claim.ratio)]
        case "list":
            parts = [_exactly({quantity: 1}, len(claim.items))]
            members = _members(quantity, vocabulary, claim.items)
            parts += [_exactly({member: 1}, int(code in claim.items)) for code, member in members.items()]
        case _:
            return None
    return Constraint(claim.claim_id, True, tuple(parts))


def _quotient(part: Quantity, whole: Quantity, interval: Interval, unit: Fraction) -> list[Linear]:
    """part / whole lies in the interval times `unit`, and the whole is more than zero."""
    found = [_linear({whole: 1}, Interval(Fraction(0), None, lower_open=True))]
    if interval.lower is not None:
        at_least = Interval(Fraction(0), None, lower_open=interval.lower_open)
        found.append(_linear({part: 1, whole: -interval.lower * unit}, at_least))
    if interval.upper is not None:
        at_most = Interval(None, Fraction(0), upper_open=interval.upper_open)
        found.append(_linear({part: 1, whole: -interval.upper * unit}, at_most))
    return found


def _averaged(printed: Printed) -> Interval:
    """An average of counts was rounded even where it is printed without decimals."""
    if not printed.interval.is_point:
        return printed.interval
    value, step = printed.value, printed.step
    return Interval(value, value + step, upper_open=True) if printed.rounding == "truncated" else Interval(value - step / 2, value + step / 2)


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
        nested_over = vocabulary.measure(measure).nested_over
        for part, whole in itertools.permutations(family, 2):
            if _is_part(part, whole, nested_over):
                terms = {part: 1, whole: -1}
                yield Constraint(f"part-of-whole/{part.key}", False, (_linear(terms, Interval(None, Fraction(0))),))
        for dimension in sorted(vocabulary.measure(measure).adds_up_over):
            yield from _sums(family, dimension)


def _sums(family: list[Quantity], dimension: str) -> Iterator[Constraint]:
    """In a dimension that adds up, disjoint parts are no more than their whole, and just as much where they are all of it.

    What `all` consists of only a partition says.
    """
    for whole in family:
        pieces = _pieces(whole, dimension)
        possible = [q for q in family if q != whole and replace(q, **{dimension: getattr(whole, dimension)}) == whole]
        named = [(part, found) for part in possible if (found := _pieces(part, dimension)) and (pieces is None or found <= pieces)]
        parts: list[Quantity] = []
        covered: set = set()
        for part, found in sorted(named, key=lambda pair: (len(pair[1]), pair[0].key)):  # the finest, where some overlap
            if covered.isdisjoint(found):
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


def _is_part(part: Quantity, whole: Quantity, nested_over: frozenset[str]) -> bool:
    if part.period != whole.period and not ("period" in nested_over and part.period in whole.period):
        return False
    for dimension in part.dimensions:
        mine, all_of_it = getattr(part, dimension), getattr(whole, dimension)
        inside = all_of_it == ALL or (mine != ALL and set(mine.split("+")) <= set(all_of_it.split("+")))
        if mine != all_of_it and not (dimension in nested_over and inside):
            return False
    return True


def _durations(mentioned: set[Quantity]) -> Iterator[Constraint]:
    """A duration may be told in elapsed years or in calendar years, which is one more."""
    for quantity in sorted(q for q in mentioned if q.measure == "duration"):
        elapsed = quantity.period.end - quantity.period.start
        interval = Interval(Fraction(elapsed), Fraction(elapsed + 1))
        yield Constraint(f"elapsed-or-calendar-years/{quantity.key}", False, (_linear({quantity: 1}, interval),))
