"""The networks and their losses. Nothing here reads a corpus or knows of a stage."""
