"""Coverage: which of the provinces served were reached, now and before, on the map of one vintage at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from kcq_eval.estimates import Bounded, Estimates
from kcq_eval.numbers import Number, Numbers, computing, report
from kcq_eval.parameters import Parameters, Period
from kcq_eval.vocabulary import VINTAGES, Vocabulary

KEPT, NEW, LEFT, NEVER, REACHED = "kept", "new", "left", "never", "reached"


@dataclass(frozen=True)
class Coverage:
    """Provinces served and reached, as codes of one map vintage ("63" until 30 June 2025, "34" since).

    `before` is None where no list of the baseline is reported: then nothing is new, kept or left, only reached or not.
    """

    vintage: str
    served: frozenset[str]
    now: frozenset[str]
    before: frozenset[str] | None
    names: dict[str, str]

    @property
    def statuses(self) -> tuple[str, ...]:
        return (REACHED, NEVER) if self.before is None else (KEPT, NEW, LEFT, NEVER)

    def status(self, code: str) -> str:
        if self.before is None:
            return REACHED if code in self.now else NEVER
        reached, reached_before = code in self.now, code in self.before
        return {(True, True): KEPT, (True, False): NEW, (False, True): LEFT, (False, False): NEVER}[reached, reached_before]

    def with_status(self, status: str) -> tuple[str, ...]:
        """Codes of the provinces of a status, in Vietnamese order of the codes."""
        return tuple(sorted(code for code in self.served | self.now | (self.before or frozenset()) if self.status(code) == status))


def coverage(estimates: Estimates, parameters: Parameters, vintage: str) -> Coverage | None:
    """The provinces reached on the map of a vintage; None where no list is reported for the period.

    Rows since the merger name a new province, a union of old ones: which of them was reached, the map of 63 cannot say, and gives None.
    """
    scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    vocabulary = estimates.vocabulary
    now = estimates.members("provinces_covered", parameters.current_period, **scope)
    before = estimates.members("provinces_covered", parameters.baseline_period, **scope)
    if now is None or (vintage == "63" and any("+" in code for code in (*now, *(before or ())))):
        return None
    return Coverage(
        vintage,
        on_map(vocabulary.served(parameters.centre), vintage, vocabulary),
        on_map(now, vintage, vocabulary),
        None if before is None else on_map(before, vintage, vocabulary),
        {p.code: p.name_vi for p in vocabulary.provinces.values()}
        if vintage == "63"
        else {p.new_code: p.new_name_vi for p in vocabulary.provinces.values()},
    )


def on_map(codes: Iterable[str], vintage: str, vocabulary: Vocabulary) -> frozenset[str]:
    """Codes of the 63 provinces as codes of a vintage: a new province is reached if any of its old ones was."""
    if vintage == "63":
        return frozenset(codes)
    return frozenset(vocabulary.provinces[old].new_code for code in codes for old in code.split("+"))


@computing
def coverage_numbers(estimates: Estimates, parameters: Parameters) -> Numbers:
    """Coverage under both maps. Numerator and denominator are always of one vintage."""
    return Numbers(number for vintage in VINTAGES for number in _numbers(estimates, parameters, vintage))


def _numbers(estimates: Estimates, parameters: Parameters, vintage: str) -> Iterator[Number]:
    found = coverage(estimates, parameters, vintage)
    if found is None:
        return
    scope = {"centre": parameters.centre, "scheme_kind": parameters.scheme_kind}
    now, before = (_grounds(estimates, period, scope) for period in (parameters.current_period, parameters.baseline_period))

    def count(name: str, codes: Iterable[str], grounds: list[Bounded], **about: str) -> Iterator[Number]:
        counted = Fraction(len(list(codes)))
        bounded = Bounded.resting_on(grounds, counted, counted, counted)
        yield from report(f"coverage.{vintage}.{name}", bounded, "count", 0, f"coverage.{name.split('.')[0]}", vintage=vintage, **about)

    def share(name: str, codes: Iterable[str], grounds: list[Bounded]) -> Iterator[Number]:
        counted = Fraction(100 * len(list(codes)))
        bounded = Bounded.resting_on(grounds, counted, counted, counted) / Bounded.exactly(len(found.served))
        yield from report(f"coverage.{vintage}.share.{name}", bounded, "percent", 1, "coverage.share", vintage=vintage, period=name)

    if not found.served:
        return
    yield from count("served", found.served, [])
    yield from count("current", found.now, now)
    yield from share("current", found.now & found.served, now)
    if found.before is not None:
        yield from count("baseline", found.before, before)
        yield from share("baseline", found.before & found.served, before)
        for status in (KEPT, NEW, LEFT):
            yield from count(status, found.with_status(status), [*now, *before])
        yield from count("never", found.with_status(NEVER), [*now, *before])


def _grounds(estimates: Estimates, period: Period, scope: dict[str, str]) -> list[Bounded]:
    """What the count of a list rests on: the claims behind the count, and all that the list itself depends on."""
    listed = estimates.behind_list("provinces_covered", period, **scope)
    total = estimates.get("provinces_covered", period, **scope)
    return [total, *(replace(bounded, claims=bounded.corrections) for bounded in listed)] if total else []
