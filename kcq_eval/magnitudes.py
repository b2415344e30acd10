"""Words for sizes ("more than double", "more than half"), said only where exact bounds decide them."""

from __future__ import annotations

from fractions import Fraction

from kcq_eval.estimates import Bounded

# Key below `size.times.` or `size.share.`: all of the bounds lie above the first end and below the second, or on the one point.
_TIMES = {
    "nearly_double": (Fraction(19, 10), Fraction(2)),
    "double": (Fraction(2), Fraction(2)),
    "over_double": (Fraction(2), Fraction(29, 10)),
    "nearly_triple": (Fraction(29, 10), Fraction(3)),
    "triple": (Fraction(3), Fraction(3)),
    "over_triple": (Fraction(3), Fraction(39, 10)),
}
_SHARE = {
    "nearly_half": (Fraction(48), Fraction(50)),
    "half": (Fraction(50), Fraction(50)),
    "over_half": (Fraction(50), Fraction(66)),
    "over_two_thirds": (Fraction(200, 3), Fraction(74)),
    "over_three_quarters": (Fraction(75), Fraction(90)),
}


def times_word(ratio: Bounded) -> str:
    """Key of the word for how many times as large something became; "" where the bounds decide none."""
    return _word(ratio, _TIMES)


def share_word(percent: Bounded) -> str:
    """Key of the word for a share in percent; "" where the bounds decide none."""
    return _word(percent, _SHARE)


def _word(bounded: Bounded, words: dict[str, tuple[Fraction, Fraction]]) -> str:
    lower, upper = bounded.lower, bounded.upper
    if upper is None:
        return ""
    for key, (low, high) in words.items():
        if lower == upper == low == high or low < lower and upper < high:
            return key
    return ""
