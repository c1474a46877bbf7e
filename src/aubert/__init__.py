"""aubert: from audiobooks to speech representations."""

__version__ = "0.1.0"
