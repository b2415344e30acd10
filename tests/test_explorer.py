"""The explorer without a browser: what it offers, shows, explains and refuses."""

import csv
import datetime
import json

import pytest
from registers import rows, workbook
from typer.testing import CliRunner

from kcq_eval.cli import app
from kcq_eval.comparison import compare
from kcq_eval.datafiles import project_root
from kcq_eval.errors import BadInput
from kcq_eval.evaluation import evaluate
from kcq_eval.explorer import data_field, uploads
from kcq_eval.explorer.offers import FLAG, HELD, offers
from kcq_eval.explorer.page import Page
from kcq_eval.explorer.produced import call_of, produced_html, story
from kcq_eval.explorer.server import WidgetsOnly, is_local
from kcq_eval.explorer.uploads import Uploads
from kcq_eval.explorer.views import TABLE, VIEWS, WHATIF, key_html, picture, shown, view_html
from kcq_eval.explorer.whatif import LEFT_OUT, what_if
from kcq_eval.indicators.composition import facility_numbers
from kcq_eval.parameters import Period, entries, read_parameters
from kcq_eval.texts import LANGUAGES, Texts, templates

DEMONSTRATION = "data/demonstration/register.csv"
SHARE = "ipc1-2023-12-27/5"  # "26,7%"


@pytest.fixture
def page():
    return Page({})


def evaluated(**given):
    return evaluate(read_parameters(given))


def of_file(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- what is offered


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_parameter_is_offered_or_belongs_to_the_folder_of_a_run(language):
    evaluation = evaluated(language=language)
    told = {offer.name: offer for offer in offers(evaluation, Texts(evaluation.parameters, evaluation.published.vocabulary))}
    choosable = {entry.name for entry in entries() if entry.choices or entry.type == "bool"}
    assert choosable - set(HELD) <= told.keys() and told.keys().isdisjoint(HELD)
    for name, offer in told.items():
        assert offer.label == templates(language)[f"explore.name.{name}"]
        assert offer.help and (offer.kind == FLAG or offer.options)


def test_what_only_rows_can_narrow_waits_for_a_register():
    without, with_rows = (
        {o.name: o.usable for o in offers(e, Texts(e.parameters, e.published.vocabulary))} for e in (evaluated(), evaluated(register=DEMONSTRATION))
    )
    assert not any(without[name] for name in ("support_types", "sectors", "provinces"))
    assert all(with_rows.values())


# --- rows that are chosen


def test_chosen_rows_are_counted_and_nothing_else():
    accepted = [r for r in of_file(project_root() / DEMONSTRATION) if "2021" <= r["year"] <= "2023"]
    evaluation = evaluated(register=DEMONSTRATION, sectors="textile_garment", scheme_kind="all")
    expected = len(evaluation.register.done.query("2021 <= year <= 2023 and facility >= 0"))
    number = facility_numbers(evaluation.estimates, evaluation.parameters)["facilities.current"]
    sector = evaluation.published.vocabulary.sectors.index("textile_garment")
    assert set(evaluation.register.facts["sector"]) == {sector}
    assert number.bounded.value == expected < len(accepted)


def test_selections_of_a_dimension_add_up_to_the_whole():
    vocabulary = evaluated().published.vocabulary
    whole = evaluated(register=DEMONSTRATION).estimates.get("facilities", Period(2021, 2023), "ipc1", scheme_kind="focal")
    parts = [
        evaluated(register=DEMONSTRATION, sectors=code).estimates.get("facilities", Period(2021, 2023), "ipc1", scheme_kind="focal") for code in vocabulary.sectors
    ]
    assert sum(part.value for part in parts) == whole.value


def test_where_no_row_is_left_there_is_nothing_and_not_something_unknown():
    evaluation = evaluated(register=DEMONSTRATION, sectors="wood_bamboo", provinces="Hà Nội", support_types="showroom")
    found = evaluation.estimates.get("facilities", Period(2018, 2020), "ipc1", scheme_kind="focal")
    assert found.value == 0
    assert view_html(TABLE, shown(evaluation.parameters))


def test_some_rows_are_not_set_beside_what_is_published_of_all():
    evaluation = evaluated(register=DEMONSTRATION, sectors="textile_garment", language="en")
    texts = Texts(evaluation.parameters, evaluation.published.vocabulary)
    assert compare(evaluation) == []
    assert evaluation.titled("A title", texts) == "DEMONSTRATION (invented): A title – only textile and garment"
    assert texts("number.facilities.share.current", period="2021–2023").startswith("Share of the focal schemes (only textile and garment)")


@pytest.mark.parametrize(
    ("given", "column", "message", "nearest"),
    [
        ({"sectors": "textile_garment"}, "sectors", "needs_register", ""),
        ({"sectors": "textile_garmnt", "register": DEMONSTRATION}, "sectors", "unknown_value", "textile_garment"),
        ({"provinces": "Hà Nộii", "register": DEMONSTRATION}, "provinces", "unknown_value", "Hà Nội"),
    ],
)
def test_a_selection_that_cannot_be_had_is_told(given, column, message, nearest):
    with pytest.raises(BadInput) as refusal:
        evaluated(**given)
    (problem,) = refusal.value.problems
    assert (problem.column, problem.message, problem.nearest) == (column, message, nearest)


# --- what is shown


def test_each_choice_shows_what_the_package_computes_for_it(page):
    page.data.choice.value = data_field.DEMONSTRATED
    for name, field in page.controls.fields.items():
        widget = field.widget
        if name in ("period", "baseline", "language", "explanation"):  # below
            continue
        before = widget.value
        if hasattr(widget, "options"):
            others = [code for _, code in widget.options if code != before]
            if not others:
                continue
            widget.value = (others[0],) if isinstance(before, tuple) else others[0]
        else:
            widget.value = not before
        if name == "register_numbers":  # the demonstration's are written otherwise
            assert page.data.problem.value and page.parameters.register_numbers == "auto"
            widget.value = before
            continue
        assert page.controls.values()[name] == page.parameters.model_dump()[name] not in (before, ())
        expected = shown(read_parameters(page.parameters.model_dump()))
        assert page.key.value == key_html(expected), name
        widget.value = before
    assert page.parameters == read_parameters({"register": DEMONSTRATION})


def test_an_impossible_combination_is_told_beside_its_control_and_the_last_view_stays(page):
    page.data.choice.value = data_field.DEMONSTRATED
    seen = page.view.value, page.key.value, page.parameters
    page.controls.fields["period"].widget.value = "2022-2023"
    assert "2018-2020" in page.controls.fields["baseline"].problem.value
    assert not page.controls.fields["period"].problem.value
    assert (page.view.value, page.key.value, page.parameters) == seen
    page.controls.fields["baseline"].widget.value = "2019-2020"
    assert not page.controls.fields["baseline"].problem.value
    assert page.parameters.period == "2022-2023" and page.view.value != seen[0]
    page.data.choice.value = data_field.PUBLISHED  # of which nothing is known in 2022–2023
    assert page.controls.fields["period"].problem.value
    assert page.parameters.register == DEMONSTRATION
    page.controls.fields["period"].widget.value, page.controls.fields["baseline"].widget.value = "2021-2023", "2018-2020"
    assert page.parameters == read_parameters({})


def test_only_the_view_that_is_looked_at_is_drawn(page):
    for view in VIEWS:
        page.views.value = view
        assert (page.whatif.box.layout.display == "") == (view == WHATIF)
        if view != WHATIF:
            assert page.view.value == view_html(view, shown(page.parameters))
    page.views.value = VIEWS[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("register", ["", DEMONSTRATION])
def test_every_view_has_words_for_its_figures(language, register):
    seen = shown(read_parameters({"language": language, "register": register}))
    for view in VIEWS[:-1]:
        html = view_html(view, seen)
        assert f'lang="{language}"' in html and html.count("<img ") == html.count(' alt="')
        assert 'alt=""' not in html and "{" not in html.replace("data:image", "")


def test_a_figure_is_drawn_once_and_is_as_large_as_the_screen():
    from kcq_eval import exhibits

    seen = shown(read_parameters({}))
    first = picture(exhibits.mix_change(seen.numbers, seen.texts, seen.evaluation))
    assert picture(exhibits.mix_change(seen.numbers, seen.texts, seen.evaluation)) is first
    assert int.from_bytes(first[16:20]) == 960 and int.from_bytes(first[20:24]) == 540


# --- what produced it


@pytest.mark.parametrize("given", [{}, {"register": DEMONSTRATION, "price_basis": "cpi", "sectors": "textile_garment,agro_processing"}])
def test_the_call_that_is_shown_makes_the_number(given):
    seen = shown(read_parameters(given))
    calls = {call_of(number.id, seen): number for number in seen.numbers if not number.id.startswith("register.province")}
    for code, number in calls.items():
        *lines, last = code.splitlines()
        namespace = {}
        exec("\n".join(lines), namespace)
        assert eval(last, namespace) == number.bounded, number.id


def test_a_published_number_names_its_claims_as_printed_with_their_place():
    seen = shown(read_parameters({"language": "en"}))
    told = produced_html("funding.current", seen)
    assert "232.908 triệu đồng" in told
    claim = seen.evaluation.published.claim("ipc1-2023-12-27/2")
    assert claim.locator in told.replace("&quot;", '"').replace("&#x27;", "'")


def test_a_number_of_the_register_names_its_rows():
    seen = shown(read_parameters({"register": DEMONSTRATION, "language": "en"}))
    told = produced_html("facilities.current", seen)
    assert "145" in told and "row" in told and story("facilities.current", seen)


# --- what if


def test_with_the_share_as_the_counts_have_it_no_conflict_is_left():
    evaluation = evaluated()
    found = what_if(evaluation, {SHARE: "61,4"})
    assert found.after.audit.verdict == "consistent"
    assert set(found.gone) == set(evaluation.audit.conflicts) and not found.new and not found.kept
    total = next(m for m in found.moved if m.quantity.key == "facilities/2021-2023/ipc1/all/all/all/all")
    assert not total.before.bounded.is_point and total.after.bounded.value == 236


def test_a_figure_left_out_takes_its_conflicts_with_it_and_a_strange_one_brings_new_ones():
    evaluation = evaluated()
    assert what_if(evaluation, {SHARE: LEFT_OUT}).after.audit.verdict == "consistent"
    found = what_if(evaluation, {"ipc1-2023-12-27/15": "14/28"})
    assert found.new == (("ipc1-2023-12-27/15", "ipc1-2023-12-27/15-list"),) and set(found.kept) == set(evaluation.audit.conflicts)
    nothing = what_if(evaluation, {})
    assert nothing.kept == evaluation.audit.conflicts and not nothing.moved


@pytest.mark.parametrize("text", ["abc", "", "-3", "1.2.3,4"])
def test_what_a_figure_could_not_have_printed_is_told(text, page):
    page.whatif.claim.value = SHARE
    before = page.whatif.result.value
    page.whatif.printed.value = text
    page.whatif.change.click()
    assert page.whatif.problem.value and page.whatif.result.value == before
    page.whatif.undo.click()
    assert not page.whatif.problem.value


def test_a_what_if_stays_on_the_page(page):
    files = {path: path.read_bytes() for path in (project_root() / "data").rglob("*.*") if path.suffix in (".csv", ".yaml")}
    page.whatif.claim.value = SHARE
    page.whatif.printed.value = "61,4"
    assert "61,4" in page.whatif.made.value
    assert evaluated().audit.verdict == "contradicted"
    assert {path: path.read_bytes() for path in files} == files
    page.whatif.undo.click()
    assert "61,4" not in page.whatif.made.value


# --- a register of one's own


def test_an_upload_is_read_shown_by_its_name_and_deleted(page, tmp_path):
    own = workbook(tmp_path / "sổ của tôi.xlsx", rows({}, {"year": 2021}, {"year": 2019}))
    page.data.choice.value = data_field.OWN
    assert page.parameters.register == ""  # until there is a file
    upload(page, own.name, own.read_bytes())
    kept = page.data._uploads._folder
    assert kept.is_dir() and page.data.file_name == own.name
    page.data._uploads.discard()
    assert not kept.exists()
    page.data.choice.value = data_field.PUBLISHED


def test_a_damaged_upload_is_told_with_its_rows_and_the_last_view_stays(page):
    text = (project_root() / DEMONSTRATION).read_text(encoding="utf-8")
    lines = text.splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[0], "20x1", 1)
    page.data.choice.value = data_field.OWN
    seen = page.key.value
    upload(page, "damaged.csv", "\n".join(lines).encode())
    assert "20x1" in page.data.problem.value and page.key.value == seen
    upload(page, "damaged.exe", b"MZ")
    assert ".xlsx" in page.data.problem.value
    upload(page, "register.csv", text.encode())
    assert not page.data.problem.value and page.data.file_name == "register.csv"
    assert page.parameters.register.endswith("register.csv")
    page.data.choice.value = data_field.PUBLISHED


def upload(page, name, content):
    page.data.upload.value = ({"name": name, "type": "", "size": len(content), "content": memoryview(content), "last_modified": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)},)


def test_a_file_that_is_too_large_is_refused_and_names_lead_nowhere(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 10)
    kept = Uploads()
    with pytest.raises(BadInput) as refusal:
        kept.keep("a.csv", b"x" * 11)
    assert refusal.value.problems[0].message == "too_large"
    for name in ("../../etc/a.csv", "..\\..\\a.csv", "/a.csv", "a\0.csv"):
        path = kept.keep(name, b"x")
        assert path.parent == kept._folder and path.suffix == ".csv"
    kept.discard()


# --- doors


@pytest.mark.parametrize(("address", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("192.0.2.7", False), ("a.example", False)])
def test_an_address_is_of_this_machine_only_or_not(address, local):
    assert is_local(address) is local


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_that_others_can_reach_is_refused_and_said(language):
    done = CliRunner().invoke(app, ["explore", "--address", "0.0.0.0", "--language", language])
    assert done.exit_code == 2
    assert "0.0.0.0" in done.output and "--allow-remote" in done.output


def message(kind, channel="shell", **content):
    return json.dumps({"header": {"msg_type": kind}, "channel": channel, "content": content})


def test_only_what_widgets_say_reaches_a_kernel():
    class Connection:
        subprotocol = None

    def passes(text):
        return WidgetsOnly._is_of_widgets(Connection(), text)

    assert passes(message("comm_msg")) and passes(message("comm_open", target_name="jupyter.widget.control"))
    for kind in ("execute_request", "complete_request", "inspect_request", "history_request", "is_complete_request", "debug_request", "interrupt_request"):
        assert not passes(message(kind, code="1")) and not passes(message(kind, channel="control", code="1"))
    assert not passes(message("input_reply", channel="stdin")) and not passes(message("comm_msg", channel="stdin"))
    assert not passes(message("comm_open", target_name="anything")) and not passes("{") and not passes(b"\0")
    assert not passes(json.dumps({"header": {"msg_type": ["comm_msg"]}, "channel": "shell", "content": {}}))


def test_the_notebook_is_the_page_and_nothing_else():
    cells = json.loads((project_root() / "notebooks" / "explore.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code[1:] == ["from kcq_eval.explorer.page import explore\n\nexplore(globals())"]
    assert all(not cell.get("outputs") for cell in cells)
