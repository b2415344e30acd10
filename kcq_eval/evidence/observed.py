"""What can be observed in the repository and in a bundle: counts and files, for the reviewer's checklist to judge."""

from __future__ import annotations

import ast
import csv
import functools
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kcq_eval.evidence.crate import CRATE
from kcq_eval.evidence.explain import LINEAGE
from kcq_eval.evidence.integrity import LOG, RECORD, Damage, damage, hashes
from kcq_eval.evidence.record import CODE, LOCK

_MADE_ELSEWHERE = re.compile(r"""["'](/(?:home|Users|root)/|[A-Za-z]:\\)""")
_CI = (".github/workflows/*.y*ml", ".gitlab-ci.yml", ".circleci/config.yml", "azure-pipelines.yml", "Jenkinsfile", ".woodpecker*")


class Repository:
    """The project's files. Everything is read when asked for; what is not there counts as nothing."""

    def __init__(self, root: Path):
        self.root = root

    def text(self, name: str) -> str:
        """A file as text, "" where there is none."""
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @functools.cached_property
    def project(self) -> dict[str, Any]:
        return tomllib.loads(self.text("pyproject.toml"))

    @functools.cached_property
    def modules(self) -> dict[str, ast.Module]:
        """The package's modules, parsed, by name."""
        return {path.relative_to(self.root).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in sorted((self.root / "kcq_eval").rglob("*.py"))}

    @functools.cached_property
    def notebooks(self) -> dict[str, list[dict[str, Any]]]:
        """The cells of each notebook by name."""
        return {path.name: json.loads(path.read_text(encoding="utf-8"))["cells"] for path in sorted((self.root / "notebooks").glob("*.ipynb"))}

    @functools.cached_property
    def sources(self) -> list[dict[str, str]]:
        path = self.root / "data" / "sources.csv"
        if not path.is_file():
            return []
        with open(path, encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def public(self) -> list[ast.FunctionDef | ast.ClassDef]:
        """The package's functions and classes that others may use."""
        kinds = (ast.FunctionDef, ast.ClassDef)
        return [node for tree in self.modules.values() for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]

    def told_notebooks(self) -> list[str]:
        """Notebooks that open with a heading and what they are for."""
        first = {name: "".join(cells[0]["source"]).strip() for name, cells in self.notebooks.items() if cells and cells[0]["cell_type"] == "markdown"}
        return [name for name, text in first.items() if text.startswith("# ") and "\n" in text]

    def defining_notebooks(self) -> list[str]:
        """Notebooks with a function or class of their own: what can be used again belongs into the package."""
        code = {name: "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code") for name, cells in self.notebooks.items()}
        return [name for name, source in code.items() if any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(source)))]

    def tests(self) -> tuple[int, int]:
        """Test functions, and files that hold them."""
        found = [len(re.findall(r"^def test_", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in (self.root / "tests").glob("test_*.py")]
        return sum(found), len(found)

    def checked_cells(self) -> int:
        """Cells whose stored output every test run compares."""
        return sum("nbval-check-output" in cell["metadata"].get("tags", []) for cells in self.notebooks.values() for cell in cells)

    def pins(self) -> dict[str, str]:
        """Locked versions by package."""
        return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", self.text(LOCK), re.MULTILINE))

    def unhashed_pins(self) -> list[str]:
        lines = self.text(LOCK).replace("\\\n", "").splitlines()
        return [line for line in lines if "==" in line and not line.lstrip().startswith("#") and "--hash=sha256:" not in line]

    def style_remarks(self) -> int | None:
        """What the linter finds; None where there is no linter."""
        if importlib.util.find_spec("ruff") is None:
            return None
        command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "--quiet", "."]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return len(done.stdout.splitlines()) if done.returncode in (0, 1) else None

    def unseeded(self) -> tuple[int, list[str]]:
        """How many modules draw at random, and those of them that do so without a seed."""
        drawing, unseeded = 0, []
        for name, tree in self.modules.items():
            names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
            if names & {"random", "default_rng"}:  # secrets and identifiers are no results
                drawing += 1
                calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
                drawn = [call for call in calls if isinstance(call.func.value, ast.Name) and call.func.value.id == "random"]
                if any(call.func.attr != "Random" or not call.args for call in drawn):
                    unseeded.append(name)
        return drawing, unseeded

    def commands(self) -> list[str]:
        """The make targets that README names."""
        return sorted(set(re.findall(r"^    make ([a-z]+)", self.text("README.md"), re.MULTILINE)))

    def targets(self) -> set[str]:
        return set(" ".join(re.findall(r"^TASKS := (.*)$", self.text("Makefile"), re.MULTILINE)).split())

    def described_tables(self) -> tuple[int, int]:
        """CSV tables of the data folder whose columns datapackage.json describes, and all of them."""
        package = json.loads(self.text("data/datapackage.json") or "{}")
        described = {path for resource in package.get("resources", []) if resource.get("schema") for path in _paths(resource["path"])}
        tables = {path.relative_to(self.root / "data").as_posix() for path in (self.root / "data").rglob("*.csv")}
        return len(tables & described), len(tables)

    def own_paths(self) -> list[str]:
        """Code files that name a place of one machine."""
        files = [*(self.root / "kcq_eval").rglob("*.py"), *(self.root / "notebooks").glob("*.ipynb")]
        return [path.name for path in files if _MADE_ELSEWHERE.search(path.read_text(encoding="utf-8"))]

    def automatic_tests(self) -> list[str]:
        """Configurations that have a server run the tests."""
        return [path.relative_to(self.root).as_posix() for pattern in _CI for path in self.root.glob(pattern)]

    def is_versioned(self) -> bool:
        return (self.root / ".git").exists()


def _paths(path: str | list[str]) -> list[str]:
    return [path] if isinstance(path, str) else path


class Observed:
    """A bundle and the repository.

    Raises:
        OSError, ValueError, KeyError: The folder is no bundle.
    """

    def __init__(self, bundle: Path, root: Path):
        self.bundle, self.repository = bundle, Repository(root)
        self.record: dict[str, Any] = json.loads((bundle / RECORD).read_text(encoding="utf-8"))
        self.damage: Damage = damage(bundle)
        self.lineage: dict[str, Any] = json.loads((bundle / LINEAGE).read_text(encoding="utf-8"))
        self._graph = {entity["@id"]: entity for entity in json.loads((bundle / CRATE).read_text(encoding="utf-8"))["@graph"]}
        self.files = hashes(bundle)

    def here(self, code: bool) -> tuple[int, int]:
        """Recorded files of code, or else of data, that lie here unchanged, and all of them."""
        names = {name: digest for name, digest in self.record["inputs"].items() if name.startswith(CODE) == code and name != LOCK}
        found = hashes(self.repository.root, [name for name in names if (self.repository.root / name).is_file()])
        return sum(digest in (found.get(name), *found.values()) for name, digest in names.items()), len(names)

    def private(self) -> list[str]:
        """The user's own files that the run read."""
        return [name for name in self.record["inputs"] if not name.startswith((*CODE, "data/")) and name != LOCK]

    def locked_versions(self) -> tuple[int, int]:
        """Packages of the run whose version is the locked one, and all of them."""
        pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in self.repository.pins().items()}
        used = {name: version for name, version in self.record["environment"].items() if name not in ("python", "platform")}
        return sum(pins.get(name) == version for name, version in used.items()), len(used)

    def traced_numbers(self) -> tuple[int, int]:
        """Numbers whose function the lineage names, and all of numbers.csv."""
        traced = {number["id"] for number in self.lineage["numbers"] if number["function"]}
        rows = [row["id"] for row in self._rows("numbers.csv")]
        return sum(row in traced for row in rows), len(rows)

    def exhibits(self) -> tuple[int, int]:
        """Figures and tables that the crate says a notebook made, and all of them."""
        actions = [entity for entity in self._graph.values() if entity["@type"] == "CreateAction" and entity["@id"] != "#run"]
        made = {result["@id"] for action in actions for result in action["result"]}
        shown = [name for name in self.files if name.startswith(("figures/", "tables/"))]
        return sum(name in made for name in shown), len(shown)

    def tidy_tables(self) -> tuple[int, int]:
        """Tables for programs with one header, every row as wide, no row twice; and all of them."""
        names = [name for name in self.files if name.endswith(".csv") and "/" not in name]
        return sum(self._is_tidy(name) for name in names), len(names)

    def _is_tidy(self, name: str) -> bool:
        with open(self.bundle / name, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        keys = [tuple(row) for row in rows]
        return len(set(header)) == len(header) and all(len(row) == len(header) for row in rows) and len(set(keys)) == len(keys)

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        with open(self.bundle / name, encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)

    def logged(self) -> tuple[int, int]:
        """Notebooks whose time the log tells, and all of them."""
        lines = (self.bundle / LOG).read_text(encoding="utf-8").splitlines() if LOG in self.files else []
        names = {line.partition("\t")[0] for line in lines}
        chapters = [Path(name).stem for name in self.files if name.startswith("notebooks/")]
        return sum(chapter in names for chapter in chapters), len(chapters)

    def megabytes(self) -> int:
        return max(1, round(sum((self.bundle / name).stat().st_size for name in self.files) / 1e6))
