"""A commented template for `kcq-eval audit`: a workbook with drop-down lists, or a folder of CSV files.

It holds an invented example, marked as such, that contradicts itself, so that auditing the template shows what an audit finds.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from pathlib import Path

from kcq_eval import spellings
from kcq_eval.spellings import template_word
from kcq_eval.texts import plain, templates

_COLUMNS = {
    "claims": (
        "claim_id", "locator", "relation", "measure", "period", "reference_period", "dimension", "whole", "printed", "unit", "direction", "hedge",
        "trust", "note",
    ),
    "rules": ("rule_id", "measure", "dimension", "whole", "parts", "label"),
    "measures": ("code", "kind", "adds_up_over", "note"),
    "categories": ("dimension", "category", "note"),
    "sources": ("source_id", "title", "number_format", "note"),
}  # fmt: skip
_WIDTHS = {
    "locator": 14, "relation": 18, "measure": 34, "reference_period": 16, "dimension": 18, "whole": 22, "unit": 20, "note": 34, "parts": 30, "label": 44,
    "code": 34, "adds_up_over": 18, "title": 44, "category": 22,
}  # fmt: skip
_ROWS = 500  # rows that have drop-down lists
_STAMP = datetime.datetime(2000, 1, 1)  # the same bytes whenever it is made


def write_template(path: Path, language: str) -> None:
    """Write the workbook (a name ending in .xlsx) or the folder of CSV files."""
    if path.suffix.lower() == ".xlsx":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_workbook(language))
        return
    path.mkdir(parents=True, exist_ok=True)
    for table in _COLUMNS:
        with open(path / f"{table}.csv", "w", encoding="utf-8-sig", newline="") as file:  # with the mark that Excel wants
            csv.writer(file, lineterminator="\r\n").writerows([_headers(table, language), *_example(table, language)])
    (path / "README.txt").write_text("\r\n".join(_guide(language)) + "\r\n", encoding="utf-8-sig", newline="")


def _headers(table: str, language: str) -> list[str]:
    return [_header(table, column, language) for column in _COLUMNS[table]]


def _header(table: str, column: str, language: str) -> str:
    if table == "claims" and column == "dimension":
        return plain(language, "template.dimension")
    return template_word(spellings.HEADERS[table], column, language)


def _example(table: str, language: str) -> list[list[str]]:
    """The invented rows, their codes as words of the language."""
    words = {
        "relation": spellings.RELATIONS, "direction": spellings.DIRECTIONS, "hedge": spellings.HEDGES, "trust": spellings.TRUST, "kind": spellings.KINDS,
    }  # fmt: skip
    rows = []
    for line in templates(language)[f"template.{table}"]:
        cells = [cell.strip() for cell in line.split("|")]
        rows.append(
            [template_word(words[column], cell, language) if column in words and cell else cell for column, cell in zip(_COLUMNS[table], cells, strict=True)]
        )
    return rows


def _guide(language: str) -> list[str]:
    """The guide in the template's language, then in the other."""
    other = "en" if language == "vi" else "vi"
    return [*templates(language)["template.guide"], "", *templates(other)["template.guide"]]


def _workbook(language: str) -> bytes:
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    workbook = Workbook()
    guide = workbook.active
    guide.title = template_word(spellings.TABLES, "guide", language).capitalize()
    guide.column_dimensions["A"].width = 120
    for number, line in enumerate(_guide(language), start=1):
        cell = guide.cell(number, 1, line)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(bold=number == 1, size=14 if number == 1 else 11)
    for table, columns in _COLUMNS.items():
        sheet = workbook.create_sheet(template_word(spellings.TABLES, table, language).capitalize())
        sheet.freeze_panes = "A2"
        for place, column in enumerate(columns, start=1):
            letter = get_column_letter(place)
            sheet.column_dimensions[letter].width = _WIDTHS.get(column, 12)
            head = sheet.cell(1, place, _header(table, column, language))
            head.font, head.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="005A8F")
            head.alignment = Alignment(wrap_text=True, vertical="top")
            help_key = f"template.help.{column}"
            comment = Comment("\n\n".join(plain(spoken, help_key) for spoken in (language, "en" if language == "vi" else "vi")), "kcq_eval")
            comment.width, comment.height = 420, 190
            head.comment = comment
            for number in range(2, _ROWS + 2):
                sheet.cell(number, place).number_format = "@"  # text: what is typed stays as it is
            if choices := _choices(table, column, language):
                listed = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=True, showErrorMessage=False)
                sheet.add_data_validation(listed)
                listed.add(f"{letter}2:{letter}{_ROWS + 1}")
        for number, line in enumerate(_example(table, language), start=2):
            for place, text in enumerate(line, start=1):
                sheet.cell(number, place, text or None).font = Font(italic=True, color="7A5B00")
    workbook.active = 1
    workbook.properties.creator, workbook.properties.created, workbook.properties.modified = "kcq_eval", _STAMP, _STAMP
    buffer = io.BytesIO()
    workbook.save(buffer)
    return _dated_alike(buffer.getvalue())


def _choices(table: str, column: str, language: str) -> list[str]:
    """The drop-down list of a column; a list in Excel holds no comma and at most 255 characters."""
    words = {
        "relation": spellings.RELATIONS, "direction": spellings.DIRECTIONS, "hedge": spellings.HEDGES, "trust": spellings.TRUST,
        "kind": spellings.KINDS, "unit": spellings.UNITS,
    }.get(column)  # fmt: skip
    if column == "number_format":
        return ["vi", "en"]
    return [template_word(words, code, language) for code in words] if words else []


def _dated_alike(raw: bytes) -> bytes:
    """The same archive without the time at which it was written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as made, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in made.infolist():
            content = made.read(part)
            if part.filename == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            archive.writestr(zipfile.ZipInfo(part.filename, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
