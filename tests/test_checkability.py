"""Would one error in a figure be noticed, and found? The map against errors that are planted, and by hand for the account."""

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from conftest import read_rows, write_rows
from hypothesis import given, note, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from test_audit_laws import BEFORE, FACILITIES, FUNDING, PROVINCES, VOCABULARY, audited, claim, documents, few, many, quantity
from test_figures import text_boxes

from kcq_eval import exhibits, tables
from kcq_eval.audit import solver
from kcq_eval.audit.checkability import DETECTED, LOCATED, STATES, UNCHECKED, UNDECIDED, Checkability, checkability
from kcq_eval.audit.explanations import CONSISTENT, CONTRADICTED, Audit, audit_claims
from kcq_eval.claims import COLUMNS, Claim, Published, load_published
from kcq_eval.evaluation import evaluate
from kcq_eval.figures import style
from kcq_eval.findings import audit_findings, audit_numbers
from kcq_eval.numbers import NBSP
from kcq_eval.parameters import read_parameters
from kcq_eval.printed import UNITS, Printed, PrintedError, format_number
from kcq_eval.texts import LANGUAGES, Texts

F = Fraction
ACCOUNT, NEWSPAPER = "ipc1-2023-12-27", "baonamdinh-2020-11-05"
FAR = 3_000  # steps off that are tried beside those near the ends that the map names


# Against errors that are planted


def printing(original: Claim, steps: int) -> Claim | None:
    """The claim with a number so many steps off; None where that cannot be printed, or stands for another kind of range."""
    printed = original.printed
    step = printed.step
    while printed.hedge and printed.value and (printed.value / step) % 10 == 0:
        step *= 10
    decimals = 0
    while UNITS[printed.unit].scale > printed.step * 10**decimals:
        decimals += 1
    value = printed.value + steps * step
    if value < 0:
        return None
    text = format_number(value / UNITS[printed.unit].scale, decimals=decimals, number_format="vi")
    try:
        other = Printed(text, printed.unit, "vi", printed.hedge, printed.rounding)
    except PrintedError:
        return None
    widths = [(i.lower is None, i.upper is None, i.lower is not None and i.upper is not None and i.upper - i.lower) for i in (printed.interval, other.interval)]
    return replace(original, printed=other) if value == 0 or printed.value == 0 or widths[0] == widths[1] else None


def with_other(claims: tuple[Claim, ...], number: int, wrong: Claim) -> Audit:
    return audited(*claims[:number], wrong, *claims[number + 1 :])


def explains_alone(audit: Audit) -> set[str]:
    """The claims each of which alone explains why not all can be true."""
    return {explanation[0] for explanation in audit.explanations if len(explanation) == 1}


def check_errors(claims: tuple[Claim, ...], number: int, found: Checkability, tried: dict[int, Claim | None]) -> None:
    """What the map says of a claim is what an audit of the wrong claims finds."""
    for steps, wrong in tried.items():
        if wrong is None or not steps:
            continue
        size = abs(steps) * step_of(claims[number])
        detected, located = (found.detected_up, found.located_up) if steps > 0 else (found.detected_down, found.located_down)
        audit = with_other(claims, number, wrong)
        note(f"{wrong} {steps}: {audit.verdict} {audit.explanations}")
        if detected is not None and size >= detected:
            assert audit.verdict == CONTRADICTED
            assert found.claim_id in explains_alone(audit)
        if detected is not None and size == detected - step_of(claims[number]):
            assert audit.verdict == CONSISTENT
        if located is not None and size >= located:
            assert explains_alone(audit) == {found.claim_id}
        if located is not None and detected <= size == located - step_of(claims[number]):
            assert len(explains_alone(audit)) > 1
        falls_by_more_than_all = wrong.relation == "growth" and wrong.direction == "down" and wrong.printed.value > 100
        if found.state == UNCHECKED and size == FAR * step_of(claims[number]) and not falls_by_more_than_all:
            assert audit.verdict == CONSISTENT


def step_of(wrong: Claim) -> Fraction:
    step = wrong.printed.step
    while wrong.printed.hedge and wrong.printed.value and (wrong.printed.value / step) % 10 == 0:
        step *= 10
    return step / UNITS[wrong.printed.unit].scale


def the_map_says_what_an_audit_finds(document, chosen: int) -> None:
    _, claims = document
    found = checkability(audited(*claims))
    assert [figure.claim_id for figure in found] == [c.claim_id for c in claims]
    number = chosen % len(claims)
    figure, original = found[number], claims[number]
    note(f"{[(c.relation, c.quantity.key, c.printed) for c in claims]} {figure}")
    sizes = [(1, figure.detected_up), (1, figure.located_up), (-1, figure.detected_down), (-1, figure.located_down)]
    near = {sign * (int(size / step_of(original)) + off) for sign, size in sizes if size is not None for off in (-1, 0, 1)}
    check_errors(claims, number, figure, {steps: printing(original, steps) for steps in sorted(near | {-FAR, -1, 1, FAR})})


@settings(few, max_examples=30)
@given(documents(least=2, most=6), st.integers(0, 5))
def test_the_map_says_what_an_audit_finds_once_an_error_is_planted(document, chosen):
    the_map_says_what_an_audit_finds(document, chosen)


@pytest.mark.soak
@settings(many, max_examples=400)
@given(documents(least=2, most=10), st.integers(0, 9))
def test_the_map_says_what_an_audit_finds_in_any_document(document, chosen):
    the_map_says_what_an_audit_finds(document, chosen)


@given(st.lists(st.sampled_from(VOCABULARY.facility_support_types), min_size=1, max_size=3, unique=True), st.integers(0, 3), st.booleans())
@few
def test_names_added_dropped_or_exchanged_are_found_as_planted(items, parts, with_count):
    """A list of support types beside its length and a second list in part."""
    of = quantity("support_types_used")
    listed = replace(claim(1, "list", of, "", ""), items=tuple(items))
    claims = (listed,)
    if with_count:
        claims += (claim(2, "value", of, str(len(items)), "count"),)
    for code in VOCABULARY.support_types[:parts]:
        single = replace(of, support_type=code)
        claims += (claim(3 + len(claims), "value", single, str(int(code in items)), "count"),)
    found = checkability(audited(*claims))[0]
    others = [code for code in VOCABULARY.support_types if code not in items]

    def verdicts(lists) -> list[Audit]:
        return [with_other(claims, 0, replace(listed, items=tuple(wrong))) for wrong in lists]

    for size, lists in (
        (found.detected_up, [[*items, code] for code in others]),
        (found.detected_down, [[code for code in items if code != left] for left in items if len(items) > 1]),
    ):
        audits = verdicts(lists)
        if size == 1:
            assert all(audit.verdict == CONTRADICTED for audit in audits)
        elif audits:
            assert any(audit.verdict == CONSISTENT for audit in audits)
    audits = verdicts([[new if code == old else code for code in items] for old in items for new in others])
    assert found.exchanged in (UNCHECKED, DETECTED, LOCATED)
    if found.exchanged == UNCHECKED:
        assert not audits or any(audit.verdict == CONSISTENT for audit in audits)
    else:
        assert all(audit.verdict == CONTRADICTED for audit in audits)
        assert (found.exchanged == LOCATED) == all(explains_alone(audit) == {listed.claim_id} for audit in audits)


# By hand


def numbers(claims) -> set[str]:
    return {c.removeprefix(f"{ACCOUNT}/").replace(f"{NEWSPAPER}/", "old ") for c in claims}


@pytest.fixture(scope="module")
def account(published) -> dict[str, Checkability]:
    """The map of both documents by number, the share #5 set aside; "15/whole" is the 28 of 13/28."""
    audit = audit_claims(published.of([ACCOUNT, NEWSPAPER]))
    found = checkability(audit, audit.set_aside("first"))
    return {"/".join(filter(None, [*numbers([c.claim_id]), c.figure])): c for c in found}


BY_HAND = [
    # number, state, detected up and down, located up and down, tied with
    ("1", UNCHECKED, None, None, None, None, ""),
    # 232 907.5 to 232 908.5 million on 181 946.85 to 181 946.95 is up 28.0083 to 28.0092 %; 28.01 % reaches from 28.005 to 28.015
    ("2", DETECTED, F(12), F(8), None, None, "3, old 2"),
    ("3", DETECTED, F("0.01"), F("0.01"), None, None, "2, old 2"),
    ("old 2", DETECTED, F("5.9"), F("9.3"), None, None, "2, 3"),
    # 145 = 63 + 82 = 7 + 128 + 4 + 6: two ways that share nothing
    ("4", LOCATED, F(1), F(1), F(1), F(1), ""),
    # judged as 145 of 236 = 61.4 %; without 236 the whole is at least 145, so that the share is at most 100 %
    ("5", DETECTED, F("0.1"), F("0.1"), F("38.7"), None, "6"),
    # all schemes are at least the focal ones, which are held twice
    ("6", LOCATED, None, F(92), None, F(92), ""),
    # before: demonstration 7 + 2, machinery 128 − 76, so at least 61 facilities: 84 more at most
    ("7", DETECTED, F(1), F(1), F(3), None, "old 3"),
    ("old 3", DETECTED, F(1), F(1), None, F(3), "7"),
    # nobody states the parts of the period before, of which 63 leave 11 for demonstration beside 52 for machinery
    ("9", LOCATED, F(3), None, F(55), None, ""),
    # another part than machinery can be off by no more than it prints: seven are the most
    ("10", LOCATED, F(1), F(1), F(8), F(53), ""),
    ("12", DETECTED, F(1), F(1), F(53), None, "13"),
    ("14", DETECTED, F(1), F(1), F(1), None, "14-list"),  # six types there are not
    ("14-list", DETECTED, None, F(1), None, None, "14"),
    ("15/part", DETECTED, F(1), F(1), F(16), None, "15-list"),  # 29 provinces are not served
    ("15/whole", UNCHECKED, None, None, None, None, ""),
    ("15-list", DETECTED, F(1), F(1), None, None, "15"),
    ("16a", DETECTED, F(3), None, None, None, "old 1"),  # four of three schemes
    ("17", UNCHECKED, None, None, None, None, ""),
    ("18", LOCATED, F(2), F(1), F(2), F(1), ""),  # five elapsed years or six calendar years
    ("old 1", LOCATED, None, F(2), None, F(2), ""),  # two schemes are named twice over
]


@pytest.mark.parametrize(("number", "state", "up", "down", "located_up", "located_down", "tied"), BY_HAND)
def test_the_published_account_by_hand(account, number, state, up, down, located_up, located_down, tied):
    found = account[number]
    assert (found.state, found.detected_up, found.detected_down) == (state, up, down)
    assert (found.located_up, found.located_down) == (located_up, located_down)
    assert numbers(found.tied_with) == set(filter(None, tied.split(", ")))


def test_a_list_of_provinces_is_checked_in_its_length_but_not_in_its_names(account):
    assert {number: found.exchanged for number, found in account.items() if found.exchanged} == dict.fromkeys(
        ["15-list", "16a", "16b-list", "17", "19", "old 4-list"], UNCHECKED
    )


def test_what_checks_a_figure_is_named(account):
    assert numbers(account["3"].checked_by) == {"2", "old 2"} and not account["3"].rules
    assert numbers(account["10"].checked_by) == {"4", "8", "12", "13"}
    assert [rule.partition("/")[0] for rule in account["10"].rules] == ["facilities-by-support-type"]
    assert not account["18"].checked_by and [rule.partition("/")[0] for rule in account["18"].rules] == ["elapsed-or-calendar-years"]


def test_what_is_said_in_words_is_no_figure(account):
    assert "20" not in account and "21" not in account


def test_a_figure_that_nothing_checks_is_named_so():
    (alone,) = checkability(audited(claim(1, "value", FUNDING, "232.908", "million_vnd")))
    assert alone == Checkability("s/1", "", UNCHECKED)


def test_that_nothing_falls_by_more_than_all_of_it_checks_nothing():
    fall = claim(1, "growth", FACILITIES, "30", "percent", reference=quantity("facilities", BEFORE), direction="down")
    assert [figure.state for figure in checkability(audited(fall))] == [UNCHECKED]


def test_a_figure_printed_twice_is_detected_and_not_located():
    twice = [claim(n, "value", FACILITIES, "145", "count") for n in (1, 2)]
    first, second = checkability(audited(*twice))
    assert (first.state, first.detected_up, first.detected_down, first.tied_with, first.checked_by) == (DETECTED, 1, 1, ("s/2",), ("s/2",))
    assert second.tied_with == ("s/1",)


def test_a_figure_printed_three_times_is_located():
    found = checkability(audited(*(claim(n, "value", FACILITIES, "145", "count") for n in (1, 2, 3))))
    assert [(f.state, f.located_up, f.located_down, f.tied_with) for f in found] == [(LOCATED, 1, 1, ())] * 3


def test_a_claim_set_aside_is_judged_as_if_it_printed_what_fits():
    claims = [claim(1, "value", FACILITIES, "145", "count"), claim(2, "value", FACILITIES, "145", "count"), claim(3, "value", FACILITIES, "140", "count")]
    audit = audited(*claims)
    found = checkability(audit, audit.set_aside("first"))
    assert [(f.state, f.detected_up, f.detected_down) for f in found] == [(DETECTED, 1, 1), (DETECTED, 1, 1), (LOCATED, 1, 1)]


def test_a_claim_set_aside_of_which_no_number_fits_is_detected_whatever_it_prints():
    before = quantity("facilities", BEFORE)
    claims = [
        claim(1, "value", FACILITIES, "50", "count"), claim(2, "value", FACILITIES, "50", "count"), claim(3, "value", before, "100", "count"),
        claim(4, "value", before, "100", "count"), claim(5, "difference", FACILITIES, "30", "count", reference=before, direction="up"),
    ]  # fmt: skip
    audit = audited(*claims)
    found = checkability(audit, audit.set_aside("first"))[-1]
    assert (found.state, found.detected_up, found.detected_down, found.located_up) == (DETECTED, 1, 1, None)


def test_contradicted_claims_that_are_not_set_aside_are_refused():
    audit = audited(claim(1, "value", FACILITIES, "145", "count"), claim(2, "value", FACILITIES, "140", "count"))
    with pytest.raises(ValueError, match="set aside"):
        checkability(audit)


def test_what_the_solver_leaves_open_is_undecided(monkeypatch):
    claims = [claim(n, "value", FACILITIES, "145", "count") for n in (1, 2)]
    audit = audited(*claims)
    answered = solver.Component.feasible
    monkeypatch.setattr(solver.Component, "feasible", lambda part, kept, also=(): solver.Answer.UNKNOWN if also else answered(part, kept))
    assert [figure.state for figure in checkability(audit)] == [UNDECIDED, UNDECIDED]


def test_the_order_of_rows_does_not_matter(published_copy, published):
    def mapped(read: Published) -> dict[tuple[str, str], Checkability]:
        audit = audit_claims(read)
        return {(figure.claim_id, figure.figure): figure for figure in checkability(audit, audit.set_aside("first"))}

    expected = mapped(published)
    for path in sorted((published_copy / "claims").glob("*.csv")):
        rows = read_rows(path)
        random.Random(3).shuffle(rows)
        write_rows(path, COLUMNS, rows)
    assert mapped(load_published(published_copy)) == expected


def test_ratios_have_two_figures_each_judged_alone():
    served = quantity("provinces_served", scheme_kind="all")
    ratio = replace(claim(1, "ratio", PROVINCES, "", ""), whole=served, ratio=(13, 28))
    found = checkability(audited(ratio, claim(2, "value", served, "28", "count")))
    assert [(f.figure, f.state) for f in found] == [("part", UNCHECKED), ("whole", DETECTED), ("", DETECTED)]
    assert found[1].checked_by == ("s/2",)


# What readers see of it


def shown(language: str, data_dir=None):
    evaluation = evaluate(read_parameters({"language": language} | ({"data_dir": str(data_dir)} if data_dir else {})))
    made = Texts(evaluation.parameters, evaluation.published.vocabulary, audit_numbers(evaluation))
    return evaluation, made, exhibits.checkability_map(made, evaluation)


@pytest.fixture(scope="module", params=LANGUAGES)
def reader(request):
    return shown(request.param)


def test_findings_name_the_figures_that_nothing_checks(reader):
    evaluation, texts, _ = reader
    told = {finding.id: finding for finding in audit_findings(evaluation, texts)}
    unchecked = told["checkability_unchecked"]
    assert all(name in unchecked.text for name in ("#1,", f"#15{NBSP}(28)", "#17", "#19"))
    assert unchecked.sources == (f"{ACCOUNT}/1", f"{ACCOUNT}/15", f"{ACCOUNT}/17", f"{ACCOUNT}/19", f"{NEWSPAPER}/4")
    counts = [texts.numbers[f"audit.{name}"].bounded.value for name in ("figures", UNCHECKED, DETECTED, LOCATED)]
    assert counts[0] == sum(counts[1:]) == 30
    assert "checkability_undecided" not in told


def test_the_table_tells_sizes_in_the_unit_and_language_of_the_reader(reader):
    evaluation, texts, _ = reader
    table = tables.checkability_table(evaluation, texts).set_index(texts("column.claim"))
    assert list(table.index[:3]) == ["#1", "#2", "#3"] and f"#15{NBSP}(28)" in table.index
    growth = table.loc["#3", texts("column.detected_from")]
    assert growth == {"vi": f"+0,01{NBSP}%; −0,01{NBSP}%", "en": f"+0.01{NBSP}%; −0.01{NBSP}%"}[texts.language]
    assert table.loc["#1"].iloc[3:].tolist() == [""] * 4
    assert texts.label("facilities-by-support-type") in table.loc["#10", texts("column.checked_by")]


def test_the_rows_of_the_file_are_codes_and_plain_decimals(reader):
    rows = tables.checkability_rows(reader[0]).set_index(["claim_id", "figure"])
    assert rows.loc[(f"{ACCOUNT}/3", ""), ["unit", "detected_up", "located_up"]].tolist() == ["percent", "0.01", ""]
    assert rows.loc[(f"{ACCOUNT}/2", ""), ["unit", "detected_up", "detected_down"]].tolist() == ["million_vnd", "12", "8"]
    assert rows.loc[(f"{ACCOUNT}/15", "whole"), "state"] == UNCHECKED


def test_every_figure_stands_on_the_map_in_the_shape_of_its_state(reader):
    evaluation, _, exhibit = reader
    found = checkability(evaluation.audit, evaluation.set_aside)
    fig = exhibit.draw()
    for state in (UNCHECKED, DETECTED, LOCATED):
        boxes = [patch for ax in fig.axes for patch in ax.patches if patch.get_label() == state]
        assert len(boxes) == 1 + sum(f.state == state for f in found)  # one more in the legend
        assert {type(box) for box in boxes} == {{UNCHECKED: Polygon, DETECTED: Rectangle, LOCATED: FancyBboxPatch}[state]}
    told = [text.get_text() for text in fig.texts]
    assert {"B#3: 63".replace(" ", NBSP), "#4: 145".replace(" ", NBSP), "#15: 28".replace(" ", NBSP)} <= set(told)


def test_no_text_and_no_box_of_the_map_lies_on_another_or_leaves_the_canvas(reader):
    fig = reader[2].draw()
    with style.conference():
        boxes = [box for _, box in text_boxes(fig)]
        nodes = [p.get_window_extent(fig.canvas.get_renderer()) for ax in fig.axes for p in ax.patches if p.get_label() in STATES]
    canvas = fig.bbox
    for group in (boxes, nodes):
        for one, other in itertools.combinations(group, 2):
            width = min(one.x1, other.x1) - max(one.x0, other.x0)
            height = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert width < 1 or height < 3, (one, other)
        assert all(canvas.x0 <= box.x0 and box.x1 <= canvas.x1 and canvas.y0 <= box.y0 and box.y1 <= canvas.y1 for box in group)


def test_no_type_of_the_map_is_smaller_than_can_be_read_on_a_projector(reader):
    assert min(text.get_fontsize() for text in reader[2].draw().texts) >= 11


def test_very_many_figures_are_counted_by_measure_instead(small_programme):
    """Hundreds of boxes could not be read; nothing is left out silently."""
    rows = [{"printed": str(n), "unit": "count", "province": code} for n, code in enumerate(VOCABULARY.served("ipc1"), 1)]
    rows += [{"printed": "500", "unit": "count", "period": "2018-2020"}, {"measure": "funding", "printed": "7", "unit": "million_vnd"}]
    evaluation, _, exhibit = shown("en", small_programme(*rows))
    fig = exhibit.draw()
    told = [text.get_text() for text in fig.texts]
    measures = [VOCABULARY.label(code, "en") for code in ("facilities", "funding")]
    assert [text for text in told if text in measures] == measures and "29" in told
    assert not any(text.startswith("#") for text in told)


def test_an_account_that_says_everything_once_is_drawn_too(small_programme):
    evaluation, texts, exhibit = shown("vi", small_programme({"printed": "145", "unit": "count"}))
    assert exhibit.words.title == texts("figure.checkability.title", unchecked=1, all=1)
    assert f"#1:{NBSP}145" in [text.get_text() for text in exhibit.draw().texts]
