"""How a suspect may have come to be printed: digits swapped, the other period's value carried over, the wrong whole, …

A mechanism offers other readings of a claim: what its source may have meant. A reading fits if it can be true together with all
claims that the explanation keeps. A mechanism that offers many readings reaches almost any value; one that offers few and still
fits says something. So a fit weighs 1 / (readings offered × values that each fitting reading would have allowed).

To add a mechanism, write a function that yields readings and put it into MECHANISMS.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.audit.constraints import Constraint, constrain, number_between
from kcq_eval.audit.solver import Answer, Component, Undecided
from kcq_eval.claims import AnyQuantity, Claim, Published
from kcq_eval.printed import UNITS, Interval, Printed
from kcq_eval.vocabulary import ALL

MOST_TRIED = 200  # readings of one mechanism put to the solver; the rest were judged by ranges only
MOST_ASKED = 1_000  # questions put to the solver about one account, after which no mechanism is tried on a further explanation
MOST_SHOWN = 5  # fitting readings kept
_CURVED = 5  # questions that one about a part with changes of shares counts for
_NEARBY = 30  # rows of figures before and after one with which it may have been exchanged
_UNEXPLAINED = Fraction(1, 10)  # what a misprint without a known mechanism weighs, before its digits are counted

Reading = tuple[Claim, ...]  # claims as they may have been meant, in place of those printed


@dataclass(frozen=True)
class Fit:
    """A mechanism that would explain why a claim, or a pair, contradicts the rest.

    Attributes:
        mechanism: Its name in MECHANISMS.
        claims: Ids of the claims it changes.
        readings: Fitting readings, at most MOST_SHOWN.
        fitting, tried: How many of the readings offered fit.
        weight: How specific the fit is; comparable between mechanisms and suspects.
    """

    mechanism: str
    claims: tuple[str, ...]
    readings: tuple[Reading, ...]
    fitting: int
    tried: int
    weight: Fraction


@dataclass(frozen=True)
class Explained:
    """A set of suspects, the mechanisms that would explain it (the most specific first), and the weight of the best."""

    claims: tuple[str, ...]
    trust: Fraction
    mechanisms: tuple[Fit, ...]
    weight: Fraction


class Context:
    """What mechanisms may look at: all claims and the quantities that they mention."""

    def __init__(self, published: Published):
        self.published = published
        self.rows: dict[str, list[Claim]] = {}  # printed numbers by the kind of statement
        for claim in published.claims:
            if claim.printed:
                self.rows.setdefault(claim.relation, []).append(claim)
        self.place = {claim.claim_id: i for rows in self.rows.values() for i, claim in enumerate(rows)}
        mentioned = dict.fromkeys(q for claim in published.claims for q in (claim.quantity, claim.reference, claim.whole) if q is not None)
        self.mentioned = sorted(mentioned)
        self.periods = sorted({quantity.period for quantity in mentioned})
        self._unit_of = {quantity: published.vocabulary.measure(quantity.measure).unit for quantity in mentioned}

    def like(self, quantity: AnyQuantity) -> list[AnyQuantity]:
        """Other quantities of the same unit."""
        unit = UNITS[self._unit_of[quantity]]
        return [q for q in self.mentioned if q != quantity and (UNITS[self._unit_of[q]].family, UNITS[self._unit_of[q]].word) == (unit.family, unit.word)]

    def in_other_periods(self, quantity: AnyQuantity) -> list[AnyQuantity]:
        return [q for period in self.periods if period != quantity.period and (q := replace(quantity, period=period)) in self._unit_of]


# Misprints: another text was meant


def _printed_as(claim: Claim, texts: Iterator[Printed | None]) -> Iterator[Reading]:
    for printed in texts:
        if printed is not None and printed.interval != claim.printed.interval:
            yield (replace(claim, printed=printed),)


def _texts(change: Callable[[str], Iterator[str]]) -> Callable[[Claim, Context], Iterator[Reading]]:
    """A mechanism that changes digits: of the printed number, or of either number of a ratio."""

    def readings(claim: Claim, context: Context) -> Iterator[Reading]:
        if claim.printed:
            yield from _printed_as(claim, (claim.printed.with_digits(digits) for digits in dict.fromkeys(change(claim.printed.digits))))
        elif claim.ratio:
            part, whole = claim.ratio
            yield from ((replace(claim, ratio=(int(digits), whole)),) for digits in dict.fromkeys(change(str(part))) if int(digits) != part)
            yield from ((replace(claim, ratio=(part, int(digits))),) for digits in dict.fromkeys(change(str(whole))) if int(digits) not in (0, whole))

    return readings


def _swapped(digits: str) -> Iterator[str]:
    for i, (first, second) in enumerate(zip(digits, digits[1:])):
        if first != second:
            yield digits[:i] + second + first + digits[i + 2 :]


def _with_a_digit_more(digits: str) -> Iterator[str]:
    for i in range(len(digits) + 1):
        for digit in "0123456789":
            yield digits[:i] + digit + digits[i:]


def _with_a_double_less(digits: str) -> Iterator[str]:
    for i, (first, second) in enumerate(zip(digits, digits[1:])):
        if first == second:
            yield digits[:i] + digits[i + 1 :]


def _changed(digits: str) -> Iterator[str]:
    for i, found in enumerate(digits):
        for digit in "0123456789":
            if digit != found:
                yield digits[:i] + digit + digits[i + 1 :]


def _decimal_mark(claim: Claim, context: Context) -> Iterator[Reading]:
    if claim.printed and claim.printed.number_format:
        digits, decimals = claim.printed.digits, claim.printed.decimals
        counted = not UNITS[context.published.vocabulary.measure(claim.quantity.measure).unit].is_continuous and claim.relation == "value"
        places = [0] if counted else range(min(len(digits), 5))
        moved = [claim.printed.with_digits(digits, decimals=place) for place in places if place != decimals]
        moved += [claim.printed.with_digits(digits + "0" * zeros, decimals=0) for zeros in (1, 2) if not decimals]
        yield from _printed_as(claim, iter(moved))


def _thousandfold(claim: Claim, context: Context) -> Iterator[Reading]:
    if claim.printed and UNITS[claim.printed.unit].family in ("money", "amount", "count"):
        printed = claim.printed
        yield from _printed_as(claim, (printed.with_digits(printed.digits, thousandfold=power) for power in (-2, -1, 1, 2)))


def _sign(claim: Claim, context: Context) -> Iterator[Reading]:
    if claim.direction:
        yield (replace(claim, direction="down" if claim.direction == "up" else "up"),)


def _truncated(claim: Claim, context: Context) -> Iterator[Reading]:
    if claim.printed and not claim.printed.hedge and claim.printed.rounding == "nearest":
        yield from _printed_as(claim, iter([replace(claim.printed, rounding="truncated")]))


# Mistaken meanings: the number is right for something else


def _about(claim: Claim, **changed: AnyQuantity) -> Reading:
    return (replace(claim, **changed),)


def _other_period(claim: Claim, context: Context) -> Iterator[Reading]:
    for quantity in context.in_other_periods(claim.quantity):
        if quantity != claim.reference:
            yield _about(claim, quantity=quantity)
        if claim.whole and claim.whole.period == claim.quantity.period:
            yield _about(claim, quantity=quantity, whole=replace(claim.whole, period=quantity.period))
    for name in ("whole", "reference"):
        about = getattr(claim, name)
        for quantity in context.in_other_periods(about) if about else ():
            if quantity != claim.quantity:
                yield _about(claim, **{name: quantity})


def _wrong_whole(claim: Claim, context: Context) -> Iterator[Reading]:
    if claim.relation in ("share", "average"):
        for whole in context.like(claim.whole):
            if whole != claim.quantity and whole.period == claim.whole.period:
                yield _about(claim, whole=whole)
    if claim.relation == "growth" and claim.direction == "down":  # measured on the later value
        yield _about(claim, quantity=claim.reference, reference=claim.quantity, direction="up")
    if claim.relation == "growth" and claim.direction == "up":
        yield _about(claim, quantity=claim.reference, reference=claim.quantity, direction="down")


def _percent_or_point(claim: Claim, context: Context) -> Iterator[Reading]:
    if claim.relation == "growth":
        for whole in context.like(claim.quantity):
            if whole.measure == claim.quantity.measure and whole.period == claim.quantity.period:
                yield (replace(claim, relation="share_change", whole=whole),)
    if claim.relation == "share_change":
        yield (replace(claim, relation="growth", whole=None),)
        yield (replace(claim, relation="share_growth"),)


def _elsewhere(claim: Claim, context: Context) -> Iterator[Reading]:
    for quantity in context.like(claim.quantity):
        if quantity.measure != claim.quantity.measure or replace(quantity, period=claim.quantity.period) == claim.quantity:
            continue
        if claim.relation == "value" or (claim.relation in ("share", "average") and quantity.period == claim.quantity.period and quantity != claim.whole):
            yield _about(claim, quantity=quantity)


def _rows_exchanged(claim: Claim, context: Context) -> Iterator[Reading]:
    """With one of the rows nearby: nobody exchanges rows of different pages."""
    if claim.printed:
        rows, place = context.rows[claim.relation], context.place[claim.claim_id]
        for other in rows[max(0, place - _NEARBY) : place + _NEARBY + 1]:
            alike = other.quantity.measure == claim.quantity.measure and other.quantity != claim.quantity and other.trust is not None
            if alike and other.printed.interval != claim.printed.interval:
                yield (replace(claim, printed=other.printed), replace(other, printed=claim.printed))


def _list_and_count(claim: Claim, context: Context) -> Iterator[Reading]:
    lists = [other for other in context.published.claims if other.items and other.quantity == claim.quantity]
    if claim.printed and claim.relation == "value":
        yield from _printed_as(claim, (claim.printed.with_digits(str(len(other.items)), decimals=0) for other in lists))
    elif claim.ratio:
        yield from ((replace(claim, ratio=(len(other.items), claim.ratio[1])),) for other in lists if len(other.items) != claim.ratio[0])
    elif claim.items:
        dimension = context.published.vocabulary.measure(claim.quantity.measure).list_of
        for item in claim.items:
            yield (replace(claim, items=tuple(i for i in claim.items if i != item)),)
        if dimension and getattr(claim.quantity, dimension) == ALL:
            missing = (code for code in context.published.vocabulary.codes(dimension) if code not in claim.items)
            yield from ((replace(claim, items=(*claim.items, code)),) for code in missing)


MECHANISMS: dict[str, Callable[[Claim, Context], Iterator[Reading]]] = {
    "digits_swapped": _texts(_swapped),
    "digit_dropped": _texts(_with_a_digit_more),
    "digit_doubled": _texts(_with_a_double_less),
    "digit_changed": _texts(_changed),
    "decimal_mark": _decimal_mark,
    "thousandfold": _thousandfold,
    "sign": _sign,
    "truncated": _truncated,
    "other_period": _other_period,
    "wrong_whole": _wrong_whole,
    "percent_or_point": _percent_or_point,
    "rows_exchanged": _rows_exchanged,
    "elsewhere": _elsewhere,
    "list_and_count": _list_and_count,
}


class Judge:
    """Tries the mechanisms on explanations of one document."""

    def __init__(self, published: Published, parts: Sequence[Component]):
        self._published, self._context = published, Context(published)
        self._part_of = {quantity: part for part in parts for quantity in part.quantities}
        self._asked = 0
        self._known: dict[tuple, tuple[Fraction, Fraction | None] | None] = {}

    def explained(self, explanation: tuple[str, ...], *, try_mechanisms: bool = True) -> Explained:
        """An explanation with the mechanisms that fit, the most specific first."""
        try_mechanisms = try_mechanisms and self._asked < MOST_ASKED
        fits = [[*self._fits(self._published.claim(claim_id), explanation)] if try_mechanisms else [] for claim_id in explanation]
        trust = sum((self._published.claim(claim_id).trust or Fraction(0) for claim_id in explanation), Fraction(0))
        if len(explanation) == 1:
            (single,), pairs = fits, []
        else:  # an exchange must mend all of it; it is one event, the others are as many as there are claims
            single = [fit for found in fits for fit in found if len(fit.claims) == 1]
            pairs = [fit for found in fits[:1] for fit in found if set(fit.claims) == set(explanation)]
        weight = Fraction(1)
        for claim_id, found in zip(explanation, fits):
            alone = (fit.weight for fit in found if len(explanation) == 1 or len(fit.claims) == 1)
            weight *= max(self._unexplained(self._published.claim(claim_id)), *alone, Fraction(0))
        together = max((fit.weight for fit in pairs), default=Fraction(0))
        order = list(MECHANISMS)
        single.sort(key=lambda fit: (-fit.weight, order.index(fit.mechanism)))
        return Explained(explanation, trust, tuple([*pairs, *single] if together >= weight else [*single, *pairs]), max(weight, together))

    def _fits(self, claim: Claim, explanation: tuple[str, ...]) -> Iterator[Fit]:
        for name, readings in MECHANISMS.items():
            offered = list(dict.fromkeys(readings(claim, self._context)))
            found: dict[Reading, Fraction] = {}
            for reading in offered:
                if len(found) < MOST_TRIED and (chance := self._chance(reading, explanation)):
                    found[reading] = chance
            if found:
                changed = {tuple(sorted((other.claim_id for other in reading), key=self._published.position)) for reading in found}
                claims = changed.pop() if len(changed) == 1 else (claim.claim_id,)
                weight = sum(found.values(), Fraction(0)) / len(offered)
                yield Fit(name, claims, tuple(found)[:MOST_SHOWN], len(found), len(offered), weight)

    def _chance(self, reading: Reading, explanation: tuple[str, ...]) -> Fraction | None:
        """1 over the number of values that could have been printed for the reading; None where it does not fit."""
        set_aside = frozenset(explanation)  # ranges are told without these; the solver leaves out the whole reading
        left_out = set_aside.union(claim.claim_id for claim in reading)
        values = 1
        for claim in reading:
            part = self._part_of.get(claim.quantity)
            if part is None:
                return None
            try:
                between = number_between(claim, functools.partial(self._range, set_aside))
            except Undecided:
                return None
            if claim.printed:
                if len(reading) == 1 and (between is None or between.intersect(claim.printed.interval) is None):
                    return None
                values *= _printable(between, claim.printed.step)
            constraint = constrain(claim, self._published.vocabulary)
            if constraint is None:  # a reading that only ranges can judge
                continue
            if any(quantity not in part for quantity in constraint.quantities):
                if between is None or not between.is_point:
                    return None
            elif len(reading) == 1 and not self._possible(part, left_out, [constraint]):
                return None
        if len(reading) > 1 and not self._together(reading, left_out):
            return None
        return Fraction(1, values)

    def _together(self, reading: Reading, left_out: frozenset[str]) -> bool:
        parts = {id(part): part for claim in reading if (part := self._part_of[claim.quantity])}
        for part in parts.values():
            if not self._possible(part, left_out, [constrain(claim, self._published.vocabulary) for claim in reading if claim.quantity in part]):
                return False
        return True

    def _possible(self, part: Component, left_out: frozenset[str], read: Sequence[Constraint]) -> bool:
        """Whether what was read can be true together with the claims of its part that are kept."""
        self._asked += 1 if not part.curved else _CURVED
        rows = [row for constraint in read for row in constraint.parts]
        changes = [constraint.share_change for constraint in read if constraint.share_change]
        return part.feasible(_kept(part, left_out), rows, changes) is Answer.YES

    def _range(self, left_out: frozenset[str], quantity: AnyQuantity) -> tuple[Fraction, Fraction | None] | None:
        if (left_out, quantity) not in self._known:
            part, found = self._part_of.get(quantity), None
            if part is not None:
                lower, upper = part.range(quantity, _kept(part, left_out))
                found = Fraction(lower), None if upper is None else Fraction(upper)
            self._known[left_out, quantity] = found
        return self._known[left_out, quantity]

    def _unexplained(self, claim: Claim) -> Fraction:
        length = len(claim.printed.digits) if claim.printed else 2
        return _UNEXPLAINED / (9 * 10 ** (length - 1))


def _kept(part: Component, left_out: frozenset[str]) -> tuple[str, ...]:
    return tuple(claim for claim in part.claims if claim not in left_out)


def _printable(between: Interval | None, step: Fraction) -> int:
    """How many numbers of this last place could be printed for a value in the interval."""
    if between is None or between.lower is None or between.upper is None:
        return 10**6
    return min(10**6, int((between.upper - between.lower) / step) + 1)
