"""What the page shows for some parameters: the numbers, figures and tables of a run, as HTML. Drawn once and kept."""

from __future__ import annotations

import base64
import functools
import html
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kcq_eval import exhibits, tables
from kcq_eval.datafiles import resolve_folder
from kcq_eval.evaluation import Evaluation, evaluate
from kcq_eval.exhibits import Exhibit
from kcq_eval.figures import style
from kcq_eval.findings import findings
from kcq_eval.indicators.composition import facility_numbers, mix_numbers
from kcq_eval.indicators.coverage import coverage, coverage_numbers
from kcq_eval.indicators.funding import funding_numbers
from kcq_eval.indicators.register import numbers_of_rows
from kcq_eval.numbers import NBSP, Number, Numbers
from kcq_eval.parameters import Parameters
from kcq_eval.register.register import hash_of
from kcq_eval.statements import starred
from kcq_eval.texts import Texts

FUNDING, FACILITIES, MIX, COVERAGE, DISTRIBUTION, TABLE, WHATIF = (
    "funding", "facilities", "mix", "coverage", "distribution", "table", "whatif",
)  # fmt: skip
VIEWS = (FUNDING, FACILITIES, MIX, COVERAGE, DISTRIBUTION, TABLE, WHATIF)
SCREEN_DPI = 75  # a figure of a run, half as large: 960 × 540 pixels
_CHAPTERS = {FUNDING: "funding_growth", FACILITIES: "facility_shares", MIX: "support_type_mix", COVERAGE: "province_coverage"}
_KEPT = 48  # views and figures that are kept
_TILES = (
    ("funding.current", "funding.growth.@basis"), ("facilities.current", "facilities.growth"), ("facilities.share.current", ""),
    ("coverage.@map.share.current", "coverage.@map.current"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shown:
    """An evaluation with its numbers and the texts of its language."""

    evaluation: Evaluation
    numbers: Numbers
    texts: Texts
    by_view: dict[str, Numbers]


def shown(parameters: Parameters) -> Shown:
    """Evaluate and compute all numbers, once as long as the register does not change.

    Raises:
        BadInput: What the parameters ask for cannot be had; all problems at once.
    """
    path = resolve_folder(parameters.register)
    return _shown(parameters, hash_of(path) if parameters.register and path.exists() else "")


@functools.lru_cache(maxsize=_KEPT)
def _shown(parameters: Parameters, sha256: str) -> Shown:
    evaluation = evaluate(parameters)
    estimates = evaluation.estimates
    by_view = {
        FUNDING: funding_numbers(estimates, evaluation.prices, parameters), FACILITIES: facility_numbers(estimates, parameters),
        MIX: mix_numbers(estimates, parameters), COVERAGE: coverage_numbers(estimates, parameters), DISTRIBUTION: numbers_of_rows(evaluation),
    }  # fmt: skip
    numbers = Numbers(number for part in by_view.values() for number in part)
    return Shown(evaluation, numbers, Texts(parameters, evaluation.published.vocabulary, numbers), by_view)


def key_html(shown: Shown) -> str:
    """The key numbers with their bounds."""
    parameters, texts, tiles = shown.evaluation.parameters, shown.texts, []
    for main, beside in _TILES:
        ids = [name.replace("@basis", parameters.price_basis).replace("@map", parameters.map_vintage) for name in (main, beside)]
        number = shown.numbers[ids[0]] if ids[0] in shown.numbers else None
        if number is None:
            label, value, bounds = texts(f"explore.tile.{main.partition('.')[0]}"), texts("not_reported"), ""
        else:
            label, value, bounds = texts.label_of(number), starred(texts.number(number), number.bounded.marked), _bounds(number, texts)
        more = ""
        if ids[1] and ids[1] in shown.numbers:
            other = shown.numbers[ids[1]]
            told = texts.number(other, "change") if ".growth." in f"{ids[1]}." else f"{texts.number(other)} / {texts.number(shown.numbers[f'coverage.{parameters.map_vintage}.served'])}"
            more = f'<span class="kcq-more">{_e(starred(told, other.bounded.marked))} {_e(_bounds(other, texts))}</span>'
        tiles.append(
            f'<div class="kcq-tile"><dt>{_e(label)}</dt><dd><strong>{_e(value.replace(NBSP, " ", value.count(NBSP) - 1))}</strong> <span class="kcq-bounds">{_e(bounds)}</span>{more}</dd></div>'
        )
    return f'<dl class="kcq-tiles" lang="{texts.language}">{"".join(tiles)}</dl>'


def _bounds(number: Number, texts: Texts) -> str:
    told = tables.bounds_text(number, texts)
    return f"[{told}]" if told else ""


@functools.lru_cache(maxsize=_KEPT)
def view_html(view: str, shown: Shown) -> str:
    """A view: its findings, figures and numbers."""
    evaluation, texts = shown.evaluation, shown.texts
    if view == TABLE:
        return _section(texts, tables.to_html(tables.numbers_table(shown.numbers, texts)))
    if view == DISTRIBUTION and evaluation.register is None:
        return _section(texts, f"<p>{_e(texts('explore.needs_register'))}</p>")
    told = ""
    if view in _CHAPTERS:
        told = "".join(f"<li>{_e(finding.text)}</li>" for finding in findings(_CHAPTERS[view], texts, evaluation.parameters))
        told = f'<ul class="kcq-findings">{told}</ul>'
    drawn = "".join(figure_html(exhibit, texts) for exhibit in _EXHIBITS[view](shown))
    rows = tables.numbers_table(shown.by_view[view], texts)
    more = f"<details><summary>{_e(texts('explore.numbers_behind', count=len(rows)))}</summary>{tables.to_html(rows)}</details>"
    if view == COVERAGE:
        found = coverage(evaluation.estimates, evaluation.parameters, evaluation.parameters.map_vintage)
        more = tables.to_html(tables.provinces_table(found, texts)) + more
    return _section(texts, told + drawn + more)


_EXHIBITS: dict[str, Callable[[Shown], Iterable[Exhibit | None]]] = {
    FUNDING: lambda s: (make(s.numbers, s.texts, s.evaluation) for make in (exhibits.funding_now_before, exhibits.funding_split)),
    FACILITIES: lambda s: (make(s.numbers, s.texts, s.evaluation) for make in (exhibits.facilities_by_type, exhibits.share_check)),
    MIX: lambda s: [exhibits.mix_change(s.numbers, s.texts, s.evaluation)],
    COVERAGE: lambda s: [exhibits.coverage_map(s.numbers, s.texts, s.evaluation)],
    DISTRIBUTION: lambda s: (make(s.numbers, s.texts, s.evaluation) for make in (exhibits.register_spread, exhibits.register_years)),
}


def figure_html(exhibit: Exhibit | None, texts: Texts) -> str:
    """A run's figure at the size of the screen, with its words for those who cannot see it."""
    if exhibit is None:
        return f"<p>{_e(texts('not_reported'))}</p>"
    words = exhibit.words
    source = f"data:image/png;base64,{base64.b64encode(picture(exhibit)).decode('ascii')}"
    return f'<figure class="kcq-figure" tabindex="0" role="group" aria-label="{_e(words.title)}"><img src="{source}" alt="{_e(words.alt or words.title)}"></figure>'


_PICTURES: dict[tuple, bytes] = {}


def picture(exhibit: Exhibit) -> bytes:
    """The figure as PNG; drawn once as long as its words and rows are the same."""
    words = exhibit.words
    drawn_from = (exhibit.name, words.title, words.subtitle, words.source_line, words.alt, words.axis, *sorted(words.terms.items()), exhibit.rows.to_csv())
    if drawn_from not in _PICTURES:
        while len(_PICTURES) >= _KEPT:
            del _PICTURES[next(iter(_PICTURES))]
        buffer = io.BytesIO()
        figure = exhibit.draw()
        with style.conference():
            figure.savefig(buffer, format="png", dpi=SCREEN_DPI, pil_kwargs={"compress_level": 1}, metadata={"Software": None})
        _PICTURES[drawn_from] = buffer.getvalue()
    return _PICTURES[drawn_from]


def _section(texts: Texts, inner: str) -> str:
    return f'<div class="kcq-view" lang="{texts.language}">{inner}</div>'


def _e(text: str) -> str:
    return html.escape(text)
