"""What a run costs: jobs, hours, memory and disk, before anything runs."""
