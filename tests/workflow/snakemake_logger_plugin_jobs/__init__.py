"""`snakemake --logger jobs`: the jobs that Snakemake runs, or would run, a json line each, beside
what it prints anyway. They are appended to the file that JOBS_FILE names.

Where LOOK_EVERY_S is set, Snakemake, which imports all plugins, looks that often for the ends of
SLURM's jobs: of itself it waits ten seconds longer after each look at a job that still runs."""

from __future__ import annotations

import json
import os

from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

if "LOOK_EVERY_S" in os.environ:
    RemoteExecutor.next_seconds_between_status_checks = property(
        lambda executor: float(os.environ["LOOK_EVERY_S"]), lambda executor, longer: None
    )


class LogHandler(LogHandlerBase):
    writes_to_stream = False
    writes_to_file = True
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.baseFilename = os.environ["JOBS_FILE"]

    def emit(self, record) -> None:
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            job = {"rule": record.rule_name, "wildcards": record.wildcards}
            job |= {"gpu": record.resources.get("gpu"), "threads": record.threads}
            with open(self.baseFilename, "a") as file:
                file.write(json.dumps(job) + "\n")
