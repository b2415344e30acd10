"""Whether shown numbers add up: "due to rounding" is said exactly where parts, as shown, do not make the total shown, and rounding is why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from kcq_eval.numbers import Number

_WRITTEN = Fraction(1, 10**9)  # far more than numbers.csv leaves out of a fraction, far less than a digit shown


@dataclass(frozen=True)
class Shown:
    """A number as it is read: its bounds, and the two ends of what is shown, which are one where it is no range."""

    lower: Fraction
    upper: Fraction
    low: Fraction
    high: Fraction


ALL_PERCENT = Shown(*[Fraction(100)] * 4)


def shown(number: Number) -> Shown | None:
    """A number as every deliverable shows it; None where it has no upper end."""
    lower, upper = number.bounded.lower, number.bounded.upper
    return None if upper is None else Shown(lower, upper, *number.ends)


def rounding_shows(parts: Iterable[Shown | None], total: Shown | None) -> bool:
    """Whether parts that add up to a total do not do so with the digits shown.

    False where the parts are no parts of it (the facilities of single years, where one is supported in two of them): rounding is not why.
    """
    parts = list(parts)
    if total is None or not parts or None in parts:
        return False
    lower, upper, low, high = (sum(getattr(part, end) for part in parts) for end in ("lower", "upper", "low", "high"))
    could = lower <= total.upper + _WRITTEN and total.lower <= upper + _WRITTEN
    return could and not (low <= total.high and total.low <= high)


def rounding_shows_in(numbers: Mapping[str, Shown | None]) -> bool:
    """Whether any total among numbers shown together does not look like the sum of its parts among them."""
    return any(
        rounding_shows([numbers[part] for part in parts], numbers[total] if total else ALL_PERCENT)
        for total, parts in _sums(numbers)
        if parts and {total, *parts} - {""} <= numbers.keys()
    )


def _sums(ids: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The ids of totals ("" for 100 %) and of their parts."""
    ids = list(ids)
    for when in ("current", "baseline"):
        yield f"facilities.{when}", _below(f"facilities.{when}.", ids)
        yield f"facilities.all.{when}", [f"facilities.{when}", f"facilities.rest.{when}"]
        yield "", _below(f"mix.share.{when}.", ids)
    for number_id in _below("mix.change.", ids):
        code = number_id.removeprefix("mix.change.")
        yield f"mix.share.current.{code}", [f"mix.share.baseline.{code}", number_id]
    yield "facilities.change", _below("facilities.change.", ids)
    yield "funding.change", ["funding.split.facilities.nominal", "funding.split.per_facility.nominal"]
    for year in dict.fromkeys(i.split(".")[2] for i in _below("register.year.", ids)):
        yield f"register.year.{year}.funding", [f"register.year.{year}.{part}_funding" for part in ("state", "counterpart")]


def _below(prefix: str, ids: Iterable[str]) -> list[str]:
    return [i for i in ids if i.startswith(prefix)]
