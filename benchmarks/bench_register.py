"""What a register of 10^5, 10^6 and 10^7 rows costs: reading, checking and aggregating, against plain pandas and bare DuckDB.

    python benchmarks/bench_register.py [--rows 100000 1000000 10000000] [--repeat 3] [--xlsx]

Every measurement is a process of its own, and the three ways alternate; medians are told, and the peak of memory. Plain pandas and bare
DuckDB only read the columns needed and aggregate (sums and counts by year, kind, support type, sector, province, and different
facilities by kind and period): they check nothing, understand codes only, and are what the register's way is compared with.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
SUPPORTS = ["demonstration_model", "advanced_machinery", "consultancy", "showroom", "conference"]
SECTORS = ["mechanical_engineering", "textile_garment", "agro_processing", "wood_bamboo"]
WAYS = ("register", "pandas", "duckdb")


def write(path: Path, rows: int) -> None:
    """Invented rows: 60 facilities for every 100 supports, 28 provinces by name, amounts in tenths of a million VND."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sys.path.insert(0, str(ROOT))
    from kcq_eval.vocabulary import load_vocabulary

    vocabulary = load_vocabulary(ROOT / "data")
    provinces = [vocabulary.provinces[code].name_vi for code in vocabulary.served("ipc1")]
    draw = np.random.default_rng(7)
    writer = None
    for first in range(0, rows, 1 << 20):
        count = min(1 << 20, rows - first)
        support = draw.choice(5, count, p=[0.05, 0.8, 0.05, 0.08, 0.02])
        facility = draw.integers(0, max(1, rows * 6 // 10), count)
        names = np.char.add("Cơ sở ", facility.astype(str)).astype(object)
        names[support == 4] = ""
        columns = {
            "year": draw.integers(2018, 2024, count).astype(np.int16), "scheme_id": pd.Categorical.from_codes(draw.integers(0, 500, count), [f"DEMO-{n}" for n in range(500)]),
            "scheme_kind": pd.Categorical.from_codes(draw.integers(0, 2, count), ["focal", "standalone"]), "centre": pd.Categorical(["ipc1"] * count),
            "sector": pd.Categorical.from_codes(draw.integers(0, 4, count), SECTORS), "province": pd.Categorical.from_codes(facility % 28, provinces),
            "facility": names, "support_type": pd.Categorical.from_codes(support, SUPPORTS), "state_funding": draw.integers(0, 3000, count) / 10,
            "counterpart_funding": draw.integers(0, 20000, count) / 10, "status": pd.Categorical.from_codes(draw.choice(2, count, p=[0.95, 0.05]), ["accepted", "cancelled"]),
        }  # fmt: skip
        columns["tax_code"] = tax_codes(facility)
        table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table.cast(writer.schema))
    writer.close()


def tax_codes(numbers: np.ndarray) -> np.ndarray:
    """Ten digits with the check digit of the tax office; numbers whose digit would be ten are moved on."""
    weights = np.array([31, 29, 23, 19, 17, 13, 7, 5, 3])
    fronts = numbers.astype(np.int64) * 10  # room to move on
    for _ in range(3):
        digits = (fronts[:, None] // 10 ** np.arange(8, -1, -1)) % 10
        check = 10 - (digits * weights).sum(axis=1) % 11
        fronts += check == 10
    return np.char.zfill((fronts * 10 + check).astype(str), 10).astype(object)


def register(path: Path) -> dict[str, float]:
    import pandera.pandas  # noqa: F401, E401, I001

    from kcq_eval.errors import Problems
    from kcq_eval.parameters import Period
    from kcq_eval.register.aggregation import Scope, aggregate
    from kcq_eval.register.columns import load_words
    from kcq_eval.register.register import load_register
    from kcq_eval.register.rows import read_rows
    from kcq_eval.vocabulary import load_vocabulary

    folder = ROOT / "data"
    vocabulary = load_vocabulary(folder)
    words = load_words(folder, vocabulary)
    started = time.perf_counter()
    if "--reading" in sys.argv:
        for _ in read_rows(path, words, Problems()):
            pass
        return {"reading": time.perf_counter() - started}
    loaded = load_register(path, folder)
    checked = time.perf_counter()
    years = tuple(Period(year, year) for year in range(2018, 2024))
    found = aggregate(loaded, Scope("ipc1", (Period(2018, 2020), Period(2021, 2023), *years)))
    done = time.perf_counter()
    assert len(found) > 1000
    return {"reading and checking": checked - started, "aggregating": done - checked, "all": done - started}


PERIODS = "CASE WHEN year BETWEEN 2018 AND 2020 THEN 'before' ELSE 'now' END"


def duckdb_bare(path: Path) -> dict[str, float]:
    import duckdb

    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute("SET threads TO 2")
        where = f"FROM read_parquet('{path}') WHERE status = 'accepted'"
        cube = connection.execute(
            f"SELECT year, scheme_kind, support_type, sector, province, sum(state_funding), sum(counterpart_funding), count(*) {where} GROUP BY ALL"
        ).df()
        facilities = connection.execute(
            f"SELECT {PERIODS} AS period, scheme_kind, count(DISTINCT tax_code) {where} AND support_type <> 'conference' GROUP BY ALL"
        ).df()
    assert len(cube) > 100 and len(facilities) == 4
    return {"all": time.perf_counter() - started}


def pandas_plain(path: Path) -> dict[str, float]:
    columns = ["year", "scheme_kind", "support_type", "sector", "province", "state_funding", "counterpart_funding", "status", "tax_code"]
    started = time.perf_counter()
    frame = pd.read_parquet(path, columns=columns)
    frame = frame[frame["status"] == "accepted"]
    frame.groupby(["year", "scheme_kind", "support_type", "sector", "province"], observed=True).agg({"state_funding": "sum", "counterpart_funding": "sum", "status": "size"})
    supported = frame[frame["support_type"] != "conference"]
    supported.groupby([supported["year"] > 2020, "scheme_kind"], observed=True)["tax_code"].nunique()
    return {"all": time.perf_counter() - started}


def one(way: str, path: Path, *options: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, "--one", way, str(path), *options], capture_output=True, text=True, cwd=ROOT, env=_environment())
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def peak_mb() -> float:
    """Of this process alone; getrusage would count the process that started it (Linux)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main() -> None:
    if "--one" in sys.argv:
        way, path = sys.argv[2:4]
        found = {"register": register, "pandas": pandas_plain, "duckdb": duckdb_bare}[way](Path(path))
        print(json.dumps(found | {"peak MB": peak_mb()}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[10**5, 10**6, 10**7])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--xlsx", action="store_true", help="also 10^5 rows in a workbook")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            path = Path(folder) / f"{rows}.parquet"
            write(path, rows)
            if given.xlsx and rows <= 10**5:
                pd.read_parquet(path).to_excel(Path(folder) / "a.xlsx", index=False)
                report(rows, "register, .xlsx", [one("register", Path(folder) / "a.xlsx") for _ in range(given.repeat)])
            runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(given.repeat):
                for way in WAYS:
                    runs[way].append(one(way, path))
            report(rows, "register, reading alone", [one("register", path, "--reading") for _ in range(given.repeat)])
            for way in WAYS:
                report(rows, way, runs[way])


def report(rows: int, way: str, runs: list[dict[str, float]]) -> None:
    told = "  ".join(f"{name} {statistics.median(run[name] for run in runs):.2f}" for name in runs[0])
    print(f"{rows:>10,}  {way:<24}  {told}", flush=True)


if __name__ == "__main__":
    main()
