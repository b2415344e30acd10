"""The controls of the page as widgets, made from what is offered; each with its label and, below it, what is wrong with its choice."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from kcq_eval.explorer.offers import FLAG, MANY, ONE, Offer
from kcq_eval.vocabulary import ALL

_MOST_ROWS = 5  # lines of a list of many; longer ones scroll


class Field:
    """One control: a widget, and the place for its problems."""

    def __init__(self, name: str, widget: widgets.Widget):
        self.name, self.widget = name, widget
        self.problem = widgets.HTML()
        self.problem.add_class("kcq-problem")
        widget.layout.width = "100%"
        self.box = widgets.VBox([widget, self.problem])
        self.box.add_class("kcq-field")
        self.box.add_class(f"kcq-field-{name}")

    def tell(self, lines: Iterable[str]) -> None:
        """What is wrong with the choice; nothing where all is well."""
        told = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        self.problem.value = f"<ul>{told}</ul>" if told else ""


class Controls:
    """A field for every offer.

    Args:
        chosen: Called with a parameter's name when the visitor has changed it.
    """

    def __init__(self, offers: Iterable[Offer], values: dict[str, Any], chosen: Callable[[str], None]):
        self._chosen, self._silent = chosen, False
        self.fields: dict[str, Field] = {}
        for offer in offers:
            self.fields[offer.name] = Field(offer.name, _widget(offer))
            self._show(offer, values[offer.name])
            self.fields[offer.name].widget.observe(self._changed, names="value")

    def show(self, offers: Iterable[Offer], values: dict[str, Any]) -> None:
        """Labels, choices and values as they are now; this is no choice of the visitor's."""
        with self._quiet():
            for offer in offers:
                self._show(offer, values[offer.name])

    def values(self) -> dict[str, Any]:
        """What is chosen, as parameters."""
        return {name: _value(field.widget) for name, field in self.fields.items()}

    def tell(self, lines: dict[str, list[str]]) -> None:
        """The problems of each parameter beside its control."""
        for name, field in self.fields.items():
            field.tell(lines.get(name, ()))

    def _show(self, offer: Offer, value: Any) -> None:
        widget = self.fields[offer.name].widget
        widget.description, widget.tooltip, widget.disabled = offer.label, offer.help, not offer.usable
        if offer.kind == FLAG:
            widget.value = value
            return
        known = [code for _, code in offer.options]
        if tuple(offer.options) != tuple(widget.options):
            widget.options = offer.options
        if offer.kind == MANY:
            widget.value = tuple(code for code in known if code in value.split(",")) if value != ALL else ()
        elif widget.value != value and value in known:
            widget.value = value

    def _changed(self, change: dict[str, Any]) -> None:
        if not self._silent:
            self._chosen(next(name for name, field in self.fields.items() if field.widget is change["owner"]))

    @contextmanager
    def _quiet(self):
        self._silent = True
        try:
            yield
        finally:
            self._silent = False


def _widget(offer: Offer) -> widgets.Widget:
    style = {"description_width": "initial"}
    if offer.kind == FLAG:
        return widgets.Checkbox(indent=False, style=style)
    if offer.kind == MANY:
        return widgets.SelectMultiple(options=offer.options, rows=min(_MOST_ROWS, max(2, len(offer.options))), style=style)
    assert offer.kind == ONE
    return widgets.Dropdown(options=offer.options, style=style)


def _value(widget: widgets.Widget) -> Any:
    if isinstance(widget, widgets.SelectMultiple):
        return ",".join(widget.value) if 0 < len(widget.value) < len(widget.options) else ALL
    return widget.value
