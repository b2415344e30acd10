"""Shared ground: the published account, and small programmes told in a few rows of claims."""

import csv
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from kcq_eval import claims, sources
from kcq_eval.claims import Published, load_published

# The tests run side by side and on shared machines: how long one takes says nothing about it.
settings.register_profile("kcq_eval", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kcq_eval")

DATA = Path(__file__).resolve().parent.parent / "data"
A_CLAIM = {
    "locator": "p. 1", "relation": "value", "measure": "facilities", "period": "2021-2023", "centre": "ipc1", "scheme_kind": "focal",
    "support_type": "all", "sector": "all", "province": "all",
}  # fmt: skip
A_SOURCE = {
    "title_vi": "Báo cáo", "title_en": "Report", "publisher": "IPC1", "published": "2024-01-31", "language": "vi", "number_format": "vi",
    "licence": "figures only",
}  # fmt: skip


@pytest.fixture(scope="session")
def published_folder() -> Path:
    """The data folder that ships with the project."""
    return DATA


@pytest.fixture(scope="session")
def published(published_folder) -> Published:
    """Every document and claim that ships with the project."""
    return load_published(published_folder)


@pytest.fixture
def published_copy(tmp_path) -> Path:
    """The published data in a folder of its own, to be changed."""
    return copy_data(tmp_path / "data")


@pytest.fixture
def small_programme(tmp_path) -> Callable[..., Path]:
    """Makes a data folder from rows of claims: `small_programme({"printed": "145", "unit": "count"}, …)`.

    A row says only what differs from `A_CLAIM`; ids are 1, 2, … where none is given. Another document is added by calling
    it again with another `source_id`; other arguments are columns of the catalogue.
    """

    def make(*rows: dict[str, str], source_id: str = "report-2024", **source: str) -> Path:
        folder = tmp_path / "data"
        if not folder.exists():
            copy_data(folder, with_claims=False)
            write_rows(folder / "sources.csv", sources.COLUMNS, [])
        catalogue = read_rows(folder / "sources.csv")
        write_rows(folder / "sources.csv", sources.COLUMNS, [*catalogue, {"source_id": source_id, **A_SOURCE, **source}])
        numbered = [{"claim_id": str(number), **A_CLAIM, **row} for number, row in enumerate(rows, start=1)]
        write_rows(folder / "claims" / f"{source_id}.csv", claims.COLUMNS, numbered)
        return folder

    return make


def copy_data(folder: Path, *, with_claims: bool = True) -> Path:
    """A copy of the published data without the maps; without claims, there is no ledger of them either."""
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("*.geojson", *([] if with_claims else ["claims", "corrections.yaml"])))
    (folder / "claims").mkdir(exist_ok=True)
    return folder


def read_rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[dict[str, str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
