"""What produced a number: the claims with their printed text and place, the register's rows, and the call in Python."""

from __future__ import annotations

import html
from collections.abc import Mapping

from kcq_eval import tables
from kcq_eval.explorer.views import COVERAGE, DISTRIBUTION, FACILITIES, FUNDING, MIX, Shown
from kcq_eval.numbers import Number
from kcq_eval.parameters import Parameters, Period, entries
from kcq_eval.register.coding import rows_told
from kcq_eval.register.columns import STATUSES
from kcq_eval.register.register import Register
from kcq_eval.statements import starred
from kcq_eval.texts import Texts
from kcq_eval.vocabulary import ALL

_CALLS = {
    FUNDING: ("kcq_eval.indicators.funding", "funding_numbers(evaluation.estimates, evaluation.prices, evaluation.parameters)"),
    FACILITIES: ("kcq_eval.indicators.composition", "facility_numbers(evaluation.estimates, evaluation.parameters)"),
    MIX: ("kcq_eval.indicators.composition", "mix_numbers(evaluation.estimates, evaluation.parameters)"),
    COVERAGE: ("kcq_eval.indicators.coverage", "coverage_numbers(evaluation.estimates, evaluation.parameters)"),
    DISTRIBUTION: ("kcq_eval.indicators.register", "numbers_of_rows(evaluation)"),
}
_MOST_ROWS = 400  # row numbers that are listed; of more only how many
_OF_FACILITIES = (FACILITIES, MIX, COVERAGE)  # ids of these begin so


def produced_html(number_id: str, shown: Shown, file_name: str = "") -> str:
    """A number, and everything that it was made from.

    Args:
        file_name: The visitor's name for an own register, told in place of where it is kept.
    """
    number, texts, evaluation = shown.numbers[number_id], shown.texts, shown.evaluation
    bounds = tables.bounds_text(number, texts)
    value = starred(texts.number(number), number.bounded.marked) + (f" [{bounds}]" if bounds else "")
    told = [f"<p><strong>{_e(texts.label_of(number))}: {_e(value)}</strong> ({_e(texts(f'basis.{number.bounded.basis}'))})</p>"]
    known = [claim for claim in evaluation.published.claims if claim.claim_id in number.bounded.claims]
    if known:
        told.append(f"<h3>{_e(texts('explore.produced.claims', count=len(known)))}</h3>{tables.to_html(tables.claims_table(known, evaluation, texts))}")
    register = evaluation.register
    if register is not None and register.source_id in number.bounded.claims:
        told.append(f"<h3>{_e(texts('explore.produced.rows'))}</h3>{_rows_html(number, register, evaluation.parameters, texts)}")
    if not known and register is None:
        told.append(f"<p>{_e(texts('explore.produced.nothing'))}</p>")
    code = call_of(number_id, shown, file_name)
    told.append(f"<h3>{_e(texts('explore.produced.call'))}</h3><pre tabindex=\"0\"><code>{_e(code)}</code></pre>")
    return f'<div class="kcq-produced" lang="{texts.language}">{"".join(told)}</div>'


def call_of(number_id: str, shown: Shown, file_name: str = "") -> str:
    """Python that makes the number again."""
    view = next(view for view, numbers in shown.by_view.items() if number_id in numbers)
    module, call = _CALLS[view]
    given = changed(shown.evaluation.parameters) | ({"register": file_name} if file_name else {})
    return "\n".join(
        [
            "from kcq_eval.evaluation import evaluate",
            f"from {module} import {call.partition('(')[0]}",
            "from kcq_eval.parameters import read_parameters",
            "",
            f"evaluation = evaluate(read_parameters({given!r}))",
            f"numbers = {call}",
            f"numbers[{number_id!r}].bounded",
        ]
    )


def changed(parameters: Parameters) -> dict[str, object]:
    """The parameters that are not as the contract has them, without the folder written to."""
    defaults: Mapping[str, object] = {entry.name: entry.default for entry in entries()}
    return {name: value for name, value in parameters.model_dump().items() if value != defaults[name] and name != "out_dir"}


def _rows_html(number: Number, register: Register, parameters: Parameters, texts: Texts) -> str:
    """The accepted rows that the number is about, piece by piece."""
    rows = rows_behind(number, register, parameters)
    found = []
    for place, part in rows.groupby("piece", sort=True):
        listed = sorted(part["row"].tolist())
        told = rows_told(listed) if len(listed) <= _MOST_ROWS else "…"
        found.append(f"<li>{_e(texts('explore.produced.of_file', file=register.pieces[place], count=len(listed)))} {_e(told)}</li>")
    return f"<ul>{''.join(found)}</ul>" if found else f"<p>{_e(texts('explore.produced.no_rows'))}</p>"


def rows_behind(number: Number, register: Register, parameters: Parameters):
    """The rows that the number is about: accepted ones of its period, scheme kind and whatever else it names."""
    about, vocabulary, parts = number.about, register.vocabulary, number.id.split(".")
    if "status" in about:
        return register.facts[register.facts["status"] == STATUSES.index(about["status"])]
    rows = register.done
    keep = (rows["centre"] == vocabulary.centres.index(parameters.centre)) & _in_periods(rows["year"], _periods(number, parameters))
    kind = about.get("scheme_kind", parameters.scheme_kind)
    if kind != ALL and "all" not in parts and "share" not in parts:
        of_kind = rows["kind"] == vocabulary.scheme_kinds.index(kind)
        keep &= ~of_kind if "rest" in parts else of_kind
    if "support_type" in about:
        keep &= rows["support"] == vocabulary.support_types.index(about["support_type"])
    for column, codes in (("sector", vocabulary.sectors), ("province", register.provinces)):
        if about.get("code") in codes:
            keep &= rows[column] == codes.index(about["code"])
    if parts[0] in _OF_FACILITIES or not {"facilities", "supports"}.isdisjoint(parts):
        keep &= rows["facility"] >= 0  # a conference supports none
    return rows[keep]


def _periods(number: Number, parameters: Parameters) -> list[Period]:
    """The periods that a number names; both where it compares them."""
    about, both = number.about, {"current": parameters.current_period, "baseline": parameters.baseline_period}
    if "year" in about or about.get("what", "").isdecimal():
        return [Period.parse(about.get("year") or about["what"])]
    named = [role for role in both if role in number.id.split(".") or about.get("period") == role]
    if not named and number.id.startswith("register."):
        named = ["current"]
    return [both[role] for role in named or both]


def _in_periods(years, periods: list[Period]):
    return years.isin([year for period in periods for year in period.years])


def _e(text: str) -> str:
    return html.escape(text)
