"""HuBERT: masked prediction of units, in iterations."""
