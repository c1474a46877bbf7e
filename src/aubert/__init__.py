"""aubert: from audiobooks to speech representations.

from aubert import Units

units = Units("codebook", "facebook/hubert-base-ls960")("speech.flac")
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    if name == "Units":  # imported when it is asked for: no command has to wait for it
        from aubert.units.of_audio import Units

        return Units
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
