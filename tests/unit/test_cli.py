import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from aubert import cli, tables
from aubert.cli import main
from aubert.learn.stop import Stopped


def verbs():
    """Every command, as it is typed."""
    for name, group in groups().items():
        inside = group.get_default("verbs")
        yield from [f"{name} {verb}" for verb in inside.choices] if inside else [name]


def groups():
    (action,) = cli.parser()._subparsers._group_actions
    return action.choices


@pytest.mark.parametrize("verb", list(verbs()))
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*verb.split(), "--help"])
    assert caught.value.code == 0
    assert f"aubert {verb}" in capsys.readouterr().out


def test_help_is_a_map_of_all_verbs_in_the_order_of_the_flow(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    lines = dict(re.findall(r"^  (\w+) +(.+)$", printed, re.M))
    for verb in verbs():
        group, *rest = verb.split()
        assert all(re.search(rf"\b{word}\b", lines[group]) for word in rest), verb
    places = [printed.index(f"\n  {name} ") for name in ("corpus", "words", "hubert", "evaluate")]
    assert places == sorted(places)


def test_a_command_imports_its_own_group_alone():
    program = "import sys; from aubert.cli import main\n"
    program += "try: main(['--gpus=0', 'corpus', 'index', '-h'])\nexcept SystemExit: pass\n"
    program += "print([name for name in sys.modules if '.commands' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "['aubert.corpus.commands']", done.stderr


def test_what_is_no_group_is_named_beside_all_that_are(capsys):
    for words in (["corps", "index"], ["--gpus", "0", "corps"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
        printed = capsys.readouterr().err
        assert "invalid choice: 'corps'" in printed and all(name in printed for name in groups())


def test_a_stage_writes_its_tables_and_one_line(tmp_path, capsys):
    (tmp_path / "corpus/small").mkdir(parents=True)
    out, rejects = tmp_path / "recordings.parquet", tmp_path / "rejects.parquet"
    flags = ["--root", str(tmp_path / "corpus"), "--subsets", "small", "--rejects", str(rejects)]
    assert main(["corpus", "index", str(out), *flags]) == 0
    assert capsys.readouterr().out == "index: 0 in, 0 out (0 rows), 0 rejected\n"
    assert tables.read(out, "recordings").num_rows == 0


def test_an_error_is_one_line_that_says_what_is_wrong(tmp_path, capsys):
    flags = ["--root", str(tmp_path / "absent"), "--subsets", "small", "--rejects", "r.parquet"]
    assert main(["corpus", "index", str(tmp_path / "out.parquet"), *flags]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("aubert: error: corpus.root:") and len(printed.splitlines()) == 1
    for debugged in (["--debug", "corpus", "index"], ["corpus", "index", "--debug"]):
        with pytest.raises(ValueError, match=r"corpus\.root"):
            main([*debugged, str(tmp_path / "out.parquet"), *flags])


@pytest.mark.parametrize(
    ("raised", "status", "message"),
    [
        (ValueError("give another file"), 1, "aubert: error: give another file"),
        (FileNotFoundError(2, "No such file", "absent"), 1, "'absent'"),
        (OSError(28, "No space left"), 4, "aubert: machine error: [Errno 28] No space left"),
        (ConnectionError("no answer"), 4, "aubert: machine error: no answer"),
        (Stopped("stopped after step 3"), 75, "aubert: stopped after step 3"),
        (AssertionError("7 ids were lost"), 3, "a fault of aubert"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_the_exit_status_says_whose_fault_it_was(raised, status, message, monkeypatch, capsys):
    def run(arguments):
        raise raised

    known = SimpleNamespace(
        parse_args=lambda argv: SimpleNamespace(run=run, debug=False, gpus=None)
    )
    monkeypatch.setattr(cli, "parser", lambda names: known)
    assert main([]) == status
    printed = capsys.readouterr().err
    assert message in printed
    # Where in our code it happened is of use only when it is our fault.
    assert ("Traceback" in printed) == (status == 3)


def test_a_reader_that_has_enough_is_no_error():
    program = f"{sys.executable} -c 'from aubert.cli import main; main([\"--help\"])'"
    metrics = f"{sys.executable} -m aubert evaluate show /dev/null"
    for command in (program, metrics):
        done = subprocess.run(f"{command} | true", shell=True, capture_output=True, text=True)
        assert "BrokenPipe" not in done.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not there")
def test_the_shell_completes_groups_and_verbs(tmp_path):
    script = tmp_path / "aubert.bash"
    command = [sys.executable, "-m", "aubert", "--completion", "bash"]
    script.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)

    def completed(*words):
        program = (
            f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
            '_shtab_aubert; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
        return done.stdout.split()

    assert completed("aubert", "cor") == ["corpus"]
    assert {"folder", "index", "cut"} <= set(completed("aubert", "corpus", "''"))


def test_the_command_starts_without_heavy_imports():
    # A cluster job that has nothing to do must not pay for torch.
    program = "import sys; from aubert.cli import main\ntry: main(['--version'])\n"
    program += (
        "except SystemExit: pass\nprint({'torch', 'transformers', 'kenlm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
