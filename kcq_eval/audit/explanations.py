"""Verdicts on the published figures, and the smallest sets of claims that explain why they cannot all be true."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.audit.constraints import Linear, System, build_system, number_between
from kcq_eval.audit.mechanisms import Explained, Fit, Judge
from kcq_eval.audit.solver import Answer, Component, Undecided, components, holds, minimal_sets, shrink
from kcq_eval.claims import AnyQuantity, Claim, Published, Quantity, load_published
from kcq_eval.errors import BadInput, Problem, nearest
from kcq_eval.printed import Interval

CONSISTENT, CONTRADICTED, UNDECIDED = "consistent", "contradicted", "undecided"
UNIQUE, TIED, NOT_IDENTIFIABLE = "unique", "tied", "not_identifiable"
LEAD = 10  # times the next one's weight, from which on a mechanism tells tied explanations apart
_MOST_ALTERNATIVES = 12  # larger ways out of one part on which mechanisms are tried
_MOST_JUDGED = 60  # smallest ways out of one part on which mechanisms are tried
_LARGEST_PRODUCT = 1_000  # explanations listed when several independent parts are each in conflict


@dataclass(frozen=True, eq=False)
class Audit:
    """What the claims of some documents say about each other.

    Attributes:
        published: The documents and claims that were asked about.
        conflicts: Every minimal set of claims that cannot all be true, as sorted ids.
        explanations: Every minimal set of claims without which the rest can all be true: fewest claims first, then those least
            trusted, then those that a mechanism explains most specifically, then by the order of documents and claim
            numbers. With no conflict there is none; a part in which claims known to be right contradict each other has no way
            out, and explanations are of the other parts.
        undecided: Claims of the parts that the solver could not decide.
        ranked: For each independent part in conflict, its smallest correction sets with the mechanisms that would explain
            them, in the same order; an explanation takes one of each.
        complete: Whether conflicts and explanations are all there are; where they are too many, only some are listed.
        alternatives: Correction sets with one claim more than the smallest, each of whose claims a mechanism would explain: fewest
            corrections can mislead.
    """

    published: Published
    parts: tuple[Component, ...]
    conflicts: tuple[tuple[str, ...], ...]
    explanations: tuple[tuple[str, ...], ...]
    undecided: frozenset[str]
    ranked: tuple[tuple[Explained, ...], ...] = ()
    complete: bool = True
    alternatives: tuple[Explained, ...] = ()

    @property
    def smallest(self) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """For each independent part in conflict, its smallest correction sets."""
        return tuple(tuple(explained.claims for explained in ways_out) for ways_out in self.ranked)

    @property
    def verdict(self) -> str:
        if self.conflicts:
            return CONTRADICTED
        return UNDECIDED if self.undecided else CONSISTENT

    @property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """The explanations with the fewest claims; more than one means that counting alone cannot tell them apart."""
        return tuple(e for e in self.explanations if len(e) == len(self.explanations[0]))

    def located(self, ways_out: Sequence[Explained]) -> str:
        """How far counting corrections and trust name the figure, for one part in conflict.

        `unique`: one smallest correction set is trusted least; `not_identifiable`: every claim of every conflict could be the one;
        `tied`: anything between.
        """
        least = [way for way in ways_out if way.trust == ways_out[0].trust]
        if len(least) == 1:
            return UNIQUE
        about = {claim for way in ways_out for claim in way.claims}
        concerned = {claim for conflict in self.conflicts if not about.isdisjoint(conflict) for claim in conflict}
        return NOT_IDENTIFIABLE if {claim for way in least for claim in way.claims} == concerned else TIED

    def leads(self, ways_out: Sequence[Explained]) -> bool:
        """Whether a mechanism alone tells the first of several tied ways from the next."""
        if self.located(ways_out) == UNIQUE or not ways_out[0].mechanisms:
            return False
        return ways_out[0].weight >= LEAD * ways_out[1].weight

    def mechanisms(self, explanation: Iterable[str]) -> tuple[Fit, ...]:
        """The mechanisms that would explain the claims of an explanation, part after part."""
        claims = set(explanation)
        return tuple(fit for ways_out in self.ranked for way in ways_out if claims.issuperset(way.claims) for fit in way.mechanisms)

    def left_out(self, accepted: Iterable[str]) -> tuple[str, ...]:
        """Claims without which those printed can all be true: those accepted where they are enough, else the first explanation."""
        accepted = tuple(accepted)
        enough = not self.explanations or any(set(explanation) <= set(accepted) for explanation in self.explanations)
        return accepted if enough else self.explanations[0]

    @property
    def tied_count(self) -> int:
        """How many explanations are tied, listed or not."""
        return math.prod(len(ways_out) for ways_out in self.smallest) if self.smallest else 0

    @functools.cached_property
    def suspects(self) -> tuple[str, ...]:
        """Claims of the smallest explanations."""
        return tuple(sorted({claim for ways_out in self.smallest for way in ways_out for claim in way}, key=self._order))

    def depends(self, set_aside: Iterable[str]) -> frozenset[Quantity]:
        """Quantities that would have other bounds if another of the tied explanations were set aside."""
        left_out, found = frozenset(set_aside), set()
        for ways_out in self.smallest:
            part = next(part for part in self.parts if ways_out[0][0] in part.claims)
            chosen = left_out & set(part.claims)
            for way in map(frozenset, ways_out):
                found |= {quantity for quantity in part.quantities if self.extent(part, quantity, way) != self.extent(part, quantity, chosen)}
        return frozenset(found)

    def claim_verdict(self, claim: Claim) -> str:
        """`not_checked` (words only), `undecided`, `suspect` (in a smallest explanation), `in_conflict` or `consistent`."""
        if claim.printed is None and claim.ratio is None and not claim.items:
            return "not_checked"
        if claim.claim_id in self.undecided:
            return UNDECIDED
        if claim.claim_id in self.suspects:
            return "suspect"
        return "in_conflict" if any(claim.claim_id in conflict for conflict in self.conflicts) else CONSISTENT

    def set_aside(self, choice: str) -> tuple[str, ...]:
        """The claims that an `explanation` parameter leaves out of the estimates.

        Raises:
            BadInput: An unknown claim, or claims without which a conflict remains.
        """
        if choice == "first":
            return self.explanations[0] if self.explanations else ()
        if choice == "tied":
            return self.suspects
        ids = [claim.claim_id for claim in self.published.claims]
        chosen = tuple(dict.fromkeys(part.strip() for part in choice.split("+")))
        listed = ["first", "tied", *("+".join(explanation) for explanation in self.explanations)]
        unknown = [c for c in chosen if c not in ids]
        if unknown:
            raise BadInput(
                Problem("unknown_value", "parameters", None, "explanation", c, ", ".join(listed), nearest(c, [*ids, *listed])) for c in unknown
            )
        if self.explanations and not any(set(explanation) <= set(chosen) for explanation in self.explanations):
            raise BadInput([Problem("conflict_remains", "parameters", None, "explanation", choice, ", ".join(listed))])
        return tuple(sorted(chosen, key=self._order))

    def extents(self, set_aside: Iterable[str]) -> dict[Quantity, tuple[Fraction, Fraction | None] | None]:
        """Smallest and largest value of every quantity, in base units, without some claims; None where undecided."""
        left_out = frozenset(set_aside)
        return {quantity: self.extent(part, quantity, left_out & set(part.claims)) for part in self.parts for quantity in part.quantities}

    def reasons(self, quantity: Quantity, set_aside: Iterable[str]) -> tuple[str, ...]:
        """A minimal set of claims that forces a quantity's bounds, a claim that states it outright before others."""
        part = self._part_of[quantity]
        left_out = frozenset(set_aside) & set(part.claims)
        extent = self.extent(part, quantity, left_out)
        if extent is None:
            return ()
        lower, upper = extent
        outright = {claim for claim in part.claims if part.states(claim, quantity)}
        claims = sorted(set(part.claims) - left_out, key=lambda c: (c not in outright, self._order(c)))
        outside = outside_of(quantity, lower, upper)
        if not outside:
            return ()

        def forced_by(kept: list[str]) -> bool:
            return all(part.feasible(kept, [end]) is Answer.NO for end in outside)

        alone = next(([claim] for claim in claims if claim in outright and forced_by([claim])), None)
        return tuple(sorted(alone or shrink(claims, forced_by), key=self._order))

    def required(self, claim: Claim) -> Interval | None:
        """Where the claim's number would have to lie for everything else to stand; None if another claim must go too."""
        if (claim.claim_id,) not in self.explanations or claim.printed is None:
            return None
        return self.implied(claim, [c for part in self.parts for c in part.claims if c != claim.claim_id])

    def implied(self, claim: Claim, others: Iterable[str]) -> Interval | None:
        """Where other claims, with the rules, force the claim's number to lie; None where undecided or unbounded both ways.

        In the base unit of the printed number (percent as 0 to 100). A share, growth or difference follows from the extents of
        its two quantities, so the interval may be wider than the truth, never narrower.
        """
        part, others = self._part_of[claim.quantity], set(others)
        left_out = frozenset(part.claims) - others
        return number_between(claim, lambda quantity: self.extent(part, quantity, left_out))

    def extent(self, part: Component, quantity: AnyQuantity, set_aside: Iterable[str]) -> tuple[Fraction, Fraction | None] | None:
        """Smallest and largest value of a quantity of a part without some claims; None where undecided."""
        question = (quantity, frozenset(set_aside))
        if question not in self._extents:
            try:
                self._extents[question] = part.extent(quantity, [claim for claim in part.claims if claim not in question[1]])
            except Undecided:
                self._extents[question] = None
        return self._extents[question]

    def extent_of(self, quantity: AnyQuantity, set_aside: Iterable[str]) -> tuple[Fraction, Fraction | None] | None:
        """The same for any quantity; None where it is undecided or no claim and no rule speaks of it."""
        part = self._part_of.get(quantity)
        return None if part is None else self.extent(part, quantity, set_aside)

    @functools.cached_property
    def _extents(self) -> dict:
        return {}

    @functools.cached_property
    def _part_of(self) -> dict[AnyQuantity, Component]:
        return {quantity: part for part in self.parts for quantity in part.quantities}

    def _order(self, claim_id: str) -> int:
        return self.published.position(claim_id)


def outside_of(quantity: AnyQuantity, lower: Fraction, upper: Fraction | None) -> list[Linear]:
    """What would put a quantity beyond either end; bounds in base units are forced where neither can be."""
    beyond = [Interval(None, lower, upper_open=True)] if lower > 0 else []
    beyond += [Interval(upper, None, lower_open=True)] if upper is not None else []
    return [Linear(((quantity, Fraction(1)),), interval) for interval in beyond]


@functools.lru_cache(maxsize=4)
def audit(folder: Path, source_ids: tuple[str, ...]) -> Audit:
    """The audit of some documents of a data folder, solved once for a process."""
    return audit_claims(load_published(folder).of(source_ids))


def audit_claims(published: Published) -> Audit:
    """Decide whether all claims can be true together; if not, list every minimal conflict and correction set."""
    return audit_system(build_system(published), published)


def audit_system(system: System, published: Published) -> Audit:
    order = {claim.name: (i,) for i, claim in enumerate(system.claims)}
    parts, undecided, conflicts, corrections, complete = components(system), set(), [], [], True
    for part in parts:
        try:
            if not holds(part, part.claims):
                found, ways_out, all_found = minimal_sets(part)
                conflicts += found
                complete &= all_found
                if ways_out:  # none where claims that are known to be right contradict each other
                    corrections.append(sorted((_sorted(way, order) for way in ways_out), key=_rank(order)))
        except Undecided:
            undecided |= set(part.claims)
    judge = Judge(published, parts) if corrections else None
    ranked = _ranked(corrections, judge, order) if corrections else ()
    explanations = _combined(corrections, ranked, published) if corrections else []
    complete &= len(explanations) == math.prod(map(len, corrections)) or not corrections
    return Audit(
        published,
        tuple(parts),
        tuple(sorted((_sorted(conflict, order) for conflict in conflicts), key=_rank(order))),
        tuple(explanations),
        frozenset(undecided),
        ranked,
        complete,
        _alternatives(corrections, judge) if corrections else (),
    )


def _alternatives(corrections: list[list[tuple[str, ...]]], judge: Judge) -> tuple[Explained, ...]:
    found = []
    for ways_out in corrections:
        larger = [way for way in ways_out if len(way) == len(ways_out[0]) + 1]
        for explained in map(judge.explained, larger[:_MOST_ALTERNATIVES]):
            told = {claim for fit in explained.mechanisms for claim in fit.claims}
            if told == set(explained.claims):
                found.append(explained)
    return tuple(sorted(found, key=lambda explained: -explained.weight))


def _ranked(corrections: list[list[tuple[str, ...]]], judge: Judge, order: dict) -> tuple[tuple[Explained, ...], ...]:
    """The smallest ways out of every part: the least trusted first, then those that a mechanism explains best."""
    found = []
    for ways_out in corrections:
        smallest = [way for way in ways_out if len(way) == len(ways_out[0])]
        explained = [judge.explained(way, try_mechanisms=i < _MOST_JUDGED) for i, way in enumerate(smallest)]
        found.append(tuple(sorted(explained, key=lambda way: (way.trust, -way.weight, [order[claim] for claim in way.claims]))))
    return tuple(found)


def _combined(corrections: list[list[tuple[str, ...]]], ranked: tuple[tuple[Explained, ...], ...], published: Published) -> list[tuple[str, ...]]:
    """One way out of every part in conflict; only the smallest ones where all would be too many to read."""
    weights = {way.claims: way.weight for ways_out in ranked for way in ways_out}
    count = math.prod(map(len, corrections))
    if count > _LARGEST_PRODUCT:
        corrections = [[way.claims for way in ways_out] for ways_out in ranked]
    else:
        corrections = [[way.claims for way in ways_out] + rest[len(ways_out) :] for ways_out, rest in zip(ranked, corrections)]

    def key(ways: tuple[tuple[str, ...], ...]) -> tuple:
        claims = sorted((claim for way in ways for claim in way), key=published.position)
        trust = sum(published.claim(claim).trust or 0 for claim in claims)
        return len(claims), trust, -math.prod(weights.get(way, 0) for way in ways), [*map(published.position, claims)]

    combinations = sorted(itertools.islice(itertools.product(*corrections), _LARGEST_PRODUCT), key=key)
    return [tuple(sorted(set().union(*ways), key=published.position)) for ways in combinations]


def _sorted(claims: Iterable[str], order: dict) -> tuple[str, ...]:
    return tuple(sorted(claims, key=order.__getitem__))


def _rank(order: dict):
    return lambda claims: (len(claims), [order[claim] for claim in claims])
