"""A run with a register: the same results from rows, those only rows give, the comparison, and what stays private."""

import csv
import json
import random
import subprocess
import sys
import zipfile
from fractions import Fraction

import openpyxl
import pytest
from docx import Document
from pptx import Presentation
from registers import A_ROW, row, rows, workbook, xls

from kcq_eval.comparison import AGREES, DIFFERS, ROUNDING, breakdown, compare
from kcq_eval.datafiles import project_root
from kcq_eval.errors import BadInput
from kcq_eval.evaluation import evaluate
from kcq_eval.findings import judged_criteria, register_findings
from kcq_eval.indicators.coverage import coverage_numbers
from kcq_eval.indicators.register import gini, leverage, lorenz, numbers_of_rows, quantile
from kcq_eval.parameters import Period, read_parameters
from kcq_eval.register.criteria import empty_criteria
from kcq_eval.runs.bundle import run
from kcq_eval.texts import Texts

DEMONSTRATION = "data/demonstration/register.csv"
NOW = Period(2021, 2023)
QUICK = {"figure_formats": "png", "language": "en"}


def evaluated(**given):
    return evaluate(read_parameters({"language": "en", **given}))


def found_in(folder, *needles):
    """Which of some texts stand anywhere in a folder, in its names or in its files, the parts of archives included."""
    contents = []
    for path in folder.rglob("*"):
        contents.append(path.name.encode())
        if path.is_file():
            contents.append(path.read_bytes())
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    contents += [archive.read(name) for name in archive.namelist()]
    forms = {needle: [needle.encode(), json.dumps(needle).strip('"').encode()] for needle in needles}
    return {needle for needle in needles if any(form in content for form in forms[needle] for content in contents)}


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    return run(read_parameters({**QUICK, "register": DEMONSTRATION}), tmp_path_factory.mktemp("demo") / "bundle")


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- the demonstration through the whole way


@pytest.mark.parametrize(
    ("number_id", "text"),
    [
        ("funding.growth.nominal", "28.01 %"), ("facilities.current", "145"), ("facilities.baseline", "63"), ("facilities.share.current", "61.4 %"),
        ("facilities.current.advanced_machinery", "128"), ("coverage.63.share.current", "46.4 %"), ("coverage.34.current", "10"),
        ("register.supports.current", "145"), ("register.facilities.current", "141"),
    ],
)  # fmt: skip
def test_the_same_indicators_run_on_rows(demonstration, number_id, text):
    (number,) = [line for line in read(demonstration.folder / "numbers.csv") if line["id"] == number_id]
    assert number["text_en"].replace("\xa0", " ") == text
    assert number["lower"] == number["value"] == number["upper"] and number["sources"] == "DEMONSTRATION register.csv"


def test_every_output_of_a_demonstration_says_so_in_its_title(demonstration):
    page = (demonstration.folder / "report.html").read_text(encoding="utf-8")
    assert "<title>DEMONSTRATION (invented): " in page and "<h1>DEMONSTRATION (invented): " in page
    titles = [line for line in page.splitlines() if "<figcaption>" in line or ("<summary>" in line and 'class="code' not in line and "Steps of the notebook" not in line) or 'id="lineage"' in line]
    slides = [slide.shapes.title.text for slide in Presentation(demonstration.folder / "slides.pptx").slides]
    sheets = [str(sheet["A1"].value) for sheet in openpyxl.load_workbook(demonstration.folder / "tables.xlsx").worksheets]
    titles += [*slides, *sheets, Document(demonstration.folder / "report.docx").paragraphs[0].text]
    assert min(len(titles), len(slides), len(sheets)) > 10 and [title for title in titles if not title.startswith("DEMONSTRATION") and "DEMONSTRATION (invented)" not in title] == []
    for path in (demonstration.folder / "notebooks").glob("*.ipynb"):
        titles = [line for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] for line in told(cell) if line.startswith(("## ", "<h4>"))]
        assert titles and all("DEMONSTRATION" in title for title in titles), path
    assert demonstration.findings()[0].startswith("DEMONSTRATION (invented)")
    estimates = read(demonstration.folder / "estimates.csv")
    assert {line["claims"] for line in estimates if line["basis"] == "register"} == {"DEMONSTRATION register.csv"}


def told(cell):
    for output in cell.get("outputs", []):
        for kind in ("text/markdown", "text/html"):
            yield "".join(output.get("data", {}).get(kind, "")).partition("</h4>")[0].partition("\n")[0]


def test_the_figures_of_the_register_are_drawn_only_with_one(demonstration):
    drawn = {path.stem for path in (demonstration.folder / "figures").iterdir()}
    assert {"register_years", "register_spread", "register_against_publication", "coverage_map"} <= drawn
    plain = evaluated()
    assert len(numbers_of_rows(plain)) == 0 and compare(plain) == [] and register_findings(plain, [], None) == []


def test_the_record_has_the_registers_hash_and_no_place(demonstration):
    record = json.loads((demonstration.folder / "record.json").read_text(encoding="utf-8"))
    assert "register/register.csv" in record["inputs"] and "register" not in record["parameters"]


def test_a_changed_register_is_another_run(tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({}))
    from kcq_eval.runs.bundle import input_hashes

    parameters = read_parameters({"register": str(path)})
    before = input_hashes(parameters)
    workbook(path, rows({"year": 2021}))
    changed = {name for name, digest in input_hashes(parameters).items() if digest != before[name]}
    assert changed == {"register/a.xlsx"}


# --- what stays private

NAMES = ["Hợp tác xã Bí Mật Số Một", "Công ty TNHH Không Lộ Tên", "CÔNG TY TNHH KHÔNG LỘ TÊN"]
TAXES = ["0100109106", "0200124891", "9876543211"]


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A register with two spellings, a wrong tax code and a name with markup, so that every warning could tell."""
    folder = tmp_path_factory.mktemp("private")
    lines = [
        row(facility=NAMES[0], tax_code=TAXES[0]), row(facility=NAMES[1], tax_code=TAXES[1], year=2021), row(facility=NAMES[2], tax_code=TAXES[1], year=2019),
        row(facility="<b>Tên & dấu</b>", tax_code=TAXES[2], year=2018, state_funding=900), row(facility="<b>Tên & dấu</b>", tax_code=TAXES[2], year=2018),
    ]  # fmt: skip
    return workbook(folder / "a.xlsx", lines)


def test_names_and_tax_codes_are_in_no_output_unless_asked_for(private, tmp_path):
    given = {**QUICK, "register": str(private)}
    bundle = run(read_parameters(given), tmp_path / "bundle")
    assert found_in(bundle.folder, *NAMES, *TAXES, "Bí Mật", "Tên & dấu", "Tên &amp; dấu") == set()
    named = run(read_parameters({**given, "with_names": True}), tmp_path / "named")
    assert found_in(named.folder, *NAMES, *TAXES) == {*NAMES[1:], TAXES[2]}  # those that a warning is about


ODD = {
    "conferences only": [{"facility": "", "support_type": "Hội thảo"}, {"facility": "", "support_type": "Hội thảo", "year": 2019}],
    "no money": [{"state_funding": 0, "counterpart_funding": 0}, {"state_funding": 0, "counterpart_funding": 0, "year": 2019}],
    "one row": [{}],
    "one of each period": [{}, {"year": 2019, "support_type": "MHTD"}],
    "nothing accepted": [{"status": "Kế hoạch"}],
    "standalone only": [{"scheme_kind": "riêng rẽ"}, {"scheme_kind": "riêng rẽ", "year": 2018}],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_registers_run_through(name, tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows(*ODD[name]))
    bundle = run(read_parameters({**QUICK, "register": str(path), "count_unit": "facility"}), tmp_path / "bundle")
    assert bundle.findings()


def test_the_search_for_names_would_find_them(private, tmp_path):
    assert found_in(private.parent, *TAXES) == set(TAXES)
    (tmp_path / "a.json").write_text(json.dumps(NAMES[0]))
    assert found_in(tmp_path, NAMES[0]) == {NAMES[0]}


def test_markup_in_a_name_is_shown_as_text(private, tmp_path):
    from kcq_eval.tables import remarks_table, to_html

    evaluation = evaluated(register=str(private), with_names=True)
    lines = [*rows({"facility": "<i>A</i>", "tax_code": "1"})]
    shown = to_html(remarks_table(evaluation, Texts(evaluation.parameters, evaluation.published.vocabulary)))
    assert "<b>" not in shown
    other = evaluated(register=str(workbook(tmp_path / "b.xlsx", [*lines, row(facility="<u>A</u>", tax_code="1", year=2021)])), with_names=True)
    shown = to_html(remarks_table(other, Texts(other.parameters, other.published.vocabulary)))
    assert "&lt;u&gt;A&lt;/u&gt;" in shown and "<u>" not in shown


# --- register and publication


def test_a_register_leads_where_it_has_rows_and_the_publication_where_it_has_none(tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({}, {"year": 2021}))
    evaluation = evaluated(register=str(path))
    now, before = (evaluation.estimates.get("facilities", p, "ipc1", scheme_kind="focal") for p in (NOW, Period(2018, 2020)))
    assert (now.value, now.basis, now.claims) == (2, "register", {"a.xlsx"})
    assert (before.value, before.basis) == (63, "printed")
    texts = Texts(evaluation.parameters, evaluation.published.vocabulary, numbers_of_rows(evaluation))
    told = {finding.id: finding.text for finding in register_findings(evaluation, compare(evaluation), texts)}
    assert "2023" in told["register_years_missing"] and "register_differs" in told


def test_any_period_that_the_register_has_can_be_evaluated(tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({"year": 2012}, {"year": 2010}))
    evaluation = evaluated(register=str(path), period="2012", baseline="2010")
    assert evaluation.estimates.get("funding", Period(2012, 2012), "ipc1").value == Fraction("1250.5")
    with pytest.raises(BadInput, match="no source says anything about this period"):
        evaluated(register=str(path), period="2013", baseline="2010")


def test_provinces_before_and_after_the_merger_meet_on_the_new_map_only(tmp_path):
    lines = rows({"year": 2024, "province": "Hòa Bình"}, {"year": 2024, "province": "Nghệ An"}, {"year": 2026, "province": "Phú Thọ"}, {"year": 2026, "province": "Huế"})
    given = {"register": str(workbook(tmp_path / "a.xlsx", lines)), "period": "2026", "baseline": "2024"}
    evaluation = evaluated(**given)
    numbers = {n.id: n.bounded.value for n in coverage_numbers(evaluation.estimates, evaluation.parameters)}
    assert not [number_id for number_id in numbers if number_id.startswith("coverage.63")]
    assert [numbers[f"coverage.34.{what}"] for what in ("current", "baseline", "kept", "new", "left")] == [2, 2, 1, 1, 1]
    bundle = run(read_parameters({**QUICK, **given}), tmp_path / "bundle")
    assert any("of 18" in finding for finding in bundle.findings())


def test_published_figures_agree_within_rounding_or_differ_by():
    evaluation = evaluated(register=DEMONSTRATION)
    compared = {one.claim.claim_id: one for one in compare(evaluation)}
    assert compared["ipc1-2023-12-27/4"].verdict == AGREES
    assert compared["ipc1-2023-12-27/3"].verdict == ROUNDING  # 28.0087… % stands behind 28,01 %
    share = compared["ipc1-2023-12-27/5"]
    assert share.verdict == DIFFERS and share.difference.digits("en") == "34.7" and share.difference.unit == "percentage_point"
    rows_behind = breakdown(share, evaluation.register)
    assert rows_behind["supports"].sum() == 145 and set(rows_behind["scheme_kind"]) == {"focal"}
    assert rows_behind["funding"].sum() == 232_908
    assert {one.verdict for i, one in compared.items() if i not in ("ipc1-2023-12-27/5",)} == {AGREES, ROUNDING}


def test_lists_and_ratios_that_differ_say_in_what(tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({"province": "Nghệ An"}, {"province": "Lạng Sơn"}))
    compared = {one.claim.claim_id: one for one in compare(evaluated(register=str(path)))}
    listed = compared["ipc1-2023-12-27/15-list"]
    assert listed.verdict == DIFFERS and listed.added == ("20",) and len(listed.missing) == 12
    ratio = compared["ipc1-2023-12-27/15"]
    assert (ratio.verdict, ratio.value.bounded.value, ratio.whole.bounded.value, ratio.difference.bounded.value) == (DIFFERS, 2, 28, -11)
    assert "baonamdinh-2020-11-05/3" not in compared  # the register has no rows of that period


# --- what only rows give


def test_leverage_is_counterpart_for_each_dong_of_state_funding(tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({"state_funding": 100, "counterpart_funding": 250}, {"state_funding": 0, "counterpart_funding": 50, "sector": "gỗ"}))
    estimates = evaluated(register=str(path)).estimates
    assert leverage(estimates, NOW, "ipc1").value == 3
    assert leverage(estimates, NOW, "ipc1", sector="wood_bamboo") is None


@pytest.mark.parametrize(("amounts", "even"), [([1, 1, 1], 0), ([0, 0, 3], Fraction(2, 3)), ([1, 3], Fraction(1, 4)), ([0], None), ([], None)])
def test_the_gini_coefficient_of_known_amounts(amounts, even):
    assert gini(amounts) == even


def test_gini_quartiles_and_curve_are_those_of_their_definitions():
    draw = random.Random(5)
    for _ in range(30):
        amounts = sorted(draw.randrange(1, 1000) for _ in range(draw.randrange(1, 40)))
        count, total = len(amounts), sum(amounts)
        differences = Fraction(sum(abs(a - b) for a in amounts for b in amounts), 2 * count * total)
        assert gini(amounts) == differences
        assert quantile(amounts, Fraction(0)) == amounts[0] and quantile(amounts, Fraction(1)) == amounts[-1]
        curve = lorenz(amounts, steps=count)
        assert [y for _, y in curve] == [Fraction(sum(amounts[:n]), total) for n in range(count + 1)]
    assert [quantile([1, 2, 3, 4], Fraction(n, 4)) for n in (1, 2, 3)] == [Fraction(7, 4), Fraction(5, 2), Fraction(13, 4)]


def test_focal_and_standalone_schemes_stand_side_by_side():
    numbers = numbers_of_rows(evaluated(register=DEMONSTRATION))
    assert numbers["register.kind.focal.facilities_per_scheme"].digits("en") == "48.3"
    assert numbers["register.kind.standalone.facilities"].digits("en") == "91"
    years = sum(numbers[f"register.year.{year}.funding"].bounded.value for year in (2021, 2022, 2023))
    provinces = sum(n.bounded.value for n in numbers if n.id.startswith("register.province.") and n.id.endswith(".facilities"))
    assert years == 232_908 and provinces == 145


# --- criteria of a focal scheme


def test_criteria_are_judged_by_the_evaluators_thresholds_only(tmp_path):
    path = tmp_path / "criteria.csv"
    path.write_text(empty_criteria(), encoding="utf-8")
    empty = judged_criteria(evaluated(register=DEMONSTRATION, criteria=str(path)))
    assert len(empty) == 3 * 4 and {judged.verdict for judged in empty} == {"open"}
    path.write_text(empty_criteria().replace("provinces,at_least,,", "provinces,at_least,2,").replace("years,at_most,,", "years,at_most,1,"), encoding="utf-8")
    evaluation = evaluated(register=DEMONSTRATION, criteria=str(path))
    verdicts = {(judged.criterion.criterion_id, judged.verdict) for judged in judged_criteria(evaluation)}
    assert verdicts == {("funding", "open"), ("contents", "open"), ("area", "met"), ("duration", "not_met")}
    assert sum(len(judged.rows) for judged in judged_criteria(evaluation)) == 4 * 148  # 145 supports and three conferences


def test_unusable_criteria_are_told_at_once(tmp_path):
    path = tmp_path / "criteria.csv"
    path.write_text(empty_criteria().replace("funding,at_least,,", "fundin,at_least,x,").replace("at_most", "most"), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        evaluated(register=DEMONSTRATION, criteria=str(path))
    assert [(p.row, p.column) for p in refused.value.problems] == [(2, "measure"), (2, "threshold"), (5, "comparison")]


# --- the command line


def command(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", "kcq_eval", *map(str, arguments)], cwd=cwd, capture_output=True, text=True)


def test_template_fill_check_mend_run_as_a_new_evaluator(tmp_path):
    made = command("register", "template", tmp_path / "so.xlsx", cwd=project_root())
    assert made.returncode == 0, made.stderr
    assert command("register", "template", tmp_path / "so.xlsx", cwd=project_root()).returncode == 2  # never overwritten
    book = openpyxl.load_workbook(tmp_path / "so.xlsx")
    for column, value in enumerate({**A_ROW, "province": "Nghe Ann"}.values(), start=1):
        book.worksheets[0].cell(2, column).value = value
    book.save(tmp_path / "so.xlsx")
    checked = command("register", "check", tmp_path / "so.xlsx", cwd=project_root())
    assert checked.returncode == 2 and "Nghệ An" in checked.stdout and "Traceback" not in checked.stderr
    marked = openpyxl.load_workbook(tmp_path / "so.marked.xlsx").worksheets[0]
    assert "Nghệ An" in marked["H2"].comment.text
    book.worksheets[0]["H2"].value = "Nghệ An"
    book.save(tmp_path / "so.xlsx")
    assert command("register", "check", tmp_path / "so.xlsx", cwd=project_root()).returncode == 0
    refused = command("run", "-p", f"register={tmp_path / 'soo.xlsx'}", "-p", "language=en", "--out", tmp_path / "b", cwd=project_root())
    assert refused.returncode == 2 and 'did you mean "so.xlsx"' in refused.stderr
    done = command("run", "-p", "register=so.xlsx", "-p", "figure_formats=png", "--out", tmp_path / "b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (number,) = [line for line in read(tmp_path / "b" / "numbers.csv") if line["id"] == "register.supports.current"]
    assert number["value"] == "1"


def test_a_damaged_workbook_is_told_in_words_alone(tmp_path):
    path = xls(tmp_path / "a.xls", rows({}))
    path.write_bytes(path.read_bytes()[:3001])
    done = command("register", "check", path, "--language", "en", cwd=project_root())
    assert done.returncode == 2 and "cannot be read" in done.stdout and done.stderr == ""


def test_an_unusable_register_stops_a_run_before_anything_is_written(tmp_path):
    path = workbook(tmp_path / "a.xlsx", rows({"year": 20}, {"status": "?"}))
    done = command("run", "-p", f"register={path}", "-p", "language=en", "--out", tmp_path / "b", cwd=project_root())
    assert done.returncode == 2 and "a.xlsx, row 2, column year" in done.stderr and "row 3, column status" in done.stderr
    assert not (tmp_path / "b").exists()
