"""The choice of data: what is published, the invented demonstration, or a register of the visitor's own by upload."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable

import ipywidgets as widgets

from kcq_eval.errors import BadInput
from kcq_eval.explorer.uploads import MAX_BYTES, Uploads
from kcq_eval.register.files import SUFFIXES
from kcq_eval.texts import Texts, problem_lines

PUBLISHED, DEMONSTRATED, OWN = "published", "demonstration", "own"
DEMONSTRATION = "data/demonstration/register.csv"
_MOST_TOLD = 20  # problems of a file that are listed


class DataField:
    """The control, and the file that was uploaded.

    Args:
        register: The register that the page starts with, "" for none.
        chosen: Called when other data are chosen.
    """

    def __init__(self, register: str, chosen: Callable[[], None]):
        self._start, self._path, self._uploads = register, "", Uploads()
        self._chosen, self._texts, self._quiet = chosen, None, False
        choice = PUBLISHED if not register else DEMONSTRATED if register == DEMONSTRATION else OWN
        self.choice = widgets.Dropdown(options=[(name, name) for name in (PUBLISHED, DEMONSTRATED, OWN)], value=choice, style={"description_width": "initial"})
        self.upload = widgets.FileUpload(accept=",".join(SUFFIXES), multiple=False)
        self.note, self.problem = widgets.HTML(), widgets.HTML()
        self.problem.add_class("kcq-problem")
        self.choice.layout.width = "100%"
        self.box = widgets.VBox([self.choice, self.upload, self.note, self.problem])
        for name in ("kcq-field", "kcq-field-register"):
            self.box.add_class(name)
        self.choice.observe(self._choice_changed, names="value")
        self.upload.observe(self._uploaded, names="value")
        self._show_upload()

    @property
    def file_name(self) -> str:
        """The visitor's name of an own register, "" where none is used."""
        return self._uploads.name if self.choice.value == OWN else ""

    def register(self) -> str:
        """The value of the parameter `register`."""
        if self.choice.value == OWN:
            return self._path or (self._start if self._start != DEMONSTRATION else "")
        return DEMONSTRATION if self.choice.value == DEMONSTRATED else ""

    def tell(self, lines: Iterable[str]) -> None:
        """What is wrong with the file; nothing where all is well."""
        lines = list(lines)
        told = "".join(f"<li>{html.escape(line)}</li>" for line in lines[:_MOST_TOLD])
        if len(lines) > _MOST_TOLD:
            told += f"<li>{html.escape(self._texts('explore.data.more_problems', count=len(lines) - _MOST_TOLD))}</li>"
        self.problem.value = f"<ul>{told}</ul>" if told else ""

    def show_words(self, texts: Texts) -> None:
        self._texts, self._quiet = texts, True
        kept = self.choice.value
        self.choice.options = [(texts(f"explore.data.{name}"), name) for name in (PUBLISHED, DEMONSTRATED, OWN)]
        self.choice.value = kept
        self.choice.description = texts("explore.data.label")
        self.upload.description = texts("explore.data.upload")
        self._quiet = False
        self._show_upload()

    def _choice_changed(self, _: dict) -> None:
        if self._quiet:
            return
        self._show_upload()
        if self.choice.value == OWN and not self.register():
            self.tell(())
            return  # until there is a file
        self._chosen()

    def _uploaded(self, change: dict) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        self.upload.value = ()  # its content is not kept twice, and the same name can be chosen again
        try:
            self._path = str(self._uploads.keep(file["name"], bytes(file["content"])))
        except BadInput as error:
            self.tell(problem_lines(error.problems, self._texts.language))
            return
        self._show_upload()
        self._chosen()

    def _show_upload(self) -> None:
        own = self.choice.value == OWN
        self.upload.layout.display = self.note.layout.display = "" if own else "none"
        if self._texts is not None:
            large = self._texts("explore.data.too_large", megabytes=MAX_BYTES // 10**6)
            told = self._texts("explore.data.note", megabytes=MAX_BYTES // 10**6)
            if self._uploads.name:
                told = f"{self._texts('explore.data.uploaded', file=self._uploads.name)} {told}"
            self.note.value = f'<p class="kcq-note" data-largest="{MAX_BYTES}" data-too-large="{html.escape(large)}">{html.escape(told)}</p>'
