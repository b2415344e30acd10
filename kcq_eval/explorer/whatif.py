"""What if a published figure said something else, or were left out: the audit of the changed claims beside that of the printed ones.

Nothing of this reaches the data or a run.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from kcq_eval import tables
from kcq_eval.audit.explanations import Audit, audit_claims
from kcq_eval.claims import AnyQuantity, Claim, Published
from kcq_eval.errors import BadInput, Problem
from kcq_eval.estimates import Bounded
from kcq_eval.evaluation import Audited
from kcq_eval.findings import names_of
from kcq_eval.ledger import reprinted
from kcq_eval.numbers import Number
from kcq_eval.printed import UNITS, PrintedError
from kcq_eval.statements import printed_text, quantity_name
from kcq_eval.texts import Sentences, capital
from kcq_eval.vocabulary import ALL

LEFT_OUT = None  # the change of a claim that is left out
Changes = Mapping[str, str | None]  # a claim's id with another printed text, or left out


@dataclass(frozen=True)
class Moved:
    """A quantity whose bounds are others once claims are changed; ends in the measure's unit, None where open or not known."""

    quantity: AnyQuantity
    before: Number | None
    after: Number | None


@dataclass(frozen=True)
class WhatIf:
    """Two audits side by side.

    Attributes:
        gone, new, kept: Conflicts that are no more, that have come, and that stay.
        moved: Quantities whose bounds move: those that hold whichever suspect is the one.
    """

    before: Audited
    after: Audited
    gone: tuple[tuple[str, ...], ...]
    new: tuple[tuple[str, ...], ...]
    kept: tuple[tuple[str, ...], ...]
    moved: tuple[Moved, ...]


def can_be_changed(published: Published) -> list[Claim]:
    """The claims that the audit checks: numbers, ratios, and lists, which can only be left out."""
    return [claim for claim in published.claims if claim.printed or claim.ratio or claim.items]


def what_if(audited: Audited, changes: Changes) -> WhatIf:
    """The audit as printed, and the audit with some claims changed.

    Raises:
        BadInput: A text that the claim could not have printed; all problems at once.
    """
    problems, instead = [], {}
    for claim_id, text in changes.items():
        try:
            instead[claim_id] = None if text is LEFT_OUT else reprinted(audited.published.claim(claim_id), text, audited.published)
        except PrintedError as error:
            problems.append(Problem(f"printed_{error.key}", "parameters", None, "", text or "", error.expected))
    if problems:
        raise BadInput(problems)
    published, before = audited.published, audited.audit
    claims = tuple(claim for claim in (instead.get(claim.claim_id, claim) for claim in published.claims) if claim is not None)
    after = audit_claims(replace(published, claims=claims)) if instead else before
    groups = set(before.conflicts), set(after.conflicts)
    return WhatIf(
        Audited(published=published, audit=before, set_aside=before.set_aside("first")),
        Audited(published=after.published, audit=after, set_aside=after.set_aside("first")),
        tuple(ids for ids in before.conflicts if ids not in groups[1]),
        tuple(ids for ids in after.conflicts if ids not in groups[0]),
        tuple(ids for ids in before.conflicts if ids in groups[1]),
        _moved(before, after),
    )


def _moved(before: Audit, after: Audit) -> tuple[Moved, ...]:
    """Counts and sums whose bounds differ; membership of single codes in lists is left out."""
    ends = [audit.extents(audit.set_aside("tied")) for audit in (before, after)]
    found = []
    for quantity in dict.fromkeys([*ends[0], *ends[1]]):
        pair = [extents.get(quantity) for extents in ends]
        if pair[0] != pair[1] and not _is_member(quantity, before.published):
            numbers = [None if extent is None else _number(quantity, extent, before.published) for extent in pair]
            found.append(Moved(quantity, *numbers))
    return tuple(found)


def _is_member(quantity: AnyQuantity, published: Published) -> bool:
    measure = published.vocabulary.measure(quantity.measure)
    return bool(measure.list_of) and getattr(quantity, measure.list_of) != ALL


def _number(quantity: AnyQuantity, extent: tuple, published: Published) -> Number:
    unit = published.vocabulary.measure(quantity.measure).unit
    lower, upper = (None if end is None else end / UNITS[unit].scale for end in extent)
    value = lower if upper is None else (lower + upper) / 2
    return Number(f"whatif.{quantity.key}", Bounded(value, lower, upper), unit, 1 if unit == "million_vnd" else 0)


def what_if_html(found: WhatIf, texts: Sentences) -> str:
    """Conflicts that go, come and stay, the explanation that comes first, and the bounds that move."""
    told = [f"<p><strong>{_e(texts(f'explore.whatif.verdict.{found.after.audit.verdict}'))}</strong></p>"]
    for name, conflicts, audited in (("new", found.new, found.after), ("gone", found.gone, found.before), ("kept", found.kept, found.before)):
        if conflicts:
            rows = "".join(f"<li>{_e(_conflict_text(ids, audited, texts))}</li>" for ids in conflicts)
            key = name if found.gone or found.new else "conflicts"
            told.append(f'<h3>{_e(texts(f"explore.whatif.{key}", count=len(conflicts)))}</h3><ul class="kcq-{name}">{rows}</ul>')
    if found.after.audit.explanations:
        table = tables.explanations_table(found.after, texts)
        told.append(f"<h3>{_e(texts('explore.whatif.explanations'))}</h3>{tables.to_html(table)}")
    told.append(f"<h3>{_e(texts('explore.whatif.moved'))}</h3>")
    told.append(tables.to_html(_moved_table(found, texts)) if found.moved else f"<p>{_e(texts('explore.whatif.none_moved'))}</p>")
    return f'<div class="kcq-whatif" lang="{texts.language}">{"".join(told)}</div>'


def _conflict_text(ids: Iterable[str], audited: Audited, texts: Sentences) -> str:
    printed = "; ".join(printed_text(audited.published.claim(claim_id), texts) for claim_id in ids)
    return f"{capital(names_of(audited, texts, ids))}: {printed}"


def _moved_table(found: WhatIf, texts: Sentences) -> pd.DataFrame:
    columns = [texts(f"explore.whatif.column.{name}") for name in ("quantity", "before", "after")]
    rows = [(quantity_name(m.quantity, texts), *(texts.number(n) if n else texts("not_reported") for n in (m.before, m.after))) for m in found.moved]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _e(text: str) -> str:
    return html.escape(text)
