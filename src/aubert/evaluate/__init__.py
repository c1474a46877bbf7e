"""Figures: what came out, against references where there are any."""
