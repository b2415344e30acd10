"""A register's file as sheets of cells: XLSX, XLS, ODS, CSV in three encodings. The content decides what a file is, not its name.

Nothing is interpreted here, and the file is only read. What could exhaust the machine (zip bombs, cells at the edge of a
sheet) is refused before it is unpacked.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.register.columns import word_key

MAX_BYTES = 2_000_000_000
MAX_UNPACKED = 1_500_000_000  # bytes of all parts of a workbook
MAX_RATIO = 250  # of unpacked to packed size, beyond the first 50 MB; real workbooks stay below 60
MAX_CELLS = 40_000_000  # of the rectangle that holds a sheet's values
SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods", ".csv", ".txt", ".tsv", ".parquet")
_ZIP, _OLE, _PARQUET = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_VALUE_CELL = re.compile(rb'<c r="([A-Z]{2,3})([0-9]+)"[^>]*(?<!/)>')
_ROW = re.compile(rb'<row r="([0-9]+)"')
_REPEATED = re.compile(rb'number-columns-repeated="([0-9]{4,})"[^>]*(?<!/)>')
_EXAMPLE = re.compile(r"^(vi du|example|huong dan|notes|danh muc|lists)\b")
_UTF8_VIETNAMESE = re.compile(rb"\xe1[\xba\xbb][\x80-\xbf]|\xc4[\x90\x91\x82\x83]|\xc6[\xa0\xa1\xaf\xb0]|\xc3[\x80-\xbd]")


@dataclass(frozen=True)
class Sheet:
    """Cells of one sheet: `rows[0]` is the row that a spreadsheet numbers `first_row`, its first cell stands in column `first_column`.

    Attributes:
        told: The file as problems name it, with the sheet where the file has several.
        merged: Merged ranges as (top, left, bottom, right), counted from 1, ends included.
    """

    told: str
    name: str
    rows: list[list[Any]]
    first_row: int = 1
    first_column: int = 1
    merged: tuple[tuple[int, int, int, int], ...] = ()


def kind_of(path: Path, problems: Problems) -> str:
    """`workbook`, `parquet` or `text`; "" with a problem where there is no usable file."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            head = file.read(4)
    except OSError:
        folder = path.parent
        names = [p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES] if folder.is_dir() else []
        problems.append(Problem("missing_file", path.name, expected=", ".join(SUFFIXES), nearest=nearest(path.name, names)))
        return ""
    if size == 0:
        problems.append(Problem("empty_file", path.name, expected=", ".join(SUFFIXES)))
        return ""
    if head == _PARQUET:
        return "parquet"
    if size > MAX_BYTES:
        problems.append(Problem("too_large", path.name, found=f"{size / 1e6:.0f} MB", expected=f"{MAX_BYTES / 1e6:.0f} MB"))
        return ""
    return "workbook" if head in (_ZIP, _OLE) else "text"


def workbook_sheets(path: Path, problems: Problems) -> list[Sheet]:
    """All sheets of a workbook but the examples, notes and lists that a template carries; hidden rows and sheets are read too."""
    import python_calamine

    content = path.read_bytes()
    name = path.name
    if content[:4] == _ZIP and not _can_be_unpacked(content, name, problems):
        return []
    if content[:4] == _OLE and _ENCRYPTED in content:
        problems.append(Problem("password", name, expected=_plain_workbook()))
        return []
    try:
        with _quiet():
            return list(_sheets(content, name))
    except python_calamine.PasswordError:
        problems.append(Problem("password", name, expected=_plain_workbook()))
        return []
    except BaseException as error:  # a reader's panic is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        problems.append(Problem("unreadable_workbook", name, expected=_plain_workbook()))
        return []


def _sheets(content: bytes, name: str) -> Iterator[Sheet]:
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    for metadata in book.sheets_metadata:
        if metadata.typ != python_calamine.SheetTypeEnum.WorkSheet or _EXAMPLE.match(word_key(metadata.name)):
            continue
        sheet = book.get_sheet_by_name(metadata.name)
        rows = sheet.to_python(skip_empty_area=True)
        if rows:
            row, column = sheet.start or (0, 0)
            merged = tuple((a + 1, b + 1, c + 1, d + 1) for (a, b), (c, d) in sheet.merged_cell_ranges or ())
            yield Sheet(name, metadata.name, rows, row + 1, column + 1, merged)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what a reader's panic writes to the standard error itself, past Python: the problem is told in words."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def text_table(path: Path, problems: Problems) -> str | None:
    """The text of a CSV file in UTF-8, UTF-16 or Windows-1258, as NFC."""
    raw = path.read_bytes()
    text = _decoded(raw, path.name, problems)
    if text is None:
        return None
    if "\0" in text:
        problems.append(Problem("not_text", path.name, found="NUL", expected="CSV (UTF-8, UTF-16, Windows-1258)"))
        return None
    return unicodedata.normalize("NFC", text)


def delimiters(text: str) -> list[str]:
    """The marks that may stand between the cells, the commonest in the first lines first."""
    head = text[:20_000]
    return sorted((mark for mark in ",;\t|" if mark in head), key=lambda mark: -head.count(mark))


def csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Raises csv.Error."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _decoded(raw: bytes, name: str, problems: Problems) -> str | None:
    expected = "UTF-8, UTF-16, Windows-1258"
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding == "utf-8-sig" and raw[:200].count(0) > len(raw[:200]) // 4:
        encoding = "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = repr(raw[error.start : error.start + 4])[2:-1]
        if encoding != "utf-8-sig":
            problems.append(Problem("bad_encoding", name, line, found=found, expected=expected))
            return None
    if raw.startswith(b"\xef\xbb\xbf") or _UTF8_VIETNAMESE.search(raw):
        problems.append(Problem("mixed_encoding", name, line, found=found, expected=expected))
        return None
    try:
        return raw.decode("cp1258")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem("bad_encoding", name, line, found=repr(raw[error.start : error.start + 4])[2:-1], expected=expected))
        return None


def _can_be_unpacked(content: bytes, name: str, problems: Problems) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
            if unpacked > MAX_UNPACKED or (unpacked > 50_000_000 and unpacked > MAX_RATIO * max(packed, 1)):
                problems.append(Problem("too_large", name, found=f"{unpacked / 1e6:.0f} MB", expected=f"{MAX_UNPACKED / 1e6:.0f} MB"))
                return False
            if any(part.flag_bits & 1 for part in parts):
                problems.append(Problem("password", name, expected=_plain_workbook()))
                return False
            for part in parts:
                if part.filename.endswith(".xml") and ("sheet" in part.filename or part.filename == "content.xml"):
                    if far := _far_cell(archive, part):
                        problems.append(Problem("cells_too_far", name, found=far, expected=f"{MAX_CELLS:,}"))
                        return False
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError, RuntimeError, zlib.error):
        problems.append(Problem("unreadable_workbook", name, expected=_plain_workbook()))
        return False
    return True


def _far_cell(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> str:
    """A cell so far out that the rectangle up to it would not fit; "" where there is none."""
    row, column, reference, kept, read = 1, 26, "", b"", 0
    with archive.open(part) as stream:
        while piece := stream.read(1 << 20):
            read += len(piece)
            if read > MAX_UNPACKED:
                return part.filename  # the archive's directory told a smaller size
            text = kept + piece
            for match in _VALUE_CELL.finditer(text):
                number = _column_number(match[1])
                if number > column:
                    column, reference = number, (match[1] + match[2]).decode("ascii")
            for match in _REPEATED.finditer(text):
                if int(match[1]) > column:
                    column, reference = int(match[1]), match[1].decode("ascii")
            if (place := text.rfind(b"<row r=")) >= 0 and (match := _ROW.match(text, place)):
                row = max(row, int(match[1]))
            kept = text[-64:]
    return reference or str(row) if row * column > MAX_CELLS or column > 16_384 else ""


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _plain_workbook() -> str:
    return ".xlsx, .xls, .ods"

