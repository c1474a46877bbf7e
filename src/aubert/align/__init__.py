"""From transcripts and books to words with times."""
