"""The evaluator's commentary: what a file may hold, how its numbers are filled in, and how it is refused."""

import unicodedata

import pytest
from typer.testing import CliRunner

from kcq_eval.cli import app
from kcq_eval.commentary_command import empty_commentary
from kcq_eval.deliverables.blocks import Items, Paragraph, Span, lines_of
from kcq_eval.deliverables.commentary import SECTIONS, Commentary, read_commentary
from kcq_eval.deliverables.report import own_passages
from kcq_eval.errors import BadInput, Problem
from kcq_eval.parameters import read_parameters
from kcq_eval.runs.bundle import Unfinished, run
from kcq_eval.texts import LANGUAGES, problem_lines, templates

KNOWN = {"funding.current": "232.908 triệu đồng", "audit.printed.ipc1-2023-12-27/5": "26,7 %", "mix.change.advanced_machinery": "5,7 điểm phần trăm"}


@pytest.fixture
def written(tmp_path):
    """Writes a commentary and reads it."""

    def write(text: str | bytes) -> Commentary:
        path = tmp_path / "loi-binh.md"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_commentary(path)

    return write


def filled(commentary: Commentary):
    return commentary.filled(KNOWN, lambda number, form: f"{form or 'plain'}:{KNOWN[number]}")


def problems_of(write, text) -> list[Problem]:
    with pytest.raises(BadInput) as refused:
        filled(write(text))
    return list(refused.value.problems)


def text_of(commentary: Commentary, section: str) -> str:
    return "".join(span.text for line in lines_of(filled(commentary)[section]) for span in line)


@pytest.mark.parametrize("heading", ["# Kiến nghị", "## 5. KIEN NGHI", "### **Định hướng, giải pháp và kiến nghị**:", "# recommendations", "#\tRecommendations ##"])
def test_a_heading_is_found_in_either_language_with_and_without_diacritics(written, heading):
    assert list(written(f"{heading}\n\nMột câu.").sections) == ["recommendations"]


def test_sections_come_in_the_order_of_the_report_and_empty_ones_are_left_out(written):
    commentary = written("# Kiến nghị\nb\n# Bối cảnh\na\n# Nguyên nhân\n\n")
    assert list(commentary.sections) == ["context", "recommendations"]


def test_paragraphs_lists_and_emphasis_become_blocks(written):
    commentary = written("# Kiến nghị\nMột **đậm**, *nghiêng*\nvà ***cả hai***.\n\n- a\n- b\n  tiếp\n\n3. ba\n4. bốn\n\nCuối.\n")
    first, bullets, numbered, last = filled(commentary)["recommendations"]
    assert first == Paragraph(
        (Span("Một "), Span("đậm", bold=True), Span(", "), Span("nghiêng", italic=True), Span(" và "), Span("cả hai", bold=True, italic=True), Span("."))
    )
    assert bullets == Items(((Span("a"),), (Span("b tiếp"),))) and numbered == Items(((Span("ba"),), (Span("bốn"),)), start=3)
    assert last == Paragraph((Span("Cuối."),))


def test_a_number_is_named_by_its_id_and_keeps_it(written):
    commentary = written("# Kiến nghị\nLà **{{ funding.current }}**, {{audit.printed.ipc1-2023-12-27/5 | digits}}, {{ mix.change.advanced_machinery|change }}.")
    (paragraph,) = filled(commentary)["recommendations"]
    numbers = [span for span in paragraph.line if span.number]
    assert [span.number for span in numbers] == list(KNOWN)[:1] + list(KNOWN)[1:]
    assert [span.text for span in numbers] == ["plain:232.908 triệu đồng", "digits:26,7 %", "change:5,7 điểm phần trăm"]
    assert numbers[0].bold and not numbers[1].bold


@pytest.mark.parametrize(
    "text",
    ['#import "x": *', "$x chỉ là chữ", "@ref <3 @", "#5 và #6", "2 * 3 * 4", "snake_case_word", "giá < 5 và > 3", "A & B", "{ một ngoặc }", "100 % *"],
)
def test_what_is_no_markup_stands_as_it_is(written, text):
    assert text_of(written(f"# Kiến nghị\n{text}"), "recommendations") == text


def test_escapes_comments_links_and_spellings(written):
    told = text_of(written("\ufeff# Kiến nghị\r\n\\<b\\> \\$5 \\*x\\* <!-- không in\r\n{{ sai }} --> [Cục](https://example.org/a_b_c)\r\n"), "recommendations")
    assert told == "<b> $5 *x* Cục (https://example.org/a_b_c)"
    decomposed = unicodedata.normalize("NFD", "# Kiến nghị\nMột đề án")
    assert text_of(written(decomposed), "recommendations") == "Một đề án"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("<b>đậm</b>", "commentary_html"),
        ("<script>alert(1)</script>", "commentary_html"),
        ("a &nbsp; b", "commentary_html"),
        ("<!-- không đóng", "commentary_html"),
        ("là $x^2$", "commentary_formula"),
        ("là \\(x\\)", "commentary_formula"),
        ("![hình](a.png)", "commentary_image"),
        ("[bấm](javascript:alert(1))", "commentary_link"),
        ("[tệp](file:///etc/passwd)", "commentary_link"),
        ("| a | b |", "commentary_markup"),
        ("> trích", "commentary_markup"),
        ("```", "commentary_markup"),
        ("----", "commentary_markup"),
        ("{{ funding.current", "commentary_hole"),
        ("{{ }}", "commentary_hole"),
        ("{{ funding.current | chnge }}", "commentary_form"),
        ("{{ funding.curent }}", "unknown_number"),
        ("x\x07y", "unprintable"),
        ("x\u202ey", "unprintable"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_line(written, line, message):
    if "javascript" in line:
        line = "[bấm](javascript:alert)"
    problems = problems_of(written, f"# Kiến nghị\n\n{line}\n")
    assert [(problem.message, problem.row, problem.file) for problem in problems] == [(message, 3, "loi-binh.md")]


def test_a_list_inside_a_list_is_refused(written):
    (problem,) = problems_of(written, "# Kiến nghị\n- a\n  - b\n")
    assert (problem.message, problem.row) == ("commentary_nested", 3)


def test_all_problems_are_told_at_once_with_the_nearest(written):
    problems = problems_of(written, "Trước.\n# Kien ngi\na\n# Nguyên nhân\n<b>x</b>\n# Nguyên nhân\n{{ a | chang }}\n")
    assert [(p.message, p.row, p.nearest) for p in problems] == [
        ("commentary_no_heading", 1, ""), ("commentary_heading", 2, "Kiến nghị"), ("commentary_html", 5, ""),
        ("commentary_heading_twice", 6, ""), ("commentary_form", 7, "change"),
    ]  # fmt: skip
    told = problem_lines(problems, "vi")
    assert "loi-binh.md, dòng 2" in told[1] and "Kiến nghị" in told[1]


def test_an_unknown_id_is_told_with_its_line_and_the_nearest(written):
    problems = problems_of(written, "# Kiến nghị\n{{ funding.current }}\n{{ funding.curent }}\n\n- {{ mix.change.advanced_machine }}\n")
    assert [(p.found, p.row, p.nearest) for p in problems] == [
        ("funding.curent", 3, "funding.current"), ("mix.change.advanced_machine", 5, "mix.change.advanced_machinery"),
    ]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), [(b"# Ki\xff", "not_utf8"), (b"x" * 200_001, "too_large")])
def test_a_file_that_is_no_commentary_is_refused(written, content, message):
    assert [problem.message for problem in problems_of(written, content)] == [message]


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "commentary.md").write_text("")
    with pytest.raises(BadInput) as refused:
        read_commentary(tmp_path / "comentary.md")
    assert refused.value.problems[0].nearest == "commentary.md"


def test_the_page_escapes_every_text(written):
    html = own_passages(filled(written("# Kiến nghị\n\\<script\\> *a* \\& {{ funding.current }}\n\n2. x")))["recommendations"]
    assert "&lt;script&gt; <em>a</em> &amp; " in html and '<data value="funding.current">' in html and '<ol start="2">' in html and "<script" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_has_every_heading_and_reads_as_an_empty_commentary(written, language):
    rows = [{"id": "funding.current", f"label_{language}": "x --> y", f"text_{language}": "1"}]
    made = empty_commentary(language, rows, "2021-2023")
    assert made.count("\n# ") == len(SECTIONS) and "{{ funding.current }}  x → y: 1" in made
    assert written(made).sections == {}
    headings = made.split("\n# ")[1:]
    assert list(written("".join(f"# {part.strip()}\n\nx\n" for part in headings)).sections) == list(SECTIONS)


def test_the_names_of_sections_are_never_those_of_two():
    named = [name for language in LANGUAGES for section in SECTIONS for name in templates(language)[f"commentary.sections.{section}"]]
    assert len({name.casefold() for name in named}) == len(named)


def test_a_bad_commentary_is_refused_before_anything_runs_with_all_other_problems(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Nothing\n<b>", encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        run(read_parameters({"commentary": str(path), "centre": "ipc9"}), tmp_path / "bundle")
    assert [problem.message for problem in refused.value.problems] == ["unknown_value", "commentary_heading", "commentary_html"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_id_stops_the_bundle_and_keeps_what_was_done(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Recommendations\n{{ funding.curent }}", encoding="utf-8")
    done = CliRunner().invoke(app, ["run", "-p", "language=en", "-p", "figure_formats=png", "--commentary", str(path), "--out", str(tmp_path / "bundle")])
    assert done.exit_code == 2 and "a.md, line 2" in done.stderr and 'did you mean "funding.current"?' in done.stderr
    kept = tmp_path / "bundle.failed"
    assert str(kept) in done.stderr and not (tmp_path / "bundle").exists()
    assert (kept / "numbers.csv").is_file() and (kept / "figures" / "conflict.png").is_file() and (kept / "notebooks" / "funding_growth.ipynb").is_file()
    assert not (kept / "report.html").exists() and issubclass(Unfinished, BadInput)


def test_the_template_command_takes_the_numbers_of_a_bundle(tmp_path):
    file = tmp_path / "commentary.md"
    runner = CliRunner()
    assert runner.invoke(app, ["commentary", "template", str(file), "--language", "en"]).exit_code == 0 and "# Recommendations" not in file.read_text("utf-8")
    assert "# Directions, measures, recommendations" in file.read_text("utf-8")
    again = runner.invoke(app, ["commentary", "template", str(file)])
    assert again.exit_code == 2 and "--force" in again.stderr
    none = runner.invoke(app, ["commentary", "template", str(tmp_path / "b.md"), "--bundle", str(tmp_path)])
    assert none.exit_code == 2 and not (tmp_path / "b.md").exists()
