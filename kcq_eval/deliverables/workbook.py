"""`tables.xlsx`: every table of a run in the layout that official statistics use, readable with a screen reader and ready to be copied from.

The layout is that of the UK Analysis Function's guidance for spreadsheets: a contents sheet with links, notes and sources, then one table a
sheet with its title in A1, marked as a table, no merged or empty cells. gptables implements it too, but writes through `write()`, which makes a
formula of a text that starts with "=", has its words in English only, and no number formats that follow each number's bounds; so the sheets
are written with XlsxWriter, which it rests on as well.

Cells hold numbers, and their formats the digits that the bounds support; Excel shows them with the marks of the reader's own settings (28,01 or
28.01). No text becomes a formula, a number or a link.
"""

from __future__ import annotations

import datetime
import io
import textwrap
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kcq_eval.deliverables.contents import Contents
from kcq_eval.deliverables.front_sheets import front_sheets
from kcq_eval.deliverables.sheets import Amount, Cell, Sheet, sheets
from kcq_eval.numbers import MINUS, NBSP
from kcq_eval.tables import decimal

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

WORKBOOK = "tables.xlsx"
_CREATED = datetime.datetime(2000, 1, 1)  # the same bytes for the same inputs
_FONT = {"font_name": "Arial", "font_size": 11, "valign": "top"}
_LOOKS = {
    "title": {"bold": True, "font_size": 14},
    "note": {},
    "head": {"bold": True, "text_wrap": True, "valign": "bottom", "bg_color": "#DCE6F1", "top": 1, "bottom": 1},
    "head_number": {"bold": True, "text_wrap": True, "valign": "bottom", "align": "right", "bg_color": "#DCE6F1", "top": 1, "bottom": 1},
    "head_text": {"bold": True, "text_wrap": True, "valign": "bottom", "align": "left", "indent": 1, "bg_color": "#DCE6F1", "top": 1, "bottom": 1},
    "text": {"text_wrap": True, "bottom": 1, "bottom_color": "#BFBFBF"},
    "more_text": {"text_wrap": True, "align": "left", "indent": 1, "bottom": 1, "bottom_color": "#BFBFBF"},
    "right": {"align": "right", "bottom": 1, "bottom_color": "#BFBFBF"},
    "link": {"font_color": "#0B5394", "underline": 1, "bottom": 1, "bottom_color": "#BFBFBF"},
    "back": {"font_color": "#0B5394", "underline": 1},
}
_NARROW, _READABLE, _WIDE, _PAGE = 8, 32, 90, 140  # characters: of the narrowest column, of a sentence at least and at most, of a landscape page
_MANY = 10  # columns from which on sentences have less
_PER_DIGIT, _PER_TITLE, _PER_LINE = 1.2, 1.45, 14.5  # digits and letters of a title in those columns are measured by; points


def write_workbook(contents: Contents, path: Path) -> None:
    """Write the workbook of a run."""
    import xlsxwriter

    texts, found = contents.texts, sheets(contents)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, options()) as book:
        title = contents.titled("report.title")
        properties = {"title": title, "subject": texts("workbook.subject"), "author": "kcq_eval", "comments": texts("workbook.comments")}
        book.set_properties({**properties, "created": _CREATED})
        writer = _Writer(book, texts)
        own = front_sheets(contents, found)
        for sheet in (*own, *found):
            writer.add(sheet, first=sheet is own[0], linked=[None, *own[1:], *found] if sheet is own[0] else ())
    path.write_bytes(_with_language(buffer.getvalue(), texts("workbook.language")))


def options() -> dict[str, bool]:
    """Text stays text, and zip times are fixed."""
    return {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def number_format(amount: Amount) -> str:
    """The format that shows a number's digits; "%" as text, so that the cell holds the number of percent."""
    digits = "#,##0" + ("." + "0" * amount.decimals if amount.decimals else "")
    shown = f'{digits}"{NBSP}%"' if amount.unit == "percent" else digits
    return f'{shown};"{MINUS}"{shown}'


class _Writer:
    """One table a sheet."""

    def __init__(self, book, texts):
        self._book, self._texts = book, texts
        self._looks: dict[str, Format] = {name: book.add_format(_FONT | look) for name, look in _LOOKS.items()}
        self._formats: dict[str, Format] = {}

    def add(self, sheet: Sheet, *, first: bool, linked: Sequence[Sheet | None] = ()) -> None:
        """Write a sheet; the first column of the contents links to the sheets that its rows name."""
        page = self._book.add_worksheet(self._tab(sheet))
        page.write_string(0, 0, sheet.title, self._looks["title"])
        for row, note in enumerate(sheet.notes, start=1):
            page.write_string(row, 0, note, self._looks["note"])
        top = len(sheet.notes) + 1
        if not first:
            page.write_url(top, 0, f"internal:'{self._texts('workbook.sheet.contents')}'!A1", self._looks["back"], self._texts("workbook.back"))
            top += 1
        self._table(page, sheet, top)
        for row, other in enumerate(linked[1:], start=top + 1):
            page.write_url(row, 0, f"internal:'{self._tab(other)}'!A1", self._looks["link"], self._tab(other))
        page.freeze_panes(top + 1, 0)
        page.set_landscape()
        page.set_paper(9)  # A4
        page.fit_to_pages(1, 0)
        page.repeat_rows(top)
        page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        page.set_footer(f"&L&A&R{self._texts('workbook.page')}")

    def _tab(self, sheet: Sheet) -> str:
        return self._texts(f"workbook.sheet.{sheet.name}")

    def _table(self, page: Worksheet, sheet: Sheet, top: int) -> None:
        last = top + len(sheet.rows), len(sheet.heads) - 1
        fitted = widths(sheet, self._texts.language)
        numeric = [any(isinstance(row[column], Amount) for row in sheet.rows) for column in range(len(sheet.heads))]
        looks = ["right" if right else "more_text" if column else "text" for column, right in enumerate(numeric)]
        for column, width in enumerate(fitted):
            page.set_column(column, column, width * (_PER_DIGIT if numeric[column] else 1))
        heads = {"right": "head_number", "more_text": "head_text", "text": "head"}
        columns = [{"header": head, "header_format": self._looks[heads[look]]} for head, look in zip(sheet.heads, looks)]
        page.add_table(top, 0, *last, {"name": sheet.name, "columns": columns, "autofilter": False, "style": None})
        for row, cells in enumerate((sheet.heads, *sheet.rows), start=top):
            page.set_row(row, _PER_LINE * max(_lines(cell, width) for cell, width in zip(cells, fitted)) + 2)
        for row, cells in enumerate(sheet.rows, start=top + 1):
            for column, (cell, look) in enumerate(zip(cells, looks)):
                if isinstance(cell, Amount):
                    page.write_number(row, column, float(decimal(cell.value)), self._format(cell))
                else:
                    page.write_string(row, column, cell, self._looks[look])
        page.ignore_errors({"number_stored_as_text": _range(top + 1, 0, *last)})

    def _format(self, amount: Amount) -> Format:
        shown = number_format(amount)
        if shown not in self._formats:
            self._formats[shown] = self._book.add_format(_FONT | _LOOKS["right"] | {"num_format": shown})
        return self._formats[shown]


def widths(sheet: Sheet, language: str) -> list[int]:
    """Each column's width in characters: numbers and single words whole; columns of sentences share what a landscape page leaves."""
    told = [[head, *(_told(row[column], language) for row in sheet.rows)] for column, head in enumerate(sheet.heads)]
    numeric = [any(isinstance(row[column], Amount) for row in sheet.rows) for column in range(len(sheet.heads))]
    most = [
        max(_NARROW, *(len(text) + 2 for text in texts[1:]), len(texts[0]) // 2 + 6) if of_numbers else min(max(map(len, texts)) + 2, _WIDE)
        for texts, of_numbers in zip(told, numeric)
    ]
    found, readable = [], _READABLE if len(told) < _MANY else _READABLE // 3 * 2
    for texts, of_numbers in zip(told, numeric):
        whole = [*texts[1:], *texts[0].split(" ")] if of_numbers else [word for text in texts for word in text.split(" ")]
        found.append(max(_NARROW, max(map(len, whole)) + 2, 0 if of_numbers else min(max(map(len, texts)) + 2, readable)))
    lengths = [[len(text) for text in texts] for texts in told]
    while sum(found) < _PAGE and (narrow := [column for column, width in enumerate(found) if width < most[column]]):
        found[max(narrow, key=lambda column: sum((length / found[column]) ** 2 for length in lengths[column] if length + 2 > found[column]))] += 1
    above = max(int(len(sheet.title) * _PER_TITLE), *map(len, sheet.notes), 0)  # title and notes are not wrapped: the print area holds them
    found[-1 if numeric[0] else found.index(max(w for w, of_numbers in zip(found, numeric) if not of_numbers))] += max(above - sum(found), 0)
    return found


def _lines(cell: Cell, width: int) -> int:
    """How many lines a text takes in a column."""
    return 1 if isinstance(cell, Amount) else len(textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)) or 1


def _told(cell: Cell, language: str) -> str:
    from kcq_eval.printed import format_number

    if isinstance(cell, str):
        return unicodedata.normalize("NFC", cell)
    return format_number(cell.value, decimals=cell.decimals, number_format=language) + ("  %" if cell.unit == "percent" else "")


def _range(top: int, left: int, bottom: int, right: int) -> str:
    from xlsxwriter.utility import xl_range

    return xl_range(top, left, bottom, right)


def _with_language(content: bytes, language: str) -> bytes:
    """The workbook with its language among its properties, which XlsxWriter cannot set; zip times stay those it fixes."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            if entry.filename == "docProps/core.xml":
                part = part.replace(b"</cp:coreProperties>", f"<dc:language>{language}</dc:language></cp:coreProperties>".encode())
            new.writestr(entry, part)
    return made.getvalue()
