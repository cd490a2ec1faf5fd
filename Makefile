# Everything a user or CI needs; `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LOWEST := .venv-lowest

.PHONY: help install run test test-slow test-kill test-inputs test-mutations test-lowest lint sweep-smoke slurm-test bench glasses relaxed-cells quench-rates docs docs-check clean
help:            ## list the targets
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("zifsim needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 install") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: $(STAMP)  ## make .venv and install zifsim into it

run: $(STAMP)      ## the whole job at quick settings: workflows/quick.toml -> results/quick
	$(BIN)/zifsim run workflows/quick.toml

test: $(STAMP)     ## the fast tests (some 8 minutes on 2 idle cores)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(STAMP) ## the long physics tests
	$(BIN)/python -m pytest -m slow

test-kill: $(STAMP) ## every command killed and stopped before each change it makes to files
	ZIFSIM_EVERY_CHANGE=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "slow or not slow" \
	  tests/cli/test_cli_gcmc_faults.py tests/cli/test_cli_gcmc_kill.py tests/cli/test_cli_kill_study.py \
	  tests/melt/test_melt_faults.py tests/melt/test_melt_replicas.py \
	  tests/access/test_access_kill.py tests/runs/test_runs_analyse.py tests/sweep/test_sweep_run.py tests/cli/test_cli_mixture.py

test-inputs: $(STAMP) ## a hundred hard inputs, each in a process of its own (tests/data/inputs)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "slow or not slow" tests/cli/test_hostile_inputs.py

test-mutations: $(STAMP) ## errors put into the code on purpose, each to be noticed by its tests (an hour)
	$(BIN)/python tests/mutations/run.py

test-lowest:     ## the fast tests with the oldest versions that pyproject.toml allows, in .venv-lowest
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) .ci/lowest_versions.py test > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/constraints.txt --editable '.[test]'
	$(LOWEST)/bin/python -m pytest -n 2 --dist worksteal $(TESTS)

sweep-smoke: $(STAMP) ## a tiny sweep through Snakemake on 2 cores, a few minutes -> results/smoke_sweep
	$(BIN)/zifsim sweep run smoke_sweep --cores 2

slurm-test: $(STAMP) ## the same on a private SLURM (installed with apt where root allows; skipped elsewhere)
	bash tests/sweep/install_slurm.sh
	$(BIN)/python -m pytest -rs -m slow tests/sweep/test_sweep_slurm.py

lint: $(STAMP)     ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)    ## all benchmark tables (benchmarks/README.md says how to add peers)
	$(BIN)/python benchmarks/run_all.py

glasses: $(STAMP)  ## make the reference glasses of structures/glasses (one core, minutes to half an hour each; resumable)
	$(BIN)/python workflows/glasses.py

relaxed-cells: $(STAMP) ## relax the cells of structures/relaxed that are missing (a minute each)
	$(BIN)/python workflows/relaxed_cells.py

quench-rates: $(STAMP) ## quench four of their liquids at four rates (two hours of a core) -> results/quench_rates
	$(BIN)/python workflows/quench_rates.py

docs-check: $(STAMP) ## is what README and docs/ say still true? (half a minute)
	$(BIN)/python docs/check.py

docs: $(STAMP)     ## regenerate the pages, pictures and tables shown in the README and docs/
	$(BIN)/python docs/make_api.py
	$(BIN)/python docs/make_schemas.py
	$(BIN)/python docs/make_figures.py

clean:           ## remove the environment, caches and results of `make run`
	rm -rf $(VENV) $(LOWEST) results .pytest_cache .mypy_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
