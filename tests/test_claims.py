"""Unusable claims are refused with their place and the nearest valid value, all at once; typing habits are no mistake."""

import csv
import io
import itertools
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import copy_data, read_rows, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kcq_eval import claims, datafiles, sources
from kcq_eval.claims import Published, load_published
from kcq_eval.errors import BadInput, Problem
from kcq_eval.texts import LANGUAGES, problem_lines

ACCOUNT, NEWSPAPER = "ipc1-2023-12-27", "baonamdinh-2020-11-05"
FILE = f"{ACCOUNT}.csv"
HEADER = ",".join(claims.COLUMNS).encode()
GROWTH, COUNT, SHARE, TYPES, RATIO, PROVINCES, SECTORS = "3", "4", "5", "14-list", "15", "15-list", "17"  # claims of the account
ROW = {"1": 2, GROWTH: 4, COUNT: 5, SHARE: 6, TYPES: 16, RATIO: 17, PROVINCES: 18, SECTORS: 22}  # as a spreadsheet counts
ACCIDENTS = ["", "all", "+", "=", ";", "-0", "1/0", "9" * 250, "1 tỷ 2", "٣", "measure=", "2020-2020"]  # typed into any cell

some = settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))


def refused(folder: Path) -> tuple[Problem, ...]:
    """What makes the folder unusable; every problem can be told in both languages."""
    with pytest.raises(BadInput) as error:
        load_published(folder)
    problems = error.value.problems
    assert problems
    assert_told(problems)
    assert str(error.value).splitlines() == problem_lines(problems, "en")
    return problems


def assert_told(problems: tuple[Problem, ...]) -> None:
    for language in LANGUAGES:
        lines = problem_lines(problems, language)
        assert len(lines) == len(problems)
        for line, problem in zip(lines, problems):
            assert problem.file in line and problem.column in line and problem.nearest in line


def claims_file(folder: Path, source_id: str = ACCOUNT) -> Path:
    return folder / "claims" / f"{source_id}.csv"


def change(folder: Path, number: str, *, source_id: str = ACCOUNT, **cells: str) -> Path:
    """Types other text into the cells of one claim."""
    rows = read_rows(claims_file(folder, source_id))
    (row,) = [row for row in rows if row["claim_id"] == number]
    row.update(cells)
    write_rows(claims_file(folder, source_id), claims.COLUMNS, rows)
    return folder


def change_source(folder: Path, source_id: str, **cells: str) -> Path:
    rows = read_rows(folder / "sources.csv")
    write_rows(folder / "sources.csv", sources.COLUMNS, [row | (cells if row["source_id"] == source_id else {}) for row in rows])
    return folder


def rewrite(folder: Path, change_bytes) -> Path:
    path = claims_file(folder)
    path.write_bytes(change_bytes(path.read_bytes()))
    return folder


@pytest.mark.parametrize(
    ("change_bytes", "message", "row"),
    [
        pytest.param(lambda raw: raw.decode().encode("cp1258", "replace"), "not_utf8", 2, id="Windows-1258"),
        pytest.param(lambda raw: raw.decode().encode("utf-16"), "not_utf8", 1, id="UTF-16"),
        pytest.param(lambda raw: raw.replace(b"145", b"1\0005"), "not_text", None, id="NUL"),
        pytest.param(lambda raw: b"", "empty_file", None, id="empty"),
        pytest.param(lambda raw: b"\xef\xbb\xbf", "empty_file", None, id="only a byte order mark"),
        pytest.param(lambda raw: raw.replace(b'"28,01 %"', b'"28,01 %'), "not_csv", None, id="unclosed quote"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\r"), "not_csv", None, id="line ends of an old Macintosh"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_what_it_is_not(published_copy, change_bytes, message, row):
    (problem,) = refused(rewrite(published_copy, change_bytes))
    assert (problem.message, problem.file, problem.row) == (message, FILE, row)


def test_a_file_larger_than_any_table_of_claims_is_not_read(published_copy, monkeypatch):
    path = claims_file(published_copy)
    path.write_bytes(path.read_bytes() + b"\n" * 3_000_000)
    monkeypatch.setattr(datafiles, "MAX_BYTES", 2_000_000)
    assert refused(published_copy) == (Problem("too_large", FILE, found="3 MB", expected="2 MB"),)


def test_a_missing_column_and_the_misspelt_one_in_its_place_point_at_each_other(published_copy):
    missing, unknown = refused(rewrite(published_copy, lambda raw: raw.replace(b"support_type", b"suport_type", 1)))
    assert (missing.message, missing.row, missing.column, missing.nearest) == ("missing_column", 1, "support_type", "suport_type")
    assert (unknown.message, unknown.row, unknown.found, unknown.nearest) == ("unknown_column", 1, "suport_type", "support_type")
    assert "support_type" in unknown.expected


def test_a_column_too_many_is_refused_though_nothing_is_missing(published_copy):
    lines = claims_file(published_copy).read_text(encoding="utf-8").splitlines()
    claims_file(published_copy).write_text("\n".join([lines[0] + ",page", *(line + "," for line in lines[1:])]), encoding="utf-8")
    (problem,) = refused(published_copy)
    assert (problem.message, problem.file, problem.row, problem.column) == ("unknown_column", FILE, 1, "page")


def test_a_doubled_column_is_refused_even_if_its_cells_agree(published_copy):
    problems = refused(rewrite(published_copy, lambda raw: raw.replace(b"direction", b"note", 1)))
    assert {(p.message, p.row, p.column) for p in problems} == {("missing_column", 1, "direction"), ("column_twice", 1, "note")}


def test_rows_of_another_width_than_the_header_are_all_named(published_copy):
    changed = rewrite(published_copy, lambda raw: raw.replace(b",03,count,", b",03,count,,").replace(b",145,count,", b",145,count"))
    assert [(p.message, p.row, p.found) for p in refused(changed)] == [("row_width", ROW["1"], "20"), ("row_width", ROW[COUNT], "18")]


@pytest.mark.parametrize(
    ("number", "column", "found", "message", "nearest"),
    [
        (COUNT, "support_type", "advanced_machinary", "unknown_code", "advanced_machinery"), (COUNT, "centre", "ipc", "unknown_code", "ipc1"),
        (COUNT, "relation", "vallue", "unknown_code", "value"), (COUNT, "measure", "facilites", "unknown_code", "facilities"),
        (COUNT, "scheme_kind", "Focal", "unknown_code", "focal"), (COUNT, "sector", "", "unknown_code", ""),
        (COUNT, "province", "Thái Nguyn", "unknown_code", "Thái Nguyên"), (COUNT, "province", "North East", "unknown_code", ""),
        (COUNT, "hedge", "abov", "unknown_code", "above"), (COUNT, "rounding", "nearst", "unknown_code", "nearest"),
        (COUNT, "claim_id", "4/5", "bad_form", ""), (COUNT, "claim_id", "3", "id_twice", ""), (COUNT, "locator", "", "empty_cell", ""),
        (COUNT, "whole", "scheme_kind=all", "cell_not_empty", ""), (COUNT, "reference_period", "2018-2020", "cell_not_empty", ""),
        (COUNT, "period", "2023-2021", "bad_period", ""), (COUNT, "period", "21-23", "bad_period", ""), (COUNT, "period", "", "bad_period", ""),
        (COUNT, "printed", "-145", "printed_negative", ""), (COUNT, "printed", "−145", "printed_negative", ""),
        (COUNT, "printed", "13/28", "printed_ratio", ""), (COUNT, "printed", "hơn 145", "printed_hedge_in_text", ""),
        (COUNT, "printed", "", "empty_cell", ""), (COUNT, "unit", "million_vnd", "unit_unfit", ""),
        (GROWTH, "reference_period", "", "empty_cell", ""), (GROWTH, "reference_period", "2021-2023", "same_period", ""),
        (GROWTH, "direction", "", "empty_cell", ""), (GROWTH, "direction", "upp", "unknown_code", "up"),
        (GROWTH, "unit", "percentage_point", "unit_unfit", "percent"), (GROWTH, "printed", "28,01 điểm %", "printed_unit_mismatch", ""),
        (GROWTH, "printed", "28.01 %", "printed_ungrouped_decimal", ""), (SHARE, "whole", "", "empty_cell", ""),
        (SHARE, "whole", "scheme_kind=focal", "whole_is_part", ""), (SHARE, "whole", "measure=facilities", "whole_is_part", ""),
        (SHARE, "whole", "scheme_knd=all", "bad_form", "scheme_kind"), (SHARE, "whole", "measure=schemess", "unknown_code", "schemes"),
        (RATIO, "printed", "13", "printed_not_a_ratio", ""), (RATIO, "printed", "13/0", "printed_bad_ratio", ""),
        (PROVINCES, "items", "", "empty_cell", ""),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_named_with_the_nearest_valid_value(published_copy, number, column, found, message, nearest):
    problem, *others = refused(change(published_copy, number, **{column: found}))
    assert {p.row for p in others} <= {ROW[number]}
    assert (problem.message, problem.file, problem.row, problem.column) == (message, FILE, ROW[number], column)
    assert (problem.found, problem.nearest) == (found, nearest)
    assert problem.expected or message in ("empty_cell", "id_twice")


@pytest.mark.parametrize(
    ("number", "items", "message", "found", "nearest"),
    [
        (PROVINCES, "Hòa Bình;Nghệ An;Hoà Bình", "item_twice", "Hoà Bình", ""), (PROVINCES, "Hòa Bình;17", "item_twice", "17", ""),
        (PROVINCES, "Hòa Bình;Thái Nguyn", "unknown_code", "Thái Nguyn", "Thái Nguyên"), (PROVINCES, "all", "unknown_code", "all", ""),
        (PROVINCES, "Hòa Bình+Nghệ An", "unknown_code", "Hòa Bình+Nghệ An", ""), (TYPES, "showrooms", "unknown_code", "showrooms", "showroom"),
        (SECTORS, "wood_bambo;textile_garment", "unknown_code", "wood_bambo", "wood_bamboo"),
    ],
)  # fmt: skip
def test_a_list_names_each_thing_once_and_by_a_known_name(published_copy, number, items, message, found, nearest):
    (problem,) = refused(change(published_copy, number, items=items))
    assert (problem.message, problem.row, problem.column) == (message, ROW[number], "items")
    assert (problem.found, problem.nearest) == (found, nearest)


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("published", "05/11/2020", "bad_form"), ("published", "2020-02-30", "bad_form"), ("sha256", "423fda11", "bad_form"),
        ("sha256", "G" * 64, "bad_form"), ("title_vi", "", "empty_cell"), ("title_en", "", "empty_cell"), ("licence", "", "empty_cell"),
        ("language", "vn", "unknown_code"), ("number_format", "de", "unknown_code"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_cited_is_refused(published_copy, column, text, message):
    problem = refused(change_source(published_copy, NEWSPAPER, **{column: text}))[0]
    assert (problem.message, problem.file, problem.row, problem.column, problem.found) == (message, "sources.csv", 3, column, text)


def test_a_document_without_its_claims_file_and_a_file_without_its_document_are_refused(published_copy):
    claims_file(published_copy).rename(claims_file(published_copy, "ipc1-2023-12-28"))
    missing, unlisted = refused(published_copy)
    assert (missing.message, missing.file, missing.nearest) == ("missing_file", FILE, "ipc1-2023-12-28.csv")
    assert (unlisted.message, unlisted.found, unlisted.nearest) == ("source_not_listed", "ipc1-2023-12-28", ACCOUNT)


def test_a_point_is_not_read_where_the_document_declares_no_number_format(small_programme):
    folder = small_programme({"printed": "1.234", "unit": "count"}, {"printed": "1234", "unit": "count"}, number_format="")
    (problem,) = refused(folder)
    assert (problem.message, problem.row, problem.column, problem.found) == ("printed_undeclared_format", 2, "printed", "1.234")


def test_everything_wrong_in_several_files_is_said_at_once(published_copy):
    change(published_copy, COUNT, support_type="advanced_machinary", period="2023-2021", printed="-145")
    change(published_copy, GROWTH, direction="", unit="percentage_point")
    change(published_copy, "1", source_id=NEWSPAPER, centre="ipc")
    write_rows(claims_file(published_copy, "unlisted"), claims.COLUMNS, [])
    rows = read_rows(published_copy / "sources.csv")
    more = [rows[0], rows[1] | {"source_id": "No Such Id", "sha256": "0", "title_en": ""}]
    write_rows(published_copy / "sources.csv", sources.COLUMNS, [*rows, *more])
    assert {(p.file, p.row, p.column) for p in refused(published_copy)} == {
        ("sources.csv", 4, "source_id"), ("sources.csv", 5, "source_id"), ("sources.csv", 5, "sha256"), ("sources.csv", 5, "title_en"),
        (FILE, ROW[COUNT], "support_type"), (FILE, ROW[COUNT], "period"), (FILE, ROW[COUNT], "printed"),
        (FILE, ROW[GROWTH], "direction"), (FILE, ROW[GROWTH], "unit"),
        (f"{NEWSPAPER}.csv", 2, "centre"), ("unlisted.csv", None, ""),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hòa Bình", "17"), ("Hoà Bình", "17"), (unicodedata.normalize("NFD", "Hoà Bình"), "17"), ("Hoa Binh", "17"), ("HÒA  BÌNH", "17"),
        ("tỉnh Hòa Bình", "17"), ("17", "17"), ("VN-14", "17"), ("TP. Hà Nội", "01"), ("TP Hà Nội", "01"), ("Thành phố Hà Nội", "01"),
        ("Hanoi", "01"), (unicodedata.normalize("NFD", "Điện Biên"), "11"), ("Dien Bien", "11"), ("Hoà Bình + TP. Hà Nội", "01+17"),
    ],
)  # fmt: skip
def test_a_province_is_the_same_however_its_name_is_typed(published_copy, text, code):
    claim = load_published(change(published_copy, COUNT, province=text)).claim(f"{ACCOUNT}/{COUNT}")
    assert claim.quantity.province == code


def as_semicolons(raw: bytes) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(csv.reader(io.StringIO(raw.decode(), newline="")))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(as_semicolons, id="Excel where commas are decimal"),
        pytest.param(lambda raw: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"), id="Excel's CSV UTF-8"),
        pytest.param(lambda raw: unicodedata.normalize("NFD", raw.decode()).encode(), id="NFD, as a Macintosh types"),
        pytest.param(lambda raw: raw.replace(b"\n", b"\n\n" + b"," * 18 + b"\n"), id="empty rows"),
        pytest.param(lambda raw: raw.replace(b",145,", b", 145 ,"), id="spaces around a cell"),
        pytest.param(lambda raw: raw.rstrip(b"\r\n"), id="no last line end"),
    ],
)
def test_a_file_saved_another_way_is_read_as_the_same_claims(published, published_copy, typed):
    assert load_published(rewrite(published_copy, typed)).claims == published.claims


@st.composite
def mutated(draw, raw: bytes) -> bytes:
    """A claims file after a few accidents: bytes flipped, cells deleted or typed again, lines doubled or cut."""
    for _ in range(draw(st.integers(1, 4))):
        lines = raw.split(b"\n")
        at, line = draw(st.integers(0, max(len(raw) - 1, 0))), draw(st.integers(min(1, len(lines) - 1), len(lines) - 1))
        cells = lines[line].split(b",")
        cell = draw(st.integers(0, len(cells) - 1))
        accident = draw(st.sampled_from(["flip", "delete", "retype", "retype", "double", "cut"]))
        if accident == "flip" and raw:
            raw = raw[:at] + bytes([raw[at] ^ draw(st.integers(1, 255))]) + raw[at + 1 :]
        elif accident == "cut":
            raw = raw[:at]
        else:
            if accident != "double":
                cells[cell : cell + 1] = [] if accident == "delete" else [draw(st.sampled_from(ACCIDENTS)).encode()]
            lines[line : line + 1] = [b",".join(cells)] * (2 if accident == "double" else 1)
            raw = b"\n".join(lines)
    return raw


@pytest.fixture(scope="module")
def fresh_folders(tmp_path_factory):
    """Published data in a new place each time: what was read once is remembered by its path."""
    return (copy_data(tmp_path_factory.mktemp("any") / str(number)) for number in itertools.count())


@some
@given(data=st.data())
def test_any_bytes_end_in_claims_or_in_problems_told_in_both_languages(fresh_folders, published_folder, data):
    real = claims_file(published_folder).read_bytes()
    noise = st.binary(max_size=300)
    folder = next(fresh_folders)
    anything = mutated(real) | mutated(real) | noise | noise.map(lambda rows: HEADER + b"\n" + rows)
    claims_file(folder).write_bytes(data.draw(anything))
    try:
        read = load_published(folder)
    except BadInput as error:
        assert error.problems
        assert_told(error.problems)
    else:
        assert isinstance(read, Published)
        assert all(claim.printed is None or claim.printed.interval for claim in read.claims)


# --- trust, unstated wholes, changes of shares


def test_a_claim_has_the_trust_of_its_row_else_of_its_source_else_one(published_copy):
    for path, number, trust in ((claims_file(published_copy), COUNT, "2.5"), (claims_file(published_copy), SHARE, "fixed")):
        rows = read_rows(path)
        for row in rows:
            row.setdefault("trust", "")
            if row["claim_id"] == number:
                row["trust"] = trust
        write_rows(path, (*claims.COLUMNS, "trust"), rows)
    catalogue = read_rows(published_copy / "sources.csv")
    write_rows(published_copy / "sources.csv", (*sources.COLUMNS, "trust"), [row | {"trust": "3" if row["source_id"] == NEWSPAPER else ""} for row in catalogue])
    read = load_published(published_copy)
    assert read.claim(f"{ACCOUNT}/{COUNT}").trust == Fraction(5, 2)
    assert read.claim(f"{ACCOUNT}/{SHARE}").trust is None
    assert read.claim(f"{ACCOUNT}/{GROWTH}").trust == 1
    assert {claim.trust for claim in read.of([NEWSPAPER]).claims} == {3}


@pytest.mark.parametrize("trust", ["0", "-1", "fix", "1/2", "nan"])
def test_trust_is_a_positive_number_or_fixed(published_copy, trust):
    path = claims_file(published_copy)
    write_rows(path, (*claims.COLUMNS, "trust"), [row | {"trust": trust if row["claim_id"] == COUNT else ""} for row in read_rows(path)])
    (problem,) = refused(published_copy)
    assert (problem.row, problem.column, problem.found) == (ROW[COUNT], "trust", trust)


def test_an_unstated_whole_is_the_claims_own_unless_it_has_a_name(small_programme):
    share = {"relation": "share", "printed": "10 %", "unit": "percent"}
    read = load_published(small_programme(share | {"whole": "?"}, share | {"whole": "?"}, share | {"whole": "?plan"}, share | {"whole": "?plan", "support_type": "showroom"}))
    wholes = [claim.whole for claim in read.claims]
    assert len(set(wholes)) == 3 and wholes[2] == wholes[3]
    assert wholes[2].measure == "facilities?plan" and read.vocabulary.measure("facilities?plan").unit == "count"
    assert not read.vocabulary.measure("facilities?plan").nested_over


def test_only_a_share_can_be_of_an_unstated_whole(small_programme):
    (problem,) = refused(small_programme({"relation": "average", "printed": "10", "unit": "count", "whole": "?"}))
    assert (problem.message, problem.column) == ("bad_form", "whole")


def test_a_change_of_share_has_a_whole_a_reference_period_and_points(small_programme):
    change = {"relation": "share_change", "printed": "1,2", "unit": "percentage_point", "whole": "scheme_kind=all", "reference_period": "2018-2020", "direction": "down"}
    (claim,) = load_published(small_programme(change)).claims
    assert (claim.whole.scheme_kind, claim.whole.period, claim.reference.period.start, claim.direction) == ("all", claim.quantity.period, 2018, "down")


@pytest.mark.parametrize(("wrong", "column"), [({"unit": "percent"}, "unit"), ({"whole": ""}, "whole"), ({"direction": ""}, "direction"), ({"reference_period": ""}, "reference_period")])
def test_a_change_of_share_that_lacks_something_is_refused(small_programme, wrong, column):
    change = {"relation": "share_change", "printed": "1,2", "unit": "percentage_point", "whole": "scheme_kind=all", "reference_period": "2018-2020", "direction": "down"}
    assert [problem.column for problem in refused(small_programme(change | wrong))] == [column]
