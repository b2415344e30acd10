"""Facilities: how many, which share of all, and the mix of support types they were helped with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.indicators.funding import growth_pct
from kcq_eval.numbers import Number, Numbers, computing, report
from kcq_eval.parameters import Parameters
from kcq_eval.vocabulary import ALL

_MOST_COMBINATIONS = 20_000  # whole-number mixes tried one by one before bounds are taken from each part's own


@computing
def facility_numbers(estimates: Estimates, parameters: Parameters) -> Numbers:
    """Facilities in both periods, by support type, and the share of the evaluated scheme kind."""
    return Numbers(_facilities(estimates, parameters))


@computing
def mix_numbers(estimates: Estimates, parameters: Parameters) -> Numbers:
    """Shares by support type in both periods, their change, concentration and shift."""
    return Numbers(_mix(estimates, parameters))


def _facilities(estimates: Estimates, parameters: Parameters) -> Iterator[Number]:
    scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    period, baseline = parameters.current_period, parameters.baseline_period
    now, before = (estimates.get("facilities", p, **scope) for p in (period, baseline))
    yield from report("facilities.current", now, "count", period="current")
    yield from report("facilities.baseline", before, "count", period="baseline")
    if now and before and before.upper is not None:
        yield from report("facilities.change", now - before, "count")
        yield from report("facilities.growth", growth_pct(now, before), "percent", 1)
        yield from report("facilities.times", now / before, "ratio", 1)
    for when, p in (("current", period), ("baseline", baseline)):
        whole = estimates.get("facilities", p, parameters.centre)
        yield from report(f"facilities.all.{when}", whole, "count", period=when)
        part = now if when == "current" else before
        if part and whole and whole.upper is not None and parameters.scheme_kind != ALL:
            rest = _rest(estimates, parameters, when)
            yield from report(f"facilities.rest.{when}", rest, "count", period=when)
            divisor = whole if parameters.share_whole == "all" else rest
            share = part / divisor if divisor else None
            yield from report(f"facilities.share.{when}", share and share.scaled(100), "percent", 1, period=when)
    for code in estimates.vocabulary.facility_support_types:
        pair = [estimates.get("facilities", p, **scope, support_type=code) for p in (period, baseline)]
        for when, count in zip(("current", "baseline"), pair):
            yield from report(f"facilities.{when}.{code}", count, "count", 0, "facilities.by_type", support_type=code, period=when)
        if all(pair):
            yield from report(f"facilities.change.{code}", pair[0] - pair[1], "count", 0, "facilities.change.by_type", support_type=code)


def _rest(estimates: Estimates, parameters: Parameters, when: str) -> Bounded | None:
    """Facilities of the other scheme kinds."""
    period = parameters.current_period if when == "current" else parameters.baseline_period
    others = [kind for kind in estimates.vocabulary.scheme_kinds if kind != parameters.scheme_kind]
    if parameters.scheme_kind == ALL or len(others) != 1:
        return None
    return estimates.get("facilities", period, parameters.centre, scheme_kind=others[0])


def _mix(estimates: Estimates, parameters: Parameters) -> Iterator[Number]:
    codes = estimates.vocabulary.facility_support_types
    scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    mixes: dict[str, _Mix] = {}
    for when, period in (("current", parameters.current_period), ("baseline", parameters.baseline_period)):
        parts = [estimates.get("facilities", period, **scope, support_type=code) for code in codes]
        whole = estimates.get("facilities", period, **scope)
        if whole is None or not all(parts) or whole.lower <= 0 or any(part.upper is None for part in (*parts, whole)):
            continue
        mixes[when] = mix = _Mix(parts, whole)
        for code, share in zip(codes, mix.shares):
            yield from report(f"mix.share.{when}.{code}", share, "percent", 1, "mix.share", support_type=code, period=when)
        about = {"period": when}
        yield from report(f"mix.concentration.{when}", mix.bounds(herfindahl), "index", 3, "mix.concentration", **about)
        yield from report(f"mix.effective_types.{when}", mix.bounds(lambda s: 1 / herfindahl(s)), "index", 2, "mix.effective_types", **about)
    if len(mixes) == 2:
        now, before = mixes["current"], mixes["baseline"]
        for code, share, share_before in zip(codes, now.shares, before.shares):
            yield from report(f"mix.change.{code}", share - share_before, "percentage_point", 1, "mix.change", support_type=code)
        yield from report("mix.shift", now.bounds_with(before, shift_points), "percentage_point", 1)


def herfindahl(shares: Sequence[Fraction]) -> Fraction:
    """Sum of squared shares (0 to 1): 1 where one type takes all, 1/n where n types share evenly."""
    return sum((share * share for share in shares), Fraction(0))


def shift_points(now: Sequence[Fraction], before: Sequence[Fraction]) -> Fraction:
    """Half the sum of absolute changes of the shares, in points: what share of facilities would have to change type."""
    return sum((abs(a - b) for a, b in zip(now, before)), Fraction(0)) * 50


class _Mix:
    """Counts by type with bounds, whose total is known too; every whole-number mix they allow."""

    def __init__(self, parts: Sequence[Bounded], whole: Bounded):
        self._parts, self._whole = parts, whole
        self.shares = [(part / whole).scaled(100) for part in parts]
        self._grounds = (whole, *parts)
        self._allowed = self._mixes()

    def bounds(self, measure: Callable[[Sequence[Fraction]], Fraction]) -> Bounded | None:
        """Smallest and largest value of a function of the shares over all allowed mixes."""
        return self._spread([measure(mix) for mix in self._allowed], self._grounds)

    def bounds_with(self, other: _Mix, measure: Callable[[Sequence[Fraction], Sequence[Fraction]], Fraction]) -> Bounded | None:
        """The same for a function of two mixes."""
        if len(self._allowed) * len(other._allowed) > _MOST_COMBINATIONS:
            return None
        found = [measure(mine, theirs) for mine in self._allowed for theirs in other._allowed]
        return self._spread(found, self._grounds + other._grounds)

    def _mixes(self) -> list[tuple[Fraction, ...]]:
        totals = range(int(self._whole.lower), int(self._whole.upper) + 1)
        ranges = [range(int(part.lower), int(part.upper) + 1) for part in self._parts[:-1]]
        count = len(totals)
        for each in ranges:
            count *= len(each)
        if count > _MOST_COMBINATIONS:
            return []
        last = self._parts[-1]
        return [
            tuple(Fraction(part, total) for part in (*first, total - sum(first)))
            for total in totals
            for first in itertools.product(*ranges)
            if last.lower <= total - sum(first) <= last.upper
        ]

    @staticmethod
    def _spread(found: list[Fraction], grounds: Sequence[Bounded]) -> Bounded | None:
        """None where there were too many mixes to try."""
        if not found:
            return None
        return Bounded.resting_on(grounds, (min(found) + max(found)) / 2, min(found), max(found))
