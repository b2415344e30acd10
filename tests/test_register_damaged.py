"""Hundreds of damaged registers: each ends in problems that are told, or in a reading that is right; never in a traceback or another number."""

import io
import random
import re
import struct
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from registers import HEAD, csv_bytes, ods, row, rows, workbook, xls

from kcq_eval.errors import BadInput
from kcq_eval.register.register import hash_of, load_register
from kcq_eval.texts import problem_lines

MILLION = 10**6
LINES = rows(*[{"province": p, "year": y, "state_funding": s} for p, y, s in (("Nghệ An", 2021, 250), ("Hà Nam", 2022, 99.5), ("17", 2023, 120), ("Thái Bình", 2021, 80))])
TOTAL = (int(549.5 * MILLION), 4 * 1_000_500_000)  # state and counterpart of the undamaged rows, in đồng


def outcome(path: Path, folder: Path, seconds: float = 20.0):
    """The sums of a register, or its problems; every problem can be told in both languages, and the file stays as it was."""
    before = hash_of(path)
    started = time.monotonic()
    try:
        register = load_register(path, folder)
        found = (int(register.facts["state"].sum()), int(register.facts["counterpart"].sum()), len(register.facts))
    except BadInput as error:
        assert error.problems
        for language in ("vi", "en"):
            assert all(problem_lines(error.problems, language))
        found = [(problem.message, problem.row, problem.column) for problem in error.problems]
    assert hash_of(path) == before
    assert time.monotonic() - started < seconds
    return found


def messages(found):
    assert isinstance(found, list), found
    return {message for message, _, _ in found}


@pytest.fixture
def sound(tmp_path) -> bytes:
    return workbook(tmp_path / "sound.xlsx", LINES).read_bytes()


@pytest.mark.parametrize("seed", range(6))
def test_truncated_and_overwritten_files(seed, sound, published_folder, tmp_path):
    """Bytes are cut off or changed: the checksums of the archive see it, and what is read is what was written."""
    draw = random.Random(seed)
    kinds = {"xlsx": sound, "ods": ods(tmp_path / "sound.ods", LINES).read_bytes()}  # an old .xls has no checksum: see below
    for number in range(20):
        kind = draw.choice(list(kinds))
        content = bytearray(kinds[kind])
        if number % 2:
            content = content[: draw.randrange(1, len(content))]
        else:
            for _ in range(draw.randrange(1, 30)):
                content[draw.randrange(len(content))] = draw.randrange(256)
        path = tmp_path / f"damaged.{kind}"
        path.write_bytes(bytes(content))
        found = outcome(path, published_folder)
        assert isinstance(found, list) or found == (*TOTAL, len(LINES)), (seed, number)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_cells(seed, published_folder, tmp_path):
    """One to three cells of one to three rows are damaged: all those rows are told, or what stands there is still right."""
    draw = random.Random(seed)
    unusable = {
        0: ["", "không rõ", 20222, 1.5, "hai nghìn", True, "31/02/2022"], 2: ["", " "], 4: ["", "điểmm", 7], 5: ["IPC9", ""], 6: ["cơ", ""],
        7: ["", "Nghee Ann", 99, "Tỉnh"], 8: [""], 10: ["", "máy", 3], 11: ["", "1.234", "abc", -1, 1e12, "12,5 tấn", "1..2", "--3", "−4", True, "=1+1"],
        12: ["", "1,234", "không", -0.001, 1e300, "#REF!", "1 2 3"], 13: ["", "xong rồi nhé", 0],
    }  # fmt: skip
    for number in range(12):
        lines = [list(line) for line in LINES]
        damaged = set()
        for _ in range(draw.randrange(1, 4)):
            place, column = draw.randrange(len(lines)), draw.choice(list(unusable))
            lines[place][column] = draw.choice(unusable[column])
            damaged.add(place + 2)
        found = outcome(workbook(tmp_path / "damaged.xlsx", lines), published_folder)
        assert isinstance(found, list), (seed, number, lines)
        assert {place for _, place, _ in found} == damaged, (seed, number, lines)


@pytest.mark.parametrize("seed", range(6))
def test_shifted_rows_are_told_row_by_row(seed, published_folder, tmp_path):
    draw = random.Random(seed)
    for _ in range(8):
        lines = [list(line) for line in LINES]
        place, by = draw.randrange(len(lines)), draw.choice((-2, -1, 1, 2))
        lines[place] = [*[""] * by, *lines[place]] if by > 0 else lines[place][-by:]
        found = outcome(workbook(tmp_path / "damaged.xlsx", lines), published_folder)
        assert isinstance(found, list) and {row for _, row, _ in found} == {place + 2}


def test_shifted_heads_are_read_by_their_names(published_folder, tmp_path):
    order = list(range(len(HEAD)))
    random.Random(3).shuffle(order)
    path = workbook(tmp_path / "a.xlsx", [["", "", *[line[place] for place in order]] for line in LINES], head=["", "", *[HEAD[place] for place in order]])
    assert outcome(path, published_folder) == (*TOTAL, len(LINES))


@pytest.mark.parametrize("damage", ["second header", "second header in another order", "text rows between", "numbers below"])
def test_lines_between_the_rows(damage, published_folder, tmp_path):
    other = [HEAD[11], *HEAD[1:11], HEAD[0], *HEAD[12:]]
    between = {"second header": list(HEAD), "second header in another order": other, "text rows between": ["II", "Năm 2022"], "numbers below": ["", "", "", "", "", "", "", "", "", "", "", 7]}
    found = outcome(workbook(tmp_path / "a.xlsx", [*LINES[:2], between[damage], *LINES[2:]]), published_folder)
    expected = {"second header": (*TOTAL, 4), "text rows between": (*TOTAL, 4), "second header in another order": {"second_header"}}
    assert (found if isinstance(found, tuple) else messages(found)) == expected.get(damage, {"empty_cell"})


def test_formulas_without_a_value_and_error_cells_are_told_as_what_they_are(published_folder, tmp_path):
    lines = [list(line) for line in LINES]
    lines[1][11] = "=100+150"
    path = workbook(tmp_path / "a.xlsx", lines)
    book = openpyxl.load_workbook(path)
    book.active["M4"].value, book.active["M4"].data_type = "#DIV/0!", "e"
    book.save(path)
    assert outcome(path, published_folder) == [("formula_without_value", 3, "state_funding"), ("error_cell", 4, "counterpart_funding")]
    with pytest.raises(BadInput) as error:
        load_register(path, published_folder)
    assert 'the cell holds an error; found "#DIV/0!"' in str(error.value)


def test_hidden_rows_and_columns_are_read_like_others(published_folder, tmp_path):
    path = workbook(tmp_path / "a.xlsx", LINES)
    book = openpyxl.load_workbook(path)
    book.active.row_dimensions[3].hidden = True
    book.active.column_dimensions["L"].hidden = True
    book.save(path)
    assert outcome(path, published_folder) == (*TOTAL, len(LINES))


def with_sheet_xml(sound: bytes, change) -> bytes:
    """The workbook with its sheet's XML changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            content = source.read(part.filename)
            target.writestr(part, change(content) if part.filename == "xl/worksheets/sheet1.xml" else content)
    return result.getvalue()


def test_a_million_empty_rows(sound, published_folder, tmp_path):
    empty = "".join(f'<row r="{n}"><c r="A{n}" s="0"/></row>' for n in range(10, 1_000_010)).encode()
    path = tmp_path / "a.xlsx"
    path.write_bytes(with_sheet_xml(sound, lambda xml: xml.replace(b"</sheetData>", empty + b"</sheetData>")))
    assert outcome(path, published_folder, 60) == (*TOTAL, len(LINES))


def test_a_million_rows_of_blanks(sound, published_folder, tmp_path):
    blanks = "".join(f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t> </t></is></c></row>' for n in range(10, 1_000_010)).encode()
    path = tmp_path / "a.xlsx"
    path.write_bytes(with_sheet_xml(sound, lambda xml: xml.replace(b"</sheetData>", blanks + b"</sheetData>")))
    assert outcome(path, published_folder, 60) == (*TOTAL, len(LINES))


def test_a_cell_at_the_edge_of_the_sheet_is_refused_before_it_fills_the_memory(sound, published_folder, tmp_path):
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    path = tmp_path / "a.xlsx"
    path.write_bytes(with_sheet_xml(sound, lambda xml: xml.replace(b"</sheetData>", far)))
    assert messages(outcome(path, published_folder)) == {"cells_too_far"}


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_zip_bombs_are_refused_unopened(part, sound, published_folder, tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(io.BytesIO(sound)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            if info.filename != part:
                target.writestr(info, source.read(info.filename))
        target.writestr(part, b" " * 120_000_000)
    assert messages(outcome(path, published_folder)) == {"too_large"}


def test_an_archive_that_tells_too_small_a_size_is_refused(sound, published_folder, tmp_path):
    content = bytearray(with_sheet_xml(sound, lambda xml: xml + b" " * 5_000_000))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        size = struct.pack("<I", archive.getinfo("xl/worksheets/sheet1.xml").file_size)
    path = tmp_path / "a.xlsx"
    path.write_bytes(bytes(content).replace(size, struct.pack("<I", 1000)))
    assert messages(outcome(path, published_folder)) == {"unreadable_workbook"}


@pytest.mark.parametrize("content", [b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le") + b"\0" * 900, b"\xd0\xcf\x11\xe0" + b"\0" * 4000])
def test_passwords_and_broken_old_workbooks(content, published_folder, tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert messages(outcome(path, published_folder)) <= {"password", "unreadable_workbook"}


@pytest.mark.parametrize("seed", range(3))
def test_truncated_old_workbooks(seed, published_folder, tmp_path):
    draw = random.Random(seed)
    sound = xls(tmp_path / "sound.xls", LINES).read_bytes()
    path = tmp_path / "a.xls"
    for _ in range(15):
        content = bytearray(sound[: draw.randrange(1, len(sound))])
        for _ in range(draw.randrange(3)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(bytes(content))
        outcome(path, published_folder)


def test_a_zip_with_encrypted_parts_has_a_password(sound, published_folder, tmp_path):
    flagged = bytearray(sound)
    for match in re.finditer(rb"PK\x01\x02", sound):
        flagged[match.start() + 8] |= 1
    path = tmp_path / "a.xlsx"
    path.write_bytes(bytes(flagged))
    assert messages(outcome(path, published_folder)) == {"password"}


TEXT = [[str(cell) if not isinstance(cell, float) else str(cell).replace(".", ",") for cell in line] for line in LINES]


@pytest.mark.parametrize("seed", range(6))
def test_damaged_csv_files(seed, published_folder, tmp_path):
    """Bytes of a CSV file are dropped, doubled or changed; a changed digit is another number, so that only structure is asked for."""
    draw = random.Random(seed)
    sound = csv_bytes(TEXT, delimiter=";")
    path = tmp_path / "a.csv"
    for _ in range(25):
        content = bytearray(sound)
        for _ in range(draw.randrange(1, 6)):
            place = draw.randrange(len(content))
            content[place : place + draw.choice((0, 1, 1, 3))] = draw.choice((b"", b"\xff", b'"', b"\n", b";", b"\0", b"\xe1", b",,"))
        path.write_bytes(bytes(content))
        outcome(path, published_folder)


def test_mixed_and_unknown_encodings_are_refused(published_folder, tmp_path):
    path = tmp_path / "a.csv"
    mixed = csv_bytes(TEXT).replace("Nghệ An".encode(), b"Ngh\xea An")
    for content, message in ((mixed, "mixed_encoding"), (b"\xef\xbb\xbf" + mixed, "mixed_encoding"), (b"\xff\xfea", "bad_encoding"), (b"\x00\x01\x02" * 300, "not_text")):
        path.write_bytes(content)
        assert messages(outcome(path, published_folder)) <= {message, "bad_encoding", "no_header"}, message
    path.write_bytes(mixed)
    assert outcome(path, published_folder)[0][:2] == ("mixed_encoding", 2)


@pytest.mark.parametrize("name", ["missing.xlsx", "empty.csv", "empty.parquet", "folder"])
def test_what_is_no_file_of_rows(name, published_folder, tmp_path):
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name != "missing.xlsx":
        path.write_bytes(b"")
    with pytest.raises(BadInput) as refused:
        load_register(path, published_folder)
    assert refused.value.problems[0].message in ("missing_file", "empty_file", "no_parquet")


@pytest.mark.parametrize("seed", range(3))
def test_damaged_parquet_files(seed, published_folder, tmp_path):
    import pandas as pd
    from registers import FIELDS

    draw = random.Random(seed)
    path = tmp_path / "a.parquet"
    pd.DataFrame(LINES, columns=FIELDS).astype({"province": str}).to_parquet(path)
    sound = path.read_bytes()
    assert outcome(path, published_folder) == (*TOTAL, len(LINES))
    for number in range(15):
        content = bytearray(sound)
        if number % 2:
            content = content[: draw.randrange(4, len(content))]
        else:
            content[draw.randrange(4, len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(content))
        outcome(path, published_folder)


def test_markup_and_control_characters_in_names_stay_text(published_folder, tmp_path):
    names = ["<script>alert(1)</script>", "a\tb", "Cơ sở \u202e ngược", "=HYPERLINK(1)"]
    lines = [row(facility=name, tax_code="1") for name in names]
    register = load_register(workbook(tmp_path / "a.xlsx", [[*line[:8], f"'{line[8]}", *line[9:]] for line in lines]), published_folder)
    assert len(register.facts) == len(names)
