"""What a register of 10^5, 10^6 and 10^7 rows costs: reading, checking and aggregating, against plain pandas and bare DuckDB.

    python benchmarks/bench_register.py [--rows 100000 1000000 10000000] [--repeat 3] [--write]

Every measurement is a process of its own, and the ways alternate; medians are told, ratios are medians of the rounds' own ratios.
CPU counts all threads and leaves out what Python imports; wall time depends on what else the machine does. Plain pandas and bare
DuckDB only read the columns needed and aggregate (sums and counts by year, kind, support type, sector, province, and different
facilities by kind and period): they check nothing, understand codes only, and are what the register's way is compared with. The
floors are DuckDB alone doing the least that a single check needs. `--write` writes `benchmarks/REGISTER.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
SUPPORTS = ["demonstration_model", "advanced_machinery", "consultancy", "showroom", "conference"]
SECTORS = ["mechanical_engineering", "textile_garment", "agro_processing", "wood_bamboo"]
WAYS = ("register", "reading", "pandas", "duckdb")
FLOORS = {
    "different tax codes, counted": "SELECT count(DISTINCT tax_code) FROM all_rows",
    "different names, counted": "SELECT count(DISTINCT facility) FROM all_rows",
    "names brought to NFC": "SELECT sum(hash(nfc_normalize(facility)) % 7) FROM all_rows",
    "check digits of tax codes": "SELECT count(*) FROM (SELECT try_cast(tax_code AS BIGINT) AS t FROM all_rows) WHERE (" + " + ".join(
        f"t // {10 ** (9 - place)} % 10 * {weight}" for place, weight in enumerate((31, 29, 23, 19, 17, 13, 7, 5, 3, 1))
    ) + ") % 11 = 10",
    "tax codes with several names": "SELECT count(*) FROM (SELECT tax_code FROM all_rows GROUP BY tax_code HAVING min(hash(facility)) <> max(hash(facility)))",
    "names with several tax codes": "SELECT count(*) FROM (SELECT hash(facility, province) AS name FROM all_rows GROUP BY name HAVING min(tax_code) <> max(tax_code))",
}  # fmt: skip
RESULTS = ROOT / "benchmarks" / "REGISTER.md"


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


def register(path: Path) -> Iterator[str]:
    import geopandas  # noqa: F401  pandera imports both where they are installed
    import pandera.backends.pandas.builtin_checks  # noqa: F401

    from kcq_eval.parameters import Period
    from kcq_eval.register.aggregation import Scope, aggregate
    from kcq_eval.register.register import load_register

    yield "imported"
    loaded = load_register(path, ROOT / "data")
    yield "read and checked"
    years = tuple(Period(year, year) for year in range(2018, 2024))
    found = aggregate(loaded, Scope("ipc1", (Period(2018, 2020), Period(2021, 2023), *years)))
    assert len(found) > 1000
    yield "aggregated"


def reading(path: Path) -> Iterator[str]:
    from kcq_eval.errors import Problems
    from kcq_eval.register.columns import load_words
    from kcq_eval.register.rows import read_rows
    from kcq_eval.vocabulary import load_vocabulary

    words = load_words(ROOT / "data", load_vocabulary(ROOT / "data"))
    yield "imported"
    assert all(len(raw.frame) for raw in read_rows(path, words, Problems()))
    yield "read"


PERIODS = "CASE WHEN year BETWEEN 2018 AND 2020 THEN 'before' ELSE 'now' END"


def duckdb(path: Path) -> Iterator[str]:
    import duckdb
    import pandas  # noqa: F401

    yield "imported"
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
    yield "aggregated"


def floors(path: Path) -> Iterator[str]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET threads TO 2")
        connection.execute(f"CREATE VIEW all_rows AS SELECT * FROM read_parquet('{path}')")
        yield "imported"
        for told, sql in FLOORS.items():
            connection.execute(sql).fetchall()
            yield told


def pandas(path: Path) -> Iterator[str]:
    columns = ["year", "scheme_kind", "support_type", "sector", "province", "state_funding", "counterpart_funding", "status", "tax_code"]
    yield "imported"
    frame = pd.read_parquet(path, columns=columns)
    frame = frame[frame["status"] == "accepted"]
    frame.groupby(["year", "scheme_kind", "support_type", "sector", "province"], observed=True).agg({"state_funding": "sum", "counterpart_funding": "sum", "status": "size"})
    supported = frame[frame["support_type"] != "conference"]
    supported.groupby([supported["year"] > 2020, "scheme_kind"], observed=True)["tax_code"].nunique()
    yield "aggregated"


def measured(way: str, path: Path) -> dict[str, float]:
    """CPU seconds of each step, with the wall time of all steps and the peak of memory in MB."""
    steps = globals()[way](path)
    next(steps)
    started, cpu = time.perf_counter(), time.process_time()
    found = {}
    for step in steps:
        found[step], cpu = time.process_time() - cpu, time.process_time()
    return {"CPU": sum(found.values()), "wall": time.perf_counter() - started, "peak MB": peak_mb(), **found}


def one(way: str, path: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", way, str(path)], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def peak_mb() -> float:
    """Of this process alone; getrusage would count the process that started it (Linux)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main() -> None:
    if "--one" in sys.argv:
        print(json.dumps(measured(sys.argv[2], Path(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[10**5, 10**6, 10**7])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    given = parser.parse_args()
    loads = [os.getloadavg()[0]]
    lines = ["| rows | way | CPU s | of bare DuckDB | wall s | peak MB | steps, CPU s |", "|---|---|---|---|---|---|---|"]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            path = Path(folder) / f"{rows}.parquet"
            write(path, rows)
            runs: dict[str, list[dict[str, float]]] = {"register, from .xlsx": []} if rows <= 10**5 else {}
            runs |= {way: [] for way in (*WAYS, "floors")}
            if rows <= 10**5:
                pd.read_parquet(path).to_excel(Path(folder) / "a.xlsx", index=False)
            for _ in range(given.repeat):
                for way in runs:
                    runs[way].append(one("register", Path(folder) / "a.xlsx") if "xlsx" in way else one(way, path))
            loads.append(os.getloadavg()[0])
            lines += [line for way in runs for line in table_rows(rows, way, runs[way], runs["duckdb"])]
            print("\n".join(lines[-len(runs) - len(FLOORS) + 1 :]), flush=True)
    if given.write:
        RESULTS.write_text(f"{_head(given.repeat, loads)}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def table_rows(rows: int, way: str, runs: list[dict[str, float]], bare: list[dict[str, float]]) -> list[str]:
    """One line of the table for a way, and one for each of the floors."""
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    steps = {name: value for name, value in middle.items() if name not in ("CPU", "wall", "peak MB")}
    if way == "floors":
        ratios = {step: statistics.median(run[step] / least["CPU"] for run, least in zip(runs, bare)) for step in steps}
        return [f"| {rows:,} | floor: {step} (DuckDB) | {value:.2f} | {ratios[step]:.2f} | | | |" for step, value in steps.items()]
    ratio = statistics.median(run["CPU"] / least["CPU"] for run, least in zip(runs, bare))
    told = ", ".join(f"{name} {value:.2f}" for name, value in steps.items()) if len(steps) > 1 else ""
    return [f"| {rows:,} | {way} | {middle['CPU']:.2f} | {ratio:.2f} | {middle['wall']:.2f} | {middle['peak MB']:.0f} | {told} |"]


def _head(repeat: int, loads: list[float]) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pandas", "numpy", "pyarrow", "pandera", "python-calamine"))
    (model,) = {line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"""# What a register costs by its size

Written by `python benchmarks/bench_register.py --write --repeat {repeat}`; what is measured stands at its head. Invented rows, 60 facilities for
every 100 supports, all with tax codes. `register` reads, checks and aggregates; `reading` is its first step alone; `pandas` and `duckdb` only aggregate.

Machine: {os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()}, CPython {platform.python_version()}; {packages}.
Load (runnable processes, one-minute mean) from {min(loads):.1f} to {max(loads):.1f}: above {os.cpu_count()} the wall times are those of a machine shared with other work, and CPU times
somewhat higher than on a quiet one. Medians of {repeat} rounds in which the ways alternate."""


if __name__ == "__main__":
    main()
