"""A presentation in the making: slides with their titles, words, pictures, tables and notes, put where the template has room for them."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kcq_eval import __version__
from kcq_eval.deliverables import slide_text
from kcq_eval.deliverables.contents import Contents
from kcq_eval.deliverables.packages import fixed_zip
from kcq_eval.deliverables.slide_template import Box, Template, box_of, look_of, text_of, title_of
from kcq_eval.deliverables.slide_text import LABEL_PT, SMALLEST_BODY_PT, Paragraph
from kcq_eval.figures import style
from kcq_eval.figures.style import FigureWords

_LARGEST_PT = 40.0  # of a title, where a template's own is larger
_COLUMN, _FIRST_COLUMN = 0.19, 0.3  # the least of a column's width, and of the first one's, as shares of a table's
_CELL_PTS = (16.0, 15.0, 14.0)  # smaller where that saves a slide
_CELL_IN = 0.1  # left and right of the text in a cell
_CUT_IN = 0.08  # of a picture's frame that is kept around the drawing


class Deck:
    """A template that is filled slide by slide.

    Attributes:
        scale: How much larger type must be than on a slide 7.5 inches high.
    """

    def __init__(self, contents: Contents, template: Template):
        self.contents, self.template, self.texts = contents, template, contents.texts
        self.language, self.scale, self.wider = contents.texts.language, template.scale, template.wider
        self._bounds = _bounds_by_id(contents)

    def slide(self, layout: Any, title: str) -> Any:
        slide = self.template.presentation.slides.add_slide(layout)
        self.place(title_of(slide), [title], smallest=18.0)
        _number(slide)
        return slide

    def free(self, title: str) -> Any:
        """A slide with its title only."""
        slide = self.slide(self.template.free, title)
        for place in self.places(slide):
            if place.shape_id != title_of(slide).shape_id:
                place._element.getparent().remove(place._element)
        return slide

    def places(self, slide: Any) -> list[Any]:
        """The placeholders for contents."""
        return [p for p in slide.placeholders if p._element.find(".//{*}ph").get("type") not in ("dt", "ftr", "sldNum")]

    def place(self, placeholder: Any, texts: Sequence[str], smallest: float) -> None:
        """Text in a placeholder, in the template's own look, smaller where it would not fit."""
        look, box = look_of(placeholder), box_of(placeholder)
        left, top, right, bottom = look.insets
        points = min(max(look.points, smallest * self.scale), _LARGEST_PT * self.scale)
        told = [Paragraph(text.upper() if look.capitals else text, points, look.bold) for text in texts]  # as wide as it will be seen
        room = box.inset(left, top, right, bottom)
        found = slide_text.fitted([slide_text.on_one_line(p, room.width, self.wider) for p in told], room, self.wider)
        broken = [p.evenly(room.width, self.wider) for p in found]
        written = [replace(p, text=_broken_alike(text, p.text)) for text, p in zip(texts, broken)]
        slide_text.write(placeholder.text_frame, written, self.language)

    def box(self, slide: Any, box: Box, paragraphs: Sequence[Paragraph], name: str, *, middle: bool = False) -> Any:
        return slide_text.text_box(slide, box, paragraphs, self.language, name=name, wider=self.wider, middle=middle)

    def captioned(self, slide: Any, figure: dict[str, Any]) -> Box:
        """Write what is shown, and the sources; returns the room between."""
        area, gap = self.template.area, 0.12 * self.scale
        top = bottom = 0.0
        if figure["subtitle"]:
            told = [Paragraph(figure["subtitle"], 17 * self.scale)]
            top = slide_text.height(told, area.width, self.wider)
            self.box(slide, Box(area.left, area.top, area.width, top), told, "subtitle")
        if figure["caption"]:
            told = [Paragraph(figure["caption"], LABEL_PT * self.scale)]
            bottom = slide_text.height(told, area.width, self.wider)
            self.box(slide, Box(area.left, area.bottom - bottom, area.width, bottom), told, "sources")
        return area.inset(top=top + gap, bottom=bottom + gap)

    def picture(self, slide: Any, area: Box, figure: dict[str, Any]) -> None:
        """The bundle's picture, without the frame of words that the slide has itself."""
        from pptx.util import Inches

        words = FigureWords(figure["title"], figure["subtitle"], figure["caption"], terms=figure["terms"], axis=figure["axis"], kicker=figure["kicker"])
        drawn = style.frame(words)[1]
        left, right = 0.25, style.SCREEN.width - 0.25
        bottom, top = drawn.bottom - _CUT_IN, drawn.top + _CUT_IN
        scale = min(area.width / (right - left), area.height / (top - bottom))
        width, height = (right - left) * scale, (top - bottom) * scale
        place = (area.left + (area.width - width) / 2, area.top + (area.height - height) / 2, width, height)
        picture = slide.shapes.add_picture(str(self.contents.folder / "figures" / f"{figure['name']}.png"), *map(Inches, place))
        picture.name = figure["name"]
        picture.crop_left, picture.crop_right = left / style.SCREEN.width, 1 - right / style.SCREEN.width
        picture.crop_top, picture.crop_bottom = 1 - top / style.SCREEN.height, bottom / style.SCREEN.height
        picture._element.nvPicPr.cNvPr.set("descr", figure["alt"])

    def _columns(self, rows: Sequence[Sequence[str]], points: float) -> tuple[list[float], float]:
        """Widths in inches at which every word stays whole, and the size of type; the first column takes what the others leave."""
        width = self.template.area.width
        widest = [max(Paragraph(cell, points, bold=True).widest_word(self.wider) for cell in column) + 2 * _CELL_IN for column in zip(*rows)]
        others = [max(needed, _COLUMN * width) for needed in widest[1:]]
        factor = min(1.0, (1 - _FIRST_COLUMN) * width / sum(others))
        widths = [width - sum(others) * factor, *(other * factor for other in others)]
        smaller = min(1.0, *((given - 2 * _CELL_IN) / (needed - 2 * _CELL_IN) for given, needed in zip(widths, widest)))
        return widths, int(2 * points * smaller) / 2

    def _row_height(self, cells: Sequence[str], widths: Sequence[float], points: float, *, bold: bool) -> float:
        return max(Paragraph(cell, points, bold).height(width - 2 * _CELL_IN, self.wider) for cell, width in zip(cells, widths)) + 0.16

    def _table(self, slide: Any, box: Box, heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float], heights: Sequence[float], points: float, name: str) -> None:
        from pptx.util import Inches

        frame = slide.shapes.add_table(len(rows) + 1, len(heads), *map(Inches, (box.left, box.top, box.width, box.height)))
        frame.name = name
        frame._element.nvGraphicFramePr.cNvPr.set("descr", title_of(slide).text_frame.text.replace("\v", " "))
        table = frame.table
        for column, width in zip(table.columns, widths):
            column.width = Inches(width)
        for row, height in zip(table.rows, heights):
            row.height = Inches(height)
        for y, cells in enumerate((heads, *rows)):
            for x, text in enumerate(cells):
                cell = table.cell(y, x)
                cell.margin_left = cell.margin_right = Inches(_CELL_IN)
                cell.margin_top = cell.margin_bottom = Inches(0.06)
                slide_text.write(cell.text_frame, [Paragraph(text, points, bold=y == 0)], self.language)

    def table(
        self, name: str, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[Sequence[str]], below: Sequence[str] = ()
    ) -> None:
        """A table on as many slides as it needs; what stands below it does so on the last one.

        Args:
            notes: For each row what the speaker's notes say of it.
        """
        area = self.template.area
        told = [Paragraph(text, SMALLEST_BODY_PT * self.scale, before=4) for text in below if text]
        foot = slide_text.height(told, area.width, self.wider) + 0.15 if told else 0.0
        tries = [self._set_rows(heads, rows, points * self.scale, area.height - foot) for points in _CELL_PTS] if rows else []
        widths, points, heights, pages = min(tries, key=lambda tried: len(tried[3]), default=([], 0.0, [], []))
        for start, end in pages:
            slide = self.free(title)
            shown = heights[:1] + heights[start + 1 : end + 1]
            self._table(slide, Box(area.left, area.top, area.width, sum(shown)), heads, rows[start:end], widths, shown, points, name)
            if told and end == len(rows):
                self.box(slide, Box(area.left, area.top + sum(shown) + 0.15, area.width, foot - 0.15), told, "below")
            self.notes(slide, list(dict.fromkeys(note for row in notes[start:end] for note in row)), [])

    def _set_rows(
        self, heads: Sequence[str], rows: Sequence[Sequence[str]], points: float, room: float
    ) -> tuple[list[float], float, list[float], list[tuple[int, int]]]:
        """Widths of the columns, size of type, heights of all rows, and the first and last row of each page."""
        widths, points = self._columns((heads, *rows), points)
        heights = [self._row_height(row, widths, points, bold=number == 0) for number, row in enumerate((heads, *rows))]
        pages, start = [], 0
        while start < len(rows):
            end = start + 1
            while end < len(rows) and heights[0] + sum(heights[start + 1 : end + 2]) <= room:
                end += 1
            pages.append((start, end))
            start = end
        return widths, points, heights, pages

    def notes(self, slide: Any, said: Sequence[str], ids: Sequence[str]) -> None:
        """Speaker notes: what can be said, then each number with its bounds, basis and the claims behind it."""
        lines = [text for text in said if text]
        rows = [self.contents.numbers[number_id] for number_id in dict.fromkeys(ids) if number_id in self.contents.numbers]
        if rows:
            lines += ["", self.texts("slides.notes.numbers")] if lines else [self.texts("slides.notes.numbers")]
        for row in rows:
            value, bounds, basis = self._bounds[row["id"]]
            told = self.texts("slides.notes.bounds", value=value, bounds=bounds) if bounds else value
            line = self.texts("slides.notes.number", label=row[f"label_{self.language}"], value=told, basis=basis)
            lines.append(line + (self.texts("slides.notes.claims", claims=row["sources"].replace(";", ", ")) if row["sources"] else ""))
        slide_text.write(slide.notes_slide.notes_text_frame, [Paragraph(line, 12) for line in lines or [""]], self.language)

    def save(self, path: Path) -> None:
        presentation = self.template.presentation
        properties = presentation.core_properties
        properties.title, properties.subject = self.contents.titled("report.title"), self.texts("report.subtitle")
        properties.author = properties.last_modified_by = f"kcq_eval {__version__}"
        properties.language, properties.revision, properties.keywords, properties.comments = slide_text.LANGUAGES[self.language], 1, "", ""
        buffer = io.BytesIO()
        presentation.save(buffer)
        path.write_bytes(fixed_zip(buffer.getvalue()))


def text_area(template: Template, scale: float) -> Box:
    """The room for text in the layout with text, less what a template's bullets may take."""
    body = text_of(template.content)
    left, top, right, bottom = look_of(body).insets
    return box_of(body).inset(left, top, right + 0.45 * scale, bottom)


def _bounds_by_id(contents: Contents) -> dict[str, tuple[str, str, str]]:
    """Value, bounds ("" for a point) and basis of each number as the chapters' tables tell them."""
    found = {}
    for part in contents.parts:
        told = [row for table in part["tables"] if table["name"] == "numbers" for row in table["rows"]]
        found |= {number["id"]: tuple(row[1:4]) for number, row in zip(part["numbers"], told, strict=True)}
    return found


def _broken_alike(text: str, example: str) -> str:
    """The text with its lines broken after as many words as the example's."""
    words = iter(text.split(" "))
    return "\n".join(" ".join(next(words) for _ in line.split(" ")) for line in example.split("\n"))


def _number(slide: Any) -> None:
    """The layout's slide number, which a new slide does not get by itself."""
    layout = slide.slide_layout
    for place in layout.placeholders:
        if place._element.find(".//{*}ph").get("type") == "sldNum":
            number = copy.deepcopy(place._element)
            number.nvSpPr.cNvPr.set("id", str(max(shape.shape_id for shape in slide.shapes) + 1))
            for old in number.findall("{*}spPr/*"):
                old.getparent().remove(old)
            slide.shapes._spTree.append(number)
            return
