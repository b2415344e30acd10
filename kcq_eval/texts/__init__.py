"""Every sentence in both languages, and how numbers and labels are put into them.

The sentences stand in `vi.yaml` and `en.yaml`, one key for one text. No digit is written there: a number is named by its id.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from kcq_eval.errors import Problem
from kcq_eval.magnitudes import share_word, times_word
from kcq_eval.numbers import MINUS, NBSP, Number, Numbers
from kcq_eval.parameters import SELECTIONS, Parameters
from kcq_eval.printed import UNITS
from kcq_eval.vocabulary import ALL, Vocabulary

LANGUAGES = ("vi", "en")
_MOST_NAMED = 3  # chosen codes of one dimension that are named; of more only the number
_DATE = {"vi": "dd/MM/y", "en": "d MMMM y"}
_MARKS = re.compile(r"[\\`*_\[\]<>&|$~]|^(?=[#+=-])")
_LISTED = re.compile(r"^(\d+)(?=[.)])")  # "3." would begin a list
_HOLE = re.compile(r"\{(@?[\w.@-]+)(?::(\w+))?\}")
_ONE_OR_MORE = re.compile(r"\{([\w.@-]+)\?((?:[^{}|]|\{[^{}]*\})*)\|((?:[^{}|]|\{[^{}]*\})*)\}")  # {count?row|rows}, with holes in either


@functools.cache
def templates(language: str) -> dict[str, Any]:
    """All texts of a language by dotted key."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with open(Path(__file__).with_name(f"{language}.yaml"), encoding="utf-8") as file:
        return dict(_flat(yaml.load(file, loader)))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def holes(template: str) -> list[tuple[str, str]]:
    """The names a template asks for, each with its form ("" for the plain one)."""
    return [(name, form or "") for name, form in _HOLE.findall(template)]


def plain(language: str, key: str, **values: Any) -> str:
    """A text that names no number: only the given values are put in."""
    chosen = one_or_more(templates(language)[key], lambda name: str(values[name]))
    return _HOLE.sub(lambda hole: str(values[hole[1]]), chosen)


def one_or_more(template: str, digits_of: Callable[[str], str]) -> str:
    """The template with the words for one where a count is one, else the words for several."""
    return _ONE_OR_MORE.sub(lambda choice: choice[2 if digits_of(choice[1]).rstrip(f" *{NBSP}") == "1" else 3], template)


class Sentences:
    """The texts of one language, with the labels of one vocabulary and the numbers that they may name."""

    def __init__(self, language: str, vocabulary: Vocabulary, numbers: Numbers = Numbers()):
        self.language = language
        self._templates = templates(language)
        self._vocabulary = vocabulary
        self.numbers = numbers
        self._context: dict[str, str] = {}
        self._basis = ""

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key, with the given values, the run's context and its numbers put in.

        Raises:
            KeyError: No such text.
            UnknownNumber: The text names a number that this run has not made.
        """
        return self.fill(self._templates[key], **values)

    def fill(self, template: str, **values: Any) -> str:
        def put_in(hole: re.Match) -> str:
            name, form = hole[1], hole[2] or ""
            if name in values:
                return str(values[name])
            if name in self._context:
                return self._context[name]
            if form == "size" and self._id(name) not in self.numbers:
                return ""
            return self.number(self.numbers[self._id(name)], form)

        def digits_of(name: str) -> str:
            return str(values[name]) if name in values else self.numbers[self._id(name)].digits(self.language)

        return _HOLE.sub(put_in, one_or_more(template, digits_of))

    def has_numbers(self, key: str) -> bool:
        """Whether every number that the text names is known; one asked only for its size may be missing."""
        return all(self._id(name) in self.numbers for name, form in holes(self._templates[key]) if "." in name and form != "size")

    def numbers_in(self, key: str) -> list[Number]:
        """The numbers that the text names."""
        named = [self._id(name) for name, _ in holes(self._templates[key]) if "." in name]
        return [self.numbers[name] for name in named if name in self.numbers]

    def lines(self, key: str) -> list[str]:
        """A text that is a list of sentences."""
        return [self.fill(line) for line in self._templates[key]]

    def label(self, code: str) -> str:
        """A code's label: support type, scheme kind, sector, province, measure, centre."""
        return self._vocabulary.label(code, self.language)

    def label_of(self, number: Number) -> str:
        """A number's label, with the labels of what it is about."""
        about = {name: self._about(name, code) for name, code in number.about.items()}
        return self(f"number.{number.label or number.id}", **about)

    def number(self, number: Number, form: str = "") -> str:
        """A number with its unit. Forms: `digits`, `abs`, `change` ("up 28.01 %"), `more` ("82 more"), `size` (" (more than half)")."""
        if form == "digits":
            return number.digits(self.language)
        if form == "size":
            return self._size(number)
        amount = self._with_unit(number.digits(self.language, absolute=form in ("abs", "change", "more")), number.unit)
        if form == "change":
            return self(f"change.{number.direction}", amount=amount)
        if form == "more":
            key = {"up": "more", "down": "fewer"}.get(number.direction, number.direction)
            return self(f"change.{key}", amount=amount)
        return amount

    def _size(self, number: Number) -> str:
        """A ratio's or a share's size in words, in brackets; "" where the bounds decide no word."""
        kind, word = ("share", share_word(number.bounded)) if number.unit == "percent" else ("times", times_word(number.bounded))
        return self(f"size_told.{kind}", word=self(f"size_word.{kind}.{word}"), digits=number.digits(self.language)) if word else ""

    def unit(self, code: str) -> str:
        """The words of a unit; "" of counts, indices and ratios."""
        return "%" if code == "percent" else self._templates.get(f"unit.{code}") or self._own_unit(code)

    def date(self, date: datetime.date) -> str:
        """A day as the language writes it."""
        from babel.dates import format_date

        return format_date(date, format=_DATE[self.language], locale=self.language)

    def joined(self, parts: Iterable[str], last: str = "and") -> str:
        """a, b and c."""
        *first, end = list(parts) or [""]
        return f"{', '.join(first)} {self._templates[last]} {end}" if first else end

    def _id(self, name: str) -> str:
        """A number's id as a text names it: `@basis` stands for the run's price basis."""
        return name.replace("@basis", self._basis)

    def _with_unit(self, digits: str, unit: str) -> str:
        words = self.unit(unit)
        if digits.lstrip(MINUS) == "1":
            words = self._templates.get(f"unit_one.{unit}", words)
        return NBSP.join([digits, *words.split()]) if words else digits

    def _own_unit(self, code: str) -> str:
        """The words of a document's own unit, its size and its word; "" for any other."""
        if ":" not in code:
            return ""
        unit = UNITS[code]
        return " ".join(filter(None, [self._templates[f"size.{unit.scale}"] if unit.scale > 1 and unit.word else "", unit.word]))

    def _about(self, name: str, code: str) -> str:
        if name == "claim":
            return self("claim_number", number=code.partition("/")[2])
        key = f"{name}.{code}"
        if key in self._templates:
            return self(key)
        return self.label(code) if code.partition("+")[0] in self._vocabulary else code  # a year has no label


class Texts(Sentences):
    """The texts of one run: its language, its context (period, scheme kind, …) and its numbers."""

    def __init__(self, parameters: Parameters, vocabulary: Vocabulary, numbers: Numbers = Numbers()):
        super().__init__(parameters.language, vocabulary, numbers)
        kind = self.label(parameters.scheme_kind) if parameters.scheme_kind != ALL else self._templates["kind.all"]
        only = self._only(parameters)
        kind, told = (f"{kind} ({only})", f" ({only})") if only else (kind, "")
        whole = self._templates[f"whole.{parameters.share_whole}"]
        self._basis = parameters.price_basis
        self._context = {
            "@period": parameters.current_period.text,
            "@baseline": parameters.baseline_period.text,
            "@kind": kind,
            "@kind_capital": capital(kind),
            "@centre": self.label(parameters.centre),
            "@centre_name": self.label(f"{parameters.centre}.name"),
            "@whole": self("selection.whole", whole=whole) if only else whole,
            "@kind_full": self._templates.get(f"kind_full.{parameters.scheme_kind}", kind).removesuffix(told) + told,
            "@only": only,
            "@map_63": self._templates["vintage.63"],
            "@map_34": self._templates["vintage.34"],
        }
        self._context["@prices"] = self.fill(self._templates[f"prices.{self._basis}"])


    def _only(self, parameters: Parameters) -> str:
        """Which rows the run is narrowed to, in few words; "" where it is not."""
        told = []
        for name, dimension in SELECTIONS.items():
            codes = list(dict.fromkeys(self._vocabulary.code(dimension, text) for text in getattr(parameters, name).split(",")))
            if codes == [ALL]:
                continue
            if len(codes) > _MOST_NAMED:
                told.append(self("selection.several", count=len(codes), what=self(f"selection.{name}")))
                continue
            short = [f"{code}.short" if f"{code}.short" in self._vocabulary else code for code in codes]
            labels = [self.label(code) if code in self._vocabulary else code for code in short]
            told.append(", ".join(labels if dimension == "province" else map(uncapital, labels)))
        return self("selection.only", told="; ".join(told)) if told else ""


def uncapital(text: str) -> str:
    """With a small first letter, to stand inside a sentence; an abbreviation (GDP) stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def capital(text: str) -> str:
    """With a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Somebody's own words, closed with a full stop where they are not closed."""
    return text if text.endswith((".", "!", "?", "…", ".”", ".\"")) else f"{text}."


def markdown(text: str) -> str:
    """Plain text for a place that reads Markdown: every mark that could mean something there is shown as it stands."""
    return _LISTED.sub(r"\g<1>\\", _MARKS.sub(r"\\\g<0>", text))


def problem_lines(problems: Iterable[Problem], language: str) -> list[str]:
    """Problems as sentences: where, what, found, expected, nearest."""
    return [_problem_line(problem, language) for problem in problems]


def _problem_line(problem: Problem, language: str) -> str:
    say = functools.partial(plain, language)
    where = [] if problem.file == "parameters" else [problem.file]
    lines = problem.file.endswith((".yaml", ".yml", ".md"))  # of names and values or prose, not rows and columns
    if problem.row is not None:
        where.append(say("problem.where_line" if lines else "problem.where_row", row=problem.row))
    if problem.column:
        key = "problem.where_parameter" if problem.row is None else "problem.where_key" if lines else "problem.where_column"
        where.append(say(key, column=problem.column))
    told = [say(f"problem.{problem.message}")]
    if problem.found:
        told.append(say("problem.found", found=problem.found))
    if problem.expected and not (language == "vi" and problem.message.startswith("printed_")):
        told.append(say("problem.expected", expected=problem.expected))
    if problem.nearest:
        told.append(say("problem.nearest", nearest=problem.nearest))
    return ": ".join(filter(None, [", ".join(where), "; ".join(told)]))
