"""The power benchmark is honest: its reports are true before an error is planted, and wrong just where it says after."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kcq_eval.audit.constraints import build_system
from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, audit_claims
from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import Printed

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

import bench_audit  # noqa: E402
from audit_peers import fellegi_holt, grim, plain_check  # noqa: E402
from audit_reference import Reference, stands_for  # noqa: E402
from audit_reports import MECHANISMS, OPENINGS, VOCABULARY, plant, write_case, write_report, wrong_forms  # noqa: E402


@pytest.mark.parametrize("size", [10, 60, 600])
def test_every_claim_of_an_honest_report_is_true_and_the_truth_keeps_all_structural_rules(size):
    for seed in range(12 if size < 100 else 2):
        report = write_report(seed, size)
        assert len(report.claims) == size and all(report.truth.allows(claim) for claim in report.claims)
        for rule in build_system(report.published).rules:
            for part in rule.parts:
                assert sum(c * report.truth.of(q) for q, c in part.terms) in part.interval, rule.name


def test_the_same_seed_writes_the_same_report_and_another_seed_another():
    first, again, other = (write_case(seed, 40, 2) for seed in (3, 3, 4))
    assert first[1].claims == again[1].claims and first[2] == again[2]
    assert first[1].claims != other[1].claims


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_planted_error_makes_just_the_recorded_claims_untrue(mechanism):
    for seed in range(4):
        honest = write_report(seed, 30, OPENINGS.get(mechanism, ""))
        report, planted = plant(honest, mechanism, random.Random(seed))
        assert {c.claim_id for c in report.claims if not report.truth.allows(c)} == set(planted.claim_ids)
        assert {c.claim_id for c, was in zip(report.claims, honest.claims) if c != was} == set(planted.claim_ids)
        assert len(planted.claim_ids) == (2 if mechanism == "rows_exchanged" else 1)


def test_a_figure_within_its_rounding_is_never_planted_as_an_error():
    report = write_report(1, 60, "years")
    for claim in report.claims:
        for changed in wrong_forms("truncated", claim, report):
            (cut,) = changed.values()
            assert cut.printed.value < report.truth.number(claim) and report.truth.number(claim) - cut.printed.value > cut.printed.step / 2


def test_the_reader_of_the_reference_reads_what_the_package_reads():
    for seed in range(6):
        for claim in write_case(seed, 60, 2)[1].claims:
            if claim.printed and claim.relation != "average":
                interval = claim.printed.interval
                assert stands_for(claim) == (interval.lower, interval.upper, interval.lower_open, interval.upper_open)


def test_no_verdict_of_the_audit_is_denied_by_the_independent_solver():
    for seed in range(20):
        honest, report, planted = write_case(seed, 10, 1)
        assert audit_claims(honest.published).verdict == CONSISTENT and Reference(honest.claims).holds()
        verdict, feasible = audit_claims(report.published).verdict, Reference(report.claims).holds()
        assert feasible is {CONSISTENT: True, CONTRADICTED: False}.get(verdict, feasible), (seed, verdict)
        assert Reference(report.claims).holds(without=planted[0].claim_ids)


# The other methods, on a table small enough to check by hand


NOW = Period(2021, 2023)
ALL_SCHEMES = Quantity("facilities", NOW, "ipc1")
FOCAL, STANDALONE = (replace(ALL_SCHEMES, scheme_kind=kind) for kind in ("focal", "standalone"))


def told(number: int, relation: str, of: Quantity, text: str, unit: str = "count", whole: Quantity | None = None) -> Claim:
    return Claim(f"s/{number}", "s", "p. 1", relation, of, None, whole, (), Printed(text, unit, "vi"), None, "", "")


def by_kind(focal: str, standalone: str, total: str, share: str) -> Published:
    claims = told(1, "value", FOCAL, focal), told(2, "value", STANDALONE, standalone), told(3, "value", ALL_SCHEMES, total)
    return Published(VOCABULARY, {}, (*claims, told(4, "share", FOCAL, share, "percent", ALL_SCHEMES)))


def test_no_other_method_objects_to_a_true_table():
    true = by_kind("145", "91", "236", "61,4")
    assert not grim(true).objects and not plain_check(true).objects
    assert [fellegi_holt(true, 0, tolerances=tolerances).objects for tolerances in (False, True)] == [False, False]


def test_grim_names_a_percentage_that_no_whole_number_gives():
    assert grim(by_kind("13", "15", "28", "46,0")).named == ("s/4",)
    assert not grim(by_kind("13", "15", "28", "42,9")).objects  # 12 of 28: wrong, but possible


def test_the_plain_check_names_the_figure_in_most_failed_checks_first():
    assert plain_check(by_kind("145", "91", "236", "26,7")).named[0] == "s/4"
    assert plain_check(by_kind("145", "91", "263", "61,4")).named[0] == "s/3"


def test_fellegi_holt_changes_the_fewest_figures_and_cannot_name_a_percentage():
    assert fellegi_holt(by_kind("145", "91", "263", "61,4"), 0, tolerances=True).named == ("s/3",)
    assert "s/4" not in fellegi_holt(by_kind("145", "91", "236", "26,7"), 0, tolerances=True).named


# The counting


def test_a_report_that_takes_too_long_is_told_and_not_dropped():
    tasks = [bench_audit.Task(bench_audit.AUDIT, 10, seed, 1) for seed in (1, 2)]
    found = dict(bench_audit.answers(tasks, limit=0.0, workers=2))
    assert set(found) == set(tasks) and {answer.verdict for answer in found.values()} == {"timed_out"}
    assert all(answer.planted for answer in found.values())


def test_an_error_counts_as_located_only_where_nothing_true_is_blamed():
    answer = bench_audit.asked(bench_audit.Task(bench_audit.AUDIT, 10, 3, 1))
    audit = audit_claims(write_case(3, 10, 1)[1].published)
    wrong = bench_audit.culprits(answer.planted)
    assert answer.verdict == audit.verdict and answer.in_principle == any(set(tied) <= wrong for tied in audit.tied)
    tally = bench_audit.Tally.of([answer, replace(answer, right_ways=0), replace(answer, verdict="timed_out", feasible=None)])
    assert (tally.planted, tally.in_principle, tally.single) == (3, int(answer.in_principle), int(answer.in_principle))
