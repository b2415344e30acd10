"""The demonstration register: invented rows whose totals are exactly the published ones.

The totals are taken from the estimates of the published account, not typed here; the rows are random in whole numbers, so
that a seed gives the same register on every machine. Every scheme id starts with `DEMO-`, every name says that it is invented.
"""

from __future__ import annotations

import csv
import io
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kcq_eval.audit.explanations import audit
from kcq_eval.claims import load_published
from kcq_eval.estimates import Estimates, estimate
from kcq_eval.parameters import Period
from kcq_eval.register.columns import COLUMNS, DEMONSTRATION, load_words
from kcq_eval.register.workbooks import head, label_of, write_table
from kcq_eval.texts import plain
from kcq_eval.vocabulary import Vocabulary

NOW, BEFORE, CENTRE = Period(2021, 2023), Period(2018, 2020), "ipc1"
_TENTH = 10  # money is drawn in tenths of a million VND, as the baseline's total is printed
_MORE_THAN_ONCE = 4  # facilities of a period that were supported twice
_STATE = {  # tenths of a million VND: smallest and largest state support drawn, and how many times that the counterpart is at least
    "demonstration_model": (2500, 9000, 25), "advanced_machinery": (1000, 3000, 12), "consultancy": (150, 350, 10), "showroom": (200, 500, 10),
}  # fmt: skip
_STANDALONE = {"advanced_machinery": 9, "demonstration_model": 2, "consultancy": 1}  # their proportions are invented


@dataclass(frozen=True)
class _Block:
    """The rows of one period and scheme kind that are to add up."""

    period: Period
    kind: str
    counts: dict[str, int]
    provinces: Sequence[str]
    sectors: Sequence[str]
    funding: int | None  # tenths of a million VND; None where nothing is published


def write_demonstration(place: Path, folder: Path, vocabulary: Vocabulary, *, seed: int, language: str) -> None:
    """Write the register as a workbook, CSV or Parquet file, by the ending of its name."""
    rows = demonstration_rows(folder, vocabulary, seed=seed, language=language)
    words = load_words(folder, vocabulary)
    heads = [head(name, words, language) for name in COLUMNS]
    if place.suffix.lower() == ".parquet":
        _write_parquet(place, rows)
    elif place.suffix.lower() == ".csv":
        place.write_text(demonstration_csv(rows), encoding="utf-8", newline="")
    else:
        write_table(place, plain(language, "register.sheet"), heads, rows, title=plain(language, "register.demonstration"))


def demonstration_csv(rows: Sequence[Sequence[object]]) -> str:
    """The rows as they are stored: codes of the columns as heads, plain decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return buffer.getvalue()


def demonstration_rows(folder: Path, vocabulary: Vocabulary, *, seed: int, language: str) -> list[list[object]]:
    """The rows in the order of `COLUMNS`, money in million VND.

    Raises:
        BadInput: The data folder is unusable.
    """
    published = load_published(folder)
    examined = audit(folder, tuple(published.sources))
    estimates = estimate(examined, examined.set_aside("first"))
    draw = random.Random(seed)
    rows: list[dict[str, object]] = []
    for block in _blocks(estimates, vocabulary):
        rows += _rows(block, draw, vocabulary, language)
    rows += _not_done(draw, vocabulary, language)
    rows.sort(key=lambda row: (row["year"], row["scheme_id"]))
    _name_facilities(rows, language)
    return [[_cell(name, row[name], vocabulary, language) for name in COLUMNS] for row in rows]


def _blocks(estimates: Estimates, vocabulary: Vocabulary) -> list[_Block]:
    blocks = []
    for period in (BEFORE, NOW):
        scope = {"scheme_kind": "focal"}
        total = estimates.get("facilities", period, CENTRE, **scope)
        counts = _counts([estimates.get("facilities", period, CENTRE, **scope, support_type=t) for t in vocabulary.facility_support_types], total)
        funding = estimates.get("funding", period, CENTRE, **scope)
        covered = sorted(estimates.members("provinces_covered", period, CENTRE, **scope))
        sectors = ("textile_garment", "mechanical_engineering", "agro_processing" if period == BEFORE else "wood_bamboo")
        counts = dict(zip(vocabulary.facility_support_types, counts))
        blocks.append(_Block(period, "focal", counts, covered, sectors, int(funding.value * _TENTH)))
        everybody = estimates.get("facilities", period, CENTRE)
        others = int(everybody.value - total.value) if everybody is not None and everybody.is_point else int(total.value * Fraction(4, 3))
        parts = sum(_STANDALONE.values())
        counts = {t: others * share // parts for t, share in _STANDALONE.items()}
        counts["advanced_machinery"] += others - sum(counts.values())
        standalone = ("textile_garment", "mechanical_engineering", "wood_bamboo")
        blocks.append(_Block(period, "standalone", counts, vocabulary.served(CENTRE), standalone, None))
    return blocks


def _counts(parts: Sequence, total) -> list[int]:
    """Whole numbers within the bounds of each part that add up to the total."""
    counts = [int(part.lower) for part in parts]
    for place, part in enumerate(parts):
        counts[place] += min(int(part.upper) - counts[place], (int(total.value) - sum(counts) + 1) // 2 if part is not parts[-1] else int(total.value) - sum(counts))
    return counts


def _rows(block: _Block, draw: random.Random, vocabulary: Vocabulary, language: str) -> list[dict[str, object]]:
    schemes = _schemes(block)
    rows = []
    types = [support for support, count in block.counts.items() for _ in range(count)]
    draw.shuffle(types)
    for place, support in enumerate(types):
        province = block.provinces[place] if place < len(block.provinces) else draw.choice(block.provinces)
        scheme = schemes[place % len(schemes)]
        low, high, ratio = _STATE[support]
        state = draw.randrange(low, high + 1, 5)
        rows.append(_row(draw, scheme, block, province, support, state, state * ratio // 10 + draw.randrange(0, state), language))
    if block.funding is not None:
        for scheme in schemes:
            rows.append(_row(draw, scheme, block, draw.choice(block.provinces), "conference", draw.randrange(300, 800, 5), 0, language))
        _add_up(rows, block.funding, draw)
    return rows


def _schemes(block: _Block) -> list[tuple[str, str, Sequence[int]]]:
    """Id, sector and years: three focal schemes; of the baseline one in textiles and two that began a year later."""
    kind = "F" if block.kind == "focal" else "S"
    found = []
    for number, sector in enumerate(block.sectors, start=1):
        late = block.period == BEFORE and kind == "F" and sector != "textile_garment"
        years = list(block.period.years)[1:] if late else list(block.period.years)
        for part in range(1 if kind == "F" else 4):
            found.append((f"{DEMONSTRATION}{block.period.start}-{kind}{number}{part or ''}", sector, years))
    return found


def _row(
    draw: random.Random, scheme: tuple[str, str, Sequence[int]], block: _Block, province: str, support: str, state: int, counterpart: int,
    language: str,
) -> dict[str, object]:  # fmt: skip
    number, sector, years = scheme
    year = draw.choice(years)
    return {
        "year": year, "date": f"{draw.randrange(1, 29):02d}/{draw.randrange(6, 13):02d}/{year}", "scheme_id": number,
        "scheme_name": plain(language, "register.demo_scheme", number=number), "scheme_kind": block.kind, "centre": CENTRE, "sector": sector,
        "province": province, "facility": "", "tax_code": "", "support_type": support, "state_funding": state, "counterpart_funding": counterpart,
        "status": "accepted",
    }  # fmt: skip


def _add_up(rows: list[dict[str, object]], total: int, draw: random.Random) -> None:
    """Share out what the total leaves over the counterpart money of the facilities, by random weights, to the last tenth."""
    paying = [row for row in rows if row["support_type"] != "conference"]
    rest = total - sum(row["state_funding"] + row["counterpart_funding"] for row in rows)
    weights = [draw.randrange(5, 100) ** 2 for _ in paying]
    shares = [rest * weight // sum(weights) for weight in weights]
    for place in range(rest - sum(shares)):
        shares[place % len(shares)] += 1
    for row, share in zip(paying, shares):
        row["counterpart_funding"] += share


def _not_done(draw: random.Random, vocabulary: Vocabulary, language: str) -> list[dict[str, object]]:
    """A few rows that were planned or cancelled, which no total counts."""
    block = _Block(NOW, "standalone", {}, vocabulary.served(CENTRE), ("textile_garment",), None)
    scheme = (f"{DEMONSTRATION}{NOW.start}-S9", "textile_garment", list(NOW.years))
    rows = [_row(draw, scheme, block, draw.choice(block.provinces), "advanced_machinery", 2000, 4000, language) for _ in range(4)]
    for row, status in zip(rows, ("planned", "planned", "cancelled", "cancelled")):
        row["status"] = status
    return rows


def _name_facilities(rows: list[dict[str, object]], language: str) -> None:
    """A facility for every row that supports one; a few of a period's machinery facilities were helped with something else too."""
    supported = [row for row in rows if row["support_type"] != "conference"]
    codes = _invented_tax_codes()
    for number, row in enumerate(supported, start=1):
        row["facility"] = plain(language, "register.demo_facility", number=f"{number:03d}")
        row["tax_code"] = next(codes)
    for period in (BEFORE, NOW):
        focal = [row for row in supported if row["scheme_kind"] == "focal" and row["year"] in period.years]
        machines = {row["province"]: row for row in focal if row["support_type"] == "advanced_machinery"}
        others = [row for row in focal if row["support_type"] in ("consultancy", "showroom") and row["province"] in machines]
        for row in others[:_MORE_THAN_ONCE]:
            first = machines[row["province"]]
            row["facility"], row["tax_code"] = first["facility"], first["tax_code"]


def _invented_tax_codes() -> Iterator[str]:
    """Codes with a right check digit that start with 0000, where real ones have their province."""
    from stdnum.vn import mst

    for number in itertools.count(1):
        front = f"0000{number:05d}"
        if len(code := front + mst.calc_check_digit(front)) == 10:
            yield code


def _cell(name: str, value: object, vocabulary: Vocabulary, language: str) -> object:
    if name in ("state_funding", "counterpart_funding"):
        whole, tenth = divmod(value, _TENTH)
        return whole if not tenth else float(f"{whole}.{tenth}")
    if name in ("scheme_kind", "centre", "sector", "province", "support_type", "status"):
        return label_of(name, value, vocabulary, language)
    return value


def _write_parquet(place: Path, rows: list[list[object]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS)}
    for name in ("state_funding", "counterpart_funding"):
        columns[name] = [float(value) for value in columns[name]]
    pq.write_table(pa.table(columns), place)
