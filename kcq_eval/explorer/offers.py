"""What the page offers to choose: every parameter of the contract that a visitor can set, with the choices that the data allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kcq_eval.evaluation import Evaluation
from kcq_eval.parameters import INPUTS, SELECTIONS, Entry, Period, entries
from kcq_eval.texts import Texts, capital, templates
from kcq_eval.vocabulary import ALL

ONE, MANY, FLAG = "one", "many", "flag"
# Set otherwise, or belonging to a run's folder and not to what is seen: files come by upload, names are never shown on a page.
HELD = (*INPUTS, "data_dir", "out_dir", "figure_formats", "with_names")
MAIN = ("language", "period", "baseline", "price_basis", "scheme_kind", *SELECTIONS, "map_vintage")  # the others stand behind "more settings"
_FROM_DATA = ("period", "baseline", "sources", "centre", "scheme_kind", "explanation", *SELECTIONS)
_NAMED = 3  # claims of an explanation that its choice names


@dataclass(frozen=True)
class Offer:
    """One control.

    Attributes:
        kind: `one` of the options, `many` of them (none chosen is all), or a `flag`.
        options: Labels with the values they stand for.
        main: Whether it is seen at once.
        usable: Whether it can be used with the data chosen.
    """

    name: str
    kind: str
    label: str
    help: str
    options: tuple[tuple[str, str], ...] = ()
    main: bool = False
    usable: bool = True


def offers(evaluation: Evaluation, texts: Texts) -> list[Offer]:
    """The controls in their order: the main ones first, the others as the contract has them."""
    told = {entry.name: _offer(entry, evaluation, texts) for entry in entries() if _is_offered(entry)}
    return [*(told[name] for name in MAIN), *(offer for name, offer in told.items() if name not in MAIN)]


def _is_offered(entry: Entry) -> bool:
    """Free text that no data give choices for is not offered."""
    return entry.name not in HELD and bool(entry.choices or entry.type == "bool" or entry.name in _FROM_DATA)


def _offer(entry: Entry, evaluation: Evaluation, texts: Texts) -> Offer:
    help_text = capital(getattr(entry.help, texts.language))
    label = _known(f"explore.name.{entry.name}", texts) or help_text
    kind = FLAG if entry.type == "bool" else MANY if entry.name in (*SELECTIONS, "sources") else ONE
    options = () if kind == FLAG else tuple(_options(entry, evaluation, texts))
    usable = entry.name not in SELECTIONS or evaluation.register is not None
    return Offer(entry.name, kind, label, help_text, options, entry.name in MAIN, usable)


def _options(entry: Entry, evaluation: Evaluation, texts: Texts) -> Iterable[tuple[str, str]]:
    vocabulary = evaluation.published.vocabulary
    match entry.name:
        case "period" | "baseline":
            return [(period.text, str(period)) for period in _periods(evaluation, getattr(evaluation.parameters, entry.name))]
        case "sources":
            return [(f"{source.title(texts.language)} ({code})", code) for code, source in _all_sources(evaluation).items()]
        case "centre":
            return [(texts.label(code), code) for code in vocabulary.centres]
        case "scheme_kind":
            return [(capital(texts.label(code)), code) for code in vocabulary.scheme_kinds] + [(capital(texts("kind.all")), ALL)]
        case "explanation":
            return _explanations(evaluation, texts)
        case "support_types" | "sectors" | "provinces":
            return [(capital(texts.label(code)), code) for code in vocabulary.codes(SELECTIONS[entry.name])]
        case _:
            return [(_known(f"explore.is.{entry.name}.{code}", texts) or code, code) for code in entry.choices]


def _periods(evaluation: Evaluation, chosen: str) -> list[Period]:
    """Periods that claims speak of, and every run of years that the register has rows of; the latest first."""
    found = {Period.parse(chosen)}
    for claim in evaluation.published.claims:
        found |= {claim.quantity.period} | ({claim.reference.period} if claim.reference else set())
    if evaluation.register is not None:
        years = sorted(set((evaluation.register.whole or evaluation.register).done["year"].tolist()))
        found |= {Period(start, end) for start in years for end in years if start <= end}
    return sorted(found, key=lambda period: (-period.end, period.start))


def _all_sources(evaluation: Evaluation) -> dict:
    from kcq_eval.claims import load_published
    from kcq_eval.datafiles import resolve_folder

    return load_published(resolve_folder(evaluation.parameters.data_dir)).sources


def _explanations(evaluation: Evaluation, texts: Texts) -> list[tuple[str, str]]:
    found = [(texts(f"explore.is.explanation.{choice}"), choice) for choice in ("first", "tied")]
    numbers = {claim.claim_id: texts("claim_number", number=claim.number) for claim in evaluation.published.claims}
    for explanation in evaluation.corrected.explanations:
        named = [numbers[claim] for claim in explanation[:_NAMED]] + (["…"] if len(explanation) > _NAMED else [])
        found.append((texts("explore.is.explanation.claims", claims=", ".join(named)), "+".join(explanation)))
    return found


def _known(key: str, texts: Texts) -> str:
    """The text of a key, "" where there is none: a new parameter is told in the contract's own words."""
    return texts(key) if key in templates(texts.language) else ""
