"""A training in several processes, on one node or more: the command starts itself again under
torchrun."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from threading import Thread

from aubert.learn.stop import SIGNALS, STOPPED

MEETING = "AUBERT_RENDEZVOUS"  # HOST:PORT, where the nodes of a training meet
_STARTER = "AUBERT_STARTER"  # process id of what started this one, of a worker


def add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--processes", type=int, default=1, help="that share the work, a GPU each, on all nodes"
    )
    parser.add_argument(
        "--nodes", type=int, default=1, help="that the processes are on; in a job of SLURM"
    )


def gpus_here(arguments: argparse.Namespace) -> int | None:
    """How many GPUs this process takes, for those that it starts as well; None: as many as its
    parent took, or it only starts the command on other nodes."""
    nodes = getattr(arguments, "nodes", 1)
    if arguments.gpus is None or _is_worker() or (nodes > 1 and MEETING not in os.environ):
        return None
    return arguments.gpus // nodes


def _is_worker() -> bool:
    """Whether torchrun started this process."""
    return "RANK" in os.environ


def start_processes(arguments: argparse.Namespace) -> None:
    """Does not return where there are several processes to be started."""
    nodes, processes = arguments.nodes, max(arguments.processes, arguments.nodes)
    if _is_worker():
        _end_with_starter()
        return
    if processes <= 1:
        return
    if processes % nodes:
        raise ValueError(f"{processes} processes cannot be as many on each of {nodes} nodes")
    if nodes > 1 and MEETING not in os.environ:
        _start_nodes(nodes)
    status = _torchrun(nodes, processes // nodes)
    if status == 1:  # last, as of a training in one process
        print("aubert: error: that of a process, above", file=sys.stderr)
    sys.exit(status)


def _start_nodes(num_nodes: int) -> None:
    """This command on every node of the job, a task each, which meet at this one. Raises ValueError
    where there is no SLURM to start them."""
    if "SLURM_JOB_ID" not in os.environ:
        raise ValueError(
            f"--nodes is {num_nodes}, but this is no job of SLURM: start the command once on every "
            f"node, with {MEETING}=HOST:PORT in the environment, the same for all"
        )
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    # Of the step that this process is in, nothing holds for the new one.
    kept = {"SLURM_JOB_ID", "SLURM_JOBID", "SLURM_CLUSTER_NAME"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith(("SLURM_", "SRUN_", "SBATCH_"))
    }
    environment[MEETING] = f"{socket.gethostname()}:{port}"
    srun = ["srun", "--overlap", f"--nodes={num_nodes}", f"--ntasks={num_nodes}"]
    command = [*srun, "--ntasks-per-node=1", sys.executable, "-m", "aubert", *sys.argv[1:]]
    os.execvpe("srun", command, environment)


def _torchrun(num_nodes: int, num_processes: int) -> int:
    """The exit status: the first one of a worker that failed."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main

    meeting = ["--standalone"]
    if num_nodes > 1:
        meeting = ["--rdzv-backend=c10d", f"--rdzv-endpoint={os.environ[MEETING]}"]
        meeting += [f"--rdzv-id={os.environ.get('SLURM_JOB_ID', 'aubert')}"]
    os.environ[_STARTER] = str(os.getpid())
    # The workers are the ones that a signal asks to stop: torchrun would kill them after a while.
    for number in SIGNALS:
        signal.signal(number, _pass_on)
    try:
        main(
            [
                *meeting,
                f"--nnodes={num_nodes}",
                f"--nproc-per-node={num_processes}",
                "--signals-to-handle=SIGINT,SIGHUP,SIGQUIT",
                "-m",
                "aubert",
                *sys.argv[1:],
            ]
        )
    except ChildFailedError as error:
        found = [failure.exitcode for failure in error.failures.values()]
        if STOPPED in found:
            return STOPPED
        return error.get_first_failure()[1].exitcode
    return 0


def _end_with_starter() -> None:
    """Of itself, a worker whose torchrun was killed waits for the others half an hour or trains on,
    with its GPU; the job of SLURM waits for it."""
    starter = os.environ.get(_STARTER)
    if starter is None:  # a torchrun of the user's own
        return

    def watch() -> None:
        while os.getppid() == int(starter):
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _pass_on(number: int, _) -> None:
    import psutil

    for child in psutil.Process().children():
        child.send_signal(number)
