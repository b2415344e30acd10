"""From parameters to estimates: the documents chosen, their audit as printed, confirmed corrections, the explanation accepted, the
estimates that follow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kcq_eval.audit.explanations import Audit, audit, audit_claims
from kcq_eval.claims import Claim, Published, Quantity, load_published
from kcq_eval.datafiles import resolve_folder
from kcq_eval.errors import BadInput, Problem, Problems, nearest
from kcq_eval.estimates import Bounded, Estimates, estimate, with_corrections
from kcq_eval.ledger import Ledger, load_ledger
from kcq_eval.parameters import Parameters, Period
from kcq_eval.prices import PriceIndex, load_price_indices
from kcq_eval.register.aggregation import Scope, aggregate, years_in
from kcq_eval.register.criteria import Criterion, load_criteria
from kcq_eval.register.register import Register, hash_of, load_register
from kcq_eval.register.selection import Selection, selected, selection
from kcq_eval.remembered import remembered
from kcq_eval.vocabulary import ALL


@dataclass(frozen=True, kw_only=True)
class Audited:
    """Documents, what their claims say about each other as printed, and the claims that an accepted explanation leaves out.

    Attributes:
        ledger: What people found out about single figures of these documents.
    """

    published: Published
    audit: Audit
    set_aside: tuple[str, ...] = ()
    ledger: Ledger = Ledger()


@dataclass(frozen=True, kw_only=True)
class Evaluation(Audited):
    """What every chapter of the evaluation starts from.

    Attributes:
        corrected: The audit once confirmed corrections are made; `audit` itself where there are none.
        set_aside: The explanation of `corrected` that is accepted; the estimates are computed without these claims.
        selection: What the register's rows were narrowed to; then estimates are of these rows alone.
    """

    parameters: Parameters
    estimates: Estimates
    prices: dict[str, PriceIndex]
    corrected: Audit
    register: Register | None = None
    criteria: tuple[Criterion, ...] = ()
    selection: Selection = ()

    @property
    def demonstration(self) -> bool:
        """Whether results rest on invented rows, which every title then says."""
        return self.register is not None and self.register.demonstration

    def titled(self, title: str, say: Callable[..., str]) -> str:
        """A title that says so where results rest on invented rows, or on some rows only."""
        if self.selection and say("selection.told") not in title:
            title = say("selection.of", title=title)
        return say("register.demonstration_of", title=title) if self.demonstration else title

    def claims(self, *measures: str) -> list[Claim]:
        """The claims that speak of these measures."""
        return [claim for claim in self.published.claims if claim.quantity.measure in measures]


def evaluate(parameters: Parameters) -> Evaluation:
    """Read, audit and estimate.

    Raises:
        BadInput: Unusable data, or parameters that name what the data do not hold; all problems at once.
    """
    folder = resolve_folder(parameters.data_dir)
    published = load_published(folder)
    problems = Problems()
    chosen = _chosen_sources(parameters, published, problems)
    for name, valid in (("centre", published.vocabulary.centres), ("scheme_kind", (*published.vocabulary.scheme_kinds, ALL))):
        found = getattr(parameters, name)
        if found not in valid:
            problems.append(Problem("unknown_value", "parameters", None, name, found, ", ".join(valid), nearest(found, valid)))
    register = _register(parameters, problems)
    criteria: list[Criterion] = []
    if parameters.criteria:
        try:
            criteria = load_criteria(resolve_folder(parameters.criteria))
        except BadInput as error:
            problems += error.problems
    if register is None or not register.has(parameters.current_period):
        problems += _nothing_reported(parameters, published.of(chosen or published.sources))
    problems += _unknown_claims(parameters, published)
    chosen_rows = selection(parameters, published.vocabulary, problems)
    try:
        ledger = load_ledger(folder).of(chosen)
    except BadInput as error:
        problems += error.problems
    problems.stop()
    examined, corrected = audit(folder, chosen), _corrected(folder, chosen)
    set_aside = _accepted(corrected, ledger, parameters.explanation)
    estimates = _estimates(examined, corrected, ledger.confirmed, set_aside)
    if register is not None and chosen_rows:
        register = selected(register, chosen_rows)
        estimates = Estimates(estimates.vocabulary, _aggregated(register, _scope(parameters, examined, register)))
    elif register is not None:
        estimates = _led_by_rows(register, estimates, _scope(parameters, examined, register))
    return Evaluation(
        published=examined.published, audit=examined, corrected=corrected, set_aside=set_aside, ledger=ledger, parameters=parameters,
        estimates=estimates, prices=load_price_indices(folder), register=register, criteria=tuple(criteria), selection=chosen_rows,
    )  # fmt: skip


@functools.lru_cache(maxsize=4)
def _corrected(folder: Path, source_ids: tuple[str, ...]) -> Audit:
    """The audit with confirmed corrections made, solved once for a process."""
    examined, ledger = audit(folder, source_ids), load_ledger(folder).of(source_ids)
    return audit_claims(ledger.applied(examined.published)) if ledger.confirmed else examined


def _accepted(corrected: Audit, ledger: Ledger, explanation: str) -> tuple[str, ...]:
    """The claims that the parameter `explanation` sets aside; those that the ledger leaves out anyway need no setting aside."""
    named = [] if explanation in ("first", "tied") else [part.strip() for part in explanation.split("+")]
    rest = [claim for claim in named if claim not in ledger.left_out]
    if named and not rest and not corrected.explanations:
        return ()
    return corrected.set_aside("+".join(rest) or explanation)


def _register(parameters: Parameters, problems: Problems) -> Register | None:
    """The register that the parameters name, read once as long as it does not change."""
    if not parameters.register:
        return None
    path = resolve_folder(parameters.register)
    if not path.exists():
        near = nearest(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else ""
        problems.append(Problem("missing_file", path.name, expected="xlsx, xls, ods, csv, parquet", nearest=near))
        return None
    try:
        return _loaded(path, resolve_folder(parameters.data_dir), parameters.register_numbers, hash_of(path))
    except BadInput as error:
        problems += error.problems
        return None


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, folder: Path, number_format: str, sha256: str) -> Register:
    return load_register(path, folder, number_format=number_format)


@remembered
def _aggregated(register: Register, scope: Scope) -> dict[Quantity, Bounded]:
    return aggregate(register, scope)


@remembered
def _led_by_rows(register: Register, estimates: Estimates, scope: Scope) -> Estimates:
    return estimates.led_by(_aggregated(register, scope))


def _scope(parameters: Parameters, examined: Audit, register: Register) -> Scope:
    return _scope_of(register, examined, (parameters.baseline_period, parameters.current_period), parameters.centre, parameters.count_unit)


@remembered
def _scope_of(register: Register, examined: Audit, compared: tuple[Period, ...], centre: str, count_unit: str) -> Scope:
    """The periods compared, their single years, and every quantity that a claim speaks of."""
    asked = {q for claim in examined.published.claims for q in (claim.quantity, claim.reference, claim.whole) if q is not None}
    return Scope(centre, tuple(dict.fromkeys([*compared, *years_in(register, compared)])), tuple(sorted(asked)), count_unit)


@remembered
def _estimates(examined: Audit, corrected: Audit, confirmed: tuple[str, ...], set_aside: tuple[str, ...]) -> Estimates:
    return with_corrections(corrected, set_aside, examined, confirmed) if confirmed else estimate(examined, set_aside)


def _chosen_sources(parameters: Parameters, published: Published, problems: Problems) -> tuple[str, ...]:
    """Ids of the sources to use, the newest first."""
    if parameters.sources == ALL:
        return tuple(published.sources)
    given = [part.strip() for part in parameters.sources.split(",") if part.strip()]
    valid = (ALL, *published.sources)
    unknown = [source for source in given if source not in published.sources]
    if unknown or not given:
        problems += [
            Problem("unknown_value", "parameters", None, "sources", source, ", ".join(valid), nearest(source, valid))
            for source in unknown or [parameters.sources]
        ]
    return tuple(source for source in published.sources if source in given)


def _unknown_claims(parameters: Parameters, published: Published) -> list[Problem]:
    """Claims named by `explanation` must exist; whether they explain anything only the audit can say."""
    ids = [claim.claim_id for claim in published.claims]
    given = [] if parameters.explanation in ("first", "tied") else [part.strip() for part in parameters.explanation.split("+")]
    valid = ", ".join(["first", "tied", *ids[:1], "…"])
    return [
        Problem("unknown_value", "parameters", None, "explanation", claim, valid, nearest(claim, ["first", "tied", *ids]))
        for claim in given
        if claim not in ids
    ]


def _nothing_reported(parameters: Parameters, published: Published) -> list[Problem]:
    """The evaluated period must be spoken of; a baseline without figures only leaves comparisons out."""
    periods = sorted({claim.quantity.period for claim in published.claims} | {c.reference.period for c in published.claims if c.reference})
    if parameters.current_period in periods:
        return []
    known = [str(period) for period in periods]
    return [
        Problem(
            "nothing_reported", "parameters", None, "period", parameters.period, ", ".join(known), nearest(parameters.period, known)
        )
    ]
