"""One number, one id: every indicator once, with its bounds, its text in both languages and what it rests on."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from kcq_eval.errors import nearest
from kcq_eval.estimates import Bounded
from kcq_eval.printed import format_number

COLUMNS = (
    "id", "label_vi", "label_en", "value", "lower", "upper", "unit", "text_vi", "text_en", "basis", "sources", "depends_on_explanation",
    "corrections", "ledger", "decimals", "bounds_decimals",
)  # fmt: skip
NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
FORMS = ("", "digits", "abs", "change", "more")  # in which a text may ask for a number


@dataclass(frozen=True)
class Number:
    """A number that is reported.

    Attributes:
        id: Dotted and stable, `funding.growth.nominal`; unique in a run.
        bounded: Value and exact bounds, in `unit`.
        unit: `million_vnd`, `billion_vnd`, `count`, `percent`, `percentage_point` or `index`.
        decimals: The most decimals it is shown with; fewer where the bounds support fewer.
        label: Key of its label in `kcq_eval/texts` below `number.`; the id when empty.
        about: Codes that its label names, by placeholder.
        fewest: The fewest decimals it is shown with; where the bounds support only fewer, both ends are shown.
        function: The function that computed it, as Python imports it.
    """

    id: str
    bounded: Bounded
    unit: str
    decimals: int = 0
    label: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    fewest: int = 0
    function: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted(self.bounded.claims))

    def digits(self, language: str, *, absolute: bool = False) -> str:
        """The digits that the bounds support, or the two ends with a dash between them; no unit."""
        value, lower, upper = self.bounded.value, self.bounded.lower, self.bounded.upper
        if absolute and upper is not None and upper <= 0:
            value, lower, upper = -value, -upper, -lower
        decimals = self.shown_decimals
        if decimals is not None:
            return _digits(_nearest(value, lower, upper, decimals), decimals, language)
        low, high = _outward(lower, upper, self.decimals)
        if high is None:
            return f"≥{NBSP}{_digits(low, self.decimals, language)}"
        return between([_digits(end, self.decimals, language) for end in (low, high)], low >= 0, language)

    @property
    def shown_decimals(self) -> int | None:
        """The decimals that it is shown with; None where it is a range."""
        lower, upper = self.bounded.lower, self.bounded.upper
        return None if upper is None else supported_decimals(lower, upper, self.decimals, self.fewest)

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """The two ends of what is shown, one number where it is no range; there must be an upper end."""
        decimals, bounded = self.shown_decimals, self.bounded
        if decimals is None:
            return _outward(bounded.lower, bounded.upper, self.decimals)
        value = _nearest(bounded.value, bounded.lower, bounded.upper, decimals)
        rounded = Fraction(int(abs(value) * 10**decimals + Fraction(1, 2)), 10**decimals) * (-1 if value < 0 else 1)
        return rounded, rounded

    @property
    def is_range(self) -> bool:
        """Whether it is shown as two ends, because no single printed number covers the bounds."""
        return self.shown_decimals is None

    @property
    def direction(self) -> str:
        """`up`, `down`, `same`, or `open` where the bounds do not decide it."""
        lower, upper = self.bounded.lower, self.bounded.upper
        if lower == upper == 0:
            return "same"
        if lower >= 0:
            return "up"
        return "down" if upper is not None and upper <= 0 else "open"


def _outward(lower: Fraction, upper: Fraction | None, decimals: int) -> tuple[Fraction, Fraction | None]:
    """The ends of a range with so many decimals, so that what is read holds all of it."""
    scale = 10**decimals
    return Fraction(math.floor(lower * scale), scale), None if upper is None else Fraction(math.ceil(upper * scale), scale)


def bounds_decimals(lower: Fraction, upper: Fraction | None, unit: str, decimals: int) -> int:
    """The decimals two bounds are shown with: one more than the number, or as many as tell them apart; none for counts."""
    if unit.partition(":")[0] == "count":
        return 0
    fewest, most = decimals + 1, decimals + 4
    told_apart = (d for d in range(fewest, most) if upper is None or round(lower * 10**d) != round(upper * 10**d))
    return next(told_apart, most)


def between(ends: Sequence[str], not_negative: bool, language: str) -> str:
    """Two ends as a range: an en dash, or a word where a minus sign would stand beside it."""
    return ("–" if not_negative else {"vi": " đến ", "en": " to "}[language]).join(ends)


def supported_decimals(lower: Fraction, upper: Fraction, most: int, fewest: int = 0) -> int | None:
    """The most decimals (up to `most`) for which one printed number stands for all of lower to upper; None if not even `fewest`."""
    return next((decimals for decimals in range(most, fewest - 1, -1) if _covering(lower, upper, decimals)), None)


def _covering(lower: Fraction, upper: Fraction, decimals: int) -> list[Fraction]:
    """The numbers with so many decimals that stand for all of lower to upper; two where both ends are one tie."""
    step = Fraction(1, 10**decimals)
    nearest_above = math.floor(lower / step + Fraction(1, 2)) * step
    return [p for p in (nearest_above, nearest_above - step) if p - step / 2 <= lower and upper <= p + step / 2]


def _nearest(value: Fraction, lower: Fraction, upper: Fraction, decimals: int) -> Fraction:
    """What a value is shown as: rounded half away from zero, unless its bounds only fit the number on the other side of the tie."""
    fitting = _covering(lower, upper, decimals)
    return value if len(fitting) == 2 else fitting[0]


def _digits(value: Fraction, decimals: int, language: str) -> str:
    return format_number(value, decimals=decimals, number_format=language).replace("-", MINUS)


class UnknownNumber(LookupError):
    """A text asks for a number that no indicator made."""

    def __init__(self, number_id: str, known: Iterable[str]):
        near = nearest(number_id, known)
        super().__init__(f"no number has the id '{number_id}'" + (f" (did you mean '{near}'?)" if near else ""))


class Numbers:
    """Numbers by id, in the order they were made."""

    def __init__(self, numbers: Iterable[Number] = ()):
        self._by_id: dict[str, Number] = {}
        for number in numbers:
            if number.id in self._by_id:
                raise ValueError(f"two numbers have the id '{number.id}'")
            self._by_id[number.id] = number

    def __getitem__(self, number_id: str) -> Number:
        try:
            return self._by_id[number_id]
        except KeyError:
            raise UnknownNumber(number_id, self._by_id) from None

    def __contains__(self, number_id: str) -> bool:
        return number_id in self._by_id

    def __iter__(self) -> Iterator[Number]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers([*self, *other])


def computing(function: Callable[..., Numbers]) -> Callable[..., Numbers]:
    """Decorator of a function that computes numbers: each says from then on which function that was."""
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Numbers:
        return Numbers(replace(number, function=name) for number in function(*args, **kwargs))

    return computed


def report(number_id: str, bounded: Bounded | None, unit: str, decimals: int = 0, label: str = "", **about: str) -> Iterator[Number]:
    """The number, or nothing where it is not known: `yield from report(…)`."""
    if bounded is not None:
        yield Number(number_id, bounded, unit, decimals, label, about)
