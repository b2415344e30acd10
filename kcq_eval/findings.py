"""Findings: the evaluation's results in words, made from numbers and verdicts by template. No template holds a digit."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kcq_eval.audit.checkability import DETECTED, LOCATED, UNCHECKED, UNDECIDED, Checkability, checkability
from kcq_eval.audit.explanations import NOT_IDENTIFIABLE
from kcq_eval.audit.mechanisms import Explained, Fit
from kcq_eval.audit.readings import other_readings
from kcq_eval.claims import AnyQuantity, Claim
from kcq_eval.comparison import DIFFERS, Compared
from kcq_eval.estimates import Bounded
from kcq_eval.evaluation import Audited, Evaluation
from kcq_eval.ledger import NONE, Correction
from kcq_eval.numbers import Number, Numbers, computing
from kcq_eval.parameters import Parameters, Period
from kcq_eval.register.coding import Remark, rows_told
from kcq_eval.register.columns import PRIVATE
from kcq_eval.register.criteria import MET, NOT_MET, OPEN, Judged, judge
from kcq_eval.sensitivity import Curve
from kcq_eval.statements import (
    claim_names,
    claim_number,
    figure_number,
    interval_text,
    number_in,
    printed_number,
    printed_text,
    quantity_name,
    starred,
    statement,
)
from kcq_eval.texts import Sentences, Texts, capital, sentence, uncapital
from kcq_eval.vocabulary import ALL

_MOST_WAYS = 3  # suspects of one conflict, or larger explanations, whose mechanism is told in a sentence
_MOST_TOLD = 10  # tied explanations named in a sentence, and suspects with what each would have to be; the tables have all

DEMONSTRATION = "demonstration"  # the finding that stands before all others where rows are invented
WEIGHTS = "funding_weights"  # how the years weigh in real growth: of its chapter only
COLUMNS = ("id", "chapter", "text", "depends_on_explanation", "sources", "corrections", "main")


@dataclass(frozen=True)
class Finding:
    """One result in words.

    Attributes:
        depends: Whether it would read differently under another of the tied explanations.
        sources: Ids of the claims it rests on.
        corrections: Ids of the claims with a confirmed correction that it depends on.
        main: Whether it stands among the results in front, and not only in its chapter.
    """

    id: str
    chapter: str
    text: str
    depends: bool = False
    sources: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()
    main: bool = True


def _order(chapter: str, parameters: Parameters) -> list[tuple[str, ...]]:
    """A chapter's findings; of alternatives the first whose numbers are known is told."""
    share = "facility_share" if parameters.share_whole == "all" else "facility_share.rest"
    return {
        "funding_growth": [(f"funding_growth.{parameters.price_basis}", "funding_only"), ("funding_real",), (WEIGHTS,), ("funding_split",)],
        "facility_shares": [("facilities", "facilities_only"), *([] if parameters.scheme_kind == ALL else [(share, "facility_share_open")])],
        "support_type_mix": [("mix", "mix_only"), ("mix_concentration",)],
        "province_coverage": [("coverage", "coverage_only"), ("coverage_34", "coverage_34_only")],
        "facility_register": [("register_counts",), ("register_leverage", "register_leverage_only"), ("register_spread",), ("register_kinds",)],
    }[chapter]


def findings(chapter: str, texts: Texts, parameters: Parameters) -> list[Finding]:
    """What a chapter's numbers say; a finding whose numbers are not reported is left out, and a chapter without any says so."""
    found = []
    for alternatives in _order(chapter, parameters):
        key = next((key for key in alternatives if texts.has_numbers(f"finding.{key}")), None)
        if key:
            used = texts.numbers_in(f"finding.{key}")
            depends = any(number.bounded.depends for number in used)
            sources, corrections = (
                tuple(sorted({claim for number in used for claim in claims(number.bounded)}))
                for claims in (lambda bounded: bounded.claims, lambda bounded: bounded.corrections)
            )
            marked = depends or bool(corrections)
            found.append(Finding(key, chapter, starred(texts(f"finding.{key}"), marked), depends, sources, corrections, main=key != WEIGHTS))
    what = texts(f"chapter.{chapter}.title")
    return found or [Finding(f"not_reported.{chapter}", chapter, texts("finding.not_reported", what=what))]


def assessment(chapter: str, texts: Texts) -> list[tuple[str, str]]:
    """Strengths and shortcomings of a chapter as (`up` or `down`, sentence), only where the bounds decide the direction."""
    numbers = texts.numbers
    compared = {
        "funding_growth": ["funding.growth.nominal", "funding.growth.cpi", "funding.per_facility.growth.nominal"],
        "facility_shares": ["facilities.growth"],
        "support_type_mix": ["mix.effective_types.net"],
        "province_coverage": ["coverage.63.net"],
    }.get(chapter, [])
    found = []
    for name in compared:
        direction = _direction(name, numbers)
        if direction in ("up", "down"):
            found.append((direction, texts(f"assessment.{name}.{direction}")))
    return found


def _direction(name: str, numbers: Numbers) -> str:
    """Which way a change goes; a name ending in `net` compares `…current` with `…baseline`."""
    if not name.endswith(".net"):
        return numbers[name].direction if name in numbers else ""
    ends = [name.replace("net", when) for when in ("current", "baseline")]
    if not all(end in numbers for end in ends):
        return ""
    now, before = (numbers[end].bounded for end in ends)
    return Number(name, now - before, "").direction


def register_findings(evaluation: Evaluation, compared: Iterable[Compared], texts: Texts) -> list[Finding]:
    """What the register's rows say, how it agrees with the publication, and what should be looked at; nothing without a register."""
    if evaluation.register is None:
        return []
    chapter, source = "facility_register", (evaluation.register.source_id,)
    found = [Finding(DEMONSTRATION, chapter, texts("finding.demonstration"), sources=source)] if evaluation.demonstration else []
    found += [f for f in findings(chapter, texts, evaluation.parameters) if not f.id.startswith("not_reported")]
    compared = list(compared)
    if compared:
        differ = [one.claim.claim_id for one in compared if one.verdict == DIFFERS]
        key = "register_differs" if differ else "register_agrees"
        told = {"count": len(compared), "differ": len(differ), "claims": names_of(evaluation, texts, differ) if differ else ""}
        found.append(Finding(key, chapter, texts(f"finding.{key}", **told), sources=(*differ, *source)))
    years = [str(year) for year in evaluation.parameters.current_period.years if not evaluation.register.has(Period(year, year))]
    if years:
        found.append(Finding("register_years_missing", chapter, texts("finding.register_years_missing", years=", ".join(years)), sources=source))
    for verdict in (MET, NOT_MET, OPEN):
        judged = [one for one in judged_criteria(evaluation) if one.verdict == verdict]
        if judged:
            told = {"count": len(judged), "schemes": len({one.scheme for one in judged})}
            found.append(Finding(f"criteria_{verdict}", chapter, texts(f"finding.criteria_{verdict}", **told), sources=source))
    for key in dict.fromkeys(remark.key for remark in register_remarks(evaluation)):
        rows = [(remark.told, row) for remark in register_remarks(evaluation) if remark.key == key for row in remark.rows]
        several = len({file for file, _ in rows}) > 1
        told = {"what": texts(f"problem.{key}"), "count": len(rows), "rows": "" if several else rows_told(sorted({row for _, row in rows}))}
        text = texts("finding.register_remark" if told["rows"] else "finding.register_remark_short", **told)
        found.append(Finding(f"register_remark.{key}", chapter, text, sources=source))
    return found


def register_remarks(evaluation: Evaluation) -> list[Remark]:
    """Warnings of the register, those of the two periods included; what stands in private columns only where names are asked for.

    All that a run writes of the register's warnings comes from here.
    """
    register, parameters = evaluation.register, evaluation.parameters
    if register is None:
        return []
    remarks = [*register.remarks, *(r for p in (parameters.current_period, parameters.baseline_period) for r in register.twice_supported(p))]
    told = [remark.column not in PRIVATE or remark.key == "facility_twice" or parameters.with_names for remark in remarks]
    return [remark if open_ else replace(remark, found="") for remark, open_ in zip(remarks, told)]


def sensitivity_findings(found: Iterable[Curve], texts: Texts) -> list[Finding]:
    """For each result, between which values it lies under all combinations of choices, which choice moves it most, and which do not."""
    chapter = "sensitivity"
    told = [_sensitivity(curve, texts) for curve in found]
    return told or [Finding(f"not_reported.{chapter}", chapter, texts("finding.not_reported", what=texts(f"chapter.{chapter}.title")))]


def _sensitivity(curve: Curve, texts: Texts) -> Finding:
    numbers = texts.numbers
    lowest, highest = (numbers[f"sensitivity.{curve.outcome}.{end}"] for end in ("lowest", "highest"))
    told = {"count": texts.number(numbers[f"sensitivity.{curve.outcome}.combinations"]), "outcome": texts(f"outcome.{curve.outcome}")}
    told |= {"lowest": texts.number(lowest), "highest": texts.number(highest)}
    if curve.most:
        part = texts.number(numbers[f"sensitivity.{curve.outcome}.effect.{curve.most.name}"])
        sentences = [texts("finding.sensitivity.most", **told, most=texts(f"choice.{curve.most.name}"), part=part)]
    else:
        sentences = [texts("finding.sensitivity.open" if curve.moves else "finding.sensitivity.same", **told)]
    still = [texts(f"choice.{choice.name}") for choice, effect in zip(curve.choices, curve.effects) if not effect]
    if curve.moves and still:
        sentences.append(texts("finding.sensitivity.same_few", choices=texts.joined(still)))
    if curve.is_change:
        sentences.append(texts(f"finding.sensitivity.{curve.direction}"))
    sources = tuple(sorted({*lowest.sources, *highest.sources}))
    return Finding(f"sensitivity.{curve.outcome}", "sensitivity", " ".join(sentences), sources=sources, main=False)


def judged_criteria(evaluation: Evaluation) -> list[Judged]:
    """The criteria of the evaluator's rules file, for each focal scheme."""
    if evaluation.register is None or not evaluation.criteria:
        return []
    return judge(evaluation.register, list(evaluation.criteria), evaluation.parameters.centre, evaluation.parameters.current_period)


def audit_findings(evaluation: Evaluation, texts: Texts) -> list[Finding]:
    """What the audit found, what could be noticed at all, what the ledger says, then remarks on statements that can be true, but not in every reading."""
    more = [*_checkable(evaluation, texts), *_ledger(evaluation, texts), *_remarks(evaluation, texts)]
    return [*verdict_findings(evaluation, texts), *(Finding(id, "consistency_audit", text, sources=sources, main=False) for id, text, sources in more)]


def verdict_findings(audited: Audited, texts: Sentences) -> list[Finding]:
    """Whether the figures can all be true, which are the suspects and what they would have to be."""
    return [Finding(id, "consistency_audit", text, sources=sources) for id, text, sources in _audit(audited, texts)]


@computing
def audit_numbers(evaluation: Evaluation) -> Numbers:
    """Counts of the audit, each suspect as printed and what it would have to be."""
    audit, claims = evaluation.audit, evaluation.published.claims
    counts = {
        "claims": len(claims),
        "checked": sum(audit.claim_verdict(claim) != "not_checked" for claim in claims),
        "conflicts": len(audit.conflicts),
        "explanations": len(audit.explanations),
        "tied": audit.tied_count,
    }
    found = checkability(audit, audit.left_out(evaluation.set_aside))
    counts |= {"figures": len(found)} | {state: sum(f.state == state for f in found) for state in (UNCHECKED, DETECTED, LOCATED)}
    numbers = [_count(f"audit.{name}", count) for name, count in counts.items()]
    for claim in _suspects(evaluation):
        if claim.printed is not None:
            about = {"claim": claim.claim_id}
            numbers.append(_about(printed_number(claim), f"audit.printed.{claim.claim_id}", about))
            if required := audit.required(claim):
                numbers.append(_about(number_in(required, claim, ""), f"audit.required.{claim.claim_id}", about))
    for correction in evaluation.ledger:
        if correction.changes_estimates and correction.corrected and correction.corrected.printed:
            number = replace(printed_number(correction.corrected), label="audit.corrected")
            numbers.append(_about(number, f"audit.corrected.{correction.claim_id}", {"claim": correction.claim_id}))
    return Numbers(numbers)


def main_source(audited: Audited) -> str:
    """The source whose figures are numbered without naming it: the newest that is used."""
    return next(iter(audited.published.sources))


def names_of(audited: Audited, texts: Sentences, claim_ids: Iterable[str]) -> str:
    """"figures #4, #5 and #6"."""
    claims = [audited.published.claim(claim_id) for claim_id in claim_ids]
    return claim_names(claims, texts, main_source=main_source(audited))


def _count(number_id: str, count: int) -> Number:
    return Number(number_id, Bounded.exactly(count), "count")


def _about(number: Number, number_id: str, about: dict[str, str]) -> Number:
    return Number(number_id, number.bounded, number.unit, number.decimals, number.label, about)


def _suspects(evaluation: Audited) -> list[Claim]:
    return [evaluation.published.claim(claim_id) for claim_id in evaluation.audit.suspects] if evaluation.audit.explanations else []


def _audit(evaluation: Audited, texts: Sentences) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    audit, published = evaluation.audit, evaluation.published
    names = functools.partial(names_of, evaluation, texts)

    if audit.verdict == "consistent":
        yield "audit_consistent", texts("finding.audit_consistent"), ()
    if audit.conflicts:
        claims = [published.claim(claim_id) for claim_id in audit.conflicts[0]]
        main = main_source(evaluation)
        told = "; ".join(
            f"{printed_text(c, texts)} ({claim_number(c, texts, main_source=main)}: {uncapital(statement(c, texts))})" for c in claims
        )
        yield "audit_conflict", texts("finding.audit_conflict", count=len(claims), claims=told), audit.conflicts[0]
        suspects = _suspects(evaluation)
        for claim in suspects if len(suspects) <= _MOST_TOLD else []:
            if required := audit.required(claim):
                told = interval_text(required, claim, texts)
                name = names([claim.claim_id])
                text = texts("finding.audit_required", claim=name, required=told, printed=printed_text(claim, texts))
                yield f"audit_required.{claim.claim_id}", text, (claim.claim_id,)
        if not audit.explanations:
            yield "audit_all_fixed", texts("finding.audit_all_fixed"), audit.conflicts[0]
        elif audit.tied_count == 1:
            yield "audit_unique", texts("finding.audit_unique", claims=names(audit.tied[0])), audit.tied[0]
        else:
            told = [names(explanation) for explanation in audit.tied[:_MOST_TOLD]]
            ways = texts.joined(told, last="or") if audit.tied_count <= _MOST_TOLD else ", ".join([*told, "…"])
            lost = all(audit.located(ways_out) == NOT_IDENTIFIABLE for ways_out in audit.ranked)
            key = "audit_not_identifiable" if lost else "audit_tied"
            yield key, texts(f"finding.{key}", count=audit.tied_count, claims=ways), audit.suspects
        yield from _mechanisms(evaluation, texts)
    if evaluation.set_aside:
        yield "audit_accepted", texts("finding.audit_accepted", claims=names(evaluation.set_aside)), evaluation.set_aside
    if audit.undecided:
        ids = sorted(audit.undecided, key=published.position)
        yield "audit_undecided", texts("finding.audit_undecided", claims=names(ids)), tuple(ids)


def _mechanisms(evaluation: Audited, texts: Sentences) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """How the first suspects may have come to be printed, and where only that tells them from the others."""
    audit, names = evaluation.audit, functools.partial(names_of, evaluation, texts)
    for ways_out in audit.ranked[:_MOST_TOLD]:
        for way in ways_out[:_MOST_WAYS]:
            for fit in way.mechanisms[:1]:
                yield f"audit_mechanism.{'+'.join(way.claims)}", texts("finding.audit_mechanism", told=capital(fit_text(fit, evaluation, texts))), fit.claims
        if audit.leads(ways_out):
            told = {"claims": names(ways_out[0].claims), "others": names(dict.fromkeys(claim for way in ways_out[1:] for claim in way.claims))}
            yield f"audit_told_apart.{'+'.join(ways_out[0].claims)}", texts("finding.audit_told_apart", **told), ways_out[0].claims
    for way in audit.alternatives[:_MOST_WAYS]:
        told = "; ".join(fit_text(fit, evaluation, texts) for fit in _one_each(way))
        yield f"audit_alternative.{'+'.join(way.claims)}", texts("finding.audit_alternative", claims=names(way.claims), told=told), way.claims
    yield from _readings(evaluation, texts)


def _one_each(way: Explained) -> list[Fit]:
    """The most specific mechanism for each claim, or the one for all."""
    if way.mechanisms and set(way.mechanisms[0].claims) == set(way.claims):
        return [way.mechanisms[0]]
    return [next(fit for fit in way.mechanisms if claim in fit.claims) for claim in way.claims]


def _readings(evaluation: Audited, texts: Sentences) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Where the verdict turns on how ends and hedges are read."""
    for turned in other_readings(evaluation.audit):
        key = f"audit_reading.{turned.reading}"
        yield f"{key}.{'+'.join(turned.claims)}", texts(f"finding.{key}", claims=names_of(evaluation, texts, turned.claims)), turned.claims


def fit_text(fit: Fit, evaluation: Audited, texts: Sentences) -> str:
    """A mechanism in words: what the claim would have meant, and how many of the readings tried fit."""
    reading, published = fit.readings[0], evaluation.published
    claim = published.claim(reading[0].claim_id)
    told = {"mechanism": texts(f"mechanism.{fit.mechanism}"), "claim": names_of(evaluation, texts, [one.claim_id for one in reading]), "printed": printed_text(claim, texts)}
    told |= {"fitting": fit.fitting, "tried": fit.tried}
    if len(reading) > 1:
        return texts("mechanism_told.exchanged", **told)
    meant = reading[0]
    if claim.printed and meant.printed and meant.printed.rounding != claim.printed.rounding:
        return texts("mechanism_told.truncated", **told)
    if printed_text(meant, texts) != told["printed"]:
        return texts("mechanism_told.misprint", meant=printed_text(meant, texts), **told)
    return texts("mechanism_told.meaning", meaning=_meaning(meant, fit.claims, evaluation, texts), **told)


def _meaning(meant: Claim, set_aside: Iterable[str], evaluation: Audited, texts: Sentences) -> str:
    """What a number would be about: its quantities, with their values where the other claims force one."""
    other = meant.reference or meant.whole
    told = {"part": _valued(meant.quantity, set_aside, evaluation, texts)}
    if meant.relation == "share_growth":
        return texts("mechanism_meaning.share_growth")
    if other is not None:
        told["other"] = _valued(other, set_aside, evaluation, texts)
    return texts(f"mechanism_meaning.{meant.relation if other else 'value'}", **told)


def _valued(quantity: AnyQuantity, set_aside: Iterable[str], evaluation: Audited, texts: Sentences) -> str:
    name = uncapital(quantity_name(quantity, texts))
    extent = evaluation.audit.extent_of(quantity, set_aside)
    if extent is None or extent[0] != extent[1] or extent[0].denominator > 1 or evaluation.published.vocabulary.measure(quantity.measure).unit != "count":
        return name
    return texts("mechanism_meaning.valued", value=texts.number(_count("", int(extent[0]))), name=name)


def _checkable(evaluation: Audited, texts: Sentences) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """How many figures nothing checks, and in how many an error could be located."""
    found = checkability(evaluation.audit, evaluation.audit.left_out(evaluation.set_aside))
    for state in (UNCHECKED, DETECTED, LOCATED, UNDECIDED):
        yield from _of_state(f"checkability_{state}", [f for f in found if f.state == state], len(found), evaluation, texts)
    exchangeable = [f for f in found if f.exchanged == UNCHECKED]
    yield from _of_state("checkability_exchanged", exchangeable, sum(bool(f.exchanged) for f in found), evaluation, texts)


def _of_state(
    key: str, found: list[Checkability], of: int, evaluation: Audited, texts: Sentences
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if not found:
        return
    published, main = evaluation.published, main_source(evaluation)
    names = [figure_number(published.claim(f.claim_id), f.figure, texts, main_source=main) for f in found]
    told = {"count": len(found), "all": of, "figures": texts.joined(names)}
    yield key, texts(f"finding.{key}", **told), tuple(dict.fromkeys(f.claim_id for f in found))


def _ledger(evaluation: Evaluation, texts: Texts) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """What the ledger says of single figures, and what becomes of all of them once confirmed corrections are made."""
    for correction in evaluation.ledger:
        told = {"printed": printed_text(correction.claim, texts), "date": texts.date(correction.date)}
        told |= {"claim": capital(names_of(evaluation, texts, [correction.claim_id])), "state": texts(f"ledger.state.{correction.status}")}
        told |= {"effect": ledger_effect(correction, texts), "reason": sentence(correction.reason(texts.language))}
        yield f"ledger.{correction.claim_id}", texts("finding.ledger", **told), (correction.claim_id,)
    confirmed, corrected = evaluation.ledger.confirmed, evaluation.corrected
    if confirmed:
        of = [claim for group in (corrected.conflicts[:1] or [corrected.undecided]) for claim in group]
        claims = names_of(evaluation, texts, sorted(of, key=evaluation.published.position)) if of else ""
        yield "audit_corrected", texts(f"finding.audit_corrected.{corrected.verdict}", claims=claims), confirmed


def ledger_effect(correction: Correction, texts: Texts) -> str:
    """What an entry of the ledger does to the estimates, or would do once confirmed."""
    when = "done" if correction.changes_estimates else "proposed"
    corrected = printed_text(correction.corrected, texts) if correction.corrected else ""
    return texts("ledger.effect.none" if correction.action == NONE else f"ledger.effect.{correction.action}.{when}", corrected=corrected)


def _remarks(evaluation: Evaluation, texts: Texts) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Statements that can be true, but not in every reading."""
    published, parameters = evaluation.published, evaluation.parameters
    for claim in published.claims:
        period = claim.quantity.period
        if claim.relation == "duration" and claim.printed.value == period.end - period.start:
            name = names_of(evaluation, texts, [claim.claim_id])
            told = {"claim": name, "claim_capital": capital(name), "printed": printed_text(claim, texts), "from": period.start, "to": period.end}
            told |= {"elapsed": period.end - period.start, "calendar": len(period.years)}
            yield f"audit_duration.{claim.claim_id}", texts("finding.audit_duration", **told), (claim.claim_id,)
    focal = _sectors(evaluation, "schemes", parameters.scheme_kind) | _sectors(evaluation, "sectors_covered", parameters.scheme_kind)
    others = [kind for kind in published.vocabulary.scheme_kinds if kind != parameters.scheme_kind]
    for kind in others:
        compared = _sectors(evaluation, "sectors_covered", kind)
        if compared and focal and compared != focal:
            behind = tuple(c.claim_id for c in published.claims if c.items and c.quantity.period in parameters.baseline_period and "sector" in _list_dimension(c, evaluation))
            told = {name: texts.joined(texts.label(code) for code in published.vocabulary.sectors if code in codes) for name, codes in (("standalone", compared), ("focal", focal))}
            yield "audit_sectors", texts("finding.audit_sectors", **told), behind


def _list_dimension(claim: Claim, evaluation: Evaluation) -> str:
    return evaluation.published.vocabulary.measures[claim.quantity.measure].list_of or "sector"


def _sectors(evaluation: Evaluation, measure: str, kind: str) -> set[str]:
    """Sectors that lists of the baseline name for a scheme kind."""
    return {
        item
        for claim in evaluation.claims(measure)
        if claim.quantity.scheme_kind == kind and claim.quantity.period in evaluation.parameters.baseline_period
        for item in claim.items
    }
