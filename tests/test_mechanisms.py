"""Mechanisms, trust and readings: what is said about a figure that cannot hold, on accounts that can be checked by hand."""

import itertools
import random
import sys
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kcq_eval.audit import solver
from kcq_eval.audit.constraints import build_system
from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, NOT_IDENTIFIABLE, TIED, UNDECIDED, UNIQUE, Audit, audit_claims
from kcq_eval.audit.mechanisms import MECHANISMS
from kcq_eval.audit.readings import Turned, other_readings
from kcq_eval.audit.solver import Answer, components
from kcq_eval.claims import Claim, Published, Quantity
from kcq_eval.parameters import Period
from kcq_eval.printed import GENEROUS, HEDGES, ROUNDINGS, STRICT, Printed, format_number
from kcq_eval.vocabulary import ALL, load_vocabulary

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))
from audit_reports import write_case  # noqa: E402

F = Fraction
VOCABULARY = load_vocabulary(ROOT / "data")
TYPES = VOCABULARY.facility_support_types
NOW, BEFORE = Period(2021, 2023), Period(2018, 2020)
ACCOUNT = "ipc1-2023-12-27"
few = settings(deadline=None, max_examples=7, derandomize=True, suppress_health_check=list(HealthCheck))
some = settings(few, max_examples=60)


def quantity(measure: str, period: Period = NOW, scheme_kind: str = "focal", **more: str) -> Quantity:
    return Quantity(measure, period, "ipc1", scheme_kind, **more)


FOCAL, EVERY = quantity("facilities"), quantity("facilities", scheme_kind=ALL)
FUNDING, COVERED = quantity("funding"), quantity("provinces_covered")


def before(of: Quantity) -> Quantity:
    return replace(of, period=BEFORE)


def claim(name: str, relation: str, of: Quantity, text: str = "", unit: str = "count", *, hedge="", rounding="nearest", trust=1, **more) -> Claim:
    """A statement; `trust=None` is one known to be right."""
    details = {"reference": None, "whole": None, "items": (), "ratio": None, "direction": "", "note": ""} | more
    printed = Printed(text, unit, "vi", hedge, rounding) if text else None
    return Claim(f"s/{name}", "s", "p. 1", relation, of, printed=printed, trust=None if trust is None else F(trust), **details)


def count(name: str, of: Quantity, text: str | int, **more) -> Claim:
    return claim(name, "value", of, str(text), **more)


def known(*claims: Claim) -> list[Claim]:
    return [replace(told, trust=None) for told in claims]


def mix(*counts: int | None) -> list[Claim]:
    """Focal facilities by support type, each figure under a letter; None is not printed."""
    return [count(name, replace(FOCAL, support_type=code), number) for name, code, number in zip("abcd", TYPES, counts) if number is not None]


def audited(claims: Iterable[Claim]) -> Audit:
    return audit_claims(Published(VOCABULARY, {}, tuple(claims)))


# Mechanisms: each once as the first that is named, and once ruled out by the other figures

FIRST_TYPE, SECOND_TYPE = (replace(FOCAL, support_type=code) for code in TYPES[:2])
MIX = known(*mix(41, 32, 5, 6))  # 84 in all
MIX_OF_184 = known(*mix(141, 32, 5, 6))
FUNDED = known(
    claim("focal", "value", FUNDING, "10.100,2", "million_vnd"),
    claim("standalone", "value", replace(FUNDING, scheme_kind="standalone"), "2.530,3", "million_vnd"),
)  # 12 630.5 million đồng in all
ALL_FUNDED = replace(FUNDING, scheme_kind=ALL)
GREW = known(count("now", FOCAL, 90), count("then", before(FOCAL), 60))  # by a half
TWO_THIRDS = known(count("part", FOCAL, 2), count("whole", EVERY, 3))
TWENTY_OF_FIFTY = known(*mix(20, 15, 8, 7), count("focal", FOCAL, 50), count("all", EVERY, 100))
SHARES_MOVED = known(  # from 20 of 80 to 33 of 100: 8 points more, and 65 % more facilities
    count("now", FOCAL, 33), count("all now", EVERY, 100), count("then", before(FOCAL), 20), count("all then", before(EVERY), 80)
)
SHARES_OF_84 = known(
    *mix(None, None, 5, 6),
    count("total", FOCAL, 84),
    claim("share of a", "share", FIRST_TYPE, "48,81", "percent", whole=FOCAL),
    claim("share of b", "share", SECOND_TYPE, "38,10", "percent", whole=FOCAL),
)  # 41 and 32 of 84
ALL_BUT_ONE = known(*mix(None, 32, 5, 6), count("total", FOCAL, 84))  # the first of them is 41
THREE_NAMED = claim("list", "list", COVERED, items=VOCABULARY.served("ipc1")[:3])
FOUR_COUNTED = count("suspect", COVERED, 4, trust=F(1, 2))


def total(text: str) -> Claim:
    return count("suspect", FOCAL, text)


def funded(text: str, unit: str = "million_vnd") -> Claim:
    return claim("suspect", "value", ALL_FUNDED, text, unit)


def growth(text: str, direction: str = "up") -> Claim:
    return claim("suspect", "growth", FOCAL, text, "percent", reference=before(FOCAL), direction=direction)


def share(text: str, of: Quantity = FOCAL, whole: Quantity = EVERY) -> Claim:
    return claim("suspect", "share", of, text, "percent", whole=whole)


CASES = {  # mechanism: what is known, the figures as it leaves them, and figures that it cannot have left
    "digits_swapped": (MIX, [total("48")], [total("47")]),
    "digit_dropped": (MIX_OF_184, [total("18")], [total("19")]),
    "digit_doubled": (MIX, [total("884")], [total("894")]),
    "digit_changed": (MIX, [total("94")], [total("93")]),
    "decimal_mark": (FUNDED, [funded("126.305")], [funded("126.405")]),
    "thousandfold": (FUNDED, [funded("12.630,5", "billion_vnd")], [funded("12.730,5", "billion_vnd")]),
    "sign": (GREW, [growth("50", "down")], [growth("40", "down")]),
    "truncated": (TWO_THIRDS, [share("66,6")], [share("66,5")]),
    "other_period": ([*MIX, *known(count("then", before(FOCAL), 63))], [total("63")], [total("62")]),
    "wrong_whole": (TWENTY_OF_FIFTY, [share("20", FIRST_TYPE, FOCAL)], [share("30", FIRST_TYPE, FOCAL)]),
    "percent_or_point": (SHARES_MOVED, [growth("8")], [growth("9")]),
    "rows_exchanged": (SHARES_OF_84, mix(32, 41), mix(33, 41)),
    "elsewhere": (ALL_BUT_ONE, mix(32), mix(31)),
    "list_and_count": ([THREE_NAMED], [FOUR_COUNTED], [FOUR_COUNTED, count("again", COVERED, 5, trust=None)]),
}  # fmt: skip


def named(audit: Audit) -> list[str]:
    """The mechanisms that would explain the first explanation, the most specific first."""
    return [fit.mechanism for fit in audit.mechanisms(audit.explanations[0])]


def test_every_mechanism_has_its_case():
    assert CASES.keys() == MECHANISMS.keys()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_is_named_first_for_what_it_leaves(mechanism):
    given_figures, left, _ = CASES[mechanism]
    audit = audited([*given_figures, *left])
    assert audit.verdict == CONTRADICTED and set(audit.explanations[0]) == {told.claim_id for told in left}
    assert named(audit)[0] == mechanism


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_is_not_named_where_other_figures_rule_it_out(mechanism):
    given_figures, _, near = CASES[mechanism]
    audit = audited([*given_figures, *near])
    assert audit.verdict == CONTRADICTED and audit.explanations
    assert mechanism not in {fit.mechanism for explanation in audit.explanations for fit in audit.mechanisms(explanation)}


def test_a_change_in_points_may_be_the_growth_of_the_facilities_or_of_their_share():
    moved = claim("suspect", "share_change", FOCAL, "65", "percentage_point", reference=before(FOCAL), whole=EVERY, direction="up")
    for text, relation in [("65", "growth"), ("32", "share_growth")]:  # 33 of 20, and 33 % of 25 %
        audit = audited([*SHARES_MOVED, replace(moved, printed=Printed(text, "percentage_point", "vi"))])
        (fit,) = (fit for fit in audit.mechanisms(audit.explanations[0]) if fit.mechanism == "percent_or_point")
        assert [reading.relation for (reading,) in fit.readings] == [relation]


def test_the_share_of_the_published_account_may_be_the_baseline_over_the_total_of_now(published):
    audit = audit_claims(published.of([ACCOUNT]))
    (ways_out,) = audit.ranked
    assert audit.explanations[0] == ways_out[0].claims == (f"{ACCOUNT}/5",)
    first = ways_out[0].mechanisms[0]
    assert first.mechanism == "other_period"
    readings = [(reading.quantity, reading.whole) for (reading,) in first.readings]
    assert (before(FOCAL), EVERY) in readings  # 63 of 236
    assert audit.extents(audit.explanations[0])[before(FOCAL)] == (63, 63) and audit.extents(audit.explanations[0])[EVERY] == (236, 236)
    assert audit.located(ways_out) == TIED and audit.leads(ways_out)


# Trust


def test_two_figures_known_to_be_right_that_contradict_each_other_leave_no_explanation():
    audit = audited([*MIX, count("total", FOCAL, 85, trust=None), count("again", FOCAL, 84)])
    assert audit.verdict == CONTRADICTED and audit.conflicts and not audit.explanations and not audit.ranked


def test_figures_known_to_be_right_that_contradict_each_other_leave_what_has_nothing_to_do_with_them_explained():
    schemes = [count("six", quantity("schemes"), 6), count("seven", quantity("schemes"), 7)]
    audit = audited([*MIX, count("total", FOCAL, 85, trust=None), *schemes])
    assert ("s/six", "s/seven") in audit.conflicts and len(audit.conflicts) == 2
    assert audit.explanations == (("s/six",), ("s/seven",))
    assert audit.extents(("s/six",))[FOCAL] is None and audit.extents(("s/six",))[quantity("schemes")] == (7, 7)


def test_where_figures_known_to_be_right_contradict_each_other_other_conflicts_may_be_missing_and_that_is_said():
    twice = [count("one", FOCAL, 1), count("two", FOCAL, 2)]
    audit = audited([count("three", EVERY, 3, trust=None), count("four", EVERY, 4, trust=None), *twice])
    assert ("s/three", "s/four") in audit.conflicts
    assert ("s/one", "s/two") in audit.conflicts or not audit.complete


@few
@given(seed=st.integers(0, 10**6), chosen=st.integers(0, 9))
def test_a_figure_known_to_be_right_is_never_a_suspect(seed, chosen):
    _, report, _ = write_case(seed, 10, 1)
    fixed = report.claims[chosen]
    audit = audited(replace(told, trust=None) if told == fixed else told for told in report.claims)
    assert all(fixed.claim_id not in explanation for explanation in audit.explanations)
    assert all(fixed.claim_id not in way.claims for way in itertools.chain(*audit.ranked, audit.alternatives))
    assert all(told.claim_id != fixed.claim_id for way in itertools.chain(*audit.ranked) for fit in way.mechanisms for reading in fit.readings for told in reading)


@pytest.mark.parametrize("least", ["a", "b", "total"])
def test_among_tied_figures_the_least_trusted_comes_first(least):
    claims = [*mix(41, 32), *known(*mix(None, None, 5, 6)), count("total", FOCAL, 85)]
    audit = audited(replace(told, trust=F(1, 2)) if told.claim_id == f"s/{least}" else told for told in claims)
    (ways_out,) = audit.ranked
    assert audit.explanations[0] == ways_out[0].claims == (f"s/{least}",) and len(ways_out) == 3
    assert audit.located(ways_out) == UNIQUE and not audit.leads(ways_out)


def test_among_larger_explanations_too_the_least_trusted_comes_first():
    """The total alone, or both figures of one type, each told twice; the second type is trusted less."""
    again = [replace(told, claim_id=told.claim_id + " again") for told in mix(41, 32)]
    doubted = [replace(told, trust=F(1, 2)) if "b" in told.claim_id else told for told in (*mix(41, 32), *again)]
    audit = audited([*doubted, *known(*mix(None, None, 5, 6)), total("86")])
    assert [set(explanation) for explanation in audit.explanations] == [{"s/suspect"}, {"s/b", "s/b again"}, {"s/a", "s/a again"}]


@pytest.mark.parametrize(
    ("claims", "located"),
    [
        ([*MIX, total("85")], UNIQUE),  # the parts are known
        ([*mix(41, 32, 5, 6), total("85")], NOT_IDENTIFIABLE),  # any of the five may be the one
        ([*mix(41, 32, 5, 6), total("85"), count("again", FOCAL, 85)], TIED),  # one of the parts, not the total told twice
    ],
)
def test_how_far_counting_corrections_names_the_figure(claims, located):
    audit = audited(claims)
    (ways_out,) = audit.ranked
    assert audit.located(ways_out) == located
    assert len(ways_out) == {UNIQUE: 1, NOT_IDENTIFIABLE: 5, TIED: 4}[located]


@pytest.mark.parametrize(("printed", "leads"), [("48", True), ("85", False)])
def test_a_mechanism_leads_where_it_says_much_more_of_one_figure_than_of_the_next(printed, leads):
    """48 is 84 with its digits swapped, and no part has such a reason; 85 for 84 is as likely as 42 for 41."""
    audit = audited([*mix(41, 32), *known(*mix(None, None, 5, 6)), total(printed)])
    (ways_out,) = audit.ranked
    assert audit.located(ways_out) == TIED and audit.leads(ways_out) == leads
    if leads:
        assert ways_out[0].claims == ("s/suspect",)


# Changes of shares, against trying everything


@st.composite
def shares_in_two_periods(draw):
    """Four counts known to within one, and the change of the share between them, nearly right or not at all."""
    truth, ranges, claims = [], [], []
    for name, of in [("part", FOCAL), ("whole", EVERY), ("part before", before(FOCAL)), ("whole before", before(EVERY))]:
        told, about = draw(st.integers(1, 9)), draw(st.booleans())
        claims.append(count(name, of, told, hedge="about" if about else ""))
        ranges.append(range(told - 1, told + 2) if about else range(told, told + 1))
        truth.append(draw(st.sampled_from(ranges[-1])))
    points = F(truth[0] * 100, truth[1] or 1) - F(truth[2] * 100, truth[3] or 1)
    decimals = draw(st.integers(0, 2))
    points += F(draw(st.sampled_from([0, 0, 0, 1, -1, 7])), 10**decimals)
    direction = "up" if points >= 0 else "down"
    text = format_number(abs(points), decimals=decimals, number_format="vi")
    hedge, rounding = draw(st.sampled_from([("", "nearest"), ("", "truncated"), ("over", "nearest"), ("nearly", "nearest")]))
    moved = claim("moved", "share_change", FOCAL, text, "percentage_point", hedge=hedge, rounding=rounding, reference=before(FOCAL), whole=EVERY, direction=direction)
    return ranges, [*claims, moved]


def by_trying_everything(ranges: list[range], claims: list[Claim]) -> bool:
    """Whether some four counts make all of it true."""
    moved = claims[-1]
    sign = 1 if moved.direction == "up" else -1

    def possible(part: int, whole: int, part_before: int, whole_before: int) -> bool:
        if not whole or not whole_before or part > whole or part_before > whole_before:
            return False
        return sign * (F(part * 100, whole) - F(part_before * 100, whole_before)) in moved.printed.interval

    return any(possible(*point) for point in itertools.product(*ranges))


@settings(some, max_examples=100)
@given(shares_in_two_periods())
def test_a_change_of_shares_is_judged_as_trying_everything_judges_it(case):
    can_be_true = by_trying_everything(*case)
    answers = {part.feasible(part.claims) for part in components(build_system(Published(VOCABULARY, {}, tuple(case[1]))))}
    assert (Answer.NO in answers) <= (not can_be_true)
    assert (answers == {Answer.YES}) <= can_be_true


@settings(few, max_examples=10)
@given(shares_in_two_periods())
def test_the_verdict_on_a_change_of_shares_is_that_of_trying_everything(case):
    assert audited(case[1]).verdict == (CONSISTENT if by_trying_everything(*case) else CONTRADICTED)


def test_a_change_of_shares_that_the_solver_leaves_open_accuses_nobody(monkeypatch):
    monkeypatch.setattr(solver, "QUICK_LIMIT", 1)
    monkeypatch.setattr(solver, "STEP_LIMIT", 1)
    claims = [count("part", FOCAL, 30, hedge="about"), count("whole", EVERY, 100, hedge="about")]
    claims += [replace(told, claim_id=told.claim_id + " before", quantity=before(told.quantity)) for told in claims]
    moved = claim("moved", "share_change", FOCAL, "1,2345", "percentage_point", reference=before(FOCAL), whole=EVERY, direction="up")
    audit = audited([*claims, moved])
    assert audit.verdict == UNDECIDED and not audit.conflicts and not audit.explanations


# Readings of one printed number


def test_nearly_means_less():
    nearly = Printed("71,2", "billion_vnd", "vi", "nearly").interval
    assert F("71.2") * 10**9 not in nearly and F("71.2") * 10**9 - 1 in nearly


def test_a_contradiction_that_a_generous_reading_resolves_says_so():
    exactly = claim("exactly", "value", FUNDING, "71.200.000.000", "vnd", rounding="truncated")
    nearly = claim("nearly", "value", FUNDING, "71,2", "billion_vnd", hedge="nearly")
    audit = audited([exactly, nearly])
    assert audit.conflicts == (("s/exactly", "s/nearly"),)
    assert other_readings(audit) == (Turned(GENEROUS, ("s/exactly", "s/nearly")),)


def test_an_account_that_turns_on_a_tie_of_rounding_says_so():
    """1 of 8 is 12.5 %, printed as 12 % only where ties go down; and 1 of no other number is 12 % either."""
    eighth = [count("part", FOCAL, 1), count("whole", EVERY, 8)]
    down, up = audited([*eighth, share("12")]), audited([*eighth, share("13")])
    assert down.verdict == up.verdict == CONSISTENT
    assert other_readings(down) == (Turned(STRICT, ("s/part", "s/suspect")),)
    assert other_readings(up) == ()


@pytest.mark.parametrize("figure", ["84", "85"])
def test_an_account_that_turns_on_no_reading_tells_none(figure):
    audit = audited([*mix(41, 32, 5, 6), total(figure)])
    assert audit.verdict == (CONSISTENT if figure == "84" else CONTRADICTED)
    assert other_readings(audit) == ()


def test_a_conflict_that_rests_on_a_figure_only_spoken_of_is_cleared_by_no_reading():
    """10 and 10 of the focal facilities are more than all 15; what makes them add up is that another figure speaks of all the focal ones."""
    spoken_of = claim("growth", "growth", FOCAL, "50", "percent", reference=before(FOCAL), direction="up")
    audit = audited([*mix(10, 10), count("all", EVERY, 15), spoken_of])
    assert audit.conflicts == (("s/a", "s/b", "s/all"),)
    assert other_readings(audit) == ()


@settings(some, max_examples=200)
@given(
    number=st.integers(0, 10**6), decimals=st.integers(0, 3), unit=st.sampled_from(["count", "percent", "million_vnd", "year", "percentage_point"]),
    hedge=st.sampled_from(["", *HEDGES]), rounding=st.sampled_from(ROUNDINGS),
)  # fmt: skip
def test_a_strict_reading_lies_within_the_plain_and_that_within_the_generous(number, decimals, unit, hedge, rounding):
    text = format_number(F(number, 10**decimals), decimals=decimals, number_format="vi")
    strict, plain, generous = (Printed(text, unit, "vi", hedge, rounding, reading).interval for reading in (STRICT, "", GENEROUS))
    assert strict.intersect(plain) == strict and plain.intersect(generous) == plain


# Laws


def told(audit: Audit) -> tuple:
    """What an audit says, in no order of claims."""
    ranked = {
        frozenset(way.claims): (way.trust, way.weight, {(fit.mechanism, fit.fitting, fit.tried, fit.weight) for fit in way.mechanisms})
        for ways_out in audit.ranked
        for way in ways_out
    }
    return set(map(frozenset, audit.conflicts)), set(map(frozenset, audit.explanations)), ranked


@few
@given(seed=st.integers(0, 10**6))
def test_neither_the_order_of_rows_nor_a_second_audit_changes_what_is_said(seed):
    _, report, _ = write_case(seed, 10, 1)
    audit, again = audited(report.claims), audited(report.claims)
    assert (audit.conflicts, audit.explanations, audit.ranked, audit.complete) == (again.conflicts, again.explanations, again.ranked, again.complete)
    shuffled = random.Random(seed).sample(report.claims, len(report.claims))
    assert told(audited(shuffled)) == told(audit)


@pytest.mark.parametrize("seed", range(20, 33))  # every mechanism has its turn
def test_every_reading_that_fits_makes_the_account_one_that_can_be_true(seed):
    _, report, _ = write_case(seed, 10, 1)
    every_reading_fits(report.claims)


def every_reading_fits(claims: Iterable[Claim]) -> None:
    audit = audited(claims)
    for way in itertools.chain(*audit.ranked, audit.alternatives):
        aside = {claim_id for ways_out in audit.ranked if way not in ways_out for claim_id in ways_out[0].claims}  # of other parts
        for fit in way.mechanisms:
            for reading in fit.readings:
                changed = {read.claim_id for read in reading}
                kept = [c for c in audit.published.claims if c.claim_id not in {*aside, *way.claims, *changed}]
                assert audited([*kept, *reading]).verdict == CONSISTENT, (fit.mechanism, reading)


def test_a_change_of_shares_is_a_reading_only_where_the_shares_allow_it():
    """From 20 % to 30 % of some 90: the 8 % that cannot be a growth are no 8 points either, but 10 would be."""
    shares = known(share("30,0"), claim("then", "share", before(FOCAL), "20,0", "percent", whole=before(EVERY)))
    shares += known(*(count(name, of, 90, hedge="about") for name, of in [("all now", EVERY), ("all then", before(EVERY))]))
    for text, fits in [("8", False), ("10", True)]:
        told_again = replace(growth(text), claim_id="s/growth")
        audit = audited([*shares, told_again])
        assert audit.explanations == (("s/growth",),)
        every_reading_fits(audit.published.claims)
        relations = [reading.relation for fit in audit.mechanisms(("s/growth",)) for (reading,) in fit.readings]
        assert ("share_change" in relations) == fits


# A solver without an answer to a part of the question


@pytest.mark.parametrize("unanswered", range(1, 6))
@pytest.mark.parametrize("counting", ["answers", "does not answer"])
def test_questions_left_open_on_the_way_make_the_list_shorter_and_never_wrong(monkeypatch, unanswered, counting):
    claims = [*mix(41, 32, 5, 6), total("85"), count("again", FOCAL, 84), count("more", FOCAL, 86)]
    known_ways = set(audited(claims).explanations)
    ask = solver._Switched.ask
    with monkeypatch.context() as patched:
        patched.setattr(solver._Switched, "ask", lambda self, asked, *more: Answer.UNKNOWN if len(asked) <= unanswered else ask(self, asked, *more))
        if counting == "does not answer":
            patched.setattr(solver, "counted", lambda *_: Answer.UNKNOWN)
        audit = audited(claims)
    assert audit.verdict == CONTRADICTED
    assert len(set(audit.conflicts)) == len(audit.conflicts)
    for conflict in audit.conflicts:
        assert audited(told for told in claims if told.claim_id in conflict).verdict == CONTRADICTED
    for explanation in audit.explanations:
        assert audited(told for told in claims if told.claim_id not in explanation).verdict == CONSISTENT
    if counting == "answers":
        assert set(audit.explanations) == known_ways and audit.complete
    else:
        assert not audit.complete
