"""AuBERT: text and audio of the same words in the same context, contrasted."""
