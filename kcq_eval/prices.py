"""Price indices for real growth, from `data/reference/price_index.csv`."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.datafiles import read_table
from kcq_eval.errors import Problems
from kcq_eval.parameters import Period

_OTHERS = (
    "cpi_change_pct_wb", "cpi_change_pct_gso_press", "gdp_deflator_change_pct_wb_2025_07", "gdp_deflator_change_pct_wb_later",
    "vnd_per_usd_avg", "vnd_per_usd_status", "vnd_per_usd_source",
)  # fmt: skip
_COLUMNS = {"cpi": "cpi_index_2015_100", "gdp_deflator": "gdp_deflator_index_2015_100"}


@dataclass(frozen=True)
class PriceIndex:
    """A yearly price index, 2015 = 100, as exact decimals."""

    basis: str
    by_year: dict[int, Fraction]

    def mean(self, period: Period) -> Fraction | None:
        """Mean of the period's years, each weighing the same; None where a year is missing."""
        if not all(year in self.by_year for year in period.years):
            return None
        return sum(self.by_year[year] for year in period.years) / len(period.years)

    def mean_of_money(self, amounts: Mapping[int, tuple[Fraction, Fraction, Fraction]]) -> tuple[Fraction, Fraction, Fraction] | None:
        """What money spent over some years is divided by so that each year's amount is deflated by its own year's index, with exact bounds.

        It is the harmonic mean of the index weighted by the amounts, sum(a) / sum(a / index).

        Args:
            amounts: By year (value, lower, upper), not negative and not all zero.

        Returns:
            (value, lower, upper); None where the index of a year with money is missing.
        """
        spent = {year: amount for year, amount in amounts.items() if amount[2]}
        if not all(year in self.by_year for year in spent):
            return None
        years = sorted(spent, key=lambda year: (self.by_year[year], year))  # the mean is least with most money in the cheapest years
        means = []
        for dearer in range(len(years) + 1):
            for cheap, dear in ((1, 2), (2, 1)):
                ends = {year: spent[year][cheap if place < dearer else dear] for place, year in enumerate(years)}
                means += [self._mean(ends)] if any(ends.values()) else [self.by_year[year] for year in years]
        return self._mean({year: amount[0] for year, amount in spent.items()}), min(means), max(means)

    def _mean(self, amounts: Mapping[int, Fraction]) -> Fraction:
        return sum(amounts.values()) / sum(amount / self.by_year[year] for year, amount in amounts.items())


@functools.lru_cache(maxsize=4)
def load_price_indices(folder: Path) -> dict[str, PriceIndex]:
    """Raises BadInput: the table is missing, or cells are no positive plain decimals; all of them at once."""
    problems = Problems()
    found: dict[str, dict[int, Fraction]] = {basis: {} for basis in _COLUMNS}
    for row in read_table(folder / "reference" / "price_index.csv", ("year", *_COLUMNS.values()), optional=_OTHERS, problems=problems):
        if not re.fullmatch("[0-9]{4}", row["year"]):
            problems.append(row.problem("bad_form", "year", expected="YYYY"))
            continue
        for basis, column in _COLUMNS.items():
            if row[column] and (not re.fullmatch(r"[0-9]+(\.[0-9]+)?", row[column]) or not Fraction(row[column])):
                problems.append(row.problem("bad_form", column, expected="113.121"))
            elif row[column]:
                found[basis][int(row["year"])] = Fraction(row[column])
    problems.stop()
    return {basis: PriceIndex(basis, by_year) for basis, by_year in found.items()}
