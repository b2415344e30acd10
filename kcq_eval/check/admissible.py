"""`numerals.csv`: everything a run may print that is no indicator, each with where it comes from.

It is made from the evaluation alone (claims, audit, estimates, ledger, register, parameters), never from what was printed, so that a
number which nothing accounts for stays one. What a text types by itself (the year an index stands at 100, a decree's number) holds
in that very sentence only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.audit.checkability import checkability
from kcq_eval.claims import Claim
from kcq_eval.comparison import breakdown, compare
from kcq_eval.evaluation import Evaluation
from kcq_eval.exhibits import MOST_COMPARED
from kcq_eval.findings import judged_criteria, register_remarks
from kcq_eval.indicators.coverage import VINTAGES, coverage
from kcq_eval.numbers import Number
from kcq_eval.parameters import without_place
from kcq_eval.printed import UNITS
from kcq_eval.register.coding import rows_told
from kcq_eval.register.criteria import UNITS as UNITS_OF_CRITERIA
from kcq_eval.statements import computed_number, number_in, printed_number
from kcq_eval.tables import decimal
from kcq_eval.texts import Texts, holes, templates

COLUMNS = ("kind", "id", "text", "value", "lower", "upper", "unit", "source")
KINDS = (
    "claim", "computed", "required", "correction", "error_size", "count", "ratio", "register", "period", "date", "claim_number", "name", "parameter", "text",
    "document", "code",
)  # fmt: skip
_SPOKEN = ("cli.", "audit.", "template.", "problem.", "register.column", "register.notes_text", "register.example", "check.")  # texts of the command line
_LEGAL = re.compile(r"\d+(?:/\d{4})?/[A-ZĐ][\wĐ]*(?:-[\wĐ]+)*|\b\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d\d\b|\b(?:19|20)\d\d\b")


@dataclass(frozen=True)
class Admissible:
    """One thing a document may print: a number with its bounds in `unit`, or a text (a name, a date, a period)."""

    kind: str
    id: str
    text: str = ""
    value: Fraction | None = None
    lower: Fraction | None = None
    upper: Fraction | None = None
    unit: str = ""
    source: str = ""

    def row(self) -> dict[str, str]:
        return {
            "kind": self.kind, "id": self.id, "text": self.text, "value": decimal(self.value), "lower": decimal(self.lower),
            "upper": decimal(self.upper), "unit": self.unit, "source": self.source,
        }  # fmt: skip


def admissible_rows(evaluation: Evaluation, texts: Texts) -> list[dict[str, str]]:
    """The rows of `numerals.csv`, each once, in an order that follows from the evaluation."""
    makers: tuple[Callable[[Evaluation, Texts], Iterable[Admissible]], ...] = (_claims, _audit, _register, _times, _names, _texts)
    found = dict.fromkeys(one for make in makers for one in make(evaluation, texts))
    return [one.row() for one in found if one.kind != "name" or _has_digit(one.text)]


def _number(kind: str, number: Number, number_id: str, *, text: str = "", source: str = "") -> Admissible:
    bounded = number.bounded
    return Admissible(kind, number_id, text, bounded.value, bounded.lower, bounded.upper, number.unit, source)


def _exactly(kind: str, number_id: str, value: Fraction | int, unit: str = "count", source: str = "") -> Admissible:
    value = Fraction(value)
    return Admissible(kind, number_id, "", value, value, value, unit, source)


def _claims(evaluation: Evaluation, texts: Texts) -> Iterator[Admissible]:
    """Each claim as printed, as computed, its parts and its length."""
    for claim in evaluation.published.claims:
        yield from _as_printed("claim", claim)
        correction = evaluation.ledger.get(claim.claim_id)
        if correction and correction.corrected:
            yield from _as_printed("correction", correction.corrected)
        if computed := computed_number(claim, evaluation.estimates):
            yield _number("computed", computed, f"computed.{claim.claim_id}", source=claim.source_id)
        yield Admissible("claim_number", claim.claim_id, f"#{claim.number}", source=claim.source_id)
        yield Admissible("name", f"locator.{claim.claim_id}", claim.locator, source=claim.source_id)


def _as_printed(kind: str, claim: Claim) -> Iterator[Admissible]:
    if claim.ratio:
        part, whole = claim.ratio
        yield Admissible("ratio", claim.claim_id, f"{part}/{whole}", source=claim.source_id)
        yield _exactly(kind, f"{claim.claim_id}.part", part, source=claim.source_id)
        yield _exactly(kind, f"{claim.claim_id}.whole", whole, source=claim.source_id)
    elif claim.printed:
        yield _number(kind, printed_number(claim), claim.claim_id, text=claim.printed.text, source=claim.source_id)
    if claim.items:
        yield _exactly("count", f"{claim.claim_id}.items", len(claim.items), source=claim.source_id)
    if claim.relation == "duration":
        period = claim.quantity.period
        yield _exactly("count", f"{claim.claim_id}.elapsed", period.end - period.start, source=claim.source_id)
        yield _exactly("count", f"{claim.claim_id}.calendar", len(period.years), source=claim.source_id)


def _audit(evaluation: Evaluation, texts: Texts) -> Iterator[Admissible]:
    """What claims would have to be, sizes of errors, and how many conflicts, explanations and readings there are."""
    for name, audit in {"audit": evaluation.audit, "corrected": evaluation.corrected}.items():
        published = audit.published
        for position, conflict in enumerate(audit.conflicts, start=1):
            yield _exactly("count", f"{name}.conflict.{position}", len(conflict))
            for claim_id in conflict:
                claim = published.claim(claim_id)
                implied = audit.implied(claim, [other for other in conflict if other != claim_id]) if claim.printed else None
                if implied:
                    yield _number("required", number_in(implied, claim, ""), f"{name}.implied.{claim_id}.{position}", source=claim.source_id)
        for claim in map(published.claim, audit.suspects):
            required = audit.required(claim) if claim.printed else None
            if required:
                yield _number("required", number_in(required, claim, ""), f"{name}.required.{claim.claim_id}", source=claim.source_id)
        for position, explanation in enumerate(audit.explanations, start=1):
            yield _exactly("count", f"{name}.explanation.{position}", len(explanation))
            for fit in audit.mechanisms(explanation):
                yield _exactly("count", f"{name}.readings.{position}.{fit.mechanism}.fitting", fit.fitting)
                yield _exactly("count", f"{name}.readings.{position}.{fit.mechanism}.tried", fit.tried)
                for reading in fit.readings[:1]:
                    for meant in reading:
                        yield from _as_printed("required", meant)
        counts = {"conflicts": audit.conflicts, "explanations": audit.explanations, "suspects": audit.suspects}
        yield from (_exactly("count", f"{name}.{key}", len(of)) for key, of in counts.items())
        yield _exactly("count", f"{name}.tied", audit.tied_count)
    yield from _checkable(evaluation)


def _checkable(evaluation: Evaluation) -> Iterator[Admissible]:
    found = checkability(evaluation.audit, evaluation.audit.left_out(evaluation.set_aside))
    for figure in found:
        claim = evaluation.published.claim(figure.claim_id)
        unit = printed_number(claim).unit if claim.printed else "count"
        scale = Fraction(UNITS[claim.printed.unit].scale, UNITS[unit].scale) if claim.printed else 1
        for way in ("detected_up", "detected_down", "located_up", "located_down"):
            if (size := getattr(figure, way)) is not None:
                yield _exactly("error_size", f"{figure.claim_id}.{figure.figure or 'figure'}.{way}", size * scale, unit, claim.source_id)
    for state in dict.fromkeys(figure.state for figure in found):
        yield _exactly("count", f"checkability.{state}", sum(figure.state == state for figure in found))
    exchanged = [figure.exchanged for figure in found if figure.exchanged]
    yield _exactly("count", "checkability.lists", len(exchanged))
    yield from (_exactly("count", f"checkability.exchanged.{state}", exchanged.count(state)) for state in dict.fromkeys(exchanged))


def _register(evaluation: Evaluation, texts: Texts) -> Iterator[Admissible]:
    """What only the register's rows give: comparisons, breakdowns, criteria, row numbers."""
    register = evaluation.register
    if register is None:
        return
    source = register.source_id
    yield Admissible("name", "register.name", source, source=source)
    yield Admissible("name", "register.file", register.name, source=source)
    yield _exactly("count", "register.rows", len(register.facts), source=source)
    compared = compare(evaluation)
    yield _exactly("count", "register.compared", len(compared), source=source)
    yield _exactly("count", "register.compared.not_drawn", max(0, len(compared) - MOST_COMPARED), source=source)
    yield _exactly("count", "register.differs", sum(one.verdict == "differs" for one in compared), source=source)
    for one in compared:
        claim_id = one.claim.claim_id
        for name in ("value", "whole", "difference"):
            if number := getattr(one, name):
                yield _number("register", number, f"register.compared.{claim_id}.{name}", source=source)
        if one.claim.items:
            yield _exactly("count", f"register.compared.{claim_id}.items", len(one.claim.items) - len(one.missing) + len(one.added), source=source)
        if one.verdict == "differs":
            for row in breakdown(one, register).itertuples(index=False):
                place = f"register.breakdown.{claim_id}.{row.year}.{row.scheme_kind}.{row.support_type}"
                yield _exactly("register", f"{place}.supports", row.supports, source=source)
                yield _exactly("register", f"{place}.facilities", row.facilities, source=source)
                yield _exactly("register", f"{place}.funding", row.funding, "million_vnd", source)
    judged = judged_criteria(evaluation)
    yield _exactly("count", "criteria.schemes", len({one.scheme for one in judged}), source=source)
    for verdict in dict.fromkeys(one.verdict for one in judged):
        yield _exactly("count", f"criteria.{verdict}", sum(one.verdict == verdict for one in judged), source=source)
    for one in judged:
        unit, name = UNITS_OF_CRITERIA.get(one.criterion.measure, "count"), f"criteria.{one.criterion.criterion_id}.{register.schemes[one.scheme]}"
        yield _exactly("register", name, one.value, unit, source)
        if one.criterion.threshold is not None:
            yield _exactly("register", f"{name}.threshold", one.criterion.threshold, unit, source)
        yield Admissible("name", f"{name}.rows", rows_told(list(one.rows)), source=source)
        yield from (Admissible("name", f"{name}.label", told, source=source) for told in (register.schemes[one.scheme], one.criterion.labels[texts.language]))
    rows: dict[str, set[int]] = {}
    for remark in register_remarks(evaluation):
        rows.setdefault(remark.key, set()).update(remark.rows)
        yield from (Admissible("name", f"remark.{remark.key}", told, source=source) for told in (rows_told(list(remark.rows)), remark.told, remark.found, remark.expected) if told)
    for key, of in rows.items():
        together = [remark.rows for remark in register_remarks(evaluation) if remark.key == key]
        yield _exactly("count", f"remark.{key}.rows", sum(map(len, together)), source=source)
        yield Admissible("name", f"remark.{key}.rows", rows_told(sorted(of)), source=source)


def _times(evaluation: Evaluation, texts: Texts) -> Iterator[Admissible]:
    """Periods and dates."""
    parameters = evaluation.parameters
    periods = [parameters.current_period, parameters.baseline_period]
    for claim in evaluation.published.claims:
        periods += [quantity.period for quantity in (claim.quantity, claim.reference, claim.whole) if quantity]
    for period in dict.fromkeys(periods):
        yield Admissible("period", str(period), period.text)
    for source in evaluation.published.sources.values():
        yield Admissible("date", f"published.{source.source_id}", source.published.isoformat(), source=source.source_id)
    for correction in evaluation.ledger:
        yield Admissible("date", f"ledger.{correction.claim_id}", correction.date.isoformat(), source=correction.claim_id)


def _names(evaluation: Evaluation, texts: Texts) -> Iterator[Admissible]:
    """Names with digits in them, and the parameters."""
    for source in evaluation.published.sources.values():
        for told in (source.source_id, source.title_vi, source.title_en, source.publisher):
            yield Admissible("name", f"source.{source.source_id}", told, source=source.source_id)
    for correction in evaluation.ledger:
        for told in filter(_has_digit, dict.fromkeys((correction.reason_vi, correction.reason_en))):
            yield Admissible("name", f"ledger.{correction.claim_id}.reason", told, source=correction.claim_id)
    for vintage in VINTAGES:
        yield _exactly("count", f"map.{vintage}", int(vintage))
        found = coverage(evaluation.estimates, evaluation.parameters, vintage)
        if found is not None:
            for status in found.statuses:
                yield _exactly("count", f"map.{vintage}.{status}", len(found.with_status(status)))
            reached = len(found.now | (found.before or frozenset()))
            yield _exactly("count", f"map.{vintage}.country.never", len(found.names) - reached)
    for code in evaluation.published.vocabulary.label_codes():
        told = texts.label(code)
        if _has_digit(told):
            yield Admissible("name", f"label.{code}", told)
    provinces = getattr(evaluation.published.vocabulary, "provinces", {})
    for code in dict.fromkeys(code for province in provinces.values() for code in (province.code, province.new_code)):
        yield Admissible("code", f"province.{code}", code)
    for name, value in evaluation.parameters.model_dump().items():
        if name != "out_dir":  # where a run writes is no result of it
            yield Admissible("parameter", name, str(without_place(name, value)))


def _texts(evaluation: Evaluation, texts: Texts) -> Iterator[Admissible]:
    """Sentences that type digits themselves, and what the evaluator's commentary names: legal documents, dates, years."""
    for key, template in templates(texts.language).items():
        if key.startswith(_SPOKEN):
            continue
        for sentence in template if isinstance(template, list) else [template]:
            typed = re.sub(r"\{[^}]*\}", "", str(sentence))
            if _has_digit(typed):
                try:
                    yield Admissible("text", key, texts.fill(str(sentence)))
                except LookupError:  # it names what only one place knows
                    yield Admissible("text", key, re.sub(r"\{[^}]*\}", HOLE, str(sentence)))
    commentary = evaluation.parameters.commentary
    if commentary:
        from kcq_eval.datafiles import resolve_folder

        place = resolve_folder(commentary)
        if place.is_file():
            yield from (Admissible("document", f"commentary.{n}", told, source=place.name) for n, told in enumerate(_named_in(place), start=1))


HOLE = "{}"  # where a sentence that types digits has something that is not known here


def _named_in(path: Path) -> list[str]:
    """Legal documents, dates and years that a commentary names, in their order."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    return list(dict.fromkeys(_LEGAL.findall(text)))


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def named_numbers(texts: Texts, forms: Mapping[str, Mapping[str, str]], price_basis: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every sentence whose holes are all numbers of this run, with the id of each number's text: what stands there is known by id.

    Args:
        forms: Each number's text in every form that a sentence may ask for, by id.
    """
    for template in templates(texts.language).values():
        for sentence in template if isinstance(template, list) else [template]:
            named = [(name, name.replace("@basis", price_basis), form) for name, form in holes(str(sentence)) if "." in name]
            if not named or not all(form in forms.get(number_id, ()) for _, number_id, form in named):
                continue
            told = str(sentence)
            for name, number_id, form in named:
                told = told.replace(f"{{{name}:{form}}}" if form else f"{{{name}}}", forms[number_id][form])
            try:
                yield texts.fill(told), {forms[number_id][form]: number_id for _, number_id, form in named}
            except LookupError:  # it also names what only one place knows
                continue
