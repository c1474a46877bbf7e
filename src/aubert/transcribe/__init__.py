"""From utterances to transcripts."""
