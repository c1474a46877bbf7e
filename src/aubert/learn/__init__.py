"""The one training loop: data, schedules, checkpoints, resume, logs, several processes."""
