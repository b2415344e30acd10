"""What a bundle knows: its indicators and everything else that its documents may print, found again by value, unit and text."""

from __future__ import annotations

import bisect
import csv
import datetime
import functools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.check.numerals import NUMBER, Amount, is_hedge, numerals
from kcq_eval.check.readers import tidied
from kcq_eval.check.sentences import Sentence, masked, plain
from kcq_eval.printed import UNITS, Printed, PrintedError, format_number

NUMBERS = "numbers.csv"
NUMERALS = "numerals.csv"  # what else documents may print
_SIZES = ("claim", "error_size", "computed", "required", "correction", "register")  # told as sizes, their sign in a word beside them
_PLAIN = ("count", "index", "year")
_BEST_FIRST = ("text", "value", "bound", "digits")


@dataclass(frozen=True)
class Known:
    """One number a document may print.

    Attributes:
        id: Of numbers.csv, or of numerals.csv.
        kind: `indicator`, or the kind of the row in numerals.csv.
        decimals: It is printed with so many, None where only its bounds say so.
        text: As the document's language prints it, "" where that is not fixed.
        claims: Ids of the claims it is or rests on.
    """

    id: str
    kind: str
    unit: str
    value: Fraction
    lower: Fraction
    upper: Fraction | None
    decimals: int | None
    text: str = ""
    label: str = ""
    claims: frozenset[str] = frozenset()

    @functools.cached_property
    def reach(self) -> tuple[float, float]:
        """The smallest and the largest size of it, to pass over quickly what is far off."""
        ends = [abs(float(end)) for end in (self.value, self.lower, self.upper) if end is not None]
        lowest = 0.0 if self.upper is None or self.lower <= 0 <= self.upper else min(ends)
        return lowest, float("inf") if self.upper is None else max(ends)


@dataclass(frozen=True)
class Match:
    """A numeral found again: how well, and as what."""

    known: Known
    how: str  # `text`, `value` (rounded to the digits printed), `bound`, `digits` (more than the bounds support)


class Knowledge:
    """Numbers, names, dates and periods of one bundle in one language."""

    def __init__(self, indicators: Iterable[Mapping[str, str]], others: Iterable[Mapping[str, str]], language: str):
        self.language = language
        self.known: list[Known] = []
        self.texts: dict[str, list[Known]] = defaultdict(list)
        self.labelled: dict[str, Known] = {}
        self.numbered: dict[str, frozenset[str]] = {}  # claim ids of a claim's number
        self.as_printed: dict[str, str] = {}  # a source's own characters, with the claim
        self.names: tuple[str, ...] = ()
        self.sentences: list[str] = []
        self.dates: set[datetime.date] = set()
        self.periods: set[tuple[int, int]] = set()
        self.claim_numbers: set[str] = set()
        self.documents: set[str] = set()
        self.codes: set[str] = set()
        self.ratios: set[tuple[int, int]] = set()
        self.parameters: dict[str, str] = {}
        self._found: dict[tuple, list[Match]] = {}
        self._ranges: dict[tuple, list[Match]] = {}
        self._behind: dict[Fraction, tuple[str, ...]] = {}
        names: list[str] = []
        others = list(others)
        ids = sorted((row["id"] for row in others if row["kind"] == "claim_number"), key=lambda number: (-len(number), number))
        self._claim_ids = re.compile(rf"(?:{'|'.join(map(re.escape, ids))})(?![\w-])" if ids else r"(?!)")
        for row in indicators:
            self._add(row["id"], "indicator", row, plain(row[f"text_{language}"]), row[f"label_{language}"])
            if any(character.isdigit() for character in row["id"]):
                names.append(row["id"])
        self._pair_up()
        for row in others:
            self._admit(row, names)
        self.names = tuple(names)
        self.years = {year for start, end in self.periods for year in range(start, end + 1)}
        self._masked: dict[str, Sentence] = {}
        self._reaches: dict[str, list[tuple[float, float, Known]]] = defaultdict(list)  # by family, in its base unit; "" for all, each in its own
        for known in self.known:
            scale = scale_of(known.unit)
            self._reaches[family(known.unit)].append((known.reach[0] * scale, known.reach[1] * scale, known))
            self._reaches[""].append((*known.reach, known))

    @classmethod
    def of_bundle(cls, folder: Path, language: str) -> Knowledge:
        """From the two tables of a finished bundle."""
        return cls(rows_of(folder / NUMBERS), rows_of(folder / NUMERALS), language)

    def _add(self, number_id: str, kind: str, row: Mapping[str, str], text: str, label: str = "") -> None:
        value, lower, upper = (Fraction(row[name]) if row[name] else None for name in ("value", "lower", "upper"))
        if value is None:
            return
        read = numerals(text, self.language) if kind == "indicator" else []
        decimals = read[0].amounts[0].decimals if len(read) == 1 and read[0].kind == NUMBER and read[0].amounts else None
        if kind in ("claim", "correction") and lower is not None and upper is not None:
            decimals = _rounded_to(upper - lower)
        claims = frozenset(filter(None, row.get("sources", "").split(";"))) | frozenset(self._claim_ids.findall(number_id))
        known = Known(number_id, kind, row["unit"], value, value if lower is None else lower, upper, decimals, text, label, claims)
        if label:
            self.labelled.setdefault(plain(label).lower(), known)
        self.known.append(known)
        if text:
            self.texts[text].append(known)

    def _admit(self, row: Mapping[str, str], names: list[str]) -> None:
        kind, text = row["kind"], row["text"]
        if row["value"]:
            self._add(row["id"], kind, row, plain(text))
            if text:
                self.as_printed.setdefault(tidied(text), row["id"])
        elif kind == "name":
            names.append(tidied(text))
        elif kind == "period":
            years = [int(year) for year in re.findall(r"\d{4}", text)]
            self.periods.add((years[0], years[-1]))
        elif kind == "date":
            self.dates.add(datetime.date.fromisoformat(text))
        elif kind == "claim_number":
            self.claim_numbers.add(text)
            self.numbered[text] = self.numbered.get(text, frozenset()) | {row["id"]}
        elif kind == "ratio":
            self.ratios.add(tuple(map(int, text.split("/"))))
        elif kind == "parameter":
            self.parameters[row["id"]] = text
        elif kind == "text":
            self.sentences.append(tidied(text))
        elif kind == "code":
            self.codes |= {text, text.lstrip("0")}
        elif kind == "document":
            self._name_of_commentary(text)

    def _name_of_commentary(self, text: str) -> None:
        """A legal document, a date or a year that the evaluator's own words name."""
        for numeral in numerals(text, self.language):
            if numeral.date:
                self.dates.add(numeral.date)
            elif numeral.kind == "year":
                year = int(numeral.text)
                self.periods.add((year, year))
            else:
                self.documents.add(plain(numeral.text))

    def _pair_up(self) -> None:
        """Ratios that two counts of one indicator make: `coverage.63.current` of `coverage.63.served`."""
        groups: dict[str, list[Known]] = defaultdict(list)
        for known in self.known:
            if known.unit == "count" and known.lower == known.upper:
                groups[known.id.rpartition(".")[0]].append(known)
        for group in groups.values():
            self.ratios |= {(int(part.value), int(whole.value)) for part in group for whole in group if part is not whole and part.value <= whole.value}

    def masked(self, text: str) -> Sentence:
        """A text with its numerals; the same text is read once."""
        if text not in self._masked:
            self._masked[text] = masked(text, self.language, self.names)
        return self._masked[text]

    # ------------------------------------------------------------ finding

    def find(self, amount: Amount, text: str = "", *, turned: int = 0, hedge: str = "", unit: str = "") -> list[Match]:
        """Everything that a number as printed can be, the best first.

        Args:
            text: The numeral, to be found as it stands.
            turned: 1 where a word beside it says that it rises, -1 that it falls, 0 where none does.
            unit: What its row or column says, where no unit stands beside it.
        """
        key = (amount, text, turned, hedge, unit)
        if key not in self._found:
            self._found[key] = self._search(*key)
        return self._found[key]

    def _search(self, amount: Amount, text: str, turned: int, hedge: str, unit: str) -> list[Match]:
        exact = [Match(known, "text") for known in self.texts.get(plain(text), ()) if not (turned > 0 and known.value < 0)] if text else []
        seen = {id(match.known) for match in exact}
        own = amount.unit or unit
        found = exact + [match for known in self._near(amount, own, hedge) if id(known) not in seen for match in self._match(amount, known, own, turned, hedge)]
        return sorted(found, key=lambda match: (_BEST_FIRST.index(match.how), match.known.kind != "indicator"))

    def _near(self, amount: Amount, unit: str, hedge: str = "") -> Iterator[Known]:
        """What is of the same family and about as large; of any family where there is no unit."""
        factor = scale_of(unit) if unit else 1
        size = abs(float(amount.value)) * factor
        slack = (size if hedge else 0.0) + 1.01 * factor / 10**amount.decimals
        return (known for low, high, known in self._reaches.get(family(unit) if unit else "", ()) if low - slack <= size <= high + slack)

    def _match(self, amount: Amount, known: Known, unit: str, turned: int, hedge: str) -> Iterator[Match]:
        if not unit and family(known.unit) not in _PLAIN and known.decimals != amount.decimals and not (known.decimals is None and amount.decimals):
            return
        scale = Fraction(scale_of(known.unit), scale_of(unit)) if unit else Fraction(1)
        for sign in self._signs(amount, known, turned):
            ends = [None if end is None else sign * end * scale for end in (known.lower, known.upper)]
            low, high = ends if sign > 0 else ends[::-1]
            how = _how(amount, low, high, known, hedge, self.language)
            if how:
                yield Match(known, how)
                return

    @staticmethod
    def _signs(amount: Amount, known: Known, turned: int) -> list[int]:
        """With which signs the known number may be printed so."""
        if amount.signed and amount.value < 0:
            return [1, -1] if known.kind in _SIZES else [1]
        if known.value >= 0 and known.lower >= 0:
            changes = any(word in known.id for word in ("growth", "change", "shift"))
            return [] if turned < 0 and changes and known.kind == "indicator" and known.value > 0 and ".mix" not in known.id and "shift" not in known.id else [1]
        return [1] if amount.signed else ([1, -1] if turned <= 0 else [1])

    def behind(self, value: Fraction, *, every: bool = False) -> tuple[str, ...]:
        """What a number in a cell or behind a chart's mark is: a known value or bound, as it is or as printed, as a fraction of one
        for per cent, in millions for billions, or what is left of a whole."""
        if value not in self._behind:
            self._behind[value] = tuple(dict.fromkeys(self._is_behind(value)))
        return self._behind[value] if every else self._behind[value][:3]

    def _is_behind(self, value: Fraction) -> Iterator[str]:
        told, slack = float(value), max(abs(float(value)) * 1e-9, 1e-12)
        place = bisect.bisect_left(self._targets, (told - slack, ""))
        while place < len(self._targets) and self._targets[place][0] <= told + slack:
            yield self._targets[place][1]
            place += 1

    @functools.cached_property
    def _targets(self) -> list[tuple[float, str]]:
        """Every number that may stand behind a cell or mark, in order."""
        found = set()
        for known in self.known:
            ends = [end for end in (known.value, known.lower, known.upper) if end is not None]
            ends += [_printed(known.value, known.decimals)] if known.decimals is not None else []
            for end in map(float, ends):
                ways = [end, -end]
                if known.unit == "percent":
                    ways += [end / 100, 100 - end]
                elif family(known.unit) == "money":
                    ways += [end / 1000, -end / 1000, end * 1000]
                found.update((way, known.id) for way in ways)
        return sorted(found)

    def range(self, first: Amount, last: Amount, text: str = "", *, unit: str = "") -> list[Match]:
        """What has these two ends as its bounds."""
        key = (first, last, text, unit)
        if key not in self._ranges:
            self._ranges[key] = self._search_range(*key)
        return self._ranges[key]

    def _search_range(self, first: Amount, last: Amount, text: str, unit: str) -> list[Match]:
        found = [Match(known, "text") for known in self.texts.get(plain(text), ())]
        seen = {id(match.known) for match in found}
        own = last.unit or first.unit or unit
        for known in self._near(last, own):
            if id(known) in seen or known.upper is None:
                continue
            scale = Fraction(scale_of(known.unit), scale_of(own)) if own else Fraction(1)
            for sign in (1, -1):
                ends = sorted((sign * known.lower * scale, sign * known.upper * scale))
                if all(amount.value in _ends(end, amount.decimals) for end, amount in zip(ends, (first, last), strict=True)):
                    found.append(Match(known, "bound"))
                    break
        return found


def _how(amount: Amount, low: Fraction | None, high: Fraction | None, known: Known, hedge: str, language: str) -> str:
    half = amount.step / 2
    if low is None or high is None:
        end = low if high is None else high
        return "bound" if end is not None and amount.value in _ends(end, amount.decimals) else ""
    if is_hedge(hedge):
        reach = _hedged(amount, hedge, language)
        if reach and reach[0] <= low and high <= reach[1]:
            return "value"
    if amount.value - half <= low and high <= amount.value + half:
        return "value"
    if low != high and any(amount.value in _ends(end, amount.decimals) for end in (low, high)):
        return "bound"
    if low != high and amount.value + half >= low and amount.value - half <= high and (high - low) * 20 <= max(abs(low), abs(high), 1):
        return "digits"
    return ""


def _hedged(amount: Amount, hedge: str, language: str) -> tuple[Fraction, Fraction] | None:
    """The values that a hedged number stands for; one that leaves an end open reaches as far as "over" and "nearly" do."""
    closed = {"above": "over", "below": "nearly"}.get(hedge, hedge)
    try:
        digits = format_number(abs(amount.value), decimals=amount.decimals, number_format=language)
        interval = Printed(digits, "percent", language, closed).interval
    except PrintedError:
        return None
    return interval.lower, interval.upper


def _rounded_to(width: Fraction) -> int | None:
    """How many decimals a number was printed with that stands for so wide an interval; None where it was not simply rounded."""
    return next((decimals for decimals in range(7) if width == Fraction(1, 10**decimals)), 0 if not width else None)


@functools.lru_cache(maxsize=65536)
def _printed(value: Fraction, decimals: int) -> Fraction:
    """Rounded as `format_number` rounds: half away from zero."""
    steps = int(abs(value) * 10**decimals + Fraction(1, 2))
    return Fraction(steps if value >= 0 else -steps, 10**decimals)


@functools.lru_cache(maxsize=65536)
def _ends(value: Fraction, decimals: int) -> tuple[Fraction, Fraction, Fraction]:
    """How an end of bounds may be printed: rounded, or outward so that nothing is left out."""
    steps = value * 10**decimals
    return _printed(value, decimals), Fraction(math.floor(steps), 10**decimals), Fraction(math.ceil(steps), 10**decimals)


@functools.cache
def family(unit: str) -> str:
    """Units of one family can stand for each other."""
    if unit in ("", "index"):
        return "index"
    try:
        return UNITS[unit].family if not UNITS[unit].word else unit
    except KeyError:
        return unit


@functools.cache
def scale_of(unit: str) -> int:
    try:
        return UNITS[unit].scale
    except KeyError:
        return 1


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


