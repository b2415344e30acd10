"""A facility register: read as it is in every kind of file, checked, marked, aggregated exactly."""

import datetime
import hashlib
import random
import unicodedata
from fractions import Fraction

import openpyxl
import pandas as pd
import pytest
from registers import A_ROW, FIELDS, HEAD, csv_bytes, ods, row, rows, workbook, xls
from stdnum.vn import mst

from kcq_eval.claims import Quantity
from kcq_eval.errors import BadInput, Problems
from kcq_eval.parameters import Period
from kcq_eval.register import workbooks
from kcq_eval.register.aggregation import Scope, aggregate
from kcq_eval.register.cells import number_format, tax_code
from kcq_eval.register.columns import STATUSES, load_ceilings, load_words
from kcq_eval.register.demonstration import demonstration_csv, demonstration_rows
from kcq_eval.register.facilities import Facilities
from kcq_eval.register.register import check_register, load_register

NOW, BEFORE = Period(2021, 2023), Period(2018, 2020)
MILLION = 10**6


@pytest.fixture
def read(published_folder):
    return lambda path, **options: load_register(path, published_folder, **options)


@pytest.fixture
def refused(published_folder):
    """The problems of a register that cannot be used, as (message, row, column, found, nearest)."""

    def problems(path, **options):
        with pytest.raises(BadInput) as error:
            load_register(path, published_folder, **options)
        return [(p.message, p.row, p.column, p.found, p.nearest) for p in error.value.problems]

    return problems


def codes(register, *names):
    """The facts without where they stood, with codes for numbers."""
    vocabulary = register.vocabulary
    told = {
        "kind": vocabulary.scheme_kinds, "centre": vocabulary.centres, "sector": vocabulary.sectors, "province": register.provinces,
        "support": vocabulary.support_types, "status": STATUSES,
    }  # fmt: skip
    frame = register.facts.copy()
    for name, valid in told.items():
        frame[name] = [valid[place] for place in frame[name]]
    names = names or ("year", "scheme", *told, "facility", "state", "counterpart")
    return [tuple(line) for line in frame[list(names)].itertuples(index=False)]


def remarks(register, key):
    return [remark for remark in register.remarks if remark.key == key]


# --- every kind of file

LINES = rows(
    {"province": "Hòa Bình", "state_funding": 300},
    {"province": "Thừa Thiên Huế", "year": 2021, "support_type": "Mô hình trình diễn", "counterpart_funding": 2500},
    {"facility": "", "support_type": "Hội thảo", "state_funding": 40.25, "counterpart_funding": 0},
    {"status": "Hủy", "scheme_id": "DA-02", "scheme_kind": "riêng rẽ"},
)
AS_TEXT = [[str(cell) if not isinstance(cell, float) else str(cell).replace(".", ",") for cell in line] for line in LINES]
CODED = [
    (2022, 0, "focal", "ipc1", "mechanical_engineering", "17", "advanced_machinery", "accepted", 0, 300 * MILLION, 1000_500_000),
    (2021, 0, "focal", "ipc1", "mechanical_engineering", "46", "demonstration_model", "accepted", 1, 250 * MILLION, 2500 * MILLION),
    (2022, 0, "focal", "ipc1", "mechanical_engineering", "40", "conference", "accepted", -1, 40_250_000, 0),
    (2022, 1, "standalone", "ipc1", "mechanical_engineering", "40", "advanced_machinery", "cancelled", 2, 250 * MILLION, 1000_500_000),
]


def parquet(path):
    frame = pd.DataFrame(LINES, columns=FIELDS).astype({"state_funding": float, "counterpart_funding": float})
    frame.to_parquet(path)
    return path


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: workbook(folder / "a.xlsx", LINES),
        lambda folder: workbook(folder / "wrong ending.csv", LINES),
        lambda folder: ods(folder / "a.ods", LINES),
        lambda folder: xls(folder / "a.xls", LINES),
        lambda folder: written(folder / "a.csv", csv_bytes(AS_TEXT)),
        lambda folder: written(folder / "a.csv", csv_bytes(AS_TEXT, encoding="utf-8-sig", delimiter=";")),
        lambda folder: written(folder / "a.csv", csv_bytes(AS_TEXT, encoding="utf-16", delimiter="\t")),
        lambda folder: written(folder / "a.csv", b"\xfe\xff" + csv_bytes(AS_TEXT, encoding="utf-16-be", delimiter="\t")),
        lambda folder: written(folder / "a.csv", windows_1258(csv_bytes(AS_TEXT, delimiter=";"))),
        lambda folder: written(folder / "a.csv", unicodedata.normalize("NFD", csv_bytes(AS_TEXT).decode()).encode()),
        lambda folder: parquet(folder / "a.parquet"),
    ],
    ids=["xlsx", "xlsx-named-csv", "ods", "xls", "utf-8", "utf-8-bom-semicolon", "utf-16-le", "utf-16-be", "windows-1258", "nfd", "parquet"],
)
def test_the_same_rows_are_read_from_every_kind_of_file(make, read, tmp_path):
    register = read(make(tmp_path))
    assert codes(register) == CODED
    assert register.remarks == ()


def windows_1258(utf8):
    """Text as old Vietnamese programs save it: the tone stands as a mark of its own behind the letter."""
    found = []
    for letter in utf8.decode():
        try:
            found.append(letter.encode("cp1258"))
        except UnicodeEncodeError:
            apart = unicodedata.normalize("NFD", letter)
            tones = "".join(c for c in apart if c in "\u0300\u0301\u0303\u0309\u0323")
            base = unicodedata.normalize("NFC", "".join(c for c in apart if c not in tones))
            found.append((base + tones).encode("cp1258"))
    return b"".join(found)


def test_a_folder_of_parquet_parts_gives_the_estimates_of_the_whole(read, tmp_path, published_folder):
    whole = pd.read_csv(published_folder / "demonstration" / "register.csv", dtype={"tax_code": str}, keep_default_na=False)
    whole.to_parquet(tmp_path / "whole.parquet")
    for year, part in whole.groupby("year"):
        (tmp_path / "parts" / f"year={year}").mkdir(parents=True)
        part.sample(frac=1, random_state=1).to_parquet(tmp_path / "parts" / f"year={year}" / "part.parquet", index=False)
    for unit in ("support", "facility"):
        scope = Scope("ipc1", (BEFORE, NOW), count_unit=unit)
        stored, one, parts = (
            {q: e.value for q, e in aggregate(read(path), scope).items()}
            for path in (published_folder / "demonstration" / "register.csv", tmp_path / "whole.parquet", tmp_path / "parts")
        )
        assert one == parts == stored and len(one) > 1000


# --- real workbooks


def test_titles_units_totals_headings_numbering_and_blank_lines_are_no_data(read, tmp_path):
    head = [name.partition(" (")[0] for name in HEAD]
    lines = rows({"state_funding": 250_000_000, "counterpart_funding": 1_000_000_000}, {"state_funding": 100_000_000, "counterpart_funding": 400_000_000})
    above = [["SỔ THEO DÕI CƠ SỞ ĐƯỢC HỖ TRỢ"], ["Đơn vị tính: đồng"], []]
    blank = [""] * len(HEAD)
    total = ["Tổng cộng", *blank[1:11], 350_000_000, 1_400_000_000, ""]
    listed = [[f"({n})" for n in range(1, 15)], ["I. Đề án điểm"], lines[0], blank, lines[1], total, ["", "Người lập biểu", "", "", "", "Giám đốc"]]
    register = read(workbook(tmp_path / "a.xlsx", listed, head=head, above=above, merged=["A1:N1"]))
    assert codes(register, "state", "counterpart") == [(250 * MILLION, 1000 * MILLION), (100 * MILLION, 400 * MILLION)]
    assert register.facts["row"].tolist() == [7, 9]
    (skipped,) = remarks(register, "line_skipped")
    assert skipped.rows == (6, 11)
    assert not remarks(register, "total_differs")


def test_a_company_is_no_total_row_even_where_cells_are_missing(refused, tmp_path):
    order = [8, *range(8), *range(9, 14)]
    lines = rows({"facility": "Công ty A", "year": "", "status": "", "scheme_kind": "", "sector": ""}, {"facility": "Tổng công ty B", "support_type": "", "province": "", "year": "", "status": ""})
    path = workbook(tmp_path / "a.xlsx", [[line[place] for place in order] for line in lines], head=[HEAD[place] for place in order])
    assert {row for _, row, *_ in refused(path)} == {2, 3}


def test_a_total_that_the_rows_do_not_have_is_told(read, tmp_path):
    total = ["Tổng cộng", *[""] * 10, 501, 2001, ""]
    register = read(workbook(tmp_path / "a.xlsx", rows({}, {}), below=[total]))
    assert [(r.column, r.rows, r.found, r.expected) for r in remarks(register, "total_differs")] == [("state_funding", (4,), "501", "500")]


def test_heads_over_two_rows_and_cells_merged_over_facilities_are_read(read, tmp_path):
    above = [[*HEAD[:11], "Kinh phí (nghìn đồng)", "", HEAD[13]]]
    head = [*[""] * 11, "KCQG", "Đối ứng", ""]
    lines = rows({"state_funding": 250_000}, {"scheme_id": "", "state_funding": 100_000})
    register = read(workbook(tmp_path / "a.xlsx", lines, head=head, above=above, merged=["L1:M1", "C3:C4", *[f"{c}1:{c}2" for c in "ABCDEFGHIJKN"]]))
    assert codes(register, "scheme", "state", "counterpart") == [(0, 250 * MILLION, 1_000_500), (0, 100 * MILLION, 1_000_500)]


def test_sheets_of_several_years_are_one_register_and_name_themselves_in_problems(read, refused, tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({}), sheet="Năm 2022")
    book = openpyxl.load_workbook(path)
    for title, cells in (("Năm 2023", row(year=2023)), ("Ví dụ", row(year=1700))):
        page = book.create_sheet(title)
        page.append(list(HEAD))
        page.append(cells)
    book.save(path)
    assert codes(read(path), "year") == [(2022,), (2023,)]
    book["Năm 2023"]["A2"] = 1023
    book.save(path)
    with pytest.raises(BadInput, match=r"a.xlsx \[Năm 2023\], row 2, column year: not a possible year"):
        read(path)


@pytest.mark.parametrize(
    ("cell", "year"),
    [("Năm 2021", 2021), ("2021.0", 2021), (datetime.date(2021, 5, 4), 2021), ("04/05/2021", 2021), ("ngày 04 tháng 5 năm 2021", 2021), ("2021-05-04", 2021)],
)
def test_years_and_dates_are_read_as_vietnamese_writes_them(cell, year, read, tmp_path):
    assert codes(read(workbook(tmp_path / "a.xlsx", rows({"year": cell}))), "year") == [(year,)]


@pytest.mark.parametrize(
    ("texts", "code"),
    [(["1.234,5"], "vi"), (["1.234.567"], "vi"), (["12,5"], "vi"), (["1,234.5"], "en"), (["12.25"], "en"), (["1.234", "1,234", "300"], None), (["12,5", "12.5"], None)],
)
def test_a_number_format_is_proved_by_the_file_or_not_taken(texts, code):
    assert number_format(texts)[0] == code


def test_a_point_that_may_be_either_is_refused_until_the_format_is_proved_or_declared(read, refused, tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({"counterpart_funding": "1.234"}))
    assert [p[:4] for p in refused(path)] == [("number_unproved", 2, "counterpart_funding", "1.234")]
    assert codes(read(path, number_format="vi"), "counterpart") == [(1234 * MILLION,)]
    assert codes(read(path, number_format="en"), "counterpart") == [(1_234_000,)]
    proved = workbook(tmp_path / "b.xlsx", rows({"counterpart_funding": "1.234"}, {"counterpart_funding": "12,5"}))
    assert codes(read(proved), "counterpart") == [(1234 * MILLION,), (12_500_000,)]


@pytest.mark.parametrize(("cell", "dong"), [(262.3, 262_300_000), (0.1 + 0.2, 300_000), ("300 triệu đồng", 300 * MILLION), (1e6, 10**12), (0, 0)])
def test_money_is_exact_to_the_dong(cell, dong, read, tmp_path):
    assert codes(read(workbook(tmp_path / "a.xlsx", rows({"counterpart_funding": cell}))), "counterpart") == [(dong,)]


def test_less_than_a_dong_is_rounded_and_told(read, tmp_path):
    register = read(workbook(tmp_path / "a.xlsx", rows({"counterpart_funding": 2000 / 3})))
    assert codes(register, "counterpart") == [(666_666_667,)]
    assert [(r.column, r.rows) for r in remarks(register, "rounded_to_dong")] == [("counterpart_funding", (2,))]


# --- provinces


@pytest.mark.parametrize("written_as", ["Hòa Bình", "Hoà Bình", "hoa binh", "Tỉnh Hòa Bình", "17", 17, "VN-14", unicodedata.normalize("NFD", "Hòa Bình")])
def test_a_province_is_matched_by_name_code_iso_code_ascii_and_variants(written_as, read, tmp_path):
    assert codes(read(workbook(tmp_path / "a.xlsx", rows({"province": written_as}))), "province") == [("17",)]


def test_the_nearest_province_is_offered_and_never_taken(refused, tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({"province": "Nghe Ann"}))
    assert refused(path) == [("unknown_code", 2, "province", "Nghe Ann", "Nghệ An")]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"year": 2024, "province": "Phú Thọ"}, "25"),
        ({"year": 2026, "province": "Phú Thọ"}, "17+25+26"),
        ({"year": 2026, "province": "Nghệ An"}, "40"),
        ({"year": 2026, "province": "Hòa Bình"}, "17"),
        ({"year": 2025, "province": "Hòa Bình"}, "17"),
        ({"year": 2025, "province": "Nghệ An"}, "40"),
        ({"year": 2025, "date": "30/06/2025", "province": "Phú Thọ"}, "25"),
        ({"year": 2025, "date": "01/07/2025", "province": "Phú Thọ"}, "17+25+26"),
        ({"year": 2024, "province": "15"}, "15"),
        ({"year": 2026, "province": "15"}, "10+15"),
        ({"year": 2026, "province": "Huế"}, "46"),
    ],
)
def test_old_and_new_provinces_are_told_apart_by_date(cells, found, read, tmp_path):
    (province,) = codes(read(workbook(tmp_path / "a.xlsx", rows(cells))), "province")
    assert set(province[0].split("+")) == set(found.split("+"))


@pytest.mark.parametrize("province", ["Phú Thọ", "15"])
def test_a_province_of_2025_that_needs_a_date_is_refused_without_one(province, refused, tmp_path):
    found = refused(workbook(tmp_path / "a.xlsx", rows({"year": 2025, "province": province})))
    assert [p[:4] for p in found] == [("province_needs_date", 2, "province", province)]


# --- problems, all at once

BROKEN = rows(
    {"year": 2203, "support_type": "Máy móc thiết bi tien tien x"},
    {"state_funding": -5, "sector": "cơ khi chế tạo máy", "status": ""},
    {"facility": "", "counterpart_funding": "nhiều", "scheme_id": ""},
    {"date": "31/02/2022", "scheme_kind": "điễm", "counterpart_funding": 10**9},
)


def test_everything_unusable_is_told_at_once_with_its_cell(refused, tmp_path):
    assert refused(workbook(tmp_path / "a.xlsx", BROKEN)) == [
        ("impossible_year", 2, "year", "2203", ""),
        ("unknown_code", 2, "support_type", "Máy móc thiết bi tien tien x", "advanced_machinery"),
        ("unknown_code", 3, "sector", "cơ khi chế tạo máy", "mechanical_engineering"),
        ("empty_cell", 3, "status", "", ""),
        ("negative_money", 3, "state_funding", "-5", ""),
        ("not_money", 4, "counterpart_funding", "nhiều", ""),
        ("empty_cell", 4, "scheme_id", "", ""),
        ("empty_cell", 4, "facility", "", ""),
        ("bad_date", 5, "date", "31/02/2022", ""),
        ("impossible_money", 5, "counterpart_funding", "1000000000", ""),
    ]


def test_a_letter_that_looks_like_a_digit_is_told_with_the_number_meant(refused, tmp_path):
    lines = [row(state_funding="1O0,5"), row(counterpart_funding="l00"), row(year="2O22"), row(state_funding="Không")]
    assert [problem[:2] + problem[3:] for problem in refused(workbook(tmp_path / "a.xlsx", lines))] == [
        ("letter_in_number", 2, "1O0,5", "100,5"), ("letter_in_number", 3, "l00", "100"), ("letter_in_number", 4, "2O22", "2022"),
        ("not_money", 5, "Không", ""),
    ]  # fmt: skip


def test_missing_and_doubled_columns_are_told_with_the_nearest_head(refused, tmp_path):
    head = ["Kinh phí khuyến côngg" if "khuyến công" in name else name for name in HEAD]
    found = refused(workbook(tmp_path / "a.xlsx", rows({}), head=head))
    assert found == [("missing_column", 1, "state_funding", "", "Kinh phí khuyến côngg")]
    found = refused(workbook(tmp_path / "b.xlsx", rows({}), head=[*HEAD[:3], "Tỉnh", *HEAD[4:]]))
    assert [p[:3] for p in found] == [("column_twice", 1, "province")]


def test_a_table_that_is_no_register_says_which_columns_one_has(refused, tmp_path):
    assert refused(workbook(tmp_path / "a.xlsx", [[1, 2]], head=["a", "b"]))[0][0] == "no_header"
    assert refused(workbook(tmp_path / "b.xlsx", []))[0][0] == "register_no_rows"


def test_the_marked_copy_has_every_cell_coloured_and_commented_and_the_file_is_untouched(published_folder, tmp_path):
    path = workbook(tmp_path / "a.xlsx", BROKEN, above=[["Tiêu đề"]])
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    problems = Problems()
    _, pieces = check_register(path, published_folder, problems)
    marks = [workbooks.Mark(problem, problem.row, False) for problem in problems]
    workbooks.marked_copy(path, pieces, marks, tmp_path / "marked.xlsx", "vi")
    page = openpyxl.load_workbook(tmp_path / "marked.xlsx").active
    coloured = {cell.coordinate for line in page.iter_rows() for cell in line if cell.fill.start_color.rgb == "00" + workbooks.ERROR}
    assert coloured == {"A3", "K3", "G4", "L4", "N4", "C5", "I5", "M5", "B6", "M6"}
    assert all(page[cell].comment.text for cell in coloured) and "năm không thể có" in page["A3"].comment.text
    assert page["I3"].value == "Cơ sở 1"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    again = tmp_path / "again.xlsx"
    workbooks.marked_copy(path, pieces, marks, again, "vi")
    assert again.read_bytes() == (tmp_path / "marked.xlsx").read_bytes()


@pytest.mark.parametrize("make", [ods, xls])
def test_workbooks_that_cannot_be_written_again_are_marked_in_a_new_one(make, published_folder, tmp_path):
    path = make(tmp_path / "a", rows({"year": 20}))
    problems = Problems()
    _, pieces = check_register(path, published_folder, problems)
    workbooks.marked_copy(path, pieces, [workbooks.Mark(problem, problem.row, False) for problem in problems], tmp_path / "marked.xlsx", "vi")
    page = openpyxl.load_workbook(tmp_path / "marked.xlsx").active
    assert page["A2"].comment.text and page["A1"].value == HEAD[0] and page["I2"].value == "Cơ sở 1"


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "<b>Cơ sở</b>"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_text_of_a_cell_becomes_a_formula_in_the_marked_copy(name, kind, published_folder, tmp_path):
    if kind == "csv":
        path = written(tmp_path / "a.csv", csv_bytes([[str(c) for c in row(facility=name, tax_code="123")]]))
    else:
        path = workbook(tmp_path / "a.xlsx", [row(facility="x", tax_code="123")])
        book = openpyxl.load_workbook(path)
        book.active["I2"].value = name
        book.active["I2"].data_type = "s"
        book.save(path)
    problems = Problems()
    register, pieces = check_register(path, published_folder, problems, number_format="en")
    marks = [workbooks.Mark(remark.problem, 2, True) for remark in register.remarks]
    workbooks.marked_copy(path, pieces, marks, tmp_path / "marked.xlsx", "vi")
    cell = openpyxl.load_workbook(tmp_path / "marked.xlsx").active["I2"]
    assert (cell.value, cell.data_type) == (name, "s")


# --- warnings


def test_warnings_name_their_rows(read, tmp_path):
    valid = "0100109106"
    assert mst.is_valid(valid) and not mst.is_valid("0100109107")
    lines = [
        row(facility="Công ty TNHH An Bình", tax_code=valid, province="Nghệ An"),
        row(facility="Cty TNHH An Binh", tax_code="0100109106", province="nghe an", year=2023),
        row(facility="Cơ sở C", tax_code="0100109107", state_funding=301, counterpart_funding=100),
        row(facility="Cơ sở D", support_type="MHTD", state_funding=0.3, counterpart_funding=5000),
        row(facility="Cơ sở E"),
        row(facility="Cơ sở E"),
    ]
    register = read(workbook(tmp_path / "a.xlsx", lines))
    found = {remark.key: remark.rows for remark in register.remarks}
    assert found == {
        "tax_code_check": (4,), "province_two_names": (3,), "row_twice": (6, 7), "amount_small": (5,), "above_ceiling_state_funding": (4,),
        "above_ceiling_state_share": (4,), "facility_two_spellings": (2, 3),
    }  # fmt: skip
    assert [remark.rows for remark in register.twice_supported(NOW)] == [(2, 3, 6, 7)]
    assert register.twice_supported(BEFORE) == []


def test_a_name_in_two_spellings_without_tax_codes_is_one_facility_and_told(read, tmp_path):
    register = read(workbook(tmp_path / "a.xlsx", [row(facility="Công ty TNHH An Bình"), row(facility="CTY TNHH AN BÌNH", year=2021)]))
    assert register.facts["facility"].nunique() == 1
    assert [remark.rows for remark in remarks(register, "facility_two_spellings")] == [(2, 3)]
    apart = read(workbook(tmp_path / "b.xlsx", [row(facility="An Bình"), row(facility="An Bình", province="Hà Nội")]))
    assert apart.facts["facility"].nunique() == 2


def test_one_name_that_counts_as_several_facilities_is_told(read, tmp_path):
    lines = [row(tax_code="0100109106"), row(tax_code="", year=2021), row(tax_code="", province="Hà Nam"), row(facility="B", tax_code="0000000017")]
    register = read(workbook(tmp_path / "a.xlsx", lines))
    assert register.facts["facility"].nunique() == 4
    assert [remark.rows for remark in remarks(register, "facility_two_codes")] == [(2, 3)]


def test_a_tax_code_that_lost_its_zero_in_excel_is_the_same(read, tmp_path):
    register = read(workbook(tmp_path / "a.xlsx", [row(tax_code="0100109106"), row(tax_code=100109106, year=2021)]))
    assert register.facts["facility"].nunique() == 1 and not remarks(register, "tax_code_check")


def test_tax_codes_are_judged_together_as_one_by_one():
    draw = random.Random(3)
    codes = [f"{draw.randrange(10**10):010d}" for _ in range(3000)] + ["", "12345", "0100109106-001", "x" * 10]
    codes += [front + mst.calc_check_digit(front) for front in (f"{draw.randrange(10**9):09d}" for _ in range(500))]
    codes += ["0000000017", "0100109106 ", "0100109106001", "０１００１０９１０６", "MST 0100109106"]
    found = Facilities().tax_codes(pd.Series(codes, dtype=object))
    assert found.bad.tolist() == [bool(code) and not mst.is_valid(tax_code(code)) for code in codes] and 2000 < found.bad.sum() < 3200
    assert [number % 10**10 for number in found.numbers[:3000]] == [int(code) for code in codes[:3000]]
    assert found.told == tuple(code for code in codes[:100] if not mst.is_valid(code))[:10]


@pytest.mark.parametrize(
    ("cells", "above"),
    [
        ({"year": 2017, "state_funding": 201}, True),
        ({"year": 2018, "state_funding": 201}, False),  # the rule changed that year, and no date says which holds
        ({"year": 2018, "date": "10/05/2018", "state_funding": 201}, True),
        ({"year": 2018, "date": "11/05/2018", "state_funding": 201}, False),
        ({"year": 2022, "state_funding": 300}, False),
        ({"year": 2022, "state_funding": 300.1}, True),
        ({"year": 2022, "support_type": "MHTD", "state_funding": 1000}, False),
        ({"year": 2022, "support_type": "MHTD", "state_funding": 1001}, True),
        ({"year": 2022, "support_type": "Tư vấn", "state_funding": 900}, False),  # no ceiling of consultancy is verified
    ],
)
def test_support_above_the_ceiling_of_its_day_is_told(cells, above, read, tmp_path):
    register = read(workbook(tmp_path / "a.xlsx", rows({"counterpart_funding": 9000, **cells})))
    assert bool(remarks(register, "above_ceiling_state_funding")) == above


def test_only_verified_ceilings_are_used(published_folder):
    assert {c.ceiling_id for c in load_ceilings(published_folder)} == {"C1", "C2", "C4", "C5", "C6", "C11", "C11-share", "C12", "C12-share"}


# --- aggregation


def test_every_estimate_is_what_adding_up_the_rows_gives(read, tmp_path, published):
    draw = random.Random(7)
    vocabulary = published.vocabulary
    provinces = list(vocabulary.served("ipc1"))[:5]
    lines = []
    for _ in range(400):
        support = draw.choice(vocabulary.support_types)
        lines.append(
            {
                "year": draw.randrange(2017, 2025), "scheme_id": f"S{draw.randrange(12)}", "scheme_kind": draw.choice(vocabulary.scheme_kinds),
                "sector": draw.choice(vocabulary.sectors), "province": draw.choice(provinces), "support_type": support,
                "facility": "" if support == "conference" else f"Cơ sở {draw.randrange(60)}", "state_funding": draw.randrange(1, 3000) / 10,
                "counterpart_funding": draw.randrange(20000) / 10, "status": draw.choice(("planned", "accepted", "accepted", "cancelled")),
            }
        )  # fmt: skip
    register = read(workbook(tmp_path / "a.xlsx", [row(**line) for line in lines]))
    done = [{**A_ROW, **line} for line in lines if line["status"] == "accepted"]
    for unit in ("support", "facility"):
        found = aggregate(register, Scope("ipc1", (BEFORE, NOW, Period(2022, 2022)), count_unit=unit))
        for quantity, estimate in found.items():
            of_it = [line for line in done if line["year"] in quantity.period.years and belongs(line, quantity)]
            assert estimate.value == expected(quantity, of_it, unit, vocabulary), quantity.key
        assert {quantity.measure for quantity in found} >= {"funding", "facilities", "schemes", "provinces_covered", "state_funding"}


def belongs(line, quantity):
    dimensions = ("scheme_kind", "support_type", "sector", "province")
    return all(getattr(quantity, d) in ("all", line[d]) for d in dimensions)


def expected(quantity, lines, unit, vocabulary):
    supported = [line for line in lines if line["support_type"] != "conference"]
    facilities = {(line["facility"], line["province"]) for line in supported}
    state, counterpart = (sum(Fraction(str(line[name])) for line in lines) for name in ("state_funding", "counterpart_funding"))
    member = any(getattr(quantity, d) != "all" for d in ("support_type", "sector", "province"))
    covered = {"provinces_covered": ("province", supported), "sectors_covered": ("sector", supported), "support_types_used": ("support_type", lines)}
    if quantity.measure in covered:
        name, counted = covered[quantity.measure]
        distinct = len({line[name] for line in counted})
        return min(distinct, 1) if member else distinct
    return {
        "funding": state + counterpart, "state_funding": state, "counterpart_funding": counterpart, "supports": len(supported),
        "facilities": len(supported) if unit == "support" else len(facilities), "schemes": len({line["scheme_id"] for line in lines}),
        "provinces_served": len(vocabulary.served("ipc1")),
    }[quantity.measure]  # fmt: skip


def test_what_a_claim_asks_for_is_aggregated_too(read, tmp_path):
    lines = rows({"sector": "cơ khí"}, {"sector": "dệt may"}, {"sector": "gỗ", "year": 2023})
    asked = Quantity("funding", Period(2022, 2023), "ipc1", "focal", sector="mechanical_engineering+wood_bamboo")
    found = aggregate(read(workbook(tmp_path / "a.xlsx", lines)), Scope("ipc1", (NOW,), (asked,)))
    assert found[asked].value == 2 * Fraction("1250.5") and found[asked].basis == "register"


def test_large_amounts_stay_exact(read, tmp_path):
    lines = rows(*[{"counterpart_funding": 9_999_999.999999} for _ in range(200)])
    found = aggregate(read(workbook(tmp_path / "a.xlsx", lines)), Scope("ipc1", (NOW,)))
    assert found[Quantity("counterpart_funding", NOW, "ipc1")].value == 200 * Fraction("9999999.999999")


# --- the demonstration register and the template


def test_the_demonstration_register_is_made_again_byte_by_byte(published_folder, published):
    stored = (published_folder / "demonstration" / "register.csv").read_text(encoding="utf-8")
    assert demonstration_csv(demonstration_rows(published_folder, published.vocabulary, seed=1, language="vi")) == stored


@pytest.mark.parametrize("seed", [1, 2, 31])
def test_the_totals_of_a_demonstration_are_exactly_the_published_ones(seed, published_folder, published, read, tmp_path):
    lines = demonstration_rows(published_folder, published.vocabulary, seed=seed, language="en")
    path = written(tmp_path / "demo.csv", demonstration_csv(lines).encode())
    register = read(path)
    assert register.demonstration and register.remarks == ()
    found = aggregate(register, Scope("ipc1", (BEFORE, NOW)))

    def value(measure, period, kind="focal", **dimensions):
        return found[Quantity(measure, period, "ipc1", kind, **dimensions)].value

    assert value("facilities", NOW) == 145 and value("facilities", BEFORE) == 63 and value("facilities", NOW, "all") == 236
    types = ("demonstration_model", "advanced_machinery", "consultancy", "showroom")
    assert [value("facilities", NOW, support_type=t) for t in types] == [7, 128, 4, 6]
    assert [value("facilities", BEFORE, support_type=t) for t in types[:2]] == [9, 52]
    assert value("funding", NOW) == 232_908 and value("funding", BEFORE) == Fraction("181946.9")
    assert (value("provinces_covered", NOW), value("provinces_covered", BEFORE)) == (13, 9)
    assert value("support_types_used", NOW) == 5 and value("schemes", NOW) == value("schemes", BEFORE) == 3
    for claim in published.claims:
        if claim.items and claim.relation == "list" and published.vocabulary.measures[claim.quantity.measure].list_of:
            dimension = published.vocabulary.measures[claim.quantity.measure].list_of
            used = {getattr(q, dimension) for q, e in found.items() if e.value == 1 and is_member(q, claim.quantity, dimension)}
            assert used == set(claim.items), claim.claim_id


def is_member(quantity, total, dimension):
    same = (quantity.measure, quantity.period, quantity.scheme_kind) == (total.measure, total.period, total.scheme_kind)
    return same and getattr(quantity, dimension) != "all"


def test_every_row_of_the_demonstration_says_that_it_is_invented(published_folder):
    frame = pd.read_csv(published_folder / "demonstration" / "register.csv", dtype=str, keep_default_na=False)
    assert frame["scheme_id"].str.startswith("DEMO-").all() and frame["scheme_name"].str.contains("hư cấu").all()
    assert frame.loc[frame["facility"] != "", "facility"].str.contains("hư cấu").all()
    assert frame.loc[frame["tax_code"] != "", "tax_code"].str.startswith("0000").all()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_filled_template_is_read_and_its_example_is_not(language, published_folder, published, read, refused, tmp_path):
    words = load_words(published_folder, published.vocabulary)
    path = tmp_path / "template.xlsx"
    workbooks.template(path, words, published.vocabulary, language)
    assert refused(path)[0][0] == "register_no_rows"
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    lists = {str(v.sqref)[0]: v.formula1 for v in page.data_validations.dataValidation if v.type == "list"}
    assert len(lists) == 6 and all(cell.comment.text for cell in page[1])
    for column in "EFGHKN":
        sheet, _, area = lists[column].strip("=").partition("!")
        choices = [cell.value for (cell,) in book[sheet.strip("'")][area.replace("$", "")]]
        for number, choice in enumerate(choices, start=2):
            page[f"{column}{number}"] = choice
    longest = max(cell.row for cell in page["H"] if cell.value)
    for number in range(2, longest + 1):
        filled = {"A": 2022, "C": "DA", "E": "focal", "F": "ipc1", "G": "textile_garment", "I": f"x{number}", "K": "showroom", "L": 1, "M": 2, "N": "accepted"}
        for column, value in filled.items():
            if page[f"{column}{number}"].value is None:
                page[f"{column}{number}"] = value
    book.save(path)
    register = read(path)
    assert sorted(set(register.facts["province"])) == list(range(63))
    again = tmp_path / "again.xlsx"
    workbooks.template(again, words, published.vocabulary, language)
    workbooks.template(path, words, published.vocabulary, language)
    assert again.read_bytes() == path.read_bytes()
