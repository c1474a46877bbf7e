"""`aubert clar embed`: vectors of files, as the evaluation has them of clips."""

import numpy as np
import soundfile
import torch
from toy_clar import MODEL, tones

from aubert.clar.evaluation import encoded
from aubert.clar.network import ClarModel
from aubert.cli import main


def saved(directory) -> ClarModel:
    torch.manual_seed(0)
    model = ClarModel(MODEL, ["a", "b"]).eval()
    model.save(directory)
    return model


def test_vectors_of_files(tmp_path, capsys):
    model, clips = saved(tmp_path / "m"), tones(tmp_path / "tones", num_groups=1)
    words = ["clar", "embed", *(clip.path for clip in clips), "-o", tmp_path / "out"]
    assert main([*map(str, words), f"--model={tmp_path / 'm'}", "--device=cpu"]) == 0
    np.testing.assert_allclose(
        np.load(tmp_path / "out/embeddings.npy"), encoded(model, clips), atol=1e-5
    )
    names = (tmp_path / "out/names.txt").read_text().split("\n")[:-1]
    assert names == [clip.path.name for clip in clips]
    assert f"embed: {len(clips)} files in" in capsys.readouterr().out


def test_bad_files_are_named_and_the_others_done(tmp_path, capsys):
    saved(tmp_path / "m")
    folder = tmp_path / "sounds"
    folder.mkdir()
    soundfile.write(folder / "good.wav", 0.1 * np.ones(4_000), 8_000)
    soundfile.write(folder / "short.wav", np.zeros(10), 8_000)
    soundfile.write(folder / "nan.wav", np.full(4_000, np.nan), 8_000, subtype="FLOAT")
    (folder / "broken.flac").write_bytes(b"fLaC no more")
    words = ["clar", "embed", folder, "-o", tmp_path / "out", "--model", tmp_path / "m"]
    assert main([*map(str, words), "--device=cpu"]) == 1
    printed = capsys.readouterr()
    for name, reason in {
        "short.wav": "audio_too_short",
        "nan.wav": "features_not_finite",
        "broken.flac": "audio_unreadable",
    }.items():
        assert f"{name}: {reason}" in printed.err
    assert (tmp_path / "out/names.txt").read_text() == "good.wav\n"
    vectors = np.load(tmp_path / "out/embeddings.npy")
    assert len(vectors) == 1 and np.isfinite(vectors).all()
