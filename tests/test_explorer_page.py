"""The explorer in a real browser: what a visitor sees, does and cannot do. Without a Chromium these tests are skipped."""

import asyncio
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from registers import csv_bytes, rows

from kcq_eval.datafiles import project_root
from kcq_eval.explorer.views import shown
from kcq_eval.parameters import SELECTIONS, read_parameters
from kcq_eval.runs.notebooks import CHAPTERS, EXPLORER

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), "")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed here")
DEMONSTRATION = "data/demonstration/register.csv"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-prefers-reduced-motion"]
PATIENCE = 60_000  # milliseconds that anything may take on a busy machine


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A project folder with the same data and notebooks, whose outputs are the tests' own."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("data", "notebooks", "requirements.lock"):
        (folder / name).symlink_to(project_root() / name)
    return folder


@pytest.fixture(scope="module")
def surroundings(home):
    return {**os.environ, "KCQ_EVAL_HOME": str(home), "PYTHONPATH": str(project_root()), "PYTHONUNBUFFERED": "1", "TMPDIR": str(home)}


@pytest.fixture(scope="module")
def address(surroundings, home):
    """Where `kcq-eval explore` serves, token included."""
    with open(home / "log.txt", "w") as log:
        server = subprocess.Popen([sys.executable, "-m", "kcq_eval", "explore", "--no-browser"], env=surroundings, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            found = next((match[0] for line in server.stdout if (match := re.search(r"http://\S+", line))), None)
            assert found, (home / "log.txt").read_text()
            yield found
        finally:
            server.terminate()
            server.communicate(timeout=30)
    assert not list(home.glob("kcq-*")), "uploads are deleted when the server ends"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Visit:
    """One visitor's page."""

    def __init__(self, browser, address, **context):
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 720}} | context))
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests, self.sockets = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.sockets.append(socket.url))
        started = time.monotonic()
        self.page.goto(address)
        self.page.wait_for_selector(".kcq-tile")
        self.page.wait_for_selector(".kcq-figure img")
        self.seconds = time.monotonic() - started

    def field(self, name):
        return self.page.locator(f".kcq-field-{name}").locator("select, input[type=checkbox], input[type=text]").first

    def choose(self, name, value):
        """Choose by label or place, and wait until the page has answered; the milliseconds that took."""
        control = self.field(name)
        before, started = self.status(), time.monotonic()
        if isinstance(value, int) and control.evaluate("(e, place) => !e.multiple && e.selectedIndex === place", value):
            return 0
        if control.get_attribute("type") == "checkbox":
            control.click()
        elif value is None:
            control.select_option([])
        elif isinstance(value, int):
            control.select_option(index=value)
        else:
            control.select_option(label=value)
        self.page.wait_for_function("before => document.querySelector('.kcq-status').innerHTML !== before", arg=before)
        return (time.monotonic() - started) * 1000

    def status(self):
        return self.page.locator(".kcq-status").evaluate("place => place.innerHTML")

    def view(self, name):
        self.page.get_by_role("radio", name=name).check()

    def tiles(self):
        return [tile.inner_text() for tile in self.page.locator(".kcq-tile strong").all()]

    def close(self):
        self.context.close()


@pytest.fixture(scope="module")
def visit(browser, address):
    visit = Visit(browser, address)
    yield visit
    visit.close()


def expected_tiles(**given):
    seen = shown(read_parameters(given))
    ids = ("funding.current", "facilities.current", "facilities.share.current", f"coverage.{seen.evaluation.parameters.map_vintage}.share.current")
    told = [seen.texts.number(seen.numbers[i]) + ("\N{NO-BREAK SPACE}*" if seen.numbers[i].bounded.marked else "") for i in ids]
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in told]


def plainly(texts):
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]


def test_the_page_opens_quickly_with_numbers_and_a_figure_and_without_code(visit):
    limit = 5 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)) if hasattr(os, "getloadavg") else 15
    assert visit.seconds < limit
    assert plainly(visit.tiles()) == expected_tiles()
    page = visit.page
    assert page.evaluate("document.documentElement.lang") == "vi" and "Khám phá" in page.title()
    assert "kcq_eval" not in page.content().replace("kcq-eval", "") and not page.locator(".jp-InputArea-editor").count()
    assert [url for url in visit.requests if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []


def test_choices_show_what_the_package_computes(visit):
    visit.choose("register", 1)
    given = {"register": DEMONSTRATION}
    assert plainly(visit.tiles()) == expected_tiles(**given)
    for name, value, given_value in (
        ("price_basis", 1, "cpi"), ("map_vintage", 1, "34"), ("scheme_kind", 1, "standalone"), ("sectors", 1, "textile_garment"), ("language", 1, "en"),
    ):  # fmt: skip
        visit.choose(name, value)
        given[name] = given_value
        assert plainly(visit.tiles()) == expected_tiles(**given), name
    assert visit.page.evaluate("document.documentElement.lang") == "en"
    assert "only textile and garment" in visit.page.locator(".kcq-figure").first.get_attribute("aria-label")
    visit.choose("sectors", None)
    for name in ("price_basis", "map_vintage", "scheme_kind"):
        visit.choose(name, 0)
    visit.choose("language", 0)
    assert plainly(visit.tiles()) == expected_tiles(register=DEMONSTRATION)


def test_an_impossible_combination_is_told_at_its_control_and_the_view_stays(visit):
    visit.choose("register", 1)
    before = visit.tiles()
    visit.choose("period", "2022–2023")
    baseline = visit.field("baseline")
    told = visit.page.locator(f"#{baseline.get_attribute('aria-describedby')}")
    assert baseline.get_attribute("aria-invalid") == "true" and "2018-2020" in told.inner_text()
    assert visit.tiles() == before and "Traceback" not in visit.page.content()
    visit.choose("baseline", "2019–2020")
    assert baseline.get_attribute("aria-invalid") is None
    assert plainly(visit.tiles()) == expected_tiles(register=DEMONSTRATION, period="2022-2023", baseline="2019-2020")
    visit.choose("baseline", "2018–2020")
    visit.choose("period", "2021–2023")


def test_what_produced_a_number_is_shown(visit):
    select = visit.page.locator(".kcq-produce select")
    select.select_option(index=1)
    visit.page.wait_for_selector(".kcq-produced pre")
    assert "read_parameters(" in visit.page.locator(".kcq-produced pre").inner_text()
    select.select_option(index=0)


def test_a_what_if_on_the_share_of_26_7_percent(visit):
    visit.view("Giả định")
    page = visit.page
    page.wait_for_selector(".kcq-kept, .kcq-whatif ul")
    assert "26,7" in visit.field("claim").evaluate("select => select.selectedOptions[0].textContent")
    assert page.locator(".kcq-kept li").count() == 4
    typed = visit.field("printed")
    typed.fill("61,4")
    typed.press("Enter")
    page.wait_for_selector(".kcq-gone")
    assert page.locator(".kcq-gone li").count() == 4 and not page.locator(".kcq-kept").count()
    assert "236" in page.locator(".kcq-whatif table").last.inner_text()
    page.get_by_role("button", name="Bỏ số liệu này ra").click()
    page.wait_for_function("document.querySelector('.kcq-panel').innerText.includes('→ bỏ ra')")
    page.get_by_role("button", name="Trở lại như đã in").click()
    page.wait_for_selector(".kcq-kept")
    visit.view("Kinh phí")


def test_a_register_of_ones_own_good_and_damaged(visit, tmp_path):
    good, damaged, large = tmp_path / "tốt.csv", tmp_path / "hỏng.csv", tmp_path / "lớn.csv"
    lines = rows({}, {"year": 2021}, {"year": 2019})
    good.write_bytes(csv_bytes(lines))
    damaged.write_bytes(csv_bytes([*lines, *rows({"province": "Atlantis"})]))
    large.write_bytes(b"x" * 20_000_001)
    visit.field("register").select_option(index=2)
    seen = visit.tiles()
    problem = visit.page.locator(".kcq-field-register .kcq-problem")
    for file, told in ((damaged, "Atlantis"), (large, "20 MB")):
        upload(visit, file)
        visit.page.wait_for_function("told => document.querySelector('.kcq-field-register .kcq-problem').innerText.includes(told)", arg=told)
        assert visit.tiles() == seen
    upload(visit, good)
    visit.page.wait_for_function("seen => document.querySelector('.kcq-tile strong').innerText !== seen", arg=seen[0])
    assert not problem.inner_text().strip() and "tốt.csv" in visit.page.locator(".kcq-field-register").inner_text()
    assert visit.tiles()[1] == "2"
    visit.choose("register", 1)


def upload(visit, file):
    with visit.page.expect_file_chooser() as chooser:
        visit.page.locator(".kcq-field-register button").click()
    chooser.value.set_files(file)


def test_a_saved_run_is_the_run_that_its_command_makes(visit, surroundings, tmp_path):
    page = visit.page
    visit.choose("price_basis", 1)
    page.get_by_role("button", name="Lưu thành một lượt chạy").click()
    page.wait_for_selector(".kcq-command", timeout=4 * PATIENCE)
    file = Path(re.search(r'-f "([^"]+)"', page.locator(".kcq-command").inner_text())[1])
    assert page.locator(".kcq-saved details pre").text_content().strip() == file.read_text(encoding="utf-8").strip()
    again = tmp_path / "again"
    command = [sys.executable, "-m", "kcq_eval", "run", "-f", str(file), "--out", str(again), "-p", "figure_formats=png"]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    saved = (file.parent / "numbers.csv").read_bytes()
    assert saved == (again / "numbers.csv").read_bytes()
    with open(again / "numbers.csv", encoding="utf-8") as numbers:
        told = {row["id"]: row["text_vi"] for row in csv.DictReader(numbers)}
    assert plainly([told["funding.current"], told["facilities.current"]]) == plainly(visit.tiles()[:2])
    visit.choose("price_basis", 0)


def test_two_visitors_do_not_mix(visit, browser, address):
    visit.choose("register", 1)
    other = Visit(browser, address)
    try:
        assert plainly(other.tiles()) == expected_tiles()
        other.choose("language", 1)
        assert other.page.evaluate("document.documentElement.lang") == "en" and visit.page.evaluate("document.documentElement.lang") == "vi"
        assert plainly(visit.tiles()) == expected_tiles(register=DEMONSTRATION)
        assert plainly(other.tiles()) == expected_tiles(language="en")
        assert set(other.sockets).isdisjoint(visit.sockets)
    finally:
        other.close()


def test_without_the_token_nothing_is_shown(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.goto(address.partition("?")[0])
    assert "login" in page.url and not page.locator(".kcq-page").count()
    base = address.partition("?")[0]
    for path in ("voila/files/explore.ipynb", "api/contents", "api/terminals", "api/kernels", "api/sessions", "lab", "tree", "voila/query/x", "files/explore.ipynb"):
        for place in (base + path, f"{base}{path}?{address.partition('?')[2]}"):
            assert page.request.get(place, max_redirects=0).status in (302, 403, 404), path
    context.close()


def test_code_sent_by_a_browser_never_runs(visit, address, tmp_path):
    """The kernel answers a widget's question, and not what comes before it."""
    from tornado.httpclient import HTTPClientError, HTTPRequest
    from tornado.websocket import websocket_connect

    (socket,) = {url.partition("?")[0] for url in visit.sockets if "/channels" in url}
    written = tmp_path / "written"
    code = f"open({str(written)!r}, 'w').close()"

    def message(kind, channel="shell", **content):
        header = {"msg_type": kind, "msg_id": uuid.uuid4().hex, "username": "x", "session": "x", "version": "5.3", "date": ""}
        return json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel, "buffers": []})

    async def talk():
        with pytest.raises(HTTPClientError) as refusal:
            await websocket_connect(HTTPRequest(socket))
        assert refusal.value.code == 403
        connection = await websocket_connect(HTTPRequest(f"{socket}?session_id=x&{address.partition('?')[2]}"))
        for channel in ("shell", "control"):
            connection.write_message(message("execute_request", channel, code=code, silent=False, store_history=False, user_expressions={}, allow_stdin=False))
        connection.write_message(message("comm_open", comm_id="1", target_name="x", data={}))
        connection.write_message(message("comm_info_request"))
        kinds = []
        while "comm_info_reply" not in kinds:
            answer = await asyncio.wait_for(connection.read_message(), 30)
            kinds.append(json.loads(answer)["header"]["msg_type"])
        connection.close()
        return kinds

    with ThreadPoolExecutor(1) as thread:  # the browser's own loop is running in this one
        kinds = thread.submit(asyncio.run, talk()).result()
    assert not {"execute_reply", "execute_input", "execute_result", "error"} & set(kinds)
    assert not written.exists()


def test_every_control_has_a_name_and_is_reached_by_the_keyboard_in_order(visit):
    visit.choose("register", 1)
    page = visit.page
    named = page.evaluate(
        """() => [...document.querySelectorAll('.kcq-page select, .kcq-page input, .kcq-page button')]
          .filter(e => e.offsetParent && e.type !== 'file')
          .map(e => [e.tagName, (e.getAttribute('aria-label') || (e.labels && e.labels[0] && e.labels[0].innerText) || e.innerText || '').trim()])"""
    )
    assert len(named) > 15 and all(name for _, name in named), named
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = []
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.closest('.kcq-field') || document.activeElement).className"))
    order = [name for text in reached for name in re.findall(r"kcq-field-(\w+)", text)]
    assert order[:9] == ["language", "register", "period", "baseline", "price_basis", "scheme_kind", *list(SELECTIONS)]
    page.locator(".kcq-views input").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("radio", name="Cơ sở").is_checked()
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("radiogroup").get_attribute("aria-label")
    assert page.locator("[role=main]").count() == 1 and page.locator(".kcq-status[aria-live=polite]").count() == 1
    assert all(image.get_attribute("alt") for image in page.locator(".kcq-page img").all())


def test_text_stands_out_from_its_ground(visit):
    """At least 4.5 to 1, as WCAG asks of text of this size."""
    weak = visit.page.evaluate(
        """() => {
          const parts = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
          const ground = e => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c.length && c[3] !== 0) return c; } return [255, 255, 255]; };
          return [...document.querySelectorAll('.kcq-page *')].filter(e => e.offsetParent && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
            .map(e => { const [a, b] = [light(parts(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x); return [(a + .05) / (b + .05), e.tagName, e.textContent.slice(0, 30)]; })
            .filter(([ratio]) => ratio < 4.5);
        }"""
    )
    assert weak == []


def test_on_a_phone_the_page_is_no_wider_than_the_screen(browser, address):
    phone = Visit(browser, address, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    try:
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert phone.page.locator(".kcq-key").bounding_box()["y"] < phone.page.locator(".kcq-controls").bounding_box()["y"]
        phone.view("Tất cả con số")
        phone.page.wait_for_selector(".kcq-view table")
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        phone.close()


@pytest.mark.soak
def test_every_view_answers_within_300_ms_on_the_demonstration_register(browser, address):
    visit = Visit(browser, address)
    visit.choose("register", 1)
    slow = {}
    for view in ("Kinh phí", "Cơ sở", "Cơ cấu loại hình", "Phân bổ", "Tất cả con số", "Bản đồ địa bàn"):
        visit.view(view)
        time.sleep(1)
        for name, value in (("price_basis", 1), ("price_basis", 0), ("map_vintage", 1), ("map_vintage", 0)):
            took = visit.choose(name, value)
            if took > 300:
                slow[view, name, value] = round(took)
    visit.close()
    assert slow == {}


@pytest.mark.soak
@pytest.mark.parametrize("notebook", [EXPLORER, *CHAPTERS])
def test_jupyterlab_runs_a_notebook_without_error(notebook, browser, surroundings, tmp_path):
    path = tmp_path / "notebooks" / f"{notebook}.ipynb"
    path.parent.mkdir()
    content = json.loads((project_root() / "notebooks" / path.name).read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for cell in code:
        cell.update(execution_count=None, outputs=[])
    path.write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.port=0", "--ServerApp.token=t", f"--ServerApp.root_dir={tmp_path}", "--allow-root"]
    told = tmp_path / "told.txt"
    with told.open("w") as file:
        server = subprocess.Popen(command, env=surroundings, cwd=tmp_path, stderr=file, stdout=file)
    try:
        end = time.monotonic() + PATIENCE / 1000
        while not (match := re.search(r"http://(localhost|127\.0\.0\.1):\d+", told.read_text())) and time.monotonic() < end:
            time.sleep(0.2)
        base = match[0]
        page = browser.new_page()
        page.set_default_timeout(2 * PATIENCE)
        page.goto(f"{base}/lab/tree/notebooks/{notebook}.ipynb?token=t&reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        begun = "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].some(prompt => /\\[[*\\d]/.test(prompt.innerText))"
        while not page.evaluate(begun):  # JupyterLab's very first "Run All" may come before it listens
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            page.wait_for_timeout(3000)
        page.wait_for_function(f"""() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].some(prompt => prompt.innerText.includes('[{len(code)}]'))""")
        stored = path.stat().st_mtime_ns
        page.keyboard.press("Control+s")  # prompts out of sight are not drawn, so that the saved file is read
        end = time.monotonic() + PATIENCE / 1000
        while path.stat().st_mtime_ns == stored and time.monotonic() < end:
            time.sleep(0.1)
        cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(code) + 1))
        assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error" or output.get("name") == "stderr"]
        if notebook == "explore":
            page.wait_for_selector(".kcq-tile")
        page.close()
    finally:
        server.terminate()
        server.wait()
