import subprocess
import sys

import pytest

from aubert import tables
from aubert.cli import main

VERBS = [
    "corpus mini",
    "corpus index",
    "corpus cut",
    "transcribe pocketsphinx",
    "transcribe ctc",
    "align sketch",
    "align match",
    "align refine",
    "align book",
    "words pocketsphinx",
    "words ctc",
    "evaluate dataset",
    "evaluate show",
    "evaluate probe",
    "hubert import",
    "encode",
    "units learn",
    "units label",
    "units quality",
    "units best-layer",
    "hubert init",
    "hubert train",
    "export lhotse",
    "export fairseq",
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*verb.split(), "--help"])
    assert caught.value.code == 0
    assert f"aubert {verb}" in capsys.readouterr().out


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
    with pytest.raises(ValueError, match=r"corpus\.root"):
        main(["--debug", "corpus", "index", str(tmp_path / "out.parquet"), *flags])


def test_the_command_starts_without_heavy_imports():
    # A cluster job that has nothing to do must not pay for torch.
    program = "import sys; from aubert.cli import main\ntry: main(['--version'])\n"
    program += (
        "except SystemExit: pass\nprint({'torch', 'transformers', 'kenlm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
