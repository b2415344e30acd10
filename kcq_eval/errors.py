"""Unusable input: every problem with its place, said all at once.

A problem is data (what was found, what was expected), so that it can be told in either language.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that makes an input unusable.

    Attributes:
        message: Key of the message template in `kcq_eval/texts` (below `problem.`).
        file: File name, or the name of the input ("parameters").
        row: Row as a spreadsheet counts it (the header is row 1), or None.
        column: Column or parameter name, or "".
        found: What stands there, as text.
        expected: What could have stood there: a form in words or the list of valid values.
        nearest: The valid value most like `found`, or "".
    """

    message: str
    file: str
    row: int | None = None
    column: str = ""
    found: str = ""
    expected: str = ""
    nearest: str = ""


class BadInput(Exception):
    """Input that nothing can be computed from; carries all of its problems.

    `str(error)` is English; `kcq_eval.texts.problem_lines` tells it in either language.
    """

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        from kcq_eval.texts import problem_lines

        return "\n".join(problem_lines(self.problems, "en"))


class Problems(list[Problem]):
    """Collects problems while an input is read; `stop()` raises them together."""

    def stop(self) -> None:
        if self:
            raise BadInput(self)


def nearest(found: str, valid: Iterable[str]) -> str:
    """The valid value most like `found`, or "" when none is close."""
    lowered = {value.casefold(): value for value in valid}
    close = difflib.get_close_matches(found.casefold(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else ""
