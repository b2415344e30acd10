"""What a written report is made of: headings, paragraphs, lists, figures and tables, whatever format they are written in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """A piece of a line.

    Attributes:
        number: Id of the number that the text is; "" for any other text.
        target: Id of the figure, table or heading that the text names; "" for any other text.
    """

    text: str
    bold: bool = False
    italic: bool = False
    number: str = ""
    target: str = ""


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """`level` is 1 to 3; what stands before the chapters has no number."""

    level: int
    text: str
    id: str
    numbered: bool = True


@dataclass(frozen=True)
class Paragraph:
    line: Line


@dataclass(frozen=True)
class Items:
    """A list; a numbered one begins with `start`."""

    lines: tuple[Line, ...]
    start: int | None = None


@dataclass(frozen=True)
class Figure:
    """A drawn figure; `name` is its file below `figures/` without the ending."""

    id: str
    label: str
    caption: str
    name: str
    alt: str


@dataclass(frozen=True)
class Table:
    """A table of finished text.

    Attributes:
        right: For each column, whether it holds numbers and is set to the right.
        widths: For each column, its part of the whole width; together 1.
    """

    id: str
    label: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    widths: tuple[float, ...]


@dataclass(frozen=True)
class Outline:
    """The table of contents."""


@dataclass(frozen=True)
class Page:
    """From here on a new page, upright or lying."""

    landscape: bool = False


Block = Heading | Paragraph | Items | Figure | Table | Outline | Page


def plain_line(text: str, *, italic: bool = False) -> Line:
    return (Span(text, italic=italic),)


def lines_of(blocks: tuple[Block, ...]) -> Iterator[Line]:
    """Every line of the paragraphs and lists."""
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.line
        elif isinstance(block, Items):
            yield from block.lines
