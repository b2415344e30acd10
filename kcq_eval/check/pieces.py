"""What a reader finds in a document: pieces of text, each with its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

# What a place is made of, from the outside in; each is told by the text `check.place.<key>`.
Place = tuple[tuple[str, str], ...]

TEXT, HEADING, CELL, DRAWN, VALUE, CONTENTS = "text", "heading", "cell", "drawn", "value", "contents"


@dataclass(frozen=True)
class Piece:
    """One paragraph, cell, alternative text or drawn value.

    Attributes:
        text: What a reader sees; numbers of cells and charts as their number format shows them in the document's language.
        kind: `text`, `heading`, `cell`, `drawn` (all texts of one figure), `value` (behind a chart's mark) or `contents` (a line
            of the table of contents).
        row, column: Of a cell, what its row is called and what its column is headed.
        value: The number behind the text, where a cell or a mark holds one.
    """

    text: str
    place: Place
    kind: str = TEXT
    row: str = ""
    column: str = ""
    value: Fraction | None = None

    def within(self, *outer: tuple[str, str]) -> Piece:
        """The same piece as part of something larger."""
        return replace(self, place=(*outer, *self.place))


def place_text(place: Place, say: Callable[..., str]) -> str:
    """A place in words, from the outside in."""
    return ", ".join(say(f"check.place.{key}", value=value) for key, value in place)


def table_pieces(rows: list[list[str]], *place: tuple[str, str], headed: bool = True) -> list[Piece]:
    """The cells of a table with what their row is called and how their column is headed; the first line is the head if it has one."""
    head, first = (rows[0] if headed and rows else []), 2 if headed else 1
    return [
        Piece(
            cell, (*place, ("row", str(line)), ("column", str(position))), CELL, row=row[0] if line >= first and position > 1 else "",
            column=head[position - 1] if line >= first and position <= len(head) else "",
        )
        for line, row in enumerate(rows, start=1)
        for position, cell in enumerate(row, start=1)
        if cell
    ]  # fmt: skip
