"""Jupyter kernels forked from one process that has everything loaded: `python -m kcq_eval.runs.kernels pytest --nbval notebooks/*.ipynb`.

Any Jupyter client then gets real kernels without their start and imports; each is a process of its own that shares nothing.
Where there is no fork, and when the server is gone, kernels start as always.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kcq_eval.runs.pool import CAN_FORK, die_with

_MODULE = "kcq_eval.runs.kernels"
_LONGEST_REQUEST = 1 << 20
_NAME = "python3"  # of the kernel that the notebooks name
_MANAGER = "JPY_PARENT_PID"  # whose death an ordinary kernel watches; ours is watched by the server


@contextlib.contextmanager
def forked_kernels() -> Iterator[dict[str, str]]:
    """The environment in which clients get forked kernels, as long as the context lasts."""
    if not CAN_FORK:
        yield dict(os.environ)
        return
    folder = Path(tempfile.mkdtemp(prefix="kcq-kernels-"))
    server = None
    try:
        place = folder / "socket"
        spec = folder / "kernels" / _NAME / "kernel.json"
        spec.parent.mkdir(parents=True)
        launcher = Path(__file__).with_name("kernel_launcher.py")
        argv = [sys.executable, "-S", "-E", str(launcher), "{connection_file}", str(place)]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3, forked", "language": "python"}), encoding="utf-8")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:  # made here, so that whoever asks before the server is warm only waits
            listening.bind(str(place))
            listening.listen()
            server = subprocess.Popen([sys.executable, "-m", _MODULE, "--serve", str(listening.fileno())], pass_fds=[listening.fileno()])
        yield os.environ | {"JUPYTER_PATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("JUPYTER_PATH")]))}
    finally:
        if server is not None:
            server.kill()  # its kernels die with it
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def serve(listening: socket.socket) -> None:
    """Fork a kernel for each launcher that connects; end it when its launcher is gone."""
    os.environ.pop(_MANAGER, None)
    from ipykernel import kernelapp  # noqa: F401

    from kcq_eval.runs.warm import load_everything

    load_everything()
    parent, kernels = os.getppid(), {}
    with selectors.DefaultSelector() as ready:
        ready.register(listening, selectors.EVENT_READ)
        while os.getppid() == parent:
            for key, _ in ready.select(timeout=1.0):
                if key.fileobj is listening:
                    launcher, _ = listening.accept()
                    pid = _forked(launcher, [listening, *kernels])
                    if pid:
                        kernels[launcher] = pid
                        ready.register(launcher, selectors.EVENT_READ)
                else:  # launchers say nothing more: this one is gone
                    ready.unregister(key.fileobj)
                    _end(kernels.pop(key.fileobj))
                    key.fileobj.close()
            for launcher, pid in list(kernels.items()):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    ready.unregister(launcher)
                    launcher.close()  # tells the launcher to end too
                    del kernels[launcher]


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _forked(launcher: socket.socket, others: list[socket.socket]) -> int:
    """The kernel's process id, 0 where the launcher did not say what it wants."""
    message, descriptors, _, _ = socket.recv_fds(launcher, _LONGEST_REQUEST, 3)
    if len(descriptors) != 3:
        launcher.close()
        return 0
    server = os.getpid()
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(OSError):  # a launcher that is gone already: its kernel is ended when that is read
            launcher.sendall(str(pid).encode())
        return pid
    code = 1
    try:
        for other in (launcher, *others):
            other.close()
        _be_kernel(json.loads(message), descriptors, server)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _be_kernel(asked: dict, descriptors: list[int], server: int) -> None:
    die_with(server)
    os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update({name: value for name, value in asked["environment"].items() if name != _MANAGER})
    os.chdir(asked["folder"])
    sys.path.insert(0, "")
    from ipykernel.kernelapp import launch_new_instance

    sys.argv = ["ipykernel_launcher", "--quiet", "-f", asked["connection"]]  # else it prints how to connect
    launch_new_instance()


def main(command: list[str]) -> int:
    """Run a command whose kernels are forked; its exit code."""
    if command[:1] == ["--serve"]:
        with socket.socket(fileno=int(command[1])) as listening:
            serve(listening)
        return 0
    if not command:
        sys.exit(__doc__)
    with forked_kernels() as environment:
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
