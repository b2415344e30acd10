"""Laws of the audit that hold for any programme at all, not only for the published one."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from kcq_eval.audit.explanations import CONSISTENT, Audit, audit_claims
from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import UNITS, Printed, format_number
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
    by = [q for q in by if (q.measure == "facilities" or period != ONE_YEAR) and truth.of(q)]
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
def documents(draw, most: int = 8) -> tuple[Truth, tuple[Claim, ...]]:
    truth = draw(truths())
    return truth, tuple(draw(statements(truth, number)) for number in range(1, draw(st.integers(1, most)) + 1))


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
@given(documents())
def test_an_honestly_rounded_document_is_never_contradicted_and_the_truth_lies_in_its_bounds(document):
    honest_documents_are_never_contradicted(document)


@pytest.mark.soak
@many
@given(documents(most=14))
def test_any_number_of_honest_documents_is_never_contradicted(document):
    honest_documents_are_never_contradicted(document)
