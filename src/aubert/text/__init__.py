"""Written text: normalisation, numbers, sentences, pronunciations, a book's language model."""
