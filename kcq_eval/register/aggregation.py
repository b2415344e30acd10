"""From rows to estimates: the register's rows summed and counted once, as the same quantities that claims speak of.

DuckDB does it, so that a register of ten million rows, or one kept as a folder of Parquet parts, goes the same way.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import duckdb
import numpy as np
import pandas as pd

from kcq_eval.claims import Quantity
from kcq_eval.estimates import REGISTER, Bounded
from kcq_eval.parameters import Period
from kcq_eval.register.columns import DONE, STATUSES
from kcq_eval.register.register import MILLION, Register
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
        found: dict[Quantity, Bounded] = {}
        for period in self._scope.periods:
            if self._register.has(period):
                found |= self._broken_down(period)
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

    def _broken_down(self, period: Period) -> dict[Quantity, Bounded]:
        """All measures of a period, by scheme kind and by each other dimension."""
        found: dict[Quantity, Bounded] = {}
        sums = [f"sum({measure})::VARCHAR AS {measure}" for measure in (*SUMS, "supports")]
        for dimension in _BREAKDOWNS:
            column = _COLUMN[dimension]
            tables = {"sums": ", ".join(sums), f"schemes_{column}": "count(DISTINCT scheme) AS schemes"}
            if self._scope.count_unit == FACILITY:
                tables[f"facilities_{column}"] = "count(DISTINCT facility) AS facilities"
            for table, measured in tables.items():
                rows = self._query(
                    f"SELECT kind, {column} AS code, {measured} FROM {table} WHERE year BETWEEN {period.start} AND {period.end} "
                    f"GROUP BY GROUPING SETS ((), (kind), ({column}), (kind, {column}))"
                )
                for row in rows.to_dict("records"):
                    kind, code = (
                        ALL if pd.isna(row.pop(name)) else self._codes[of][int(place)]
                        for name, of, place in (("kind", "scheme_kind", row["kind"]), ("code", dimension, row["code"]))
                    )
                    for measure, value in row.items():
                        amount = Fraction(0 if pd.isna(value) else int(value), MILLION if measure in SUMS else 1)
                        found[Quantity(measure, period, self._scope.centre, kind, **{dimension: code})] = self._point(amount)
        if self._scope.count_unit == SUPPORT:
            found |= {replace(quantity, measure="facilities"): value for quantity, value in found.items() if quantity.measure == "supports"}
        for measure in (*SUMS, "facilities", "supports", "schemes"):  # what has no row is nothing, not unknown
            for dimension in ("support_type", "sector"):
                for kind in (ALL, *self._vocabulary.scheme_kinds):
                    for code in (ALL, *self._codes[dimension]):
                        found.setdefault(Quantity(measure, period, self._scope.centre, kind, **{dimension: code}), self._point(0))
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

    def _one(self, quantity: Quantity) -> Fraction | int | None:
        """A single quantity that a claim speaks of, unions of codes included."""
        where = [self._where(quantity.period)]
        for dimension in DIMENSIONS:
            asked = getattr(quantity, dimension)
            if asked != ALL:
                places = [str(place) for place, code in enumerate(self._codes[dimension]) if set(code.split("+")) <= set(asked.split("+"))]
                where.append(f"{_COLUMN[dimension]} IN ({', '.join(places) or '-1'})")
        row = self._query(f"SELECT {self._measures()} FROM facts WHERE {' AND '.join(where)}").iloc[0]
        if quantity.measure in SUMS:
            return Fraction(int(row[quantity.measure]) if not pd.isna(row[quantity.measure]) else 0, MILLION)
        if quantity.measure in ("facilities", "supports", "schemes"):
            return int(row[quantity.measure])
        if quantity.measure in LISTS:
            column = _COLUMN[LISTS[quantity.measure]]
            only = "" if quantity.measure == "support_types_used" else " AND facility >= 0"
            return int(self._query(f"SELECT count(DISTINCT {column}) AS n FROM facts WHERE {' AND '.join(where)}{only}").iloc[0]["n"])
        return None

    def _measures(self) -> str:
        facilities = "count(DISTINCT facility) FILTER (facility >= 0)" if self._scope.count_unit == FACILITY else "count(*) FILTER (facility >= 0)"
        sums = ", ".join(f"sum(({expression})::HUGEINT)::VARCHAR AS {measure}" for measure, expression in SUMS.items())
        return f"{sums}, {facilities} AS facilities, count(*) FILTER (facility >= 0) AS supports, count(DISTINCT scheme) AS schemes"

    def _where(self, period: Period | None = None) -> str:
        centre = self._vocabulary.centres.index(self._scope.centre)
        of_period = f" AND year BETWEEN {period.start} AND {period.end}" if period else ""
        return f"status = {STATUSES.index(DONE)} AND centre = {centre}{of_period}"

    def _query(self, sql: str) -> pd.DataFrame:
        return self._connection.execute(sql).df()

    def _point(self, value: int | Fraction) -> Bounded:
        exact = Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)
        return Bounded(exact, exact, exact, self._source, basis=REGISTER)


@functools.lru_cache(maxsize=256)
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
