"""The conference's figures: which numbers each draws, and its words in the run's language.

An exhibit is made from numbers and texts; the drawing itself is in `kcq_eval.figures`, which only draws what it is given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pandas as pd

from kcq_eval.audit.checkability import STATES, UNCHECKED, Checkability, checkability
from kcq_eval.audit.constraints import build_system
from kcq_eval.claims import Claim, Quantity
from kcq_eval.comparison import DIFFERS, ROUNDING, Compared
from kcq_eval.datafiles import resolve_folder
from kcq_eval.estimates import Bounded
from kcq_eval.evaluation import Audited, Evaluation
from kcq_eval.figures.style import FigureWords
from kcq_eval.findings import main_source, names_of
from kcq_eval.headlines import comparison, course, direction, leader, leader_throughout, most_of, mover, split_title
from kcq_eval.indicators.coverage import KEPT, LEFT, NEVER, NEW, REACHED, Coverage, coverage
from kcq_eval.indicators.funding import comparable_periods
from kcq_eval.numbers import MINUS, NBSP, Number, Numbers
from kcq_eval.parameters import Period
from kcq_eval.printed import Interval, format_number
from kcq_eval.rounding import rounding_shows, rounding_shows_in, shown
from kcq_eval.sensitivity import Curve
from kcq_eval.sources import Source
from kcq_eval.statements import claim_number, interval_text, mark_key, number_in, printed_number, printed_text, starred, statement
from kcq_eval.tables import comparison_row
from kcq_eval.texts import Sentences, Texts, capital, sentence, uncapital
from kcq_eval.vocabulary import ALL, DIMENSIONS, Vocabulary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTSIDE = "outside"
_MOST_SOURCES_NAMED = 3
MOST_COMPARED = 7  # published figures that a figure sets beside the register; the table has all


@dataclass(frozen=True)
class Exhibit:
    """A figure before it is drawn: its words, the claims behind it, the call that draws it, and what a chart's marks are drawn from."""

    name: str
    words: FigureWords
    sources: tuple[str, ...]
    draw: Callable[[], Figure]
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)


def funding_now_before(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Total funding in both periods and its growth, at current prices or deflated as `price_basis` says."""
    from kcq_eval.figures import charts

    basis = evaluation.parameters.price_basis
    before_id = "funding.baseline" if basis == "nominal" else f"funding.repriced.{basis}"
    growth_id = f"funding.growth.{basis}"
    if not _known(numbers, "funding.current", before_id, growth_id):
        return None
    before, now, growth = numbers[before_id], numbers["funding.current"], texts.number(numbers[growth_id], "change")
    if basis == "nominal":
        title, subtitle = texts("figure.funding_now_before.title"), texts("figure.funding_now_before.subtitle")
    else:
        title, before, now = texts("figure.funding_now_before.title_real", growth=growth), _in_billions(before), _in_billions(now)
        subtitle = texts("figure.funding_now_before.subtitle_real", price_basis=texts(f"price_basis.{basis}"))
    rows = pd.DataFrame(
        [
            _row(before, texts, label=evaluation.parameters.baseline_period.text, role="baseline"),
            _row(now, texts, label=evaluation.parameters.current_period.text, role="current"),
        ]
    )
    alt = texts("figure.funding_now_before.alt", before=texts.number(before), now=texts.number(now), growth=growth)
    used = [before, now, numbers[growth_id]]
    axis = texts(f"figure.funding_now_before.{'axis' if basis == 'nominal' else 'axis_real'}")
    words = _words("funding_now_before", texts, evaluation, used, title, subtitle, alt, axis=axis, growth=growth)
    return Exhibit("funding_now_before", words, _sources(used), lambda: charts.funding_bars(rows, words), rows)


def funding_split(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """From the baseline's funding to the period's: the effect of the number of facilities, and of funding per facility."""
    from kcq_eval.figures import charts

    basis = evaluation.parameters.price_basis
    before_id = "funding.baseline" if basis == "nominal" else f"funding.repriced.{basis}"
    ids = (before_id, f"funding.split.facilities.{basis}", f"funding.split.per_facility.{basis}", "funding.current")
    if not _known(numbers, *ids) or not any(numbers[number_id].bounded.upper for number_id in ids):
        return None  # where no money was spent there is nothing to split
    before, by_number, by_size, now = used = [numbers[number_id] for number_id in ids]
    in_billions = [_in_billions(number) for number in used]
    labels = [
        evaluation.parameters.baseline_period.text,
        texts("figure.funding_split.facilities"),
        texts("figure.funding_split.per_facility"),
        evaluation.parameters.current_period.text,
    ]
    roles = ["baseline", "effect", "effect", "current"]
    rows = pd.DataFrame([_row(n, texts, label=label, role=role) for n, label, role in zip(in_billions, labels, roles)])
    for place in (1, 2):
        if in_billions[place].direction == "up":
            rows.loc[place, "text"] = "+" + rows.loc[place, "text"]
    title = texts(f"figure.funding_split.title_{split_title(by_number.bounded, by_size.bounded)}")
    effects = {"facilities": texts.number(in_billions[1], "change"), "per_facility": texts.number(in_billions[2], "change")}
    alt = texts("figure.funding_split.alt", before=texts.number(in_billions[0]), now=texts.number(in_billions[3]), **effects)
    key = "figure.funding_split.subtitle" if basis == "nominal" else "figure.funding_split.subtitle_real"
    subtitle = texts(key, price_basis=texts(f"price_basis.{basis}"))
    *parts, total = map(shown, in_billions)
    note = texts("rounding_note") if rounding_shows(parts, total) else ""
    words = _words("funding_split", texts, evaluation, used, title, subtitle, alt, axis=True, note=note)
    return Exhibit("funding_split", words, _sources(used), lambda: charts.funding_split(rows, words), rows)


def facilities_by_type(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Facilities by support type, in both periods."""
    from kcq_eval.figures import charts

    vocabulary, parameters = evaluation.published.vocabulary, evaluation.parameters
    rows, used, told = [], [], []
    for code in vocabulary.facility_support_types:
        for role, period in (("current", parameters.current_period), ("baseline", parameters.baseline_period)):
            number_id = f"facilities.{role}.{code}"
            if number_id in numbers:
                used.append(numbers[number_id])
                about = {"code": code, "label": texts.label(f"{code}.short"), "colour": vocabulary.support_type_colours[code]}
                rows.append(_row(used[-1], texts, role=role, period_label=period.text, **about))
                told.append(f"{about['label']} {period.text}: {rows[-1]['text']}")
    if not rows:
        return None
    title = _types_title(numbers, texts, vocabulary)
    used += [numbers["facilities.growth"]] if "facilities.growth" in numbers else []
    alt = texts("figure.facilities_by_type.alt", rows="; ".join(told))
    words = _words("facilities_by_type", texts, evaluation, used, title, texts("figure.facilities_by_type.subtitle"), alt)
    frame = pd.DataFrame(rows)
    return Exhibit("facilities_by_type", words, _sources(used), lambda: charts.facilities_by_type(frame, words), frame)


def mix_change(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Shares by support type before and now, and their change in points."""
    from kcq_eval.figures import charts

    vocabulary = evaluation.published.vocabulary
    rows, used, told = [], [], []
    for code in vocabulary.facility_support_types:
        ids = [f"mix.share.current.{code}", f"mix.share.baseline.{code}", f"mix.change.{code}"]
        if not _known(numbers, *ids):
            return None
        now, before, change = (numbers[number_id] for number_id in ids)
        used += [now, before, change]
        row = _row(now, texts, code=code, label=texts.label(f"{code}.short"), colour=vocabulary.support_type_colours[code])
        row["text"] = texts.number(now)
        row |= {f"before_{name}": value for name, value in _row(before, texts).items()} | {"before_text": texts.number(before)}
        rows.append(row | {"change_text": texts.number(change, "change")})
        told.append(f"{row['label']}: {row['before_text']} → {row['text']} ({rows[-1]['change_text']})")
    alt = texts("figure.mix_change.alt", rows="; ".join(told))
    title, subtitle = _mix_title(numbers, texts, vocabulary), texts("figure.mix_change.subtitle")
    parameters = evaluation.parameters
    terms = {"before": parameters.baseline_period.text, "now": parameters.current_period.text, "change": texts("figure.mix_change.change")}
    note = texts("rounding_note") if rounding_shows_in({number.id: shown(number) for number in used}) else ""
    words = _words("mix_change", texts, evaluation, used, title, subtitle, alt, axis=True, note=note, **terms)
    frame = pd.DataFrame(rows)
    return Exhibit("mix_change", words, _sources(used), lambda: charts.mix_change(frame, words), frame)


def share_check(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """The share computed from the counts, beside the share that a source prints."""
    from kcq_eval.figures import charts

    if not _known(numbers, "facilities.share.current", "facilities.current"):
        return None
    share = numbers["facilities.share.current"]
    whole = numbers[f"facilities.{evaluation.parameters.share_whole}.current"]
    rest = evaluation.parameters.share_whole == "rest"
    counts = {"part": texts.number(numbers["facilities.current"]), "whole": texts.number(whole)}
    note = texts("figure.share_check.computed_note_rest" if rest else "figure.share_check.computed_note", **counts)
    told = starred(texts.number(share), share.bounded.marked)
    rows = [_row(share, texts, label=texts("figure.share_check.computed"), role="computed", note=note) | {"text": told}]
    printed = next((claim for claim in evaluation.claims("facilities") if _prints_share(claim, evaluation)), None)
    key, printed_as = "title_rest" if rest else "title_alone", ""
    if printed:
        number = printed_number(printed)
        printed_as = texts.number(number)
        agrees = number.bounded.lower <= share.bounded.upper and share.bounded.lower <= number.bounded.upper
        key = "title_agrees" if agrees else "title"
        name = capital(names_of(evaluation, texts, [printed.claim_id]))
        note = texts("figure.share_check.printed_note", claim=name)
        row = _row(number, texts, label=texts("figure.share_check.printed"), role="printed", note=note)
        rows.append(row | {"text": printed_as})
    title = texts(f"figure.share_check.{key}", printed=printed_as, **counts)
    alt = texts("figure.share_check.alt", computed=told, printed=printed_as or texts("not_reported"))
    used = [share, numbers["facilities.current"], whole]
    words = _words("share_check", texts, evaluation, used, title, texts("figure.share_check.subtitle"), alt)
    frame = pd.DataFrame(rows)
    sources = tuple(sorted({*_sources(used), *([printed.claim_id] if printed else [])}))
    return Exhibit("share_check", words, sources, lambda: charts.share_check(frame, words), frame)


def coverage_map(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """The provinces kept, new and left, on the map of the chosen vintage."""
    from kcq_eval.figures import maps

    parameters = evaluation.parameters
    vintage = parameters.map_vintage
    found = coverage(evaluation.estimates, parameters, vintage)
    if found is None:
        return None
    country = parameters.map_extent == "country"
    rows = pd.DataFrame(
        [{"code": code, "name": name, "status": _map_status(code, found, country)} for code, name in sorted(found.names.items())]
    )
    lists = {status: [found.names[code] for code in found.with_status(status)] for status in found.statuses}
    told = {status: ", ".join(names) or texts("figure.coverage_map.none") for status, names in lists.items()}
    counts = {"current": len(found.now), "served": len(found.served), "new": len(lists.get(NEW, ()))}
    alone = "_alone" if found.before is None else ""
    key = "title_alone" if alone else "title" if lists[NEW] else "title_none_new"
    title = texts(f"figure.coverage_map.{key}", **counts)
    subtitle = texts(f"figure.coverage_map.subtitle{alone}", vintage=texts(f"vintage.{vintage}"))
    terms = {status: texts(f"figure.coverage_map.{status}", count=len(names)) for status, names in lists.items() if names}
    if country and (rows["status"] == NEVER).any():
        terms[NEVER] = texts("figure.coverage_map.never_country", count=int((rows["status"] == NEVER).sum()))
    terms |= {"big": f"{counts['current']}/{counts['served']}", "big_note": texts("figure.coverage_map.big_note")}
    terms["islands_column"] = f"name_{texts.language}"
    used = [number for number in numbers if number.id.startswith(f"coverage.{vintage}.")]
    note = texts("figure.country" if country else "figure.extract")
    listed = {"reached": told[REACHED]} if alone else {"kept": told[KEPT], "new_names": told[NEW], "left": told[LEFT]}
    alt = texts(f"figure.coverage_map.alt{alone}", **listed, current=counts["current"], served=counts["served"])
    words = _words("coverage_map", texts, evaluation, used, title, subtitle, alt, note=note, **terms)
    folder = resolve_folder(parameters.data_dir) / "reference"
    geojson, points = folder / f"provinces_{vintage}.geojson", folder / "islands_inset_points.csv"
    key = {"63": "gso_code", "34": "new_gso_code"}[vintage]

    def draw() -> Figure:
        islands = pd.read_csv(points, dtype=str) if country else None
        return maps.coverage_map(rows, words, geojson=geojson, key=key, islands=islands)

    return Exhibit("coverage_map", words, _sources(used), draw, rows)


def checkability_map(texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Every published number and list in its place, by whether an error in it would be detected and located, and what binds it."""
    from kcq_eval.figures import networks

    found = checkability(evaluation.audit, evaluation.audit.left_out(evaluation.set_aside))
    if not found:
        return None
    counts = {state: sum(f.state == state for f in found) for state in STATES}
    title_key = "figure.checkability.title" if counts[UNCHECKED] else "figure.checkability.title_all"
    title = texts(title_key, all=len(found), unchecked=counts[UNCHECKED])
    names = {f: _figure_label(f, texts, evaluation) for f in found}
    parameters = evaluation.parameters
    terms = {state: texts(f"figure.checkability.{state}", count=count) for state, count in counts.items()}
    terms |= {"before": parameters.baseline_period.text, "now": parameters.current_period.text}
    nodes, rows, rules = _map_places(found, names, texts, evaluation)
    between = (nodes["column"] == "change") & (nodes["whole_row"] < 0)
    terms |= {"change": texts("figure.checkability.change_or_both" if between.any() else "figure.checkability.change")}
    terms |= dict.fromkeys(("before_share", "now_share"), texts("figure.checkability.share"))
    told = {state: ", ".join(names[f] for f in found if f.state == state) for state in STATES if counts[state]}
    alt = "; ".join(capital(f"{texts(f'checkability.{state}')} ({counts[state]}): {names_told}") for state, names_told in told.items())
    letters = [f"{letter}: {_publisher(evaluation.published.sources[source])}" for source, letter in _source_letters(evaluation).items() if letter]
    notes = [texts("figure.checkability.sources", sources="; ".join(letters))] if letters else []
    notes += [texts("figure.checkability.set_aside")] if evaluation.set_aside else []
    claims = tuple(dict.fromkeys(f.claim_id for f in found))
    subtitle = texts("figure.checkability.subtitle")
    words = _words("checkability", texts, evaluation, [], title, subtitle, alt, note=" ".join(notes), claims=claims, **terms)
    by_measure = _map_counts(found, texts, evaluation)
    in_short = replace(words, subtitle=texts("figure.checkability.subtitle_summary"))

    def draw() -> Figure:
        return networks.checkability_map(nodes, rows, rules, words) or networks.checkability_summary(by_measure, in_short)

    return Exhibit("checkability", words, claims, draw)


def _map_places(
    found: tuple[Checkability, ...], names: dict[Checkability, str], texts: Texts, evaluation: Evaluation
) -> tuple[pd.DataFrame, pd.DataFrame, list]:
    """Figures, rows and rules as the map draws them: a row for each quantity that is spoken of, whatever its period."""
    places = [(f, *_place(f, evaluation)) for f in found]
    measures = list(dict.fromkeys(quantity.measure for _, quantity, _, _ in places))
    spoken_of = dict.fromkeys(_scope(q) for _, quantity, whole, _ in places for q in (quantity, whole) if q)
    order = sorted(spoken_of, key=lambda scope: measures.index(scope[0]) if scope[0] in measures else len(measures))
    row_of = {scope: number for number, scope in enumerate(order)}
    nodes = pd.DataFrame(
        [
            {
                "row": row_of[_scope(quantity)], "column": column, "label": names[f], "state": f.state,
                "whole_row": row_of[_scope(whole)] if whole else -1,
            }
            for f, quantity, whole, column in places
        ]
    )  # fmt: skip
    rows = pd.DataFrame([{"group": texts.label(scope[0]), "label": _scope_label(scope, texts, evaluation.published.vocabulary)} for scope in order])
    return nodes, rows, _map_rules(found, row_of, evaluation)


def _place(found: Checkability, evaluation: Evaluation) -> tuple[Quantity, Quantity | None, str]:
    """The quantity in whose row a figure stands, the other one that it compares with, and its column."""
    claim = evaluation.published.claim(found.claim_id)
    quantity = claim.whole if found.figure == "whole" else claim.quantity
    column = _period_column(quantity, evaluation)
    if claim.relation in ("growth", "difference"):
        return quantity, claim.reference, "change"
    if claim.relation in ("share", "average") and column != "change":
        return quantity, claim.whole, f"{column}_share"
    return quantity, None, column


def _period_column(quantity: Quantity, evaluation: Evaluation) -> str:
    """`before` or `now` for a period within one of the two; what covers both or neither stands between."""
    parameters = evaluation.parameters
    if quantity.period in parameters.current_period:
        return "now"
    return "before" if quantity.period in parameters.baseline_period else "change"


def _map_rules(found: tuple[Checkability, ...], row_of: dict[tuple, int], evaluation: Evaluation) -> list:
    """The rules that add up, and those of the others that check a figure; each once, where two or more of its rows are drawn."""
    from kcq_eval.figures.networks import Cell, Rule

    checking = {rule for f in found for rule in f.rules}
    partitions = {partition.rule_id for partition in evaluation.published.vocabulary.partitions}
    rules = []
    for rule in build_system(evaluation.published).rules:
        adds_up = rule.name.partition("/")[0] in partitions
        if not adds_up and rule.name not in checking:
            continue
        drawn = [q for q in dict.fromkeys(rule.quantities) if _scope(q) in row_of and _period_column(q, evaluation) != "change"]
        cells = sorted({(row_of[_scope(q)], _period_column(q, evaluation)) for q in drawn})
        if len({row for row, _ in cells}) > 1 and len({column for _, column in cells}) == 1:
            rules.append(Rule(tuple(Cell(*cell) for cell in cells), "Σ" if adds_up else "≤"))
    return list(dict.fromkeys(rules))


def _map_counts(found: tuple[Checkability, ...], texts: Texts, evaluation: Evaluation) -> pd.DataFrame:
    """Figures of each measure by state."""
    measures: dict[str, list[str]] = {}
    for f in found:
        measures.setdefault(_place(f, evaluation)[0].measure, []).append(f.state)
    rows = [{"label": texts.label(measure), **{s: states.count(s) for s in STATES}} for measure, states in measures.items()]
    return pd.DataFrame([row | {f"{s}_text": str(row[s]) for s in STATES} for row in rows])


def _scope(quantity: Quantity) -> tuple[str, ...]:
    return (quantity.measure, quantity.centre, *(getattr(quantity, dimension) for dimension in DIMENSIONS))


def _scope_label(scope: tuple[str, ...], texts: Texts, vocabulary: Vocabulary) -> str:
    """"focal, machinery": scheme kind and what else is narrower than all, in few words."""
    named = [code for code in scope[2:] if code != ALL]
    if scope[2] != ALL and len(named) > 1:
        named = named[1:]
    short = [f"{code}.short" if f"{code}.short" in vocabulary else code for code in named]
    return ", ".join(uncapital(texts.label(code)) for code in short) if named else texts("statement.all_schemes")


def _source_letters(evaluation: Evaluation) -> dict[str, str]:
    """A letter for each source but the main one, to stand before the numbers of its claims."""
    return {source: chr(ord("A") + n) if n else "" for n, source in enumerate(evaluation.published.sources)}


def _figure_label(found: Checkability, texts: Texts, evaluation: Evaluation) -> str:
    """"#4: 145": number and figure (of a list its length), with the letter of a source other than the main one."""
    claim = evaluation.published.claim(found.claim_id)
    number = texts("claim_number", number=claim.number)
    if found.figure:
        told = str(dict(zip(("part", "whole"), claim.ratio))[found.figure])
    elif claim.printed is None:
        told = str(len(claim.items))
    else:
        told = printed_number(claim).digits(texts.language)
        sign = {"up": "+", "down": MINUS}.get(claim.direction, "")
        told = f"{sign}{told}" + (f"{NBSP}%" if printed_number(claim).unit == "percent" else "")
    mark = f"{NBSP}*" if claim.claim_id in evaluation.set_aside else ""
    return f"{_source_letters(evaluation)[claim.source_id]}{number}:{NBSP}{told}{mark}"


def conflict(texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """The first group of claims that cannot all be true: each as printed, beside what the others force it to be."""
    from kcq_eval.figures import charts

    drawable = ((ids, conflict_rows(ids, texts, evaluation)) for ids in evaluation.audit.conflicts)
    ids, rows = next(((ids, rows) for ids, rows in drawable if rows), ((), None))
    if rows is None:
        return None
    title = texts("figure.conflict.title", claims=capital(names_of(evaluation, texts, ids)))
    told = [
        texts("figure.conflict.row", claim=r["number"], printed=r["printed_text"], implied=r["implied_text"], others=r["others_names"])
        for r in rows
    ]
    terms = {term: texts(f"figure.conflict.{term}") for term in ("printed", "implied", "suspect")}
    alt = texts("figure.conflict.alt", rows="; ".join(told))
    words = _words("conflict", texts, evaluation, [], title, texts("figure.conflict.subtitle"), alt, claims=ids, **terms)
    frame = pd.DataFrame(rows)
    digits = functools.partial(_digits, language=texts.language)
    return Exhibit("conflict", words, ids, lambda: charts.conflict(frame, words, digits=digits), frame)


def specification_curves(found: Iterable[Curve], texts: Texts, evaluation: Evaluation) -> list[Exhibit]:
    """A figure for each result that several choices move."""
    return [specification_curve(curve, texts, evaluation) for curve in found if curve.is_worth_drawing]


def specification_curve(curve: Curve, texts: Texts, evaluation: Evaluation) -> Exhibit:
    """A result under every combination of choices, sorted, with the choices marked beneath."""
    from kcq_eval.figures import sensitivity as charts

    outcome, name = texts(f"outcome.{curve.outcome}"), f"sensitivity_{curve.outcome}"
    rows = [
        _row(specification.number, texts, chosen=specification.chosen) | {f"choice_{n}": code for n, code in enumerate(specification.codes)}
        for specification in curve.specifications
    ]
    marks = [
        {
            "choice": number, "code": code, "name": capital(texts(f"choice.{choice.name}")), "label": choice_label(choice.name, code, texts, evaluation),
            "part": _part(effect, texts),
        }
        for number, (choice, effect) in enumerate(zip(curve.choices, curve.effects))
        for code in choice.codes
    ]  # fmt: skip
    ends = {"lowest": texts.number(curve.lowest), "highest": texts.number(curve.highest)}
    told = {"outcome": capital(outcome), **ends, "count": len(curve.specifications)}
    key = "title" if curve.most else "title_open" if curve.moves else "title_same"
    title = texts(f"figure.sensitivity.{key}", **told, most=texts(f"choice.{curve.most.name}") if curve.most else "")
    own = next(row for row in rows if row["chosen"])
    alt = texts("figure.sensitivity.alt", own=texts.number(next(s.number for s in curve.specifications if s.chosen)), effects=effects_told(curve, texts))
    used = [specification.number for specification in curve.specifications]
    terms = {"chosen": texts("figure.sensitivity.chosen", value=own["text"]), "part": texts("figure.sensitivity.part"), "unit": texts(f"figure.sensitivity.unit.{used[0].unit}")}
    words = _words("sensitivity", texts, evaluation, used, title, texts("figure.sensitivity.subtitle"), alt, **terms)
    points, choices = pd.DataFrame(rows), pd.DataFrame(marks)
    draw = functools.partial(charts.specification_curve, points, choices, words, digits=functools.partial(_digits, language=texts.language))
    return Exhibit(name, words, _sources(used), draw, points)


def effects_told(curve: Curve, texts: Texts) -> str:
    """Each choice with its part of the variance, the largest first; those that move nothing are named together."""
    ordered = sorted(zip(curve.choices, curve.effects), key=lambda pair: -pair[1])
    told = [
        texts("figure.sensitivity.effect", choice=texts(f"choice.{choice.name}"), part=_part(effect, texts))
        for choice, effect in ordered
        if effect
    ]
    still = [texts(f"choice.{choice.name}") for choice, effect in ordered if not effect]
    return "; ".join([*told, *([texts("figure.sensitivity.no_effect", choices=texts.joined(still))] if still else [])])


def _part(effect: Fraction, texts: Texts) -> str:
    percent = Bounded.exactly(effect * 100)
    return texts.number(Number("", percent, "percent", 0 if percent.value.denominator == 1 else 1))


def choice_label(choice: str, code: str, texts: Texts, evaluation: Evaluation) -> str:
    """An alternative in few words."""
    if choice == "explanation":
        return texts("choice_is.explanation", claims=names_of(evaluation, texts, code.split("+")))
    if choice == "baseline":
        return Period.parse(code).text
    return texts(f"choice_is.{choice}.{code}")


def register_years(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Funding of each year, state and counterpart, in both periods."""
    from kcq_eval.figures import register as charts

    rows, used, told, wholes = [], [], [], []
    for year, role in _years(evaluation):
        ids = [f"register.year.{year}.{measure}" for measure in ("state_funding", "counterpart_funding", "funding")]
        if _known(numbers, *ids):
            state, counterpart, whole = (_in_billions(numbers[number_id]) for number_id in ids)
            used += [numbers[number_id] for number_id in ids]
            wholes.append(whole)
            parts = {"state": float(state.bounded.value), "counterpart": float(counterpart.bounded.value)}
            told_parts = {"state_text": state.digits(texts.language), "counterpart_text": counterpart.digits(texts.language)}
            rows.append({"label": str(year), "role": role, "text": whole.digits(texts.language), **parts, **told_parts})
            told.append(f"{year}: {rows[-1]['state_text']} + {rows[-1]['counterpart_text']} = {rows[-1]['text']}")
    if not rows:
        return None
    terms = {part: texts.label(f"{part}_funding") for part in ("state", "counterpart")}
    title, subtitle = _course_title("register_years", wholes, [row["label"] for row in rows], texts), texts("figure.register_years.subtitle")
    words = _words("register_years", texts, evaluation, used, title, subtitle, texts("figure.register_years.alt", rows="; ".join(told)), axis=True, **terms)
    frame = pd.DataFrame(rows)
    return Exhibit("register_years", words, _sources(used), lambda: charts.register_years(frame, words), frame)


def register_types(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Facilities of each year, a panel for each support type."""
    vocabulary = evaluation.published.vocabulary
    colours = vocabulary.support_type_colours
    panels = [(code, texts.label(f"{code}.short"), "facilities", colours[code]) for code in vocabulary.facility_support_types]
    return _by_year("register_types", panels, numbers, texts, evaluation)


def register_sectors(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Funding of each year, a panel for each sector."""
    vocabulary = evaluation.published.vocabulary
    panels = [(code, capital(texts.label(code)), "funding", "") for code in vocabulary.sectors]
    return _by_year("register_sectors", panels, numbers, texts, evaluation)


def all_periods(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> list[Exhibit]:
    """Totals over more than two periods of one length, a panel for each measure; no figure where no more than two are known."""
    from kcq_eval.figures import multiples

    parameters = evaluation.parameters
    rows, used, told, title = [], [], [], ""
    for measure in ("funding", "facilities", "schemes"):
        known = {p: f"period.{p}.{measure}" for p in comparable_periods(evaluation.estimates, parameters) if f"period.{p}.{measure}" in numbers}
        if not known:
            continue
        found = {p: numbers[i] if numbers[i].unit == "count" else _in_billions(numbers[i]) for p, i in known.items()}
        used += [numbers[number_id] for number_id in known.values()]
        unit = next(iter(found.values())).unit
        label = texts(f"figure.all_periods.{unit}", measure=texts.label(measure))
        roles = {parameters.current_period: "current", parameters.baseline_period: "baseline"}
        drawn = [_row(n, texts, code=measure, label=label, period=p.text, role=roles.get(p, ""), scale=measure) for p, n in found.items()]
        rows += drawn
        told.append(_panel_told(label, drawn))
        title = title or _course_title("all_periods", list(found.values()), [p.text for p in found], texts, measure=texts.label(measure))
    frame = pd.DataFrame(rows)
    if not rows or not multiples.has_room(frame):
        return []
    alt = texts("figure.all_periods.alt", rows="; ".join(told))
    words = _words("all_periods", texts, evaluation, used, title, texts("figure.all_periods.subtitle"), alt)
    return [Exhibit("all_periods", words, _sources(used), lambda: multiples.small_multiples(frame, words), frame)]


def _course_title(name: str, numbers: list[Number], when: list[str], texts: Texts, **told: str) -> str:
    """What a row of years or periods does: rising, falling, or highest in one of them."""
    key, place = course([number.bounded for number in numbers])
    told |= {"first": texts.number(numbers[0]), "last": texts.number(numbers[-1]), "year": when[place], "amount": texts.number(numbers[place])}
    return texts(f"figure.{name}.title_{key}", **told)


def _panel_told(label: str, rows: list[dict]) -> str:
    return f"{label}: " + ", ".join(f"{row['period']} {row['text']}" for row in rows)


def _by_year(name: str, panels: list[tuple[str, str, str, str]], numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Small multiples over the register's years, where there are more than two of them and something to tell apart.

    A panel: code, label, measure, and the code's own colour ("": those of the periods).
    """
    from kcq_eval.figures import multiples

    rows, used, told, found = [], [], [], {}
    for code, label, measure, colour in panels:
        drawn = []
        for year, role in _years(evaluation):
            number_id = f"register.year.{year}.{code}.{measure}"
            if _known(numbers, number_id):
                number = numbers[number_id] if numbers[number_id].unit == "count" else _in_billions(numbers[number_id])
                used.append(numbers[number_id])
                found.setdefault(year, {})[code] = number.bounded
                drawn.append(_row(number, texts, code=code, label=label, period=str(year), role=role, colour=colour))
        rows += drawn
        if drawn:
            told.append(_panel_told(label, drawn))
    frame = pd.DataFrame(rows)
    if len(found) <= 2 or len(told) < 2 or not multiples.has_room(frame):
        return None
    first = leader_throughout(list(found.values()))
    told_first = {"what": _held(uncapital(next(label for code, label, *_ in panels if code == first)))} if first else {}
    title = texts(f"figure.{name}.{'title' if first else 'title_neutral'}", years=len(found), **told_first)
    alt = texts(f"figure.{name}.alt", rows="; ".join(told))
    axis = texts(f"figure.{name}.axis")
    words = _words(name, texts, evaluation, used, title, texts(f"figure.{name}.subtitle"), alt, axis=axis)
    return Exhibit(name, words, _sources(used), lambda: multiples.small_multiples(frame, words), frame)


def _years(evaluation: Evaluation) -> list[tuple[int, str]]:
    """The years of both periods, each with its period's role."""
    parameters = evaluation.parameters
    both = ((parameters.baseline_period, "baseline"), (parameters.current_period, "current"))
    return [(year, role) for period, role in both for year in period.years]


def register_spread(numbers: Numbers, texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """How evenly funding is spread over facilities: Lorenz curves, Gini coefficient, quartiles."""
    from kcq_eval.figures import register as charts
    from kcq_eval.indicators.register import lorenz
    from kcq_eval.register.aggregation import funding_by_facility

    parameters = evaluation.parameters
    curves, quartiles, used = [], [], []
    for role, period in (("current", parameters.current_period), ("baseline", parameters.baseline_period)):
        ids = {name: f"register.spread.{name}.{role}" for name in ("gini", "q1", "median", "q3")}
        if not _known(numbers, *ids.values()):
            continue
        used += [numbers[number_id] for number_id in ids.values()]
        quartiles.append({"label": period.text, "role": role, **{name: numbers[i].digits(texts.language) for name, i in ids.items()}})
        amounts = funding_by_facility(evaluation.register, parameters.centre, period, parameters.scheme_kind)
        curves += [{"role": role, "share_of_facilities": float(x), "share_of_funding": float(y)} for x, y in lorenz(amounts)]
    if not curves:
        return None
    terms = {term: texts(f"figure.register_spread.{term}") for term in ("equal", "facilities", "funding", "gini", "q1", "median", "q3")}
    measures = ("gini", "q1", "median", "q3")
    told = "; ".join(f"{row['label']}: {', '.join(f'{terms[name]} {row[name]}' for name in measures)}" for row in quartiles)
    key = None
    if len(quartiles) > 1:
        key = comparison(*(numbers[f"register.spread.gini.{role}"].bounded for role in ("current", "baseline")))
    told_gini = {"gini": quartiles[0]["gini"], "before": quartiles[-1]["gini"], "period": quartiles[0]["label"]}
    title = texts(f"figure.register_spread.title_{key}" if key else "figure.register_spread.title", **told_gini)
    alt = texts("figure.register_spread.alt", rows=told)
    words = _words("register_spread", texts, evaluation, used, title, texts("figure.register_spread.subtitle"), alt, **terms)
    frames = pd.DataFrame(curves), pd.DataFrame(quartiles)
    return Exhibit("register_spread", words, _sources(used), lambda: charts.register_spread(*frames, words))


def register_against_publication(compared: list[Compared], texts: Texts, evaluation: Evaluation) -> Exhibit | None:
    """Each published figure beside the register's value."""
    from kcq_eval.figures import register as charts

    if not compared:
        return None
    ordered = sorted(compared, key=lambda one: (one.verdict != DIFFERS, one.verdict != ROUNDING))
    rows = pd.DataFrame([comparison_row(one, texts, evaluation) for one in ordered[:MOST_COMPARED]])
    differ = sum(one.verdict == DIFFERS for one in compared)
    key = {0: "title_agrees", 1: "title_one"}.get(differ, "title")
    title = texts(f"figure.register_against_publication.{key}", differ=differ, count=len(compared))
    terms = {term: texts(f"figure.register_against_publication.{term}") for term in ("claim", "printed", "register", "verdict")}
    rest = len(ordered) - len(rows)
    terms["more"] = texts("figure.register_against_publication.more", count=rest) if rest else ""
    told = "; ".join(f"{row['statement']}: {row['printed']}, {row['register']}, {row['told']}" for row in rows.to_dict("records"))
    claims = tuple(one.claim.claim_id for one in compared)
    words = _words(
        "register_against_publication", texts, evaluation, [], title, texts("figure.register_against_publication.subtitle"), told,
        claims=(*claims, evaluation.register.source_id), **terms,
    )  # fmt: skip
    return Exhibit("register_against_publication", words, (*claims, evaluation.register.source_id), lambda: charts.register_against_publication(rows, words), rows)


def conflict_rows(ids: tuple[str, ...], texts: Sentences, evaluation: Audited) -> list[dict] | None:
    """Each claim of a group as printed, beside what the others force it to be; an interval that is open above has no upper end.

    None if some claim is not a number, or is not held to an interval by the others, so that it cannot be drawn.
    """
    rows = [conflict_row(claim_id, ids, texts, evaluation) for claim_id in ids]
    return None if any(row is None for row in rows) else rows


def conflict_row(claim_id: str, ids: Iterable[str], texts: Sentences, audited: Audited) -> dict | None:
    """One claim of a group as printed, beside what the others force it to be; None where it cannot be drawn."""
    claim = audited.published.claim(claim_id)
    others = [other for other in ids if other != claim_id]
    implied = audited.audit.implied(claim, others) if claim.printed else None
    if implied is None or implied.lower is None:
        return None
    return _conflict_row(claim, others, implied, texts, audited)


def _conflict_row(claim: Claim, others: list[str], implied: Interval, texts: Sentences, evaluation: Audited) -> dict:
    printed, forced = printed_number(claim), number_in(implied, claim, "")
    names = names_of(evaluation, texts, others)
    return {
        "number": claim_number(claim, texts, main_source=main_source(evaluation)),
        "statement": statement(claim, texts),
        "printed_value": float(printed.bounded.value),
        "printed_text": printed_text(claim, texts),
        "implied_value": float(forced.bounded.value),
        "implied_lower": float(forced.bounded.lower),
        "implied_upper": float(forced.bounded.lower if forced.bounded.upper is None else forced.bounded.upper),
        "implied_text": interval_text(implied, claim, texts),
        "suspect": claim.claim_id in evaluation.audit.suspects,
        "others": texts("figure.conflict.others", claims=names),
        "others_names": names,
    }


def _row(number: Number, texts: Texts, **more: str) -> dict:
    """A number as a chart draws it: floats for places, the text as it is read."""
    bounded = number.bounded
    ends = {"value": bounded.value, "lower": bounded.lower, "upper": bounded.lower if bounded.upper is None else bounded.upper}
    drawn = {name: float(end) for name, end in ends.items()}
    return drawn | {"text": starred(number.digits(texts.language), bounded.marked)} | more


def _digits(end: float, language: str) -> str:
    """The end of a scale, a whole number."""
    return format_number(round(end), decimals=0, number_format=language).replace("-", MINUS)


def _in_billions(number: Number) -> Number:
    from kcq_eval.indicators.funding import billions

    return number if number.unit == "billion_vnd" else Number(number.id, billions(number.bounded), "billion_vnd", 1)


def _map_status(code: str, found: Coverage, country: bool) -> str:
    reached = code in found.served or code in found.now or code in (found.before or ())
    return found.status(code) if reached or country else OUTSIDE


def _prints_share(claim: Claim, evaluation: Evaluation) -> bool:
    parameters = evaluation.parameters
    quantity = claim.quantity
    return (
        claim.relation == "share"
        and not evaluation.selection
        and parameters.share_whole == "all"
        and quantity.period == parameters.current_period
        and quantity.scheme_kind == parameters.scheme_kind
        and claim.whole.scheme_kind == "all"
    )


def _types_title(numbers: Numbers, texts: Texts, vocabulary: Vocabulary) -> str:
    """How the number of facilities changed, and the support type that makes most of that change."""
    if not _known(numbers, "facilities.change", "facilities.growth"):
        return texts("figure.facilities_by_type.title_neutral")
    changes = _by_type(numbers, vocabulary, "facilities.change")
    code = most_of(numbers["facilities.change"].bounded, changes)
    if code:
        return texts("figure.facilities_by_type.title", type=_type_in_sentence(code, texts))
    return texts("figure.facilities_by_type.title_change" if direction(numbers["facilities.change"].bounded) else "figure.facilities_by_type.title_neutral")


def _mix_title(numbers: Numbers, texts: Texts, vocabulary: Vocabulary) -> str:
    """The support type with the largest share, and the one whose share changed most."""
    most, moved = leader(_by_type(numbers, vocabulary, "mix.share.current")), mover(_by_type(numbers, vocabulary, "mix.change"))
    if most is None:
        return texts("figure.mix_change.title_neutral")
    told = {"type": capital(_type_in_sentence(most, texts)), "share": texts.number(numbers[f"mix.share.current.{most}"])}
    if moved is None:
        return texts("figure.mix_change.title_leader", **told)
    told |= {"moved": _type_in_sentence(moved, texts), "change": texts.number(numbers[f"mix.change.{moved}"], "change")}
    return texts("figure.mix_change.title_same" if moved == most else "figure.mix_change.title", **told)


def _by_type(numbers: Numbers, vocabulary: Vocabulary, stem: str) -> dict[str, Bounded]:
    ids = {code: f"{stem}.{code}" for code in vocabulary.facility_support_types}
    return {code: numbers[number_id].bounded for code, number_id in ids.items() if number_id in numbers}


def _type_in_sentence(code: str, texts: Texts) -> str:
    return _held(uncapital(texts.label(f"{code}.short")))


def _held(label: str) -> str:
    """A label that a title does not break."""
    return label.replace(" ", NBSP)


def _known(numbers: Numbers, *ids: str) -> bool:
    return all(number_id in numbers and numbers[number_id].bounded.upper is not None for number_id in ids)


def _sources(used: list[Number]) -> tuple[str, ...]:
    return tuple(sorted({claim for number in used for claim in number.sources}))


def _words(
    name: str, texts: Texts, evaluation: Evaluation, used: list[Number], title: str, subtitle: str, alt: str, *,
    axis: bool | str = False, note: str = "", claims: tuple[str, ...] = (), **terms: str,
) -> FigureWords:  # fmt: skip
    """A figure's words; the line below it names the sources, and what its marks mean where it has them.

    The alternative text is whole without the figure: the title's message, what is shown, the values, and what the line below says.
    """
    line = [texts("figure.source_line", sources=_sources_told({*claims, *_sources(used)}, texts, evaluation))]
    if any(number.is_range for number in used):
        line.append(texts("figure.range"))
    if any(number.bounded.marked for number in used):
        marks = (any(number.bounded.depends for number in used), any(number.bounded.corrections for number in used))
        line.append(texts(f"figure.{mark_key(*marks)}"))
    line += [note] if note else []
    told = tuple(dict.fromkeys(number.id for number in used))
    unit = axis if isinstance(axis, str) else texts(f"figure.{name}.axis") if axis else ""
    titled, below = evaluation.titled(title, texts), " ".join(line)
    spoken = " ".join(sentence(part) for part in (titled, subtitle, alt, below))
    kicker = evaluation.titled("", texts).rstrip(": ")
    return FigureWords(titled, subtitle, below, alt=spoken, terms=terms, axis=unit, kicker=kicker, language=texts.language, numbers=told)


def _sources_told(claims: set[str], texts: Texts, evaluation: Evaluation) -> str:
    """Publishers with the days of publication; more than three sources by their ids, which are shorter."""
    ids = sorted({claim.partition("/")[0] for claim in claims})
    known = evaluation.published.sources
    if len(ids) > _MOST_SOURCES_NAMED:
        return ", ".join(ids)
    return "; ".join(f"{_publisher(known[one])}, {texts.date(known[one].published)}" if one in known else one for one in ids)


def _publisher(source: Source) -> str:
    """Its name, or the short one that stands in brackets at the end."""
    return source.publisher.rstrip(")").rpartition("(")[2] if source.publisher.endswith(")") else source.publisher
