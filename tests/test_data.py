"""The folder `data/`: described, clean, and figure by figure what the documents published."""

import json
import re
import shutil
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import read_rows

from kcq_eval import claims, prices, printed, sources, vocabulary
from kcq_eval.audit.explanations import audit_claims
from kcq_eval.claims import Claim, load_published
from kcq_eval.errors import BadInput
from kcq_eval.printed import parse_number
from kcq_eval.texts import problem_lines
from kcq_eval.vocabulary import DIMENSIONS

F = Fraction
MILLION = 10**6
OF_REGISTERS = ("register_words.csv", "support_ceilings.csv", "register.csv")  # read only with a register
ACCOUNT, NEWSPAPER, EXAMPLE = "ipc1-2023-12-27", "baonamdinh-2020-11-05", "example-2024-03-15"


@pytest.fixture(scope="module")
def descriptor(published_folder) -> dict:
    return json.loads((published_folder / "datapackage.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def schemas(descriptor) -> dict[str, dict]:
    """The table schemas by path."""
    return {path: resource["schema"] for resource in descriptor["resources"] if "schema" in resource for path in paths_of(resource)}


@pytest.fixture
def whole_copy(published_folder, tmp_path) -> Path:
    """All of the folder, the maps too, in a place of its own."""
    return Path(shutil.copytree(published_folder, tmp_path / "data"))


def paths_of(resource: dict) -> list[str]:
    return [resource["path"]] if isinstance(resource["path"], str) else resource["path"]


def data_files(folder: Path) -> list[str]:
    """Every file but the descriptor and the READMEs."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.suffix in (".csv", ".geojson", ".yaml"))


def constraint(schema: dict, column: str, kind: str):
    (field,) = [field for field in schema["fields"] if field["name"] == column]
    return field["constraints"][kind]


def problems_of(folder: Path) -> list[str]:
    """What frictionless finds wrong with the data package in a folder."""
    from frictionless import Package

    report = Package(str(folder / "datapackage.json")).validate()
    found = [f"{task.place}: {error.type}: {error.message}" for task in report.tasks for error in task.errors]
    return [error.message for error in report.errors] + found + report.warnings + [w for task in report.tasks for w in task.warnings]


# --- the descriptor --------------------------------------------------------------------------------------------------


def test_every_table_obeys_the_descriptor_and_its_keys(published_folder):
    assert problems_of(published_folder) == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "error"),
    [
        ("claims/baonamdinh-2020-11-05.csv", "1,#1,value,schemes,", "1,#1,value,scheme,", "foreign-key"),
        ("claims/ipc1-2023-12-27.csv", "4,¶4 #4,value,", "4,¶4 #4,values,", "constraint-error"),
        ("rules.csv", "facilities-by-support-type,facilities,", "facilities-by-support-type,facility,", "foreign-key"),
        ("reference/province_name_variants.csv", "\n49,Quảng Nam,", "\n48,Quảng Nam,", "foreign-key"),
        ("reference/province_merger_2025.csv", "\n04,VN-04,", "\n02,VN-04,", "primary-key"),
    ],
    ids=["measure-of-a-claim", "relation-of-a-claim", "measure-of-a-rule", "code-of-a-spelling", "province-twice"],
)
def test_a_row_that_breaks_a_key_or_a_list_is_found(whole_copy, file, right, wrong, error):
    text = (whole_copy / file).read_text(encoding="utf-8")
    assert right in text
    (whole_copy / file).write_text(text.replace(right, wrong, 1), encoding="utf-8", newline="\n")
    assert any(error in problem for problem in problems_of(whole_copy))


def test_every_file_is_described_and_every_described_file_exists(descriptor, published_folder):
    described = [path for resource in descriptor["resources"] for path in paths_of(resource)]
    assert sorted(described) == data_files(published_folder)


def test_every_resource_says_what_it_is_and_where_it_comes_from(descriptor):
    for resource in descriptor["resources"]:
        assert resource["title"] and resource["description"] and resource["sources"] and resource["licenses"], resource["name"]
        for field in resource.get("schema", {}).get("fields", []):
            assert field["type"] and field["description"], (resource["name"], field["name"])


def test_the_loaders_ask_for_the_columns_that_the_descriptor_lists(schemas, published_copy, monkeypatch):
    asked = {}

    def recording(read_table):
        def read(path, columns, *, optional=(), problems=None):
            asked[path.relative_to(published_copy).as_posix()] = (tuple(columns), tuple(optional))
            return read_table(path, columns, optional=optional, problems=problems)

        return read

    for module in (claims, sources, vocabulary):
        monkeypatch.setattr(module, "read_table", recording(module.read_table))
    load_published(published_copy)
    assert set(asked) == {path for path in schemas if Path(path).name not in ("price_index.csv", "islands_inset_points.csv", *OF_REGISTERS)}
    for path, (columns, optional) in asked.items():
        described = [field["name"] for field in schemas[path]["fields"]]
        assert [name for name in described if name not in optional] == list(columns), path
    assert {"year", *prices._COLUMNS.values()} <= {field["name"] for field in schemas["reference/price_index.csv"]["fields"]}


def test_the_tables_have_the_described_columns_in_that_order(schemas, published_folder):
    for path, schema in schemas.items():
        assert list(read_rows(published_folder / path)[0]) == [field["name"] for field in schema["fields"]], path


def test_the_closed_lists_of_the_descriptor_are_those_of_the_code(schemas):
    claim, source, rule = (schemas[path] for path in (f"claims/{ACCOUNT}.csv", "sources.csv", "rules.csv"))
    assert constraint(claim, "relation", "enum") == list(claims.RELATIONS)
    assert constraint(claim, "unit", "enum") == list(printed.UNITS) == constraint(schemas["vocabulary/measures.csv"], "unit", "enum")
    assert constraint(claim, "hedge", "enum") == list(printed.HEDGES)
    assert constraint(claim, "rounding", "enum") == list(printed.ROUNDINGS)
    assert constraint(source, "number_format", "enum") == list(printed.NUMBER_FORMATS)
    assert constraint(rule, "dimension", "enum") == list(DIMENSIONS)


# --- the files -------------------------------------------------------------------------------------------------------


def test_every_file_is_nfc_text_in_utf_8_with_lf_line_ends_and_no_byte_order_mark(published_folder):
    for path in (p for p in published_folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        text = raw.decode("utf-8")
        assert unicodedata.is_normalized("NFC", text), path
        assert b"\r" not in raw and not text.startswith("\ufeff"), f"{path}: save it with LF line ends and without byte order mark"
        assert text.endswith("\n") or path.suffix == ".geojson", path


def test_nothing_rests_on_memory(published_folder):
    for path in published_folder.rglob("*.csv"):
        assert not re.search(r"recalled|unverified|from memory", path.read_text(encoding="utf-8"), re.IGNORECASE), path
    islands = read_rows(published_folder / "reference" / "islands_inset_points.csv")
    assert all(row["verified"].startswith("yes") for row in islands)


def test_a_document_that_was_read_whole_has_the_hash_of_its_text(published):
    hashes = {source.source_id: source.sha256 for source in published.sources.values()}
    assert all(re.fullmatch("([0-9a-f]{64})?", found) for found in hashes.values())
    assert hashes[ACCOUNT] == "423fda111131ab73eaedd46e7c820ec3703b40f9de88ad8c8d19a1d9d3403a7e" and hashes[NEWSPAPER] == ""


def test_the_reference_tables_count_63_provinces_28_of_them_served_and_34_since_2025(published, published_folder):
    provinces, merger = (read_rows(published_folder / "reference" / f"{name}.csv") for name in ("provinces", "province_merger_2025"))
    assert (len(provinces), len({row["new_gso_code"] for row in merger})) == (63, 34)
    served = set(published.vocabulary.served("ipc1"))
    regions = [row["moit_promotion_region"] for row in provinces]
    assert len(served) == 28 and served == {row["gso_code"] for row in provinces if row["moit_promotion_region"] == "North"}
    assert (regions.count("Central - Central Highlands"), regions.count("South")) == (15, 20)
    into = {row["old_gso_code"]: row["new_gso_code"] for row in merger}
    assert len({into[code] for code in served}) == 18
    assert not {into[code] for code in served} & {new for old, new in into.items() if old not in served}


@pytest.mark.parametrize(
    ("vintage", "key", "table", "column"),
    [("63", "gso_code", "provinces", "gso_code"), ("34", "new_gso_code", "province_merger_2025", "new_gso_code")],
)
def test_every_province_has_one_polygon(published_folder, vintage, key, table, column):
    folder = published_folder / "reference"
    features = json.loads((folder / f"provinces_{vintage}.geojson").read_text(encoding="utf-8"))["features"]
    codes = [feature["properties"][key] for feature in features]
    assert sorted(codes) == sorted({row[column] for row in read_rows(folder / f"{table}.csv")})


@pytest.mark.parametrize("basis", ["cpi", "gdp_deflator"])
def test_the_price_indices_are_chained_from_the_yearly_changes_beside_them(published_folder, basis):
    change = {"cpi": "cpi_change_pct_wb", "gdp_deflator": "gdp_deflator_change_pct_wb_later"}[basis]
    first, *later = read_rows(published_folder / "reference" / "price_index.csv")
    chained = F(first[f"{basis}_index_2015_100"])
    assert chained == 100
    for row in later:
        chained *= 1 + F(row[change]) / 100
        assert abs(F(row[f"{basis}_index_2015_100"]) - chained) <= F("0.001"), row["year"]


# --- the published figures -------------------------------------------------------------------------------------------

NOW, BEFORE, SINCE_2019 = "2021-2023/ipc1", "2018-2020/ipc1", "2019-2020/ipc1"
# As the documents state them, numbered as in the project: relation, what it is about, and the value: a difference or growth
# with its sign, a ratio as a pair, a list as its names.
PUBLISHED = [
    (ACCOUNT, "1", "value", f"schemes/{NOW}/focal/all/all/all", 3),
    (ACCOUNT, "2", "value", f"funding/{NOW}/focal/all/all/all", 232_908 * MILLION),
    (ACCOUNT, "3", "growth", f"funding/{NOW}/focal/all/all/all", F("28.01")),
    (ACCOUNT, "4", "value", f"facilities/{NOW}/focal/all/all/all", 145),
    (ACCOUNT, "5", "share", f"facilities/{NOW}/focal/all/all/all", F("26.7")),
    (ACCOUNT, "6", "value", f"facilities/{NOW}/all/all/all/all", 236),
    (ACCOUNT, "7", "difference", f"facilities/{NOW}/focal/all/all/all", 82),
    (ACCOUNT, "8", "value", f"facilities/{NOW}/focal/demonstration_model/all/all", 7),
    (ACCOUNT, "9", "difference", f"facilities/{NOW}/focal/demonstration_model/all/all", -2),
    (ACCOUNT, "10", "value", f"facilities/{NOW}/focal/advanced_machinery/all/all", 128),
    (ACCOUNT, "11", "difference", f"facilities/{NOW}/focal/advanced_machinery/all/all", 76),
    (ACCOUNT, "12", "value", f"facilities/{NOW}/focal/consultancy/all/all", 4),
    (ACCOUNT, "13", "value", f"facilities/{NOW}/focal/showroom/all/all", 6),
    (ACCOUNT, "14", "value", f"support_types_used/{NOW}/focal/all/all/all", 5),
    (
        ACCOUNT, "14-list", "list", f"support_types_used/{NOW}/focal/all/all/all",
        {"technical demonstration model", "advanced machinery and equipment", "conferences and seminars",
         "showroom for outstanding products", "consultancy for production and business capability"},
    ),
    (ACCOUNT, "15", "ratio", f"provinces_covered/{NOW}/focal/all/all/all", (13, 28)),
    (
        ACCOUNT, "15-list", "list", f"provinces_covered/{NOW}/focal/all/all/all",
        {"Cao Bang", "Ha Nam", "Hai Duong", "Hoa Binh", "Nam Dinh", "Nghe An", "Ninh Binh", "Phu Tho", "Thai Binh", "Thai Nguyen",
         "Thanh Hoa", "Tuyen Quang", "Yen Bai"},
    ),
    (ACCOUNT, "16a", "list", f"schemes/{BEFORE}/focal/all/textile_garment/all", {"textile and garment"}),
    (ACCOUNT, "16b", "value", f"schemes/{SINCE_2019}/focal/all/mechanical_engineering+agro_processing/all", 2),
    (
        ACCOUNT, "16b-list", "list", f"schemes/{SINCE_2019}/focal/all/mechanical_engineering+agro_processing/all",
        {"mechanical engineering", "agricultural processing"},
    ),
    (
        ACCOUNT, "17", "list", f"sectors_covered/{NOW}/focal/all/all/all",
        {"mechanical engineering", "textile and garment", "wood and bamboo"},
    ),
    (ACCOUNT, "18", "duration", "duration/2018-2023/ipc1/focal/all/all/all", 5),
    (
        ACCOUNT, "19", "list", f"sectors_covered/{BEFORE}/standalone/all/all/all",
        {"mechanical engineering", "textile and garment", "wood and bamboo"},
    ),
    (ACCOUNT, "20", "qualitative", f"criteria_met/{NOW}/focal/all/all/all", None),
    (ACCOUNT, "21", "qualitative", f"effectiveness/{NOW}/focal/all/all/all", None),
    (NEWSPAPER, "1", "value", f"schemes/{BEFORE}/focal/all/all/all", 3),
    (NEWSPAPER, "2", "value", f"funding/{BEFORE}/focal/all/all/all", F("181946.9") * MILLION),
    (NEWSPAPER, "3", "value", f"facilities/{BEFORE}/focal/all/all/all", 63),
    (NEWSPAPER, "4", "ratio", f"provinces_covered/{BEFORE}/focal/all/all/all", (9, 28)),
    (
        NEWSPAPER, "4-list", "list", f"provinces_covered/{BEFORE}/focal/all/all/all",
        {"Ha Nam", "Lao Cai", "Nam Dinh", "Nghe An", "Ninh Binh", "Thai Nguyen", "Thanh Hoa", "Tuyen Quang", "Yen Bai"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source_id", "number", "relation", "about", "value"), PUBLISHED, ids=[f"{row[0]}/{row[1]}" for row in PUBLISHED])
def test_a_claim_says_what_the_document_published(published, source_id, number, relation, about, value):
    claim = published.claim(f"{source_id}/{number}")
    assert (claim.relation, claim.quantity.key) == (relation, about)
    assert stated(claim, published.vocabulary) == value


def stated(claim: Claim, words: vocabulary.Vocabulary):
    """The value of a claim: signed, a pair, or names."""
    if claim.items:
        return {words.label(item, "en") for item in claim.items}
    if claim.printed is None:
        return claim.ratio
    return -claim.printed.value if claim.direction == "down" else claim.printed.value


def test_no_claim_of_the_two_documents_is_left_unread(published):
    assert [claim.claim_id for claim in published.of([ACCOUNT, NEWSPAPER]).claims] == [f"{row[0]}/{row[1]}" for row in PUBLISHED]


def test_a_claim_compares_and_divides_by_what_the_document_names(published):
    references = {claim.number: str(claim.reference.period) for claim in published.of([ACCOUNT]).claims if claim.reference}
    assert references == dict.fromkeys(("3", "7", "9", "11", "21"), "2018-2020")
    wholes = {claim.number: claim.whole.key for claim in published.of([ACCOUNT]).claims if claim.whole}
    assert wholes == {"5": f"facilities/{NOW}/all/all/all/all", "15": f"provinces_served/{NOW}/all/all/all/all"}


def test_a_figure_stands_in_the_paragraph_its_locator_names(published):
    numbered = {claim.number: claim.locator for claim in published.of([ACCOUNT]).claims}
    fourth = {n: locator for n, locator in numbered.items() if int(re.match("[0-9]+", n)[0]) <= 15}
    assert all(locator == f"¶4 #{n.removesuffix('-list')}" for n, locator in fourth.items())
    others = {"16a": "¶1", "16b": "¶1", "16b-list": "¶1", "17": "¶2", "18": "¶3", "19": "¶5", "20": "¶5", "21": "¶5"}
    assert {n: locator for n, locator in numbered.items() if n not in fourth} == others


# --- data/README.md --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readme(published_folder) -> str:
    return (published_folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def with_example(readme, whole_copy) -> Path:
    """The folder after an evaluator has followed "Adding a third document"."""
    catalogue_row, table = re.findall(r"```csv\n(.*?)```", readme, re.DOTALL)
    with open(whole_copy / "sources.csv", "a", encoding="utf-8", newline="") as file:
        file.write(catalogue_row)
    (whole_copy / "claims" / f"{EXAMPLE}.csv").write_text(table, encoding="utf-8", newline="")
    return whole_copy


def test_the_readme_explains_every_column_relation_and_hedge(readme):
    for name in (*claims.COLUMNS, *claims.RELATIONS, *printed.HEDGES, *printed.HEDGES.values(), *sources.COLUMNS):
        assert re.search(rf"\b{name}\b", readme), name


def test_the_readme_says_which_columns_a_relation_needs(readme):
    table = re.findall(r"^\| `([a-z_]+)`[^|]* \| ([^|]+) \| [^|]+ \| [^|]+ \|$", readme, re.MULTILINE)
    told = {relation: set(re.findall(r"printed|unit|reference_period|direction|whole|items", needs)) for relation, needs in table}
    assert {relation: told[relation] for relation in claims.RELATIONS} == {n: set(r.needs) for n, r in claims.RELATIONS.items()}


def test_the_hedges_of_the_readme_are_those_of_the_code(readme):
    found = re.findall(r"^\| (\w+) \| `(\w+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", readme, re.MULTILINE)
    table = [row for row in found if row[1] != "hedge"]  # the header
    assert {code: word for word, code, _, _ in table} == printed.HEDGES
    for _, code, *cells in table:
        for text, cell in zip(("71,2", "200"), cells, strict=True):
            interval = printed.Printed(text, "count", "vi", hedge=code).interval
            ends = [parse_number(number, "en")[0] for number in re.findall(r"[0-9.]+", cell)]
            assert ends == [end for end in (interval.lower, interval.upper) if end is not None], (code, text)


def test_the_third_document_of_the_readme_is_read_and_audited_without_any_code(with_example):
    published = load_published(with_example)
    audit = audit_claims(published)
    verdicts = {claim.number: audit.claim_verdict(claim) for claim in published.of([EXAMPLE]).claims}
    assert verdicts == {"1": "consistent", "2": "in_conflict", "3": "in_conflict", "4": "in_conflict", "5": "consistent"}
    assert audit.suspects == (f"{ACCOUNT}/5", f"{ACCOUNT}/6")


def test_the_third_document_needs_one_path_in_the_descriptor_and_no_other_change(with_example, descriptor):
    for resource in descriptor["resources"]:
        if resource["name"] == "claims":
            path = [*resource["path"], f"claims/{EXAMPLE}.csv"]
    changed = [{**r, "path": path} if r["name"] == "claims" else r for r in descriptor["resources"]]
    (with_example / "datapackage.json").write_text(json.dumps({**descriptor, "resources": changed}), encoding="utf-8")
    assert problems_of(with_example) == []


def test_the_third_document_may_come_as_excel_saves_it(with_example):
    path = with_example / "claims" / f"{EXAMPLE}.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(load_published(with_example).of([EXAMPLE]).claims) == 5


def test_the_errors_are_told_as_the_readme_shows_them(with_example, readme):
    path = with_example / "claims" / f"{EXAMPLE}.csv"
    text = path.read_text(encoding="utf-8")
    for right, wrong in [
        (",232 tỷ đồng,million_vnd,,over,", ",hơn 232 tỷ đồng,million_vnd,,,"),
        (",advanced_machinery,all,all,support_type=all,", ",advanced_machine,all,all,,"),
    ]:
        assert right in text
        text = text.replace(right, wrong)
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(BadInput) as refused:
        load_published(with_example)
    (shown,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    assert shown.splitlines() == problem_lines(refused.value.problems, "en")
