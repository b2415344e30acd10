"""The conference's slides: `slides.pptx`, 16:9 or as the centre's own template is, made only from what the chapters saved.

One message a slide, in its title. Bars, columns and dots are charts of the presentation's own; maps and drawings are pictures. Speaker notes
give the numbers behind each slide with their bounds and sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kcq_eval.datafiles import resolve_folder
from kcq_eval.deliverables import slide_text
from kcq_eval.deliverables.blocks import lines_of
from kcq_eval.deliverables.contents import AUDIT, Contents
from kcq_eval.deliverables.document import marks_key, source_rows
from kcq_eval.deliverables.erratum import erratum_rows
from kcq_eval.deliverables.slide_deck import Deck, text_area
from kcq_eval.deliverables.slide_template import Box, Template, open_template, text_of, title_of
from kcq_eval.deliverables.slide_text import BODY_PT, SMALLEST_BODY_PT, Paragraph
from kcq_eval.figures import palette
from kcq_eval.numbers import NBSP
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
_TALLEST_RESULT = 1.6  # inches of a slide 7.5 inches high
_PANEL = 0.32  # width of the words beside a chart, as a share of the slide's
_ERRATUM_COLUMNS = ("claim", "printed", "corrected", "state_of_entry")
_COMPARISON_COLUMNS = ("claim", "printed", "register", "verdict")


def write_slides(contents: Contents, path: Path) -> None:
    """Write the presentation; the same contents give the same bytes.

    Raises:
        BadInput: The template of the parameters cannot be used.
    """
    chosen = contents.evaluation.parameters.template
    deck = _Slides(contents, open_template(resolve_folder(chosen) if chosen else None))
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
    deck.text(contents.titled("report.limits"), contents.limits(), "limits")
    own = ["".join(span.text for span in line) for line in lines_of(contents.commentary.get(RECOMMENDATIONS, ()))]
    deck.text(contents.titled("report.recommendations"), own or [contents.texts("report.recommendations_text")], RECOMMENDATIONS)
    deck.sources()
    deck.save(path)


class _Slides(Deck):
    """One method for each kind of slide."""

    def __init__(self, contents: Contents, template: Template):
        super().__init__(contents, template)
        self._words = {name: contents.texts(f"slides.chart.{name}") for name in ("value", "base", "room", "place", "share", "rest", "bounds")}

    # ------------------------------------------------------------ slides

    def opening(self) -> None:
        slide = self.slide(self.template.opening, self.contents.titled("report.title"))
        subtitle = text_of(slide)
        self.place(subtitle, [self.texts("report.subtitle")], smallest=SMALLEST_BODY_PT)
        for other in self.places(slide):
            if other.shape_id not in (subtitle.shape_id, title_of(slide).shape_id):
                other._element.getparent().remove(other._element)
        evaluation = self.contents.evaluation
        context = self.texts("report.context_text_register" if evaluation.register else "report.context_text")
        fonts = self.template.unknown_fonts
        self.notes(slide, [context, self.texts("slides.fonts", fonts=", ".join(fonts)) if fonts else ""], [])

    def glance(self) -> None:
        """The main results and the one caveat, for somebody who reads only this."""
        slide = self.free(self.contents.titled("slides.glance"))
        results = [found for chapter, (ids, _) in _GLANCE.items() if (found := self._result(chapter, ids))][:_MOST_RESULTS]
        caveat = self._caveat()
        area, gap = self.template.area, 0.14 * self.scale
        band = 1.45 * self.scale
        tall = min((area.height - band - gap * len(results)) / max(len(results), 1), _TALLEST_RESULT * self.scale)
        number_wide = 0.27 * area.width
        for place, (number, finding) in enumerate(results):
            row = Box(area.left, area.top + place * (tall + gap), area.width, tall)
            slide_text.rectangle(slide, Box(row.left, row.top, 0.09 * self.scale, row.height), palette.CURRENT, name=f"{finding['chapter']} bar")
            large = Box(row.left + 0.3 * self.scale, row.top, number_wide - 0.4 * self.scale, row.height)
            number = number if number.endswith("%") else number.replace(NBSP, " ", 1)  # a unit may stand below its number
            self.box(slide, large, [Paragraph(number, 44 * self.scale, bold=True)], f"{finding['chapter']} number", middle=True)
            words = Box(row.left + number_wide, row.top, row.width - number_wide, row.height)
            self.box(slide, words, [Paragraph(finding["text"], 21 * self.scale)], f"{finding['chapter']} result", middle=True)
        ground = Box(area.left, area.bottom - band, area.width, band)
        slide_text.rectangle(slide, ground, palette.CONFLICT_TINT, name="caveat ground")
        slide_text.rectangle(slide, Box(ground.left, ground.top, 0.09 * self.scale, band), palette.CONFLICT, name="caveat bar")
        told = [
            Paragraph(self.texts("slides.caveat"), 18 * self.scale, bold=True, colour=palette.CONFLICT),
            Paragraph(caveat, 18 * self.scale, colour=palette.INK, before=2 * self.scale),
        ]
        if any(text.endswith("*") for text in [caveat, *(finding["text"] for _, finding in results)]):
            told.append(Paragraph(self._marks(), SMALLEST_BODY_PT * self.scale, colour=palette.INK, before=2 * self.scale))
        self.box(slide, ground.inset(0.3 * self.scale, 0.08, 0.2 * self.scale, 0.08), told, "caveat", middle=True)
        ids = [number_id for _, finding in results for number_id in self._ids(_GLANCE[finding["chapter"]][1])]
        self.notes(slide, [], ids)

    def figure(self, figure: dict[str, Any]) -> None:
        """A figure, its title above and its sources below it."""
        from kcq_eval.deliverables.slide_charts import CHARTS, add_chart

        slide = self.free(figure["title"])
        area = self.captioned(slide, figure)
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
                self.box(slide, Box(area.left + area.width - panel, area.top, panel, area.height), told, "findings", middle=True)
        else:
            self.picture(slide, area, figure)
        self.notes(slide, [finding["text"] for finding in part["findings"] if finding["main"]], [*figure["numbers"], *self._ids(_FIGURES[figure["name"]][1])])

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

    def text(self, title: str, paragraphs: Sequence[str], name: str) -> None:
        """Paragraphs, on as many slides as they need."""
        area = text_area(self.template, self.scale)
        told = [Paragraph(text, (BODY_PT + 2) * self.scale, before=14 * self.scale) for text in paragraphs if text]
        for page in slide_text.pages(told, area, self.wider, SMALLEST_BODY_PT * self.scale):
            slide = self.slide(self.template.content, title)
            body = text_of(slide)
            for other in self.places(slide):
                if other.shape_id not in (body.shape_id, title_of(slide).shape_id):
                    other._element.getparent().remove(other._element)
            body.name = name
            slide_text.write(body.text_frame, page, self.language)
            self.notes(slide, [], [])

    def sources(self) -> None:
        told = [f"{source['title']}. {source['about']}." for source in source_rows(self.contents.evaluation, self.texts)]
        self.text(self.contents.titled("report.sources"), [*told, self.texts("report.price_source"), self.texts("report.map_source")], "sources")

    # ------------------------------------------------------------ numbers

    def _result(self, chapter: str, ids: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
        """A chapter's large number and its first main finding."""
        part = self.contents.part(chapter)
        finding = next((finding for finding in part["findings"] if finding["main"]), None)
        if finding is None:
            return None
        for large in ids:
            rows = [self.contents.numbers[number_id] for number_id in self._ids(large.split("/"))]
            if len(rows) == large.count("/") + 1 and all(row["upper"] for row in rows):
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
        return self.contents.limits()[0] if consistent or not found else found[0]

    def _marks(self) -> str:
        key = marks_key(self.contents.evaluation)
        return self.texts(f"report.{key}") if key else ""
