"""Some of a register's rows: those of chosen support types, sectors and provinces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kcq_eval.errors import Problem, Problems, nearest
from kcq_eval.parameters import SELECTIONS, Parameters
from kcq_eval.register.register import Register
from kcq_eval.remembered import remembered
from kcq_eval.vocabulary import ALL, Vocabulary

_COLUMN = {"support_type": "support", "sector": "sector", "province": "province"}

Selection = tuple[tuple[str, tuple[str, ...]], ...]  # a dimension and its chosen codes; a dimension left out is not narrowed


def selection(parameters: Parameters, vocabulary: Vocabulary, problems: Problems) -> Selection:
    """What the parameters choose, codes in the order of the vocabulary; a code that is on no list is a problem."""
    found = []
    for name, dimension in SELECTIONS.items():
        given = getattr(parameters, name)
        if given == ALL:
            continue
        if not parameters.register:
            problems.append(Problem("needs_register", "parameters", None, name, given, ALL))
        codes, valid = [], vocabulary.codes(dimension)
        for text in given.split(","):
            codes.append(vocabulary.code(dimension, text))
            if codes[-1] not in valid:
                expected = "data/reference/provinces.csv" if dimension == "province" else ", ".join((ALL, *valid))
                near = vocabulary.nearest_code(dimension, text) or nearest(text, valid)
                problems.append(Problem("unknown_value", "parameters", None, name, text, expected, near))
        found.append((dimension, tuple(code for code in valid if code in codes)))
    return tuple(found)


@remembered
def selected(register: Register, chosen: Selection) -> Register:
    """The register with the chosen rows only. It still has rows of every period that the whole register has rows of: where no row
    is left there is nothing, which is not the same as not reported."""
    facts, vocabulary = register.facts, register.vocabulary
    keep = facts["status"] >= 0
    for dimension, codes in chosen:
        listed = register.provinces if dimension == "province" else vocabulary.codes(dimension)
        keep &= facts[_COLUMN[dimension]].isin(_places(listed, codes))
    return replace(register, facts=facts[keep].reset_index(drop=True), whole=register)


def _places(listed: Iterable[str], codes: Iterable[str]) -> list[int]:
    """Numbers of the codes; a new province, a union of old ones, is chosen with all of them."""
    chosen = set(codes)
    return [place for place, code in enumerate(listed) if set(code.split("+")) <= chosen]
