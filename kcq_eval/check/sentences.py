"""Texts with their numerals masked, so that what stands around them can be compared."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from kcq_eval.check.numerals import CLAIM, PERIOD, Numeral, numerals

_TOKEN = re.compile(r"\w+|[.;!?](?=\s|$)|\n|[%→]", re.UNICODE)
END = "|"  # of a sentence
MASK = "0"  # where a numeral stands


def plain(text: str) -> str:
    """A text to compare: white space of one kind."""
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ").split())


@dataclass(frozen=True)
class Sentence:
    """A text with its numerals masked: tokens in lower case, and for each numeral its place among them.

    `named` are the same tokens with claim numbers and periods as they stand: they name what the other numbers are about.
    """

    tokens: tuple[str, ...]
    places: tuple[int, ...]
    numerals: tuple[Numeral, ...]

    @functools.cached_property
    def told(self) -> tuple[str, ...]:
        """The numerals' texts."""
        return tuple(plain(numeral.text) for numeral in self.numerals)

    @functools.cached_property
    def named(self) -> tuple[str, ...]:
        named = {place: numeral.text for place, numeral in zip(self.places, self.numerals, strict=True) if numeral.kind in (CLAIM, PERIOD)}
        return tuple(named.get(place, token) for place, token in enumerate(self.tokens))

    @property
    def words(self) -> int:
        return sum(token not in (MASK, END) for token in self.tokens)


def masked(text: str, language: str, names: tuple[str, ...] = ()) -> Sentence:
    found = numerals(text, language, names)
    tokens: list[str] = []
    places, end = [], 0
    for numeral in found:
        tokens += _tokens(text[end : numeral.start])
        places.append(len(tokens))
        tokens.append(MASK)
        end = numeral.end
    return Sentence((*tokens, *_tokens(text[end:])), tuple(places), tuple(found))


def _tokens(text: str) -> list[str]:
    return [END if token in ".;!?\n" else token.lower() for token in _TOKEN.findall(text)]
