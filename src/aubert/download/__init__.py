"""Libri-Light, LibriSpeech, language models and books, fetched from their publishers."""
