"""Documents read back as a person would see them: PPTX, DOCX, XLSX, HTML, Markdown, plain text, figures.

Nothing in a document is run, fetched or changed. Office documents are read from their parts, without the libraries that write
them, so that the check does not rest on what it checks.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

from kcq_eval.check.pieces import DRAWN, HEADING, TEXT, Piece, table_pieces
from kcq_eval.errors import BadInput, Problem
from kcq_eval.figures import DRAWN_TEXTS

MAX_BYTES = 200_000_000
FORMS = (".docx", ".pptx", ".xlsx", ".html", ".htm", ".md", ".txt")
PICTURES = (".svg", ".png")
_OLD = b"\xd0\xcf\x11\xe0"  # .doc, .ppt, .xls, and any document with a password
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_document(path: Path, language: str) -> list[Piece]:
    """The pieces of a document in reading order; its form is told by its ending.

    Args:
        language: How numbers of cells and charts are shown.

    Raises:
        BadInput: No such file, another form, damaged, with a password, or too large.
    """
    content = _content(path)
    form = path.suffix.lower()
    if form in (".docx", ".pptx", ".xlsx"):
        from kcq_eval.check import office

        if content.startswith(_OLD):
            raise BadInput([Problem("locked_document", path.name, expected=form[1:].upper())])
        return [_tidy(piece) for piece in office.read(content, form[1:], path.name, language)]
    if form in PICTURES:
        return [_tidy(piece) for piece in picture_pieces(content, form[1:])]
    text = _text(content, path.name)
    if form in (".html", ".htm"):
        return [_tidy(piece) for piece in html_pieces(text)]
    return [_tidy(piece) for piece in (markdown_pieces(text) if form == ".md" else plain_pieces(text))]


def _content(path: Path) -> bytes:
    form = path.suffix.lower()
    if form not in (*FORMS, *PICTURES):
        raise BadInput([Problem("unknown_document", path.name, found=form, expected=" ".join(FORMS))])
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput([Problem("too_large", path.name, found=f"{size / 1e6:.0f} MB", expected=f"{MAX_BYTES / 1e6:.0f} MB")])
        content = path.read_bytes()
    except OSError:
        raise BadInput([Problem("missing_file", str(path))]) from None
    if not content:
        raise BadInput([Problem("empty_file", path.name)])
    return content


def _text(content: bytes, name: str) -> str:
    encoding = next((found for mark, found in _ENCODINGS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise BadInput([Problem("not_utf8", name)]) from None


def _tidy(piece: Piece) -> Piece:
    """In NFC, without invisible marks, white space as one space; no-break spaces stay."""
    text = "\n".join(filter(None, map(tidied, piece.text.split("\n")))) if piece.kind == DRAWN else tidied(piece.text)
    return replace(piece, text=text, row=tidied(piece.row), column=tidied(piece.column))


def tidied(text: str) -> str:
    text = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    return re.sub(r"[ \t\r\n\f\v]+", " ", text).strip(" ")


_INVISIBLE = dict.fromkeys(map(ord, "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}"))


# ---------------------------------------------------------------- plain text and Markdown


def plain_pieces(text: str) -> list[Piece]:
    return [Piece(line, (("line", str(number)),)) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>()#+\-.!|&$~])")
_EMPHASIS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")


def markdown_pieces(text: str) -> list[Piece]:
    """Paragraphs, headings, list items and tables; code between fences is left out."""
    pieces: list[Piece] = []
    table: list[list[str]] = []
    heading, fenced = "", False
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        if fenced:
            continue
        if line.lstrip().startswith("|"):
            cells = [_plain(cell) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                table.append(cells)
            continue
        place = (("heading", heading),) if heading else ()
        if table:
            pieces += table_pieces(table, *place, ("line", str(number - 1)))
            table = []
        if match := re.match(r"#{1,6}\s+(.*)", line):
            heading = _plain(match[1])
            pieces.append(Piece(heading, (("line", str(number)),), HEADING))
        elif line.strip() and not re.fullmatch(r"\s*[-*_]{3,}\s*", line):
            pieces.append(Piece(_plain(re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+", "", line)), (*place, ("line", str(number)))))
    return pieces


def _plain(text: str) -> str:
    """The text without Markdown's marks; a mark that was escaped stays."""
    kept = _ESCAPED.sub(lambda match: chr(0xE000 + ord(match[1])), text)
    kept = _EMPHASIS.sub("", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", kept))
    return re.sub("[\ue000-\ue07f]", lambda match: chr(ord(match[0]) - 0xE000), kept).strip()


# ---------------------------------------------------------------- HTML

_BLOCKS = {"p", "li", "div", "section", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th", "tr", "table", "figcaption", "summary", "details", "footer", "header",
           "ul", "ol", "dl", "dt", "dd", "blockquote", "main", "nav", "figure", "body", "html", "head", "title", "caption", "br", "article"}  # fmt: skip
_UNREAD = {"style", "script", "pre", "code", "template"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


def html_pieces(text: str) -> list[Piece]:
    """Blocks of text, cells with their heads, alternative texts and pictures; code is left out."""
    reader = _HtmlReader()
    reader.feed(text)
    reader.close()
    reader.flush()
    return reader.pieces


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[Piece] = []
        self._words: list[str] = []
        self._unread = 0
        self._heading, self._tag = "", ""
        self._tables = self._pictures = 0
        self._rows: list[list[list[str]]] = []  # of each open table
        self._headed: list[bool] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in _BLOCKS:
            self.flush()
            self._tag = tag
        if tag in _UNREAD:
            self._unread += 1
        elif tag == "table":
            self._tables += 1
            self._rows.append([])
            self._headed.append(False)
        elif tag == "thead" and self._headed:
            self._headed[-1] = True
        elif tag == "tr" and self._rows:
            self._rows[-1].append([])
        elif tag == "img":
            self._picture(given)
        for name in ("title", "aria-label"):
            if given.get(name):
                self.pieces.append(Piece(given[name], self._place()))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        if tag in ("td", "th") and self._rows and self._rows[-1]:
            self._rows[-1][-1].append(tidied("".join(self._words)))
            self._words = []
        elif tag == "table" and self._rows:
            self.pieces += table_pieces(self._rows.pop(), *self._place(), ("table", str(self._tables)), headed=self._headed.pop())
        if tag in _BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._words.append(data)

    def flush(self) -> None:
        """Close the piece that is being read; inside a cell, which its end tag closes, nothing."""
        text = "".join(self._words)
        if self._rows and self._rows[-1] and text.strip():
            self._words = [text, " "]
            return
        self._words = []
        if not text.strip():
            return
        is_heading = self._tag in _HEADINGS
        if is_heading:
            self._heading = tidied(text)
        self.pieces.append(Piece(text, () if is_heading else self._place(), HEADING if is_heading else TEXT))
        self._tag = ""

    def _place(self) -> tuple[tuple[str, str], ...]:
        return (("heading", self._heading),) if self._heading else ()

    def _picture(self, given: dict[str, str | None]) -> None:
        self._pictures += 1
        place = (*self._place(), ("picture", str(self._pictures)))
        if given.get("alt"):
            self.pieces.append(Piece(given["alt"], (*place, ("alt", ""))))
        source = given.get("src") or ""
        if match := re.match(r"data:image/(svg\+xml|png)(;base64)?,", source):
            data = source[match.end() :]
            content = base64.b64decode(data) if match[2] else unquote_to_bytes(data)
            drawn = picture_pieces(content, "svg" if "svg" in match[1] else "png")
            self.pieces += [piece.within(*place) for piece in drawn if piece.kind == DRAWN]


# ---------------------------------------------------------------- figures

_ALT = re.compile(rb"<desc>(.*?)</desc>", re.DOTALL)
_DRAWN = re.compile(rb"<texts [^>]*>(.*?)</texts>", re.DOTALL)
_LINE = re.compile(r"<t>(.*?)</t>", re.DOTALL)


def picture_pieces(content: bytes, form: str) -> list[Piece]:
    """A figure's alternative text, and the texts that are drawn in it where `figures.style` saved it."""
    told = _svg_texts(content) if form == "svg" else _png_texts(content)
    pieces = [Piece(told["alt"], (("alt", ""),))] if told.get("alt") else []
    return pieces + ([Piece(told["drawn"], (("drawn", ""),), DRAWN)] if told.get("drawn") else [])


def _svg_texts(content: bytes) -> dict[str, str]:
    head = content[:200_000]
    found = {key: match[1].decode("utf-8", "replace") for key, match in (("alt", _ALT.search(head)), ("drawn", _DRAWN.search(head))) if match}
    if "drawn" in found:
        found["drawn"] = "\n".join(_LINE.findall(found["drawn"]))
    return {key: html.unescape(text) for key, text in found.items()}


def _png_texts(content: bytes) -> dict[str, str]:
    """The international texts of a PNG."""
    found, place, keys = {}, 8, {"Description": "alt", DRAWN_TEXTS: "drawn"}
    while place + 8 <= len(content):
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if kind == b"IDAT":
            break
        if kind == b"iTXt":
            key, _, rest = content[place + 8 : place + 8 + length].partition(b"\0")
            packed, rest = rest[:1] == b"\1", rest[2:]
            text = rest.split(b"\0", 2)[-1]
            name = keys.get(key.decode("latin-1"))
            if name:
                unpacker = zlib.decompressobj()
                found[name] = (unpacker.decompress(text, 1_000_000) if packed else text).decode("utf-8", "replace")
        place += 12 + length
    return found


