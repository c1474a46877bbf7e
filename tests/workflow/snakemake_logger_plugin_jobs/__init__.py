"""`snakemake --logger jobs`: the jobs that Snakemake runs, or would run, a json line each, beside
what it prints anyway. They are appended to the file that JOBS_FILE names."""

from __future__ import annotations

import json
import os

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


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
