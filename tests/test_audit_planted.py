"""Planted errors, and small systems compared with trying everything."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kcq_eval.audit import solver
from kcq_eval.audit.constraints import Constraint, Linear, System
from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, UNDECIDED, audit_claims
from kcq_eval.audit.solver import Component, components, minimal_sets
from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import Interval, Printed, format_number
from kcq_eval.vocabulary import load_vocabulary

NOW = Period(2021, 2023)
BEFORE = Period(2018, 2020)
some = settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def vocabulary(published_folder):
    return load_vocabulary(published_folder)


def value(number, measure, text, unit, **dimensions):
    quantity = Quantity(measure, NOW, "ipc1", **({"scheme_kind": "focal"} | dimensions))
    return Claim(f"s/{number}", "s", "p. 1", "value", quantity, None, None, (), Printed(text, unit, "vi"), None, "", "")


def audited(vocabulary, claims):
    return audit_claims(Published(vocabulary, {}, tuple(claims)))


def table(vocabulary, counts, total):
    parts = [
        value(i, "facilities", str(count), "count", support_type=code)
        for i, (code, count) in enumerate(zip(vocabulary.facility_support_types, counts), 1)
    ]
    return [*parts, value(9, "facilities", str(total), "count")]


@some
@given(counts=st.lists(st.integers(0, 500), min_size=4, max_size=4), row=st.integers(0, 4), error=st.integers(1, 400), more=st.booleans())
def test_an_error_planted_in_a_table_of_counts_is_always_contradicted(vocabulary, counts, row, error, more):
    figures = [*counts, sum(counts)]
    figures[row] = figures[row] + error if more else abs(figures[row] - error) + (figures[row] == abs(figures[row] - error))
    audit = audited(vocabulary, table(vocabulary, figures[:4], figures[4]))
    assert audit.verdict == CONTRADICTED
    assert all(len(explanation) == 1 for explanation in audit.tied)
    planted = "s/9" if row == 4 else f"s/{row + 1}"
    assert (planted,) in audit.explanations or figures[4] < max(figures[:4])


@some
@given(
    focal=st.integers(0, 10**13), standalone=st.integers(0, 10**13), decimals=st.integers(0, 2), row=st.integers(0, 2),
    beyond=st.integers(1, 10**9), data=st.data(),
)  # fmt: skip
def test_an_error_beyond_rounding_in_printed_money_is_always_contradicted(vocabulary, focal, standalone, decimals, row, beyond, data):
    amounts = [Fraction(amount, 10**6) for amount in (focal, standalone, focal + standalone)]
    step = Fraction(1, 10**decimals)
    steps = [round(amount / step) for amount in amounts]
    steps[row] += 3 + beyond  # three half steps of rounding at most, the error is more
    kinds = [{"scheme_kind": "focal"}, {"scheme_kind": "standalone"}, {"scheme_kind": "all"}]
    texts = [format_number(count * step, decimals=decimals, number_format="vi") for count in steps]
    claims = [value(i, "funding", text, "million_vnd", **kind) for i, (text, kind) in enumerate(zip(texts, kinds), 1)]
    assert audited(vocabulary, claims).verdict == CONTRADICTED


# Random small systems: values are at most four, so that everything can be tried


@st.composite
def systems(draw):
    quantities = [Quantity(f"q{i}", NOW, "ipc1") for i in range(draw(st.integers(1, 3)))]

    def linear():
        chosen = draw(st.lists(st.sampled_from(quantities), min_size=1, unique=True))
        low = draw(st.integers(-4, 6))
        terms = tuple((quantity, Fraction(draw(st.sampled_from([-2, -1, 1, 2, 3])))) for quantity in chosen)
        width = draw(st.integers(0, 3))
        opened = draw(st.booleans()) and width > 1
        return Linear(terms, Interval(Fraction(low), Fraction(low + width), lower_open=opened, upper_open=opened))

    at_most_four = [
        Constraint(f"r{i}", False, (Linear(((quantity, Fraction(1)),), Interval(Fraction(0), Fraction(4))),))
        for i, quantity in enumerate(quantities)
    ]
    claims = [Constraint(f"c{i}", True, (linear(),)) for i in range(draw(st.integers(1, 6)))]
    return System(tuple(quantities), tuple(claims), tuple(at_most_four))


def holds(part, system, names, extra=lambda point: True):
    """Whether some point satisfies the named claims, by trying all."""
    chosen = [c for c in (*system.claims, *system.rules) if not c.is_claim or c.name in names]
    for numbers in itertools.product(range(5), repeat=len(part.quantities)):
        point = dict(zip(part.quantities, numbers))
        sums = [(sum(c * point[q] for q, c in linear.terms), linear.interval) for con in chosen for linear in con.parts if linear.terms[0][0] in point]
        if all(total in interval for total, interval in sums) and extra(point):
            return True
    return False


@some
@given(systems())
def test_conflicts_and_corrections_are_those_that_trying_everything_finds(system):
    for part in components(system):
        subsets = [set(s) for n in range(len(part.claims) + 1) for s in itertools.combinations(part.claims, n)]
        possible = [s for s in subsets if holds(part, system, s)]
        impossible = [s for s in subsets if s not in possible]
        smallest = {frozenset(s) for s in impossible if not any(other < s for other in impossible)}
        largest = {frozenset(part.claims) - s for s in possible if not any(other > s for other in possible)}
        if set(part.claims) in possible:
            assert part.feasible(part.claims) is solver.Answer.YES
            continue
        conflicts, corrections, complete = minimal_sets(part)
        assert complete
        assert set(conflicts) == smallest and len(conflicts) == len(smallest)
        assert set(corrections) == largest and len(corrections) == len(largest)
        assert all(conflict & correction for conflict in conflicts for correction in corrections)


@some
@given(systems())
def test_bounds_are_the_tightest_that_trying_everything_finds(system):
    for part in components(system):
        if holds(part, system, set(part.claims)):
            for quantity in part.quantities:
                reached = [n for n in range(5) if holds(part, system, set(part.claims), lambda point: point[quantity] == n)]
                assert part.extent(quantity, part.claims) == (min(reached), max(reached))


@some
@given(systems())
def test_z3_and_cp_sat_say_the_same(system):
    for part in components(system):
        as_fractions = Component(
            part.quantities, [c for c in system.claims if c.name in part.claims],
            [r for r in system.rules if set(r.quantities) <= set(part.quantities)], frozenset(part.quantities),
        )  # fmt: skip
        if part.feasible(part.claims) is solver.Answer.YES:  # whole numbers are fractions too
            assert as_fractions.feasible(part.claims) is solver.Answer.YES
            for quantity in part.quantities:
                whole, fraction = part.extent(quantity, part.claims), as_fractions.extent(quantity, part.claims)
                assert fraction[0] <= whole[0] and whole[1] <= fraction[1]


def test_a_solver_without_an_answer_accuses_nobody(vocabulary, monkeypatch):
    monkeypatch.setattr(solver, "counted", lambda *_: solver.Answer.UNKNOWN)
    monkeypatch.setattr(solver._Switched, "ask", lambda *_: solver.Answer.UNKNOWN)
    audit = audited(vocabulary, table(vocabulary, [1, 2, 3, 4], 10)[:-1])
    assert audit.verdict == UNDECIDED and not audit.conflicts and not audit.explanations


def test_amounts_of_ten_to_the_eighteen_dong_are_exact(vocabulary):
    now = value(1, "funding", "1.000.000.000.000.000.001", "vnd")
    total = value(2, "funding", "1.000.000.000.000.000.000", "vnd", scheme_kind="all")
    audit = audited(vocabulary, [now, total])
    assert audit.verdict == CONSISTENT  # both are rounded to the đồng: half a đồng each way
    (lower, upper) = audit.extents(())[now.quantity]
    assert (lower, upper) == (10**18 + Fraction(1, 2), 10**18 + Fraction(1, 2))


def test_a_large_programme_with_growth_to_two_decimals_is_decided(vocabulary):
    now = value(1, "funding", "8.500.000", "million_vnd")
    growth = Claim("s/2", "s", "p. 1", "growth", now.quantity, Quantity("funding", BEFORE, "ipc1", "focal"), None, (), Printed("12,34 %", "percent", "vi"), None, "up", "")  # fmt: skip
    audit = audited(vocabulary, [now, growth])
    lower, upper = audit.extents(())[growth.reference]
    assert audit.verdict == CONSISTENT and lower == Fraction("8499999.5") * 10**6 / Fraction("1.12345") and upper > lower


def test_average_funding_per_facility_is_solved_with_counts_and_money(vocabulary):
    whole = Quantity("facilities", NOW, "ipc1", "focal")
    now, counted = value(1, "funding", "232.908", "million_vnd"), value(2, "facilities", "145", "count")
    average = Claim("s/3", "s", "p. 1", "average", now.quantity, None, whole, (), Printed("1,6 tỷ đồng", "million_vnd", "vi"), None, "", "")
    assert audited(vocabulary, [now, counted, average]).verdict == CONSISTENT
    wrong = Claim("s/3", "s", "p. 1", "average", now.quantity, None, whole, (), Printed("2,6 tỷ đồng", "million_vnd", "vi"), None, "", "")
    assert audited(vocabulary, [now, counted, wrong]).tied == (("s/3",), ("s/2",), ("s/1",))  # a changed digit would do for s/3


@pytest.mark.parametrize(
    ("total", "verdict"), [("450", CONSISTENT), ("449", CONSISTENT), ("448", CONSISTENT), ("447", CONTRADICTED), ("453", CONTRADICTED), ("300", CONTRADICTED)]
)
def test_years_add_up_to_their_period(vocabulary, total, verdict):
    whole = Quantity("funding", NOW, "ipc1", "focal")
    years = [Claim(f"s/{year}", "s", "p. 1", "value", Quantity("funding", Period(year, year), "ipc1", "focal"), None, None, (), Printed("150", "million_vnd", "vi"), None, "", "") for year in NOW.years]  # fmt: skip
    stated = Claim("s/1", "s", "p. 1", "value", whole, None, None, (), Printed(total, "million_vnd", "vi"), None, "", "")
    assert audited(vocabulary, [*years, stated]).verdict == verdict  # three half millions of rounding, and half a million of the total's


@pytest.mark.parametrize(("together", "verdict"), [("134", CONSISTENT), ("140", CONTRADICTED), ("130", CONTRADICTED)])
def test_a_union_of_support_types_is_the_sum_of_its_parts(vocabulary, together, verdict):
    parts = [value(1, "facilities", "128", "count", support_type="advanced_machinery"), value(2, "facilities", "6", "count", support_type="showroom")]
    union = value(3, "facilities", together, "count", support_type="advanced_machinery+showroom")
    assert audited(vocabulary, [*parts, union]).verdict == verdict


def test_eleven_disagreements_between_two_documents_are_all_named(vocabulary):
    codes = list(vocabulary.provinces)[:11]
    claims = [value(100 * document + i, "funding", str(10 + document), "million_vnd", province=code) for document in (1, 2) for i, code in enumerate(codes)]
    far_apart = [c if i < 11 else value(1000 + i, "funding", "99", "million_vnd", province=c.quantity.province) for i, c in enumerate(claims)]
    audit = audited(vocabulary, far_apart)
    assert audit.verdict == CONTRADICTED and len(audit.conflicts) == 11
    assert len(audit.suspects) == 22 and audit.tied_count == 2**11 and not audit.complete
