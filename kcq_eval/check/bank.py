"""What stands around each numeral of texts that are known to be right, so that a stale or mistyped copy is told apart from a true one.

A numeral's surroundings are the words to its left and right within the sentence; where they name something definite, only the
numerals seen there belong there. Where nothing is known word for word, the sentence most alike is found and laid beside it.
"""

from __future__ import annotations

import difflib
import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kcq_eval.check.knowledge import Knowledge
from kcq_eval.check.numerals import NUMBER, RANGE, RATIO, Numeral
from kcq_eval.check.pieces import CELL, Piece
from kcq_eval.check.sentences import END, MASK, Sentence, plain

_REACH = 6  # words on each side
_FEWEST = 2  # words that must be among them
_DEFINITE = 4  # words with which they name something definite
_ALIKE = 0.72  # of two sentences that are laid beside each other
_VERY_ALIKE = 0.85
_MOST_TRIED = 8
_HERE = ("<name>", "<number>")  # where the numeral itself stands
_AMOUNTS = (NUMBER, RANGE, RATIO)
_COMMON = 400  # sentences that have a word; a word of more tells nothing


@dataclass
class Bank:
    """Sentences and tables known to be right, in the language of `knowledge`."""

    knowledge: Knowledge
    _around: dict[tuple[str, ...], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    _values: dict[tuple[str, ...], set[tuple]] = field(default_factory=lambda: defaultdict(set))
    _cells: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    _sentences: dict[tuple[str, ...], list[Sentence]] = field(default_factory=dict)
    _having: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, text: str, ids: dict[str, str] | None = None) -> None:
        """A sentence; `ids` tells which number stands for a numeral's text."""
        sentence = self.knowledge.masked(text)
        if not sentence.numerals:
            return
        for place, numeral in zip(sentence.places, sentence.numerals, strict=True):
            told = plain(numeral.text)
            key = surroundings(sentence, place)
            if _words(key) >= _FEWEST:
                self._around[key].setdefault(told, (ids or {}).get(told, ""))
                self._values[key].add(numeral.values)
        known = self._sentences.setdefault(sentence.tokens, [])
        if sentence.told not in {other.told for other in known}:
            known.append(sentence)
        if len(known) == 1:
            for word in set(sentence.tokens) - {MASK, END}:
                self._having[word].append(sentence.tokens)

    def add_table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        for row in rows:
            for column, cell in zip(columns[1:], row[1:], strict=False):
                if cell:
                    self._cells[plain(row[0]).lower(), plain(column).lower()].append(plain(cell))
            for cell in row:
                self.add(cell)

    def add_pieces(self, pieces: Iterable[Piece]) -> None:
        """What a finished document says."""
        for piece in pieces:
            if piece.kind == CELL and piece.row and piece.column:
                self._cells[plain(piece.row).lower(), plain(piece.column).lower()].append(plain(piece.text))
            self.add(piece.text)

    def add_labelled(self) -> None:
        """Every indicator after its label."""
        for known in self.knowledge.known:
            if known.label and known.text:
                self.add(f"{known.label}: {known.text}")

    def cells(self, piece: Piece) -> list[str]:
        """What stands in this row and column."""
        if not (piece.row and piece.column):
            return []
        return self._cells.get((plain(piece.row).lower(), plain(piece.column).lower()), [])

    def there(self, sentence: Sentence, place: int) -> tuple[dict[str, str], bool]:
        """The numerals known in these surroundings, with their ids, and whether this one, even without its unit, does not belong there."""
        key = surroundings(sentence, place)
        values = sentence.numerals[sentence.places.index(place)].values
        return self._around.get(key, {}), _words(key) >= _DEFINITE and not (values and values in self._values.get(key, ()))

    def same_words(self, sentence: Sentence) -> tuple[Numeral, ...]:
        """The numerals of the known sentence that says the same in the same words, of several the one most alike; () where none does."""
        known = self._sentences.get(sentence.tokens, [])
        return _closest(known, sentence.told).numerals if known else ()

    def alike(self, sentence: Sentence) -> tuple[dict[int, Numeral], bool]:
        """The counterparts of a sentence's numerals, by their index, in the known sentence most alike; and whether that sentence is
        so alike, and agrees in another number, that a different numeral is a changed one."""
        words = {token for token in sentence.tokens if token not in (MASK, END)}
        shared: Counter[tuple[str, ...]] = Counter()
        for word in words:
            found = self._having.get(word, ())
            if len(found) < _COMMON:
                shared.update(found)
        best, alike = None, _ALIKE
        tried = sorted(shared.items(), key=lambda item: (-item[1] / (len(item[0]) + len(words)), item[0]))[:_MOST_TRIED] if len(words) >= _DEFINITE else []
        for tokens, _ in tried:
            matcher = difflib.SequenceMatcher(None, tokens, sentence.tokens, autojunk=False)
            if matcher.quick_ratio() > alike and (ratio := matcher.ratio()) > alike:
                best, alike = (matcher, tokens), ratio
        if best is None:
            return {}, False
        matcher, tokens = best
        known = _closest(self._sentences[tokens], sentence.told)
        at = dict(zip(known.places, known.numerals, strict=True))
        index = {place: n for n, place in enumerate(sentence.places)}
        pairs = {
            index[block.b + offset]: at[block.a + offset]
            for block in matcher.get_matching_blocks()
            for offset in range(block.size)
            if block.a + offset in at and block.b + offset in index
        }
        agreeing = sum(plain(numeral.text) == sentence.told[n] for n, numeral in pairs.items())
        return pairs, alike > _VERY_ALIKE and agreeing > 0 and len(pairs) - agreeing <= agreeing


def _closest(known: list[Sentence], told: tuple[str, ...]) -> Sentence:
    """Of sentences in the same words the one with the most numerals in common."""
    return max(known, key=lambda sentence: sum(map(operator.eq, sentence.told, told)))


def surroundings(sentence: Sentence, place: int) -> tuple[str, ...]:
    """The words around a numeral on both sides, as far as the sentence goes."""
    left, right = [], []
    for token in reversed(sentence.named[:place]):
        left.append(token)
        if token == END or len(left) == _REACH:
            break
    for token in sentence.named[place + 1 :]:
        right.append(token)
        if token == END or len(right) == _REACH:
            break
    left = left if left and (left[-1] == END or len(left) == _REACH) else [*left, END]
    right = right if right and (right[-1] == END or len(right) == _REACH) else [*right, END]
    kind = next(numeral.kind for at, numeral in zip(sentence.places, sentence.numerals, strict=True) if at == place)
    return (*reversed(left), _HERE[kind in _AMOUNTS], *right)


def _words(key: tuple[str, ...]) -> int:
    return sum(token not in (MASK, END, *_HERE) for token in key)
