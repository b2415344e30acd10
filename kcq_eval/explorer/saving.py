"""Saving what is seen as a run: in a process of its own, because a run forks and must not share the page's threads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kcq_eval.datafiles import project_root
from kcq_eval.parameters import Parameters

PARAMETERS_FILE = "parameters.yaml"


@dataclass(frozen=True)
class Saved:
    """A bundle that was written, or found; `error` is empty where it is there."""

    folder: str = ""
    unchanged: bool = False
    error: str = ""

    @property
    def parameters_text(self) -> str:
        return (Path(self.folder) / PARAMETERS_FILE).read_text(encoding="utf-8")


def save(parameters: Parameters, tell: Callable[[str, str], None]) -> Saved:
    """Run with these parameters; waits until it is done.

    Args:
        tell: Called with each step of the run and the chapter it is about ("" for none).
    """
    given = json.dumps(parameters.model_dump(), ensure_ascii=False)
    command = [sys.executable, "-m", "kcq_eval.explorer.saving"]
    with subprocess.Popen(
        command, cwd=project_root(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    ) as run:
        run.stdin.write(given)
        run.stdin.close()
        saved = Saved(error="stopped")
        for line in run.stdout:
            told = json.loads(line)
            if "step" in told:
                tell(told["step"], told["chapter"])
            else:
                saved = Saved(**told)
    return saved


def command_of(saved: Saved, register_name: str = "") -> str:
    """The command that repeats the run; a register of the visitor's own is named as the visitor knows it."""
    command = f'kcq-eval run -f "{Path(saved.folder).as_posix()}/{PARAMETERS_FILE}"'
    return f'{command} -p "register={register_name}"' if register_name else command


def main() -> None:
    """In the process of its own: parameters as JSON in, a line of JSON for each step and one for the end out."""
    from kcq_eval.check.matching import NumbersDiffer
    from kcq_eval.errors import BadInput
    from kcq_eval.runs.bundle import NotebookFailed, run
    from kcq_eval.runs.inputs import InputsChanged

    with _lines() as say:
        try:
            parameters = Parameters(**json.load(sys.stdin))
            bundle = run(parameters, tell=lambda step, chapter="": say({"step": step, "chapter": chapter}))
            say({"folder": str(bundle.folder), "unchanged": bundle.unchanged})
        except (BadInput, NotebookFailed, NumbersDiffer, InputsChanged, OSError) as error:
            say({"error": str(error)})


@contextmanager
def _lines() -> Iterator[Callable[[dict], None]]:
    """Where lines can be said; what anything else prints goes to the standard error."""
    out = sys.stdout
    sys.stdout = sys.stderr
    try:
        yield lambda told: print(json.dumps(told), file=out, flush=True)
    finally:
        sys.stdout = out


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")
    main()
