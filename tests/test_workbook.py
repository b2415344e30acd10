"""The workbook: the same numbers as numbers.csv, the digits their bounds support, one readable table a sheet, nothing that a cell could run."""

import csv
import re
import unicodedata
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcq_eval.deliverables.sheets import Amount, Sheet
from kcq_eval.deliverables.workbook import WORKBOOK, number_format, widths
from kcq_eval.estimates import Bounded
from kcq_eval.magnitudes import share_word, times_word
from kcq_eval.numbers import MINUS, NBSP, Number
from kcq_eval.parameters import read_parameters
from kcq_eval.printed import parse_number
from kcq_eval.rounding import Shown, rounding_shows, rounding_shows_in, shown
from kcq_eval.runs.bundle import run
from kcq_eval.runs.notebooks import CHAPTERS
from kcq_eval.texts import LANGUAGES, Texts, templates
from kcq_eval.vocabulary import load_vocabulary

RUNS = {"vi": {"language": "vi"}, "en": {"language": "en", "register": "data/demonstration/register.csv"}}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workbook")
    return {language: run(read_parameters({"figure_formats": "png", **given}), folder / language).folder for language, given in RUNS.items()}


@pytest.fixture(scope="module")
def books(bundles):
    return {language: openpyxl.load_workbook(folder / WORKBOOK) for language, folder in bundles.items()}


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(sheet):
    """The one table's cells as rows, its head first."""
    (found,) = sheet.tables.values()
    return [list(row) for row in sheet[found.ref]]


def displayed(cell, language):
    """What Excel shows of a number under a format of ours, in a language's regional settings."""
    digits = re.fullmatch(r'#,##0(\.0+)?("\u00a0%")?;"−"#,##0(\.0+)?("\u00a0%")?', cell.number_format)
    decimals = len(digits[1] or ".") - 1
    text = f"{abs(Decimal(repr(cell.value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,}"
    if language == "vi":
        text = text.translate(str.maketrans(",.", ".,"))
    return (MINUS if cell.value < 0 else "") + text + (f"{NBSP}%" if digits[2] else "")


# --- the numbers


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_is_the_one_of_numbers_csv_and_shows_the_digits_of_the_report(bundles, books, language):
    by_id = {row["id"]: row for row in rows(bundles[language] / "numbers.csv")}
    told = {}
    for chapter in CHAPTERS:
        tab = templates(language)[f"workbook.sheet.numbers_{chapter}"]
        for label, value, lower, upper, unit, text, _, _, number_id in table(books[language][tab])[1:] if tab in books[language] else ():
            row = told[number_id.value] = by_id[number_id.value]
            assert label.value == row[f"label_{language}"] and unit.value
            assert text.value.removesuffix(f"{NBSP}*") == row[f"text_{language}"]
            for cell, end in ((lower, row["lower"]), (upper, row["upper"])):
                assert cell.value == "–" if not end else cell.value == float(end)
            if row["decimals"]:
                assert value.value == float(row["value"])
                assert row[f"text_{language}"].startswith(displayed(value, language))
            else:
                assert isinstance(value.value, str) and row[f"text_{language}"].startswith(value.value)
    assert told.keys() == by_id.keys()


def test_tables_to_copy_have_their_numbers_from_numbers_csv(bundles, books):
    numbers = {float(row["value"]) for row in rows(bundles["en"] / "numbers.csv")}
    for name in ("two_periods", "mix_by_type", "register_by_year", "register_by_sector", "register_by_province"):
        cells = [cell for row in table(books["en"][templates("en")[f"workbook.sheet.{name}"]])[1:] for cell in row]
        found = [cell.value for cell in cells if isinstance(cell.value, int | float)]
        assert found and set(found) <= numbers, name
    total = table(books["en"][templates("en")["workbook.sheet.register_by_sector"]])[-1]
    assert [cell.value for cell in total[:3]] == ["Total", 145, 232908]


def test_the_published_figures_stand_with_range_and_recomputed_value(bundles, books):
    published = {row["claim_id"]: row for row in rows(bundles["vi"] / "published.csv")}
    (share,) = [row for row in table(books["vi"][templates("vi")["workbook.sheet.published"]]) if row[0].value == "#5"]
    assert [cell.value for cell in share[4:8]] == [26.7, 26.65, 26.75, float(published["ipc1-2023-12-27/5"]["computed"])]
    assert displayed(share[4], "vi") == f"26,7{NBSP}%" and displayed(share[7], "vi") == f"61,4{NBSP}%" and share[10].value == "%"
    assert share[2].value == "26,7%"


def test_data_files_are_plain_and_files_in_words_are_marked_for_excel(bundles):
    folder = bundles["en"]
    for path in folder.glob("*.csv"):
        assert not path.read_bytes().startswith(b"\xef\xbb\xbf"), path
    for path in (folder / "tables").glob("*.csv"):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf"), path
        assert len({len(row) for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines())}) == 1
    covered = [row for row in rows(folder / "coverage.csv") if row["vintage"] == "63"]
    assert sum(row["current"] == "true" for row in covered) == 13 and sum(row["status"] == "new" for row in covered) == 5
    assert {row["verdict"] for row in rows(folder / "comparison.csv")} >= {"agrees", "differs"}


# --- the layout


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sheet_is_one_titled_table_without_merged_or_empty_cells(books, language):
    for sheet in books[language]:
        assert sheet["A1"].value and not sheet.merged_cells.ranges and sheet.freeze_panes
        cells = table(sheet)
        heads = [cell.value for cell in cells[0]]
        assert all(heads) and len(set(heads)) == len(heads) and len(cells) > 1
        assert all(cell.value not in (None, "") for row in cells for cell in row), sheet.title
        assert sheet.max_row == cells[-1][0].row and sheet.max_column == len(heads)
        assert all(cell.data_type in "sn" for row in sheet.iter_rows() for cell in row), "no formula, no date"
        assert sheet.page_setup.orientation == "landscape" and sheet.page_setup.paperSize == 9
        assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.page_setup.fitToHeight == 0, "as wide as a page"
        assert sheet.print_title_rows == f"${cells[0][0].row}:${cells[0][0].row}"
        assert len(sheet.title) <= 31 and all(unicodedata.is_normalized("NFC", str(cell.value)) for row in cells for cell in row)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_contents_link_to_every_other_sheet_and_each_links_back(books, language):
    book = books[language]
    contents, *others = book.worksheets
    linked = {row[0].value: row[0].hyperlink.location for row in table(contents)[1:]}
    assert linked == {sheet.title: f"'{sheet.title}'!A1" for sheet in others}
    for sheet in others:
        links = [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink]
        assert [link.location for link in links] == [f"'{contents.title}'!A1"] and not links[0].target
    assert [row[1].value for row in table(contents)[1:]] == [sheet["A1"].value for sheet in others]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_says_its_language_and_has_no_time_macro_or_outside_link(bundles, books, language):
    with zipfile.ZipFile(bundles[language] / WORKBOOK) as file:
        assert {entry.date_time[0] for entry in file.infolist()} == {1980}
        assert f"<dc:language>{templates(language)['workbook.language']}</dc:language>" in file.read("docProps/core.xml").decode()
        assert not [name for name in file.namelist() if "externalLink" in name or "vba" in name]
        assert "http" not in "".join(file.read(name).decode() for name in file.namelist() if "_rels/sheet" in name and "hyperlink" in name)
    assert books[language].properties.title and books[language].properties.created.year == 2000


def test_a_demonstration_says_so_on_every_sheet(books):
    assert all("DEMONSTRATION" in sheet["A1"].value for sheet in books["en"]) and "DEMONSTRATION" in books["en"].properties.title


def test_text_that_looks_like_a_formula_a_number_or_a_link_stays_text(tmp_path):
    import xlsxwriter

    from kcq_eval.deliverables.workbook import _Writer, options

    cells = ("=1+1", "+84", "-5", "@x", "http://example.org", "03", "{=A1}")
    texts = Texts(read_parameters({"language": "en"}), load_vocabulary(read_data()))
    with xlsxwriter.Workbook(tmp_path / "x.xlsx", options()) as book:
        _Writer(book, texts).add(Sheet("notes", "=title", ("Head", "=Number"), tuple((cell, Amount(Fraction(1))) for cell in cells)), first=False)
    (sheet,) = openpyxl.load_workbook(tmp_path / "x.xlsx")
    found = table(sheet)
    assert tuple(row[0].value for row in found[1:]) == cells and all(row[0].data_type == "s" and not row[0].hyperlink for row in found[1:])
    assert found[0][1].value == "=Number" and sheet["A1"].value == "=title"


def read_data():
    from kcq_eval.datafiles import resolve_folder

    return resolve_folder("data")


@given(st.lists(st.tuples(st.text("ab c", min_size=1, max_size=200), st.integers(0, 10**9)), min_size=1, max_size=5))
def test_a_number_is_never_cut_and_sentences_share_the_page(cells):
    sheet = Sheet("x", "Title", ("Head", "Numbers"), tuple((text, Amount(Fraction(number))) for text, number in cells))
    text, numbers = widths(sheet, "vi")
    assert numbers >= max(len(f"{number:,}") for _, number in cells) + 2
    assert text <= 200 or len(max(" ".join(t for t, _ in cells).split(" "), key=len)) > 190


# --- digits and notes that are true


EXACT = st.fractions(-2000, 2000, max_denominator=4000)


@st.composite
def bounded(draw):
    ends = sorted([draw(EXACT), draw(EXACT)]) if draw(st.booleans()) else [draw(EXACT)] * 2
    if draw(st.booleans()):
        ends[1] = ends[0] + draw(st.fractions(0, Fraction(1, 5), max_denominator=400))
    share = draw(st.fractions(0, 1, max_denominator=10))
    return Bounded(ends[0] + share * (ends[1] - ends[0]), *ends)


def read_back(text, language):
    """The two ends of what a number's text says: of one number the interval it stands for, of a range its ends."""
    found = re.findall(rf"{MINUS}?\d[\d.,]*", text)
    parsed = [parse_number(one, language) for one in found]
    if len(parsed) == 1:
        (value, decimals), half = parsed[0], Fraction(1, 2)
        return value - half / 10**decimals, value + half / 10**decimals
    return parsed[0][0], parsed[1][0]


@given(bounded(), st.integers(0, 3), st.integers(0, 2), st.sampled_from(LANGUAGES))
def test_what_is_shown_stands_for_all_that_the_bounds_allow(one, decimals, fewest, language):
    number = Number("x", one, "percent", decimals, fewest=min(fewest, decimals))
    low, high = read_back(number.digits(language), language)
    assert low <= one.lower and one.upper <= high
    if number.shown_decimals is not None and number.shown_decimals < decimals:
        finer = Fraction(1, 10 ** (number.shown_decimals + 1))
        assert not any(abs(p * finer - one.lower) <= finer / 2 and abs(p * finer - one.upper) <= finer / 2 for p in (round(one.value / finer) + d for d in (-1, 0, 1)))
    if one.upper > one.lower:
        assert number.ends[0] <= number.ends[1]


def test_a_bound_without_an_upper_end_is_rounded_down():
    number = Number("x", Bounded(Fraction("12.36"), Fraction("12.36"), None), "percent", 1)
    assert number.digits("en") == f"≥{NBSP}12.3"


def test_a_number_at_the_edge_of_its_bounds_is_shown_as_one_that_covers_them():
    assert Number("x", Bounded(Fraction("1.25"), Fraction("1.15"), Fraction("1.25")), "percent", 1).digits("en") == "1.2"


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.integers(0, 2))
def test_the_rounding_note_stands_exactly_where_shown_parts_miss_the_shown_total(thousandths, decimals):
    parts = [Number(str(i), Bounded.exactly(Fraction(part, 1000)), "million_vnd", decimals) for i, part in enumerate(thousandths)]
    total = Number("total", Bounded.exactly(Fraction(sum(thousandths), 1000)), "million_vnd", decimals)
    added = sum(parse_number(part.digits("vi"), "vi")[0] for part in parts)
    assert rounding_shows(map(shown, parts), shown(total)) == (added != parse_number(total.digits("vi"), "vi")[0])
    assert not rounding_shows(map(shown, parts), Shown(*[Fraction(sum(thousandths), 1000) + 7] * 4)), "parts of something else: not rounding"


def test_the_note_stands_where_a_share_and_its_change_do_not_make_the_share_now(bundles, books):
    """82.5 and 5.7 points are shown, and 88.3."""
    note = templates("vi")["rounding_note"]
    noted = {sheet.title for sheet in books["vi"] if any(cell.value == note for cell in sheet["A"])}
    tabs = {templates("vi")[f"workbook.sheet.{name}"] for name in ("mix_by_type", "numbers_support_type_mix")}
    assert noted == tabs
    page = (bundles["vi"] / "report.html").read_text(encoding="utf-8")
    assert page.count(f'<p class="note">{note}</p>') == 1


def test_counts_that_add_up_have_no_note():
    counts = {"facilities.current": 145, "facilities.current.a": 100, "facilities.current.b": 45}
    assert not rounding_shows_in({i: shown(Number(i, Bounded.exactly(n), "count")) for i, n in counts.items()})


@given(st.fractions(0, 5, max_denominator=60), st.fractions(0, Fraction(1, 2), max_denominator=60))
def test_a_word_for_a_size_is_true_of_every_value_that_the_bounds_allow(low, width):
    ratio = Bounded(low, low, low + width)
    word = times_word(ratio)
    for value in (low, low + width / 2, low + width):
        true = {"nearly": lambda n: value < n, "over": lambda n: value > n}
        kind, _, of = word.rpartition("_")
        size = {"double": 2, "triple": 3}.get(of)
        assert not word or (true[kind](size) if kind else value == size)
    if low <= 2 <= low + width and width:
        assert word == ""
    assert share_word(Bounded(low * 20, low * 20, low * 20 + width)) not in ("over_half", "half") or low * 20 >= 50


def test_more_than_double_and_more_than_half_are_told(bundles):
    told = {row["id"]: row["text"] for row in rows(bundles["vi"] / "findings.csv")}
    assert "hơn gấp đôi, bằng 2,3 lần" in told["facilities"] and "(hơn một nửa)" in told["facility_share"]


def test_number_formats_show_the_sign_as_the_report_does():
    assert number_format(Amount(Fraction(-1), 2, "percent")) == f'#,##0.00"{NBSP}%";"{MINUS}"#,##0.00"{NBSP}%"'
