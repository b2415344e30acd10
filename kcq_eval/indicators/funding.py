"""Funding: growth in current and constant prices, per year, and its split into number of facilities and money per facility."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.numbers import Number, Numbers, computing, report
from kcq_eval.parameters import Parameters, Period
from kcq_eval.prices import PriceIndex

EQUAL, BY_FUNDING = "equal", "funding"  # how the years of a period weigh in its mean prices
_CLOSELY = Fraction(1, 100)  # of a period's funding: a year known less closely is no better weight than an equal one


@computing
def funding_numbers(estimates: Estimates, prices: Mapping[str, PriceIndex], parameters: Parameters) -> Numbers:
    """All numbers about funding; those that the estimates do not reach are left out."""
    return Numbers([*_numbers(estimates, prices, parameters), *_by_period(estimates, parameters)])


def comparable_periods(estimates: Estimates, parameters: Parameters) -> list[Period]:
    """The periods as long as the one evaluated that lie a whole number of lengths from it, and so share no year, in order."""
    period = parameters.current_period
    length = len(period.years)
    return [p for p in estimates.periods() if len(p.years) == length and (p.start - period.start) % length == 0]


def _by_period(estimates: Estimates, parameters: Parameters) -> Iterator[Number]:
    """Totals of each period, where more than two comparable ones are known."""
    for measure, unit, decimals in (("funding", "million_vnd", 1), ("facilities", "count", 0), ("schemes", "count", 0)):
        scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
        found = {period: estimates.get(measure, period, **scope) for period in comparable_periods(estimates, parameters)}
        known = {period: one for period, one in found.items() if one is not None and one.upper is not None}
        if len(known) > 2:
            for period, one in known.items():
                yield from report(f"period.{period}.{measure}", one, unit, decimals, "period.total", measure=measure, when=period.text)


def _numbers(estimates: Estimates, prices: Mapping[str, PriceIndex], parameters: Parameters) -> Iterator[Number]:
    period, baseline = parameters.current_period, parameters.baseline_period
    scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    schemes = {when: estimates.get("schemes", p, **scope) for when, p in (("current", period), ("baseline", baseline))}
    now, before = (estimates.get("funding", p, **scope) for p in (period, baseline))
    for when, count in schemes.items():
        yield from report(f"schemes.{when}", count, "count", period=when)
    yield from report("funding.current", now, "million_vnd", 1, period="current")
    yield from report("funding.baseline", before, "million_vnd", 1, period="baseline")
    if now is None or before is None or now.upper is None or before.upper is None:
        return
    yield from report("funding.change", billions(now - before), "billion_vnd", 1)
    yield from report("funding.growth.nominal", growth_pct(now, before), "percent", 2)
    yield from report("funding.annualised.nominal", annualised_pct(now, before, period, baseline), "percent", 2)
    in_prices = {"nominal": before}
    by_year = {when: funding_by_year(estimates, p, **scope) for when, p in (("current", period), ("baseline", baseline))}
    weights = weighting(estimates, parameters)
    for basis, index in prices.items():
        means = [_mean_prices(index, p, by_year[when]) for when, p in (("current", period), ("baseline", baseline))]
        if None in means:
            continue
        dearer = means[0] / means[1]
        in_prices[basis] = repriced = before * dearer
        about, told, weighted = {"price_basis": basis}, {"price_basis": basis}, ""
        if weights != EQUAL:
            told, weighted = {"price_basis": basis, "weights": weights}, "_weighted"
            equal = [index.mean(p) for p in (period, baseline)]
            same = None if None in equal else Bounded.exactly((equal[0] / equal[1] - 1) * 100)
            yield from report(f"funding.prices_equal.{basis}", same, "percent", 2, "funding.prices_equal", **about)
        yield from report(f"funding.prices.{basis}", dearer.shifted(-1).scaled(100), "percent", 2, f"funding.prices{weighted}", **told)
        yield from report(f"funding.repriced.{basis}", billions(repriced), "billion_vnd", 1, "funding.repriced", **about)
        yield from report(f"funding.growth.{basis}", growth_pct(now, repriced), "percent", 1, f"funding.growth.real{weighted}", **told)
        real = annualised_pct(now, repriced, period, baseline)
        yield from report(f"funding.annualised.{basis}", real, "percent", 1, "funding.annualised.real", **about)
    facilities_now, facilities_before = (estimates.get("facilities", p, **scope) for p in (period, baseline))
    if facilities_now is None or facilities_before is None:
        return
    each_now = now / facilities_now
    yield from report("funding.per_facility.current", each_now, "million_vnd", 0, period="current")
    for basis, repriced in in_prices.items():
        each_before = repriced / facilities_before
        if each_now is None or each_before is None:
            return
        growth, about = growth_pct(each_now, each_before), {"price_basis": basis}
        yield from report(f"funding.per_facility.baseline.{basis}", each_before, "million_vnd", 0, "funding.per_facility.baseline", **about)
        yield from report(f"funding.per_facility.growth.{basis}", growth, "percent", 1, "funding.per_facility.growth", **about)
        by_number, by_size = shapley_split(facilities_now, facilities_before, each_now, each_before)
        yield from report(f"funding.split.facilities.{basis}", billions(by_number), "billion_vnd", 1, "funding.split.facilities", **about)
        yield from report(f"funding.split.per_facility.{basis}", billions(by_size), "billion_vnd", 1, "funding.split.per_facility", **about)


def weighting(estimates: Estimates, parameters: Parameters) -> str:
    """How years weigh in a period's mean prices: `funding` in both periods, only in the `current` or the `baseline` one, or `equal`.

    A period of one year needs no weights, and follows the other.
    """
    scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    several = {when: p for when, p in (("current", parameters.current_period), ("baseline", parameters.baseline_period)) if len(p.years) > 1}
    known = [when for when, p in several.items() if funding_by_year(estimates, p, **scope)]
    if not known:
        return EQUAL
    return BY_FUNDING if len(known) == len(several) else known[0]


def funding_by_year(estimates: Estimates, period: Period, **scope: str) -> dict[int, Bounded]:
    """Funding of each year of a period; empty where it is not known of every year, each to a hundredth of the period's funding.

    Years left out have none where the others add up to the whole period exactly, as in a register.
    """
    total = estimates.get("funding", period, **scope)
    if total is None or not total.value or len(period.years) == 1:
        return {}
    found = {year: estimates.get("funding", Period(year, year), **scope) for year in period.years}
    known = {year: amount for year, amount in found.items() if amount is not None}
    if any(amount.upper is None or amount.upper - amount.lower > total.value * _CLOSELY for amount in known.values()):
        return {}
    if len(known) < len(found):
        exact = total.is_point and all(amount.is_point for amount in known.values())
        if not exact or sum(amount.value for amount in known.values()) != total.value:
            return {}
    return known if any(amount.value for amount in known.values()) else {}


def _mean_prices(index: PriceIndex, period: Period, by_year: Mapping[int, Bounded]) -> Bounded | None:
    """Mean prices of a period, weighted by its funding by year where that is known; None where the index lacks a year."""
    if not by_year:
        mean = index.mean(period)
        return None if mean is None else Bounded.exactly(mean)
    means = index.mean_of_money({year: (amount.value, amount.lower, amount.upper) for year, amount in by_year.items()})
    return None if means is None else Bounded.resting_on(by_year.values(), *means)


def billions(million_vnd: Bounded) -> Bounded:
    """Million VND as billion VND: derived amounts rarely support more digits."""
    return million_vnd.scaled(Fraction(1, 1000))


def growth_pct(now: Bounded, before: Bounded) -> Bounded | None:
    """current / baseline − 1 in %; None where the baseline may be zero."""
    ratio = now / before
    return None if ratio is None else ratio.shifted(-1).scaled(100)


def annualised_pct(now: Bounded, before: Bounded, period: Period, baseline: Period) -> Bounded | None:
    """Growth per year in %, over the distance between the periods' midpoints.

    The root is irrational; its bounds are rounded outward at the 12th digit.
    """
    ratio = now / before
    years = period.midpoint - baseline.midpoint
    if ratio is None or ratio.lower <= 0:
        return None
    value, lower, upper = (float(end) ** (1 / years) for end in (ratio.value, ratio.lower, ratio.upper))
    lower, upper = Fraction(math.floor(lower * 10**12), 10**12), Fraction(math.ceil(upper * 10**12), 10**12)
    middle = min(max(Fraction(round(value * 10**12), 10**12), lower), upper)
    return Bounded.resting_on([ratio], middle, lower, upper).shifted(-1).scaled(100)


def shapley_split(count_now: Bounded, count_before: Bounded, each_now: Bounded, each_before: Bounded) -> tuple[Bounded, Bounded]:
    """The change of count × each, as an effect of the count and an effect of each: the mean of both orders of changing them."""
    half = Fraction(1, 2)
    by_count = (count_now - count_before) * (each_now + each_before).scaled(half)
    by_each = (each_now - each_before) * (count_now + count_before).scaled(half)
    return by_count, by_each
