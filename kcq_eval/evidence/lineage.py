"""Lineage: for every number the quantities, claims, register rows and rules behind it, and the function that computed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcq_eval.audit.constraints import Constraint, build_system
from kcq_eval.audit.explanations import Audit, outside_of
from kcq_eval.audit.solver import Answer, Component, shrink
from kcq_eval.claims import Claim, Quantity
from kcq_eval.estimates import DERIVED, REGISTER, Bounded
from kcq_eval.evaluation import Evaluation
from kcq_eval.numbers import Number
from kcq_eval.parameters import Period
from kcq_eval.printed import UNITS
from kcq_eval.remembered import remembered
from kcq_eval.statements import quantity_name, statement
from kcq_eval.texts import Texts
from kcq_eval.vocabulary import DIMENSIONS

_MOST_ROWS = 200  # ranges of register rows that are named for one quantity


def grounds(number: Number) -> dict[str, Any]:
    """What a chapter saves of a number: its function, and the keys of the quantities and claims behind it."""
    return {
        "id": number.id,
        "function": number.function,
        "quantities": sorted(key(quantity) for quantity in number.bounded.quantities),
        "claims": sorted(number.bounded.claims),
        "depends_on_explanation": number.bounded.depends,
        "corrections": sorted(number.bounded.corrections),
    }


def lineage(numbers: Sequence[Mapping[str, Any]], evaluation: Evaluation, texts: Mapping[str, Texts]) -> dict[str, Any]:
    """Everything that is behind some numbers: the numbers themselves, each quantity and rule that one of them names, and all claims.

    Args:
        numbers: What chapters saved of them (`grounds`).
        texts: By language.
    """
    keys = sorted({name for number in numbers for name in number["quantities"]})
    behind = {name: _quantity(name, evaluation, texts) for name in keys}
    claims = evaluation.published.claims
    return {
        "set_aside": list(evaluation.set_aside),
        "numbers": list(numbers),
        "quantities": behind,
        "claims": {claim.claim_id: _claim(claim, evaluation, texts) for claim in claims},
        "rules": {rule: _rule(rule, evaluation, texts) for rule in sorted({rule for q in behind.values() for rule in q["rules"]})},
        "functions": sorted({number["function"] for number in numbers}),
    }


def key(quantity: Quantity) -> str:
    """A quantity as one word of its dimensions, `facilities/2021-2023/ipc1/focal/all/all/all`."""
    return "/".join([quantity.measure, str(quantity.period), quantity.centre, *(getattr(quantity, dimension) for dimension in DIMENSIONS)])


def read_key(text: str) -> Quantity:
    measure, period, centre, *codes = text.split("/")
    return Quantity(measure, Period.parse(period), centre, *codes)


def _quantity(name: str, evaluation: Evaluation, texts: Mapping[str, Texts]) -> dict[str, Any]:
    from kcq_eval.tables import decimal

    quantity = read_key(name)
    bounded = evaluation.estimates.of(quantity)
    told = {f"name_{language}": quantity_name(quantity, say) for language, say in texts.items()}
    told |= {"value": decimal(bounded.value), "lower": decimal(bounded.lower), "upper": decimal(bounded.upper)}
    told |= {"unit": evaluation.published.vocabulary.measure(quantity.measure).unit, "basis": bounded.basis}
    told |= {"claims": sorted(bounded.claims) if bounded.basis != REGISTER else []}
    told |= {"rules": rules_behind(quantity, bounded, evaluation.corrected) if bounded.basis == DERIVED else []}
    if bounded.basis == REGISTER:
        told["rows"], told["row_count"] = _rows(quantity, evaluation)
    return told


def rules_behind(quantity: Quantity, bounded: Bounded, audit: Audit) -> list[str]:
    """A smallest set of rules that, with the claims behind it, force a quantity's bounds; names without what they are about."""
    published = audit.published
    part, rules = _switched(audit)
    claims = [claim for claim in part.claims if claim in bounded.claims]
    scale = UNITS[published.vocabulary.measure(quantity.measure).unit].scale
    outside = outside_of(quantity, bounded.lower * scale, None if bounded.upper is None else bounded.upper * scale)

    def forced_by(kept: list[str]) -> bool:
        return all(part.feasible([*claims, *kept], [end]) is Answer.NO for end in outside)

    return sorted({name.partition(" ")[2].partition("/")[0] for name in shrink(rules, forced_by)}) if outside and forced_by(rules) else []


@remembered
def _switched(audit: Audit) -> tuple[Component, list[str]]:
    """All claims and rules as one part in which rules can be left out like claims, and the rules' names in it."""
    system = build_system(audit.published)
    rules = [Constraint(f"{place} {rule.name}", True, rule.parts, share_change=rule.share_change) for place, rule in enumerate(system.rules)]
    return Component(system.quantities, [*system.claims, *rules], (), system.continuous), [rule.name for rule in rules]


def _rows(quantity: Quantity, evaluation: Evaluation) -> tuple[str, int]:
    """The register's rows that a quantity is the sum or count of, as ranges of row numbers for each sheet or part."""
    from kcq_eval.comparison import rows_of

    register = evaluation.register
    rows = rows_of(quantity, register)
    if quantity.measure in ("facilities", "supports"):
        rows = rows[rows["facility"] >= 0]
    told = []
    for piece, group in rows.groupby("piece", sort=True):
        ranges = list(_ranges(sorted(int(row) for row in group["row"])))
        more = f" … (+{len(ranges) - _MOST_ROWS})" if len(ranges) > _MOST_ROWS else ""
        name = f"{register.pieces[int(piece)]}: " if len(register.pieces) > 1 else ""
        told.append(name + ", ".join(ranges[:_MOST_ROWS]) + more)
    return "; ".join(told), len(rows)


def _ranges(rows: Sequence[int]) -> Iterable[str]:
    start = previous = None
    for row in [*rows, None]:
        if previous is not None and row != previous + 1:
            yield str(start) if start == previous else f"{start}–{previous}"
            start = None
        start = row if start is None else start
        previous = row


def _claim(claim: Claim, evaluation: Evaluation, texts: Mapping[str, Texts]) -> dict[str, Any]:
    from kcq_eval.tables import as_printed

    told = {"source": claim.source_id, "locator": claim.locator, "printed": as_printed(claim), "set_aside": claim.claim_id in evaluation.set_aside}
    return told | {f"statement_{language}": statement(claim, say) for language, say in texts.items()}


def _rule(rule: str, evaluation: Evaluation, texts: Mapping[str, Texts]) -> dict[str, str]:
    declared = {partition.rule_id for partition in evaluation.published.vocabulary.partitions}
    return {language: say.label(rule) if rule in declared else say(f"rule.{rule}") for language, say in texts.items()}
