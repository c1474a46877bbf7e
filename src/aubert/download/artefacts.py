"""What can be downloaded: the publishers' files, pinned.

Checksums are the publishers' own where there are any. Libri-Light's README has those of
small, medium and large; torchaudio's LibriLightLimited that of librispeech_finetuning;
OpenSLR 12 those of LibriSpeech (md5sum.txt). None is published for duplicate, nor for the
files of OpenSLR 11, whose sizes in bytes are Kaldi's (egs/librispeech/s5/local/download_lm.sh);
the language model carries gzip's checksum inside.
"""

from __future__ import annotations

from dataclasses import dataclass

_LIBRILIGHT = "https://dl.fbaipublicfiles.com/librilight/data"
_OPENSLR = "https://www.openslr.org/resources"


@dataclass(frozen=True)
class Artefact:
    """One file of a publisher.

    target: what it becomes, below the folder that is downloaded to; for archives the directory
      that it unpacks to, with the archive's own directories below
    contents: the directories that the archive holds; they are there when it is
    checksum: "md5:..." or "sha256:...", None where none is published
    num_bytes: exactly, None where not published
    about: for people
    """

    url: str
    target: str
    about: str
    contents: tuple[str, ...] = ()
    checksum: str | None = None
    num_bytes: int | None = None

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[1]


ARTEFACTS: dict[str, Artefact] = {
    "librilight-small": Artefact(
        url=f"{_LIBRILIGHT}/small.tar",
        target="librilight",
        contents=("small",),
        checksum="md5:c49207eb86a8e8ac895561c37232041e",
        about="577 hours, 35 GB",
    ),
    "librilight-medium": Artefact(
        url=f"{_LIBRILIGHT}/medium.tar",
        target="librilight",
        contents=("medium",),
        checksum="md5:c75e7ac62471bfbf2db77528d62a9b74",
        about="5,193 hours, 321 GB, without small",
    ),
    "librilight-large": Artefact(
        url=f"{_LIBRILIGHT}/large.tar",
        target="librilight",
        contents=("large",),
        checksum="md5:4dfbac018f50b99797ece101fc9f0c30",
        about="51,934 hours, 3.05 TB, without small and medium",
    ),
    "librilight-duplicate": Artefact(
        url=f"{_LIBRILIGHT}/duplicate.tar",
        target="librilight",
        contents=("duplicate",),
        about="4,500 hours, 274 GB, books that may be in the others too",
    ),
    "librispeech-finetuning": Artefact(
        url=f"{_LIBRILIGHT}/librispeech_finetuning.tgz",
        target=".",
        contents=("librispeech_finetuning",),
        checksum="sha256:5d1efdc777b548194d7e09ba89126e2188026df9fd57aa57eb14408d2b2342af",
        about="10 labelled hours, 0.6 GB: what CTC is fine-tuned on",
    ),
    "librispeech-dev-clean": Artefact(
        url=f"{_OPENSLR}/12/dev-clean.tar.gz",
        target=".",
        contents=("LibriSpeech/dev-clean",),
        checksum="md5:42e2234ba48799c1f50f24a7926300a1",
        num_bytes=337_926_286,
        about="5.4 labelled hours, 338 MB: what error rates are measured on",
    ),
    "librispeech-dev-other": Artefact(
        url=f"{_OPENSLR}/12/dev-other.tar.gz",
        target=".",
        contents=("LibriSpeech/dev-other",),
        checksum="md5:c8d0bcc9cca99d4f8b62fcc847357931",
        num_bytes=314_305_928,
        about="5.3 labelled hours, 314 MB: harder voices",
    ),
    "lm-3gram": Artefact(
        url=f"{_OPENSLR}/11/3-gram.pruned.1e-7.arpa.gz",
        target="lm/3-gram.pruned.1e-7.arpa",
        num_bytes=34_094_057,
        about="LibriSpeech's 3-gram language model, pruned, 34 MB",
    ),
    "lm-vocabulary": Artefact(
        url=f"{_OPENSLR}/11/librispeech-vocab.txt",
        target="lm/librispeech-vocab.txt",
        num_bytes=1_737_588,
        about="the words of that language model, 1.7 MB",
    ),
}
