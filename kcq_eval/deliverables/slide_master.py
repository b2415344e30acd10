"""The built-in slide template, 16:9: white, one accent bar, Arial (on every machine with Windows, and it has all Vietnamese letters).

It is made from python-pptx's own blank presentation, so that no binary file needs keeping.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kcq_eval.figures import palette

if TYPE_CHECKING:
    from pptx.presentation import Presentation

FONT = "Arial"
WIDTH_IN, HEIGHT_IN = 13.333, 7.5
_KEPT = ("title", "obj", "titleOnly")
_MARGIN, _WIDE = 0.6, 12.13
# Left, top, width, height in inches.
_TITLE = (_MARGIN, 0.4, _WIDE, 1.1)
_BODY = (_MARGIN, 1.6, _WIDE, 5.15)
_NUMBER = (11.73, 6.95, 1.0, 0.35)
_FOOTERS = {"dt": (_MARGIN, 6.95, 2.5, 0.35), "ftr": (3.6, 6.95, 6.0, 0.35), "sldNum": _NUMBER}
_OPENING = {"ctrTitle": (1.1, 2.0, 11.2, 2.1), "subTitle": (1.1, 4.25, 11.2, 1.2)}
_COLOURS = {
    "dk1": palette.INK, "lt1": palette.PAPER, "dk2": palette.MUTED, "lt2": palette.TRACK, "accent1": palette.CURRENT, "accent2": palette.BASELINE,
    "accent3": palette.NEW, "accent4": palette.LEFT, "accent5": palette.EFFECT, "accent6": palette.CONFLICT, "hlink": palette.CURRENT, "folHlink": palette.MUTED,
}  # fmt: skip
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_LEVEL = (
    '<a:lvl{level}pPr marL="{indent}" indent="0" algn="l" rtl="0"><a:lnSpc><a:spcPct val="100000"/></a:lnSpc><a:buNone/>'
    '<a:defRPr sz="{size}" b="{bold}" kern="1200"><a:solidFill><a:schemeClr val="tx1"/></a:solidFill>'
    '<a:latin typeface="{font}"/><a:ea typeface="{font}"/><a:cs typeface="{font}"/></a:defRPr></a:lvl{level}pPr>'
)
_BAR = (
    f'<p:sp {_P} {_A}><p:nvSpPr><p:cNvPr id="{{id}}" name="Accent"/><p:cNvSpPr/><p:nvPr userDrawn="1"/></p:nvSpPr><p:spPr><a:xfrm>'
    '<a:off x="{left}" y="{top}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
    '<a:solidFill><a:schemeClr val="accent1"/></a:solidFill><a:ln><a:noFill/></a:ln></p:spPr></p:sp>'
)


def built_in() -> Presentation:
    """An empty presentation with the three layouts that the slides need."""
    from pptx import Presentation
    from pptx.util import Inches

    presentation = Presentation()
    presentation.slide_width, presentation.slide_height = Inches(WIDTH_IN), Inches(HEIGHT_IN)
    presentation.part._element.find("{*}sldSz").attrib.pop("type", None)  # no longer a screen of 4:3
    for layout in list(presentation.slide_layouts):
        if layout._element.get("type") not in _KEPT:
            presentation.slide_layouts.remove(layout)
    master = presentation.slide_master
    _theme(master)
    _place(master.placeholders, {"title": _TITLE, "body": _BODY, **_FOOTERS})
    for layout in presentation.slide_layouts:
        opening = layout._element.get("type") == "title"
        _place(layout.placeholders, _OPENING if opening else {})
        _levels_of_opening(layout) if opening else None
        bar = (0, 0, 0.42, HEIGHT_IN) if opening else (0, 0.5, 0.16, 0.9)
        _add_bar(layout, bar)
    _without(presentation.part, "printerSettings")
    _without(presentation.part.package, "thumbnail")
    return presentation


def _theme(master) -> None:
    """Colours, fonts and text styles; a level deeper than the first is never used."""
    from lxml import etree
    from pptx.opc.constants import RELATIONSHIP_TYPE

    theme = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    text = theme.blob.decode("utf-8")
    for name, colour in _COLOURS.items():
        text = re.sub(rf"<a:{name}>.*?</a:{name}>", f'<a:{name}><a:srgbClr val="{colour[1:]}"/></a:{name}>', text, flags=re.DOTALL)
    fonts = "".join(f'<a:{kind}Font><a:latin typeface="{FONT}"/><a:ea typeface=""/><a:cs typeface=""/></a:{kind}Font>' for kind in ("major", "minor"))
    text = re.sub(r"(<a:fontScheme[^>]*>).*?(</a:fontScheme>)", rf"\1{fonts}\2", text, flags=re.DOTALL)
    theme._blob = text.encode("utf-8")
    styles = master._element.find("{*}txStyles")
    for style_name, size, bold, font, levels in (("titleStyle", 2800, 1, "+mj", 1), ("bodyStyle", 2000, 0, "+mn", 9)):
        old = styles.find(f"{{*}}{style_name}")
        inner = "".join(_LEVEL.format(level=n, indent=(n - 1) * 228600, size=size, bold=bold, font=f"{font}-lt") for n in range(1, levels + 1))
        inner = inner.replace(f'<a:ea typeface="{font}-lt"/><a:cs typeface="{font}-lt"/>', f'<a:ea typeface="{font}-ea"/><a:cs typeface="{font}-cs"/>')
        styles.replace(old, etree.fromstring(f"<p:{style_name} {_P} {_A}>{inner}</p:{style_name}>"))
    for sp in master.placeholders:
        kind = sp._element.find(".//{*}ph").get("type")
        body = sp._element.find("{*}txBody/{*}bodyPr")
        body.set("anchor", {"body": "t"}.get(kind, "ctr"))
        if kind in ("title", "body"):
            body.set("lIns", "0"), body.set("rIns", "0")


def _levels_of_opening(layout) -> None:
    """The opening slide's title is larger, its subtitle muted; both begin at the left."""
    from lxml import etree

    for sp in layout.placeholders:
        kind = sp._element.find(".//{*}ph").get("type")
        if kind not in _OPENING:
            continue
        body = sp._element.find("{*}txBody")
        body.find("{*}bodyPr").set("anchor", "b" if kind == "ctrTitle" else "t")
        size, colour = (4000, "tx1") if kind == "ctrTitle" else (2200, "tx2")
        level = f'<a:lstStyle {_A}><a:lvl1pPr marL="0" indent="0" algn="l"><a:buNone/><a:defRPr sz="{size}"><a:solidFill><a:schemeClr val="{colour}"/></a:solidFill></a:defRPr></a:lvl1pPr></a:lstStyle>'
        body.replace(body.find("{*}lstStyle"), etree.fromstring(level))


def _place(placeholders, places: dict[str, tuple[float, float, float, float]]) -> None:
    from pptx.util import Inches

    for placeholder in placeholders:
        kind = placeholder._element.find(".//{*}ph").get("type")
        if kind in places:
            placeholder.left, placeholder.top, placeholder.width, placeholder.height = map(Inches, places[kind])


def _add_bar(layout, place: tuple[float, float, float, float]) -> None:
    """Behind everything else."""
    from lxml import etree
    from pptx.util import Inches

    tree = layout.shapes._spTree
    number = max(int(found) for found in tree.xpath(".//p:cNvPr/@id")) + 1
    left, top, width, height = (int(Inches(length)) for length in place)
    tree.insert(2, etree.fromstring(_BAR.format(id=number, left=left, top=top, width=width, height=height)))


def _without(part, kind: str) -> None:
    rels = part._rels
    for r_id in [r_id for r_id, rel in rels.items() if rel.reltype.endswith(f"/{kind}")]:
        rels.pop(r_id)
