"""What is worked out once for a large object, and goes with it: an audit holds solvers, a register its rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

_MOST = 32  # answers of one function about one object

Function = TypeVar("Function", bound=Callable[..., Any])


def remembered(function: Function) -> Function:
    """As `functools.lru_cache`, kept in the first argument: a cache of the module's would hold the object as long as the process lives."""
    place = f"_remembered {function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def once(about: Any, *arguments: Any) -> Any:
        answers = vars(about).setdefault(place, {})
        if arguments not in answers:
            answer = function(about, *arguments)
            if len(answers) >= _MOST:
                answers.pop(next(iter(answers)))
            answers[arguments] = answer
        return answers[arguments]

    return once  # type: ignore[return-value]
