"""`report.docx`: the report for Word, with Word's own styles, contents, captions, page numbers and references."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from kcq_eval.deliverables import report_styles as look
from kcq_eval.deliverables.blocks import Block, Figure, Heading, Items, Line, Outline, Page, Paragraph, Span, Table
from kcq_eval.deliverables.document import Document
from kcq_eval.deliverables.packages import fixed_zip

if TYPE_CHECKING:
    from docx.document import Document as Package

_SPACES = (
    look.W + ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
_EMU = 635  # in a twentieth of a point
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_docx(document: Document, path: Path, figures: Path) -> None:
    """Write the report.

    Args:
        figures: Folder of the drawn figures (PNG).
    """
    import docx

    package = docx.Document()
    _set_properties(package, document)
    writer = _Writer(document, package, figures)
    body = writer.body()
    _set_parts(package, document, writer.starts)
    _replace_children(package.element.body, f"<w:body {_SPACES}>{body}</w:body>")
    buffer = io.BytesIO()
    package.save(buffer)
    path.write_bytes(fixed_zip(buffer.getvalue()))


def _set_properties(package: Package, document: Document) -> None:
    core = package.core_properties
    core.title, core.subject, core.language = _xml_text(document.title), _xml_text(document.subtitle), look.LOCALES[document.language]
    core.author = core.last_modified_by = core.comments = core.keywords = ""
    core.revision = 1


def _set_parts(package: Package, document: Document, starts: list[int]) -> None:
    part = package.part
    _drop(part.rels, "stylesWithEffects", "customXml")
    _drop(package.part.package.rels, "thumbnail", "extended-properties")
    _replace_children(part._styles_part.element, look.styles(document.language))
    _replace_children(part.numbering_part.element, look.numbering(starts))
    _replace_children(part._settings_part.element, look.settings(document.language))


def _drop(relations, *kinds: str) -> None:
    """Leave out what python-docx's own template brings along."""
    for name in [name for name, relation in relations.items() if relation.reltype.rpartition("/")[2] in kinds]:
        del relations[name]


def _replace_children(element, xml: str) -> None:
    from docx.oxml import parse_xml

    for child in list(element):
        element.remove(child)
    element.extend(list(parse_xml(xml)))


class _Writer:
    """Writes the body as one text of XML; `starts` collects where each numbered list begins."""

    def __init__(self, document: Document, package: Package, figures: Path):
        self.document, self.package, self.figures = document, package, figures
        self.starts: list[int] = []
        self._ids = count(1)
        self._numbers = [0, 0, 0]
        referable = [block for block in document.blocks if isinstance(block, Heading | Figure | Table)]
        self._bookmarks = {block.id: f"_{'Toc' if isinstance(block, Heading) else 'Ref'}{n:08d}" for n, block in enumerate(referable, start=1)}
        self._landscape = False
        self._around = self._at_the_edges()

    def body(self) -> str:
        made = []
        made.append(_paragraph("Title", _runs((Span(self.document.title),))))
        made.append(_paragraph("Subtitle", _runs((Span(self.document.subtitle),))))
        for block in self.document.blocks:
            made.append(self._block(block))
        return "".join(made) + self._section()

    def _block(self, block: Block) -> str:
        match block:
            case Heading():
                number = "" if block.numbered else '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="0"/></w:numPr>'
                indent = "" if block.numbered else '<w:ind w:left="0" w:firstLine="0"/>'
                return _paragraph(f"Heading{block.level}", self._marked(block.id, _run(block.text)), number + indent)
            case Paragraph():
                return _paragraph("Normal", self._line(block.line), '<w:jc w:val="both"/>')
            case Items():
                return self._items(block)
            case Figure():
                caption = self._caption(block, self.document.labels[0])
                return _paragraph("Picture", self._picture(block)) + _paragraph("Caption", caption, '<w:jc w:val="center"/>')
            case Table():
                return _paragraph("TableCaption", self._caption(block, self.document.labels[1])) + self._table(block)
            case Outline():
                return self._outline()
            case Page():
                return self._page(block)
        raise TypeError(block)

    def _line(self, line: Line) -> str:
        return "".join(self._reference(span) if span.target else _runs((span,)) for span in line)

    def _reference(self, span: Span) -> str:
        return _field(f"REF {self._bookmarks[span.target]} \\h \\* MERGEFORMAT", _run(span.text))

    def _marked(self, block_id: str, runs: str) -> str:
        """With a bookmark around it."""
        number = next(self._ids)
        return f'<w:bookmarkStart w:id="{number}" w:name="{self._bookmarks[block_id]}"/>{runs}<w:bookmarkEnd w:id="{number}"/>'

    def _caption(self, block: Figure | Table, word: str) -> str:
        """"Hình 3" with Word's own counter, which references repeat, then the title."""
        number = block.label.removeprefix(word).strip()
        label = _run(f"{word} ") + _field(f"SEQ {word} \\* ARABIC", _run(number))
        return self._marked(block.id, label) + _run(f". {block.caption}")

    def _items(self, block: Items) -> str:
        number, style = "", "ListBullet"
        if block.start is not None:
            self.starts.append(block.start)
            number, style = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{look.HEADINGS + len(self.starts)}"/></w:numPr>', "ListNumber"
        return "".join(_paragraph(style, self._line(line), number) for line in block.lines)

    def _picture(self, block: Figure) -> str:
        relation, image = self.package.part.get_or_add_image(str(self.figures / f"{block.name}.png"))
        width = look.text_width(self._landscape) * _EMU
        height = round(width * image.px_height / image.px_width)
        number = next(self._ids)
        name, alt = quoteattr(block.label), quoteattr(_xml_text(block.alt))
        extent = f'cx="{width}" cy="{height}"'
        return (
            f'<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent {extent}/><wp:docPr id="{number}" name={name} descr={alt}/>'
            '<wp:cNvGraphicFramePr><a:graphicFrameLocks noChangeAspect="1"/></wp:cNvGraphicFramePr>'
            '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>'
            f'<pic:nvPicPr><pic:cNvPr id="{number}" name={name} descr={alt}/><pic:cNvPicPr/></pic:nvPicPr>'
            f'<pic:blipFill><a:blip r:embed="{relation}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
            f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {extent}/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr>'
            "</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
        )

    def _table(self, block: Table) -> str:
        whole = look.text_width(self._landscape)
        widths = [round(width * whole) for width in block.widths]
        widths[-1] += whole - sum(widths)
        properties = (
            f'<w:tblPr><w:tblStyle w:val="ReportTable"/><w:tblW w:w="{whole}" w:type="dxa"/><w:tblLayout w:type="fixed"/>'
            f'<w:tblLook w:val="0020" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" w:noHBand="1" w:noVBand="1"/>'
            f"<w:tblCaption w:val={quoteattr(block.label)}/><w:tblDescription w:val={quoteattr(_xml_text(block.caption))}/></w:tblPr>"
        )
        grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
        rows = _row(block.columns, block.right, widths, head=True) + "".join(_row(row, block.right, widths) for row in block.rows)
        after = '<w:p><w:pPr><w:spacing w:after="60" w:line="120" w:lineRule="exact"/></w:pPr></w:p>'  # two tables that touch are one
        return f"<w:tbl>{properties}<w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>{after}"

    def _outline(self) -> str:
        """Word's table of contents, its entries filled in. Their page numbers come when Word updates the field (F9): only Word knows them."""
        headings = [block for block in self.document.blocks if isinstance(block, Heading) and block.level <= 2]
        begin = f'{_mark("begin")}<w:r><w:instrText xml:space="preserve"> TOC \\o "1-2" \\h \\z \\u </w:instrText></w:r>{_mark("separate")}'
        entries = []
        for at, heading in enumerate(headings):
            number = f"{self._number(heading)}\t" if heading.numbered else ""
            link = f'<w:hyperlink w:anchor="{self._bookmarks[heading.id]}" w:history="1">{_run(number + heading.text)}</w:hyperlink>'
            unindented = "" if heading.numbered else '<w:ind w:left="0" w:firstLine="0"/>'
            entries.append(_paragraph(f"TOC{heading.level}", (begin if at == 0 else "") + link + (_mark("end") if at == len(headings) - 1 else ""), unindented))
        title = _paragraph("TOCHeading", _run(self.document.outline))
        gallery = '<w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/><w:docPartUnique/></w:docPartObj></w:sdtPr>'
        return f"<w:sdt>{gallery}<w:sdtContent>{title}{''.join(entries)}</w:sdtContent></w:sdt>"

    def _number(self, heading: Heading) -> str:
        """The number that Word's own numbering gives it."""
        level = heading.level - 1
        self._numbers[level] += 1
        self._numbers[level + 1 :] = [0] * (2 - level)
        return ".".join(map(str, self._numbers[: level + 1])) + "."

    def _page(self, block: Page) -> str:
        """A new page; a section of its own where the paper turns."""
        tiny = '<w:spacing w:after="0" w:line="20" w:lineRule="exact"/>'
        if block.landscape == self._landscape:
            return f'<w:p><w:pPr>{tiny}</w:pPr><w:r><w:br w:type="page"/></w:r></w:p>'
        ended = f"<w:p><w:pPr>{tiny}{self._section()}</w:pPr></w:p>"
        self._landscape = block.landscape
        return ended

    def _section(self) -> str:
        """Properties of the section that ends here; a later one takes header and footer from the first."""
        width, height = reversed(look.PAGE) if self._landscape else look.PAGE
        turned = ' w:orient="landscape"' if self._landscape else ""
        margins = dict(look.MARGIN)
        if self._landscape:  # the binding edge goes with the paper
            margins = {"top": look.MARGIN["left"], "right": look.MARGIN["top"], "bottom": look.MARGIN["right"], "left": look.MARGIN["bottom"]}
        edges = " ".join(f'w:{side}="{size}"' for side, size in margins.items())
        (around, first), self._around = self._around, ("", "")
        return (
            f'<w:sectPr>{around}<w:type w:val="nextPage"/><w:pgSz w:w="{width}" w:h="{height}"{turned}/>'
            f'<w:pgMar {edges} w:header="567" w:footer="567" w:gutter="0"/>{first}</w:sectPr>'
        )

    def _at_the_edges(self) -> tuple[str, str]:
        """References to the header (the title) and the footer (page of pages); the first page has its title, and no header."""
        part, references = self.package.part, ""
        fields = {"page": _field("PAGE", _run("1")), "pages": _field("NUMPAGES", _run("1"))}
        runs = "".join(fields[piece] if piece in fields else _run(piece) for piece in re.split(r"\{(\w+)\}", self.document.footer) if piece)
        header, footer = _paragraph("Header", _run(self.document.title)), _paragraph("Footer", runs)
        for kind, pages, made in (("header", "default", header), ("header", "first", _paragraph("Header", "")), ("footer", "default", footer), ("footer", "first", footer)):
            new, relation = part.add_header_part() if kind == "header" else part.add_footer_part()
            root = "hdr" if kind == "header" else "ftr"
            _replace_children(new.element, f"<w:{root} {_SPACES}>{made}</w:{root}>")
            references += f'<w:{kind}Reference w:type="{pages}" r:id="{relation}"/>'
        return references, "<w:titlePg/>"


def _row(cells: Sequence[str], right: Sequence[bool], widths: Sequence[int], *, head: bool = False) -> str:
    """A row that stays on one page; the head is repeated on every page."""
    made = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{_paragraph("TableNumber" if at_right else "TableText", _run(cell))}</w:tc>'
        for cell, at_right, width in zip(cells, right, widths, strict=True)
    )
    return f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if head else ''}</w:trPr>{made}</w:tr>"


def _paragraph(style: str, runs: str, more: str = "") -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>{runs}</w:p>'


def _runs(line: Line) -> str:
    return "".join(_run(span.text, bold=span.bold, italic=span.italic) for span in line)


def _run(text: str, *, bold: bool = False, italic: bool = False) -> str:
    properties = ("<w:b/><w:bCs/>" if bold else "") + ("<w:i/><w:iCs/>" if italic else "")
    pieces = "".join(_text_pieces(_xml_text(text)))
    return f"<w:r>{f'<w:rPr>{properties}</w:rPr>' if properties else ''}{pieces}</w:r>"


def _text_pieces(text: str) -> Iterator[str]:
    for piece in re.split(r"([\t\n])", text):
        if piece in ("\t", "\n"):
            yield "<w:tab/>" if piece == "\t" else "<w:br/>"
        elif piece:
            yield f'<w:t xml:space="preserve">{escape(piece)}</w:t>'


def _xml_text(text: str) -> str:
    """What XML cannot hold is shown as the replacement character."""
    return _NOT_XML.sub("\ufffd", text)


def _mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _field(instruction: str, shown: str) -> str:
    """One of Word's fields, with what it shows until Word updates it."""
    return f'{_mark("begin")}<w:r><w:instrText xml:space="preserve"> {escape(instruction)} </w:instrText></w:r>{_mark("separate")}{shown}{_mark("end")}'
