"""CTC: an encoder fine-tuned on transcripts, and its error rates."""
