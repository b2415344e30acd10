"""The verdict on every numeral of a document: it holds, it changed, or nothing accounts for it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from kcq_eval.check.bank import Bank
from kcq_eval.check.knowledge import Knowledge, Match
from kcq_eval.check.numerals import NUMBER, RANGE, YEAR, Amount, Numeral, numerals
from kcq_eval.check.pieces import CELL, CONTENTS, DRAWN, HEADING, VALUE, Piece, Place
from kcq_eval.check.sentences import Sentence, plain
from kcq_eval.printed import format_number
from kcq_eval.texts import plain as say

HOLDS, STRUCTURE, CHANGED, MARK, DIGITS, UNIT, UNKNOWN, DIFFERS = "holds", "structure", "changed", "mark", "digits", "unit", "unknown", "differs"
VERDICTS = (HOLDS, STRUCTURE, CHANGED, MARK, DIGITS, UNIT, UNKNOWN, DIFFERS)
_RISES = r"(?:tăng|nhiều hơn|cao hơn|lên|up|rose|rise[sn]?|increased?|more|higher|\+)"
_FALLS = r"(?:giảm|ít hơn|thấp hơn|down|fell|fall(?:s|en)?|decreased?|fewer|less|lower|mất)"
_TURNED = re.compile(rf"(?<!\w)(?:(?P<rises>{_RISES})|(?P<falls>{_FALLS}))(?:\s+(?:thêm|by|khoảng|hơn|gần|about|over|nearly|tới|là))*\s*$", re.IGNORECASE)
_CAPTION = re.compile(r"(?<!\w)(?:hình|bảng|biểu|biểu đồ|sơ đồ|bản đồ số|figures?|tables?|charts?|trang|page|slide|phụ lục|annex|mục|section|chương|chapter|phần|part)\s*$", re.IGNORECASE)
_CAPTIONS = re.compile(r"(?P<word>hình|bảng|biểu đồ|figure|table|chart)\s+(?P<number>\d+)[.:]", re.IGNORECASE)
_NUMBERED = re.compile(
    r"\s*(?:(?:phần|chương|phụ lục|part|chapter|annex|mục|section)\s+\d+(?:\.\d+)*[.)]?|\d+(?:\.\d+)+[.)]?|\d+[.)]|\d+(?=\s+(?P<bare>\w)))(?=\s|$)", re.IGNORECASE
)
_HEADED_UNIT = re.compile(r"%|điểm phần trăm|percentage points?|(?:triệu|tỷ|tỉ|nghìn) đồng|(?:million|billion|thousand) VND", re.IGNORECASE)
_SAME_WORDS = 5  # words of a sentence that nobody writes twice by chance
_UNIT_WORDS = {
    "%": "percent", "điểm phần trăm": "percentage_point", "percentage point": "percentage_point", "percentage points": "percentage_point",
    "triệu đồng": "million_vnd", "million vnd": "million_vnd", "tỷ đồng": "billion_vnd", "tỉ đồng": "billion_vnd", "billion vnd": "billion_vnd",
    "nghìn đồng": "thousand_vnd", "thousand vnd": "thousand_vnd",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """The verdict on one numeral.

    Attributes:
        document: The file's name.
        text: The numeral as it stands; `start` is its place in the piece.
        verdict: One of VERDICTS.
        ids: What it is, or most likely was: ids of numbers.csv or numerals.csv, the best first.
        expected: What should stand there, "" where that is not known.
        around: The words around it.
    """

    document: str
    place: Place
    text: str
    verdict: str
    ids: tuple[str, ...] = ()
    expected: str = ""
    around: str = ""
    piece: int = 0
    start: int = 0

    @property
    def is_trouble(self) -> bool:
        return self.verdict not in (HOLDS, STRUCTURE)


class NumbersDiffer(Exception):
    """Finished documents print what the run does not know; `copy` is the unfinished bundle with them."""

    def __init__(self, findings: Iterable[Finding], copy: Path | None = None):
        self.findings, self.copy = tuple(findings), copy
        super().__init__(f"{len(self.findings)} numerals")


class Checker:
    """Checks documents of one language against what a bundle knows.

    Args:
        bank: Sentences and tables known to be right.
        strict: A document that the run itself made: numbering must be without gaps, and only known names stand.
    """

    def __init__(self, knowledge: Knowledge, bank: Bank, *, strict: bool):
        self._knowledge, self._bank, self._strict = knowledge, bank, strict
        self._language = knowledge.language
        self._unseen = {say(self._language, f"slides.chart.{name}") for name in ("base", "room", "place")}  # columns that only make place in a chart
        self._told_parameters = {f"{name}: {value}" for name, value in knowledge.parameters.items()}

    def check(self, document: str, pieces: Iterable[Piece]) -> list[Finding]:
        """The findings of a document in reading order."""
        pieces = list(pieces)
        found = [finding for number, piece in enumerate(pieces) for finding in self._piece(document, number, piece)]
        return found + (list(self._numbering(document, pieces)) if self._strict else [])

    def _piece(self, document: str, number: int, piece: Piece) -> Iterator[Finding]:
        text = piece.text
        if not any(character.isdigit() for character in text):
            return
        if piece.kind == CELL and (self._is_parameter(piece) or (not piece.row and text in self._knowledge.codes)):
            return
        if piece.column in self._unseen or text in self._told_parameters:
            return
        sentence = self._knowledge.masked(text)
        scale = _scale_marks(text, self._language) if piece.kind == DRAWN else frozenset()
        same = self._bank.same_words(sentence) if sentence.words >= _SAME_WORDS else ()
        alike: tuple[dict[int, Numeral], bool] | None = None
        for index, numeral in enumerate(sentence.numerals):
            verdict, ids, expected = (STRUCTURE, (), "") if numeral.start in scale else self._verdict(piece, sentence, index)
            if same and verdict != STRUCTURE:
                verdict, ids, expected = self._in_the_same_words(same[index], numeral, verdict, ids, expected)
            elif not self._strict and verdict in (HOLDS, UNKNOWN):
                alike = self._bank.alike(sentence) if alike is None else alike
                verdict, ids, expected = self._beside(alike[0].get(index), alike[1], numeral, verdict, ids)
            if verdict == UNKNOWN:
                verdict, ids, expected = self._likely(piece, sentence, index)
            around = text[max(0, numeral.start - 40) : numeral.end + 30].strip()
            yield Finding(document, piece.place, numeral.text, verdict, ids, expected, around, number, numeral.start)

    def _is_parameter(self, piece: Piece) -> bool:
        name = plain(piece.row)
        return name in self._knowledge.parameters and plain(piece.text) == plain(self._knowledge.parameters[name])

    # ------------------------------------------------------------ one numeral

    def _verdict(self, piece: Piece, sentence: Sentence, index: int) -> tuple[str, tuple[str, ...], str]:
        numeral, place = sentence.numerals[index], sentence.places[index]
        told = plain(numeral.text)
        if self._is_structure(piece, numeral):
            return STRUCTURE, (), ""
        if numeral.text in self._knowledge.as_printed and (self._strict or numeral.text == piece.text):
            return HOLDS, (self._knowledge.as_printed[numeral.text],), ""
        there, elsewhere = self._bank.there(sentence, place)
        if told in there:
            return HOLDS, (there[told],) if there[told] else self._ids(piece, numeral), ""
        cells = self._bank.cells(piece) if piece.kind == CELL else []
        if cells and plain(piece.text) in cells:
            return HOLDS, self._ids(piece, numeral), ""
        verdict, ids, expected = self._pooled(piece, numeral)
        if verdict == HOLDS and piece.kind == CELL and piece.row and not self._of_its_row(piece, numeral):
            return CHANGED, ids, self._knowledge.labelled[plain(piece.row).lower()].text if plain(piece.row).lower() in self._knowledge.labelled else ""
        if there and elsewhere and verdict != MARK:
            return CHANGED, tuple(filter(None, there.values())), _several(there)
        if cells and (verdict == UNKNOWN or verdict == HOLDS and not self._fits(piece, numeral, cells)):
            return CHANGED, ids, _several(dict.fromkeys(cells))
        return verdict, ids, expected

    def _of_its_row(self, piece: Piece, numeral: Numeral) -> bool:
        """Whether a number belongs to the indicator or the claim that its row is called after."""
        row = plain(piece.row)
        indicator, claims = self._knowledge.labelled.get(row.lower()), self._knowledge.numbered.get(row)
        if indicator is not None:
            if numeral.kind == "claim":
                return any(number.endswith(numeral.text) for number in ("#" + claim.rpartition("/")[2] for claim in indicator.claims))
            return numeral.kind not in (NUMBER, RANGE) or piece.value is not None and indicator.id in self._knowledge.behind(piece.value, every=True) or self._is_one_of(piece, numeral, {indicator.id})
        if claims is not None and numeral.kind in (NUMBER, RANGE):
            own = [known for known in self._knowledge.known if known.claims & claims]
            ids = {known.id for known in own}
            if any(known.kind == "error_size" and numeral.amounts and abs(known.value) == abs(numeral.amounts[0].value) for known in own):
                return True  # the size of an error, up or down; an indicator may happen to be as large
            return piece.value is not None and bool(ids & set(self._knowledge.behind(piece.value, every=True))) or self._is_one_of(piece, numeral, ids)
        return True

    def _is_one_of(self, piece: Piece, numeral: Numeral, ids: set[str]) -> bool:
        matches = self._matches(numeral, numeral.amounts, piece, "" if numeral.unit else self._headed(piece)) if numeral.amounts else []
        return any(match.known.id in ids for match in matches)

    def _fits(self, piece: Piece, numeral: Numeral, cells: list[str]) -> bool:
        """Whether a cell, laid out otherwise, says the same as one that is known: its number, whatever its unit and digits."""
        for cell in cells:
            known = self._knowledge.masked(cell).numerals
            for other in known:
                if plain(other.text) == plain(numeral.text):
                    return True
                if other.amounts and numeral.amounts and other.values == numeral.values:
                    return True
                if piece.value is not None or len(known) != len(self._knowledge.masked(piece.text).numerals):
                    return True
        return False

    def _pooled(self, piece: Piece, numeral: Numeral) -> tuple[str, tuple[str, ...], str]:
        """The verdict by value, unit and text alone."""
        knowledge, told = self._knowledge, plain(numeral.text)
        match numeral.kind:
            case "date":
                return (HOLDS if numeral.date in knowledge.dates else UNKNOWN), (), ""
            case "period":
                years = tuple(int(amount.value) for amount in numeral.amounts)
                return (HOLDS if years in knowledge.periods else UNKNOWN), (), ""
            case "claim":
                number = told.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                return (HOLDS if number in knowledge.claim_numbers or number.startswith("¶") and any(number in n for n in knowledge.names) else UNKNOWN), (), ""
            case "document":
                return (HOLDS if told in knowledge.documents else UNKNOWN), (), ""
            case "ratio":
                return self._ratio(numeral)
            case "year":
                if int(numeral.amounts[0].value) in knowledge.years:
                    return HOLDS, (), ""
        if piece.kind == VALUE or (piece.value is not None and not numeral.unit):
            return self._value(piece, numeral)
        unit = "" if numeral.unit else self._headed(piece)
        matches = self._matches(numeral, numeral.amounts, piece, unit) if numeral.amounts else []
        good = [match for match in matches if match.how != "digits"] or self._otherwise(piece, numeral)
        if good:
            return HOLDS, _ids_of(good), ""
        other = self._matches(numeral, numeral.other, piece, unit) if numeral.other else []
        other = [match for match in other if match.how != "digits"]
        if other:
            return MARK, _ids_of(other), self._shown(other[0], numeral)
        if matches:
            return DIGITS, _ids_of(matches), self._shown(matches[0], numeral)
        if numeral.amounts and numeral.kind == NUMBER and self._turned(piece.text, numeral):
            turned_round = [match for match in knowledge.find(numeral.amounts[0], unit=unit) if match.how in ("text", "value")]
            if turned_round:
                return CHANGED, _ids_of(turned_round), self._shown(turned_round[0], numeral)
        if numeral.unit and numeral.amounts and numeral.kind == NUMBER:
            bare = Amount(numeral.amounts[0].value, numeral.amounts[0].decimals, "", numeral.amounts[0].signed)
            elsewhere = [match for match in knowledge.find(bare) if match.how == "value" and match.known.decimals == bare.decimals and match.known.unit not in ("", "count", "index")]
            if elsewhere:
                return UNIT, _ids_of(elsewhere), elsewhere[0].known.text
        return UNKNOWN, (), ""

    def _matches(self, numeral: Numeral, amounts: tuple[Amount, ...], piece: Piece, unit: str) -> list[Match]:
        if numeral.kind == RANGE:
            text = numeral.text if amounts == numeral.amounts else ""
            both = self._knowledge.range(*amounts, text, unit=unit) or (self._knowledge.range(*amounts, text) if unit else [])
            if both:
                return both
            ends = [[m for m in self._knowledge.find(amount, unit=unit or amounts[-1].unit) if m.how in ("text", "value")] for amount in amounts]
            return ends[0] if all(ends) and amounts[-1].unit else []
        if numeral.kind not in (NUMBER, YEAR):
            return []
        text = numeral.text if amounts == numeral.amounts else ""
        turned = self._turned(piece.text, numeral)
        found = self._knowledge.find(amounts[0], text, turned=turned, hedge=numeral.hedge, unit=unit)
        return found if found or not unit else self._knowledge.find(amounts[0], text, turned=turned, hedge=numeral.hedge)

    def _otherwise(self, piece: Piece, numeral: Numeral) -> list[Match]:
        """Two ways of writing that the unit beside a number does not tell: so many đồng for one đồng, and a figure's axis in billions."""
        if numeral.kind != NUMBER or not numeral.amounts:
            return []
        amount = numeral.amounts[0]
        if amount.unit == "vnd":
            plain_ones = self._knowledge.find(Amount(amount.value, amount.decimals, "", amount.signed))
            return [match for match in plain_ones if match.known.unit == "index" and match.how in ("text", "value")]
        drawn = piece.kind == DRAWN or any(key in ("alt", "drawn", "label", "mark") for key, _ in piece.place)
        if not amount.unit and drawn:
            return [match for match in self._knowledge.find(amount, unit="billion_vnd") if match.how == "value"]
        return []

    @staticmethod
    def _turned(text: str, numeral: Numeral) -> int:
        match = _TURNED.search(text, 0, numeral.start)
        return 0 if match is None else 1 if match["rises"] else -1

    def _ratio(self, numeral: Numeral) -> tuple[str, tuple[str, ...], str]:
        if len(numeral.amounts) == 2 and tuple(int(amount.value) for amount in numeral.amounts) in self._knowledge.ratios:
            return HOLDS, (), ""
        return UNKNOWN, (), ""

    def _value(self, piece: Piece, numeral: Numeral) -> tuple[str, tuple[str, ...], str]:
        """A number behind a cell or a mark: the known value itself, or its value as printed; in any unit of its family."""
        value = piece.value if piece.value is not None else numeral.amounts[0].value
        if ids := self._knowledge.behind(value):
            return HOLDS, ids, ""
        unit = self._headed(piece)
        matches = self._matches(numeral, numeral.amounts, piece, unit) if numeral.amounts else []
        if any(match.how in ("text", "value") for match in matches):
            return HOLDS, _ids_of(matches), ""
        return UNKNOWN, (), ""

    def _headed(self, piece: Piece) -> str:
        """The unit that the column's head or the row's name gives."""
        for told in (piece.column, piece.row):
            if match := _HEADED_UNIT.search(plain(told)):
                return _UNIT_WORDS[match[0].lower()]
        return ""

    def _ids(self, piece: Piece, numeral: Numeral) -> tuple[str, ...]:
        return self._pooled(piece, numeral)[1]

    def _shown(self, match: Match, numeral: Numeral) -> str:
        """How the run prints what a numeral most likely is."""
        known = match.known
        if known.text:
            return known.text
        decimals = known.decimals if known.decimals is not None else (numeral.amounts or numeral.other)[0].decimals
        return format_number(known.value, decimals=decimals, number_format=self._language)

    # ------------------------------------------------------------ what it most likely was

    def _in_the_same_words(self, known: Numeral, numeral: Numeral, verdict: str, ids: tuple[str, ...], expected: str) -> tuple[str, tuple[str, ...], str]:
        """The verdict where the results say this sentence word for word: another numeral in it has changed."""
        if plain(known.text) == plain(numeral.text):
            return HOLDS, ids, ""
        if verdict == MARK or (verdict == HOLDS and not self._strict and self._same_number(numeral, known)):
            return verdict, ids, expected
        return CHANGED, ids, plain(known.text)

    def _beside(self, known: Numeral | None, definite: bool, numeral: Numeral, verdict: str, ids: tuple[str, ...]) -> tuple[str, tuple[str, ...], str]:
        """The verdict once the sentence most alike is laid beside."""
        if known is None or plain(known.text) == plain(numeral.text):
            return verdict, ids, ""
        if verdict == HOLDS and (not definite or self._same_number(numeral, known)):
            return verdict, ids, ""
        return CHANGED, () if verdict == UNKNOWN else ids, plain(known.text)

    def _same_number(self, numeral: Numeral, other: Numeral) -> bool:
        """Whether two numerals can be the same number, one perhaps rounded or in another unit."""
        if numeral.kind != other.kind or not (numeral.amounts and other.amounts):
            return False
        found = [{match.known.id for match in self._knowledge.find(n.amounts[0]) if match.how != "digits"} for n in (numeral, other)]
        return bool(found[0] & found[1])

    def _likely(self, piece: Piece, sentence: Sentence, index: int) -> tuple[str, tuple[str, ...], str]:
        """What nothing accounts for, with the indicator whose name stands beside it, if one does."""
        numeral = sentence.numerals[index]
        told = plain(" ".join((piece.row, piece.text[max(0, numeral.start - 120) : numeral.end + 60]))).lower()
        words = set(re.findall(r"\w{2,}", told))
        best, score = None, 0.0
        for known in self._knowledge.known:
            label = set(re.findall(r"\w{2,}", known.label.lower()))
            if known.kind != "indicator" or len(label) < 4 or (numeral.unit and known.unit != numeral.unit):
                continue
            share = len(label & words) / len(label)
            if share > max(score, 0.74):
                best, score = known, share
        return (CHANGED, (best.id,), best.text) if best else (UNKNOWN, (), "")

    # ------------------------------------------------------------ numbering

    def _is_structure(self, piece: Piece, numeral: Numeral) -> bool:
        """The number of a heading, figure, table or page."""
        if numeral.kind not in (NUMBER, RANGE) or numeral.unit:
            return False
        return is_numbering(piece, numeral) or bool(_CAPTION.search(piece.text[: numeral.start]))

    def _numbering(self, document: str, pieces: list[Piece]) -> Iterator[Finding]:
        """Captions and headings count up without gaps."""
        last: dict[str, int] = defaultdict(int)
        counted: list[int] = []
        for number, piece in enumerate(pieces):
            if piece.kind not in (CONTENTS, CELL) and (match := _CAPTIONS.match(piece.text)):
                word, found = match["word"].lower(), int(match["number"])
                if found != last[word] + 1:
                    yield Finding(document, piece.place, match["number"], CHANGED, (), str(last[word] + 1), piece.text[:70], number, match.start("number"))
                last[word] = found
            elif piece.kind == HEADING and (match := re.match(r"(\d+(?:\.\d+)*)\.\s", piece.text)):
                found = [int(part) for part in match[1].split(".")]
                if found not in ([*counted[:depth], (counted[depth] if depth < len(counted) else 0) + 1] for depth in range(len(counted) + 1)):
                    yield Finding(document, piece.place, match[1], CHANGED, (), "", piece.text[:70], number, 0)
                counted = found


def is_numbering(piece: Piece, numeral: Numeral) -> bool:
    """Whether a numeral is the number of a heading: "3.2 …", "3) …", "Phần 3 …", "3 Kết quả", but not "3 cơ sở"."""
    match = _NUMBERED.match(piece.text) if piece.kind in (HEADING, CONTENTS) else None
    return match is not None and numeral.end <= match.end() and (not match["bare"] or match["bare"].isupper())


def _scale_marks(text: str, language: str) -> frozenset[int]:
    """Where in a figure's texts the marks of a scale stand: numbers alone on their lines, one after the other in equal steps."""
    found: set[int] = set()
    run: list[tuple[int, Fraction]] = []
    start = 0
    for line in [*text.split("\n"), ""]:
        read = numerals(line, language)
        alone = len(read) == 1 and read[0].text == line and read[0].kind == NUMBER and read[0].amounts
        if alone:
            run.append((start, read[0].amounts[0].value))
        else:
            values = list(dict.fromkeys(value for _, value in run))
            steps = {after - before for before, after in pairwise(values)}
            if len(values) > 2 and len(steps) == 1:
                found |= {place for place, _ in run}
            run = []
        start += len(line) + 1
    return frozenset(found)


def _ids_of(matches: list[Match]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match.known.id for match in matches))[:3]


def _several(texts: dict[str, str] | dict[str, None]) -> str:
    return " / ".join(list(texts)[:3])
