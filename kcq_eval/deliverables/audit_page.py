"""The audit of an evaluator's own document: one self-contained page, its verdicts as CSV and JSON, and a summary for the terminal."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from kcq_eval import __version__, tables
from kcq_eval.audit.constraints import Constraint, System, build_system
from kcq_eval.audit.explanations import audit_claims
from kcq_eval.audit.readings import other_readings
from kcq_eval.audit.solver import Answer, Component, shrink
from kcq_eval.claims import Claim
from kcq_eval.deliverables.pages import template
from kcq_eval.documents import OwnDocument
from kcq_eval.evaluation import Audited
from kcq_eval.exhibits import conflict_row
from kcq_eval.findings import Finding, main_source, names_of, verdict_findings
from kcq_eval.numbers import NBSP
from kcq_eval.printed import GENEROUS, Interval
from kcq_eval.statements import claim_number, interval_text, printed_text, scope_name, statement
from kcq_eval.texts import Sentences, capital

PAGE, VERDICTS, EXPLANATIONS, RECORD = "audit.html", "verdicts.csv", "explanations.csv", "verdicts.json"
_MOST_DRAWN = 12  # groups; the tables have all
_OPEN_GROUPS = 3  # the others can be unfolded
_MOST_ROWS = 60  # claims of a group that are drawn as lines
_MOST_NAMED = 12  # figures named in a note
_MOST_SUSPECTS = 60  # of which it is told what they would have to be
_MOST_RULES = 150  # that may bind a group; beyond that its reasons are not looked for
_GENEROUS = f"audit_reading.{GENEROUS}."


@dataclass(frozen=True)
class AuditedDocument:
    """An own document with what the audit found; told in one language."""

    document: OwnDocument
    audited: Audited
    texts: Sentences

    @property
    def verdict(self) -> str:
        return self.audited.audit.verdict

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        audit, claims = self.audited.audit, self.audited.published.claims
        checked = sum(audit.claim_verdict(claim) != "not_checked" for claim in claims)
        key, fewest = self.verdict, sum(len(ways_out[0].claims) for ways_out in audit.ranked)
        if key == "contradicted" and audit.undecided:
            key = "contradicted_in_part"
        if any(set(audit.suspects).isdisjoint(conflict) for conflict in audit.conflicts):
            key = "all_fixed"
        return self.texts(f"audit.verdict.{key}", checked=checked, count=fewest, undecided=len(audit.undecided))

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """What the audit found; a document without conflict has the verdict's sentence alone."""
        return [finding for finding in verdict_findings(self.audited, self.texts) if finding.id != "audit_consistent" and self._turns(finding)]

    def _turns(self, finding: Finding) -> bool:
        """Whether the verdict turns on a hedge: not where the suspects are in a conflict, too, that no reading resolves."""
        if not finding.id.startswith(_GENEROUS):
            return True
        conflicts, suspects = self.audited.audit.conflicts, set(self.audited.audit.suspects)
        return not any(suspects & set(finding.sources) & set(conflict) for conflict in conflicts if conflict not in self._resolved)

    @functools.cached_property
    def _resolved(self) -> frozenset[tuple[str, ...]]:
        """Conflicts that a generous reading resolves."""
        return frozenset(turned.claims for turned in other_readings(self.audited.audit) if turned.reading == GENEROUS)

    @property
    def too_many(self) -> bool:
        """Whether there are too many suspects to say of each what it would have to be."""
        return len(self.audited.audit.suspects) > _MOST_SUSPECTS

    def required(self, claim: Claim) -> Interval | None:
        """Where a suspect would have to lie for everything else to stand."""
        return None if self.too_many else self.audited.audit.required(claim)

    @property
    def notes(self) -> list[str]:
        """What the reader had to decide, and which figures nothing could be checked against."""
        told = [self.texts(f"audit.note.{note.key}", **note.values) for note in self.document.notes]
        alone = [part.claims[0] for part in self.audited.audit.parts if len(part.claims) == 1]
        if alone:
            shown = sorted(alone, key=self.audited.published.position)[:_MOST_NAMED]
            more = ", …" if len(alone) > _MOST_NAMED else ""
            told.append(self.texts("audit.note.alone", claims=names_of(self.audited, self.texts, shown) + more, count=len(alone)))
        return told


def audit_document(document: OwnDocument, language: str) -> AuditedDocument:
    """Decide whether all claims of a document can be true."""
    audited = Audited(published=document.published, audit=audit_claims(document.published))
    return AuditedDocument(document, audited, Sentences(language, document.vocabulary))


def write_audit(folder: Path, found: AuditedDocument) -> None:
    """Write the page, both tables and the record into a folder that exists."""
    (folder / PAGE).write_text(_page(found), encoding="utf-8", newline="\n")
    for name, frame in ((VERDICTS, _verdicts(found)), (EXPLANATIONS, _explanations(found))):
        frame.map(tables.harmless).to_csv(folder / name, index=False, lineterminator="\n")
    (folder / RECORD).write_text(json.dumps(_record(found), ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


# --- the page


def _page(found: AuditedDocument) -> str:
    audit, texts = found.audited.audit, found.texts
    return template("audit_page.html").render(
        t=texts,
        language=texts.language,
        name=found.document.name,
        verdict=found.verdict,
        sentence=found.sentence,
        findings=found.findings,
        conflicts=_conflicts(found),
        open_groups=_OPEN_GROUPS,
        too_many=found.too_many,
        more_conflicts=max(0, len(audit.conflicts) - _MOST_DRAWN),
        complete=audit.complete,
        explanations=Markup(tables.to_html(_explanations_shown(found))) if audit.explanations else "",
        claims=_claims(found),
        assumed=_assumed(found),
        notes=found.notes,
        sources=[source.title(texts.language) for source in found.audited.published.sources.values()],
    )


def _conflicts(found: AuditedDocument) -> list[dict[str, Any]]:
    """Groups that cannot all be true: their claims drawn, and the rules that join them; what is easiest to see comes first."""
    texts, audited = found.texts, found.audited
    system = build_system(audited.published)
    groups = []
    for ids in audited.audit.conflicts[:_MOST_DRAWN]:
        rules = rules_behind(system, ids)
        groups.append(
            {
                "title": texts("figure.conflict.title", claims=capital(names_of(audited, texts, ids))),
                "rows": [_drawn(claim_id, ids, found) for claim_id in ids],
                "rules": [_rule_told(rule, found) for rule in rules or ()],
            }
        )
    return sorted(groups, key=lambda group: (len(group["rows"]), len(group["rules"])))


def _drawn(claim_id: str, ids: Sequence[str], found: AuditedDocument) -> dict[str, Any]:
    """A claim's line: places in percent of the line's width; without a line where the others hold it to nothing."""
    claim = found.audited.published.claim(claim_id)
    row = conflict_row(claim_id, ids, found.texts, found.audited) if len(ids) <= _MOST_ROWS else None
    told = {
        "number": claim_number(claim, found.texts, main_source=main_source(found.audited)),
        "statement": statement(claim, found.texts),
        "printed": printed_text(claim, found.texts),
        "suspect": claim_id in found.audited.audit.suspects,
        "where": " · ".join(_where(claim, found)),
        "line": None,
    }
    if row is None:
        return told
    printed, low, high = row["printed_value"], row["implied_lower"], row["implied_upper"]
    least, most = min(printed, low), max(printed, high)
    apart = (most - least) or abs(most) or 1.0
    from_zero = least >= 0 and apart > 0.12 * most
    start, stop = (0.0, 1.12 * most) if from_zero else (least - 0.4 * apart, most + 0.4 * apart)

    def place(value: float) -> float:
        return round(100 * (value - start) / (stop - start), 2)

    near = min(max(printed, low), high)
    gap = sorted((place(printed), place(near)))
    line = {
        "printed": place(printed), "low": place(low), "width": round(place(high) - place(low), 2), "middle": round((place(low) + place(high)) / 2, 2),
        "gap": gap[0], "gap_width": round(gap[1] - gap[0], 2), "zero": from_zero, "implied": row["implied_text"], "others": row["others"],
        "told": found.texts("figure.conflict.row", claim=told["number"], printed=told["printed"], implied=row["implied_text"], others=row["others_names"]),
    }  # fmt: skip
    return told | {"line": line}


def _where(claim: Claim, found: AuditedDocument) -> Iterator[str]:
    """Where a claim stands in the original document, and in the table."""
    row = str(found.document.rows.get(claim.claim_id, ""))
    if claim.locator != row:
        yield claim.locator
    yield found.texts("audit.row", row=row)


def rules_behind(system: System, ids: Sequence[str]) -> list[Constraint] | None:
    """A smallest set of structural rules with which the claims cannot all hold; None where that is not found out."""
    claims = [claim for claim in system.claims if claim.name in ids]
    joined = {quantity for claim in claims for quantity in claim.quantities}
    rules: list[Constraint] = []
    while True:
        more = [rule for rule in system.rules if rule not in rules and not joined.isdisjoint(rule.quantities)]
        if not more:
            break
        rules += more
        joined |= {quantity for rule in more for quantity in rule.quantities}
        if len(rules) > _MOST_RULES:
            return None
    quantities = sorted(joined)

    def impossible(kept: list[Constraint]) -> bool:
        return Component(quantities, claims, kept, system.continuous).feasible(ids) is Answer.NO

    declared_first = sorted(rules, key=lambda rule: (rule.name.startswith(("part-of-whole/", "parts-of-whole/")), rule.name))
    return shrink(declared_first, impossible) if impossible(declared_first) else None


def _rule_told(rule: Constraint, found: AuditedDocument) -> str:
    """A rule as a sum, with what the document says of it."""
    texts, sums = found.texts, []
    rule_id = rule.name.partition("/")[0]
    for part in rule.parts:
        wholes = [quantity for quantity, coefficient in part.terms if coefficient < 0]
        parts = [quantity for quantity, coefficient in part.terms if coefficient > 0]
        if len(wholes) != 1 or not parts:
            continue
        same_period = all(quantity.period == wholes[0].period for quantity in parts)
        if same_period:
            names, about = [scope_name(quantity, texts) for quantity in [*parts, wholes[0]]], wholes[0].period.text
        else:
            names, about = [quantity.period.text for quantity in [*parts, wholes[0]]], scope_name(wholes[0], texts)
        sign = "=" if part.interval.is_point else "≤"
        sums.append(f"{' + '.join(names[:-1])} {sign} {names[-1]} ({texts.label(wholes[0].measure)}, {about})")
    label = found.document.vocabulary.rule_labels.get(rule_id)
    kind = texts("audit.rule.declared", rule=rule_id) if label is not None else texts("audit.rule.structural")
    return f"{'; '.join(sums)}: {label or kind}"


def _claims(found: AuditedDocument) -> list[dict[str, str]]:
    """Every claim with its verdict."""
    texts, audit = found.texts, found.audited.audit
    return [
        {
            "number": claim_number(claim, texts, main_source=main_source(found.audited)),
            "row": str(found.document.rows.get(claim.claim_id, "")),
            "statement": statement(claim, texts),
            "as_printed": "" if tables.as_printed(claim) in printed_text(claim, texts).replace(NBSP, " ") else tables.as_printed(claim),
            "read": printed_text(claim, texts),
            "stands_for": tables.stands_for(claim, texts),
            "code": audit.claim_verdict(claim),
            "verdict": texts(f"verdict.{audit.claim_verdict(claim)}"),
            "required": _required(claim, found),
            "trusted": texts("audit.fixed") if claim.trust is None else "",
        }
        for claim in found.audited.published.claims
    ]


def _required(claim: Claim, found: AuditedDocument) -> str:
    required = found.required(claim)
    return interval_text(required, claim, found.texts) if required else ""


def _explanations_shown(found: AuditedDocument) -> pd.DataFrame:
    return tables.explanations_table(found.audited, found.texts, found.required).drop(columns=[found.texts("column.accepted")])


def _assumed(found: AuditedDocument) -> list[str]:
    """What was held to be true of the quantities beside the claims, measure by measure."""
    vocabulary, texts = found.document.vocabulary, found.texts
    spoken = {claim.quantity.measure for claim in found.audited.published.claims}
    lines = [texts("audit.assumed.not_negative")]
    for code, measure in vocabulary.measures.items():
        if code not in spoken:
            continue
        adding, nested = (_dimension_names(names, found) for names in (measure.adds_up_over, measure.nested_over))
        rules = [partition for partition in vocabulary.partitions if partition.measure == code]
        told = []
        if code in vocabulary.rates:
            told.append(texts("audit.assumed.rate"))
        elif nested:
            told.append(texts("audit.assumed.nested", dimensions=nested))
        if adding:
            told.append(texts("audit.assumed.adds_up", dimensions=adding))
        for partition in rules:
            sum_told = " + ".join(texts.label(part) for part in partition.parts)
            whole = texts("statement.all") if partition.whole == "all" else texts.label(partition.whole)
            told.append(texts("audit.assumed.partition", rule=partition.rule_id, sum=f"{sum_told} = {whole}"))
        if not told:
            told.append(texts("audit.assumed.nothing"))
        lines.append(f"{texts.label(code)}: {'; '.join(told)}.")
    return lines


def _dimension_names(dimensions: frozenset[str], found: AuditedDocument) -> str:
    vocabulary = found.document.vocabulary
    names = [found.texts("audit.years") if d == "period" else vocabulary.dimension_name(d) for d in ("period", *vocabulary.dimensions) if d in dimensions]
    return ", ".join(names)


# --- the same as data


def _verdicts(found: AuditedDocument) -> pd.DataFrame:
    rows = tables.verdict_rows(found.audited, found.required).drop(columns=["set_aside", "state", "state_date", "action", "corrected"])
    rows.insert(1, "row", [str(found.document.rows.get(claim_id, "")) for claim_id in rows["claim_id"]])
    rows.insert(2, "statement", [statement(claim, found.texts) for claim in found.audited.published.claims])
    return rows


def _explanations(found: AuditedDocument) -> pd.DataFrame:
    return tables.explanation_rows(found.audited).drop(columns=["accepted"]).astype(str)


def _record(found: AuditedDocument) -> dict[str, Any]:
    audit = found.audited.audit
    return {
        "kcq_eval": __version__,
        "document": found.document.name,
        "verdict": found.verdict,
        "sentence": found.sentence,
        "complete": audit.complete,
        "claims": _verdicts(found).to_dict("records"),
        "conflicts": audit.conflicts,
        "explanations": audit.explanations,
        "undecided": sorted(audit.undecided),
        "assumed": _assumed(found),
        "notes": found.notes,
    }
