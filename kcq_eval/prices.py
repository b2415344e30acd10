"""Price indices for real growth, from `data/reference/price_index.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.datafiles import read_csv
from kcq_eval.errors import BadInput, Problem
from kcq_eval.parameters import Period

PRICE_BASES = ("cpi", "gdp_deflator")
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

    def change(self, current: Period, baseline: Period) -> Fraction | None:
        """Mean prices of one period over those of another, as a factor (1.08 means 8 % dearer)."""
        now, before = self.mean(current), self.mean(baseline)
        return None if now is None or before is None else now / before


def load_price_indices(folder: Path) -> dict[str, PriceIndex]:
    """Raises BadInput: the table is missing or a cell is no number."""
    path = folder / "reference" / "price_index.csv"
    try:
        rows = read_csv(path)
        return {
            basis: PriceIndex(basis, {int(r["year"]): Fraction(r[column]) for r in rows if r[column]})
            for basis, column in _COLUMNS.items()
        }
    except OSError:
        raise BadInput([Problem("missing_file", path.name, expected="reference/" + path.name)]) from None
    except (KeyError, ValueError) as error:
        raise BadInput([Problem("not_csv", path.name, found=str(error), expected=", ".join(("year", *_COLUMNS.values())))]) from None
