"""The presentation that the slides are put into: the built-in one, or a centre's own, checked before anything runs.

Layouts are found by the placeholders they have, not by their names. The example slides of a centre's file are taken out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kcq_eval.datafiles import read_bytes
from kcq_eval.errors import BadInput, Problem, Problems

if TYPE_CHECKING:
    from pptx.presentation import Presentation
    from pptx.slide import SlideLayout

_EXPECTED = "pptx, potx"
_OLD = b"\xd0\xcf\x11\xe0"  # .ppt, and any presentation with a password
_MAX_UNPACKED, _MAX_PARTS = 200_000_000, 5_000
_AS_TEMPLATE = b"application/vnd.openxmlformats-officedocument.presentationml.template.main+xml"
_AS_SLIDES = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
_EMU = 914_400
_SMALLEST = (6.5, 2.8)  # width and height that the slides' contents need, in inches of a slide 7.5 inches high
_WIDE_AS_MEASURED = ("arial", "calibri", "cambria", "carlito", "helvetica", "liberation sans", "liberation serif", "times new roman")
_WIDER = 1.15  # how much wider than measured a font may be of which nothing is known


@dataclass(frozen=True)
class Box:
    """A rectangle of a slide, in inches from its upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def inset(self, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> Box:
        return Box(self.left + left, self.top + top, self.width - left - right, self.height - top - bottom)


@dataclass(frozen=True)
class Template:
    """An empty presentation and where things go in it.

    Attributes:
        opening: Layout with a title and a subtitle.
        content: Layout with a title and one place for text.
        free: Layout with a title and nothing else; `content` where there is none.
        area: Where a slide's contents go.
        scale: How much larger than on a slide 7.5 inches high everything must be to look alike.
        wider: How much wider than measured the fonts may be.
        unknown_fonts: Fonts of the theme whose width is not known.
    """

    presentation: Presentation
    opening: SlideLayout
    content: SlideLayout
    free: SlideLayout
    area: Box
    scale: float
    wider: float = 1.0
    unknown_fonts: tuple[str, ...] = ()


def open_template(path: Path | None) -> Template:
    """The built-in template where `path` is None.

    Raises:
        BadInput: The file is no presentation, or lacks a layout that the slides need; all that it lacks at once.
    """
    problems = Problems()
    if path is None:
        from kcq_eval.deliverables.slide_master import built_in

        presentation, name = built_in(), ""
    else:
        presentation, name = _read(path, problems), path.name
    problems.stop()
    template = _examined(presentation, name, problems)
    problems.stop()
    return template


def template_problems(path: Path) -> Problems:
    """What makes a centre's template unusable; nothing where it can be used."""
    try:
        open_template(path)
    except BadInput as error:
        return Problems(error.problems)
    return Problems()


def _read(path: Path, problems: Problems) -> Presentation | None:
    from pptx import Presentation

    name = path.name
    raw = read_bytes(path, _EXPECTED, problems)
    if raw is None:
        return None
    if not raw:
        problems.append(Problem("empty_file", name, expected=_EXPECTED))
        return None
    if raw.startswith(_OLD):
        problems.append(Problem("locked_presentation", name, expected=_EXPECTED))
        return None
    try:
        presentation = Presentation(io.BytesIO(_as_presentation(raw)))
        _emptied(presentation)
    except Exception as error:  # whatever unpacking, parsing and following relations can raise
        problems.append(Problem("not_a_presentation", name, found=str(error).partition("\n")[0][:200], expected=_EXPECTED))
        return None
    return presentation


def _as_presentation(raw: bytes) -> bytes:
    """The same package, declared to be a presentation where it is declared to be a template of one.

    Raises:
        ValueError: The package is too large unpacked.
        zipfile.BadZipFile: It is none, or damaged.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as given:
        parts = given.infolist()
        if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_UNPACKED:
            raise ValueError(f"{sum(part.file_size for part in parts) / 1e6:.0f} MB")
        contents = {part.filename: given.read(part) for part in parts}  # whole and with its checksum
    types = contents.get("[Content_Types].xml", b"")
    if _AS_TEMPLATE not in types:
        return raw
    contents["[Content_Types].xml"] = types.replace(_AS_TEMPLATE, _AS_SLIDES)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in contents.items():
            made.writestr(name, content)
    return buffer.getvalue()


def _emptied(presentation: Presentation) -> None:
    """Without slides, and without what names slides: sections, custom shows, a show of chosen ones."""
    slides = presentation.slides._sldIdLst
    for slide in list(slides):
        presentation.part.drop_rel(slide.rId)
        slides.remove(slide)
    root = presentation.part._element
    for name in ("custShowLst", "sectionLst"):
        for found in root.findall(f".//{{*}}{name}"):
            holder = found.getparent()
            holder.remove(found)
            if holder.tag.endswith("}ext"):
                holder.getparent().remove(holder)
    for empty in [lst for lst in root.findall("{*}extLst") if len(lst) == 0]:
        root.remove(empty)


def _examined(presentation: Presentation, name: str, problems: Problems) -> Template | None:
    from pptx.enum.shapes import PP_PLACEHOLDER as KIND

    layouts = [layout for master in presentation.slide_masters for layout in master.slide_layouts]
    around = {KIND.DATE, KIND.FOOTER, KIND.SLIDE_NUMBER}
    kinds = {id(layout): [p.placeholder_format.type for p in layout.placeholders if p.placeholder_format.type not in around] for layout in layouts}

    def first(wanted: Iterable[Any]) -> SlideLayout | None:
        return min(wanted, key=lambda layout: len(kinds[id(layout)]), default=None)

    opening = first(la for la in layouts if KIND.SUBTITLE in kinds[id(la)] and {KIND.CENTER_TITLE, KIND.TITLE} & set(kinds[id(la)]))
    content = first(la for la in layouts if KIND.TITLE in kinds[id(la)] and {KIND.BODY, KIND.OBJECT} & set(kinds[id(la)]))
    free = first(la for la in layouts if kinds[id(la)] == [KIND.TITLE])
    there = ", ".join(layout.name for layout in layouts)
    for layout, message in ((opening, "no_opening_layout"), (content, "no_content_layout")):
        if layout is None:
            problems.append(Problem(message, name, found=there))
    if opening is None or content is None:
        return None
    free = free or content
    scale = presentation.slide_height / _EMU / 7.5
    area = _area(content, free)
    small = [box for box in (area, box_of(title_of(free)), box_of(title_of(opening))) if box.width < _SMALLEST[0] * scale]
    if small or area.height < _SMALLEST[1] * scale:
        width, height = ((small or [area])[0].width, area.height)
        problems.append(Problem("template_too_narrow", name, found=f"{width:.1f} × {height:.1f} in", expected="≥ {:.1f} × {:.1f} in".format(*(scale * s for s in _SMALLEST))))
        return None
    unknown = tuple(font for font in _fonts(free) if font.casefold() not in _WIDE_AS_MEASURED)
    return Template(presentation, opening, content, free, area, scale, _WIDER if unknown else 1.0, unknown)


def title_of(layout: Any) -> Any:
    """The title placeholder of a layout or a slide."""
    from pptx.enum.shapes import PP_PLACEHOLDER as KIND

    return next(p for p in layout.placeholders if p.placeholder_format.type in (KIND.TITLE, KIND.CENTER_TITLE))


def text_of(layout: Any) -> Any:
    """The largest place for text of a layout or a slide; on an opening slide the subtitle."""
    from pptx.enum.shapes import PP_PLACEHOLDER as KIND

    places = [p for p in layout.placeholders if p.placeholder_format.type in (KIND.BODY, KIND.OBJECT, KIND.SUBTITLE)]
    return max(places, key=lambda p: (p.placeholder_format.type == KIND.SUBTITLE, p.width * p.height))


def box_of(shape: Any) -> Box:
    return Box(*(length / _EMU for length in (shape.left, shape.top, shape.width, shape.height)))


def _area(content: Any, free: Any) -> Box:
    """The place for text, below the title of a slide without one."""
    body, title = box_of(text_of(content)), box_of(title_of(free))
    top = max(body.top, title.bottom) if title.top < body.bottom and title.bottom < body.bottom else body.top
    return Box(body.left, top, body.width, body.bottom - top)


@dataclass(frozen=True)
class Look:
    """How a placeholder's first level looks: points, weight, capitals, and the room around the text in inches."""

    points: float
    bold: bool
    capitals: bool
    insets: tuple[float, float, float, float]


def look_of(placeholder: Any) -> Look:
    """From the placeholder's layout, its master's placeholder and the master's text styles, the nearest first."""
    chain = _chain(placeholder)
    runs = [found for element in chain if (found := element.find("{*}txBody/{*}lstStyle/{*}lvl1pPr/{*}defRPr")) is not None]
    master = placeholder.part.slide_layout.slide_master if hasattr(placeholder.part, "slide_layout") else placeholder.part.slide_master
    kind = "titleStyle" if "itle" in (chain[0].find(".//{*}ph").get("type") or "") and "sub" not in chain[0].find(".//{*}ph").get("type") else "bodyStyle"
    styled = master._element.find(f"{{*}}txStyles/{{*}}{kind}/{{*}}lvl1pPr/{{*}}defRPr")
    runs += [styled] if styled is not None else []

    def first(name: str, default: str) -> str:
        return next((run.get(name) for run in runs if run.get(name) is not None), default)

    bodies = [found for element in chain if (found := element.find("{*}txBody/{*}bodyPr")) is not None]
    insets = [
        int(next((body.get(name) for body in bodies if body.get(name) is not None), default)) / _EMU
        for name, default in (("lIns", "91440"), ("tIns", "45720"), ("rIns", "91440"), ("bIns", "45720"))
    ]
    return Look(int(first("sz", "1800")) / 100, first("b", "0") in ("1", "true"), first("cap", "none") == "all", tuple(insets))


def _chain(placeholder: Any) -> list[Any]:
    """A placeholder's elements from the slide or layout up to the master."""
    found, shape = [], placeholder
    while shape is not None and len(found) < 4:
        found.append(shape._element)
        shape = getattr(shape, "_base_placeholder", None)
    return found


def _fonts(layout: Any) -> tuple[str, ...]:
    """The theme's fonts for headings and for text."""
    from lxml import etree
    from pptx.opc.constants import RELATIONSHIP_TYPE

    theme = etree.fromstring(layout.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME).blob)
    found = theme.findall(".//{*}fontScheme/*/{*}latin")
    return tuple(dict.fromkeys(latin.get("typeface") for latin in found if latin.get("typeface")))
