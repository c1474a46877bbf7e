"""Commands without the seconds in which Python imports torch, transformers and Snakemake.

A server imports them once and forks for each command. aubert is not among them: each command
imports the code of the checkout that it runs. Snakemake is started by `run`; warm_jobs.sh lets
`python -m aubert` of its jobs run this file, which asks the server in their place.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from functools import cache

PRELOADED = """
    torch torchaudio transformers transformers.models.auto.modeling_auto
    transformers.models.bert.modeling_bert transformers.models.hubert.modeling_hubert
    transformers.models.wav2vec2.feature_extraction_wav2vec2
    numpy pyarrow.parquet pydantic.dataclasses scipy.ndimage scipy.signal shtab soundfile soxr
    matplotlib.figure sklearn.cluster pyctcdecode jinja2 num2words
    snakemake.cli snakemake.api snakemake.workflow
""".split()
NUMBER = struct.Struct("!q")


@cache
def server(name: str) -> str:
    """The address of a server, which is started when it is first asked for and ends with this
    process. What its commands have in common by chance, such as the order of sets, those of a
    server of another name do not share."""
    import atexit
    import shutil
    import subprocess
    import tempfile

    folder = tempfile.mkdtemp(prefix="warm")
    address = os.path.join(folder, "socket")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    env.pop("PYTHONPATH", None)  # that of each command holds
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # every command would compile aubert
    process = subprocess.Popen(
        [sys.executable, __file__, "serve", address],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    atexit.register(shutil.rmtree, folder)
    atexit.register(process.kill)
    assert process.stdout.readline(), f"the server of {name} did not start"
    return address


def jobs_environment(address: str) -> dict[str, str]:
    """What lets a shell's `python -m aubert` come to the server."""
    script = os.path.join(os.path.dirname(__file__), "warm_jobs.sh")
    return {"BASH_ENV": script, "WARM_CLIENT": __file__, "WARM_ADDRESS": address}


def run(
    address: str,
    command: Sequence[str],
    fds: Sequence[int],
    env: Mapping[str, str] | None = None,
) -> int:
    """The exit status of a command, below zero the signal that ended it.

    command: a Python, -m, a module and its arguments. fds: its stdin, stdout and stderr
    """
    _, option, *request = command
    assert option == "-m", command
    content = json.dumps([request, os.getcwd(), dict(os.environ if env is None else env)]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [NUMBER.pack(len(content))], fds)
        connection.sendall(content)
        return NUMBER.unpack(_read(connection, NUMBER.size))[0]


def _serve(address: str) -> None:
    """Returns in the forked processes alone, each of which is to run one command."""
    import gc
    import importlib
    import signal

    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection:
        header, fds, _, _ = socket.recv_fds(connection, NUMBER.size, 3)
        request = json.loads(_read(connection, NUMBER.unpack(header)[0]))
        command = os.fork()
        if command:  # here nothing is done but to wait for the other
            status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            connection.sendall(NUMBER.pack(status))
            os._exit(0)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    _become(*request)


def _become(command: list[str], cwd: str, env: dict[str, str]) -> None:
    import runpy

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    paths = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [os.getcwd(), *paths]  # in place of this file's folder
    sys.argv[1:] = command[1:]
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def _read(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise SystemExit("the server of warm commands is gone")
        content += part
    return content


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(sys.argv[2])
    else:
        sys.exit(run(os.environ["WARM_ADDRESS"], sys.argv, fds=(0, 1, 2)))
