"""The published account of 2021–2023: what it contradicts, what it leaves open, and what follows from it all the same."""

import gc
import itertools
import random
import weakref
from fractions import Fraction

import pytest
from conftest import read_rows, write_rows

from kcq_eval.audit.checkability import checkability
from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, audit_claims
from kcq_eval.audit.readings import other_readings
from kcq_eval.claims import COLUMNS, Quantity, load_published
from kcq_eval.errors import BadInput
from kcq_eval.estimates import DERIVED, PRINTED, estimate
from kcq_eval.parameters import Period
from kcq_eval.printed import Interval, Printed
from kcq_eval.sources import COLUMNS as SOURCE_COLUMNS

ACCOUNT, NEWSPAPER = "ipc1-2023-12-27", "baonamdinh-2020-11-05"
NOW, BEFORE = Period(2021, 2023), Period(2018, 2020)
MILLION = 10**6
F = Fraction


@pytest.fixture(scope="module")
def first(published):
    """The audit of the account of 2023 alone."""
    return audit_claims(published.of([ACCOUNT]))


@pytest.fixture(scope="module")
def both(published):
    """The audit of both documents."""
    return audit_claims(published.of([ACCOUNT, NEWSPAPER]))


def numbers(claim_sets) -> list[set[str]]:
    """Ids within the account of 2023."""
    return [{claim.removeprefix(ACCOUNT + "/") for claim in claims} for claims in claim_sets]


def focal(measure: str, period: Period, support_type: str = "all") -> Quantity:
    return Quantity(measure, period, "ipc1", "focal", support_type)


def test_the_account_contradicts_itself_in_exactly_four_smallest_ways(first):
    assert first.verdict == CONTRADICTED and not first.undecided
    assert numbers(first.conflicts) == [{"4", "5", "6"}, {"5", "6", "7"}, {"5", "6", "10"}, {"5", "6", "11"}]


def test_three_corrections_resolve_it_and_the_share_and_the_total_are_tied(first):
    assert numbers(first.explanations) == [{"5"}, {"6"}, {"4", "7", "10", "11"}]
    assert numbers(first.tied) == [{"5"}, {"6"}]
    assert first.suspects == (f"{ACCOUNT}/5", f"{ACCOUNT}/6")


@pytest.mark.parametrize("left_out", [{"5"}, {"6"}, {"4", "7", "10", "11"}])
def test_each_correction_alone_leaves_an_account_that_can_be_true(published, left_out):
    account = published.of([ACCOUNT])
    rest = tuple(claim for claim in account.claims if claim.number not in left_out)
    assert audit_claims(type(account)(account.vocabulary, account.sources, rest)).verdict == CONSISTENT


def test_every_claim_is_told_where_it_stands(first):
    verdicts = {claim.number: first.claim_verdict(claim) for claim in first.published.claims}
    assert {n for n, v in verdicts.items() if v == "suspect"} == {"5", "6"}
    assert {n for n, v in verdicts.items() if v == "in_conflict"} == {"4", "7", "10", "11"}
    assert {n for n, v in verdicts.items() if v == "not_checked"} == {"20", "21"}
    assert {n for n, v in verdicts.items() if v == "consistent"} == set(verdicts) - {"4", "5", "6", "7", "10", "11", "20", "21"}


def test_the_newspaper_agrees_with_itself_and_does_not_break_the_tie(published, both):
    assert audit_claims(published.of([NEWSPAPER])).verdict == CONSISTENT
    assert both.verdict == CONTRADICTED
    assert numbers(both.explanations) == [{"5"}, {"6"}, {"4", "7", "10", "11"}]
    assert numbers(both.tied) == [{"5"}, {"6"}]


def test_the_share_should_read_61_4_or_the_total_543_or_544(first):
    share, total = (first.published.claim(f"{ACCOUNT}/{n}") for n in (5, 6))
    assert first.required(share) == Interval(F(14500, 236), F(14500, 236))
    assert round(float(first.required(share).lower), 1) == 61.4
    assert first.required(total) == Interval(F(543), F(544))
    assert first.required(first.published.claim(f"{ACCOUNT}/4")) is None  # with 145 others would have to go


def test_a_check_of_the_percentage_on_its_own_passes_it(published):
    """26.7 % of 236 is a whole number of facilities (63): the GRIM test sees nothing wrong. All figures together do."""
    printed = Printed("26,7%", "percent", "vi").interval
    assert [part for part in range(237) if F(part * 100, 236) in printed] == [63]
    account = published.of([ACCOUNT])
    alone = type(account)(account.vocabulary, account.sources, tuple(c for c in account.claims if c.number in ("5", "6")))
    audit = audit_claims(alone)
    assert audit.verdict == CONSISTENT
    assert audit.extents(())[focal("facilities", NOW)] == (63, 63)


def test_the_baseline_of_the_account_alone_follows_when_the_share_is_set_aside(first):
    baseline = estimate(first, [f"{ACCOUNT}/5"])
    facilities = {
        kind: baseline.get("facilities", BEFORE, "ipc1", scheme_kind="focal", support_type=kind)
        for kind in ("all", "demonstration_model", "advanced_machinery", "consultancy", "showroom")
    }
    assert {kind: (e.lower, e.upper) for kind, e in facilities.items()} == {
        "all": (63, 63), "demonstration_model": (9, 9), "advanced_machinery": (52, 52), "consultancy": (0, 2), "showroom": (0, 2),
    }  # fmt: skip
    assert {e.basis for e in facilities.values()} == {DERIVED}
    assert facilities["all"].claims == {f"{ACCOUNT}/4", f"{ACCOUNT}/7"}
    assert facilities["demonstration_model"].claims == {f"{ACCOUNT}/8", f"{ACCOUNT}/9"}
    assert not facilities["all"].depends  # with the total set aside instead it is the same


def test_the_baseline_funding_lies_exactly_where_the_printed_growth_leaves_it(first):
    lowest, highest = F("232907.5") * MILLION / F("1.28015"), F("232908.5") * MILLION / F("1.28005")
    assert first.extents([f"{ACCOUNT}/5"])[focal("funding", BEFORE)] == (lowest, highest)
    funding = estimate(first, [f"{ACCOUNT}/5"]).get("funding", BEFORE, "ipc1", scheme_kind="focal")
    assert (round(float(funding.lower), 1), round(float(funding.upper), 1)) == (181_937.7, 181_952.7)
    assert funding.claims == {f"{ACCOUNT}/2", f"{ACCOUNT}/3"}


def test_the_newspaper_narrows_the_baseline_funding_to_a_tenth_of_a_million(both):
    funding = estimate(both, [f"{ACCOUNT}/5"]).get("funding", BEFORE, "ipc1", scheme_kind="focal")
    assert (funding.lower, funding.value, funding.upper) == (F("181946.85"), F("181946.9"), F("181946.95"))
    assert funding.basis == PRINTED


def test_what_depends_on_the_choice_of_explanation_says_so(first):
    share_aside, total_aside = (estimate(first, [f"{ACCOUNT}/{n}"]) for n in (5, 6))
    total = share_aside.get("facilities", NOW, "ipc1")
    assert (total.lower, total.upper, total.depends) == (236, 236, True)
    total = total_aside.get("facilities", NOW, "ipc1")
    assert (total.lower, total.upper, total.depends) == (543, 544, True)
    assert not share_aside.get("facilities", NOW, "ipc1", scheme_kind="focal").depends


def test_thirteen_provinces_are_named_now_and_nine_before(both):
    found = estimate(both, [f"{ACCOUNT}/5"])
    now, before = (found.members("provinces_covered", period, "ipc1", scheme_kind="focal") for period in (NOW, BEFORE))
    assert (len(now), len(before)) == (13, 9)
    named = {both.published.vocabulary.label(code, "vi") for code in before - now}
    assert named == {"Lào Cai"} and len(now & before) == 8
    assert found.get("provinces_served", NOW, "ipc1").value == 28 == len(both.published.vocabulary.served("ipc1"))
    assert now | before <= set(both.published.vocabulary.served("ipc1"))


def test_an_explanation_is_chosen_by_its_claims_and_a_wrong_one_is_refused(first):
    assert first.set_aside("first") == (f"{ACCOUNT}/5",)
    assert first.set_aside("tied") == (f"{ACCOUNT}/5", f"{ACCOUNT}/6")
    assert first.set_aside(f"{ACCOUNT}/11+{ACCOUNT}/10 + {ACCOUNT}/7+{ACCOUNT}/4") == first.explanations[2]
    for choice, message, near in [
        (f"{ACCOUNT}/4", "conflict_remains", ""),
        (f"{ACCOUNT}/55", "unknown_value", f"{ACCOUNT}/5"),
        ("", "unknown_value", ""),
        (f"{ACCOUNT}/5+nonsense", "unknown_value", ""),
    ]:
        with pytest.raises(BadInput) as refused:
            first.set_aside(choice)
        (problem,) = refused.value.problems
        assert (problem.message, problem.column) == (message, "explanation")
        assert problem.nearest == near or not near


def told(audit):
    """Everything an audit says, as text."""
    set_aside = audit.set_aside("first")
    extents = {quantity.key: extent for quantity, extent in audit.extents(set_aside).items()}
    reasons = {q.key: audit.reasons(q, set_aside) for part in audit.parts for q in part.quantities if q.measure in ("facilities", "funding")}
    return audit.conflicts, audit.explanations, extents, reasons


@pytest.mark.parametrize("seed", range(5))
def test_no_result_depends_on_the_order_of_rows_or_documents(published_copy, both, seed):
    shuffle = random.Random(seed).shuffle
    for path, columns in [
        (published_copy / "sources.csv", SOURCE_COLUMNS),
        (published_copy / "rules.csv", read_rows(published_copy / "rules.csv")[0]),
        *itertools.product((published_copy / "claims").glob("*.csv"), [COLUMNS]),
    ]:
        rows = read_rows(path)
        if path.name == "sources.csv":
            rows.reverse()
        else:
            shuffle(rows)
        write_rows(path, columns, rows)
    assert told(audit_claims(load_published(published_copy))) == told(both)


def test_a_third_document_is_one_file_of_claims_and_one_row_of_the_catalogue(published_copy):
    """A later report that prints the total again: it is counted like any other, and the tie is broken without any code."""
    catalogue = read_rows(published_copy / "sources.csv")
    write_rows(published_copy / "sources.csv", SOURCE_COLUMNS, [*catalogue, catalogue[0] | {"source_id": "report-2024", "sha256": ""}])
    rows = {row["claim_id"]: row for row in read_rows(published_copy / "claims" / f"{ACCOUNT}.csv")}
    write_rows(published_copy / "claims" / "report-2024.csv", COLUMNS, [rows["6"] | {"claim_id": "1", "locator": "p. 3"}])
    audit = audit_claims(load_published(published_copy))
    assert audit.verdict == CONTRADICTED
    assert audit.explanations[0] == audit.suspects == (f"{ACCOUNT}/5",)
    assert {f"{ACCOUNT}/6", "report-2024/1"} in [set(explanation) for explanation in audit.explanations]
    total = estimate(audit, audit.set_aside("first")).get("facilities", NOW, "ipc1")
    assert (total.lower, total.upper, total.depends) == (236, 236, False)


def test_what_was_worked_out_about_an_audit_goes_with_it(published):
    """Each holds solvers; a page or a sweep that looks at many must not keep them all."""
    audits = [audit_claims(published) for _ in range(3)]
    for audit in audits:
        other_readings(audit)
        checkability(audit, audit.explanations[0])
    gone = [weakref.ref(audit) for audit in audits]
    del audit
    audits.clear()
    gc.collect()
    assert [audit() for audit in gone] == [None] * 3


def test_z3_is_started_only_for_the_part_in_conflict(published):
    audit = audit_claims(published)
    started = [part for part in audit.parts if part._switched._numbers is not None]
    assert len(audit.parts) > 5 and [set(audit.conflicts[0]) <= set(part.claims) for part in started] == [True]
