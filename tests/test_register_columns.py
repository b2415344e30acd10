"""A register read as whole columns gives what reading it cell by cell gives, whichever file the rows stand in."""

import random
import unicodedata
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from registers import FIELDS
from stdnum.vn import mst

from kcq_eval.errors import Problems
from kcq_eval.parameters import Period
from kcq_eval.register import cells, rows
from kcq_eval.register.aggregation import Scope, aggregate
from kcq_eval.register.columns import STATUSES
from kcq_eval.register.facilities import _odd, may_have_several, may_repeat, name_key, written
from kcq_eval.register.register import check_register

NOW = Period(2021, 2023)
NAMES = (
    "Công ty TNHH An Bình", "CTY TNHH AN BÌNH", "Công ty trách nhiệm hữu hạn An Bình", "Hợp tác xã Mộc", "HTX Mộc", "Hộ kinh doanh Đỗ Văn Ưu",
    "Doanh nghiệp tư nhân “Sao”", "Công ty CP Ωmega", "Straße – ½ Co", "İstanbul", "Cty\u00a0CP X", "A\u2003B", "Xí nghiệp\t1", "=1+1", "<b>x</b>", "Å Å", "ẛ̣ x",
)  # fmt: skip
ODD = {
    "year": 1800, "scheme_id": "", "scheme_kind": "điêmr", "sector": "", "province": "Nghê Am", "facility": "  ", "support_type": "machinary",
    "state_funding": -1.0, "counterpart_funding": 1e9, "status": "",
}  # fmt: skip


def name(draw):
    found = draw.choice(NAMES) if draw.random() < 0.6 else f"Cơ sở {draw.randrange(400)}"
    forms = [lambda n: unicodedata.normalize("NFD", n), lambda n: n.replace(" ", "  ", 1), lambda n: f" {n}", str.upper, lambda n: f"{n} "]
    return draw.choice(forms)(found) if draw.random() < 0.3 else found


def tax_code(draw):
    front = f"01{draw.randrange(300):07d}"
    code = front + (mst.calc_check_digit(front) if mst.calc_check_digit(front) != "10" else "0")
    return draw.choice(["", "", code, code, code, f"{code}-001", f"{code[:3]}.{code[3:]}", f" {code}", f"{code[:9]}x", f"{draw.randrange(10**10):010d}"])


def generated(seed, count, *, planted):
    """Rows with doubled rows, spellings and codes of every kind; with errors where they are planted."""
    draw, found = random.Random(seed), []
    for _ in range(count):
        line = {
            "year": draw.randrange(2018, 2025), "date": "", "scheme_id": draw.choice(["DA-1", "da-1", "DA-2 ", "Đ-3"]), "scheme_name": "x",
            "scheme_kind": draw.choice(["điểm", "focal", "riêng rẽ"]), "centre": "IPC1", "sector": draw.choice(["cơ khí", "agro_processing"]),
            "province": draw.choice(["Nghệ An", "nghe an", "TP. Hà Nội", "40", unicodedata.normalize("NFD", "Hòa Bình")]), "facility": name(draw),
            "tax_code": tax_code(draw), "support_type": draw.choice(["Máy móc, thiết bị", "demonstration_model", "Hội thảo", "Tư vấn"]),
            "state_funding": draw.choice([0.0, 250.0, 301.0, 1001.0, 0.3, 12.3456789, draw.randrange(10000) / 10]),
            "counterpart_funding": draw.choice([0.0, 1000.5, 100.0, 5000.0]), "status": draw.choice(["accepted", "accepted", "Hủy", "planned"]),
        }  # fmt: skip
        if planted and draw.random() < 0.03:
            column = draw.choice(list(ODD))
            line[column] = ODD[column]
        found.append(line)
        if draw.random() < 0.05:
            found.append(dict(draw.choice(found)))
    return pd.DataFrame(found)[list(FIELDS)].drop(columns="date")


def as_text(frame, path):
    frame.to_csv(path, index=False)


def as_parquet(frame, path):
    frame.to_parquet(path, index=False)


def as_categories(frame, path):
    frame.astype({column: "category" for column in frame if frame[column].dtype == "str"}).to_parquet(path, index=False)


def everything(path, folder):
    """Problems, warnings, coded rows and estimates; facilities by the first row that has them, schemes by their ids."""
    problems = Problems()
    register, pieces = check_register(path, folder, problems, number_format="en")
    told = [(p.message, p.row, p.column, p.nearest) for p in problems] + [r for c in pieces for r in remarks(c.notes)]
    if register is None:
        return told
    schemes = [register.schemes[number].casefold() for number in register.facts["scheme"]]
    facilities = pd.factorize(register.facts["facility"].where(register.facts["facility"] >= 0))[0]
    facts = register.facts.assign(scheme=schemes, facility=facilities)
    estimates = {unit: aggregate(register, Scope("ipc1", (NOW,), count_unit=unit)) for unit in ("support", "facility")}
    values = {(unit, quantity): found.value for unit, all_of_it in estimates.items() for quantity, found in all_of_it.items()}
    return told, remarks(register.remarks), remarks(register.twice_supported(NOW)), facts.to_dict("list"), values


def remarks(found):
    return [(remark.key, remark.column, remark.rows, remark.found, remark.expected) for remark in found]


@pytest.mark.parametrize("planted", [False, True])
def test_text_parquet_and_categories_give_the_same_to_the_last_warning(planted, published_folder, tmp_path):
    frame = generated(5, 800, planted=planted)
    found = []
    for make in (as_text, as_parquet, as_categories):
        path = tmp_path / f"{make.__name__}.file"
        make(frame, path)
        found.append(everything(path, published_folder))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 20 if planted else len(found[0][1]) > 100


def test_what_is_told_of_thousands_of_rows_is_what_looking_at_each_row_tells(published_folder, tmp_path):
    frame = generated(8, 3000, planted=False)
    as_parquet(frame, tmp_path / "a.parquet")
    problems = Problems()
    register, _ = check_register(tmp_path / "a.parquet", published_folder, problems)
    told = defaultdict(set)
    for remark in register.remarks:
        told[remark.key] |= set(remark.rows)
    facts = register.facts.to_dict("records")
    keys, spellings, names, doubled, bad = [], defaultdict(set), defaultdict(set), defaultdict(list), set()
    for number, (line, fact) in enumerate(zip(frame.to_dict("records"), facts), start=2):
        code, text = cells.tax_code(line["tax_code"]), unicodedata.normalize("NFC", cells.text(line["facility"]))
        bad |= {number} if code and not mst.is_valid(code) else set()
        if line["support_type"] == "Hội thảo":
            keys.append(None)
            continue
        keys.append(code or (name_key(text), fact["province"]))
        spellings[keys[-1]].add(text)
        names[text, fact["province"]].add(keys[-1])
        doubled[fact["year"], fact["scheme"], fact["province"], keys[-1], fact["support"], fact["state"], fact["counterpart"]].append(number)
    assert len(set(zip(keys, [fact["facility"] for fact in facts]))) == len(set(keys)) == len({fact["facility"] for fact in facts})
    assert told["tax_code_check"] == bad
    supported = [(n, key, unicodedata.normalize("NFC", cells.text(text))) for n, (key, text) in enumerate(zip(keys, frame["facility"]), start=2) if key]
    assert told["facility_two_spellings"] == {number for number, key, _ in supported if len(spellings[key]) > 1}
    assert told["facility_two_codes"] == {number for number, _, text in supported if len(names[text, facts[number - 2]["province"]]) > 1}
    assert told["row_twice"] == {number for numbers in doubled.values() if len(numbers) > 1 for number in numbers}
    assert all(len(told[key]) > 50 for key in ("tax_code_check", "facility_two_spellings", "facility_two_codes", "row_twice"))
    accepted = [fact for fact in facts if fact["status"] == STATUSES.index("accepted")]
    assert register.years == {fact["year"] for fact in accepted}


def test_names_are_written_as_they_are_one_by_one_and_only_odd_ones_are_touched():
    draw = random.Random(2)
    names = [name(draw) for _ in range(3000)] + ["", "x", " ", "Đ", "  a  "]
    found = written(pd.Series(names, dtype=object))
    assert found.to_pylist() == [unicodedata.normalize("NFC", cells.text(text)) for text in names]
    assert len(_odd(found)) == sum(not text.isascii() and any(unicodedata.combining(c) or c in "“”Ω–½" for c in text) for text in found.to_pylist())


def test_letters_that_are_taken_as_they_stand_are_nfc():
    clean = [chr(code) for code in (*range(0x21, 0x7F), *range(0xC0, 0x280), *range(0x1E00, 0x1F00))]
    assert len(_odd(written(pd.Series(clean)))) == 0
    assert all(unicodedata.is_normalized("NFC", a + b) for a in clean[::7] for b in clean)
    assert not any(c.isspace() or unicodedata.combining(c) for c in clean)


def test_mixed_cells_of_a_spreadsheet_are_read_like_texts():
    column = pd.Series(["A  B", 77, 12.0, None, float("nan"), True], dtype=object)
    assert written(column).to_pylist() == ["A B", "77", "12", "", "", "True"]


def test_pieces_of_a_large_file_share_their_facilities(published_folder, tmp_path, monkeypatch):
    frame = generated(3, 600, planted=False)
    as_parquet(frame, tmp_path / "a.parquet")
    whole = everything(tmp_path / "a.parquet", published_folder)
    monkeypatch.setattr(rows, "BATCH", 100)
    apart = everything(tmp_path / "a.parquet", published_folder)
    assert apart[4] == whole[4]
    assert apart[3]["facility"] == whole[3]["facility"] and apart[3]["row"] == whole[3]["row"]


def test_what_may_repeat_holds_all_that_does():
    draw = np.random.default_rng(1)
    keys, others = draw.integers(0, 3000, 5000), draw.integers(0, 3, 5000)
    counts = pd.Series(keys).map(pd.Series(keys).value_counts())
    several = pd.Series(keys).map(pd.DataFrame({"key": keys, "other": others}).groupby("key")["other"].nunique())
    assert may_repeat(keys)[counts > 1].all() and not may_repeat(np.arange(5000)).any()
    found = may_have_several(keys, others)
    assert found[several > 1].all() and 0 < found.sum() < 5000
