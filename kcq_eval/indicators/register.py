"""What only rows can give: by year, sector and province, leverage, focal against standalone, and how evenly funding is spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from kcq_eval.estimates import REGISTER, Bounded, Estimates
from kcq_eval.evaluation import Evaluation
from kcq_eval.numbers import Number, Numbers, computing, report
from kcq_eval.parameters import Period
from kcq_eval.register.aggregation import funding_by_facility, years_in
from kcq_eval.register.columns import STATUSES
from kcq_eval.register.register import MILLION, Register

QUARTILES = {"q1": Fraction(1, 4), "median": Fraction(1, 2), "q3": Fraction(3, 4)}
_DECIMALS = {"million_vnd": 1, "count": 0}
LORENZ_STEPS = 20  # points of the curve: fine enough to draw, too coarse to show a single facility among many


@computing
def numbers_of_rows(evaluation: Evaluation) -> Numbers:
    """All numbers that need a register; none without one."""
    if evaluation.register is None:
        return Numbers()
    parts = (_counts, _by_period, _by_year, _by_year_and_dimension, _by_dimension, _by_kind, _spread)
    return Numbers(number for part in parts for number in part(evaluation, evaluation.register))


def leverage(estimates: Estimates, period: Period, centre: str, **dimensions: str) -> Bounded | None:
    """Counterpart funding for each đồng of state funding; None where there is no state funding."""
    counterpart, state = (estimates.get(f"{part}_funding", period, centre, **dimensions) for part in ("counterpart", "state"))
    return counterpart / state if counterpart and state else None


def gini(amounts: Sequence[int]) -> Fraction | None:
    """Gini coefficient of ascending amounts, 0 (all alike) to 1 (one has all); None where there is nothing to share."""
    total = sum(amounts)
    if not total:
        return None
    count = len(amounts)
    return Fraction(sum((2 * place - count - 1) * amount for place, amount in enumerate(amounts, start=1)), count * total)


def quantile(amounts: Sequence[int], share: Fraction) -> Fraction:
    """The amount below which a share of ascending amounts lies, linear between two of them."""
    at = share * (len(amounts) - 1)
    low = int(at)
    high = min(low + 1, len(amounts) - 1)
    return amounts[low] + (at - low) * (amounts[high] - amounts[low])


def lorenz(amounts: Sequence[int], steps: int = LORENZ_STEPS) -> list[tuple[Fraction, Fraction]]:
    """Share of all money that the poorest share of facilities has, at even steps; linear between two facilities."""
    sums = [0]
    for amount in amounts:
        sums.append(sums[-1] + amount)
    points = []
    for step in range(steps + 1):
        at = Fraction(step * len(amounts), steps)
        low = int(at)
        inside = (at - low) * (amounts[low] if low < len(amounts) else 0)
        points.append((Fraction(step, steps), Fraction(sums[low] + inside) / sums[-1] if sums[-1] else Fraction(0)))
    return points


def _counts(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    """Rows by status, of all years."""
    for place, status in enumerate(STATUSES):
        count = int((register.facts["status"] == place).sum())
        yield from report(f"register.rows.{status}", _exactly(count, register), "count", 0, "register.rows", status=status)


def _by_period(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    """The 1:n truth of facilities and supports, and leverage, in both periods."""
    scope = {"centre": evaluation.parameters.centre, "scheme_kind": evaluation.parameters.scheme_kind}
    for when, period in _periods(evaluation):
        if not register.has(period):
            continue
        supports = evaluation.estimates.get("supports", period, **scope)
        facilities = _exactly(len(funding_by_facility(register, scope["centre"], period, scope["scheme_kind"])), register)
        yield from report(f"register.supports.{when}", supports, "count", 0, "register.supports", period=when)
        yield from report(f"register.facilities.{when}", facilities, "count", 0, "register.facilities", period=when)
        each = supports / facilities if supports else None
        yield from report(f"register.supports_per_facility.{when}", each, "ratio", 2, "register.supports_per_facility", period=when)
        for part in ("state", "counterpart"):
            amount = evaluation.estimates.get(f"{part}_funding", period, **scope)
            yield from report(f"register.{part}_funding.{when}", amount, "million_vnd", 1, f"register.{part}_funding", period=when)
        yield from report(f"register.leverage.{when}", leverage(evaluation.estimates, period, **scope), "ratio", 2, "register.leverage", period=when)


def _by_year(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    scope = {"centre": evaluation.parameters.centre, "scheme_kind": evaluation.parameters.scheme_kind}
    for period in years_in(register, [period for _, period in reversed(_periods(evaluation))]):
        for measure, unit in (("funding", "million_vnd"), ("state_funding", "million_vnd"), ("counterpart_funding", "million_vnd"), ("facilities", "count")):
            found = evaluation.estimates.get(measure, period, **scope)
            yield from report(f"register.year.{period}.{measure}", found, unit, _DECIMALS[unit], "register.in_year", measure=measure, year=str(period))
        found = leverage(evaluation.estimates, period, **scope)
        yield from report(f"register.year.{period}.leverage", found, "ratio", 2, "register.leverage_in", what=str(period))


def _by_year_and_dimension(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    """Facilities by support type and funding by sector in each year; what has nothing in any year is left out."""
    estimates = evaluation.estimates
    scope = {"centre": evaluation.parameters.centre, "scheme_kind": evaluation.parameters.scheme_kind}
    years = years_in(register, [period for _, period in reversed(_periods(evaluation))])
    types, sectors = estimates.vocabulary.facility_support_types, estimates.vocabulary.sectors
    for dimension, codes, measure, unit in (("support_type", types, "facilities", "count"), ("sector", sectors, "funding", "million_vnd")):
        for code in codes:
            found = {year: estimates.get(measure, year, **scope, **{dimension: code}) for year in years}
            if any(one and one.value for one in found.values()):
                for year, one in found.items():
                    about = {"measure": measure, "code": code, "year": str(year)}
                    yield from report(f"register.year.{year}.{code}.{measure}", one, unit, _DECIMALS[unit], "register.of_in_year", **about)


def _by_dimension(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    """The evaluated period by sector and by province; what has no row is left out."""
    parameters, estimates = evaluation.parameters, evaluation.estimates
    scope = {"period": parameters.current_period, "centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    for dimension, codes in (("sector", estimates.vocabulary.sectors), ("province", register.provinces)):
        for code in codes:
            supports, funding = (estimates.get(measure, **scope, **{dimension: code}) for measure in ("supports", "funding"))
            if funding is None or not (funding.value or supports.value):
                continue
            for measure, unit in (("funding", "million_vnd"), ("facilities", "count")):
                found = estimates.get(measure, **scope, **{dimension: code})
                yield from report(f"register.{dimension}.{code}.{measure}", found, unit, _DECIMALS[unit], "register.of", measure=measure, code=code)
            found = leverage(estimates, **scope, **{dimension: code})
            yield from report(f"register.{dimension}.{code}.leverage", found, "ratio", 2, "register.leverage_of", code=code)


def _by_kind(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    """Focal and standalone schemes side by side: number, size, funding per facility and per scheme, leverage."""
    parameters, estimates = evaluation.parameters, evaluation.estimates
    for kind in estimates.vocabulary.scheme_kinds:
        scope = {"period": parameters.current_period, "centre": parameters.centre, "scheme_kind": kind}
        schemes, facilities, funding = (estimates.get(measure, **scope) for measure in ("schemes", "facilities", "funding"))
        if schemes is None or not schemes.value:
            continue
        for measure, found, unit, decimals in (
            ("schemes", schemes, "count", 0), ("facilities", facilities, "count", 0), ("funding", funding, "million_vnd", 1),
            ("facilities_per_scheme", facilities / schemes, "ratio", 1), ("funding_per_facility", funding / facilities, "million_vnd", 0),
            ("funding_per_scheme", funding / schemes, "million_vnd", 0), ("leverage", leverage(estimates, **scope), "ratio", 2),
        ):  # fmt: skip
            yield from report(f"register.kind.{kind}.{measure}", found, unit, decimals, f"register.kind.{measure}", scheme_kind=kind)


def _spread(evaluation: Evaluation, register: Register) -> Iterator[Number]:
    """Quartiles of funding per facility, and the Gini coefficient."""
    parameters = evaluation.parameters
    for when, period in _periods(evaluation):
        amounts = funding_by_facility(register, parameters.centre, period, parameters.scheme_kind)
        if not amounts:
            continue
        for name, share in QUARTILES.items():
            found = _exactly(quantile(amounts, share) / MILLION, register)
            yield from report(f"register.spread.{name}.{when}", found, "million_vnd", 1, f"register.spread.{name}", period=when)
        even = gini(amounts)
        yield from report(f"register.spread.gini.{when}", None if even is None else _exactly(even, register), "index", 3, "register.spread.gini", period=when)


def _periods(evaluation: Evaluation) -> list[tuple[str, Period]]:
    return [("current", evaluation.parameters.current_period), ("baseline", evaluation.parameters.baseline_period)]


def _exactly(value: int | Fraction, register: Register) -> Bounded:
    exact = Fraction(value)
    return Bounded(exact, exact, exact, frozenset({register.source_id}), basis=REGISTER)
