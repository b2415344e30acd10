"""Laws of the audit that hold for any programme at all, not only for the published one."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from kcq_eval.audit import solver
from kcq_eval.audit.constraints import Linear
from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, UNDECIDED, Audit, audit_claims
from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.estimates import estimate
from kcq_eval.parameters import Period
from kcq_eval.printed import UNITS, Interval, Printed, format_number
from kcq_eval.vocabulary import ALL, load_vocabulary

F = Fraction
VOCABULARY = load_vocabulary(Path(__file__).resolve().parent.parent / "data")
KINDS, TYPES = VOCABULARY.scheme_kinds, VOCABULARY.facility_support_types
NOW, BEFORE, ONE_YEAR = Period(2021, 2023), Period(2018, 2020), Period(2022, 2022)
MILLION = 10**6
few = settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(few, max_examples=1_500, derandomize=False)


def quantity(measure: str, period: Period = NOW, scheme_kind: str = "focal", support_type: str = ALL) -> Quantity:
    return Quantity(measure, period, "ipc1", scheme_kind, support_type)


FACILITIES, FUNDING, PROVINCES = quantity("facilities"), quantity("funding"), quantity("provinces_covered")


def claim(number: int, relation: str, of: Quantity, text: str, unit: str, *, hedge="", rounding="nearest", **more) -> Claim:
    details = {"reference": None, "whole": None, "items": (), "ratio": None, "direction": "", "note": ""} | more
    printed = Printed(text, unit, "vi", hedge, rounding) if text else None
    return Claim(f"s/{number}", "s", "p. 1", relation, of, printed=printed, **details)


def audited(*claims: Claim) -> Audit:
    return audit_claims(Published(VOCABULARY, {}, claims))


# An honest document: true numbers, and statements that print them rounded, truncated or hedged.


@dataclass(frozen=True)
class Truth:
    """The true numbers of a programme: facilities by period, scheme kind and support type; funding in đồng; provinces."""

    facilities: dict[tuple[Period, str, str], int]
    funding: dict[tuple[Period, str], int]
    provinces: dict[Period, int]

    def of(self, q: Quantity) -> int:
        kinds = KINDS if q.scheme_kind == ALL else q.scheme_kind.split("+")
        types = TYPES if q.support_type == ALL else q.support_type.split("+")
        if q.measure == "facilities":
            return sum(self.facilities[q.period, kind, kind_of] for kind in kinds for kind_of in types)
        return sum(self.funding[q.period, kind] for kind in kinds) if q.measure == "funding" else self.provinces[q.period]


@st.composite
def truths(draw) -> Truth:
    facilities = {
        (period, kind, kind_of): draw(st.integers(0, 300)) for period in (NOW, BEFORE) for kind in KINDS for kind_of in TYPES
    }
    for (period, kind, kind_of), number in list(facilities.items()):
        if period == NOW:
            facilities[ONE_YEAR, kind, kind_of] = draw(st.integers(0, number))
    largest = draw(st.sampled_from([10**9, 3 * 10**11, 10**13, 10**15]))
    funding = {(period, kind): draw(st.integers(0, largest)) for period in (NOW, BEFORE) for kind in KINDS}
    for kind in KINDS:
        funding[ONE_YEAR, kind] = draw(st.integers(0, funding[NOW, kind]))
    return Truth(facilities, funding, {period: draw(st.integers(1, 28)) for period in (NOW, BEFORE)})


@st.composite
def honestly(draw, value: Fraction | int, unit: str) -> dict[str, str]:
    """A true number, not negative and in base units, as an honest document prints it."""
    exact = UNITS[unit].family == "count" and value == int(value)
    decimals = 0 if exact else draw(st.integers(0, 3))
    steps = F(value) * 10**decimals / UNITS[unit].scale
    whole = math.floor(steps)
    coarse = 10 ** draw(st.integers(0, 2))
    low = whole // coarse * coarse
    ways = [("", "nearest", F(int(steps + F(1, 2)))), ("", "truncated", whole), ("nearly", "nearest", low + coarse)]
    ways += [("below", "nearest", low + coarse)]
    if low > 0:
        ways += [("about", "nearest", low + draw(st.sampled_from([0, coarse])))]
    if 0 < low < steps:
        ways += [("over", "nearest", low), ("above", "nearest", low)]
    hedge, rounding, steps = draw(st.sampled_from(ways))
    text = format_number(F(steps) / 10**decimals, decimals=decimals, number_format="vi", group=draw(st.booleans()))
    return {"text": text, "unit": unit, "hedge": hedge, "rounding": rounding}


@st.composite
def statements(draw, truth: Truth, number: int) -> Claim:
    """One true statement about a programme."""
    period = draw(st.sampled_from([NOW, BEFORE, ONE_YEAR]))
    kind = draw(st.sampled_from([*KINDS, ALL]))
    measure = draw(st.sampled_from(["facilities", "funding", "provinces_covered"]))
    if measure == "provinces_covered":
        period, kind = draw(st.sampled_from([NOW, BEFORE])), "focal"
    kind_of = draw(st.sampled_from([*TYPES, ALL])) if measure == "facilities" else ALL
    of = quantity(measure, period, kind, kind_of)
    value = truth.of(of)
    unit = draw(st.sampled_from(["vnd", "thousand_vnd", "million_vnd", "billion_vnd"])) if measure == "funding" else "count"
    before = replace(of, period=BEFORE)
    possible = ["value"]
    if period == NOW:
        possible += ["difference"] + (["growth"] if truth.of(before) else [])
    wholes = [
        whole
        for whole in (replace(of, scheme_kind=ALL), replace(of, support_type=ALL))
        if whole != of and measure != "provinces_covered" and truth.of(whole)
    ]
    possible += ["share"] if wholes else []
    by = [q for q in (quantity("facilities", period, kind), quantity("provinces_covered", period)) if q.measure != measure]
    by = [q for q in by if (q.measure == "facilities" or period != ONE_YEAR) and truth.of(q) and measure != "provinces_covered"]
    possible += ["average"] if by else []
    relation = draw(st.sampled_from(possible))
    if relation == "value":
        return claim(number, relation, of, **draw(honestly(value, unit)))
    if relation in ("difference", "growth"):
        change = F(value - truth.of(before)) if relation == "difference" else F(value * 100, truth.of(before)) - 100
        told = draw(honestly(abs(change), unit if relation == "difference" else "percent"))
        return claim(number, relation, of, reference=before, direction="up" if change >= 0 else "down", **told)
    whole = draw(st.sampled_from(wholes if relation == "share" else by))
    told = draw(honestly(F(value, truth.of(whole)) * (100 if relation == "share" else 1), "percent" if relation == "share" else unit))
    return claim(number, relation, of, whole=whole, **told)


@st.composite
def documents(draw, least: int = 1, most: int = 8) -> tuple[Truth, tuple[Claim, ...]]:
    truth = draw(truths())
    return truth, tuple(draw(statements(truth, number)) for number in range(1, draw(st.integers(least, most)) + 1))


def honest_documents_are_never_contradicted(document: tuple[Truth, tuple[Claim, ...]]) -> None:
    truth, claims = document
    for told in claims:
        note(f"{told.claim_id} {told.relation} {told.quantity.key} {told.printed}")
    audit = audited(*claims)
    assert audit.verdict == CONSISTENT and not audit.conflicts and not audit.explanations
    for about, extent in audit.extents(()).items():
        if extent is not None:
            lower, upper = extent
            assert lower <= truth.of(about), about
            assert upper is None or truth.of(about) <= upper, about


@few
@given(documents(least=2))
def test_an_honestly_rounded_document_is_never_contradicted_and_the_truth_lies_in_its_bounds(document):
    honest_documents_are_never_contradicted(document)


@pytest.mark.soak
@many
@given(documents(most=14))
def test_any_number_of_honest_documents_is_never_contradicted(document):
    honest_documents_are_never_contradicted(document)


@st.composite
def documents_with_an_error(draw) -> tuple[Truth, tuple[Claim, ...], Claim]:
    """An honest document whose last figure was replaced, with the honest one beside it."""
    truth, claims = draw(documents(least=4, most=7))
    honest = claims[-1]
    text = str(draw(st.integers(0, 10 ** draw(st.integers(1, 4)))))
    return truth, (*claims[:-1], replace(honest, printed=Printed(text, honest.printed.unit, "vi"))), honest


@few
@given(documents_with_an_error())
def test_the_wrong_figure_is_always_a_way_out_and_its_true_value_lies_where_the_others_force_it(document):
    """Without the one wrong figure the rest is true, so dropping it is among the explanations, if any are needed."""
    truth, claims, honest = document
    audit = audited(*claims)
    assert audit.verdict != UNDECIDED
    if audit.verdict == CONTRADICTED:
        assert (honest.claim_id,) in audit.explanations
        assert all(honest.claim_id in conflict for conflict in audit.conflicts)
        required = audit.required(claims[-1])
        true_values = truth.of(honest.quantity), truth.of(honest.reference or honest.whole or honest.quantity)
        assert required is None or true_number(honest.relation, honest.direction, *map(F, true_values)) in required


def true_number(relation: str, direction: str, value: Fraction, other: Fraction) -> Fraction:
    """What a claim's number truly is, in the base unit of its printed number."""
    number = {
        "value": lambda: value, "difference": lambda: value - other, "growth": lambda: value * 100 / other - 100,
        "share": lambda: value * 100 / other, "average": lambda: value / other,
    }[relation]()  # fmt: skip
    return -number if direction == "down" else number


@few
@given(documents(most=5))
def test_the_reasons_given_for_a_number_force_its_bounds_and_none_of_them_is_idle(document):
    _, claims = document
    audit = audited(*claims)
    for about, extent in audit.extents(()).items():
        reasons = audit.reasons(about, ())
        assert excludes_all_else(audit, about, extent, reasons)
        for idle in reasons:
            assert not excludes_all_else(audit, about, extent, [told for told in reasons if told != idle])


def excludes_all_else(audit: Audit, about: Quantity, extent: tuple, claims) -> bool:
    """Whether some of the claims, with all the rules, leave a quantity nothing outside its bounds."""
    part = next(part for part in audit.parts if about in part.quantities)
    lower, upper = extent
    beyond = [Interval(None, lower, upper_open=True)] + ([] if upper is None else [Interval(upper, None, lower_open=True)])
    return all(part.feasible(claims, [Linear(((about, F(1)),), interval)]) is solver.Answer.NO for interval in beyond)


@few
@given(
    counts=st.lists(st.integers(0, 200), min_size=8, max_size=8),
    error=st.integers(-900, 900).filter(bool),
)
def test_a_wrong_grand_total_over_two_breakdowns_is_contradicted(counts, error):
    """Eight parts by kind and type, and the total of all: no subtotal is printed, the rules supply them."""
    parts = [quantity("facilities", NOW, kind, kind_of) for kind in KINDS for kind_of in TYPES]
    claims = [claim(i, "value", part, str(count), "count") for i, (part, count) in enumerate(zip(parts, counts), 1)]
    total = quantity("facilities", NOW, ALL)
    assert audited(*claims, claim(9, "value", total, str(sum(counts)), "count")).verdict == CONSISTENT
    wrong = audited(*claims, claim(9, "value", total, str(abs(sum(counts) + error)), "count"))
    assert wrong.verdict == CONTRADICTED or abs(sum(counts) + error) == sum(counts)
    assert not wrong.conflicts or ("s/9",) in wrong.explanations


def test_what_nothing_bounds_is_said_to_be_unbounded():
    """26.7 % of all without either number: at least 4 of 15, and no more than nothing in particular."""
    share = claim(1, "share", FACILITIES, "26,7", "percent", whole=replace(FACILITIES, scheme_kind=ALL))
    assert audited(share).extents(())[FACILITIES] == (4, None)
    assert audited(share).extents(())[share.whole] == (15, None)
    growth = claim(1, "growth", FUNDING, "28,01", "percent", reference=replace(FUNDING, period=BEFORE), direction="up")
    assert {upper for _, upper in audited(growth).extents(()).values()} == {None}


def test_an_average_of_counts_was_rounded_even_without_decimals():
    facilities, provinces = claim(1, "value", FACILITIES, "145", "count"), claim(2, "value", PROVINCES, "13", "count")
    for text, rounding, verdict in [("11", "nearest", CONSISTENT), ("11,2", "nearest", CONSISTENT), ("12", "nearest", CONTRADICTED),
                                    ("11", "truncated", CONSISTENT), ("12", "truncated", CONTRADICTED)]:  # fmt: skip
        average = claim(3, "average", FACILITIES, text, "count", whole=PROVINCES, rounding=rounding)
        assert audited(facilities, provinces, average).verdict == verdict, text


def test_a_part_of_a_thousandth_of_a_percent_is_no_contradiction():
    total = replace(FUNDING, scheme_kind=ALL)
    share = claim(2, "share", FUNDING, "0,004", "percent", whole=total)
    audit = audited(claim(1, "value", FUNDING, "200.000", "million_vnd"), share)
    lower, upper = audit.extents(())[total]
    assert audit.verdict == CONSISTENT
    assert (lower, upper) == (F("199999.5") * MILLION / F("0.000045"), F("200000.5") * MILLION / F("0.000035"))


def test_claims_that_cannot_hold_together_bound_nothing():
    """82 more and half as many: no number of facilities fits, so none is named."""
    before = replace(FACILITIES, period=BEFORE)
    more = claim(1, "difference", FACILITIES, "82", "count", reference=before, direction="up")
    fewer = claim(2, "growth", FACILITIES, "50,0", "percent", reference=before, direction="down")
    audit = audited(more, fewer)
    assert audit.explanations == (("s/1",), ("s/2",))
    assert audit.extents(()) == {FACILITIES: None, before: None}
    assert audit.reasons(FACILITIES, ()) == ()
    estimates = estimate(audit, ())
    assert estimates.get("facilities", NOW, "ipc1", scheme_kind="focal") is None


@pytest.mark.parametrize("limit", [0.0, 1e-9, 1e-5])
def test_a_solver_short_of_work_leaves_open_what_it_cannot_prove(published, monkeypatch, limit):
    """What is still found under any limit is a part of what is truly there."""
    account = published.of(["ipc1-2023-12-27"])
    known = audit_claims(account)
    monkeypatch.setattr(solver, "WORK_LIMIT", limit)
    monkeypatch.setattr(solver, "STEP_LIMIT", 1)
    monkeypatch.setattr(solver, "END_LIMIT", 1)
    hurried = audit_claims(account)
    assert hurried.verdict in (UNDECIDED, CONTRADICTED)
    assert set(hurried.conflicts) <= set(known.conflicts) and (hurried.conflicts or not hurried.explanations)
    for about, extent in hurried.extents(known.explanations[0]).items():
        lower, upper = known.extents(known.explanations[0])[about]
        assert extent is None or (extent[0] <= lower and (extent[1] is None or upper <= extent[1])), about


@few
@given(documents(most=4), st.sampled_from([0.0, 1e-7, 1e-5]))
def test_a_solver_short_of_work_accuses_no_honest_document(document, limit):
    with pytest.MonkeyPatch.context() as hurry:
        hurry.setattr(solver, "WORK_LIMIT", limit)
        hurry.setattr(solver, "STEP_LIMIT", 10)
        hurry.setattr(solver, "END_LIMIT", 10)
        audit = audited(*document[1])
        assert audit.verdict != CONTRADICTED and not audit.conflicts
        for about, extent in audit.extents(()).items():
            assert extent is None or (extent[0] <= document[0].of(about) and (extent[1] is None or document[0].of(about) <= extent[1]))
