"""From audio files and books on disk to utterances."""
