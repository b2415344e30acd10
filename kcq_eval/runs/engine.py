"""A papermill engine that runs a notebook in an IPython shell inside this process, and how papermill is loaded.

Starting a kernel and importing everything again costs more than the notebooks' own work. Here the caller forks a process
that has it all loaded, and papermill runs the notebook in it with this engine: same cells, same outputs, no kernel.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

NAME = "kcq-shell"


@functools.cache
def load_papermill() -> ModuleType:
    """papermill with this engine and a readable parameter cell.

    papermill loads nbformat, which loads jsonschema, which builds a grammar for IRIs for more than a second wherever
    `rfc3987_syntax` (JupyterLab brings it) can be imported. Notebooks hold no IRIs, so that it is hidden meanwhile.
    """
    hidden = "rfc3987_syntax" not in sys.modules
    if hidden:
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        import papermill
        from papermill.engines import Engine, papermill_engines
        from papermill.translators import PythonTranslator, papermill_translators
    finally:
        if hidden:
            del sys.modules["rfc3987_syntax"]

    class ReadableTranslator(PythonTranslator):
        """Writes "Hà Nội" as it is, where papermill would write escapes."""

        @classmethod
        def translate_str(cls, val: str) -> str:
            return json.dumps(val, ensure_ascii=False)

    class ShellEngine(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **_: Any) -> None:
            _execute(nb_man)

    papermill_translators.register("python", ReadableTranslator)
    papermill_engines.register(NAME, ShellEngine)
    return papermill


def _execute(manager) -> None:
    """Run every code cell in order; stop at the first error, which stays in the notebook as output."""
    shell = _Shell()
    for index, cell in enumerate(manager.nb.cells):
        manager.cell_start(cell, index)
        if cell.cell_type == "code":
            cell.outputs = []
            error = shell.run(cell)
            if error is not None:
                manager.cell_exception(cell, index, exception=error)
                break
        manager.cell_complete(cell, index)


class _Shell:
    """An IPython shell whose outputs go into a cell in the order they were made."""

    def __init__(self) -> None:
        from IPython.core.displayhook import DisplayHook
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        sink = self._emit

        class Hook(DisplayHook):
            def __call__(self, result: Any = None) -> None:
                if result is not None and not self.quiet():
                    self.update_user_ns(result)
                    data, metadata = self.compute_format_data(result)
                    sink("execute_result", data=data, metadata=metadata, execution_count=self.prompt_count)

        class Publisher(DisplayPublisher):
            def publish(self, data, metadata=None, *, transient=None, update=False, **_: Any) -> None:
                sink("display_data", data=data, metadata=metadata or {})

        class Shell(InteractiveShell):
            def _showtraceback(self, etype, evalue, stb) -> None:
                sink("error", ename=etype.__name__, evalue=str(evalue), traceback=stb)

        config = Config({"HistoryManager": {"enabled": False}, "HistoryAccessor": {"enabled": False}})
        self._shell = Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook, colors="nocolor")
        self._outputs: list[Any] = []

    def run(self, cell) -> BaseException | None:
        """Run one cell; its outputs and execution count are put into it."""
        self._outputs = cell.outputs
        cell.execution_count = self._shell.execution_count
        with self._streams():
            result = self._shell.run_cell(cell.source, store_history=True, silent=False)
        return result.error_before_exec or result.error_in_exec

    def _emit(self, kind: str, **content: Any) -> None:
        import nbformat

        self._outputs.append(nbformat.v4.new_output(kind, **content))

    @contextlib.contextmanager
    def _streams(self) -> Iterator[None]:
        with contextlib.redirect_stdout(_Stream("stdout", self)), contextlib.redirect_stderr(_Stream("stderr", self)):
            yield

    def write(self, name: str, text: str) -> None:
        """Text goes to the stream output it continues, else to a new one."""
        last = self._outputs[-1] if self._outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        else:
            self._emit("stream", name=name, text=text)


class _Stream(io.TextIOBase):
    def __init__(self, name: str, shell: _Shell):
        self._name, self._shell = name, shell

    def write(self, text: str) -> int:
        if text:
            self._shell.write(self._name, text)
        return len(text)

    def writable(self) -> bool:
        return True
