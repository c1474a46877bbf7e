"""Figures of a run with intervals: metrics, error rates, probes, the dataset's figures."""
