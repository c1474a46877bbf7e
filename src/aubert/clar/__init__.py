"""CLAR: encoders of audio clips, learned from augmented views."""
