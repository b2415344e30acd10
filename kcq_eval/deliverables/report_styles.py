"""The look of `report.docx`: styles, numbering and settings as Word stores them.

Fonts, sizes and margins follow the Vietnamese rules for administrative documents (Nghị định 30/2020/NĐ-CP, Phụ lục I): Times New
Roman 13 on A4, 20 mm above and below, 30 mm left, 20 mm right.
"""

from __future__ import annotations

from functools import partial
from xml.sax.saxutils import escape

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
FONT, ACCENT, TINT, LINE = "Times New Roman", "00497A", "EAF1F7", "9AA5B1"
LOCALES = {"vi": "vi-VN", "en": "en-GB"}
PAGE = (11906, 16838)  # A4, in twentieths of a point
MARGIN = {"top": 1134, "right": 1134, "bottom": 1134, "left": 1701}
BULLETS, HEADINGS = 1, 2  # numbering: the list of bullets, the headings; further ones are numbered lists


def text_width(landscape: bool) -> int:
    """Width between the margins, in twentieths of a point."""
    return PAGE[1] - MARGIN["top"] - MARGIN["bottom"] if landscape else PAGE[0] - MARGIN["left"] - MARGIN["right"]


def styles(language: str) -> str:
    """The styles part: Word's own names, so that Word's menus find them."""
    fonts = f'<w:rFonts w:ascii="{FONT}" w:hAnsi="{FONT}" w:eastAsia="{FONT}" w:cs="{FONT}"/>'
    defaults = (
        f'<w:docDefaults><w:rPrDefault><w:rPr>{fonts}<w:sz w:val="26"/><w:szCs w:val="26"/>'
        f'<w:lang w:val="{LOCALES[language]}" w:eastAsia="{LOCALES[language]}" w:bidi="ar-SA"/></w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="120" w:line="288" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>'
    )
    heading = partial(_paragraph_style, next_style="Normal", outline=True)
    made = [
        _paragraph_style("Normal", "Normal", based="", default=True),
        heading("Heading1", "heading 1", '<w:keepNext/><w:keepLines/><w:spacing w:before="360" w:after="120"/>', _run(32, bold=True), level=0),
        heading("Heading2", "heading 2", '<w:keepNext/><w:keepLines/><w:spacing w:before="280" w:after="100"/>', _run(28, bold=True), level=1),
        heading("Heading3", "heading 3", '<w:keepNext/><w:keepLines/><w:spacing w:before="200" w:after="80"/>', _run(26, bold=True), level=2),
        _paragraph_style("Title", "Title", '<w:spacing w:before="240" w:after="120"/><w:jc w:val="center"/>', _run(40, bold=True), next_style="Subtitle"),
        _paragraph_style("Subtitle", "Subtitle", '<w:spacing w:after="360"/><w:jc w:val="center"/>', _run(26, colour="595959"), next_style="Normal"),
        _paragraph_style("Caption", "caption", '<w:keepLines/><w:spacing w:before="60" w:after="240" w:line="240" w:lineRule="auto"/>', _run(24, italic=True), next_style="Normal"),
        _paragraph_style("TableCaption", "Table Caption", '<w:keepNext/><w:spacing w:before="280" w:after="80"/>', based="Caption", own=True),
        _paragraph_style("Picture", "Picture", '<w:keepNext/><w:spacing w:before="200" w:after="60" w:line="240" w:lineRule="auto"/><w:jc w:val="center"/>', own=True),
        _paragraph_style("TableText", "Table Text", '<w:spacing w:before="30" w:after="30" w:line="240" w:lineRule="auto"/>', _run(21), own=True),
        _paragraph_style("TableNumber", "Table Number", '<w:jc w:val="right"/>', based="TableText", own=True),
        _paragraph_style("ListBullet", "List Bullet", f'<w:numPr><w:numId w:val="{BULLETS}"/></w:numPr><w:spacing w:after="60"/>'),
        _paragraph_style("ListNumber", "List Number", '<w:spacing w:after="60"/>'),
        _paragraph_style("TOCHeading", "TOC Heading", '<w:keepNext/><w:spacing w:before="120" w:after="160"/>', _run(32, bold=True), next_style="Normal"),
        _paragraph_style("TOC1", "toc 1", _toc(425, 425, "120"), _run(26, bold=True), next_style="Normal"),
        _paragraph_style("TOC2", "toc 2", _toc(1049, 624, "40"), next_style="Normal"),
        _paragraph_style("Header", "header", '<w:spacing w:after="0" w:line="240" w:lineRule="auto"/><w:jc w:val="center"/>', _run(20, colour="595959")),
        _paragraph_style("Footer", "footer", '<w:spacing w:after="0" w:line="240" w:lineRule="auto"/><w:jc w:val="center"/>', _run(22)),
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph Font"/><w:uiPriority w:val="1"/>'
        '<w:semiHidden/></w:style>',
        '<w:style w:type="numbering" w:default="1" w:styleId="NoList"><w:name w:val="No List"/><w:semiHidden/></w:style>',
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:uiPriority w:val="99"/><w:semiHidden/><w:tblPr>'
        '<w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar><w:top w:w="0" w:type="dxa"/><w:left w:w="85" w:type="dxa"/><w:bottom w:w="0" w:type="dxa"/>'
        '<w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>',
        _table_style(),
    ]  # fmt: skip
    return f"<w:styles {W}>{defaults}{''.join(made)}</w:styles>"


def numbering(starts: list[int]) -> str:
    """The numbering part: bullets, headings, then a numbered list for each start."""
    bullet = _level(0, "bullet", "–", 425, 283, font=True)
    levels = [(0, "%1.", 425), (1, "%1.%2.", 624), (2, "%1.%2.%3.", 794)]
    headings = "".join(_level(n, "decimal", text, hanging, hanging, style=f"Heading{n + 1}") for n, text, hanging in levels)
    abstract = _abstract(0, "hybridMultilevel", bullet) + _abstract(1, "multilevel", headings) + _abstract(2, "hybridMultilevel", _level(0, "decimal", "%1.", 567, 425))
    lists = "".join(
        f'<w:num w:numId="{HEADINGS + 1 + n}"><w:abstractNumId w:val="2"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="{start}"/></w:lvlOverride></w:num>'
        for n, start in enumerate(starts)
    )
    fixed = "".join(f'<w:num w:numId="{number}"><w:abstractNumId w:val="{number - 1}"/></w:num>' for number in (BULLETS, HEADINGS))
    return f"<w:numbering {W}>{abstract}{fixed}{lists}</w:numbering>"


def settings(language: str) -> str:
    """The settings part; fields are not updated on opening, as Word would ask before it does."""
    mark, separator = (",", ";") if language == "vi" else (".", ",")
    return (
        f'<w:settings {W}><w:zoom w:percent="100"/><w:defaultTabStop w:val="720"/><w:characterSpacingControl w:val="doNotCompress"/>'
        '<w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat>'
        f'<w:themeFontLang w:val="{LOCALES[language]}"/><w:decimalSymbol w:val="{mark}"/><w:listSeparator w:val="{separator}"/></w:settings>'
    )


def _paragraph_style(
    style_id: str, name: str, paragraph: str = "", run: str = "", *, based: str = "Normal", next_style: str = "", default: bool = False,
    outline: bool = False, level: int = 0, own: bool = False,
) -> str:  # fmt: skip
    """`own` is a style that Word does not have by this name."""
    if outline:
        number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{HEADINGS}"/></w:numPr>'
        paragraph = paragraph.replace("<w:keepLines/>", f"<w:keepLines/>{number}") + f'<w:outlineLvl w:val="{level}"/>'
    parts = [f'<w:name w:val="{escape(name)}"/>']
    parts += [f'<w:basedOn w:val="{based}"/>'] if based else []
    parts += [f'<w:next w:val="{next_style}"/>'] if next_style else []
    parts += ["<w:qFormat/>"]
    parts += [f"<w:pPr>{paragraph}</w:pPr>"] if paragraph else []
    parts += [f"<w:rPr>{run}</w:rPr>"] if run else []
    marks = (' w:default="1"' if default else "") + (' w:customStyle="1"' if own else "")
    return f'<w:style w:type="paragraph"{marks} w:styleId="{style_id}">{"".join(parts)}</w:style>'


def _run(size: int, *, bold: bool = False, italic: bool = False, colour: str = "") -> str:
    made = "<w:b/><w:bCs/>" if bold else ""
    made += "<w:i/><w:iCs/>" if italic else ""
    made += f'<w:color w:val="{colour}"/>' if colour else ""
    return f'{made}<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'


def _toc(left: int, hanging: int, after: str) -> str:
    tabs = f'<w:tabs><w:tab w:val="left" w:pos="{left}"/><w:tab w:val="right" w:leader="dot" w:pos="{text_width(False)}"/></w:tabs>'
    return f'{tabs}<w:spacing w:before="0" w:after="{after}" w:line="264" w:lineRule="auto"/><w:ind w:left="{left}" w:right="567" w:hanging="{hanging}"/>'


def _table_style() -> str:
    def edge(where: str, size: int, colour: str) -> str:
        return f'<w:{where} w:val="single" w:sz="{size}" w:space="0" w:color="{colour}"/>'

    borders = edge("top", 8, ACCENT) + edge("bottom", 8, ACCENT) + edge("insideH", 4, LINE)
    return (
        '<w:style w:type="table" w:customStyle="1" w:styleId="ReportTable"><w:name w:val="Report Table"/><w:basedOn w:val="TableNormal"/><w:qFormat/>'
        f"<w:tblPr><w:tblBorders>{borders}</w:tblBorders></w:tblPr>"
        f'<w:tblStylePr w:type="firstRow"><w:rPr><w:b/><w:bCs/></w:rPr><w:tcPr><w:tcBorders>{edge("bottom", 8, ACCENT)}</w:tcBorders>'
        f'<w:shd w:val="clear" w:color="auto" w:fill="{TINT}"/><w:vAlign w:val="bottom"/></w:tcPr></w:tblStylePr></w:style>'
    )


def _abstract(number: int, kind: str, levels: str) -> str:
    return f'<w:abstractNum w:abstractNumId="{number}"><w:multiLevelType w:val="{kind}"/>{levels}</w:abstractNum>'


def _level(number: int, form: str, text: str, left: int, hanging: int, *, style: str = "", font: bool = False) -> str:
    return (
        f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>' + (f'<w:pStyle w:val="{style}"/>' if style else "")
        + f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{left}" w:hanging="{hanging}"/></w:pPr>'
        + (f'<w:rPr><w:rFonts w:ascii="{FONT}" w:hAnsi="{FONT}" w:cs="{FONT}" w:hint="default"/></w:rPr>' if font else "") + "</w:lvl>"
    )  # fmt: skip
