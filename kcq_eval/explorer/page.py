"""The page: controls, key numbers, one view at a time, what produced a number, saving as a run, and what-ifs on the audit.

A notebook shows it: `explore(globals())`. It stands in JupyterLab and, through `kcq-eval explore`, as a page without code.
"""

from __future__ import annotations

import html
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from kcq_eval.datafiles import resolve_folder
from kcq_eval.errors import BadInput, Problem
from kcq_eval.explorer import data_field, produced, saving, whatif_panel
from kcq_eval.explorer.controls import Controls
from kcq_eval.explorer.offers import offers
from kcq_eval.explorer.views import FUNDING, TABLE, VIEWS, WHATIF, Shown, key_html, shown, view_html
from kcq_eval.parameters import Parameters, entries, read_parameters
from kcq_eval.texts import plain, problem_lines, templates

START = "KCQ_EVAL_EXPLORE"  # environment variable: parameters that the server's pages start with, as JSON
_FILE_PROBLEMS = "register"  # beside the choice of data


def explore(namespace: Mapping[str, Any] = {}) -> None:
    """Show the page, with the parameters that the calling notebook has."""
    names = [entry.name for entry in entries()]
    given = {name: namespace[name] for name in names if name in namespace}
    page = Page(given | json.loads(os.environ.get(START, "{}")))
    display(page.widget)
    page.warm_up()


class Page:
    """One visitor's page. Everything that can be seen is in `widget`.

    Raises:
        BadInput: The parameters it starts with are unusable.
    """

    def __init__(self, given: Mapping[str, Any]):
        self._parameters = read_parameters(given)
        self._shown = shown(self._parameters)
        self._updates = 0
        self.data = data_field.DataField(self._parameters.register, self._data_chosen)
        self.controls = Controls(offers(self._shown.evaluation, self._shown.texts), self._parameters.model_dump(), lambda name: self._refresh())
        self.head, self.key, self.status, self.view = (widgets.HTML() for _ in range(4))
        self.views = widgets.RadioButtons(options=[(view, view) for view in VIEWS], orientation="horizontal", value=FUNDING)
        self.number = widgets.Dropdown(style={"description_width": "initial"})
        self.behind = widgets.HTML()
        self.more = widgets.ToggleButton(value=False)
        self.save = widgets.Button(button_style="primary")
        self.saved = widgets.HTML()
        self.whatif = whatif_panel.WhatIfPanel()
        self.widget = self._laid_out()
        self.views.observe(lambda _: self._show_view(), names="value")
        self.number.observe(lambda _: self._show_behind(), names="value")
        self.more.observe(lambda _: self._show_more(), names="value")
        self.save.on_click(lambda _: self._save())
        self._show_words()
        self._show_all()

    @property
    def parameters(self) -> Parameters:
        """The parameters of what is shown."""
        return self._parameters

    def warm_up(self) -> None:
        """Read what the visitor may choose next, while the first view is looked at."""
        given = self._parameters.model_dump() | {"register": data_field.DEMONSTRATION}
        threading.Thread(target=_read, args=(given,), daemon=True).start()

    def _laid_out(self) -> widgets.Widget:
        fields = self.controls.fields
        main = [fields[offer.name].box for offer in self._offers() if offer.main]
        self._rest = widgets.VBox([fields[offer.name].box for offer in self._offers() if not offer.main])
        for widget, name in (
            (self.key, "kcq-key"), (self.status, "kcq-status"), (self.view, "kcq-drawn"), (self.views, "kcq-views"), (self.behind, "kcq-behind"),
            (self.saved, "kcq-saved"), (self.head, "kcq-head"), (self.more, "kcq-more-settings"),
        ):  # fmt: skip
            widget.add_class(name)
        for widget in (self.views, self.number, self.view, self.key, self.behind, self.saved, self.head, self.status):
            widget.layout.width = "100%"
        self._produce = widgets.VBox([self.number, self.behind])
        self._produce.add_class("kcq-produce")
        self._produce.add_class("kcq-field")
        left = widgets.VBox([main[0], self.data.box, *main[1:], self.more, self._rest, self.save, self.saved])
        left.add_class("kcq-controls")
        right = widgets.VBox([self.key, self.status, self.views, self.view, self.whatif.box, self._produce])
        right.add_class("kcq-main")
        body = widgets.Box([left, right])
        body.add_class("kcq-body")
        style = (Path(__file__).with_name("template") / "page.css").read_text(encoding="utf-8")
        page = widgets.VBox([widgets.HTML(f"<style>{style}</style>"), self.head, body])
        page.add_class("kcq-page")
        self._show_more()
        return page

    def _offers(self):
        return offers(self._shown.evaluation, self._shown.texts)

    # ---------------------------------------------------------------- what the visitor does

    def _data_chosen(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        """What is chosen now, shown; what cannot be had is told beside its control, and the last view stays."""
        started = time.perf_counter()
        given = self._parameters.model_dump() | self.controls.values()
        before = self._parameters
        try:
            given |= {"register": self.data.register()}
            self._parameters = read_parameters(given)
            self._shown = shown(self._parameters)
        except BadInput as error:
            self._parameters = before
            self._tell_problems(error, given["language"])
            return
        self.controls.tell({})
        self.data.tell(())
        words = before.language != self._parameters.language
        if words:
            self._show_words()
        if words or before.register != self._parameters.register or before.period != self._parameters.period:
            self.controls.show(self._offers(), self._parameters.model_dump())
        self._show_all()
        self._tell(self._shown.texts("explore.shown", milliseconds=round((time.perf_counter() - started) * 1000)))

    def _tell_problems(self, error: BadInput, language: str) -> None:
        language = language if language in ("vi", "en") else self._parameters.language
        beside: dict[str, list[str]] = {}
        for problem in error.problems:
            place = problem.column if problem.file == "parameters" and problem.column in self.controls.fields else _FILE_PROBLEMS
            beside.setdefault(place, []).append(_told(problem, language))
        self.data.tell(beside.pop(_FILE_PROBLEMS, ()))
        self.controls.tell(beside)
        self._tell(plain(language, "explore.not_shown", count=len(error.problems)), "strong")

    def _save(self) -> None:
        """Run in the background; the page stays usable."""
        self.save.disabled = True
        parameters, name, texts = self._parameters, self.data.file_name, self._shown.texts
        threading.Thread(target=self._run, args=(parameters, name, texts), daemon=True).start()

    def _run(self, parameters: Parameters, name: str, texts) -> None:
        def tell(step: str, chapter: str) -> None:
            what = texts(f"chapter.{chapter}.title") if chapter else texts("explore.save.step")
            self.saved.value = f'<p role="status">{html.escape(texts("explore.save.running", what=what))}</p>'

        tell("", "")
        try:
            saved = saving.save(parameters, tell)
        except OSError as error:
            saved = saving.Saved(error=str(error))
        self.saved.value = _saved_html(saved, name, texts)
        self.save.disabled = False

    # ---------------------------------------------------------------- what is shown

    def _show_words(self) -> None:
        """Everything whose words follow the language."""
        texts = self._shown.texts
        self.views.options = [(texts(f"explore.view.{view}"), view) for view in VIEWS]
        self.views.tooltip = texts("explore.views")
        self.number.description = texts("explore.produced.which")
        self.save.description, self.save.tooltip = texts("explore.save.button"), texts("explore.save.help")
        self.data.show_words(texts)
        self._show_more()

    def _show_all(self) -> None:
        evaluation, texts = self._shown.evaluation, self._shown.texts
        demonstration = f'<p class="kcq-demonstration">{html.escape(texts("finding.demonstration"))}</p>' if evaluation.demonstration else ""
        title, views = html.escape(texts("explore.title")), html.escape(texts("explore.views"))
        skip = f'<a class="kcq-skip" href="#kcq-main">{html.escape(texts("explore.skip"))}</a>'
        self.head.value = f'<div lang="{texts.language}" data-page-title="{title}" data-views="{views}">{skip}<h1>{title}</h1><p class="kcq-note">{html.escape(texts("explore.subtitle"))}</p>{demonstration}</div>'
        self.key.value = key_html(self._shown)
        self.whatif.show(evaluation, texts)
        self._show_view()

    def _show_view(self) -> None:
        """The view that is looked at; the others are drawn when they are."""
        view = self.views.value or FUNDING
        audit = view == WHATIF
        self.view.layout.display = self._produce.layout.display = "none" if audit else ""
        self.whatif.box.layout.display = "" if audit else "none"
        if audit:
            return
        self.view.value = view_html(view, self._shown)
        numbers = self._shown.numbers if view == TABLE else self._shown.by_view[view]
        chosen, options = self.number.value, _options(numbers, self._shown)
        if tuple(self.number.options) != options:
            self.number.options = options
        self.number.value = chosen if chosen in [number_id for _, number_id in options] else ""
        self._show_behind()

    def _show_behind(self) -> None:
        self.behind.value = produced.produced_html(self.number.value, self._shown, self.data.file_name) if self.number.value else ""

    def _show_more(self) -> None:
        self._rest.layout.display = "" if self.more.value else "none"
        self.more.description = self._shown.texts("explore.less" if self.more.value else "explore.more")

    def _tell(self, text: str, tag: str = "span") -> None:
        self._updates += 1  # so that the same words twice are said twice
        self.status.value = f'<p role="status" data-update="{self._updates}"><{tag}>{html.escape(text)}</{tag}></p>'


def _options(numbers, shown: Shown) -> tuple[tuple[str, str], ...]:
    return (shown.texts("explore.produced.choose"), ""), *((shown.texts.label_of(number), number.id) for number in numbers)


def _told(problem: Problem, language: str) -> str:
    """A problem in words; beside its control it need not say which parameter it is about."""
    key = f"explore.problem.{problem.message}"
    if key in templates(language):
        return plain(language, key, found=problem.found, expected=problem.expected)
    (line,) = problem_lines([replace(problem, column="") if problem.file == "parameters" else problem], language)
    return line


def _saved_html(saved: saving.Saved, name: str, texts) -> str:
    if saved.error:
        return f'<p role="status"><strong>{html.escape(texts("explore.save.failed"))}</strong></p><pre tabindex="0">{html.escape(saved.error)}</pre>'
    key = "unchanged" if saved.unchanged else "done"
    file, command = saved.parameters_text, saving.command_of(saved, name)
    told = [f'<p role="status"><strong>{html.escape(texts(f"explore.save.{key}"))}</strong><br>{html.escape(saved.folder)}</p>']
    told += [f'<p>{html.escape(texts("explore.save.command"))}</p><pre tabindex="0" class="kcq-command">{html.escape(command)}</pre>']
    told += [f'<details><summary>{html.escape(texts("explore.save.file"))}</summary><pre tabindex="0">{html.escape(file)}</pre></details>']
    return f'<div lang="{texts.language}">{"".join(told)}</div>'


def _read(given: Mapping[str, Any]) -> None:
    """Data and libraries that the first choices need; drawing stays with the page's own thread."""
    import kcq_eval.figures.maps
    import kcq_eval.figures.register  # noqa: F401

    if resolve_folder(str(given["register"])).exists():
        try:
            shown(read_parameters(given))
        except BadInput:
            return  # told when it is chosen
