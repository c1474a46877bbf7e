"""One training loop for every model: data, schedules, checkpoints, resume."""
