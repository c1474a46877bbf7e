# make demo: the whole workflow on the miniature corpus.   make test: all tests.
# make models: small models of real speech, in CPU hours.
# They install what they need into .venv first, once. Needs make and Python 3.11 to 3.14; 3.14
# needs a C compiler too.
.DEFAULT_GOAL := help
SHELL := /bin/sh
CORES ?= $(shell python3 -c 'import os; print(len(os.sched_getaffinity(0)))' 2>/dev/null || echo 2)
BIN := .venv/bin
# One process more than there are cores: some tests wait, for SLURM most of all.
PYTEST_FLAGS ?= --numprocesses $$(( $(CORES) + 1 )) --dist loadgroup

.PHONY: help install demo models test test-fast lint figures clean requirements

help:
	@sed -n '1,4s/^# //p' Makefile

install: .venv/installed

# The interpreter is looked for by what it can do, not by its name. 3.14 comes last: pocketsphinx
# and Snakemake's immutables have no wheels for it yet, and are compiled.
.venv/installed: requirements.txt pyproject.toml
	@python=; for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3 python python3.14; do \
	  if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null; \
	  then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 to 3.14 is missing: install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; exit 1; fi; \
	if ! "$$python" -c 'import os, shutil, sys, sysconfig as s; sys.exit(sys.version_info[:2] == (3, 14) and not (shutil.which("cc") and os.path.exists(s.get_path("include") + "/Python.h")))'; then \
	  echo "Python 3.14 needs a C compiler and Python.h, for packages that have no wheels for it: install them (Debian, Ubuntu: apt install gcc python3-dev), or name an older Python: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "Python's venv is missing: install it (Debian: apt install python3-venv)" >&2; exit 1; fi; \
	echo "installing into .venv with $$("$$python" --version) (once; 5 GB, mostly torch)"; \
	"$$python" -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(shell sed -n 's/^uv==//p' requirements.txt)
	@# Compiled now: where PYTHONDONTWRITEBYTECODE is set, as in many containers, every job would
	@# compile torch and transformers anew, 5 s each time.
	@$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --requirement requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: install
	@$(BIN)/snakemake --cores $(CORES)
	@echo; $(BIN)/aubert evaluate show results/mini/metrics.json
	@echo; echo "results/mini holds the corpus (words/, refined/, rejects/), the models (hubert/iter2, ctc/hubert, aubert/cosine)"
	@echo "and metrics.json; all figures: $(BIN)/aubert evaluate show --all results/mini/metrics.json"
	@echo; echo "open results/mini/report/index.html to see all of it, and to hear some"

# HuBERT, a recogniser, CLAR and deep clustering, with their model cards, in results/real.
models: install
	@$(BIN)/python benchmarks/real_speech.py data/real
	@$(BIN)/snakemake --cores $(CORES) --configfile workflow/presets/real-small.yaml

# Tests that share a run are in one process. One after the other: make test PYTEST_FLAGS=
test: install
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_FLAGS)

# Unit tests of one folder of tests/unit: make test-fast DIR=corpus
test-fast: install
	@$(BIN)/python -m pytest $(PYTEST_FLAGS) tests/unit/$(DIR)

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

# The tables of the READMEs, from benchmarks/figures.
figures: install
	@$(BIN)/python benchmarks/figures.py

# After a change of the dependencies in pyproject.toml.
requirements: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header \
	  --no-emit-index-url --no-annotate --output-file requirements.txt pyproject.toml

clean:
	rm -rf results logs data .snakemake
