"""From parameters to estimates: the documents chosen, their audit, the explanation accepted, the estimates that follow."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from kcq_eval.audit.explanations import Audit, audit
from kcq_eval.claims import Claim, Published, load_published
from kcq_eval.datafiles import resolve_folder
from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.estimates import Estimates, estimate
from kcq_eval.parameters import Parameters
from kcq_eval.prices import PriceIndex, load_price_indices
from kcq_eval.vocabulary import ALL


@dataclass(frozen=True, kw_only=True)
class Audited:
    """Documents, what their claims say about each other, and the claims that an accepted explanation leaves out."""

    published: Published
    audit: Audit
    set_aside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation(Audited):
    """What every chapter of the evaluation starts from."""

    parameters: Parameters
    estimates: Estimates
    prices: dict[str, PriceIndex]

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
    problems += _nothing_reported(parameters, published.of(chosen or published.sources))
    problems += _unknown_claims(parameters, published)
    problems.stop()
    examined = audit(folder, chosen)
    set_aside = examined.set_aside(parameters.explanation)
    return Evaluation(
        published=examined.published, audit=examined, set_aside=set_aside, parameters=parameters,
        estimates=_estimates(examined, set_aside), prices=load_price_indices(folder),
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def _estimates(examined: Audit, set_aside: tuple[str, ...]) -> Estimates:
    return estimate(examined, set_aside)


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
