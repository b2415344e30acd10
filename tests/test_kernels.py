"""Kernels forked from one warm process are kernels like others."""

import os
import signal
import time

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from kcq_eval.runs import kernels
from kcq_eval.runs.kernels import forked_kernels
from kcq_eval.runs.pool import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="only Linux forks")
SAYS = "import os, sys; print(os.getpid(), os.getppid(), 'pandas' in sys.modules, os.getcwd(), os.environ.get('SAID'), 'mine' in globals())"


@pytest.fixture(scope="module")
def environment():
    with forked_kernels() as given:
        yield given


@pytest.fixture
def kernel(environment, tmp_path):
    """Starts kernels; gives the manager, the client, and what says how a cell ended and what it printed."""
    started = []

    def start(given=environment, **more):
        folder = given["JUPYTER_PATH"].split(os.pathsep)[0]
        manager = KernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[f"{folder}/kernels"]))
        manager.start_kernel(cwd=str(tmp_path), env={**given, **more})
        client = manager.client()
        started.append((manager, client))
        client.start_channels()
        client.wait_for_ready(timeout=60)

        def run(code):
            told = []
            reply = client.execute_interactive(code, timeout=60, output_hook=lambda message: told.append(message["content"].get("text", "")))
            return reply["content"]["status"], "".join(told).split()

        return manager, client, run

    yield start
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def gone(pid):
    """Whether a process ends within 20 seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as told:
                if told.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_each_is_a_process_of_its_own_with_everything_loaded(kernel, tmp_path):
    _, _, one = kernel(SAID="one")
    _, _, other = kernel(SAID="other")
    assert one("mine = 1")[0] == "ok"
    told, told_other = one(SAYS)[1], other(SAYS)[1]
    assert told[2:] == ["True", str(tmp_path), "one", "True"] and told_other[2:] == ["True", str(tmp_path), "other", "False"]
    assert told[0] != told_other[0] and told[1] == told_other[1] != str(os.getpid())  # both are the server's
    assert one("1 / 0")[0] == "error"


def test_it_is_interrupted_like_others_and_ends_with_what_started_it(kernel):
    manager, client, run = kernel()
    pid = int(run(SAYS)[1][0])
    asked = client.execute("import time; print('begun'); time.sleep(60)", stop_on_error=False)
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=20)
    assert reply["parent_header"]["msg_id"] == asked and reply["content"]["ename"] == "KeyboardInterrupt"
    assert run("print(1)") == ("ok", ["1"])
    os.kill(manager.provisioner.process.pid, signal.SIGKILL)
    assert gone(pid)


def test_without_its_server_an_ordinary_kernel_starts(kernel, monkeypatch):
    monkeypatch.setattr(kernels, "_MODULE", "kcq_eval.errors")  # which ends at once
    with forked_kernels() as given:
        _, _, run = kernel(given)
        assert run(SAYS)[1][2] == "False"
