"""The evaluator's own passages: a Markdown file whose headings name sections of the report and whose numbers stand as `{{ id }}`.

What it may hold: headings, paragraphs, lists of one level, **bold**, *italic*, links to a page (printed with their address) and
comments (<!-- … -->), which are left out. HTML, formulas, images, tables, quotes and code are refused with their line, as they
could not be shown alike in the report, the slides and the page. Everything else is text, as it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kcq_eval.deliverables.blocks import Block, Items, Line, Paragraph, Span
from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.numbers import FORMS
from kcq_eval.spellings import key
from kcq_eval.texts import LANGUAGES, templates

MAX_BYTES = 200_000  # some hundred pages of text; more is the wrong file
SECTIONS = (
    "context", "results", "funding_growth", "facility_shares", "support_type_mix", "province_coverage", "facility_register", "sensitivity",
    "comparison", "consistency_audit", "assessment", "strengths", "shortcomings", "causes", "limits", "recommendations",
)  # fmt: skip

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$")
_ITEM = re.compile(r"( *)(?:[-*+•]|(\d{1,3})[.)])[ \t]+(\S.*)$")
_SECTION_NUMBER = re.compile(r"^(?:[0-9]+(?:\.[0-9]+)*[.)]?|[IVX]+[.)])\s+")
_HOLE = re.compile(r"\{\{(.*?)\}\}")
_ASKED = re.compile(r"\s*([\w./+-]+)\s*(?:\|\s*(\w+)\s*)?")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(\s*([^()\s]+)\s*\)")
_EMPHASIS = re.compile(
    r"(?P<both>\*\*\*)(?=\S)(?P<in_both>.+?)(?<=\S)\*\*\*"
    r"|(?P<bold>\*\*|(?<!\w)__)(?=\S)(?P<in_bold>.+?)(?<=\S)(?P=bold)(?!\*)"
    r"|(?P<italic>\*|(?<!\w)_)(?=[^\s*_])(?P<in_italic>.+?)(?<=[^\s*])(?P=italic)(?![\w*])"
)
_REFUSED = {  # what a line may not hold, and what could stand there instead
    "commentary_image": re.compile(r"!\[[^\]]*\]\s*[(\[]"),
    "commentary_html": re.compile(r"</?[A-Za-z][^<>]*>?|<[!?]|&(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z]\w*);"),
    "commentary_formula": re.compile(r"\$\$|\$(?=\S)[^$]*?(?<=\S)\$(?!\d)"),
}
_TEX = re.compile(r"\\\(.+?\\\)|\\\[.+?\\\]|\\(?:begin|frac|sum|sqrt)\b")  # looked for first: \( would be an escaped bracket
_MARKUP = re.compile(r" {0,3}(?:>|```|~~~|\|.*\|\s*$|(?:[-*_=]\s*){3,}$)")
_SHOWN = re.compile("[\U000f0000-\U000ffffd]")  # pieces kept aside
_WEB = ("http://", "https://", "mailto:")


@dataclass(frozen=True)
class Asked:
    """A number that a passage names, before it is known."""

    number: str
    form: str
    row: int
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True)
class Commentary:
    """What an evaluator wrote, by section; its lines may hold `Asked` numbers until they are filled in."""

    file: str = ""
    sections: Mapping[str, tuple[Block, ...]] = field(default_factory=dict)

    def filled(self, known: Iterable[str], say: Callable[[str, str], str]) -> dict[str, tuple[Block, ...]]:
        """The passages with their numbers.

        Args:
            known: Ids of the run's numbers.
            say: The text of a number, by its id and form.

        Raises:
            BadInput: A passage names a number that the run has not made; all of them at once.
        """
        known, problems = list(known), Problems()

        def fill(line: tuple[Span | Asked, ...]) -> Line:
            told = []
            for piece in line:
                if isinstance(piece, Span):
                    told.append(piece)
                elif piece.number in known:
                    told.append(Span(say(piece.number, piece.form), piece.bold, piece.italic, number=piece.number))
                else:
                    near = nearest(piece.number, known)
                    problems.append(Problem("unknown_number", self.file, piece.row, found=piece.number, expected="numbers.csv", nearest=near))
            return tuple(told)

        sections = {section: tuple(_filled(block, fill) for block in blocks) for section, blocks in self.sections.items()}
        problems.stop()
        return sections


def read_commentary(path: Path) -> Commentary:
    """The passages of a file, everything checked that needs no run.

    Raises:
        BadInput: The file cannot be read, names no section, or holds what cannot be shown; all problems at once.
    """
    problems = Problems()
    text = _text(path, problems)
    problems.stop()
    sections = _sections(text, path.name, problems)
    problems.sort(key=lambda problem: problem.row or 0)
    problems.stop()
    return Commentary(path.name, sections)


def section_names(section: str) -> list[str]:
    """The headings that a section may have, the Vietnamese ones first."""
    return [name for language in LANGUAGES for name in templates(language)[f"commentary.sections.{section}"]]


def _filled(block: Block, fill: Callable[[tuple[Span | Asked, ...]], Line]) -> Block:
    if isinstance(block, Items):
        return replace(block, lines=tuple(map(fill, block.lines)))
    return replace(block, line=fill(block.line))


def _text(path: Path, problems: Problems) -> str:
    name = path.name
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            problems.append(Problem("too_large", name, found=f"{size // 1000} kB", expected=f"{MAX_BYTES // 1000} kB"))
            return ""
        raw = path.read_bytes()
    except OSError:
        near = nearest(name, [p.name for p in path.parent.glob("*.md")]) if path.parent.is_dir() else ""
        problems.append(Problem("missing_file", name, expected="md", nearest=near))
        return ""
    try:
        text = unicodedata.normalize("NFC", raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem("not_utf8", name, row, found=repr(raw[error.start : error.start + 4]), expected="UTF-8"))
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for row, line in enumerate(text.split("\n"), start=1):
        odd = sorted({f"U+{ord(c):04X}" for c in line if c != "\t" and _unprintable(c)})
        if odd:
            problems.append(Problem("unprintable", name, row, found=", ".join(odd)))
    return text


def _unprintable(char: str) -> bool:
    """Control characters, marks that turn the direction of writing, and code points that no font or file format has."""
    return unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") or char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _sections(text: str, file: str, problems: Problems) -> dict[str, tuple[Block, ...]]:
    named = {key(name): section for section in SECTIONS for name in section_names(section)}
    sections: dict[str, tuple[Block, ...]] = {}
    for row, heading, lines in _by_heading(_COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)):
        blocks = tuple(_blocks(lines, file, problems))
        if heading is None:
            if blocks:
                first = next(row for row, line in lines if line.strip())
                problems.append(Problem("commentary_no_heading", file, first, expected=f"# {section_names('recommendations')[0]}"))
            continue
        asked = _SECTION_NUMBER.sub("", heading.strip("*_ :"))
        section = named.get(key(asked))
        if section is None:
            near = nearest(key(asked), named)
            valid = ", ".join(section_names(section)[0] for section in SECTIONS)
            told = next((name for name in section_names(named[near]) if key(name) == near), "") if near else ""
            problems.append(Problem("commentary_heading", file, row, found=heading, expected=valid, nearest=told))
        elif section in sections:
            problems.append(Problem("commentary_heading_twice", file, row, found=heading))
        else:
            sections[section] = blocks
    return {section: sections[section] for section in SECTIONS if sections.get(section)}


def _by_heading(text: str) -> Iterator[tuple[int, str | None, list[tuple[int, str]]]]:
    """Each heading with its row and the rows below it; what stands before the first heading has None."""
    row, heading, lines = 1, None, []
    for number, line in enumerate(text.split("\n"), start=1):
        if found := _HEADING.match(line.expandtabs(4)):
            yield row, heading, lines
            row, heading, lines = number, found[2], []
        else:
            lines.append((number, line.expandtabs(4)))
    yield row, heading, lines


def _blocks(lines: list[tuple[int, str]], file: str, problems: Problems) -> Iterator[Block]:
    """Paragraphs and lists; a line break within either is a space."""
    for start, group in _groups(lines, file, problems):
        told = tuple(_line(piece, file, problems) for piece in group)
        yield Paragraph(told[0]) if start == 0 else Items(told, None if start < 0 else start)


_BULLETS = -1


def _groups(lines: list[tuple[int, str]], file: str, problems: Problems) -> Iterator[tuple[int, list[list[tuple[int, str]]]]]:
    """Pieces of one paragraph (0), of a list (its first number) or of bullets (-1), each piece its rows."""
    kind, group, after_blank = 0, [], False
    for row, line in lines:
        if not line.strip():
            after_blank = True
            continue
        if _MARKUP.match(line):
            problems.append(Problem("commentary_markup", file, row, found=line.strip()[:40]))
            continue
        item = _ITEM.match(line)
        begins = item and (not group or after_blank or kind != 0 or not item[2] or int(item[2]) == 1)
        if begins:
            if group and kind != 0 and len(item[1]) >= 2 and not item[1].startswith(" " * 8):
                problems.append(Problem("commentary_nested", file, row, found=line.strip()[:40]))
            same = bool(group) and kind != 0 and (kind == _BULLETS) == (not item[2])
            if group and not same:
                yield kind, group
            if not same:
                kind, group = (int(item[2]) if item[2] else _BULLETS), []
                kind = max(kind, 1) if item[2] else kind
            group.append([(row, item[3])])
        elif group and (not after_blank or (kind != 0 and line.startswith("  "))):
            group[-1].append((row, line.strip()))
        else:
            if group:
                yield kind, group
            kind, group = 0, [[(row, line.strip())]]
        after_blank = False
    if group:
        yield kind, group


def _line(rows: list[tuple[int, str]], file: str, problems: Problems) -> tuple[Span | Asked, ...]:
    """One paragraph or item as spans. What must not be read as a mark, escapes and numbers, is kept aside as private characters."""
    kept: list[str | Asked] = []

    def keep(piece: str | Asked) -> str:
        kept.append(piece)
        return chr(0xF0000 + len(kept) - 1)

    told = []
    for row, line in rows:
        line = _HOLE.sub(lambda hole, row=row: keep(_asked(hole, row, file, problems)), line)
        if "{{" in line or "}}" in line:
            problems.append(Problem("commentary_hole", file, row, found=_SHOWN.sub("…", line.strip()[:40]), expected="{{ funding.current }}"))
        if found := _TEX.search(line):
            problems.append(Problem("commentary_formula", file, row, found=found[0][:40]))
        line = _ESCAPE.sub(lambda escape: keep(escape[1]), line)
        for message, pattern in _REFUSED.items():
            if found := pattern.search(line):
                problems.append(Problem(message, file, row, found=_SHOWN.sub("…", found[0][:40])))
        told.append(_LINK.sub(lambda link, row=row: _linked(link, row, keep, file, problems), line))
    return tuple(_spans(" ".join(told), kept))


def _asked(hole: re.Match, row: int, file: str, problems: Problems) -> str | Asked:
    asked = _ASKED.fullmatch(hole[1])
    if not asked:
        problems.append(Problem("commentary_hole", file, row, found=hole[0][:60], expected="{{ funding.current }}"))
        return hole[0]
    form = asked[2] or ""
    if form not in FORMS:
        problems.append(Problem("commentary_form", file, row, found=form, expected=", ".join(filter(None, FORMS)), nearest=nearest(form, filter(None, FORMS))))
    return Asked(asked[1], form, row)


def _linked(link: re.Match, row: int, keep: Callable[[str], str], file: str, problems: Problems) -> str:
    """A report is printed: the address stands behind the words, as it is."""
    if not link[2].lower().startswith(_WEB):
        problems.append(Problem("commentary_link", file, row, found=_SHOWN.sub("…", link[0][:60]), expected=", ".join(_WEB)))
    return f"{link[1]} ({keep(link[2].removeprefix('mailto:'))})"


def _spans(text: str, kept: list[str | Asked], bold: bool = False, italic: bool = False) -> Iterator[Span | Asked]:
    at = 0
    for mark in _EMPHASIS.finditer(text):
        yield from _pieces(text[at : mark.start()], kept, bold, italic)
        inside = mark["in_both"] or mark["in_bold"] or mark["in_italic"]
        strong, slanted = bold or not mark["italic"], italic or not mark["bold"]
        yield from _spans(inside, kept, strong, slanted)
        at = mark.end()
    yield from _pieces(text[at:], kept, bold, italic)


def _pieces(text: str, kept: list[str | Asked], bold: bool, italic: bool) -> Iterator[Span | Asked]:
    plain = ""
    for char in text:
        piece = kept[ord(char) - 0xF0000] if ord(char) >= 0xF0000 else char
        if isinstance(piece, str):
            plain += piece
            continue
        if plain:
            yield Span(plain, bold, italic)
        plain = ""
        yield replace(piece, bold=bold, italic=italic)
    if plain:
        yield Span(plain, bold, italic)
