"""Reports whose truth is known, and errors planted in them, for the power benchmark of the consistency audit.

A report is made of blocks as real ones are: the support-type mix of a province, a table by scheme kind, years that add up to their
period, a comparison with the period before, averages, lists with their counts, totals told again with a hedge. Every figure is printed
from one true programme, honestly rounded; so the report is consistent by construction. An error is an operation on what was printed.
The same seed gives the same report.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import UNITS, Interval, Printed, PrintedError, format_number
from kcq_eval.vocabulary import ALL, load_vocabulary

VOCABULARY = load_vocabulary(Path(__file__).resolve().parent.parent / "data")
KINDS, TYPES, ALL_TYPES, SECTORS = (
    VOCABULARY.scheme_kinds, VOCABULARY.facility_support_types, VOCABULARY.support_types, VOCABULARY.sectors,
)  # fmt: skip
CENTRE = VOCABULARY.centres[0]
SERVED = VOCABULARY.served(CENTRE)
YEARS = range(2018, 2024)
NOW, BEFORE = Period(2021, 2023), Period(2018, 2020)
LARGE_REPORT = 500  # claims, from which on a report speaks of all provinces and not only of those the centre serves
LARGEST_FUNDING = 10**18  # đồng in six years, for the whole programme


class Truth:
    """A true programme: whole facilities and schemes, funding in đồng, sets of provinces and support types."""

    def __init__(self, rng: random.Random, provinces: tuple[str, ...]):
        self.provinces = provinces
        busy = rng.choice([4, 12, 40])
        self.largest_funding = 10 ** rng.randint(11, 18)
        cell = self.largest_funding // (len(YEARS) * len(provinces) * len(KINDS))
        self._facilities, self._funding, self._by_type, self._by_sector = {}, {}, {}, {}
        for place in itertools.product(YEARS, provinces, KINDS):
            for kind_of in TYPES:
                self._facilities[*place, kind_of] = rng.randint(0, busy)
            amount = self._funding[place] = rng.randint(cell // 20, cell)
            self._by_type[place] = _split(rng, amount, len(ALL_TYPES))
            self._by_sector[place] = _split(rng, amount, len(SECTORS) + 1)  # the last: no sector of the vocabulary
        self._schemes = {place: rng.randint(1, 15) for place in itertools.product(YEARS, KINDS)}
        self._covered = {place: frozenset(rng.sample(SERVED, rng.randint(2, 15))) for place in self._schemes}
        self._used = {place: frozenset(rng.sample(ALL_TYPES, rng.randint(1, 4))) for place in self._schemes}
        self._known: dict[Quantity, int] = {}

    def of(self, q: Quantity) -> int:
        """The true value of a quantity, in base units."""
        if q not in self._known:
            self._known[q] = self._value(q)
        return self._known[q]

    def on_list(self, q: Quantity) -> tuple[str, ...]:
        """The codes that a quantity which counts a list counts, in the vocabulary's order."""
        sets = self._covered if q.measure == "provinces_covered" else self._used
        there = frozenset().union(*(sets[place] for place in itertools.product(q.period.years, _kinds(q))))
        return tuple(code for code in (SERVED if q.measure == "provinces_covered" else ALL_TYPES) if code in there)

    def _value(self, q: Quantity) -> int:
        places = list(itertools.product(q.period.years, self.provinces if q.province == ALL else (q.province,), _kinds(q)))
        match q.measure:
            case "facilities":
                types = TYPES if q.support_type == ALL else q.support_type.split("+")
                return sum(self._facilities[*place, kind_of] for place in places for kind_of in types)
            case "funding" if q.support_type != ALL:
                return sum(self._by_type[place][ALL_TYPES.index(q.support_type)] for place in places)
            case "funding" if q.sector != ALL:
                return sum(self._by_sector[place][SECTORS.index(q.sector)] for place in places)
            case "funding":
                return sum(self._funding[place] for place in places)
            case "schemes":
                return sum(self._schemes[place] for place in itertools.product(q.period.years, _kinds(q)))
            case "provinces_served":
                return len(SERVED)
            case "provinces_covered" if q.province != ALL:
                return int(q.province in self.on_list(replace(q, province=ALL)))
            case "support_types_used" if q.support_type != ALL:
                return int(q.support_type in self.on_list(replace(q, support_type=ALL)))
        return len(self.on_list(q))

    def number(self, claim: Claim) -> Fraction:
        """What the claim's number truly is, as it would be printed: in base units, and in the claim's direction."""
        value, by = Fraction(self.of(claim.quantity)), claim.reference or claim.whole
        other = self.of(by) if by else None
        match claim.relation:
            case "difference":
                value -= other
            case "growth":
                value = value * 100 / other - 100
            case "share":
                value = value * 100 / other
            case "average":
                value /= other
            case "share_change":
                value = self.points(claim.quantity, claim.reference, claim.whole)
        return -value if claim.direction == "down" else value

    def points(self, part: Quantity, reference: Quantity, whole: Quantity) -> Fraction:
        """The change of a share since the reference period, in percentage points."""
        before = replace(whole, period=reference.period)
        return Fraction(self.of(part) * 100, self.of(whole)) - Fraction(self.of(reference) * 100, self.of(before))

    def allows(self, claim: Claim) -> bool:
        """Whether a claim is true of this programme."""
        if claim.relation == "list":
            return set(claim.items) == set(self.on_list(claim.quantity))
        if claim.relation == "ratio":
            return claim.ratio == (self.of(claim.quantity), self.of(claim.whole))
        interval = claim.printed.interval
        if claim.relation == "average" and interval.is_point:  # an average was rounded even without decimals
            interval = Interval(claim.printed.value - claim.printed.step / 2, claim.printed.value + claim.printed.step / 2)
        return self.number(claim) in interval


def _kinds(q: Quantity) -> tuple[str, ...]:
    return KINDS if q.scheme_kind == ALL else (q.scheme_kind,)


def _split(rng: random.Random, amount: int, parts: int) -> tuple[int, ...]:
    cuts = sorted(rng.randint(0, amount) for _ in range(parts - 1))
    return tuple(b - a for a, b in zip((0, *cuts), (*cuts, amount)))


@dataclass(frozen=True)
class Report:
    """Claims about one true programme; `blocks` are the ids of claims printed together."""

    seed: int
    truth: Truth
    claims: tuple[Claim, ...]
    blocks: tuple[tuple[str, ...], ...]

    @property
    def published(self) -> Published:
        return Published(VOCABULARY, {}, self.claims)

    def with_claims(self, changed: dict[str, Claim]) -> Report:
        return replace(self, claims=tuple(changed.get(claim.claim_id, claim) for claim in self.claims))


class _Writer:
    """Writes blocks of true claims."""

    def __init__(self, rng: random.Random, truth: Truth):
        self.rng, self.truth = rng, truth
        self.claims: list[Claim] = []
        self.said: set = set()

    # Statements

    def say(self, relation: str, of: Quantity, text: str, unit: str, *, again: bool = False, hedge: str = "", **more) -> None:
        key = (relation, of, more.get("whole"), more.get("reference"))
        if key in self.said and not again:
            return
        self.said.add(key)
        details = {"reference": None, "whole": None, "items": (), "ratio": None, "direction": "", "note": ""} | more
        printed = Printed(text, unit, "vi", hedge) if text else None
        self.claims.append(Claim("", "report", "", relation, of, printed=printed, **details))

    def value(self, of: Quantity, money: tuple[str, int]) -> None:
        self.say("value", of, *self.text(self.truth.of(of), of, money))

    def text(self, value: Fraction | int, of: Quantity, money: tuple[str, int]) -> tuple[str, str]:
        unit, decimals = money if of.measure == "funding" else ("count", 0)
        return format_number(Fraction(value) / UNITS[unit].scale, decimals=decimals, number_format="vi"), unit

    def share(self, of: Quantity, decimals: int, **whole: str) -> None:
        whole = replace(of, **whole)
        if self.truth.of(whole):
            percent = Fraction(self.truth.of(of) * 100, self.truth.of(whole))
            self.say("share", of, format_number(percent, decimals=decimals, number_format="vi"), "percent", whole=whole)

    def change(self, relation: str, of: Quantity, before: Period, decimals: int, money: tuple[str, int]) -> None:
        reference = replace(of, period=before)
        now, then = self.truth.of(of), self.truth.of(reference)
        if relation == "growth" and not then:
            return
        direction = "up" if now >= then else "down"
        if relation == "growth":
            text, unit = format_number(abs(Fraction(now * 100, then) - 100), decimals=decimals, number_format="vi"), "percent"
        else:
            text, unit = self.text(abs(now - then), of, money)
        self.say(relation, of, text, unit, reference=reference, direction=direction)

    def share_change(self, of: Quantity, before: Period, decimals: int, **whole: str) -> None:
        """The change of a share in percentage points."""
        whole, reference = replace(of, **whole), replace(of, period=before)
        if self.truth.of(whole) and self.truth.of(replace(whole, period=before)):
            points = self.truth.points(of, reference, whole)
            text, direction = format_number(abs(points), decimals=decimals, number_format="vi"), "up" if points >= 0 else "down"
            self.say("share_change", of, text, "percentage_point", whole=whole, reference=reference, direction=direction)

    # Where and when a block speaks of, and how it prints

    def place(self) -> dict:
        rng = self.rng
        wide = len(self.claims) > 60
        period = rng.choice([NOW, NOW, BEFORE] if rng.random() < (0.3 if wide else 0.7) else [Period(y, y) for y in YEARS])
        province = ALL if rng.random() < (0.1 if wide else 0.6) else rng.choice(self.truth.provinces)
        return {"period": period, "province": province}

    def earlier(self, period: Period) -> Period:
        if period == NOW:
            return BEFORE
        return Period(period.start - 1, period.start - 1)

    def money(self, *quantities: Quantity) -> tuple[str, int]:
        """A unit and decimals in which the smallest of the amounts still has three digits."""
        least = min((self.truth.of(q) for q in quantities), default=1)
        fit = [(unit, d) for unit in ("million_vnd", "billion_vnd") for d in range(3) if least * 10**d >= 100 * UNITS[unit].scale]
        if self.truth.largest_funding >= 10**17 or not fit:
            fit += [("vnd", 0)] * (2 if fit else 1)
        return self.rng.choice(fit)

    def decimals(self) -> int:
        return self.rng.choice([0, 1, 1, 2, 2])

    # Blocks

    def mix(self) -> None:
        """Facilities by support type, their total, and shares of it."""
        whole = _q("facilities", **self.place(), scheme_kind=self.rng.choice([*KINDS, ALL]))
        decimals = self.decimals()
        for part in (replace(whole, support_type=kind_of) for kind_of in TYPES):
            self.value(part, ("count", 0))
            if self.rng.random() < 0.5:
                self.share(part, decimals, support_type=ALL)
        self.value(whole, ("count", 0))

    def kinds(self) -> None:
        """Focal and standalone schemes, both together, and their shares."""
        measure = self.rng.choice(["facilities", "funding", "schemes"])
        place = self.place() | ({"province": ALL} if measure == "schemes" else {})
        parts = [_q(measure, **place, scheme_kind=kind) for kind in KINDS]
        whole, money, decimals = _q(measure, **place), self.money(*parts) if measure == "funding" else ("count", 0), self.decimals()
        for part in parts:
            self.value(part, money)
        self.value(whole, money)
        for part in self.rng.sample(parts, self.rng.randint(0, 2)):
            self.share(part, decimals, scheme_kind=ALL)

    def points(self) -> None:
        """One scheme kind's share in two periods, its change in percentage points, and the kind's growth."""
        place, decimals = self.place() | {"period": NOW}, self.rng.choice([1, 2])
        of = _q(self.rng.choice(["facilities", "funding"]), **place, scheme_kind=self.rng.choice(KINDS))
        money = self.money(of, replace(of, period=BEFORE)) if of.measure == "funding" else ("count", 0)
        for part in (of, replace(of, period=BEFORE)):
            self.value(part, money)
            self.value(replace(part, scheme_kind=ALL), money)
            self.share(part, decimals, scheme_kind=ALL)
        self.share_change(of, BEFORE, decimals, scheme_kind=ALL)
        self.change("growth", of, BEFORE, decimals, money)

    def cross(self) -> None:
        """Facilities by scheme kind and support type, with all totals."""
        place, decimals = self.place(), self.decimals()
        for kind, kind_of in itertools.product((*KINDS, ALL), (*TYPES, ALL)):
            self.value(_q("facilities", **place, scheme_kind=kind, support_type=kind_of), ("count", 0))
        for kind in KINDS:
            self.share(_q("facilities", **place, scheme_kind=kind), decimals, scheme_kind=ALL)

    def compared(self) -> None:
        """A quantity in two periods, its growth and its difference."""
        measure = self.rng.choice(["facilities", "funding", "funding", "schemes"])
        place = self.place() | ({"province": ALL} if measure == "schemes" else {})
        of = _q(measure, **place, scheme_kind=self.rng.choice([*KINDS, ALL]))
        if of.period == BEFORE or of.period.start == YEARS[0]:
            of = replace(of, period=NOW)
        before = self.earlier(of.period)
        money = self.money(of, replace(of, period=before)) if measure == "funding" else ("count", 0)
        self.value(of, money)
        for relation in self.rng.choice([("growth",), ("growth",), ("difference",), ("growth", "difference")]):
            self.change(relation, of, before, self.decimals(), money)
        if self.rng.random() < 0.8:
            self.value(replace(of, period=before), money)
        if measure == "facilities" and self.rng.random() < 0.5:
            for kind_of in TYPES:
                self.change("difference", replace(of, support_type=kind_of), before, 0, money)

    def years(self) -> None:
        """Funding year by year and in the whole period, with yearly growth."""
        place, kind = self.place(), self.rng.choice([*KINDS, ALL])
        period, decimals = self.rng.choice([NOW, BEFORE]), self.decimals()
        years = [_q("funding", **place | {"period": Period(y, y)}, scheme_kind=kind) for y in period.years]
        money = self.money(*years)
        for year in years:
            self.value(year, money)
        self.value(replace(years[0], period=period), money)
        for year in years[1:]:
            self.change("growth", year, self.earlier(year.period), decimals, money)

    def averages(self) -> None:
        """Funding per facility, or facilities per province, with what they are made of."""
        kind = self.rng.choice([*KINDS, ALL])
        if self.rng.random() < 0.7:
            of = _q("funding", **self.place(), scheme_kind=kind)
            by = replace(of, measure="facilities")
        else:
            of = _q("facilities", period=self.rng.choice([NOW, BEFORE]), scheme_kind=kind)
            by = replace(of, measure="provinces_covered")
        if not self.truth.of(by):
            return
        money, average = self.money(of), Fraction(self.truth.of(of), self.truth.of(by))
        self.value(of, money)
        self.value(by, money)
        unit, decimals = ("count", self.rng.choice([1, 2]))
        if of.measure == "funding":
            fit = [(u, d) for u in ("million_vnd", "billion_vnd") for d in range(3) if average * 10**d >= 10 * UNITS[u].scale]
            unit, decimals = self.rng.choice(fit or [("vnd", 0)])
        self.say("average", of, format_number(average / UNITS[unit].scale, decimals=decimals, number_format="vi"), unit, whole=by)

    def listed(self) -> None:
        """A list of provinces or support types, and how many they are."""
        measure = self.rng.choice(["provinces_covered", "provinces_covered", "support_types_used"])
        period = self.rng.choice([NOW, BEFORE, *(Period(y, y) for y in YEARS)])
        of = _q(measure, period=period, scheme_kind=self.rng.choice([*KINDS, ALL]))
        self.value(of, ("count", 0))
        self.say("list", of, "", "", items=self.truth.on_list(of))
        if measure == "provinces_covered" and self.rng.random() < 0.4:
            whole = replace(of, measure="provinces_served", scheme_kind=ALL)
            self.say("ratio", of, "", "", whole=whole, ratio=(self.truth.of(of), self.truth.of(whole)))

    def sectors(self) -> None:
        """Funding by sector or support type, which need not be all there is, with shares."""
        dimension, codes = self.rng.choice([("sector", SECTORS), ("support_type", ALL_TYPES)])
        period = self.rng.choice([NOW, BEFORE, *(Period(y, y) for y in YEARS)])
        whole, decimals = _q("funding", period=period, scheme_kind=self.rng.choice([*KINDS, ALL])), self.decimals()
        parts = [replace(whole, **{dimension: code}) for code in codes]
        money = self.money(*parts)
        for part in parts:
            self.value(part, money)
            if self.rng.random() < 0.6:
                self.share(part, decimals, **{dimension: ALL})
        self.value(whole, money)

    def by_province(self) -> None:
        """Funding of some provinces, with their shares of all."""
        period, decimals = self.rng.choice([NOW, BEFORE]), self.decimals()
        whole = _q("funding", period=period, scheme_kind=self.rng.choice([*KINDS, ALL]))
        parts = [replace(whole, province=code) for code in self.rng.sample(self.truth.provinces, 5)]
        money = self.money(*parts)
        self.value(whole, money)
        for part in parts:
            self.value(part, money)
            if self.rng.random() < 0.6:
                self.share(part, decimals, province=ALL)

    def told_again(self) -> None:
        """Totals told a second time in the text, most of them with a hedge."""
        plain = [c for c in self.claims if c.relation == "value" and not c.printed.hedge]
        for claim in self.rng.sample(plain, min(2, len(plain))):
            value, unit = self.truth.of(claim.quantity), UNITS[claim.printed.unit]
            coarse = claim.printed.step * 10 ** self.rng.randint(0, 2)
            low = value // coarse * coarse
            hedge = self.rng.choice(["", "over", "nearly", "about"])
            number = {"": value, "over": low, "nearly": low + coarse, "about": low}[hedge]
            if (hedge == "over" and not 0 < low < value) or (hedge == "about" and not low) or (hedge and value < 20 * claim.printed.step):
                continue
            decimals = len(claim.printed.text.partition(",")[2])
            text = format_number(Fraction(number) / unit.scale, decimals=decimals, number_format="vi")
            self.say("value", claim.quantity, text, unit.code, again=True, hedge=hedge)


def _q(measure: str, period: Period, scheme_kind: str = ALL, **more: str) -> Quantity:
    return Quantity(measure, period, CENTRE, scheme_kind, **more)


_BLOCKS = ("mix", "mix", "kinds", "kinds", "cross", "compared", "compared", "points", "years", "averages", "listed", "sectors", "by_province", "told_again")


def write_report(seed: int, size: int, opening: str = "") -> Report:
    """A consistent report of exactly `size` claims; `opening` names the block it begins with."""
    rng = random.Random(f"{seed}/{size}")
    truth = Truth(rng, tuple(VOCABULARY.provinces) if size >= LARGE_REPORT else SERVED)
    writer = _Writer(rng, truth)
    ends, block = [], opening or rng.choice(_BLOCKS)
    while len(writer.claims) < size:
        getattr(writer, block)()
        ends.append(min(size, len(writer.claims)))
        block = rng.choice(_BLOCKS)
    spans = [(start, end) for start, end in zip((0, *ends), ends) if start < end]
    blocks = tuple(tuple(f"report/{i + 1}" for i in range(*span)) for span in spans)
    table = {claim_id: f"table {number}" for number, block in enumerate(blocks, 1) for claim_id in block}
    numbered = ((f"report/{i}", claim) for i, claim in enumerate(writer.claims[:size], 1))
    claims = tuple(replace(claim, claim_id=claim_id, locator=table[claim_id]) for claim_id, claim in numbered)
    return Report(seed, truth, claims, blocks)


# Errors: each mechanism gives every way in which it can make one claim wrong


@dataclass(frozen=True)
class Planted:
    """One error: by which mechanism, and which claims it made wrong."""

    mechanism: str
    claim_ids: tuple[str, ...]


Changes = Iterator[dict[str, Claim]]


def _reprinted(claim: Claim, text: str, **more) -> Changes:
    """The claim with another text, if that can be read as a number at all."""
    try:
        printed = replace(claim.printed, text=text, **more)
        if printed.value >= 0:
            yield {claim.claim_id: replace(claim, printed=printed)}
    except PrintedError:
        return


def _digits(claim: Claim, rewritten: Callable[[str], Iterator[str]]) -> Changes:
    """Each way of rewriting the digits, before or behind the decimal mark, thousands grouped anew."""
    if claim.printed is None:
        return
    whole, mark, rest = claim.printed.text.replace(".", "").partition(",")
    digits = whole + rest
    for other in rewritten(digits):
        grown = len(other) - len(digits)
        for cut in {len(whole), len(whole) + grown}:
            before, after = other[:cut], other[cut:]
            if before and bool(after) == bool(mark) and (before[0] != "0" or len(before) == 1):
                yield from _reprinted(claim, format_number(int(before), decimals=0, number_format="vi") + (mark + after if after else ""))


def _swapped(digits: str) -> Iterator[str]:
    return (digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1) if digits[i] != digits[i + 1])


def _dropped(digits: str) -> Iterator[str]:
    return (digits[:i] + digits[i + 1 :] for i in range(len(digits)))


def _doubled(digits: str) -> Iterator[str]:
    return (digits[: i + 1] + digits[i:] for i in range(len(digits)))


def _changed(digits: str) -> Iterator[str]:
    return (digits[:i] + other + digits[i + 1 :] for i in range(len(digits)) for other in "0123456789" if other != digits[i])


def _decimal_mark(claim: Claim) -> Changes:
    """The mark lost, moved by one place, or a group mark read as one."""
    if claim.printed is None or claim.printed.unit == "count":
        return
    whole, mark, rest = claim.printed.text.replace(".", "").partition(",")
    if mark:
        yield from _reprinted(claim, format_number(int(whole + rest), decimals=0, number_format="vi"))
        if len(whole) > 1:
            yield from _reprinted(claim, f"{whole[:-1]},{whole[-1]}{rest}")
        if len(rest) > 1:
            yield from _reprinted(claim, f"{whole}{rest[0]},{rest[1:]}")
    elif len(whole) > 3:
        yield from _reprinted(claim, f"{whole[:-3]},{whole[-3:]}")


def _thousandfold(claim: Claim) -> Changes:
    units = ["vnd", "thousand_vnd", "million_vnd", "billion_vnd"]
    if claim.printed is not None and claim.printed.unit in units:
        at = units.index(claim.printed.unit)
        for other in units[max(0, at - 1) : at] + units[at + 1 : at + 2]:
            yield from _reprinted(claim, claim.printed.text, unit=other)


def _sign(claim: Claim) -> Changes:
    if claim.direction:
        yield {claim.claim_id: replace(claim, direction="down" if claim.direction == "up" else "up")}


def _same_form(claim: Claim, number: Fraction) -> str:
    """A number in base units, printed with the claim's unit and decimals."""
    decimals = len(claim.printed.text.partition(",")[2])
    return format_number(number / UNITS[claim.printed.unit].scale, decimals=decimals, number_format="vi")


def _percent_or_point(claim: Claim, report: Report) -> Changes:
    """A growth whose number is the change of the share in points, or a change in points whose number is the share's growth."""
    truth = report.truth
    wholes = [claim.whole] if claim.relation == "share_change" else []
    if claim.relation == "growth":
        dimensions = ("scheme_kind", "support_type", "province")
        wholes = [replace(claim.quantity, **{dimension: ALL}) for dimension in dimensions if getattr(claim.quantity, dimension) != ALL]
    for whole in wholes:
        before = replace(whole, period=claim.reference.period)
        if truth.of(whole) and truth.of(before) and truth.of(claim.reference):
            number = truth.points(claim.quantity, claim.reference, whole)
            if claim.relation == "share_change":
                number = number * truth.of(before) / truth.of(claim.reference)
            for changed in _reprinted(claim, _same_form(claim, abs(number))):
                yield {i: replace(c, direction="up" if number >= 0 else "down") for i, c in changed.items()}


def _wrong_whole(claim: Claim, report: Report) -> Changes:
    """A share of another whole than the one named: of more, of less, or of the other period's."""
    if claim.relation != "share":
        return
    others = [replace(claim.whole, **{d: ALL}) for d in ("scheme_kind", "support_type", "province") if getattr(claim.whole, d) != ALL]
    others += [replace(claim.whole, period=p) for p in _other_periods(claim.whole.period)]
    if claim.whole.scheme_kind == ALL != claim.quantity.scheme_kind and claim.whole.support_type == ALL:
        others += [replace(claim.whole, scheme_kind=kind) for kind in KINDS if kind != claim.quantity.scheme_kind]
    for whole in others:
        if 0 < report.truth.of(claim.quantity) <= report.truth.of(whole):
            yield from _reprinted(claim, _same_form(claim, Fraction(report.truth.of(claim.quantity) * 100, report.truth.of(whole))))


def _other_periods(period: Period) -> list[Period]:
    if period in (NOW, BEFORE):
        return [BEFORE if period == NOW else NOW]
    return [Period(year, year) for year in (period.start - 1, period.start + 1) if year in YEARS]


def _other_period(claim: Claim, report: Report) -> Changes:
    """The same figure of the period before or after."""
    if claim.relation not in ("value", "share", "average"):
        return
    for period in _other_periods(claim.quantity.period):
        whole = claim.whole and replace(claim.whole, period=period)
        if whole and not report.truth.of(whole):
            continue
        other = replace(claim, quantity=replace(claim.quantity, period=period), whole=whole)
        yield from _reprinted(claim, _same_form(claim, report.truth.number(other)))


def _rows_exchanged(claim: Claim, report: Report) -> Changes:
    """Two figures of one kind in one block, each printed in the other's row."""
    if claim.printed is None:
        return
    block = next(block for block in report.blocks if claim.claim_id in block)
    for other in report.claims:
        if (
            other.claim_id in block and other.claim_id > claim.claim_id and other.printed and not (other.printed.hedge or claim.printed.hedge)
            and (other.relation, other.printed.unit) == (claim.relation, claim.printed.unit)
            and other.printed.text != claim.printed.text
        ):  # fmt: skip
            yield {claim.claim_id: replace(claim, printed=other.printed), other.claim_id: replace(other, printed=claim.printed)}


def _truncated(claim: Claim, report: Report) -> Changes:
    """Digits cut off where the figure is taken to be rounded."""
    if claim.printed is None or claim.printed.hedge or claim.printed.interval.is_point:
        return
    number = report.truth.number(claim)
    yield from _reprinted(claim, _same_form(claim, Fraction(number // claim.printed.step) * claim.printed.step))


def _list_and_count(claim: Claim) -> Changes:
    """A list with a name too few or too many, or its count off by one."""
    dimension = VOCABULARY.measures[claim.quantity.measure].list_of
    if claim.relation == "list":
        for item in claim.items:
            if len(claim.items) > 1:
                yield {claim.claim_id: replace(claim, items=tuple(i for i in claim.items if i != item))}
        for item in SERVED if dimension == "province" else ALL_TYPES:
            if item not in claim.items:
                yield {claim.claim_id: replace(claim, items=(*claim.items, item))}
    elif dimension and claim.relation == "value":
        for number in (claim.printed.value - 1, claim.printed.value + 1):
            yield from _reprinted(claim, _same_form(claim, number))


_MECHANISMS: dict[str, Callable[[Claim, Report], Changes]] = {
    "digits_swapped": lambda claim, report: _digits(claim, _swapped),
    "digit_dropped": lambda claim, report: _digits(claim, _dropped),
    "digit_doubled": lambda claim, report: _digits(claim, _doubled),
    "digit_changed": lambda claim, report: _digits(claim, _changed),
    "decimal_mark": lambda claim, report: _decimal_mark(claim),
    "thousandfold": lambda claim, report: _thousandfold(claim),
    "sign": lambda claim, report: _sign(claim),
    "percent_or_point": _percent_or_point,
    "wrong_whole": _wrong_whole,
    "other_period": _other_period,
    "rows_exchanged": _rows_exchanged,
    "truncated": _truncated,
    "list_and_count": lambda claim, report: _list_and_count(claim),
}
MECHANISMS = tuple(_MECHANISMS)
# Which block surely holds a claim that the mechanism can make wrong.
OPENINGS = {
    "decimal_mark": "years", "thousandfold": "years", "sign": "compared", "percent_or_point": "points", "wrong_whole": "mix", "truncated": "years",
    "list_and_count": "listed", "rows_exchanged": "mix", "other_period": "kinds",
}  # fmt: skip


def wrong_forms(mechanism: str, claim: Claim, report: Report) -> Changes:
    """Every way in which the mechanism makes this claim wrong (and with it others), each as the changed claims by id.

    A change after which a claim is still true, as within its rounding, is no error and is left out.
    """
    for changed in _MECHANISMS[mechanism](claim, report):
        if not any(report.truth.allows(other) for other in changed.values()):
            yield changed


def plant(report: Report, mechanism: str, rng: random.Random, keep: frozenset[str] = frozenset()) -> tuple[Report, Planted] | None:
    """The report with one error, in claims outside `keep`; None where no claim can be made wrong in this way."""
    for claim in rng.sample(report.claims, len(report.claims)):
        forms = [changed for changed in wrong_forms(mechanism, claim, report) if keep.isdisjoint(changed)]
        if forms:
            changed = rng.choice(forms)
            return report.with_claims(changed), Planted(mechanism, tuple(changed))
    return None


def write_case(seed: int, size: int, errors: int) -> tuple[Report, Report, tuple[Planted, ...]]:
    """An honest report, the same with errors planted, and the errors; mechanisms take turns with the seed."""
    rng = random.Random(f"{seed}/{size}/errors")
    first = MECHANISMS[seed % len(MECHANISMS)]
    honest = write_report(seed, size, OPENINGS.get(first, "") if errors else "")
    wanted = [first, *rng.sample(MECHANISMS, len(MECHANISMS))]
    report, planted = honest, ()
    while len(planted) < errors and wanted:
        done = plant(report, wanted.pop(0), rng, frozenset(claim_id for error in planted for claim_id in error.claim_ids))
        if done:
            report, planted = done[0], (*planted, done[1])
    return honest, report, planted


@functools.lru_cache(maxsize=1)
def _number_pattern() -> re.Pattern:
    return re.compile(r"(\d+)(?:,(\d+))?")


def plain_number(text: str) -> tuple[Fraction, int]:
    """A printed number read without the package's reader: its value and its decimals. For peers and the reference."""
    whole, decimals = _number_pattern().fullmatch(text.replace(".", "")).groups(default="")
    return Fraction(int(whole + decimals), 10 ** len(decimals)), len(decimals)
