"""Text on slides: measured before it is placed, so that it never leaves its box.

Widths are those of the figures' own font, which is a few hundredths wider than Arial, Calibri or Times New Roman, so that what fits by
this measure fits on the slide, whichever machine measures. A text is never cut: it gets smaller, or goes on to the next slide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kcq_eval.deliverables.slide_template import Box
from kcq_eval.figures import style

LEADING = 1.22  # height of a line over its points; Arial has 1.15
BODY_PT, SMALLEST_BODY_PT, LABEL_PT = 20.0, 14.0, 12.0
LANGUAGES = {"vi": "vi-VN", "en": "en-GB"}


@dataclass(frozen=True)
class Paragraph:
    """One paragraph in one look; a line feed breaks a line, `before` is the space above in points, `colour` None the template's own."""

    text: str
    points: float
    bold: bool = False
    colour: str | None = None
    before: float = 0.0

    def lines(self, width: float, wider: float = 1.0) -> int:
        """How many lines it takes in a width in inches."""
        weight = "bold" if self.bold else "normal"
        wrapped = (line for text in self.text.split("\n") for line in style.wrap(text, width / wider, self.points, weight, even=False))
        return sum(_parts(line, width / wider, self.points, weight) for line in wrapped)

    def evenly(self, width: float, wider: float = 1.0) -> Paragraph:
        """With its lines broken so that they are alike in length."""
        return replace(self, text="\n".join(style.wrap(self.text, width / wider, self.points, "bold" if self.bold else "normal")))

    def height(self, width: float, wider: float = 1.0) -> float:
        return (self.lines(width, wider) * self.points * LEADING + self.before) / 72

    def widest_word(self, wider: float = 1.0) -> float:
        """Width in inches of the word that takes most room; no-break spaces hold."""
        weight = "bold" if self.bold else "normal"
        words = (word for line in self.text.split("\n") for word in line.split(" "))
        return max((style.text_width(word, self.points, weight) for word in words), default=0.0) * wider


def _parts(line: str, width: float, points: float, weight: str) -> int:
    """A word wider than the box is broken by the program that shows it."""
    return max(1, -int(-style.text_width(line, points, weight) // width)) if line else 1


def height(paragraphs: Sequence[Paragraph], width: float, wider: float = 1.0) -> float:
    """Height of paragraphs below each other, in inches; no space is above the first."""
    return sum(p.height(width, wider) for p in paragraphs) - (paragraphs[0].before / 72 if paragraphs else 0.0)


def fitted(paragraphs: Sequence[Paragraph], box: Box, wider: float = 1.0) -> list[Paragraph]:
    """The paragraphs, all smaller by one factor where the box has no room for them, and no word broken."""
    found, factor = list(paragraphs), 1.0
    while found and factor > 0.1 and not fits(found, box, wider):
        factor -= 0.02
        found = [replace(p, points=round(p.points * factor * 2) / 2, before=p.before * factor) for p in paragraphs]
    return found


def on_one_line(paragraph: Paragraph, width: float, wider: float = 1.0, smallest: float = 0.86) -> Paragraph:
    """A title a little smaller where that spares it a second line."""
    for step in range(int((1 - smallest) * 100) + 1):
        smaller = replace(paragraph, points=round(paragraph.points * (1 - step / 100) * 2) / 2)
        if smaller.lines(width, wider) == 1:
            return smaller
    return paragraph


def fits(paragraphs: Sequence[Paragraph], box: Box, wider: float = 1.0) -> bool:
    widest = max((p.widest_word(wider) for p in paragraphs), default=0.0)
    return widest <= box.width and height(paragraphs, box.width, wider) <= box.height


def pages(paragraphs: Sequence[Paragraph], box: Box, wider: float = 1.0, smallest: float = SMALLEST_BODY_PT) -> Iterator[list[Paragraph]]:
    """The paragraphs in as few boxes as they need at the size given; a little smaller where that saves a box. One that alone is too long
    is split between sentences or words."""
    for size in (1.0, 0.9, 0.8):
        smaller = [replace(p, points=max(smallest, p.points * size)) for p in paragraphs]
        if fits(smaller, box, wider):
            yield smaller
            return
    page: list[Paragraph] = []
    waiting = list(paragraphs)
    while waiting:
        paragraph = waiting.pop(0)
        if fits([*page, paragraph], box, wider):
            page.append(paragraph)
        elif page:
            yield page
            page, waiting = [], [paragraph, *waiting]
        else:
            head, rest = _split(paragraph, box, wider)
            yield [head]
            waiting = [rest, *waiting] if rest else waiting
    if page:
        yield page


def _split(paragraph: Paragraph, box: Box, wider: float) -> tuple[Paragraph, Paragraph | None]:
    words = paragraph.text.split(" ")
    most = next((n for n in range(len(words), 1, -1) if height([replace(paragraph, text=" ".join(words[:n]))], box.width, wider) <= box.height), 1)
    if most == len(words):
        return paragraph, None
    ends = [n for n in range(most, most // 2, -1) if words[n - 1].endswith((".", "!", "?", ";"))]
    cut = ends[0] if ends else most
    return replace(paragraph, text=" ".join(words[:cut])), replace(paragraph, text=" ".join(words[cut:]))


def write(frame: Any, paragraphs: Sequence[Paragraph], language: str) -> None:
    """Put paragraphs into a text frame, in place of whatever it holds."""
    from pptx.dml.color import RGBColor
    from pptx.enum.text import MSO_AUTO_SIZE
    from pptx.util import Pt

    frame.auto_size, frame.word_wrap = MSO_AUTO_SIZE.NONE, True
    for number, paragraph in enumerate(paragraphs):
        placed = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        placed.line_spacing = 1.0
        placed.space_before, placed.space_after = Pt(paragraph.before if number else 0), Pt(0)
        for line in paragraph.text.split("\n"):
            if placed.runs:
                placed.add_line_break()
            run = placed.add_run()
            run.text = line
            run.font.size, run.font.bold = Pt(paragraph.points), paragraph.bold
            if paragraph.colour:
                run.font.color.rgb = RGBColor.from_string(paragraph.colour[1:])
            run._r.get_or_add_rPr().set("lang", LANGUAGES[language])


def text_box(slide: Any, box: Box, paragraphs: Sequence[Paragraph], language: str, *, name: str, wider: float = 1.0, middle: bool = False) -> Any:
    """A box of text without room around it, the text as small as the box needs."""
    from pptx.enum.text import MSO_ANCHOR
    from pptx.util import Inches

    shape = slide.shapes.add_textbox(*map(Inches, (box.left, box.top, box.width, box.height)))
    shape.name = name
    frame = shape.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.vertical_anchor = MSO_ANCHOR.MIDDLE if middle else MSO_ANCHOR.TOP
    write(frame, fitted(paragraphs, box, wider), language)
    return shape


def rectangle(slide: Any, box: Box, colour: str, *, name: str) -> Any:
    """A filled rectangle that only decorates, so that nobody has it read out."""
    from lxml import etree
    from pptx.dml.color import RGBColor
    from pptx.enum.shapes import MSO_SHAPE
    from pptx.util import Inches

    shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *map(Inches, (box.left, box.top, box.width, box.height)))
    shape.name = name
    shape._element.remove(shape._element.find("{*}style"))  # its theme's shadow
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor.from_string(colour[1:])
    shape.line.fill.background()
    shape._element.nvSpPr.cNvPr.append(etree.fromstring(_DECORATIVE))
    return shape


_DECORATIVE = (
    '<a:extLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:ext uri="{C183D7F6-B498-43B3-948B-1728B52AA6E4}">'
    '<adec:decorative xmlns:adec="http://schemas.microsoft.com/office/drawing/2017/decorative" val="1"/></a:ext></a:extLst>'
)
