"""The word-aligned corpus in the formats of other tools."""
