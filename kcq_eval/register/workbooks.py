"""Workbooks that are written: the copy of a register with its problems marked, and the empty template.

No text of a cell is ever written as a formula.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from kcq_eval.errors import Problem
from kcq_eval.register import files
from kcq_eval.register.coding import Coded
from kcq_eval.register.columns import CODED, COLUMNS, MONEY, RegisterWords, codes_of
from kcq_eval.texts import plain, problem_lines, templates
from kcq_eval.vocabulary import Vocabulary

ERROR, WARNING, HEAD = "FFC7CE", "FFEB9C", "D9E7F2"
_AUTHOR = "kcq_eval"
_STAMP = (1980, 1, 1, 0, 0, 0)
_ROWS = 2000  # of the template that have lists
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Mark:
    """A problem at a place of a sheet: `column` is the field, "" marks the row's first cell."""

    problem: Problem
    row: int
    warning: bool


def marked_copy(path: Path, pieces: Sequence[Coded], marks: Iterable[Mark], place: Path, language: str) -> None:
    """Write the workbook with its unusable cells red, doubtful ones yellow, each with a comment.

    A workbook in XLSX keeps its looks; from XLS, ODS and CSV the cells as read are written into a new one.
    """
    book = _opened(path, pieces)
    sheets = {coded.raw.told: (coded, book[_sheet_name(coded, book)]) for coded in pieces}
    told: dict[tuple[str, int, int], list[Mark]] = {}
    for mark in marks:
        if mark.problem.file not in sheets:
            continue
        coded, _ = sheets[mark.problem.file]
        column = coded.raw.header.places.get(mark.problem.column, min(coded.raw.header.places.values()))
        told.setdefault((mark.problem.file, mark.row, column), []).append(mark)
    for (file, row, column), here in told.items():
        cell = _anchor(sheets[file][1], row, column)
        colour = WARNING if all(mark.warning for mark in here) else ERROR
        cell.fill = PatternFill("solid", start_color=colour)
        lines = [problem_lines([_placeless(mark.problem)], language)[0] for mark in here]
        cell.comment = Comment("\n".join(dict.fromkeys(lines))[:2000], _AUTHOR, width=420, height=30 + 45 * len(lines))
    _save(book, place)


def template(place: Path, words: RegisterWords, vocabulary: Vocabulary, language: str) -> None:
    """Write an empty register: drop-down lists, a note on every head, an example sheet, and how to fill it in."""
    book = Workbook()
    sheet = book.active
    sheet.title = plain(language, "register.sheet")
    lists = book.create_sheet(plain(language, "register.lists"))
    _write_lists(lists, vocabulary, language)
    _write_heads(sheet, words, language)
    for name in CODED:
        column, number = get_column_letter(COLUMNS.index(name) + 1), CODED.index(name) + 1
        letter = get_column_letter(number)
        choice = DataValidation("list", formula1=f"'{lists.title}'!${letter}$2:${letter}${len(_list(name, vocabulary, language)) + 1}", allow_blank=True)
        choice.error, choice.errorTitle = plain(language, "register.list_error"), plain(language, "register.list_error_title")
        sheet.add_data_validation(choice)
        choice.add(f"{column}2:{column}{_ROWS}")
    for name in MONEY:
        column = get_column_letter(COLUMNS.index(name) + 1)
        amount = DataValidation("decimal", operator="greaterThanOrEqual", formula1="0", allow_blank=True)
        amount.error, amount.errorTitle = plain(language, "register.money_error"), plain(language, "register.list_error_title")
        sheet.add_data_validation(amount)
        amount.add(f"{column}2:{column}{_ROWS}")
        for row in range(2, _ROWS + 1):
            sheet[f"{column}{row}"].number_format = "#,##0.######"
    for name in ("tax_code", "scheme_id"):  # as text, so that leading zeros stay
        column = get_column_letter(COLUMNS.index(name) + 1)
        for row in range(2, _ROWS + 1):
            sheet[f"{column}{row}"].number_format = "@"
    example = book.create_sheet(plain(language, "register.example"))
    _write_heads(example, words, language)
    for number, row in enumerate(_example_rows(vocabulary, language), start=2):
        for column, value in enumerate(row, start=1):
            _put(example.cell(number, column), value)
    notes = book.create_sheet(plain(language, "register.notes"))
    for number, line in enumerate(templates(language)["register.notes_text"], start=1):
        _put(notes.cell(number, 1), line)
        notes.cell(number, 1).alignment = Alignment(wrap_text=True, vertical="top")
    notes.column_dimensions["A"].width = 110
    _save(book, place)


def write_table(place: Path, sheet_name: str, head: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Write one plain table as a workbook, under a title line if one is given."""
    book = Workbook(write_only=False)
    sheet = book.active
    sheet.title = sheet_name
    first = 1
    if title:
        _put(sheet.cell(1, 1), title)
        sheet.cell(1, 1).font = Font(bold=True, size=13)
        first = 3
    for column, text in enumerate(head, start=1):
        _put(sheet.cell(first, column), text)
        sheet.cell(first, column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = max(10, min(40, len(text) + 6))
    for number, row in enumerate(rows, start=first + 1):
        for column, value in enumerate(row, start=1):
            _put(sheet.cell(number, column), value)
    sheet.freeze_panes = sheet.cell(first + 1, 1)
    _save(book, place)


def _opened(path: Path, pieces: Sequence[Coded]) -> Workbook:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "xl/workbook.xml" in archive.namelist():
                return load_workbook(io.BytesIO(path.read_bytes()))
    book = Workbook()
    book.remove(book.active)
    sheets = files.workbook_sheets(path, []) if files.kind_of(path, []) == "workbook" else []
    by_name = {sheet.name: sheet for sheet in sheets}
    for coded in pieces:
        raw = coded.raw
        sheet = book.create_sheet(raw.sheet[:31] or "CSV")
        if raw.sheet in by_name:
            source = by_name[raw.sheet]
            for r, row in enumerate(source.rows, start=source.first_row):
                for c, value in enumerate(row, start=source.first_column):
                    _put(sheet.cell(r, c), value)
            continue
        for name, column in raw.header.places.items():
            _put(sheet.cell(raw.header.row, column), name)
            if name in raw.frame:
                for row, value in raw.frame[name].items():
                    _put(sheet.cell(int(row), column), value)
    return book


def _sheet_name(coded: Coded, book: Workbook) -> str:
    name = coded.raw.sheet
    return name if name in book.sheetnames else (name[:31] or "CSV")


def _anchor(sheet: Worksheet, row: int, column: int) -> Cell:
    """The cell that holds a place: of merged cells the first."""
    for merged in sheet.merged_cells.ranges:
        if merged.min_row <= row <= merged.max_row and merged.min_col <= column <= merged.max_col:
            return sheet.cell(merged.min_row, merged.min_col)
    return sheet.cell(row, column)


def _placeless(problem: Problem) -> Problem:
    return Problem(problem.message, "parameters", None, "", problem.found, problem.expected, problem.nearest)


def _put(cell: Cell, value: Any) -> None:
    """A value as it is; text that a spreadsheet would take for a formula stays text."""
    if value is None or value == "":
        return
    if isinstance(value, str):
        cell.value = "".join(c for c in value if c in "\t\n" or ord(c) >= 32)
        cell.data_type = "s"
        if value.startswith(_FORMULA):
            cell.quotePrefix = True
    else:
        cell.value = value


def _write_heads(sheet: Worksheet, words: RegisterWords, language: str) -> None:
    for column, name in enumerate(COLUMNS, start=1):
        cell = sheet.cell(1, column)
        _put(cell, head(name, words, language))
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", start_color=HEAD)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        cell.comment = Comment(plain(language, f"register.column.{name}"), _AUTHOR, width=320, height=110)
        sheet.column_dimensions[get_column_letter(column)].width = 34 if name in ("facility", "scheme_name", "support_type") else 17
    sheet.row_dimensions[1].height = 34
    sheet.freeze_panes = "A2"


def head(name: str, words: RegisterWords, language: str) -> str:
    """The head of a column in a language, money with its unit."""
    written = words.written[name]
    text = written[0] if language == "vi" else name.replace("_", " ").capitalize()
    return f"{text} ({plain(language, 'unit.million_vnd')})" if name in MONEY else text


def _list(name: str, vocabulary: Vocabulary, language: str) -> list[str]:
    return [label_of(name, code, vocabulary, language) for code in codes_of(name, vocabulary)]


def label_of(name: str, code: str, vocabulary: Vocabulary, language: str) -> str:
    """A code as a register's cell shows it."""
    if name == "status":
        return plain(language, f"register.status.{code}")
    return vocabulary.label(code, "vi") if name == "province" else vocabulary.label(code, language)


def _write_lists(sheet: Worksheet, vocabulary: Vocabulary, language: str) -> None:
    for column, name in enumerate(CODED, start=1):
        _put(sheet.cell(1, column), name)
        for row, label in enumerate(_list(name, vocabulary, language), start=2):
            _put(sheet.cell(row, column), label)


def _example_rows(vocabulary: Vocabulary, language: str) -> list[list[Any]]:
    """Three invented rows."""

    def label(name: str, place: int) -> str:
        return _list(name, vocabulary, language)[place]

    def row(number: int, facility: str, kind: int, state: float, counterpart: float, status: int) -> list[Any]:
        scheme = plain(language, "register.example_scheme")
        return [
            2022, "15/11/2022", "DEMO-01", scheme, label("scheme_kind", 0), label("centre", 0), label("sector", 0), label("province", 30 + number),
            facility, "", label("support_type", kind), state, counterpart, label("status", status),
        ]  # fmt: skip

    name = plain(language, "register.example_facility")
    return [row(1, f"{name} 1", 1, 250, 1250.5, 1), row(2, f"{name} 2", 0, 300, 900, 1), row(3, "", 4, 40, 0, 1)]


def _save(book: Workbook, place: Path) -> None:
    """The same bytes for the same content: no time of writing."""
    import datetime

    book.properties.creator = _AUTHOR
    book.properties.created = book.properties.modified = datetime.datetime(*_STAMP)
    written = io.BytesIO()
    book.save(written)
    clean = io.BytesIO()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(clean, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            content = source.read(part.filename)
            if part.filename == "docProps/core.xml":
                content = _without_times(content)
            target.writestr(zipfile.ZipInfo(part.filename, _STAMP), content, zipfile.ZIP_DEFLATED)
    place.write_bytes(clean.getvalue())


def _without_times(core: bytes) -> bytes:
    """openpyxl notes when it saved; that is taken back."""
    import re

    return re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)", rb"\g<1>1980-01-01T00:00:00Z\g<2>", core)
