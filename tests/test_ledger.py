"""The ledger: what its states do, what it refuses, and the letter and erratum that come out of it."""

import csv
import datetime
import json
import re
import shutil
import subprocess
import sys
from fractions import Fraction

import pytest
import yaml

from kcq_eval import evaluation as evaluation_module
from kcq_eval import tables
from kcq_eval.datafiles import project_root
from kcq_eval.deliverables.erratum import erratum_rows
from kcq_eval.deliverables.letter import letters, write_letters
from kcq_eval.errors import BadInput
from kcq_eval.evaluation import evaluate
from kcq_eval.findings import audit_findings, audit_numbers, findings
from kcq_eval.indicators.composition import facility_numbers
from kcq_eval.indicators.coverage import coverage_numbers
from kcq_eval.ledger import FILE, MAX_BYTES, load_ledger
from kcq_eval.numbers import Numbers
from kcq_eval.parameters import read_parameters
from kcq_eval.runs.bundle import input_hashes, run
from kcq_eval.texts import LANGUAGES, Texts, problem_lines

ACCOUNT = "ipc1-2023-12-27"
PRINTED = {
    "2": "232.908 triệu đồng", "3": "28,01 %", "4": "145", "5": "26,7%", "6": "236", "7": "82", "15": "13/28", "20": "",
    "15-list": "Cao Bằng;Tuyên Quang;Yên Bái;Hòa Bình;Thái Nguyên;Phú Thọ;Hải Dương;Thái Bình;Hà Nam;Nam Định;Ninh Bình;Thanh Hóa;Nghệ An",
}  # fmt: skip


def entry(number, status="open", action="none", **more):
    """One entry about a claim of the account of 2023."""
    told = {"claim": f"{ACCOUNT}/{number}", "action": action, "expect": PRINTED[number], "reason": "A reason.", "status": status}
    return told | {"date": "2026-11-22"} | more


@pytest.fixture
def with_ledger(published_copy):
    """Writes the ledger of a copy of the published data, from entries or as the file's text, and gives the folder."""

    def write(*entries, text=None):
        found = yaml.safe_dump(list(entries), allow_unicode=True, sort_keys=False) if text is None else text
        (published_copy / FILE).write_bytes(found if isinstance(found, bytes) else found.encode())
        for read_once in (load_ledger, evaluation_module._corrected):
            read_once.cache_clear()
        return published_copy

    return write


def evaluated(folder, **given):
    return evaluate(read_parameters({"data_dir": str(folder), **given}))


def texts_of(evaluation, numbers=Numbers()):
    return Texts(evaluation.parameters, evaluation.published.vocabulary, numbers)


def share(evaluation):
    return facility_numbers(evaluation.estimates, evaluation.parameters)


def bounds(bounded):
    return bounded.lower, bounded.upper


def refused(folder):
    """What is told of an unusable ledger, as (line, key, message)."""
    with pytest.raises(BadInput) as error:
        load_ledger(folder)
    assert len(problem_lines(error.value.problems, "vi")) == len(error.value.problems)
    assert {problem.file for problem in error.value.problems} == {FILE}
    return [(problem.row, problem.column, problem.message) for problem in error.value.problems]


# --- states and actions ----------------------------------------------------------------------------------------------


def test_the_projects_own_ledger_asks_about_both_suspects_and_invents_no_value(published_folder):
    ledger = load_ledger(published_folder)
    assert [(c.claim_id, c.status, c.action, c.value) for c in ledger] == [(f"{ACCOUNT}/{n}", "open", "none", "") for n in "56"]
    assert all(c.reason_vi != c.reason_en and c.date == datetime.date(2026, 11, 22) for c in ledger)


def test_without_a_file_the_ledger_is_empty_and_changes_nothing(published_copy):
    (published_copy / FILE).unlink()
    evaluation = evaluated(published_copy)
    assert not evaluation.ledger and evaluation.corrected is evaluation.audit


@pytest.mark.parametrize("status", ["open", "disputed", "accepted"])
def test_an_entry_that_is_not_confirmed_changes_no_number(with_ledger, published_copy, status):
    before = evaluated(published_copy).estimates.frame()
    evaluation = evaluated(with_ledger(entry("5", status, "override", value="61,4%"), entry("4", status, "set_aside")), language="en")
    assert evaluation.estimates.frame().equals(before)
    assert evaluation.corrected is evaluation.audit and evaluation.set_aside == (f"{ACCOUNT}/5",)
    told = {f.id: f.text for f in audit_findings(evaluation, texts_of(evaluation))}
    word = {"open": "open", "disputed": "disputed", "accepted": "accepted as printed"}[status]
    assert f"{word} (22 November 2026)" in told[f"ledger.{ACCOUNT}/5"] and "unchanged" in told[f"ledger.{ACCOUNT}/5"]
    assert "A reason." in told[f"ledger.{ACCOUNT}/4"] and "audit_corrected" not in told


def test_a_confirmed_share_settles_the_tie_and_marks_exactly_what_it_settled(with_ledger):
    evaluation = evaluated(with_ledger(entry("5", "confirmed", "override", value="61,4%")), language="en")
    assert evaluation.audit.verdict == "contradicted" and evaluation.corrected.verdict == "consistent" and evaluation.set_aside == ()
    frame = evaluation.estimates.frame()
    marked = frame[frame["corrections"] != ""]
    assert {(row.measure, row.period, row.scheme_kind) for row in marked.itertuples()} == {
        ("facilities", "2021-2023", "all"), ("facilities", "2021-2023", "standalone"),
    }  # fmt: skip
    assert set(marked["corrections"]) == {f"{ACCOUNT}/5"} and not frame["depends_on_explanation"].any()
    numbers = share(evaluation)
    assert {number.id for number in numbers if number.bounded.marked} == {"facilities.all.current", "facilities.rest.current", "facilities.share.current"}
    found = {f.id: f for f in findings("facility_shares", texts_of(evaluation, numbers), evaluation.parameters)}
    assert found["facility_share"].text.endswith("*") and not found["facility_share"].depends
    assert found["facility_share"].corrections == (f"{ACCOUNT}/5",) and not found["facilities"].text.endswith("*")


def test_a_confirmed_total_moves_exactly_the_numbers_that_follow_from_it(with_ledger, published_copy):
    before = evaluated(published_copy)
    after = evaluated(with_ledger(entry("6", "confirmed", "override", value="543")))
    old, new = ({number.id: number for number in share(e)} for e in (before, after))
    moved = {name for name in new if bounds(new[name].bounded) != bounds(old[name].bounded)}
    assert moved == {"facilities.all.current", "facilities.rest.current", "facilities.share.current"}
    assert moved == {name for name in new if new[name].bounded.corrections}
    assert bounds(new["facilities.all.current"].bounded) == (543, 543)
    assert new["facilities.share.current"].bounded.value == Fraction(14500, 543)
    same = [e.estimates.get("facilities", e.parameters.current_period, "ipc1", scheme_kind="focal") for e in (before, after)]
    assert same[0] == same[1]


def test_a_confirmed_figure_without_a_known_value_is_left_out(with_ledger):
    folder = with_ledger(entry("6", "confirmed", "set_aside"))
    evaluation = evaluated(folder)
    total = evaluation.estimates.get("facilities", evaluation.parameters.current_period, "ipc1")
    assert bounds(total) == (543, 544) and total.corrections == {f"{ACCOUNT}/6"} and not total.depends
    assert evaluation.set_aside == ()
    assert evaluated(folder, explanation=f"{ACCOUNT}/6").set_aside == ()  # it is out already


def test_a_figure_in_another_conflict_still_depends_on_the_explanation_alone(small_programme):
    """Two conflicts that have nothing to do with each other: a correction of one says nothing about the other."""
    money = {"measure": "funding", "unit": "million_vnd"}
    folder = small_programme(
        {"printed": "145", "unit": "count"}, {"printed": "150", "unit": "count"}, {"printed": "10", **money}, {"printed": "20", **money}
    )
    source = "report-2024"
    found = {"claim": f"{source}/2", "action": "override", "value": "145", "expect": "150", "reason": "r", "status": "confirmed", "date": "2026-01-02"}
    (folder / FILE).write_text(yaml.safe_dump([found]), encoding="utf-8")
    evaluation = evaluated(folder)
    facilities, funding = (
        evaluation.estimates.get(measure, evaluation.parameters.current_period, "ipc1", scheme_kind="focal") for measure in ("facilities", "funding")
    )
    assert (facilities.depends, facilities.corrections) == (False, {f"{source}/2"})
    assert (funding.depends, funding.corrections) == (True, frozenset())


def test_a_confirmed_correction_that_contradicts_the_others_is_told_not_refused(with_ledger):
    evaluation = evaluated(with_ledger(entry("5", "confirmed", "override", value="30,5%")), language="en")
    assert evaluation.corrected.verdict == "contradicted" and evaluation.set_aside == (f"{ACCOUNT}/5",)
    told = {f.id: f.text for f in audit_findings(evaluation, texts_of(evaluation))}
    assert told["audit_corrected"] == "With the corrections that the source confirms, claims #4, #5 and #6 still cannot all be true."


@pytest.mark.parametrize(
    ("number", "value"), [("2", "232.909 triệu đồng"), ("3", "28 %"), ("4", "146"), ("15", "14/28"), ("15-list", "Cao Bằng;Nghệ An")]
)
def test_every_kind_of_figure_can_be_corrected_and_none_is_overwritten(with_ledger, published_copy, published, number, value):
    claims_file = (published_copy / "claims" / f"{ACCOUNT}.csv").read_bytes()
    evaluation = evaluated(with_ledger(entry(number, "confirmed", "override", value=value)))
    claim_id = f"{ACCOUNT}/{number}"
    assert evaluation.published.claims == published.claims == evaluation.audit.published.claims
    assert evaluation.corrected.published.claim(claim_id) != published.claim(claim_id)
    assert [c for c in evaluation.corrected.published.claims if c.claim_id != claim_id] == [c for c in published.claims if c.claim_id != claim_id]
    assert (published_copy / "claims" / f"{ACCOUNT}.csv").read_bytes() == claims_file


def test_a_corrected_list_marks_the_coverage_that_follows_from_it(with_ledger):
    value = PRINTED["15-list"].replace("Nghệ An", "Lào Cai")
    evaluation = evaluated(with_ledger(entry("15-list", "confirmed", "override", value=value)))
    numbers = coverage_numbers(evaluation.estimates, evaluation.parameters)
    assert {number.id for number in numbers if not number.bounded.corrections and ".63." in number.id} == {
        "coverage.63.served", "coverage.63.baseline", "coverage.63.share.baseline",
    }  # fmt: skip
    assert numbers["coverage.63.left"].bounded.value == 1 and numbers["coverage.63.kept"].bounded.value == 8


def test_printed_and_corrected_stand_side_by_side(with_ledger):
    evaluation = evaluated(with_ledger(entry("5", "confirmed", "override", value="61,4%"), entry("6")), language="en")
    texts = texts_of(evaluation)
    for table in (tables.claims_table(evaluation.published.claims, evaluation, texts), tables.verdicts_table(evaluation, texts)):
        (row,) = table[table["Claim"] == "#5"].to_dict("records")
        assert (row["As printed"].replace("\xa0", "").replace(".", ","), row["Corrected"]) == ("26,7%", "61.4\xa0%")
    verdicts = tables.verdicts_table(evaluation, texts).set_index("Claim")
    assert verdicts.loc["#5", "Verdict"] == "suspect"  # the verdict on what is printed stays
    assert list(verdicts.loc[["#5", "#6", "#7"], "Confirmation"]) == ["confirmed by the source (22 November 2026)", "open (22 November 2026)", ""]
    rows = tables.verdict_rows(evaluation).set_index("claim_id")
    assert list(rows.loc[f"{ACCOUNT}/5", ["printed", "corrected", "state", "state_date", "action"]]) == [
        "26,7%", "61,4%", "confirmed", "2026-11-22", "override",
    ]  # fmt: skip
    assert "audit.corrected.ipc1-2023-12-27/5" in audit_numbers(evaluation)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expect"), [("5", "26.7%"), ("4", "0145"), ("15", "13/27"), ("15-list", "Cao Bằng"), ("20", "met")]
)
def test_a_claim_that_prints_something_else_now_stops_the_run(with_ledger, number, expect):
    folder = with_ledger(entry("6"), entry(number, expect=expect))
    assert [(key, message) for _, key, message in refused(folder)] == [("expect", "expect_differs")]
    with pytest.raises(BadInput, match="the claims file says otherwise now"):
        evaluated(folder)


def test_a_corrected_count_is_whole(with_ledger):
    assert [message for _, _, message in refused(with_ledger(entry("4", action="override", value="145,5")))] == ["printed_not_whole"]


def test_a_list_is_expected_in_any_spelling_and_order(with_ledger):
    names = ";".join(reversed(PRINTED["15-list"].replace("Hòa Bình", "HOÀ BÌNH").split(";")))
    assert len(load_ledger(with_ledger(entry("15-list", expect=names)))) == 1


def test_all_problems_are_told_at_once_with_line_key_and_the_nearest_value(with_ledger):
    text = f"""
- claim: {ACCOUNT}/55
  action: overide
  expect: "26,7%"
  reason: r
  status: opened
  date: 22/11/2026
- claim: {ACCOUNT}/4
  action: override
  value: 1.46
  expects: "145"
  expect: "145"
  expect: "145"
  reason: {{vi: "", en: r}}
  status: confirmed
  date: 2026-02-30
- claim: {ACCOUNT}/6
  action: set_aside
  value: "543"
  expect: "236"
  reason: r
  status: open
  date: 2026-11-22
- claim: {ACCOUNT}/6
  action: override
  value: "236"
  expect: "236"
  reason: [r]
  status: open
- claim: {ACCOUNT}/20
  action: set_aside
  expect: ""
  reason: r
  status: open
  date: 2026-11-22
- just words
"""
    folder = with_ledger(text=text)
    assert sorted(refused(folder), key=lambda p: (p[0], p[1])) == sorted(
        [
            (2, "claim", "unknown_claim"), (3, "action", "unknown_value"), (6, "status", "unknown_value"), (7, "date", "bad_form"),
            (10, "value", "printed_ungrouped_decimal"), (11, "expects", "unknown_key"), (13, "expect", "key_twice"), (14, "reason.vi", "missing_key"),
            (16, "date", "bad_form"), (19, "value", "value_unused"), (24, "claim", "claim_twice"), (24, "date", "missing_key"),
            (26, "value", "same_as_printed"), (28, "reason", "not_a_text"), (31, "action", "words_only"), (36, "", "ledger_form"),
        ],
        key=lambda p: (p[0], p[1]),
    )  # fmt: skip
    with pytest.raises(BadInput) as error:
        load_ledger(folder)
    told = "\n".join(problem_lines(error.value.problems, "en"))
    assert 'corrections.yaml, line 3, key action: not a valid value; found "overide"; expected: override, set_aside, none; did you mean "override"?' in told
    assert f'found "{ACCOUNT}/55"' in told and f'did you mean "{ACCOUNT}/5"?' in told


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", []),
        ("# nothing yet\n", []),
        ("[]", []),
        ("- claim: [unclosed", ["ledger_yaml"]),
        ("claim: x", ["ledger_form"]),
        ("just words", ["ledger_form"]),
        ("- claim: a\n---\n- claim: b\n", ["ledger_yaml"]),
        ("- !!python/object/apply:os.system ['touch pwned']", ["yaml_tag"]),
        ("- claim: !!int 5", ["yaml_tag"]),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", ["yaml_anchor"] * 6),
        ("[" * 20_000, ["yaml_deep"]),
        (b"- claim: \xff", ["not_utf8"]),
        (b"- claim: \x00", ["ledger_yaml"]),
        ("#" * (MAX_BYTES + 1), ["too_large"]),
    ],
    ids=["empty", "comment", "no-entries", "not-closed", "mapping", "words", "two-documents", "python-tag", "int-tag", "anchors", "deep", "latin", "nul", "large"],
)
def test_a_file_that_is_not_a_list_of_plain_texts_is_refused_whole(with_ledger, tmp_path, monkeypatch, text, messages):
    monkeypatch.chdir(tmp_path)
    folder = with_ledger(text=text)
    if messages:
        assert [message for _, _, message in refused(folder)] == messages
    else:
        assert len(load_ledger(folder)) == 0
    assert not (tmp_path / "pwned").exists()


def test_what_only_escapes_can_write_is_refused_and_a_file_of_another_name_is_noticed(with_ledger):
    text = yaml.safe_dump([entry("6")]).replace("A reason.", '"\\e[2J"')
    folder = with_ledger(text=text)
    assert [(key, message) for _, key, message in refused(folder)] == [("reason", "unprintable")]
    (folder / FILE).rename(folder / "correction.yml")
    load_ledger.cache_clear()
    with pytest.raises(BadInput, match="correction.yml"):
        load_ledger(folder)


def test_problems_of_the_ledger_are_told_together_with_those_of_the_parameters(with_ledger):
    with pytest.raises(BadInput) as error:
        evaluated(with_ledger(entry("5", expect="27%")), scheme_kind="focl")
    assert [problem.message for problem in error.value.problems] == ["unknown_value", "expect_differs"]


def test_entries_about_documents_that_are_not_used_are_left_out(with_ledger):
    folder = with_ledger(entry("5", "confirmed", "set_aside"))
    evaluation = evaluated(folder, sources="baonamdinh-2020-11-05", period="2018-2020", baseline="2015-2017")
    assert not evaluation.ledger and evaluation.corrected is evaluation.audit


# --- the letter, the erratum, the bundle -----------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script> & [x](javascript:y) | *bold*"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("vi", ["Kính gửi: Trung tâm", "Trân trọng", "61,4\xa0%", "543–544", "công bố ngày 27/12/2023", "Nếu các số liệu #4 và #6 đúng thì số liệu #5 phải là 61,4"]),
        ("en", ["To: Trung tâm", "Yours faithfully", "61.4\xa0%", "543–544", "27 December 2023", "If claims #4 and #6 hold, claim #5 would have to be 61.4"]),
    ],
)
def test_the_letter_asks_about_both_suspects_in_both_languages(published_folder, tmp_path, language, said):
    evaluation = evaluated(published_folder, language=language)
    texts = texts_of(evaluation)
    assert write_letters(tmp_path, evaluation, texts)
    page, text = ((tmp_path / f"letter.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    for words in (*said, "26,7%", "¶4 #5", "¶4 #6", "¶4 #10"):
        assert words in page and words in text, words
    assert f'lang="{language}"' in page and "@page { size: A4" in page
    assert not re.search(r"https?:|<script|<img|<link", page)
    (letter,) = letters(evaluation, texts)
    assert [row[0] for row in letter.asked] == ["#5", "#6"] and [row[0] for row in letter.related] == ["#4", "#7", "#10", "#11"]


def test_the_letter_asks_what_is_open_or_disputed_and_suspects_without_an_entry(with_ledger):
    def asked(*entries):
        evaluation = evaluated(with_ledger(*entries), language="en")
        return [row[0] for letter in letters(evaluation, texts_of(evaluation)) for row in letter.asked]

    assert asked() == ["#5", "#6"]
    assert asked(entry("5", "accepted")) == ["#6"]
    assert asked(entry("5", "confirmed", "override", value="61,4%"), entry("6", "disputed"), entry("2")) == ["#2", "#6"]
    assert asked(entry("5", "accepted"), entry("6", "confirmed", "set_aside")) == []


def test_the_letter_does_not_argue_again_what_a_confirmed_correction_has_settled(with_ledger):
    settled = entry("5", "confirmed", "override", value="61,4%")
    evaluation = evaluated(with_ledger(settled))
    assert letters(evaluation, texts_of(evaluation)) == []  # the total is no suspect any more
    evaluation = evaluated(with_ledger(settled, entry("6", "disputed", "override", value="543")), language="en")
    (letter,) = letters(evaluation, texts_of(evaluation))
    assert (letter.conflict, letter.implied, letter.also, letter.related) == ("", (), "", ())
    assert letter.asked[0][-1] == "Disputed (22 November 2026): A reason. Proposed: 543."
    evaluation = evaluated(with_ledger(settled | {"value": "30,5%"}), language="en")  # contradicts the others as well
    (letter,) = letters(evaluation, texts_of(evaluation))
    assert [row[0] for row in letter.asked] == ["#6"]
    assert ("#5", "26,7%, confirmed to be 30,5%") in [(row[0], row[-1]) for row in letter.related]
    assert "#5: 26,7%, confirmed to be 30,5%" in letter.conflict


def test_no_letter_is_written_where_there_is_nothing_to_ask(with_ledger, tmp_path):
    evaluation = evaluated(with_ledger(entry("5", "accepted"), entry("6", "accepted")))
    assert not write_letters(tmp_path / "out", evaluation, texts_of(evaluation)) and not (tmp_path / "out").exists()


def test_each_document_gets_a_letter_of_its_own(small_programme, tmp_path):
    small_programme({"printed": "145", "unit": "count"}, source_id="first", title_en="First report")
    folder = small_programme({"printed": "150", "unit": "count"}, source_id="second", title_en="Second report")
    evaluation = evaluated(folder, language="en")
    found = letters(evaluation, texts_of(evaluation))
    assert [letter.subject for letter in found] == [f"On “{title} report”, published on 31 January 2024" for title in ("First", "Second")]
    assert found[0].related == (("#1 (second)", "p. 1, document “Second report”", "Rural industrial facilities supported, focal schemes, 2021–2023", "150"),)
    assert write_letters(tmp_path, evaluation, texts_of(evaluation))
    assert (tmp_path / "letter.html").read_text(encoding="utf-8").count("<article>") == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_erratum_lists_every_entry_by_state_as_words(with_ledger, language):
    folder = with_ledger(
        entry("4", "accepted"), entry("5", "confirmed", "override", value="61,4%", reason={"vi": "Lý do.", "en": "Why."}), entry("6", "disputed", "set_aside"),
        entry("7", "open", "override", value="81"),
    )  # fmt: skip
    evaluation = evaluated(folder, language=language)
    found = [(row.claim, row.printed, row.corrected, row.state, row.date, row.reason) for row in erratum_rows(evaluation, texts_of(evaluation))]
    assert found == {
        "vi": [
            ("#5", "26,7%", "61,4%", "nguồn đã xác nhận", "22/11/2026", "Lý do."), ("#7", "82 (tăng)", "đề nghị: 81 (tăng)", "chờ nguồn xác nhận", "22/11/2026", "A reason."),
            ("#6", "236", "chưa biết trị số đúng", "có ý kiến khác", "22/11/2026", "A reason."), ("#4", "145", "giữ như đã in", "chấp nhận giữ như đã in", "22/11/2026", "A reason."),
        ],
        "en": [
            ("#5", "26,7%", "61,4%", "confirmed by the source", "22 November 2026", "Why."), ("#7", "82 (up)", "proposed: 81 (up)", "open", "22 November 2026", "A reason."),
            ("#6", "236", "true value not known", "disputed", "22 November 2026", "A reason."), ("#4", "145", "as printed", "accepted as printed", "22 November 2026", "A reason."),
        ],
    }[language]  # fmt: skip


def test_a_run_carries_the_ledger_through_and_shows_a_persons_words_as_text(with_ledger, published_folder, tmp_path):
    folder = with_ledger(entry("5", "confirmed", "override", value="61,4%", reason=HOSTILE), entry("6", reason=HOSTILE))
    shutil.copy(published_folder / "reference" / "provinces_63.geojson", folder / "reference")
    given = read_parameters({"data_dir": str(folder), "language": "en", "figure_formats": "png"})
    one, two = (run(given, tmp_path / name / "bundle").folder for name in ("one", "two"))
    names = sorted(p.relative_to(one).as_posix() for p in one.rglob("*") if p.is_file() and p.name != "log.txt")
    assert {"letter.html", "letter.md"} <= set(names)
    assert [name for name in names if (one / name).read_bytes() != (two / name).read_bytes()] == []
    for name in ("report.html", "letter.html"):
        page = (one / name).read_text(encoding="utf-8")
        assert "&lt;script&gt;alert(1)" in page and "<script" not in page, name
    assert r"\<script\>alert(1)\</script\> \& \[x\](javascript:y) \| \*bold\*" in (one / "letter.md").read_text(encoding="utf-8")
    notebook = json.loads((one / "notebooks" / "consistency_audit.ipynb").read_text(encoding="utf-8"))
    shown = "".join("".join(out["data"].get("text/markdown", "")) for cell in notebook["cells"] for out in cell.get("outputs", ()) if "data" in out)
    assert r"\<script\>" in shown and not re.search(r"(?<!\\)<script", shown)
    page = (one / "report.html").read_text(encoding="utf-8")
    assert 'id="erratum"' in page and "depends on a correction that the source confirms" in page and 'href="letter.html"' in page
    with open(one / "numbers.csv", encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert rows["facilities.share.current"]["corrections"] == f"{ACCOUNT}/5" and rows["facilities.share.current"]["depends_on_explanation"] == "false"
    assert rows["facilities.all.current"]["ledger"] == f"{ACCOUNT}/5=confirmed;{ACCOUNT}/6=open"
    assert rows["facilities.current"]["corrections"] == rows["facilities.current"]["ledger"] == ""
    assert json.loads((one / "record.json").read_text(encoding="utf-8"))["ledger"] == {f"{ACCOUNT}/5": "confirmed", f"{ACCOUNT}/6": "open"}


def test_another_ledger_makes_another_run(with_ledger):
    given = read_parameters({"data_dir": str(with_ledger(entry("5")))})
    first = input_hashes(given)
    with_ledger(entry("5", "disputed"))
    assert [name for name, found in input_hashes(given).items() if first[name] != found] == ["data/corrections.yaml"]


def test_the_command_line_tells_file_line_and_key(with_ledger, tmp_path):
    folder = with_ledger(entry("5", expect="27%"))
    command = [sys.executable, "-m", "kcq_eval", "run", "-p", f"data_dir={folder}", "--out", str(tmp_path / "bundle")]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True)
    assert done.returncode == 2 and "corrections.yaml, dòng 3, khóa expect" in done.stderr and '"26,7%"' in done.stderr
    assert not (tmp_path / "bundle").exists()
