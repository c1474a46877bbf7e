"""CTC fine-tuning as a task of the loop: whole utterances and their letters."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from transformers import Wav2Vec2FeatureExtractor

from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.labelled import LabelledUtterance, read_labelled
from aubert.ctc.alphabet import LETTERS, alphabet, notes
from aubert.ctc.examples import CtcExamples, LeftOut, Shape
from aubert.ctc.network import BLANK, TOKENS, CtcBatch, CtcNetwork, tokens_of
from aubert.ctc.options import VERSION, CtcTrainOptions
from aubert.encoders.hubert import load_encoder
from aubert.encoders.pretrained import load_part
from aubert.evaluate.wer import word_errors
from aubert.learn.card import Card
from aubert.learn.checkpoints import hash_of_weights
from aubert.learn.data import EpochPlan
from aubert.learn.run import train_model
from aubert.learn.validation import check_held_out, is_held_out
from aubert.text.language import Language
from aubert.text.languages import ENGLISH
from aubert.transcribe.decode import DecodeOptions, Decoder
from aubert.transcribe.vocabulary import Vocabulary

# Of a checkpoint's config: who wrote it, not what it is.
_NOT_SHAPE = {"transformers_version", "_name_or_path", "dtype", "architectures"}


class CtcTask:
    """CTC over the letters; the front end, and for a while the encoder, stays as it is."""

    def __init__(
        self,
        model: CtcNetwork,
        validation: CtcExamples | None,
        options: CtcTrainOptions,
        pack: Language = ENGLISH,
    ):
        """validation: what `validate` listens to. pack: with the letters of the network."""
        self.model = model
        self._validation = validation
        self._options = options
        self._pack = pack

    def start_step(self, step: int) -> None:
        encoder = self.model.encoder
        encoder.requires_grad_(step > self._options.freeze_encoder_steps)
        if not self._options.train_front_end:
            encoder.feature_extractor.requires_grad_(False)

    def loss(self, batch: CtcBatch) -> tuple[torch.Tensor, int, Mapping[str, torch.Tensor]]:
        return self.model(batch)

    def validate(self) -> dict[str, float]:
        """The loss per letter, and the word error rate without a language model."""
        examples = self._validation
        tokens = self.model.tokens
        vocabulary = Vocabulary.from_tokens(
            {token: index for index, token in enumerate(tokens)},
            len(tokens),
            tokens.index(BLANK),
            language=self._pack,
        )
        greedy = Decoder(vocabulary, DecodeOptions(beam_width=1), self._pack)
        device = next(self.model.parameters()).device
        loss = num_letters = num_errors = num_words = 0.0
        for micro in EpochPlan(examples.num_samples, 0, self._options):
            batch = examples.batch(micro.pieces, None).to(device)
            log_probs, num_frames = self.model.log_probs(batch)
            loss += self.model.loss(log_probs, num_frames, batch).item()
            num_letters += len(batch.letters)
            rows = zip(micro.pieces, log_probs.cpu().numpy(), num_frames.tolist(), strict=True)
            for piece, row, length in rows:
                reference = examples.utterances[piece.index].text.split()
                num_errors += word_errors(reference, greedy(row[:length], None).text.split())
                num_words += len(reference)
        return {"loss": loss / num_letters, "wer": num_errors / num_words}


def ctc_network(init: str | Path, options: CtcTrainOptions, pack: Language = ENGLISH) -> CtcNetwork:
    """A network over the encoder of a model directory or a Hugging Face id; the output layer is
    new. pack: whose letters it writes. Raises ValueError when it is no encoder that load_encoder
    takes."""
    encoder = load_encoder(init)
    extractor = load_part(Wav2Vec2FeatureExtractor, str(init), "a speech encoder")
    torch.manual_seed(options.seed)
    return CtcNetwork(
        encoder,
        extractor,
        tokens=tokens_of(pack.letters),
        language=pack.tag,
        final_dropout=options.final_dropout,
        hidden_dropout=options.dropout,
        attention_dropout=options.attention_dropout,
        activation_dropout=options.activation_dropout,
        feat_proj_dropout=options.input_dropout,
        layerdrop=options.layerdrop,
    )


def train_ctc(
    out: str | Path,
    init: str | Path,
    labelled: Sequence[str | Path],
    options: CtcTrainOptions,
    *,
    language: str = "en",
    vocabulary: str = LETTERS,
    held_out: HeldOut = NOTHING,
    restart: str = "never",
) -> tuple[str, list[LeftOut]]:
    """Fine-tunes the encoder in `init` on labelled folders, and writes the model directory `out`.

    language: BCP 47, of the transcripts. vocabulary: of `alphabet`. held_out: speakers, and of
    layouts that name them books, of which no utterance is learned from or validated with. restart:
    as of train_model, by which a killed one goes on. Returns one line of what was done, and what
    was left out. Raises ValueError when nothing can be learned from, or validated with.
    """
    pack = alphabet(vocabulary, language, labelled, held_out)
    network = ctc_network(init, options, pack)
    shape = Shape.of(network)
    read = read_labelled(labelled, pack)
    utterances = [each for each in read if not held_out.has(each.speaker, each.book_id)]
    for note in notes(utterances, pack):
        warnings.warn(note, stacklevel=2)
    groups: dict[bool, list[LabelledUtterance]] = {False: [], True: []}
    for utterance in utterances:
        validates = is_held_out(utterance.utterance_id, options.validation_share)
        groups[validates].append(utterance)
    examples, validation = (CtcExamples(groups[held], shape, options) for held in (False, True))
    left_out = examples.left_out + validation.left_out
    _check(examples, validation, left_out, options)
    task = CtcTask(network, validation, options, pack)
    trained = train_model(
        out,
        task,
        examples,
        options,
        config={
            "version": VERSION,
            "init": _hash_of_model(network),
            "learned_from": _hash_of_examples(examples),
            "validated_with": _hash_of_examples(validation),
            **({} if network.tokens == TOKENS else {"letters": pack.letters}),
        },
        save=network.save,
        validate=task.validate if options.validation_share else None,
        restart=restart,
        card=_card(pack, options, examples),
    )
    held = len(read) - len(utterances)
    return _summary(trained, examples, left_out) + (f", {held} held out" if held else ""), left_out


def _card(pack: Language, options: CtcTrainOptions, examples: CtcExamples) -> Card:
    minutes = examples.num_samples.sum() / SAMPLE_RATE_HZ / 60
    return Card(
        title="CTC recogniser",
        what=f"An encoder of speech, fine-tuned with CTC: {SAMPLE_RATE_HZ:,} Hz goes in, letters "
        f"come out ({pack.tag}: {pack.letters}).",
        data=f"{minutes:.1f} minutes in {len(examples.utterances):,} utterances with transcripts",
        usage="aubert transcribe *.flac --model MODEL",
        limits="It writes words in small letters, numbers as words, without punctuation. Without a "
        "language model it spells.",
        options=(options,),
        tags=("audio", "automatic-speech-recognition"),
    )


def _check(examples, validation, left_out: list[LeftOut], options: CtcTrainOptions) -> None:
    reasons = ", ".join(f"{n} {reason}" for reason, n in _counts(left_out).items())
    if not examples.utterances:
        raise ValueError(
            f"no utterance can be learned from ({reasons or 'all are held out'}); raise "
            f"max_seconds, choose an encoder with more frames per second, or learn the letters "
            f"of the transcripts (ctc.vocabulary: transcripts)"
        )
    check_held_out(options.validation_share, len(validation.utterances), len(examples.utterances))


def _counts(left_out: list[LeftOut]) -> Mapping[str, int]:
    return Counter(each.reason for each in sorted(left_out, key=lambda each: each.reason))


def _summary(trained, examples: CtcExamples, left_out: list[LeftOut]) -> str:
    minutes = examples.num_samples.sum() / SAMPLE_RATE_HZ / 60
    line = f"ctc: {trained.steps} steps over {len(examples.utterances)} utterances "
    line += f"({minutes:.1f} minutes)"
    if trained.validation is not None:
        line += f", validation WER {trained.validation['wer']:.3f} at step {trained.best_step}"
    return line + "".join(f", {n} {reason}" for reason, n in _counts(left_out).items())


def _hash_of_model(network: CtcNetwork) -> str:
    """Of the encoder, however its checkpoint is written."""
    config = network.encoder.config.to_dict()
    shape = {name: config[name] for name in sorted(config) if name not in _NOT_SHAPE}
    content = f"{hash_of_weights(network.encoder)} {json.dumps(shape, default=str)}"
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def _hash_of_examples(examples: CtcExamples) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for utterance, length in zip(examples.utterances, examples.num_samples, strict=True):
        digest.update(f"{utterance.utterance_id}\t{length}\t{utterance.text}\n".encode())
    return digest.hexdigest()
