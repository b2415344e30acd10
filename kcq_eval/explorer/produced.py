"""What produced a number: the claims with their printed text and place, the register's rows, and the call in Python."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from kcq_eval import tables
from kcq_eval.evidence.explain import Story
from kcq_eval.evidence.lineage import grounds, lineage
from kcq_eval.explorer.views import COVERAGE, DISTRIBUTION, FACILITIES, FUNDING, MIX, Shown
from kcq_eval.parameters import Parameters, entries
from kcq_eval.statements import starred
from kcq_eval.texts import LANGUAGES, Texts

_CALLS = {
    FUNDING: ("kcq_eval.indicators.funding", "funding_numbers(evaluation.estimates, evaluation.prices, evaluation.parameters)"),
    FACILITIES: ("kcq_eval.indicators.composition", "facility_numbers(evaluation.estimates, evaluation.parameters)"),
    MIX: ("kcq_eval.indicators.composition", "mix_numbers(evaluation.estimates, evaluation.parameters)"),
    COVERAGE: ("kcq_eval.indicators.coverage", "coverage_numbers(evaluation.estimates, evaluation.parameters)"),
    DISTRIBUTION: ("kcq_eval.indicators.register", "numbers_of_rows(evaluation)"),
}


def produced_html(number_id: str, shown: Shown, file_name: str = "") -> str:
    """A number, and everything that it was made from, as `kcq-eval explain` tells it.

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
    told.append(f"<h3>{_e(texts('explore.produced.made_from'))}</h3>{_list(story(number_id, shown))}")
    code = call_of(number_id, shown, file_name)
    told.append(f"<h3>{_e(texts('explore.produced.call'))}</h3><pre tabindex=\"0\"><code>{_e(code)}</code></pre>")
    return f'<div class="kcq-produced" lang="{texts.language}">{"".join(told)}</div>'


def story(number_id: str, shown: Shown) -> list[str]:
    """Lines that follow a number back to quantities, claims, rules and rows."""
    number, evaluation = shown.numbers[number_id], shown.evaluation
    both = {
        language: Texts(evaluation.parameters.model_copy(update={"language": language}), evaluation.published.vocabulary, shown.numbers)
        for language in LANGUAGES
    }
    behind = grounds(number)
    told = lineage([behind], evaluation, both)
    (row,) = tables.number_rows([number], list(both.values()), evaluation.ledger)
    return list(Story(told, {number_id: row}, shown.texts.language).lines(behind))[1:]  # the first says what is said already


def _list(lines: Iterable[str]) -> str:
    rows = "".join(f'<li style="margin-left: {(len(line) - len(line.lstrip())) / 4:g}rem">{_e(line.strip(" •–"))}</li>' for line in lines)
    return f"<ul>{rows}</ul>"


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


def _e(text: str) -> str:
    return html.escape(text)
