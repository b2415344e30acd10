"""From rows to estimates: the register's rows summed and counted once, as the same quantities that claims speak of.

DuckDB does it, so that a register of ten million rows, or one kept as a folder of Parquet parts, goes the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import duckdb

from kcq_eval.claims import Quantity
from kcq_eval.estimates import REGISTER, Bounded
from kcq_eval.parameters import Period
from kcq_eval.register.columns import DONE, STATUSES
from kcq_eval.register.register import MILLION, Register
from kcq_eval.remembered import remembered
from kcq_eval.vocabulary import ALL, DIMENSIONS, Vocabulary

FACILITY, SUPPORT = "facility", "support"  # what `count_unit` counts: a facility once per period, or once per support
SUMS = {"funding": "state + counterpart", "state_funding": "state", "counterpart_funding": "counterpart"}
LISTS = {"support_types_used": "support_type", "provinces_covered": "province", "sectors_covered": "sector"}
_COLUMN = {"scheme_kind": "kind", "support_type": "support", "sector": "sector", "province": "province"}
_BREAKDOWNS = ("support_type", "sector", "province")  # each alone and within a scheme kind; more would be rows again


@dataclass(frozen=True)
class Scope:
    """What is aggregated for: a centre, the periods in which everything is broken down, and other quantities that are asked for."""

    centre: str
    periods: tuple[Period, ...]
    asked: tuple[Quantity, ...] = ()
    count_unit: str = SUPPORT


def aggregate(register: Register, scope: Scope) -> dict[Quantity, Bounded]:
    """Every quantity of the scope that the register reaches, exact; periods without any of its rows are left out.

    Only accepted rows count. Conferences have funding and a scheme, but no facility, and cover no province and no sector.
    """
    with duckdb.connect() as connection:
        connection.execute("SET threads TO 2")
        connection.register("facts", register.facts)
        return _Aggregation(connection, register, scope).estimates()


class _Aggregation:
    def __init__(self, connection: duckdb.DuckDBPyConnection, register: Register, scope: Scope):
        self._connection, self._register, self._scope = connection, register, scope
        self._vocabulary: Vocabulary = register.vocabulary
        self._source = frozenset({register.source_id})
        self._codes = {
            "scheme_kind": self._vocabulary.scheme_kinds, "support_type": self._vocabulary.support_types, "sector": self._vocabulary.sectors,
            "province": register.provinces,
        }  # fmt: skip

    def estimates(self) -> dict[Quantity, Bounded]:
        self._prepare()
        found = self._broken_down([period for period in self._scope.periods if self._register.has(period)])
        for quantity in self._scope.asked:
            if quantity in found or quantity.centre != self._scope.centre or not self._register.has(quantity.period):
                continue
            value = self._one(quantity)
            if value is not None:
                found[quantity] = self._point(value)
        served = self._point(len(self._vocabulary.served(self._scope.centre)))
        for period in sorted({quantity.period for quantity in found}):
            found[Quantity("provinces_served", period, self._scope.centre)] = served
        return found

    def _prepare(self) -> None:
        """Small tables that every period is read from: sums by all codes, and the different schemes (and facilities) by each of them."""
        sums = ", ".join(f"sum({expression}) AS {measure}" for measure, expression in SUMS.items())
        where = self._where()
        self._connection.execute(
            f"CREATE TEMP TABLE sums AS SELECT year, kind, support, sector, province, {sums}, count(*) FILTER (facility >= 0) AS supports "
            f"FROM facts WHERE {where} GROUP BY ALL"
        )
        for column in (_COLUMN[dimension] for dimension in _BREAKDOWNS):
            self._connection.execute(f"CREATE TEMP TABLE schemes_{column} AS SELECT DISTINCT year, kind, {column}, scheme FROM facts WHERE {where}")
            if self._scope.count_unit == FACILITY:
                self._connection.execute(
                    f"CREATE TEMP TABLE facilities_{column} AS SELECT DISTINCT year, kind, {column}, facility FROM facts WHERE {where} AND facility >= 0"
                )

    def _broken_down(self, periods: list[Period]) -> dict[Quantity, Bounded]:
        """All measures of some periods, by scheme kind and by each other dimension."""
        found: dict[Quantity, Bounded] = {}
        self._connection.execute("CREATE TEMP TABLE periods (period INTEGER, first INTEGER, last INTEGER)")
        if periods:
            self._connection.executemany("INSERT INTO periods VALUES (?, ?, ?)", [(place, p.start, p.end) for place, p in enumerate(periods)])
        kinds = {None: ALL, **dict(enumerate(self._vocabulary.scheme_kinds))}
        for dimension in _BREAKDOWNS:
            column = _COLUMN[dimension]
            tables = {"sums": {measure: f"sum({measure})" for measure in (*SUMS, "supports")}, f"schemes_{column}": {"schemes": "count(DISTINCT scheme)"}}
            if self._scope.count_unit == FACILITY:
                tables[f"facilities_{column}"] = {"facilities": "count(DISTINCT facility)"}
            codes = {None: ALL, **dict(enumerate(self._codes[dimension]))}
            for table, measured in tables.items():
                rows = self._connection.execute(
                    f"SELECT period, kind, {column}, {', '.join(measured.values())} FROM {table} JOIN periods ON year BETWEEN first AND last "
                    f"GROUP BY GROUPING SETS ((period), (period, kind), (period, {column}), (period, kind, {column}))"
                ).fetchall()
                for place, kind, code, *values in rows:
                    for measure, value in zip(measured, values):
                        quantity = Quantity(measure, periods[place], self._scope.centre, kinds[kind], **{dimension: codes[code]})
                        found[quantity] = self._point(Fraction(value or 0, MILLION if measure in SUMS else 1))
        if self._scope.count_unit == SUPPORT:
            found |= {replace(quantity, measure="facilities"): value for quantity, value in found.items() if quantity.measure == "supports"}
        nothing = self._point(0)
        for period in periods:
            for measure in (*SUMS, "facilities", "supports", "schemes"):  # what has no row is nothing, not unknown
                for dimension in ("support_type", "sector"):
                    for kind in (ALL, *self._vocabulary.scheme_kinds):
                        for code in (ALL, *self._codes[dimension]):
                            found.setdefault(Quantity(measure, period, self._scope.centre, kind, **{dimension: code}), nothing)
            found |= dict(self._lists(period, found))
        return found

    def _lists(self, period: Period, found: dict[Quantity, Bounded]) -> Iterator[tuple[Quantity, Bounded]]:
        """The codes that a list measure counts, and how many they are."""
        for measure, dimension in LISTS.items():
            behind = "schemes" if dimension == "support_type" else "supports"
            for kind in (ALL, *self._vocabulary.scheme_kinds):
                listed = 0
                for code in self._codes[dimension]:
                    of_code = found.get(Quantity(behind, period, self._scope.centre, kind, **{dimension: code}))
                    used = of_code is not None and of_code.value > 0
                    if used or code in self._vocabulary.codes(dimension):
                        yield Quantity(measure, period, self._scope.centre, kind, **{dimension: code}), self._point(int(used))
                    listed += used
                yield Quantity(measure, period, self._scope.centre, kind), self._point(listed)

    def _one(self, quantity: Quantity) -> Fraction | None:
        """A single quantity that a claim speaks of, unions of codes included."""
        where = [self._where(quantity.period)]
        for dimension in DIMENSIONS:
            asked = getattr(quantity, dimension)
            if asked != ALL:
                places = [str(place) for place, code in enumerate(self._codes[dimension]) if set(code.split("+")) <= set(asked.split("+"))]
                where.append(f"{_COLUMN[dimension]} IN ({', '.join(places) or '-1'})")
        measured = {measure: f"sum(({expression})::HUGEINT)" for measure, expression in SUMS.items()}
        measured |= {"supports": "count(*) FILTER (facility >= 0)", "schemes": "count(DISTINCT scheme)", "support_types_used": "count(DISTINCT support)"}
        measured |= {measure: f"count(DISTINCT {_COLUMN[LISTS[measure]]}) FILTER (facility >= 0)" for measure in ("provinces_covered", "sectors_covered")}
        by_facility = self._scope.count_unit == FACILITY
        measured["facilities"] = "count(DISTINCT facility) FILTER (facility >= 0)" if by_facility else measured["supports"]
        if quantity.measure not in measured:
            return None
        (value,) = self._connection.execute(f"SELECT {measured[quantity.measure]} FROM facts WHERE {' AND '.join(where)}").fetchone()
        return Fraction(value or 0, MILLION if quantity.measure in SUMS else 1)

    def _where(self, period: Period | None = None) -> str:
        centre = self._vocabulary.centres.index(self._scope.centre)
        of_period = f" AND year BETWEEN {period.start} AND {period.end}" if period else ""
        return f"status = {STATUSES.index(DONE)} AND centre = {centre}{of_period}"

    def _point(self, value: int | Fraction) -> Bounded:
        exact = Fraction(value)
        return Bounded(exact, exact, exact, self._source, basis=REGISTER)


@remembered
def funding_by_facility(register: Register, centre: str, period: Period, scheme_kind: str) -> tuple[int, ...]:
    """All funding of each supported facility in a period, in đồng, ascending; a conference has none."""
    vocabulary = register.vocabulary
    rows = register.done
    rows = rows[(rows["facility"] >= 0) & rows["year"].between(period.start, period.end) & (rows["centre"] == vocabulary.centres.index(centre))]
    if scheme_kind != ALL:
        rows = rows[rows["kind"] == vocabulary.scheme_kinds.index(scheme_kind)]
    sums = (rows["state"] + rows["counterpart"]).groupby(rows["facility"]).sum()
    return tuple(sorted(int(amount) for amount in sums))


def years_in(register: Register, periods: Iterable[Period]) -> list[Period]:
    """The single years of some periods in which the register has accepted rows."""
    years = sorted({year for period in periods for year in period.years})
    return [Period(year, year) for year in years if register.has(Period(year, year))]
