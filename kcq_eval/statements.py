"""What a claim says, in words; its number as printed; and the same statement computed from the estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from kcq_eval.claims import Claim, Quantity
from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.indicators.funding import growth_pct
from kcq_eval.numbers import NBSP, Number
from kcq_eval.printed import UNITS, Interval
from kcq_eval.texts import Texts, capital, uncapital
from kcq_eval.vocabulary import ALL, DIMENSIONS

_MAIN_DECIMALS = {"percent": 1, "percentage_point": 1, "million_vnd": 1}


def claim_number(claim: Claim, texts: Texts, *, main_source: str) -> str:
    """"#5", with the source's id where it is not the main one."""
    key = "claim_number" if claim.source_id == main_source else "claim_of"
    return texts(key, number=claim.number, source=claim.source_id)


def claim_names(claims: Sequence[Claim], texts: Texts, *, main_source: str) -> str:
    """"figure #5", "figures #4, #5 and #6"."""
    names = texts.joined(claim_number(claim, texts, main_source=main_source) for claim in claims)
    return texts("claims_one" if len(claims) == 1 else "claims_several", names=names)


def statement(claim: Claim, texts: Texts) -> str:
    """What the claim is about: measure, scheme kind or support type, period."""
    told = {"scope": _scope(claim.quantity, texts), "period": claim.quantity.period.text, "measure": uncapital(texts.label(claim.quantity.measure))}
    if claim.reference:
        told["reference"] = claim.reference.period.text
    if claim.whole:
        same_measure = claim.whole.measure == claim.quantity.measure
        told["whole"] = _scope(claim.whole, texts) if same_measure else uncapital(texts.label(claim.whole.measure))
    return capital(texts(f"statement.{claim.relation}", **told))


def _scope(quantity: Quantity, texts: Texts) -> str:
    codes = [getattr(quantity, dimension) for dimension in DIMENSIONS]
    named = [texts.label(code) for code in codes if code != ALL]
    if quantity.scheme_kind == ALL:
        named.insert(0, texts("statement.all_schemes"))
    return ", ".join(named)


def printed_text(claim: Claim, texts: Texts) -> str:
    """The number as the run's language prints it, with its direction; a list's length; nothing for words."""
    if claim.ratio:
        return "{}/{}".format(*claim.ratio)
    if claim.printed is None:
        names = ", ".join(texts.label(item) for item in claim.items)
        return texts("relation.list", count=len(claim.items), names=names) if claim.items else texts("relation.words")
    number = printed_number(claim)
    literally = replace(number, bounded=Bounded.exactly(claim.printed.value / UNITS[number.unit].scale))
    words = [texts(f"relation.{claim.direction}")] if claim.direction else []
    words += [texts(f"hedge.{claim.printed.hedge}")] if claim.printed.hedge else []
    return " ".join([*words, texts.number(literally)])


def printed_number(claim: Claim) -> Number:
    """The claim's number with the digits and bounds it was printed with; a size without sign where it has a direction."""
    unit = _unit(claim)
    scale = UNITS[unit].scale
    interval, step = claim.printed.interval, Fraction(claim.printed.step) / scale
    value = claim.printed.value / scale
    lower = Fraction(0) if interval.lower is None else interval.lower / scale
    upper = None if interval.upper is None else interval.upper / scale
    decimals = 0
    while step < 1:
        step, decimals = step * 10, decimals + 1
    return Number(f"claim.{claim.claim_id}", Bounded(value, lower, upper, frozenset({claim.claim_id}), basis="printed"), unit, decimals, "audit.printed")


def number_in(interval: Interval, claim: Claim, number_id: str) -> Number:
    """An interval that a claim's number is held to, as a number in the claim's unit."""
    unit = _unit(claim)
    lower, upper = (None if end is None else end / UNITS[unit].scale for end in (interval.lower, interval.upper))
    if lower is None:
        lower = Fraction(0)
    value = lower if upper is None else (lower + upper) / 2
    return Number(number_id, Bounded(value, lower, upper), unit, _MAIN_DECIMALS.get(unit, 0), "audit.required")


def computed_number(claim: Claim, estimates: Estimates) -> Number | None:
    """The claim's statement computed from the estimates; None where they do not reach, or for lists and words."""
    if claim.printed is None:
        return None
    quantity, other = (_estimate(q, estimates) if q else None for q in (claim.quantity, claim.reference or claim.whole))
    if quantity is None or (other is None and claim.relation in ("growth", "difference", "share", "average")):
        return None
    if None in (quantity.upper, other.upper if other else 0):
        return None
    match claim.relation:
        case "growth":
            found = growth_pct(quantity, other)
        case "difference":
            found = quantity - other
        case "share":
            found = (quantity / other).scaled(100) if quantity / other else None
        case "average":
            found = quantity / other
        case _:
            found = quantity
    if found is None:
        return None
    if claim.direction == "down":
        found = Bounded.resting_on([found], -found.value, -found.upper, -found.lower)
    return Number(f"computed.{claim.claim_id}", found, _unit(claim), printed_number(claim).decimals)


def computed_text(claim: Claim, estimates: Estimates, texts: Texts) -> str:
    """The same statement computed, written like the printed one; "" where it cannot be computed."""
    if claim.ratio:
        ends = [_estimate(quantity, estimates) for quantity in (claim.quantity, claim.whole)]
        return "/".join(str(end.value) for end in ends) if all(end and end.is_point for end in ends) else ""
    number = computed_number(claim, estimates)
    if number is None:
        return ""
    direction = {"up": "down", "down": "up"}.get(claim.direction, "") if number.direction == "down" else claim.direction
    amount = texts.number(number, "abs" if claim.direction else "")
    told = f"{texts(f'relation.{direction}')} {amount}" if direction else amount
    return starred(told, number.bounded.marked)


def starred(text: str, marked: bool) -> str:
    """With an asterisk where it depends on the accepted explanation or on a confirmed correction."""
    return f"{text}{NBSP}*" if marked else text


def mark_key(depends: bool, corrected: bool) -> str:
    """Key of the text that says what the asterisk stands for, below `figure.` and `report.`."""
    return "starred_both" if depends and corrected else "starred_corrected" if corrected else "starred"


def _estimate(quantity: Quantity, estimates: Estimates) -> Bounded | None:
    dimensions = {dimension: getattr(quantity, dimension) for dimension in DIMENSIONS}
    return estimates.get(quantity.measure, quantity.period, quantity.centre, **dimensions)


def _unit(claim: Claim) -> str:
    return "million_vnd" if UNITS[claim.printed.unit].family == "money" else claim.printed.unit
