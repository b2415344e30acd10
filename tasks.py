"""The project's chores, the same on Linux, macOS and Windows: `python tasks.py evaluate`. `make` only calls this file.

It needs Python 3.11 and nothing else. Everything the project needs goes into `.venv` beside this file: exactly the files
whose hashes stand in requirements.lock, installed again whenever the lock, pyproject.toml, the Python or the folder changes.
"""

import sys

if sys.version_info < (3, 11):
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"Cần Python 3.11 trở lên, đây là {found} · Python 3.11 or later is needed, this is {found}: {sys.executable}")

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
PROGRAMS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "set-up.sha256"  # written last: with it `.venv` is complete, without it worthless
HELD = VENV / "set-up.held"  # locked by whoever is setting up
CACHES = (".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints", "__pycache__")

LONGEST_S = 1200  # for the tests of one file, after which they hang
NO_TESTS = 5  # pytest's exit code where all tests of a file are left out
SLOWEST = (  # files of tests that begin first, so that none is waited for at the end
    "sweep", "run", "register_run", "explorer_page", "hardening", "notebooks", "verify", "slides", "mechanisms", "evidence", "check", "report_document",
    "register_damaged", "ledger", "figures_of_runs", "workbook",
)  # fmt: skip

# Settings of the caller's that would lead the project's Python to other code, its installer to another place, (in an active
# conda environment) its map libraries to another version's tables, or would have every run compile every library again:
# the installer leaves that to the first import.
FOREIGN = {"PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
FOREIGN |= {"PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH", "PYTHONDONTWRITEBYTECODE"}
# Only where the caller has not said otherwise. System certificates: behind a proxy uv's own list is not enough.
DEFAULTS = {"PYTHONUTF8": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_SYSTEM_CERTS": "1"}


def evaluate(arguments: list[str]) -> int:
    """run the evaluation; what follows goes to `kcq-eval run`, e.g. -p language=en"""
    set_up()
    return run(PYTHON, "-m", "kcq_eval", "run", *arguments)


def test(arguments: list[str]) -> int:
    """run the tests and check the notebooks; what follows goes to pytest, which then runs them one after another"""
    set_up()
    if arguments:
        return run(PYTHON, "-m", "pytest", *arguments)
    first = {f"test_{name}": place for place, name in enumerate(SLOWEST)}
    files = sorted(ROOT.glob("tests/test_*.py"), key=lambda file: (first.get(file.stem, len(first)), -file.stat().st_size))
    begun, failed, running = time.monotonic(), [], {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            while files or running:
                while files and len(running) < (os.cpu_count() or 1):
                    start_tests(files.pop(0), Path(folder), running)
                time.sleep(0.1)
                for file, started in list(running.items()):
                    if ended_tests(file, *started):
                        del running[file]
                        failed += [file.name] if started[0].returncode not in (0, NO_TESTS) else []
        finally:
            for process, _, _ in running.values():
                stop(process)
    took = f"{time.monotonic() - begun:.0f} s"
    if failed:
        fail(f"không đạt ({took}): {', '.join(failed)}", "failed, see above")
    say(f"mọi kiểm thử đều đạt ({took})", "all tests passed")
    return 0


def soak(arguments: list[str]) -> int:
    """run the long tests, which `test` leaves out"""
    set_up()
    return run(PYTHON, "-m", "pytest", "-m", "soak", *arguments)  # one after another: some measure time


def bench(arguments: list[str]) -> int:
    """run every benchmarks/bench_*.py"""
    set_up()
    return max((run(PYTHON, script, *arguments) for script in sorted(ROOT.glob("benchmarks/bench_*.py"))), default=0)


def lab(arguments: list[str]) -> int:
    """open the notebooks in JupyterLab"""
    set_up()
    return run(PYTHON, "-m", "jupyterlab", *arguments, folder=ROOT / "notebooks")


def notebooks(arguments: list[str]) -> int:
    """store the notebooks' parameters cells and outputs, and the docs' figures, as the code makes them now"""
    set_up()
    return run(PYTHON, "-m", "kcq_eval.runs.notebooks", *arguments)


def setup(arguments: list[str]) -> int:
    """make .venv, if it is not there as requirements.lock wants it"""
    set_up()
    return 0


def lock(arguments: list[str]) -> int:
    """bring requirements.lock and constraints.txt up to date with pyproject.toml; --upgrade takes new versions"""
    uv = shutil.which("uv", path=PROGRAMS)
    if uv is None:
        set_up()
        uv = shutil.which("uv", path=PROGRAMS)
    # One version for every Python ("fewest"), so that the numbers do not depend on it; wheels only, so that no package
    # is built from source by tools that the lock does not hold.
    options = "--universal --python-version 3.11 --fork-strategy fewest --only-binary :all: --all-extras"
    output = "--generate-hashes --no-header --quiet --output-file".split()
    code = run(uv, "pip", "compile", *options.split(), *arguments, PROJECT.name, *output, LOCK.name)
    if code == 0:
        write(LOCK, "# Made by `python tasks.py lock` from pyproject.toml.\n" + LOCK.read_text("utf-8"))
        pins = [line.removesuffix("\\").rstrip() for line in locked_lines() if not line.startswith(" ")]
        write(CONSTRAINTS, "\n".join(["# The pins of requirements.lock without hashes, by `python tasks.py lock`.", *pins, ""]))
    return code


def clean(arguments: list[str]) -> int:
    """remove .venv and caches; outputs/ stays, it is yours"""
    if VENV.exists():
        shutil.rmtree(VENV)
    for folder, names, _ in os.walk(ROOT):
        for name in set(names).intersection(CACHES):
            shutil.rmtree(Path(folder, name))
        names[:] = [name for name in names if name not in CACHES and name not in (".git", "outputs")]
    return 0


TASKS = {task.__name__: task for task in (evaluate, test, setup, lab, notebooks, bench, soak, lock, clean)}


def set_up() -> None:
    """Makes `.venv` as the lock wants it; does nothing, in milliseconds, when it is. A half-made one is made anew."""
    if is_set_up():
        return
    VENV.mkdir(exist_ok=True)
    with alone():
        if is_set_up():  # by the one we waited for
            return
        say("Chuẩn bị môi trường trong .venv…", "Setting up .venv…")
        STAMP.unlink(missing_ok=True)
        for entry in VENV.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != HELD:
                entry.unlink()
        import venv

        try:
            venv.create(VENV, symlinks=os.name != "nt", with_pip=True)
        except subprocess.CalledProcessError as error:
            hint = "Debian, Ubuntu: apt install python3-venv"
            fail(f"không tạo được môi trường ảo ({hint}): {error.output}", "could not make a virtual environment, see above")
        install_lock()
        # Offline, by the hatchling of the lock.
        editable = "--quiet --no-deps --no-build-isolation --no-index --editable".split()
        must(run(PYTHON, "-m", "pip", "install", *editable, ROOT), "pip install --editable .")
        STAMP.write_text(wanted(), "utf-8")
        say("Môi trường đã sẵn sàng.", "Ready.")


def install_lock() -> None:
    """Installs requirements.lock with uv, which the lock holds too; with pip where only pip knows the way out."""
    quiet = () if sys.stderr.isatty() else ("--quiet",)
    install = ("install", *quiet, "--require-hashes", "--only-binary", ":all:")
    pip = (PYTHON, "-m", "pip", *install, "--no-compile")
    with tempfile.TemporaryDirectory(dir=VENV) as folder:
        only_uv = Path(folder, "uv.lock")
        only_uv.write_text("\n".join(locked_lines("uv")), "utf-8")
        must(run(*pip, "--no-deps", "-r", only_uv), "pip install uv")
    say("Cài các gói trong requirements.lock…", "Installing the packages of requirements.lock…")
    if run(PYTHON, "-m", "uv", "pip", *install, "--python", PYTHON, "-r", LOCK):
        say("uv không cài được; dùng pip, chậm hơn…", "uv could not install them; taking pip, which is slower…")
        must(run(*pip, "-r", LOCK), "pip install -r requirements.lock")


def locked_lines(package: str = "") -> list[str]:
    """Lines of requirements.lock without comments: pins, each followed by its indented hashes; or one package's only."""
    lines, name = [], ""
    for line in LOCK.read_text("utf-8").splitlines():
        if line and not line.lstrip().startswith("#"):
            name = name if line.startswith(" ") else line.partition("==")[0]
            if package in ("", name):
                lines.append(line)
    return lines


def is_set_up() -> bool:
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text("utf-8") == wanted()


def wanted() -> str:
    """What `.venv` depends on, as SHA-256: a virtual environment cannot be moved, so its folder counts too."""
    parts = (LOCK.read_bytes(), PROJECT.read_bytes(), sys.version.encode(), str(ROOT).encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Waits until nobody else is setting up. The system frees a lock whose process has ended, however it ended."""
    with HELD.open("a") as file:
        waiting = False
        while not held(file.fileno()):
            if not waiting:
                say("Đang chờ một lần chuẩn bị khác xong…", "Waiting for another set-up to end…")
            waiting = True
            time.sleep(0.2)
        yield


def held(descriptor: int) -> bool:
    if os.name == "nt":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def run(*command: str | Path, folder: Path = ROOT) -> int:
    """The exit code of a command that uses `.venv`. Ctrl-C reaches it directly, and it ends in its own way."""
    with subprocess.Popen([os.fspath(part) for part in command], cwd=folder, env=surroundings()) as child:
        interrupted = False
        while child.returncode is None:
            try:
                child.wait()
            except KeyboardInterrupt:
                interrupted = True
            except SystemExit:  # this process was told to end, see `ended`
                child.terminate()
                raise
    if interrupted and child.returncode:
        raise KeyboardInterrupt
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def surroundings() -> dict[str, str]:
    """The caller's environment as activating `.venv` would change it, with a home folder that can be written to."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    path = os.pathsep.join([str(PROGRAMS), kept.get("PATH", os.defpath)])
    home = kept.get("HOME", "")
    if os.name != "nt" and not (os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK)):
        kept["HOME"] = str(VENV / "home")
        (VENV / "home").mkdir(parents=True, exist_ok=True)
    return {**DEFAULTS, **kept, "PATH": path, "VIRTUAL_ENV": str(VENV)}


def start_tests(file: Path, folder: Path, running: dict) -> None:
    """Runs the tests of one file in a process of their own: nothing that one file leaves behind reaches another."""
    output = folder / f"{file.stem}.txt"
    command = [PYTHON, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-o", f"faulthandler_timeout={LONGEST_S // 2}", file]
    with output.open("wb") as told:
        process = subprocess.Popen(command, cwd=ROOT, env=surroundings(), stdout=told, stderr=subprocess.STDOUT, start_new_session=True)
    running[file] = process, output, time.monotonic()


def ended_tests(file: Path, process: subprocess.Popen, output: Path, begun: float) -> bool:
    """Whether they have ended, by themselves or because they take too long; then tells how: all of it, or the last line."""
    late = time.monotonic() - begun > LONGEST_S
    if process.poll() is None and not late:
        return False
    stop(process)
    told = output.read_text("utf-8", errors="replace").strip()
    lines = told.splitlines() or [""]
    if process.returncode in (0, NO_TESTS):
        skipped = [line for line in lines if line.startswith("SKIPPED")]
        print(f"{file.stem}: {lines[-1]}", *skipped, sep="\n  ", flush=True)
    else:
        print(f"{file.stem}:\n{told}" + (f"\nended after {LONGEST_S} s" if late else ""), flush=True)
    return True


def stop(process: subprocess.Popen) -> None:
    """Ends a process that was started in a session of its own, and all that it started."""
    if os.name != "nt":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def must(code: int, what: str) -> None:
    if code:
        fail(f"không xong (mã {code}): {what}", f"failed with code {code}: {what}", code)


def say(vietnamese: str, english: str) -> None:
    print(f"{vietnamese} · {english}", file=sys.stderr, flush=True)


def fail(vietnamese: str, english: str, code: int = 1) -> None:
    say(vietnamese, english)
    sys.exit(code)


def write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")


def ended(number: int, frame: object) -> None:
    sys.exit(128 + number)


def main(arguments: list[str]) -> int:
    sys.stderr.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    signal.signal(signal.SIGTERM, ended)
    name, *rest = arguments or ["help"]
    if name in ("help", "-h", "--help"):
        print("python tasks.py TASK\n")
        print("\n".join(f"  {name:<10}{task.__doc__}" for name, task in TASKS.items()))
        return 0
    if name not in TASKS:
        fail(f"không có việc '{name}'; có: {', '.join(TASKS)}", f"there is no task '{name}'; there are: {', '.join(TASKS)}", 2)
    return TASKS[name](rest[1:] if rest[:1] == ["--"] else rest)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        fail("đã dừng", "stopped", 130)
    except OSError as error:
        fail(f"không xong: {error}", f"failed: {error}")
