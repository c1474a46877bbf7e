"""Mixtures of voices, and the voices of a mixture."""
