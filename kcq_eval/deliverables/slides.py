"""The conference's slides: `slides.pptx`, 16:9 or as the centre's own template is, made only from what the chapters saved.

One message a slide, in its title. Bars, columns and dots are charts of the presentation's own; maps and drawings are pictures. Speaker notes
give the numbers behind each slide with their bounds and sources.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kcq_eval import __version__
from kcq_eval.datafiles import resolve_folder
from kcq_eval.deliverables import slide_text
from kcq_eval.deliverables.contents import AUDIT, Contents
from kcq_eval.deliverables.erratum import erratum_rows
from kcq_eval.deliverables.packages import fixed_zip
from kcq_eval.deliverables.report import told_sources
from kcq_eval.deliverables.slide_template import Box, Template, box_of, look_of, open_template, text_of, title_of
from kcq_eval.deliverables.slide_text import BODY_PT, LABEL_PT, SMALLEST_BODY_PT, Paragraph
from kcq_eval.figures import style
from kcq_eval.figures.style import FigureWords
from kcq_eval.texts import capital

FILE = "slides.pptx"
RECOMMENDATIONS = "recommendations"  # the section of the evaluator's own passages that has a slide
# The figures shown, in the order of the slides; with each the findings told beside it, and the numbers that those name (a dot: all below it).
_FIGURES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "funding_now_before": (("funding_real",), ("funding.growth.", "funding.annualised.")),
    "funding_split": (("funding_split",), ("funding.per_facility.",)),
    "facilities_by_type": (("facilities", "facilities_only"), ("facilities.current", "facilities.baseline", "facilities.change")),
    "share_check": (("facility_share", "facility_share.rest"), ()),
    "mix_change": ((), ()),
    "coverage_map": ((), ()),
    "register_years": ((), ()),
    "register_spread": ((), ()),
    "register_against_publication": ((), ()),
    "conflict": ((), ("audit.required.", "audit.printed.")),
}
# Chapters at a glance: what stands large, the first that is known; the numbers that its first finding names.
_GLANCE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "funding_growth": (("funding.growth.@basis", "funding.current"), ("funding.growth.@basis", "funding.current", "funding.baseline")),
    "facility_shares": (("facilities.current",), ("facilities.current", "facilities.change", "facilities.baseline")),
    "province_coverage": (
        ("coverage.63.current/coverage.63.served",),
        tuple(f"coverage.63.{name}" for name in ("current", "served", "share.current", "baseline", "kept", "new", "left")),
    ),
    "support_type_mix": (("mix.share.current.advanced_machinery",), ("mix.share.", "mix.change.")),
}
_MOST_RESULTS = 3
_LARGEST_PT = 40.0  # of a title, where a template's own is larger
_PANEL = 0.32  # width of the words beside a chart, as a share of the slide's
_ERRATUM_COLUMNS = ("claim", "printed", "corrected", "state_of_entry")
_COMPARISON_COLUMNS = ("claim", "printed", "register", "verdict")
_TABLE_WIDTHS = (0.42, 0.19, 0.2, 0.19)
_CELL_IN = 0.1  # left and right of the text in a cell
_CUT_IN = 0.08  # of a picture's frame that is kept around the drawing


def write_slides(contents: Contents, path: Path) -> None:
    """Write the presentation; the same contents give the same bytes.

    Raises:
        BadInput: The template of the parameters cannot be used.
    """
    chosen = contents.evaluation.parameters.template
    deck = _Deck(contents, open_template(resolve_folder(chosen) if chosen else None))
    deck.opening()
    deck.glance()
    figures = {figure["name"]: figure for figure in contents.figures()}
    for name in _FIGURES:
        if name == "register_against_publication" and name in figures:
            deck.comparison(figures[name])
        elif name in figures:
            deck.figure(figures[name])
        elif name == "conflict":
            deck.verdict()
    deck.erratum()
    deck.text(contents.titled("report.limits"), contents.texts.lines("report.limits_text"), "limits")
    own = (getattr(contents, "commentary", None) or {}).get(RECOMMENDATIONS) or [contents.texts("report.recommendations_text")]
    deck.text(contents.titled("report.recommendations"), own, RECOMMENDATIONS)
    deck.sources()
    deck.save(path)


class _Deck:
    """A presentation in the making: a template, and one method for each kind of slide."""

    def __init__(self, contents: Contents, template: Template):
        self.contents, self.template, self.texts = contents, template, contents.texts
        self.language, self.scale, self.wider = contents.texts.language, template.scale, template.wider
        self._words = {name: contents.texts(f"slides.chart.{name}") for name in ("value", "base", "room", "place", "share", "rest", "bounds")}
        self._bounds = _bounds_by_id(contents)

    # ------------------------------------------------------------ slides

    def opening(self) -> None:
        slide = self._slide(self.template.opening, self.contents.titled("report.title"))
        subtitle = text_of(slide)
        self._place(subtitle, [self.texts("report.subtitle")], smallest=SMALLEST_BODY_PT)
        for other in self._places(slide):
            if other.shape_id not in (subtitle.shape_id, title_of(slide).shape_id):
                other._element.getparent().remove(other._element)
        evaluation = self.contents.evaluation
        context = self.texts("report.context_text_register" if evaluation.register else "report.context_text")
        fonts = self.template.unknown_fonts
        self._notes(slide, [context, self.texts("slides.fonts", fonts=", ".join(fonts)) if fonts else ""], [])

    def glance(self) -> None:
        """The main results and the one caveat, for somebody who reads only this."""
        slide = self._free(self.contents.titled("slides.glance"))
        results = [found for chapter, (ids, _) in _GLANCE.items() if (found := self._result(chapter, ids))][:_MOST_RESULTS]
        caveat = self._caveat()
        area, gap = self.template.area, 0.14 * self.scale
        band = 1.45 * self.scale
        tall = (area.height - band - gap * len(results)) / max(len(results), 1)
        number_wide = 0.27 * area.width
        for place, (number, finding) in enumerate(results):
            row = Box(area.left, area.top + place * (tall + gap), area.width, tall)
            slide_text.rectangle(slide, Box(row.left, row.top, 0.09 * self.scale, row.height), style.CURRENT, name=f"{finding['chapter']} bar")
            large = Box(row.left + 0.3 * self.scale, row.top, number_wide - 0.4 * self.scale, row.height)
            self._box(slide, large, [Paragraph(number, 44 * self.scale, bold=True)], f"{finding['chapter']} number", middle=True)
            words = Box(row.left + number_wide, row.top, row.width - number_wide, row.height)
            self._box(slide, words, [Paragraph(finding["text"], 21 * self.scale)], f"{finding['chapter']} result", middle=True)
        ground = Box(area.left, area.bottom - band, area.width, band)
        slide_text.rectangle(slide, ground, style.CONFLICT_TINT, name="caveat ground")
        slide_text.rectangle(slide, Box(ground.left, ground.top, 0.09 * self.scale, band), style.CONFLICT, name="caveat bar")
        told = [
            Paragraph(self.texts("slides.caveat"), 18 * self.scale, bold=True, colour=style.CONFLICT),
            Paragraph(caveat, 18 * self.scale, colour=style.INK, before=2 * self.scale),
        ]
        self._box(slide, ground.inset(0.3 * self.scale, 0.08, 0.2 * self.scale, 0.08), told, "caveat", middle=True)
        shown = [finding["text"] for _, finding in results] + [caveat]
        ids = [number_id for _, finding in results for number_id in self._ids(_GLANCE[finding["chapter"]][1])]
        self._notes(slide, [self._marks()] if any(text.endswith("*") for text in shown) else [], ids)

    def figure(self, figure: dict[str, Any]) -> None:
        """A figure, its title above and its sources below it."""
        from kcq_eval.deliverables.slide_charts import CHARTS, add_chart

        slide = self._free(figure["title"])
        area = self._captioned(slide, figure)
        part = next(part for part in self.contents.parts if figure in part["figures"])
        findings = {finding["id"]: finding["text"] for finding in part["findings"]}
        if figure["name"] in CHARTS and figure["rows"]:
            beside = [findings[found] for found in _FIGURES[figure["name"]][0] if found in findings]
            growth = figure["terms"].get("growth", "")
            panel = area.width * _PANEL if beside or growth else 0.0
            chart = Box(area.left, area.top, area.width - panel - (0.35 * self.scale if panel else 0), area.height)
            add_chart(slide, chart, figure, self.scale, self.wider, self._words)
            if panel:
                told = [Paragraph(capital(growth), 36 * self.scale, bold=True)] if growth else []
                told += [Paragraph(text, BODY_PT * self.scale, before=12 * self.scale) for text in beside]
                self._box(slide, Box(area.left + area.width - panel, area.top, panel, area.height), told, "findings", middle=True)
        else:
            self._picture(slide, area, figure)
        self._notes(slide, [finding["text"] for finding in part["findings"] if finding["main"]], [*figure["numbers"], *self._ids(_FIGURES[figure["name"]][1])])

    def verdict(self) -> None:
        """What the audit found, where there is no conflict to be drawn."""
        part = self.contents.part(AUDIT)
        self.text(part["title"], [finding["text"] for finding in part["findings"] if finding["main"]], AUDIT)

    def erratum(self) -> None:
        """What the ledger says of single figures."""
        rows = erratum_rows(self.contents.evaluation, self.texts)
        cells = [(f"{row.claim} {row.statement}", row.printed, row.corrected, self.texts("ledger.since", state=row.state, date=row.date)) for row in rows]
        notes = [[self.texts("report.erratum_text"), f"{row.claim}: {row.reason}" if row.reason else ""] for row in rows]
        heads = [self.texts(f"column.{column}") for column in _ERRATUM_COLUMNS]
        self.table("erratum", self.contents.titled("report.erratum"), heads, cells, notes)

    def comparison(self, figure: dict[str, Any]) -> None:
        """Published figures beside the register: in a picture its words would be too small."""
        heads = [figure["terms"][term] for term in _COMPARISON_COLUMNS]
        rows = [(f"{row['number']} {row['statement']}", row["printed"], row["register"], row["told"]) for row in figure["rows"]]
        self.table(figure["name"], figure["title"], heads, rows, [[figure["alt"]]] * len(rows), [figure["terms"]["more"], figure["caption"]])

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
        widths = [share * area.width for share in _TABLE_WIDTHS]
        points = self._cell_points((heads, *rows), widths)
        heights = [self._row_height(row, widths, points) for row in (heads, *rows)]
        start = 0
        while start < len(rows):
            end = start + 1
            while end < len(rows) and heights[0] + sum(heights[start + 1 : end + 2]) <= area.height - foot:
                end += 1
            slide = self._free(title)
            shown = heights[:1] + heights[start + 1 : end + 1]
            self._table(slide, Box(area.left, area.top, area.width, sum(shown)), heads, rows[start:end], widths, shown, points, name)
            if told and end == len(rows):
                self._box(slide, Box(area.left, area.top + sum(shown) + 0.15, area.width, foot - 0.15), told, "below")
            self._notes(slide, list(dict.fromkeys(note for row in notes[start:end] for note in row)), [])
            start = end

    def text(self, title: str, paragraphs: Sequence[str], name: str) -> None:
        """Paragraphs, on as many slides as they need."""
        area = _text_area(self.template, self.scale)
        told = [Paragraph(text, (BODY_PT + 2) * self.scale, before=14 * self.scale) for text in paragraphs if text]
        for page in slide_text.pages(told, area, self.wider, SMALLEST_BODY_PT * self.scale):
            slide = self._slide(self.template.content, title)
            body = text_of(slide)
            for other in self._places(slide):
                if other.shape_id not in (body.shape_id, title_of(slide).shape_id):
                    other._element.getparent().remove(other._element)
            body.name = name
            slide_text.write(body.text_frame, page, self.language)
            self._notes(slide, [], [])

    def sources(self) -> None:
        told = [f"{source['title']}. {source['about']}." for source in told_sources(self.contents.evaluation, self.texts)]
        self.text(self.contents.titled("report.sources"), [*told, self.texts("report.price_source"), self.texts("report.map_source")], "sources")

    def save(self, path: Path) -> None:
        presentation = self.template.presentation
        properties = presentation.core_properties
        properties.title, properties.subject = self.contents.titled("report.title"), self.texts("report.subtitle")
        properties.author = properties.last_modified_by = f"kcq_eval {__version__}"
        properties.language, properties.revision, properties.keywords, properties.comments = slide_text.LANGUAGES[self.language], 1, "", ""
        buffer = io.BytesIO()
        presentation.save(buffer)
        path.write_bytes(fixed_zip(buffer.getvalue()))

    # ------------------------------------------------------------ parts of a slide

    def _slide(self, layout: Any, title: str) -> Any:
        slide = self.template.presentation.slides.add_slide(layout)
        self._place(title_of(slide), [title], smallest=18.0)
        _number(slide)
        return slide

    def _free(self, title: str) -> Any:
        """A slide with its title only."""
        slide = self._slide(self.template.free, title)
        for place in self._places(slide):
            if place.shape_id != title_of(slide).shape_id:
                place._element.getparent().remove(place._element)
        return slide

    def _places(self, slide: Any) -> list[Any]:
        """The placeholders for contents."""
        return [p for p in slide.placeholders if p._element.find(".//{*}ph").get("type") not in ("dt", "ftr", "sldNum")]

    def _place(self, placeholder: Any, texts: Sequence[str], smallest: float) -> None:
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

    def _box(self, slide: Any, box: Box, paragraphs: Sequence[Paragraph], name: str, *, middle: bool = False) -> Any:
        return slide_text.text_box(slide, box, paragraphs, self.language, name=name, wider=self.wider, middle=middle)

    def _captioned(self, slide: Any, figure: dict[str, Any]) -> Box:
        """Write what is shown, and the sources; returns the room between."""
        area, gap = self.template.area, 0.12 * self.scale
        top = bottom = 0.0
        if figure["subtitle"]:
            told = [Paragraph(figure["subtitle"], 17 * self.scale)]
            top = slide_text.height(told, area.width, self.wider)
            self._box(slide, Box(area.left, area.top, area.width, top), told, "subtitle")
        if figure["caption"]:
            told = [Paragraph(figure["caption"], LABEL_PT * self.scale)]
            bottom = slide_text.height(told, area.width, self.wider)
            self._box(slide, Box(area.left, area.bottom - bottom, area.width, bottom), told, "sources")
        return area.inset(top=top + gap, bottom=bottom + gap)

    def _picture(self, slide: Any, area: Box, figure: dict[str, Any]) -> None:
        """The bundle's picture, without the frame of words that the slide has itself."""
        from pptx.util import Inches

        words = FigureWords(figure["title"], figure["subtitle"], figure["caption"], terms=figure["terms"], axis=figure["axis"])
        drawn = style.frame(words)[1]
        left, right = 0.25, style.WIDTH_IN - 0.25
        bottom, top = drawn.bottom - _CUT_IN, drawn.top + _CUT_IN
        scale = min(area.width / (right - left), area.height / (top - bottom))
        width, height = (right - left) * scale, (top - bottom) * scale
        place = (area.left + (area.width - width) / 2, area.top + (area.height - height) / 2, width, height)
        picture = slide.shapes.add_picture(str(self.contents.folder / "figures" / f"{figure['name']}.png"), *map(Inches, place))
        picture.name = figure["name"]
        picture.crop_left, picture.crop_right = left / style.WIDTH_IN, 1 - right / style.WIDTH_IN
        picture.crop_top, picture.crop_bottom = 1 - top / style.HEIGHT_IN, bottom / style.HEIGHT_IN
        picture._element.nvPicPr.cNvPr.set("descr", figure["alt"])

    def _cell_points(self, rows: Sequence[Sequence[str]], widths: Sequence[float]) -> float:
        """As large as leaves every word whole; the head is bold."""
        points = 16 * self.scale
        rooms = [(Paragraph(cell, points, bold=True).widest_word(self.wider), width - 2 * _CELL_IN) for row in rows for cell, width in zip(row, widths)]
        return int(2 * points * min(1.0, *(room / wide for wide, room in rooms if wide))) / 2

    def _row_height(self, cells: Sequence[str], widths: Sequence[float], points: float) -> float:
        return max(Paragraph(cell, points, bold=True).height(width - 2 * _CELL_IN, self.wider) for cell, width in zip(cells, widths)) + 0.16

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

    # ------------------------------------------------------------ numbers

    def _result(self, chapter: str, ids: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
        """A chapter's large number and its first main finding."""
        part = self.contents.part(chapter)
        finding = next((finding for finding in part["findings"] if finding["main"]), None)
        if finding is None:
            return None
        for large in ids:
            rows = [self.contents.numbers.get(number_id) for number_id in self._ids(large.split("/"))]
            if rows and all(row and row["upper"] for row in rows):
                rises = len(rows) == 1 and ".growth." in rows[0]["id"] and float(rows[0]["lower"]) > 0
                return ("+" if rises else "") + "/".join(row[f"text_{self.language}"] for row in rows), finding
        return None

    def _ids(self, named: Sequence[str]) -> list[str]:
        """Ids of numbers as the lists above name them."""
        basis = self.contents.evaluation.parameters.price_basis
        wanted = [name.replace("@basis", basis) for name in named]
        return [number_id for name in wanted for number_id in self.contents.numbers if number_id == name or (name.endswith(".") and number_id.startswith(name))]

    def _caveat(self) -> str:
        """What the published figures cannot all say; where they can, the first limit of the evaluation."""
        found = [finding["text"] for finding in self.contents.part(AUDIT)["findings"] if finding["main"]]
        consistent = self.contents.evaluation.audit.verdict == "consistent"
        return self.texts.lines("report.limits_text")[0] if consistent or not found else found[0]

    def _marks(self) -> str:
        from kcq_eval.deliverables.report import marks_key

        key = marks_key(self.contents.evaluation)
        return self.texts(f"report.{key}") if key else ""

    def _notes(self, slide: Any, said: Sequence[str], ids: Sequence[str]) -> None:
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


def _text_area(template: Template, scale: float) -> Box:
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
    import copy

    layout = slide.slide_layout
    for place in layout.placeholders:
        if place._element.find(".//{*}ph").get("type") == "sldNum":
            number = copy.deepcopy(place._element)
            number.nvSpPr.cNvPr.set("id", str(max(shape.shape_id for shape in slide.shapes) + 1))
            for old in number.findall("{*}spPr/*"):
                old.getparent().remove(old)
            slide.shapes._spTree.append(number)
            return
