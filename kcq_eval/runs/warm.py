"""Everything that runs use, loaded before the fork, so that no child loads it again."""

from __future__ import annotations

import functools
import importlib

from kcq_eval.parameters import Parameters
from kcq_eval.runs import engine

# What the notebooks, the engine and the deliverables import, some of it only when first used.
_MODULES = (
    "IPython.core.application", "IPython.core.completer", "IPython.core.completerlib", "IPython.core.interactiveshell", "IPython.core.magics",
    "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.PpmImagePlugin", "babel.dates", "ctypes",
    "encodings.unicode_escape", "encodings.utf_16_be", "geopandas", "jinja2", "kcq_eval.chapter", "kcq_eval.deliverables.letter",
    "kcq_eval.deliverables.report", "kcq_eval.deliverables.report_docx", "kcq_eval.deliverables.report_pdf", "kcq_eval.deliverables.slides", "kcq_eval.deliverables.workbook", "kcq_eval.exhibits", "kcq_eval.figures.charts", "kcq_eval.figures.maps", "kcq_eval.figures.networks",
    "kcq_eval.figures.register", "kcq_eval.figures.sensitivity", "kcq_eval.indicators.register", "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg",
    "pandas.core.methods.to_dict", "pandas.io.formats.csvs", "pyarrow.pandas_compat",
)  # fmt: skip


@functools.cache
def load_everything() -> None:
    """Import the libraries and read what they read when first used: sentences, the notebook format's schema, fonts."""
    engine.load_papermill()  # first: it makes loading nbformat cheap
    for module in _MODULES:
        importlib.import_module(module)

    import nbformat.v4

    from kcq_eval.deliverables.pages import template
    from kcq_eval.figures import drawn, style
    from kcq_eval.texts import LANGUAGES, templates

    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]))
    style.text_width("0", 12.0)
    drawn.ground()
    for language in LANGUAGES:
        templates(language)
    for page in ("letter.html", "report.html"):
        template(page)


def work_out(parameters: Parameters) -> None:
    """What every run of the same data would work out again: the audit, what could be noticed, other readings.

    They follow from the data alone and are never changed, so that a child may start from them.
    """
    from kcq_eval.audit.readings import other_readings
    from kcq_eval.evaluation import evaluate
    from kcq_eval.runs.numbers import all_numbers

    evaluation = evaluate(parameters)
    all_numbers(evaluation)
    other_readings(evaluation.audit)
