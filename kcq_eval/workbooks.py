"""Excel workbooks read as text, sheet by sheet; nothing in them is run, and a damaged or oversized file is a problem, never a crash.

A formula cell is the value stored in it. A number is the digits that are stored (15 at most, as Excel has them), or those its cell shows
where it shows fewer; a cell that shows a percentage is that percentage.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from kcq_eval.datafiles import MAX_BYTES
from kcq_eval.errors import Problem, Problems

MAX_UNPACKED = 100_000_000  # bytes of all parts of a workbook together; more is no table of claims
MAX_ROWS, MAX_COLUMNS = 20_000, 500
_MAX_PARTS = 2_000
_OLD = b"\xd0\xcf\x11\xe0"  # .xls, and any workbook with a password
_PLACE = re.compile(rb"""<c[^>]{0,200}?\sr=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_ROW_PLACE = re.compile(rb"""<row[^>]{0,200}?\sr=["']([0-9]{1,7})["']""")
_SHOWN = re.compile(r"[#,0]*0(?:\.(0+))?(%?)")
_NOT_DIGITS = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')


@dataclass(frozen=True)
class Sheet:
    """One sheet from its cell A1 on. `numbers` are the places (line, cell) that held a number and not a text, `merged_rows` the rows with merged cells."""

    name: str
    lines: list[list[str]]
    numbers: frozenset[tuple[int, int]]
    merged_rows: frozenset[int] = frozenset()


def read_workbook(path: Path, problems: Problems) -> list[Sheet] | None:
    """All sheets in their order; None if the file is unusable, which goes into `problems`."""
    name = path.name
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            problems.append(Problem("too_large", name, found=f"{size / 1e6:.0f} MB", expected=f"{MAX_BYTES / 1e6:.0f} MB"))
            return None
        raw = path.read_bytes()
    except OSError:
        problems.append(Problem("missing_file", name))
        return None
    if not raw:
        problems.append(Problem("empty_file", name, expected="XLSX"))
        return None
    if raw.startswith(_OLD):
        problems.append(Problem("locked_workbook", name, expected="XLSX"))
        return None
    if trouble := _trouble(raw):
        message, found, expected = trouble
        problems.append(Problem(message, name, found=found, expected=expected))
        return None
    try:
        return _sheets(raw)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the reader is compiled: what it stumbles over may be no Exception
        problems.append(Problem("not_a_workbook", name, found=str(error).partition("\n")[0][:200], expected="XLSX"))
        return None


def without_value(path: Path, sheet: str, last_row: int) -> dict[tuple[int, int], tuple[str, str]]:
    """Why cells of a sheet read as empty though something stands in them: by (row, column), from 1, the key of the problem and what stands there.

    A formula has no stored value where no spreadsheet program has computed it yet. Nothing is told of a file that cannot be read so.
    """
    import warnings

    import openpyxl

    found: dict[tuple[int, int], tuple[str, str]] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = path.read_bytes()  # a file that openpyxl gives up would stay open
            books = [openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=stored) for stored in (False, True)]
        try:
            for written, stored in zip(*(book[sheet].iter_rows(max_row=last_row) for book in books)):
                for cell, value in zip(written, stored):
                    if cell.data_type == "f" and value.value is None:
                        found[cell.row, cell.column] = "formula_without_value", ""
                    elif value.data_type == "e":
                        found[cell.row, cell.column] = "error_cell", str(value.value)
        finally:
            for book in books:
                book.close()
    except Exception:  # a damaged workbook, an .ods, …: what is known of its cells has been told
        return {}
    return found


def _trouble(raw: bytes) -> tuple[str, str, str] | None:
    """What makes the file no workbook that can be read whole, before a reader touches it."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if unpacked > MAX_UNPACKED or len(parts) > _MAX_PARTS:
                return "too_large", f"{unpacked / 1e6:.0f} MB", f"{MAX_UNPACKED / 1e6:.0f} MB"
            for part in parts:
                content = archive.read(part)  # whole and with its checksum, so that no part is larger than it says
                if part.filename.startswith("xl/worksheets/"):
                    rows = max((int(row) for _, row in _PLACE.findall(content)), default=0)
                    rows = max([rows, *map(int, _ROW_PLACE.findall(content))])
                    columns = max((_column(letters) for letters in {letters for letters, _ in _PLACE.findall(content)}), default=0)
                    if rows > MAX_ROWS or columns > MAX_COLUMNS:
                        return "too_large", f"{rows} × {columns}", f"{MAX_ROWS} × {MAX_COLUMNS}"
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, OverflowError) as error:
        return "not_a_workbook", str(error)[:200], "XLSX"
    except Exception as error:  # zlib.error, struct.error, …: whatever unpacking can raise
        return "not_a_workbook", str(error)[:200], "XLSX"
    return None


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _sheets(raw: bytes) -> list[Sheet]:
    from python_calamine import CalamineWorkbook

    workbook = CalamineWorkbook.from_filelike(io.BytesIO(raw))
    found = []
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        values = sheet.to_python(skip_empty_area=False)
        merged = frozenset(row for (first, _), (last, _) in sheet.merged_cell_ranges or () for row in range(first + 1, min(last, len(values)) + 2))
        numbers = frozenset((r, c) for r, line in enumerate(values) for c, value in enumerate(line) if _is_number(value))
        formats = _formats(raw, name) if numbers else {}
        lines = [[_text(value, formats.get((r, c), "General")) for c, value in enumerate(line)] for r, line in enumerate(values)]
        while lines and not any(lines[-1]):
            lines.pop()
        found.append(Sheet(name, lines, numbers, merged))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _formats(raw: bytes, name: str) -> dict[tuple[int, int], str]:
    """The number format of every cell of a sheet that holds a number."""
    import openpyxl

    workbook = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    try:
        return {
            (cell.row - 1, cell.column - 1): cell.number_format or "General"
            for line in workbook[name].iter_rows()
            for cell in line
            if _is_number(cell.value)
        }
    finally:
        workbook.close()


def _text(value: object, number_format: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if _is_number(value):
        return _digits(value, number_format)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)


def _digits(value: int | float, number_format: str) -> str:
    """A stored number as plain digits with a decimal point, and "%" where its cell shows one."""
    number = Decimal(format(value, ".15g"))
    if not number.is_finite():
        return str(value)
    shown = _SHOWN.fullmatch(_NOT_DIGITS.sub("", number_format.partition(";")[0]).strip())
    percent = "%" if shown and shown[2] else ""
    if percent:
        number *= 100
    text = _plain(number)
    if shown and len(text.partition(".")[2]) > len(shown[1] or ""):
        text = _plain(number.quantize(Decimal(1).scaleb(-len(shown[1] or "")), rounding=ROUND_HALF_UP), keep=True)
    return text + percent


def _plain(number: Decimal, *, keep: bool = False) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text and not keep else text
