"""Deep clustering: a mixture of voices, separated into its speakers."""
