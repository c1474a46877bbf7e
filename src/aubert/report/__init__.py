"""The report of a run: one page, a module per section."""
