"""Tables as readers see them: data frames of finished text, headed in the run's language."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import pandas as pd

from kcq_eval.audit.checkability import Checkability, checkability
from kcq_eval.claims import Claim
from kcq_eval.comparison import DIFFERS, Compared, breakdown
from kcq_eval.estimates import Bounded
from kcq_eval.evaluation import Audited, Evaluation
from kcq_eval.findings import judged_criteria, main_source, names_of, register_remarks
from kcq_eval.indicators.coverage import Coverage
from kcq_eval.ledger import Ledger
from kcq_eval.numbers import MINUS, Number, Numbers, between, bounds_decimals
from kcq_eval.printed import UNITS, Interval
from kcq_eval.register.coding import rows_told
from kcq_eval.register.criteria import UNITS as UNITS_OF_CRITERIA
from kcq_eval.statements import (
    claim_number,
    computed_text,
    error_size,
    figure_number,
    interval_text,
    printed_number,
    printed_text,
    starred,
    statement,
)  # fmt: skip
from kcq_eval.texts import Sentences, Texts

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so
_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]+)*")
_MOST_CAUSES = 3  # mechanisms named for one explanation
_SIZES = ("detected_up", "detected_down", "located_up", "located_down")


def claims_table(claims: Iterable[Claim], evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """Published figures: as printed, as corrected where that is confirmed, the range each stands for, and the same computed from all
    of them."""
    claims = list(claims)
    confirmed = _any_confirmed(claims, evaluation)
    rows = [
        (
            claim_number(claim, texts, main_source=main_source(evaluation)),
            statement(claim, texts),
            as_printed(claim),
            *([_corrected(claim, evaluation, texts)] if confirmed else []),
            printed_text(claim, texts),
            stands_for(claim, texts),
            computed_text(claim, evaluation.estimates, texts),
            claim.locator,
        )
        for claim in claims
    ]
    columns = ("printed", *(["corrected"] if confirmed else []), "read", "stands_for", "computed", "locator")
    return _frame(rows, texts, "claim", "statement", *columns)


def numbers_table(numbers: Numbers, texts: Texts) -> pd.DataFrame:
    """Indicators with bounds where they are not a point."""
    rows = [
        (
            texts.label_of(number),
            starred(texts.number(number), number.bounded.marked),
            bounds_text(number, texts),
            texts(f"basis.{number.bounded.basis}"),
        )
        for number in numbers
    ]
    return _frame(rows, texts, "indicator", "value", "bounds", "basis")


def conflicts_table(evaluation: Audited, texts: Sentences) -> pd.DataFrame:
    """Every smallest group of figures that cannot all be true, with what they print."""
    rows = [
        (names_of(evaluation, texts, ids), "; ".join(_printed(evaluation, claim_id, texts) for claim_id in ids))
        for ids in evaluation.audit.conflicts
    ]
    return _frame(rows, texts, "conflict", "printed")


def explanations_table(evaluation: Audited, texts: Sentences, required_of: Callable[[Claim], Interval | None] | None = None) -> pd.DataFrame:
    """Every minimal correction set, what its figure would have to be, how it may have come to be misprinted, and which is accepted."""
    rows, required_of = [], required_of or evaluation.audit.required
    for explanation in evaluation.audit.explanations:
        claims = [evaluation.published.claim(claim_id) for claim_id in explanation]
        required = required_of(claims[0]) if len(claims) == 1 else None
        told = interval_text(required, claims[0], texts) if required else ""
        accepted = texts("column.mark") if explanation == evaluation.set_aside else ""
        printed = "; ".join(_printed(evaluation, claim_id, texts) for claim_id in explanation)
        causes = dict.fromkeys(texts(f"mechanism.{fit.mechanism}") for fit in evaluation.audit.mechanisms(explanation))
        mechanism = "; ".join(list(causes)[:_MOST_CAUSES])
        rows.append((names_of(evaluation, texts, explanation), str(len(claims)), printed, told, mechanism, accepted))
    return _frame(rows, texts, "explanation", "size", "printed", "required", "mechanism", "accepted")


def verdicts_table(evaluation: Audited, texts: Sentences) -> pd.DataFrame:
    """The verdict on every claim as printed, beside it what the ledger says, where it says anything."""
    claims, ledger = evaluation.published.claims, evaluation.ledger
    confirmed = _any_confirmed(claims, evaluation)
    rows = [
        (
            claim_number(claim, texts, main_source=main_source(evaluation)),
            statement(claim, texts),
            printed_text(claim, texts),
            *([_corrected(claim, evaluation, texts)] if confirmed else []),
            texts(f"verdict.{evaluation.audit.claim_verdict(claim)}"),
            *([_state(claim, evaluation, texts)] if ledger else []),
        )
        for claim in claims
    ]
    columns = ("printed", *(["corrected"] if confirmed else []), "verdict", *(["state"] if ledger else []))
    return _frame(rows, texts, "claim", "statement", *columns)


def checkability_table(evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """For every figure whether one error in it would be detected and located, from which size on, and what checks it."""
    rows = []
    for found in checkability(evaluation.audit, evaluation.audit.left_out(evaluation.set_aside)):
        claim = evaluation.published.claim(found.claim_id)
        told = [texts(f"checkability.{found.state}")]
        told += [texts(f"checkability.exchanged.{found.exchanged}")] if found.exchanged else []
        rows.append(
            (
                figure_number(claim, found.figure, texts, main_source=main_source(evaluation)),
                statement(claim, texts),
                printed_text(claim, texts),
                "; ".join(told),
                _sizes(found.detected_up, found.detected_down, claim, texts),
                _sizes(found.located_up, found.located_down, claim, texts),
                names_of(evaluation, texts, found.tied_with) if found.tied_with else "",
                _checked_by(found, evaluation, texts),
            )
        )
    return _frame(rows, texts, "claim", "statement", "printed", "checkability", "detected_from", "located_from", "instead", "checked_by")


def provinces_table(coverage: Coverage | None, texts: Texts) -> pd.DataFrame:
    """Names of the provinces kept, new, left and never reached; no rows where no list is reported."""
    rows = [] if coverage is None else [
        (texts(f"column.status_{status}"), str(len(codes)), ", ".join(coverage.names[code] for code in codes))
        for status in coverage.statuses
        for codes in [coverage.with_status(status)]
    ]
    return _frame(rows, texts, "status", "count", "provinces")


def comparison_row(compared: Compared, texts: Texts, evaluation: Evaluation) -> dict[str, str]:
    """A published figure beside the register's value, in words."""
    claim = compared.claim
    if claim.items:
        own = texts.joined(texts.label(code) for code in (*compared.missing, *compared.added)) if compared.verdict == DIFFERS else ""
        keys = [("missing", compared.missing), ("added", compared.added)]
        told = "; ".join(texts(f"comparison.{key}", names=", ".join(texts.label(code) for code in codes)) for key, codes in keys if codes)
        count = len(claim.items) - len(compared.missing) + len(compared.added)
        printed, register = str(len(claim.items)), str(count) if own or compared.verdict != DIFFERS else ""
    else:
        printed = printed_text(claim, texts)
        if compared.whole is not None:
            register = f"{compared.value.digits(texts.language)}/{compared.whole.digits(texts.language)}"
        else:
            direction = {"up": "down", "down": "up"}.get(claim.direction, "") if compared.value.direction == "down" else claim.direction
            register = texts.number(compared.value, "abs" if claim.direction else "")
            register = f"{texts(f'relation.{direction}')} {register}" if direction else register
        told = texts("comparison.by", difference=texts.number(compared.difference))
    verdict = texts(f"comparison.{compared.verdict}") + (f" {told}" if compared.verdict == DIFFERS else "")
    return {
        "number": claim_number(claim, texts, main_source=main_source(evaluation)), "statement": statement(claim, texts), "printed": printed,
        "register": register, "told": verdict, "verdict": compared.verdict,
    }  # fmt: skip


def comparison_table(compared: Iterable[Compared], evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """Every published figure that the register reaches, as printed and by the register."""
    rows = [comparison_row(one, texts, evaluation) for one in compared]
    cells = [(row["number"], row["statement"], row["printed"], row["register"], row["told"]) for row in rows]
    return _frame(cells, texts, "claim", "statement", "printed", "register", "comparison")


def breakdown_table(compared: Iterable[Compared], evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """The rows behind each figure that differs, by year, scheme kind and support type."""
    rows = []
    for one in compared:
        if one.verdict != DIFFERS:
            continue
        number = claim_number(one.claim, texts, main_source=main_source(evaluation))
        for row in breakdown(one, evaluation.register).itertuples(index=False):
            amount = Number("", Bounded.exactly(row.funding), "million_vnd", 1)
            rows.append((number, str(row.year), texts.label(row.scheme_kind), texts.label(row.support_type), str(row.supports), str(row.facilities), texts.number(amount)))
    return _frame(rows, texts, "claim", "year", "scheme_kind", "support_type", "supports", "facilities", "funding")


def register_breakdown_table(numbers: Numbers, texts: Texts) -> pd.DataFrame:
    """By year, sector and province: facilities, funding, leverage."""
    rows = []
    for dimension in ("year", "sector", "province"):
        codes = dict.fromkeys(n.id.split(".")[2] for n in numbers if n.id.startswith(f"register.{dimension}."))
        for code in codes:
            ids = [f"register.{dimension}.{code}.{measure}" for measure in ("facilities", "funding", "leverage")]
            told = [texts.number(numbers[number_id]) if number_id in numbers else "" for number_id in ids]
            name = code if dimension == "year" else texts.label(code)
            rows.append((texts(f"column.{dimension}"), name, *told))
    return _frame(rows, texts, "dimension", "what", "facilities", "funding", "leverage")


def remarks_table(evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """Warnings of the register with their rows."""
    rows = []
    for remark in register_remarks(evaluation):
        rows.append((texts(f"problem.{remark.key}"), remark.told, remark.column, rows_told(list(remark.rows)), remark.found, remark.expected))
    return _frame(rows, texts, "warning", "file", "column", "rows", "found", "expected")


def criteria_table(evaluation: Evaluation, texts: Texts) -> pd.DataFrame:
    """Each criterion for each focal scheme: met, not met, or cannot be judged, with the rows."""
    rows = []
    for judged in judged_criteria(evaluation):
        criterion, unit = judged.criterion, UNITS_OF_CRITERIA.get(judged.criterion.measure, "count")
        value = texts.number(Number("", Bounded.exactly(judged.value), unit, 1 if unit == "million_vnd" else 0))
        asked = ""
        if criterion.threshold is not None:
            asked = texts(f"criteria.{criterion.comparison}", threshold=texts.number(Number("", Bounded.exactly(criterion.threshold), unit, 1)))
        rows.append(
            (
                evaluation.register.schemes[judged.scheme], criterion.labels[texts.language], texts(f"criteria.measure.{criterion.measure}"), value, asked,
                texts(f"criteria.{judged.verdict}"), rows_told(list(judged.rows)),
            )
        )  # fmt: skip
    return _frame(rows, texts, "scheme", "criterion", "measured", "value", "asked", "verdict", "rows")


def to_html(frame: pd.DataFrame, note: str = "", links: Sequence[str] = ()) -> str:
    """A plain table, with a sentence below it if there is one; every text is escaped. `links` are where each row's first cell leads to."""
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in frame.columns)
    rows = [[html.escape(cell) for cell in row] for row in frame.itertuples(index=False)]
    for row, link in zip(rows, links):
        row[0] = f'<a href="{html.escape(link)}">{row[0]}</a>'
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    told = f'<p class="note">{html.escape(note)}</p>' if note else ""
    return f'<table class="kcq"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{told}'


def bounds_text(number: Number, texts: Sentences) -> str:
    """The two ends, with one digit more than the number is shown with, or as many as tell them apart; "" for a point, or where only digits beyond those of a root differ."""
    if number.bounded.is_point:
        return ""
    lower, upper = number.bounded.lower, number.bounded.upper
    decimals = bounds_decimals(lower, upper, number.unit, number.decimals)
    ends = [Number("", Bounded.exactly(end), number.unit, decimals).digits(texts.language) for end in (lower, upper) if end is not None]
    if upper is None:
        return f"≥ {ends[0]}"
    return "" if ends[0] == ends[1] else between(ends, lower >= 0, texts.language)


def as_printed(claim: Claim) -> str:
    """The source's own characters; "" for lists and words."""
    if claim.printed:
        return claim.printed.text
    return "{}/{}".format(*claim.ratio) if claim.ratio else ""


def in_the_source(claim: Claim, texts: Sentences) -> str:
    """As printed, with its direction and hedge in brackets; a list's names; that it is said in words."""
    if claim.printed is None:
        return as_printed(claim) or printed_text(claim, texts)
    words = [texts(f"relation.{claim.direction}")] if claim.direction else []
    words += [texts(f"hedge.{claim.printed.hedge}")] if claim.printed.hedge else []
    return f"{claim.printed.text} ({' '.join(words)})" if words else claim.printed.text


# The same as data: codes and plain decimals, in one language-free form


def verdict_rows(evaluation: Audited, required_of: Callable[[Claim], Interval | None] | None = None) -> pd.DataFrame:
    """`verdicts.csv`: every claim with its verdict, the conflicts it is in, where it would have to lie if it is the one, and its entry
    in the ledger."""
    audit = evaluation.audit
    rows, required_of = [], required_of or audit.required
    for claim in evaluation.published.claims:
        required, correction = required_of(claim), evaluation.ledger.get(claim.claim_id)
        rows.append(
            {
                "claim_id": claim.claim_id, "locator": claim.locator, "relation": claim.relation, "quantity": claim.quantity.key,
                "printed": as_printed(claim),
                "verdict": audit.claim_verdict(claim),
                "conflicts": ";".join(str(i) for i, ids in enumerate(audit.conflicts, 1) if claim.claim_id in ids),
                "set_aside": "true" if claim.claim_id in evaluation.set_aside else "false",
                "required_lower": "" if required is None or required.lower is None else decimal(_in_unit(required.lower, claim)),
                "required_upper": "" if required is None or required.upper is None else decimal(_in_unit(required.upper, claim)),
                "state": correction.status if correction else "",
                "state_date": correction.date.isoformat() if correction else "",
                "action": correction.action if correction else "",
                "corrected": correction.value if correction else "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def checkability_rows(evaluation: Evaluation) -> pd.DataFrame:
    """`checkability.csv`: every figure with the sizes of error that would be detected and located, in its printed unit."""
    rows = []
    for found in checkability(evaluation.audit, evaluation.audit.left_out(evaluation.set_aside)):
        claim = evaluation.published.claim(found.claim_id)
        sizes = {name: decimal(getattr(found, name)) for name in _SIZES}
        rows.append(
            {
                "claim_id": found.claim_id, "figure": found.figure, "state": found.state, "exchanged": found.exchanged,
                "unit": claim.printed.unit if claim.printed else "count", **sizes, "tied_with": ";".join(found.tied_with),
                "checked_by": ";".join(found.checked_by), "rules": ";".join(found.rules),
            }
        )  # fmt: skip
    columns = ["claim_id", "figure", "state", "exchanged", "unit", *_SIZES, "tied_with", "checked_by", "rules"]
    return pd.DataFrame(rows, columns=columns)


def explanation_rows(evaluation: Audited) -> pd.DataFrame:
    """`explanations.csv`: conflicts and correction sets in their fixed order."""
    audit = evaluation.audit
    rows = [("conflict", i, len(ids), ";".join(ids), "", "", "", "") for i, ids in enumerate(audit.conflicts, 1)]
    for i, ids in enumerate(audit.explanations, 1):
        fits = audit.mechanisms(ids)
        told = (";".join(str(part) for part in parts) for parts in ([f.mechanism for f in fits], [f.fitting for f in fits], [f.tried for f in fits]))
        rows.append(("explanation", i, len(ids), ";".join(ids), "true" if ids == evaluation.set_aside else "false", *told))
    return pd.DataFrame(rows, columns=["kind", "rank", "size", "claims", "accepted", "mechanisms", "readings_fitting", "readings_tried"])


def estimate_rows(evaluation: Evaluation) -> pd.DataFrame:
    """`estimates.csv`: the estimates frame with decimals instead of fractions."""
    frame = evaluation.estimates.frame()
    for column in ("value", "lower", "upper"):
        frame[column] = [decimal(end) for end in frame[column]]
    frame["depends_on_explanation"] = [_flag(depends) for depends in frame["depends_on_explanation"]]
    return frame


def number_rows(numbers: Iterable[Number], texts: Sequence[Texts], ledger: Ledger) -> list[dict[str, str]]:
    """`numbers.csv`: every number with its label and text in Vietnamese and English; `ledger` holds the state of every entry about
    a claim it rests on, `corrections` the confirmed ones it depends on; `decimals` are those the bounds support, none where only a range is."""
    in_vi, in_en = texts
    return [
        {
            "id": number.id, "label_vi": in_vi.label_of(number), "label_en": in_en.label_of(number), "value": decimal(number.bounded.value),
            "lower": decimal(number.bounded.lower), "upper": decimal(number.bounded.upper), "unit": number.unit,
            "text_vi": in_vi.number(number), "text_en": in_en.number(number), "basis": number.bounded.basis,
            "sources": ";".join(number.sources), "depends_on_explanation": _flag(number.bounded.depends),
            "corrections": ";".join(sorted(number.bounded.corrections)),
            "ledger": ";".join(f"{c.claim_id}={c.status}" for c in ledger if c.claim_id in number.bounded.claims | number.bounded.corrections),
            "decimals": "" if number.is_range else str(number.shown_decimals),
            "bounds_decimals": str(bounds_decimals(number.bounded.lower, number.bounded.upper, number.unit, number.decimals)),
        }
        for number in numbers
    ]  # fmt: skip


def decimal(value: Fraction | None) -> str:
    """A plain decimal, exact where twelve decimals hold it; "" for unbounded."""
    if value is None:
        return ""
    scaled = round(value * 10**12)
    digits = f"{abs(scaled):013d}"
    text = f"{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _in_unit(end: Fraction, claim: Claim) -> Fraction:
    return end / UNITS[claim.printed.unit].scale


def _printed(evaluation: Audited, claim_id: str, texts: Sentences) -> str:
    return printed_text(evaluation.published.claim(claim_id), texts)


def _sizes(up: Fraction | None, down: Fraction | None, claim: Claim, texts: Texts) -> str:
    """"+12 million VND; −8 million VND"; without the way that no error is found."""
    ways = [(sign, size) for sign, size in (("+", up), (MINUS, down)) if size is not None]
    return "; ".join(f"{sign}{error_size(size, claim, texts)}" for sign, size in ways)


def _checked_by(found: Checkability, evaluation: Evaluation, texts: Texts) -> str:
    claims = [names_of(evaluation, texts, found.checked_by)] if found.checked_by else []
    rules = dict.fromkeys(rule.partition("/")[0] for rule in found.rules)
    declared = evaluation.published.vocabulary
    return "; ".join([*claims, *(texts.label(rule) if rule in declared else texts(f"rule.{rule}") for rule in rules)])


def _any_confirmed(claims: Iterable[Claim], evaluation: Audited) -> bool:
    return not {claim.claim_id for claim in claims}.isdisjoint(evaluation.ledger.confirmed)


def _corrected(claim: Claim, evaluation: Audited, texts: Sentences) -> str:
    """What estimates read in place of what is printed; "" where they read it as printed."""
    correction = evaluation.ledger.get(claim.claim_id)
    if correction is None or not correction.changes_estimates:
        return ""
    return printed_text(correction.corrected, texts) if correction.corrected else texts("ledger.not_used")


def _state(claim: Claim, evaluation: Audited, texts: Sentences) -> str:
    correction = evaluation.ledger.get(claim.claim_id)
    return texts("ledger.since", state=texts(f"ledger.state.{correction.status}"), date=texts.date(correction.date)) if correction else ""


def stands_for(claim: Claim, texts: Sentences) -> str:
    return "" if claim.printed is None else bounds_text(printed_number(claim), texts)


def _frame(rows: Sequence[tuple[str, ...]], texts: Sentences, *columns: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[texts(f"column.{column}") for column in columns], dtype=object)


def harmless(text: str) -> str:
    """A text that a spreadsheet shows and does not run."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text
