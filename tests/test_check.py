"""Finished documents are read back: every number holds, and a planted one that does not is found, with its place."""

import csv
import dataclasses
import os
import random
import shutil
import subprocess
import sys
import zipfile
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcq_eval.check.bank import Bank
from kcq_eval.check.knowledge import Knowledge
from kcq_eval.check.languages import differences
from kcq_eval.check.marked import write_marked
from kcq_eval.check.matching import CHANGED, HOLDS, MARK, UNIT, UNKNOWN, Checker, NumbersDiffer
from kcq_eval.check.number_formats import shown
from kcq_eval.check.numerals import numerals
from kcq_eval.check.readers import read_document
from kcq_eval.check.run_check import deliverables
from kcq_eval.datafiles import project_root
from kcq_eval.deliverables import report
from kcq_eval.errors import BadInput
from kcq_eval.parameters import read_parameters
from kcq_eval.printed import format_number
from kcq_eval.runs.bundle import run

QUICK = {"figure_formats": "png"}
UNITS = {"vi": {"percent": "%", "million_vnd": "triệu đồng", "percentage_point": "điểm phần trăm"}, "en": {"percent": "%", "million_vnd": "million VND", "percentage_point": "percentage points"}}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    return {language: run(read_parameters({"language": language, **QUICK}), folder / language).folder for language in ("vi", "en")}


@pytest.fixture(scope="module")
def knowledge(bundles):
    return Knowledge.of_bundle(bundles["vi"], "vi")


@pytest.fixture(scope="module")
def bank(bundles, knowledge):
    found = Bank(knowledge)
    found.add_labelled()
    for path in deliverables(bundles["vi"]):
        found.add_pieces(read_document(path, "vi"))
    return found


def verdicts(path, knowledge, bank, *, strict=False):
    pieces = read_document(path, "vi")
    return {finding.text.replace("\xa0", " "): finding for finding in Checker(knowledge, bank, strict=strict).check(path.name, pieces)}


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "kcq_eval", *map(str, arguments)], cwd=project_root(), capture_output=True, text=True, env={**os.environ, "COLUMNS": "160"})


TEXTS = ("Kinh phí đạt 232.908 triệu đồng, tăng 28,01 %.", "Kinh phí tăng 82,10 %.", "Kinh phí tăng 28.01 %.", "Kinh phí đạt 28,01 điểm phần trăm.", "Có 987 cơ sở ở Lào.")
EXPECTED = {"232.908 triệu đồng": HOLDS, "28,01 %": HOLDS, "82,10 %": UNKNOWN, "28.01 %": MARK, "28,01 điểm phần trăm": UNIT, "987": UNKNOWN}


def a_docx(path):
    import docx

    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = TEXTS[1]
    document.add_heading("Kết quả", 1)
    for text in (TEXTS[0], TEXTS[2]):
        document.add_paragraph(text)
    table = document.add_table(2, 2)
    table.cell(1, 1).text = TEXTS[3]
    split = document.add_paragraph("Có 98")
    split.add_run("7").bold = True
    split.add_run(" cơ sở ở Lào.")
    document.save(path)


def a_pptx(path):
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = TEXTS[0], TEXTS[2]
    slide.notes_slide.notes_text_frame.text = TEXTS[1]
    slide.shapes.add_table(2, 2, 0, 0, 900, 900).table.cell(1, 1).text = TEXTS[3]
    data = CategoryChartData()
    data.categories = ["a", "b"]
    data.add_series("s", (145, 987))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 900, 900, data)
    deck.save(path)


def an_xlsx(path):
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Kết quả")
        for line, text in enumerate(TEXTS[:4]):
            sheet.write(line, 0, text)
        sheet.write_number(5, 1, 987, book.add_format({"num_format": "#,##0"}))
        sheet.write_number(6, 1, 28.008776186898, book.add_format({"num_format": "0.00"}))


def an_html(path):
    path.write_text(f'<p>{TEXTS[0]}</p><table><tr><td>{TEXTS[1]}</td></tr></table><img alt="{TEXTS[2]}"><h2>{TEXTS[3]}</h2><p>{TEXTS[4]}</p>', encoding="utf-8")


def a_text(path):
    path.write_text("\n\n".join(TEXTS), encoding="utf-8")


KINDS = {"d.docx": a_docx, "d.pptx": a_pptx, "d.xlsx": an_xlsx, "d.html": an_html, "d.md": a_text, "d.txt": a_text}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_planted_in_a_document_of_any_kind_is_found(name, knowledge, tmp_path):
    KINDS[name](tmp_path / name)
    found = verdicts(tmp_path / name, knowledge, Bank(knowledge))
    assert {text: found[text].verdict for text in EXPECTED} == EXPECTED
    assert found["28.01 %"].expected == "28,01 %" and all(finding.place for finding in found.values() if name != "d.html")
    if name == "d.xlsx":
        assert found["28,01"].verdict == HOLDS and found["987"].place == (("sheet", "Kết quả"), ("cell", "B6"))


def test_a_stale_sentence_is_told_with_what_it_should_say(bundles, knowledge, bank, tmp_path):
    letter = (bundles["vi"] / "letter.md").read_text(encoding="utf-8")
    (tmp_path / "thư.md").write_text(letter.replace("số liệu #6 phải là 543–544", "số liệu #6 phải là 236").replace("543–544", "534–544"), encoding="utf-8")
    found = [f for f in Checker(knowledge, bank, strict=False).check("", read_document(tmp_path / "thư.md", "vi")) if f.is_trouble]
    assert {(f.text, f.verdict) for f in found} == {("236", CHANGED), ("534–544", CHANGED)}
    assert all("543–544" in f.expected for f in found)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("tăng 28 %", HOLDS), ("tăng hơn 28 %", HOLDS), ("tăng gần 30 %", HOLDS), ("tăng hơn 31 %", UNKNOWN), ("giảm 44,4 %", HOLDS), ("tăng 44,4 %", CHANGED),
        ("đạt 232,9 tỷ đồng", HOLDS), ("giai đoạn 2021–2023", HOLDS), ("giai đoạn 2021–2024", UNKNOWN), ("ngày 27/12/2023", HOLDS), ("ngày 28/12/2023", UNKNOWN),
        ("13/28 tỉnh", HOLDS), ("17/28 tỉnh", UNKNOWN), ("số liệu #16a", HOLDS), ("số liệu #99", UNKNOWN), ("tăng 28,0088 %", "digits"), ("Trung tâm 1 (IPC1)", None),
    ],
)  # fmt: skip
def test_a_numeral_is_judged_by_value_unit_direction_and_hedge(text, verdict, knowledge, tmp_path):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    found = list(verdicts(tmp_path / "a.txt", knowledge, Bank(knowledge)).values())
    assert [f.verdict for f in found] == ([verdict] if verdict else [])


@given(st.integers(-(10**12), 10**12), st.integers(0, 6), st.sampled_from(["vi", "en"]), st.sampled_from(["", "percent", "million_vnd", "percentage_point"]))
@settings(max_examples=150, deadline=None)
def test_a_printed_number_is_found_back_with_its_value_and_unit(steps, decimals, language, unit):
    value = Fraction(steps, 10**decimals)
    digits = format_number(value, decimals=decimals, number_format=language).replace("-", "−")
    text = f"a {digits}\xa0{UNITS[language].get(unit, '')} b".replace("\xa0 b", " b")
    (found,) = numerals(text, language)
    if found.kind == "year":
        return
    assert (found.values, found.unit, found.amounts[0].decimals) == ((value,), unit, decimals)


@given(st.text(alphabet="0123456789.,-–−+/#%¶ \xa0ađồngtriệu\n", max_size=60), st.sampled_from(["vi", "en"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_and_numerals_stand_where_they_say(text, language):
    end = 0
    for numeral in numerals(text, language):
        assert numeral.start >= end and text[numeral.start : numeral.end].startswith(numeral.text)
        end = numeral.end


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("28.008776", "0.00", "28,01"), ("0.280088", '0.00" "%', "28,01 %"), ("232908", "#,##0", "232.908"), ("-44.38", '0.0;"−"0.0', "−44,4"),
        ("145", '#,##0" cơ sở"', "145 cơ sở"), ("232908", "#,##0.0,", "232,9"), ("45287", "yyyy-mm-dd", "2023-12-27"), ("28.5", "General", "28,5"), ("3", "0.##", "3"),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_it_is_shown(value, code, text):
    assert shown(Fraction(value), code, "vi") == text


def test_a_changed_digit_is_found(bundles, knowledge, bank):
    """One digit anywhere; small counts and claim numbers can become another true one, so that not every change can be told."""
    pieces = read_document(bundles["vi"] / "report.html", "vi")
    places = [(piece, numeral) for piece in pieces for numeral in knowledge.masked(piece.text).numerals]
    chance, checker, found = random.Random(1), Checker(knowledge, bank, strict=True), 0
    trials = chance.sample(places, 150)
    for piece, numeral in trials:
        place = chance.choice([at for at in range(numeral.start, numeral.end) if piece.text[at].isdigit()])
        digit = chance.choice([d for d in "0123456789" if d != piece.text[place]])
        changed = dataclasses.replace(piece, text=piece.text[:place] + digit + piece.text[place + 1 :])
        found += any(finding.is_trouble for finding in checker.check("", [changed]))
    assert found / len(trials) > 0.75


def test_the_run_stops_at_a_number_that_nothing_accounts_for(tmp_path, monkeypatch):
    write = report.write_report

    def typed(contents, path, **given):
        write(contents, path, **given)
        path.write_text(path.read_text(encoding="utf-8").replace("</main>", "<p>Khoảng 31,7 % số cơ sở hài lòng.</p></main>"), encoding="utf-8")

    monkeypatch.setattr(report, "write_report", typed)
    with pytest.raises(NumbersDiffer) as stopped:
        run(read_parameters(QUICK), tmp_path / "bundle")
    (finding,) = stopped.value.findings
    assert (finding.document, finding.text.replace("\xa0", " "), finding.verdict) == ("report.html", "31,7 %", UNKNOWN)
    assert not (tmp_path / "bundle").exists() and (stopped.value.copy / "report.html").exists() and stopped.value.copy.name == "bundle.failed"


def test_figures_are_read_back_from_the_files(bundles):
    figures = {path.stem: [p for p in read_document(path, "vi") if p.kind == "drawn"] for path in deliverables(bundles["vi"]) if path.suffix == ".png"}
    assert all(figures.values()) and "232.908" in figures["funding_now_before"][0].text


def test_both_languages_say_the_same_and_a_difference_is_told(bundles, tmp_path):
    names = [path.relative_to(bundles["vi"]).as_posix() for path in deliverables(bundles["vi"])]
    assert differences(bundles["vi"], bundles["en"], names) == []
    other = shutil.copytree(bundles["en"], tmp_path / "en")
    page = (other / "letter.md").read_text(encoding="utf-8")
    (other / "letter.md").write_text(page.replace("543–544", "543–545", 1), encoding="utf-8")
    found = differences(bundles["vi"], other, names)
    assert [(f.document, f.text, f.expected) for f in found] == [("letter.md", "543–544", "543–545")]


def test_a_draft_is_checked_on_the_command_line(bundles, tmp_path):
    a_docx(tmp_path / "bản thảo.docx")
    before = (tmp_path / "bản thảo.docx").read_bytes()
    done = command("check", tmp_path / "bản thảo.docx", "--against", bundles["vi"], "--csv", tmp_path / "số.csv", "--out", tmp_path / "đánh dấu.docx")
    assert done.returncode == 1, done.stderr
    assert "28.01" in done.stdout and "dấu thập phân của ngôn ngữ khác" in done.stdout and (tmp_path / "bản thảo.docx").read_bytes() == before
    with open(tmp_path / "số.csv", encoding="utf-8-sig", newline="") as file:
        assert {row["verdict"] for row in csv.DictReader(file)} == {HOLDS, MARK, UNKNOWN, UNIT}
    with zipfile.ZipFile(tmp_path / "đánh dấu.docx") as marked:
        assert "FFC7CE" in marked.read("word/document.xml").decode() and "28,01" in marked.read("word/comments.xml").decode()
    same = command("check", bundles["vi"] / "report.html", "--against", bundles["vi"])
    assert same.returncode == 0, same.stdout
    assert command("check", bundles["en"] / "letter.html", "--against", bundles["en"]).returncode == 0
    assert command("check", tmp_path / "bản thảo.docx", "--against", tmp_path).returncode == 2


def test_the_marked_copy_says_the_same_as_the_draft(bundles, knowledge, tmp_path):
    a_docx(tmp_path / "a.docx")
    pieces = read_document(tmp_path / "a.docx", "vi")
    found = [(pieces[f.piece].text, f) for f in Checker(knowledge, Bank(knowledge), strict=False).check("", pieces) if f.is_trouble]
    marked = [write_marked(tmp_path / "a.docx", tmp_path / f"{n}.docx", found, lambda f: f.verdict) for n in (1, 2)]
    assert marked == [3, 3] and (tmp_path / "1.docx").read_bytes() == (tmp_path / "2.docx").read_bytes()  # the header is told, not marked
    assert [p.text for p in read_document(tmp_path / "1.docx", "vi")] == [p.text for p in pieces]


def test_unusable_drafts_are_refused_with_what_is_the_matter(tmp_path):
    (tmp_path / "locked.docx").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    (tmp_path / "damaged.pptx").write_bytes(b"PK\x03\x04nonsense")
    (tmp_path / "empty.xlsx").write_bytes(b"")
    (tmp_path / "latin.txt").write_bytes(b"t\xe3ng 28")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with zipfile.ZipFile(tmp_path / "other.docx", "w") as file:
        file.writestr("a.txt", "x")
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("word/document.xml", bytes(70_000_000))
    with zipfile.ZipFile(tmp_path / "entities.docx", "w") as file:
        file.writestr("word/document.xml", '<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>')
    expected = {
        "locked.docx": "locked_document", "damaged.pptx": "not_a_document", "empty.xlsx": "empty_file", "latin.txt": "not_utf8", "a.pdf": "unknown_document",
        "other.docx": "not_a_document", "bomb.docx": "too_large", "entities.docx": "not_a_document", "none.docx": "missing_file",
    }  # fmt: skip
    told = {}
    for name in expected:
        with pytest.raises(BadInput) as error:
            read_document(tmp_path / name, "vi")
        told[name] = error.value.problems[0].message
    assert told == expected
