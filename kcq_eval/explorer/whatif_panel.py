"""The controls of a what-if: a claim, another printed value or none, and what follows."""

from __future__ import annotations

import html

import ipywidgets as widgets

from kcq_eval.errors import BadInput
from kcq_eval.evaluation import Evaluation
from kcq_eval.explorer.whatif import LEFT_OUT, can_be_changed, what_if, what_if_html
from kcq_eval.findings import main_source
from kcq_eval.ledger import in_data
from kcq_eval.statements import claim_number, printed_text, statement
from kcq_eval.texts import Texts, problem_lines


class WhatIfPanel:
    """Changes are of this visit only and are made to the claims as printed."""

    def __init__(self) -> None:
        style = {"description_width": "initial"}
        self._changes: dict[str, str | None] = {}
        self._evaluation: Evaluation | None = None
        self._texts: Texts | None = None
        self._told: tuple = ()
        self._quiet = False
        self.claim = widgets.Dropdown(style=style)
        self.printed = widgets.Text(style=style, continuous_update=False)
        self.change, self.leave_out, self.undo = (widgets.Button() for _ in range(3))
        self.intro, self.problem, self.made, self.result = (widgets.HTML() for _ in range(4))
        self.problem.add_class("kcq-problem")
        self.result.add_class("kcq-whatif-result")
        for widget in (self.claim, self.printed, self.intro, self.made, self.result):
            widget.layout.width = "100%"
        fields = [widgets.VBox([self.claim]), widgets.VBox([self.printed, self.problem])]
        for field, name in zip(fields, ("claim", "printed")):
            field.add_class("kcq-field")
            field.add_class(f"kcq-field-{name}")
        buttons = widgets.HBox([self.change, self.leave_out, self.undo])
        buttons.layout.flex_flow = "row wrap"
        self.box = widgets.VBox([self.intro, *fields, buttons, self.made, self.result])
        self.box.add_class("kcq-panel")
        self.claim.observe(lambda _: self._show_claim(), names="value")
        self.change.on_click(lambda _: self._make(self.printed.value))
        self.printed.observe(lambda _: self._quiet or self._make(self.printed.value), names="value")
        self.leave_out.on_click(lambda _: self._make(LEFT_OUT))
        self.undo.on_click(lambda _: self._undo())

    def show(self, evaluation: Evaluation, texts: Texts) -> None:
        """The claims of an evaluation, in its language."""
        now = (tuple(evaluation.published.sources), texts.language)
        self._evaluation, self._texts = evaluation, texts
        if now == self._told:
            return
        self._told = now
        main = main_source(evaluation)
        known = [claim.claim_id for claim in can_be_changed(evaluation.published)]
        self._changes = {claim_id: text for claim_id, text in self._changes.items() if claim_id in known}
        chosen = self.claim.value if self.claim.value in known else _first(evaluation, known)
        self.claim.options = [
            (f"{claim_number(claim, texts, main_source=main)} {statement(claim, texts)}: {printed_text(claim, texts)}", claim.claim_id)
            for claim in can_be_changed(evaluation.published)
        ]
        self.claim.value = chosen
        self.claim.description, self.printed.description = texts("explore.whatif.claim"), texts("explore.whatif.printed")
        for button, name in ((self.change, "change"), (self.leave_out, "leave_out"), (self.undo, "undo")):
            button.description = texts(f"explore.whatif.{name}")
        self.intro.value = f'<p class="kcq-note">{html.escape(texts("explore.whatif.intro"))}</p>'
        self._show_claim()
        self._show_result()

    def _show_claim(self) -> None:
        if self.claim.value is None:
            return
        claim = self._evaluation.published.claim(self.claim.value)
        self._quiet = True
        self.printed.value = self._changes.get(claim.claim_id) or (in_data(claim) if not claim.items else "")
        self._quiet = False
        self.printed.disabled = self.change.disabled = bool(claim.items)
        self.problem.value = ""

    def _make(self, text: str | None) -> None:
        claim = self._evaluation.published.claim(self.claim.value)
        changes = {**self._changes, claim.claim_id: text}
        if text is not LEFT_OUT and text.strip() == in_data(claim):
            del changes[claim.claim_id]
        if changes == self._changes and not self.problem.value:
            return
        try:
            self._show_result(changes)
        except BadInput as error:
            told = "".join(f"<li>{html.escape(line)}</li>" for line in problem_lines(error.problems, self._texts.language))
            self.problem.value = f"<ul>{told}</ul>"
            return
        self.problem.value = ""
        self._changes = changes

    def _undo(self) -> None:
        self._changes = {}
        self._show_claim()
        self._show_result()

    def _show_result(self, changes: dict[str, str | None] | None = None) -> None:
        """Raises BadInput: a text that the claim could not have printed."""
        changes = self._changes if changes is None else changes
        evaluation, texts = self._evaluation, self._texts
        found = what_if(evaluation, changes)
        main, rows = main_source(evaluation), []
        for claim_id, text in changes.items():
            claim = evaluation.published.claim(claim_id)
            told = texts("explore.whatif.left_out") if text is LEFT_OUT else text
            rows.append(f"<li>{html.escape(claim_number(claim, texts, main_source=main))}: {html.escape(printed_text(claim, texts))} → {html.escape(told)}</li>")
        title = html.escape(texts("explore.whatif.changes" if rows else "explore.whatif.no_changes"))
        self.made.value = f'<p><strong>{title}</strong></p><ul>{"".join(rows)}</ul>'
        self.result.value = what_if_html(found, texts)


def _first(evaluation: Evaluation, known: list[str]) -> str | None:
    """The claim that is shown first: the suspect that comes first, if there is one."""
    explanation = evaluation.audit.explanations[0] if evaluation.audit.explanations else ()
    return next((claim for claim in (*explanation, *known) if claim in known), None)
