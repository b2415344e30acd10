"""The parts of Office documents read as a person sees them: PPTX, DOCX, XLSX, and the charts and workbooks inside them."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from kcq_eval.check.number_formats import shown
from kcq_eval.check.pieces import CELL, CONTENTS, DRAWN, HEADING, TEXT, VALUE, Piece, table_pieces
from kcq_eval.errors import BadInput, Problem

MAX_UNPACKED = 400_000_000  # bytes of all parts of a document together
MAX_PARTS = 10_000
_MAX_XML = 60_000_000  # bytes of one part that is read
_MAIN = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml", "xlsx": "xl/workbook.xml"}
_NAMESPACES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
}  # fmt: skip
_STRICT = {  # the same names in documents saved as "strict"
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w", "http://purl.oclc.org/ooxml/drawingml/main": "a",
    "http://purl.oclc.org/ooxml/presentationml/main": "p", "http://purl.oclc.org/ooxml/drawingml/chart": "c",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r", "http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing": "wp",
    "http://purl.oclc.org/ooxml/spreadsheetml/main": "s",
}  # fmt: skip
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES|PAGEREF|DATE|TIME|SAVEDATE|PRINTDATE|CREATEDATE)\b")


def _q(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def read(content: bytes, form: str, name: str, language: str) -> list[Piece]:
    """The pieces of a document.

    Raises:
        BadInput: It is none of this form, damaged, or too large.
    """
    try:
        package = Package(content)
        if _MAIN[form] not in package:
            raise BadInput([Problem("not_a_document", name, expected=form.upper())])
        reader = {"docx": _docx, "pptx": _pptx, "xlsx": _xlsx}[form]
        return list(reader(package, language))
    except TooLarge as error:
        raise BadInput([Problem("too_large", name, found=f"{error.size / 1e6:.0f} MB", expected=f"{MAX_UNPACKED / 1e6:.0f} MB")]) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ElementTree.ParseError, KeyError, ValueError, RuntimeError, RecursionError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput([Problem("not_a_document", name, found=str(error)[:100], expected=form.upper())]) from None


class TooLarge(Exception):
    """More would have to be unpacked than a document holds."""

    def __init__(self, size: int):
        self.size = size
        super().__init__(size)


class Package:
    """The parts of an Office document, unpacked as they are asked for."""

    def __init__(self, content: bytes):
        self._archive = zipfile.ZipFile(io.BytesIO(content))
        parts = self._archive.infolist()
        size = sum(part.file_size for part in parts)
        if size > MAX_UNPACKED or len(parts) > MAX_PARTS:
            raise TooLarge(size)
        self.names = [part.filename for part in parts]

    def __contains__(self, part: str) -> bool:
        return part in self.names

    def bytes_of(self, part: str) -> bytes:
        with self._archive.open(part) as stream:  # no more than it says of itself, however it was packed
            content = stream.read(_MAX_XML + 1)
        if len(content) > _MAX_XML:
            raise TooLarge(len(content))
        return content

    def xml(self, part: str) -> Element:
        content = self.bytes_of(part)
        if b"<!DOCTYPE" in content[:4096]:
            raise ValueError("<!DOCTYPE")
        for strict, prefix in _STRICT.items():
            if strict.encode() in content[:4096]:
                content = content.replace(strict.encode(), _NAMESPACES[prefix].encode())
        return ElementTree.fromstring(content)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part points to inside the document, by relation id: (kind, part)."""
        folder, file = posixpath.split(part)
        place = f"{folder}/_rels/{file}.rels"
        if place not in self:
            return {}
        found = {}
        for relation in self.xml(place):
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join(folder, relation.get("Target", "")))
                found[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], target.lstrip("/"))
        return found


# ---------------------------------------------------------------- DOCX


def _docx(package: Package, language: str) -> Iterator[Piece]:
    levels = _outline(package)
    reader = _Words(package, language, levels)
    yield from reader.body("word/document.xml", ())
    for kind in ("header", "footer", "footnote", "endnote"):
        for part in sorted(name for name in package.names if re.fullmatch(rf"word/{kind}s?\d*\.xml", name)):
            yield from reader.body(part, ((kind, ""),))


def _outline(package: Package) -> dict[str, str]:
    """Of each paragraph style whether it is a heading or a line of the table of contents."""
    found = {}
    if "word/styles.xml" in package:
        for style in package.xml("word/styles.xml").iter(_q("w:style")):
            name = style.find(_q("w:name"))
            told = name.get(_q("w:val"), "").lower() if name is not None else ""
            if told.startswith("heading") or told == "title" or style.find(f"{_q('w:pPr')}/{_q('w:outlineLvl')}") is not None:
                found[style.get(_q("w:styleId"), "")] = HEADING
            elif told.startswith(("toc ", "table of figures")):
                found[style.get(_q("w:styleId"), "")] = CONTENTS
    return found


class _Words:
    """Paragraphs, cells, text boxes, pictures and charts of a Word document's parts."""

    def __init__(self, package: Package, language: str, levels: dict[str, str]):
        self._package, self._language, self._levels = package, language, levels
        self._tables = self._pictures = 0

    def body(self, part: str, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
        self._relations, self._heading, self._paragraphs = self._package.relations(part), "", 0
        yield from self._blocks(self._package.xml(part), place)

    def _blocks(self, element: Element, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
        for child in element:
            if child.tag == _q("w:p"):
                yield from self._paragraph(child, place)
            elif child.tag == _q("w:tbl"):
                self._tables += 1
                yield from self._table(child, (*place, *self._under(), ("table", str(self._tables))))
            elif child.tag not in (_q("w:sectPr"), _q("w:del"), _q("w:moveFrom")):
                yield from self._blocks(child, place)

    def _under(self) -> tuple[tuple[str, str], ...]:
        return (("heading", self._heading),) if self._heading else ()

    def _paragraph(self, paragraph: Element, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
        text, inner = paragraph_text(paragraph)
        style = paragraph.find(f"{_q('w:pPr')}/{_q('w:pStyle')}")
        kind = self._levels.get(style.get(_q("w:val"), ""), TEXT) if style is not None else TEXT
        self._paragraphs += 1
        where = (*place, *([] if kind == HEADING else self._under()), ("paragraph", str(self._paragraphs)))
        if text.strip():
            if kind == HEADING:
                self._heading = " ".join(text.split())
            yield Piece(text, where, kind)
        for element in inner:
            yield from self._drawing(element, where)

    def _drawing(self, element: Element, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
        """What stands in a drawing: alternative text, picture, chart, text box."""
        for part in _without_fallback(element):
            if part.tag == _q("wp:docPr"):
                for told in {part.get("descr"), part.get("title")} - {None, ""}:
                    yield Piece(told, (*place, ("alt", "")))
            elif part.tag == _q("a:blip"):
                self._pictures += 1
                yield from _picture(self._package, self._relations, part, (*place, ("picture", str(self._pictures))))
            elif part.tag == _q("c:chart"):
                target = self._relations.get(part.get(_q("r:id"), ""))
                if target:
                    yield from chart_pieces(self._package, target[1], self._language, (*place, ("chart", "")))
            elif part.tag == _q("w:txbxContent"):
                yield from self._blocks(part, (*place, ("box", "")))

    def _table(self, table: Element, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
        rows, inner = [], []
        for line in _children(table, "w:tr"):
            cells: list[str] = []
            for cell in _children(line, "w:tc"):
                words = [paragraph_text(paragraph) for paragraph in _children(cell, "w:p")]
                cells.append(" ".join(text for text, _ in words if text.strip()))
                inner += [element for _, elements in words for element in elements] + list(cell.iter(_q("w:tbl")))
                span = cell.find(f"{_q('w:tcPr')}/{_q('w:gridSpan')}")
                cells += [""] * (int(span.get(_q("w:val"), "1")) - 1 if span is not None else 0)
            rows.append([" ".join(cell.replace("\n", " ").split(" ")) for cell in cells])
        yield from table_pieces(rows, *place)
        for element in inner:
            yield from self._table(element, place) if element.tag == _q("w:tbl") else self._drawing(element, place)


def _children(element: Element, name: str) -> Iterator[Element]:
    """Children of this name, also those in content controls and insertions."""
    for child in element:
        if child.tag == _q(name):
            yield child
        elif child.tag in (_q("w:sdt"), _q("w:sdtContent"), _q("w:ins"), _q("w:customXml")):
            yield from _children(child, name)


def paragraph_text(paragraph: Element) -> tuple[str, list[Element]]:
    """A paragraph's text as it is read, without deleted words and page numbers, and the drawings in it."""
    words: list[str] = []
    inner: list[Element] = []
    fields: list[list[str]] = []  # of each open field its instruction; its last item tells where its result begins

    def walk(element: Element) -> None:
        for child in element:
            tag = child.tag.rpartition("}")[2]
            if child.tag == _q("mc:AlternateContent"):
                choice = child.find(_q("mc:Choice"))
                walk(choice if choice is not None else child)
            elif tag in ("drawing", "pict", "object"):
                inner.append(child)
            elif tag == "fldChar":
                kind = child.get(_q("w:fldCharType"))
                if kind == "begin":
                    fields.append([""])
                elif kind == "separate" and fields:
                    fields[-1].append("")
                elif kind == "end" and fields:
                    fields.pop()
            elif tag == "instrText" and fields:
                fields[-1][0] += child.text or ""
            elif tag == "fldSimple":
                if not _PAGE_FIELD.match(child.get(_q("w:instr"), "")):
                    walk(child)
            elif tag in ("del", "moveFrom", "pPr", "rPr", "Fallback"):
                continue
            elif any(_PAGE_FIELD.match(field[0]) and len(field) > 1 for field in fields):
                continue
            elif tag == "t" and child.tag in (_q("w:t"), _q("m:t")):
                words.append(child.text or "")
            elif tag in ("tab", "br", "cr"):
                words.append("\n" if tag == "br" else "\t")
            elif tag == "noBreakHyphen":
                words.append("-")
            else:
                walk(child)

    walk(paragraph)
    return "".join(words), inner


def _without_fallback(element: Element) -> Iterator[Element]:
    """An element and what is in it, in order, text boxes and charts whole, what stands there for old programs left out."""
    yield element
    if element.tag in (_q("w:txbxContent"), _q("c:chart")):
        return
    for child in element:
        if child.tag != _q("mc:Fallback"):
            yield from _without_fallback(child)


def _picture(package: Package, relations: dict, blip: Element, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
    """The texts drawn in an embedded figure, from its PNG or its SVG."""
    from kcq_eval.check.readers import picture_pieces

    ids = [value for element in blip.iter() for name, value in element.attrib.items() if name == _q("r:embed")]
    for relation in ids:
        part = relations.get(relation, ("", ""))[1]
        form = part.rpartition(".")[2].lower()
        if part in package and form in ("png", "svg"):
            drawn = [piece for piece in picture_pieces(package.bytes_of(part), form) if piece.kind == DRAWN]
            if drawn:
                yield from (piece.within(*place) for piece in drawn)
                return


# ---------------------------------------------------------------- PPTX


def _pptx(package: Package, language: str) -> Iterator[Piece]:
    relations = package.relations("ppt/presentation.xml")
    slides = package.xml("ppt/presentation.xml").iter(_q("p:sldId"))
    for number, slide in enumerate(slides, start=1):
        part = relations[slide.get(_q("r:id"), "")][1]
        place = (("slide", str(number)),)
        yield from _shapes(package, part, language, place)
        for kind, target in package.relations(part).values():
            if kind == "notesSlide" and target in package:
                yield from _shapes(package, target, language, (*place, ("notes", "")))


def _shapes(package: Package, part: str, language: str, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
    relations = package.relations(part)
    tree = package.xml(part).find(f"{_q('p:cSld')}/{_q('p:spTree')}")
    for shape in _each_shape(tree if tree is not None else Element("none")):
        named = next(shape.iter(_q("p:cNvPr")), None)
        where = (*place, ("shape", named.get("name", ""))) if named is not None else place
        for told in sorted({named.get("descr"), named.get("title")} - {None, ""} if named is not None else ()):
            yield Piece(told, (*where, ("alt", "")))
        placeholder = next(shape.iter(_q("p:ph")), None)
        kind = placeholder.get("type", "") if placeholder is not None else ""
        if kind in ("sldNum", "dt", "sldImg"):
            continue
        table, chart = next(shape.iter(_q("a:tbl")), None), next(shape.iter(_q("c:chart")), None)
        if table is not None:
            rows = [[_lines(cell, " ") for cell in row.iter(_q("a:tc"))] for row in table.iter(_q("a:tr"))]
            yield from table_pieces(rows, *where)
        elif chart is not None and chart.get(_q("r:id")) in relations:
            yield from chart_pieces(package, relations[chart.get(_q("r:id"))][1], language, where)
        else:
            for paragraph in shape.iter(_q("a:p")):
                if (text := _drawn_text(paragraph)).strip():
                    yield Piece(text, where, HEADING if kind in ("title", "ctrTitle") else TEXT)
        for blip in shape.iter(_q("a:blip")):
            yield from _picture(package, relations, blip, where)


def _each_shape(tree: Element) -> Iterator[Element]:
    """Shapes in their order, those of groups one by one."""
    for child in tree:
        if child.tag == _q("p:grpSp"):
            yield from _each_shape(child)
        elif child.tag == _q("mc:AlternateContent"):
            choice = child.find(_q("mc:Choice"))
            yield from _each_shape(choice if choice is not None else Element("none"))
        elif child.tag in (_q("p:sp"), _q("p:pic"), _q("p:graphicFrame"), _q("p:cxnSp")):
            yield child


def _drawn_text(paragraph: Element) -> str:
    """A paragraph of a slide without slide number and date fields."""
    words = []
    for child in paragraph:
        if child.tag == _q("a:r") or (child.tag == _q("a:fld") and not child.get("type", "").startswith(("slidenum", "datetime"))):
            words.append("".join(text.text or "" for text in child.iter(_q("a:t"))))
        elif child.tag == _q("a:br"):
            words.append("\n")
    return "".join(words)


def _lines(element: Element, between: str) -> str:
    return between.join(text for text in (_drawn_text(paragraph) for paragraph in element.iter(_q("a:p"))) if text.strip())


# ---------------------------------------------------------------- charts


def chart_pieces(package: Package, part: str, language: str, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
    """A native chart: titles, names, labels, the values behind its marks, and what its workbook holds besides.

    Series that are not seen, and those of one value throughout, only carry other marks or labels to their place.
    """
    chart = package.xml(part)
    for title in (*chart.iter(_q("c:title")), *chart.iter(_q("c:dLbl"))):
        if text := _lines(title, " "):
            yield Piece(text, (*place, ("label", "")))
    scatter = chart.find(f".//{_q('c:scatterChart')}") is not None
    told: set[Fraction] = set()
    for series in chart.iter(_q("c:ser")):
        name = " ".join(_cached(series.find(_q("c:tx")), language))
        if name:
            yield Piece(name, (*place, ("series", name)))
        names = _cached(series.find(_q("c:cat")), language)
        yield from (Piece(text, (*place, ("category", str(n)))) for n, text in enumerate(names, start=1) if text)
        hidden = series.find(f"{_q('c:spPr')}/{_q('a:noFill')}") is not None
        for tag in ("c:val", "c:xVal", "c:yVal"):
            values = series.find(_q(tag))
            numbers = list(_numbers(values, language)) if values is not None else []
            told.update(value for value, _ in numbers)
            if hidden or (tag == "c:xVal" and not scatter) or (len(numbers) > 1 and len({value for value, _ in numbers}) == 1):
                continue
            for number, (value, text) in enumerate(numbers, start=1):
                label = names[number - 1] if number <= len(names) else str(number)
                yield Piece(text, (*place, ("series", name), ("mark", label)), VALUE, row=label, column=name, value=value)
    for kind, target in package.relations(part).values():
        if kind == "package" and target in package and target.lower().endswith(".xlsx"):
            for piece in _xlsx(Package(package.bytes_of(target)), language):
                if piece.value is None or piece.value not in told:
                    yield piece.within(*place, ("workbook", ""))


def _cached(element: Element | None, language: str) -> list[str]:
    if element is None:
        return []
    if next(element.iter(_q("c:numCache")), None) is not None:
        return [text for _, text in _numbers(element, language)]
    return [point.text or "" for point in element.iter(_q("c:v"))]


def _numbers(element: Element, language: str) -> Iterator[tuple[Fraction, str]]:
    """The cached numbers of a series, and how its number format shows them."""
    for cache in (*element.iter(_q("c:numCache")), *element.iter(_q("c:numLit"))):
        code = cache.findtext(_q("c:formatCode"), "General")
        for point in cache.iter(_q("c:pt")):
            text = point.findtext(_q("c:v"), "")
            try:
                value = Fraction(text)
            except (ValueError, ZeroDivisionError):
                continue
            yield value, shown(value, point.get("formatCode", code), language)


# ---------------------------------------------------------------- XLSX

_CELL = re.compile(r"([A-Z]{1,3})(\d+)")
_DATE_FORMATS = {*range(14, 23), *range(45, 48)}
_BUILT_IN = {0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 49: "@"}


def _xlsx(package: Package, language: str) -> Iterator[Piece]:
    relations = package.relations("xl/workbook.xml")
    strings = _shared(package)
    formats = _formats(package)
    for sheet in package.xml("xl/workbook.xml").iter(_q("s:sheet")):
        part = relations.get(sheet.get(_q("r:id"), ""), ("", ""))[1]
        if part in package:
            place = (("sheet", sheet.get("name", "")),)
            yield Piece(sheet.get("name", ""), place)
            yield from _sheet(package.xml(part), strings, formats, language, place)
            for kind, target in package.relations(part).values():
                if kind == "comments" and target in package:
                    for comment in package.xml(target).iter(_q("s:comment")):
                        yield Piece(_joined(comment), (*place, ("comment", comment.get("ref", ""))))
                elif kind == "drawing" and target in package:
                    yield from _sheet_drawing(package, target, language, place)


def _shared(package: Package) -> list[str]:
    if "xl/sharedStrings.xml" not in package:
        return []
    return [_joined(item) for item in package.xml("xl/sharedStrings.xml").iter(_q("s:si"))]


def _joined(element: Element) -> str:
    """The text of rich text, without what only tells how it is pronounced."""
    return "".join(text.text or "" for child in element if child.tag != _q("s:rPh") for text in child.iter(_q("s:t")))


def _formats(package: Package) -> list[str]:
    """The number format of each cell style."""
    if "xl/styles.xml" not in package:
        return []
    styles = package.xml("xl/styles.xml")
    own = {int(f.get("numFmtId", "0")): f.get("formatCode", "General") for f in styles.iter(_q("s:numFmt"))}
    cells = styles.find(_q("s:cellXfs"))
    ids = [int(cell.get("numFmtId", "0")) for cell in cells] if cells is not None else []
    return [own.get(i) or ("yyyy-mm-dd" if i in _DATE_FORMATS else _BUILT_IN.get(i, "General")) for i in ids]


def _sheet(sheet: Element, strings: list[str], formats: list[str], language: str, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
    heads: dict[str, str] = {}  # of each column the latest text above
    for row in sheet.iter(_q("s:row")):
        label = ""
        cells = [(cell, *_cell(cell, strings, formats, language)) for cell in row.iter(_q("s:c"))]
        texts = [text for _, text, value in cells if text and value is None]
        is_head = len(texts) > 1 and len(texts) == sum(1 for _, text, _ in cells if text) and not any(c.isdigit() for text in texts[1:] for c in text[:1])
        for cell, text, value in cells:
            if not text:
                continue
            reference = cell.get("r", "")
            match = _CELL.match(reference)
            column = match[1] if match else ""
            yield Piece(text, (*place, ("cell", reference)), CELL, row=label, column="" if is_head else heads.get(column, ""), value=value)
            label = label or text
            if is_head:
                heads[column] = text
    for part in ("s:oddHeader", "s:oddFooter"):
        for told in sheet.iter(_q(part)):
            text = re.sub(r"&(?:\"[^\"]*\"|[LCRPNDTAFGZSXYBIUE]|K[0-9A-F]{6}|\d{1,2})", " ", told.text or "")
            if text.strip():
                yield Piece(text, (*place, ("header" if part == "s:oddHeader" else "footer", "")))


def _cell(cell: Element, strings: list[str], formats: list[str], language: str) -> tuple[str, Fraction | None]:
    """What a cell shows, and the number in it."""
    kind, text = cell.get("t", "n"), cell.findtext(_q("s:v"), "")
    if kind == "s":
        return strings[int(text)] if text else "", None
    if kind == "inlineStr":
        inline = cell.find(_q("s:is"))
        return _joined(inline) if inline is not None else "", None
    if kind != "n" or not text:
        return text if kind in ("str", "d") else "", None
    style = int(cell.get("s", "0"))
    value = Fraction(text)
    return shown(value, formats[style] if style < len(formats) else "General", language), value


def _sheet_drawing(package: Package, part: str, language: str, place: tuple[tuple[str, str], ...]) -> Iterator[Piece]:
    relations = package.relations(part)
    for element in package.xml(part).iter():
        if element.tag.endswith("}cNvPr"):
            for told in sorted({element.get("descr"), element.get("title")} - {None, ""}):
                yield Piece(told, (*place, ("alt", "")))
        elif element.tag == _q("c:chart") and element.get(_q("r:id")) in relations:
            yield from chart_pieces(package, relations[element.get(_q("r:id"))][1], language, (*place, ("chart", "")))
        elif element.tag == _q("a:blip"):
            yield from _picture(package, relations, element, (*place, ("picture", "")))
        elif element.tag == _q("a:p") and (text := _drawn_text(element)).strip():
            yield Piece(text, (*place, ("box", "")))
