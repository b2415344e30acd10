"""What a claim says, in words; its number as printed; and the same statement computed from the estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from kcq_eval.claims import AnyQuantity, Claim, Quantity
from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.indicators.funding import growth_pct
from kcq_eval.numbers import NBSP, Number
from kcq_eval.printed import UNITS, Interval
from kcq_eval.texts import Sentences, capital, uncapital
from kcq_eval.vocabulary import ALL, UNSTATED

_MAIN_DECIMALS = {"percent": 1, "percentage_point": 1, "million_vnd": 1}


def claim_number(claim: Claim, texts: Sentences, *, main_source: str) -> str:
    """"#5", with the source's id where it is not the main one."""
    key = "claim_number" if claim.source_id == main_source else "claim_of"
    return texts(key, number=claim.number, source=claim.source_id)


def figure_number(claim: Claim, figure: str, texts: Sentences, *, main_source: str) -> str:
    """"#15 (28)" for a figure (`part` or `whole`) of a ratio, else the claim's number."""
    number = claim_number(claim, texts, main_source=main_source)
    return f"{number}{NBSP}({dict(zip(('part', 'whole'), claim.ratio))[figure]})" if figure else number


def claim_names(claims: Sequence[Claim], texts: Sentences, *, main_source: str) -> str:
    """"figure #5", "figures #4, #5 and #6"."""
    names = texts.joined(claim_number(claim, texts, main_source=main_source) for claim in claims)
    return texts("claims_one" if len(claims) == 1 else "claims_several", names=names)


def statement(claim: Claim, texts: Sentences) -> str:
    """What the claim is about: measure, scheme kind or support type, period."""
    told = {"scope": scope_name(claim.quantity, texts), "period": claim.quantity.period.text, "measure": uncapital(texts.label(claim.quantity.measure))}
    if claim.reference:
        told["reference"] = claim.reference.period.text
    if claim.whole:
        told["whole"] = _whole(claim, texts)
    return capital(texts(f"statement.{claim.relation}", **told))


def _whole(claim: Claim, texts: Sentences) -> str:
    if UNSTATED in claim.whole.measure:
        return _unstated(claim.whole.measure.partition(UNSTATED)[2], texts)
    if claim.whole.measure == claim.quantity.measure:
        return scope_name(claim.whole, texts)
    return uncapital(texts.label(claim.whole.measure))


def _unstated(name: str, texts: Sentences) -> str:
    """A whole that is printed nowhere, with the name it was given; a claim's own has a name with "#", which nobody gave."""
    return texts("statement.unstated") if "#" in name else texts("statement.unstated_named", name=name)


def quantity_name(quantity: AnyQuantity, texts: Sentences) -> str:
    """A quantity in words: measure, scope, period."""
    measure, unstated, name = quantity.measure.partition(UNSTATED)
    if unstated:
        return f"{_unstated(name, texts)}, {quantity.period.text}"
    return texts("statement.value", measure=texts.label(measure), scope=scope_name(quantity, texts), period=quantity.period.text)


def scope_name(quantity: AnyQuantity, texts: Sentences) -> str:
    """What part of the measure a quantity is of, in words."""
    codes = [getattr(quantity, dimension) for dimension in quantity.dimensions]
    named = [texts.label(code) for code in codes if code != ALL]
    if isinstance(quantity, Quantity) and quantity.scheme_kind == ALL:
        named.insert(0, texts("statement.all_schemes"))
    return ", ".join(named) or texts("statement.all")


def printed_text(claim: Claim, texts: Sentences) -> str:
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


def error_size(size: Fraction, claim: Claim, texts: Sentences) -> str:
    """The size of an error in a claim's figure, given in its printed unit, with the digits it was printed with."""
    if claim.printed is None:
        return texts.number(Number("", Bounded.exactly(size), "count"))
    unit = _unit(claim)
    in_unit = size * UNITS[claim.printed.unit].scale / UNITS[unit].scale
    return texts.number(Number("", Bounded.exactly(in_unit), unit, printed_number(claim).decimals))


def number_in(interval: Interval, claim: Claim, number_id: str) -> Number:
    """An interval that a claim's number is held to, as a number in the claim's unit."""
    unit = _unit(claim)
    lower, upper = (None if end is None else end / UNITS[unit].scale for end in (interval.lower, interval.upper))
    if lower is None:
        lower = Fraction(0)
    value = lower if upper is None else (lower + upper) / 2
    printed = printed_number(claim).decimals
    return Number(number_id, Bounded(value, lower, upper), unit, max(_MAIN_DECIMALS.get(unit, 0), printed), "audit.required", fewest=printed)


def interval_text(interval: Interval, claim: Claim, texts: Sentences) -> str:
    """The same in words, with the claim's direction, or the other one where the number would have to turn."""
    if not claim.direction:
        return texts.number(number_in(interval, claim, ""))
    rise = interval if claim.direction == "up" else interval.negated()
    if rise.lower is not None and rise.lower >= 0:
        return f"{texts('relation.up')} {texts.number(number_in(rise, claim, ''))}"
    if rise.upper is not None and rise.upper <= 0:
        return f"{texts('relation.down')} {texts.number(number_in(rise.negated(), claim, ''))}"
    return texts.number(number_in(rise, claim, ""))


def computed_number(claim: Claim, estimates: Estimates) -> Number | None:
    """The claim's statement computed from the estimates; None where they do not reach, or for lists and words."""
    if claim.printed is None:
        return None
    quantity, other = (_estimate(q, estimates) if q else None for q in (claim.quantity, claim.reference or claim.whole))
    if quantity is None or (other is None and claim.relation in ("growth", "difference", "share", "average", "share_change")):
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
        case "share_change":
            found = _share_change(claim, estimates)
        case _:
            found = quantity
    if found is None:
        return None
    if claim.direction == "down":
        found = Bounded.resting_on([found], -found.value, -found.upper, -found.lower)
    return Number(f"computed.{claim.claim_id}", found, _unit(claim), printed_number(claim).decimals)


def _share_change(claim: Claim, estimates: Estimates) -> Bounded | None:
    """The share now less the share in the reference period, in points."""
    ends = [(claim.quantity, claim.whole), (claim.reference, replace(claim.whole, period=claim.reference.period))]
    found = [(_estimate(part, estimates), _estimate(whole, estimates)) for part, whole in ends]
    if any(part is None or whole is None or None in (part.upper, whole.upper) or not part / whole for part, whole in found):
        return None
    now, before = ((part / whole).scaled(100) for part, whole in found)
    return now - before


def computed_text(claim: Claim, estimates: Estimates, texts: Sentences) -> str:
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


def _estimate(quantity: AnyQuantity, estimates: Estimates) -> Bounded | None:
    dimensions = {dimension: getattr(quantity, dimension) for dimension in quantity.dimensions}
    return estimates.get(quantity.measure, quantity.period, quantity.centre, **dimensions)


def _unit(claim: Claim) -> str:
    """The unit a claim is told in: the programme's money always in millions, anything else as it was printed."""
    of_programme = isinstance(claim.quantity, Quantity)
    return "million_vnd" if of_programme and UNITS[claim.printed.unit].family == "money" else claim.printed.unit
