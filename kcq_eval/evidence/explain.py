"""`kcq-eval explain`: one number of a bundle followed back to the printed digits or register rows it came from."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kcq_eval.errors import BadInput, Problem, nearest
from kcq_eval.printed import format_number
from kcq_eval.texts import plain

LINEAGE = "lineage.json"


def explain(bundle: Path, number_id: str, language: str) -> list[str]:
    """Lines that tell a number's value, what it was computed from, down to claims and rows, the rules it needs, and where it is shown.

    Raises:
        BadInput: The folder is no bundle with lineage, or has no such number.
    """
    told, numbers = _read(bundle)
    known = {number["id"]: number for number in told["numbers"]}
    if number_id not in known:
        raise BadInput([Problem("unknown_number", "numbers.csv", None, "id", number_id, nearest=nearest(number_id, known))])
    return list(Story(told, numbers, language).lines(known[number_id]))


def _read(bundle: Path) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    try:
        told = json.loads((bundle / LINEAGE).read_text(encoding="utf-8"))
        with open(bundle / "numbers.csv", encoding="utf-8", newline="") as file:
            return told, {row["id"]: row for row in csv.DictReader(file)}
    except (OSError, ValueError):
        raise BadInput([Problem("not_a_bundle", str(bundle), expected=f"{LINEAGE}, numbers.csv")]) from None


class Story:
    """A bundle's lineage, told in one language."""

    def __init__(self, told: Mapping[str, Any], numbers: Mapping[str, Mapping[str, str]], language: str):
        self._told, self._numbers, self._language = told, numbers, language

    def _say(self, key: str, **values: Any) -> str:
        return plain(self._language, f"explain.{key}", **values)

    def lines(self, number: Mapping[str, Any]) -> Iterator[str]:
        """What is behind one number of the lineage, as lines."""
        row = self._numbers[number["id"]]
        yield f"{row[f'label_{self._language}']}: {row[f'text_{self._language}']}"
        if row["lower"] != row["upper"]:
            yield self._say("bounds", lower=self._digits(row["lower"]), upper=self._digits(row["upper"]) or "∞")
        yield self._say("function", function=number["function"])
        if number["depends_on_explanation"]:
            yield self._say("set_aside", claims=", ".join(self._told["set_aside"]))
        for claim in number["corrections"]:
            yield self._say("corrected", claim=claim)
        named: set[str] = set()
        if number["quantities"]:
            yield self._say("from")
        for name in number["quantities"]:
            quantity = self._told["quantities"][name]
            yield f"  • {self._quantity(quantity)}"
            yield from self._grounds(quantity)
            named |= set(quantity["claims"])
        rest = [claim for claim in number["claims"] if claim not in named and claim in self._told["claims"]]
        for claim in rest:
            yield f"  • {self._claim(claim)}"
        places = self._told.get("places", {}).get(number["id"], [])
        if places:
            yield self._say("places")
            yield from (f"  • {place}" for place in places)

    def _quantity(self, quantity: Mapping[str, Any]) -> str:
        unit = plain(self._language, f"unit.{quantity['unit']}") if quantity["unit"] != "count" else ""
        lower, upper = (self._digits(quantity[end]) for end in ("lower", "upper"))
        value = self._digits(quantity["value"]) if lower == upper or quantity["basis"] != "derived" else f"{lower}–{upper or '∞'}"
        basis = plain(self._language, f"basis.{quantity['basis']}")
        return " ".join(filter(None, [f"{quantity[f'name_{self._language}']}: {value}", unit])) + f" ({basis})"

    def _grounds(self, quantity: Mapping[str, Any]) -> Iterator[str]:
        for claim in quantity["claims"]:
            yield f"      – {self._claim(claim)}"
        for rule in quantity["rules"]:
            yield f"      – {self._say('rule', rule=self._told['rules'][rule][self._language])}"
        if "rows" in quantity:
            yield f"      – {self._say('rows', count=quantity['row_count'], rows=quantity['rows'])}"

    def _claim(self, claim_id: str) -> str:
        claim = self._told["claims"][claim_id]
        return self._say("claim", source=claim["source"], locator=claim["locator"], statement=claim[f"statement_{self._language}"], printed=claim["printed"])

    def _digits(self, decimal: str) -> str:
        """A decimal of the files as readers write it; at most six decimals."""
        from decimal import Decimal
        from fractions import Fraction

        if not decimal:
            return ""
        places = min(6, len(decimal.partition(".")[2]))
        rounded = round(Decimal(decimal), places)
        return format_number(Fraction(rounded), decimals=places, number_format=self._language).replace("-", "\N{MINUS SIGN}")
