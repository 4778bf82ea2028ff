# `make` runs the whole paper; `make help` lists the rest.
#
# CORES        number of jobs at a time (default: all cores)
# PYTHON       the Python (>= 3.11) that creates .venv
# TORCH_INDEX  where to get torch from instead of pip's default, which on Linux is the large CUDA
#              build; the CPU build is at https://download.pytorch.org/whl/cpu
# FLAGS        more options of Snakemake, such as --keep-going

CORES ?= all
FLAGS ?=
PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
READY := $(VENV)/.ready
# Of the site alone.
DOCS := .venv-docs

# Snakemake and matplotlib keep files in the home folder, which some accounts of clusters lack.
ifeq ($(shell test -w "$$HOME" && echo yes),)
export XDG_CACHE_HOME ?= $(CURDIR)/.snakemake/cache
export MPLCONFIGDIR ?= $(CURDIR)/.snakemake/matplotlib
endif

# Jobs call `python`: it must be the environment's.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# Greedy: the default scheduler solves an integer program at every step, which gains nothing here.
SNAKEMAKE := $(VENV)/bin/snakemake --cores $(CORES) --scheduler greedy --rerun-incomplete \
  --show-failed-logs $(FLAGS)
SMOKE_RESULTS := results/smoke
# What the rules write in results/, beside runs/ and published/.
WRITTEN := ablation admitted archive benchmarks checkpoints figures join logs next reference report.html site smoke \
  summary tables tuning verified

# METHOD: which entries, such as "soft_cgt hard_cgt"; all by default. CONFIG: overlays. MARK=trial
empty :=
space := $(empty) $(empty)
comma := ,
LAYERS := $(if $(CONFIG),--configfile $(CONFIG))
listed = '$(1)=[$(subst $(space),$(comma),$(strip $(METHOD)))]'

.DEFAULT_GOAL := all
.PHONY: all smoke figures leaderboard report tune publish-tuning ablation bench check compare publish publish-rows join \
  docs archive unlock test test-slurm lint format clean help

all: $(READY)  ## the paper: raw data to tables and figures in results/
	$(SNAKEMAKE) all

smoke: $(READY)  ## every rule of `make` on a slice of the real data, into results/smoke
	$(SNAKEMAKE) all --configfile config/smoke.yaml --config results=$(SMOKE_RESULTS)

figures: $(READY)  ## redraw tables and figures from results/published, and the tables of the READMEs
	$(SNAKEMAKE) figures
	$(VENV)/bin/cgt readme README.md --tables results/published/tables results/published/ablation/tables results/published/benchmarks
	$(VENV)/bin/cgt readme docs/device.md --tables results/published/benchmarks
	$(VENV)/bin/cgt readme config/README.md

leaderboard: $(READY)  ## set all published rows side by side: page, figure and table
	$(SNAKEMAKE) leaderboard

report: $(READY)  ## one page with all figures and tables of the full run, to results/report.html
	$(SNAKEMAKE) all --report results/report.html --report-after-run \
	  --report-stylesheet workflow/report/style.css

tune: $(READY)  ## search hyperparameters on validation data, into results/tuning (METHOD=, CONFIG=: as below)
	$(SNAKEMAKE) tune $(LAYERS) $(if $(METHOD),--config $(call listed,tune_methods))

publish-tuning: $(READY)  ## put finished searches among the published ones
	$(SNAKEMAKE) publish_tuning $(LAYERS)

ablation: $(READY)  ## what each part of CGT does: its variants, into results/ablation
	$(SNAKEMAKE) ablation

bench: $(READY)  ## measure all speeds of a finished run, into results/benchmarks
	$(SNAKEMAKE) bench --forcerun bench_infer bench_train bench_entries \
	  bench_scaling bench_device bench_pipeline

check: $(READY)  ## are the results complete and the summary up to date with them?
	$(SNAKEMAKE) check

compare: $(READY)  ## does the full run agree with the published one?
	$(VENV)/bin/cgt compare results/summary results/published/summary

publish: $(READY)  ## copy the results of a full run to results/published
	$(SNAKEMAKE) publish

NAMED := $(if $(METHOD),$(call listed,publish_methods))
MARKED := $(if $(MARK),publish_mark=$(MARK))
# Before Snakemake, whose own reader ends in a traceback.
CHECKED := $(if $(CONFIG),@$(VENV)/bin/cgt config config/config.yaml $(CONFIG))
publish-rows: $(READY)  ## put finished entries among the rows that others compare with
	$(CHECKED)
	$(SNAKEMAKE) publish_rows $(LAYERS) $(if $(NAMED)$(MARKED),--config $(NAMED) $(MARKED))

# CONFIG: overlays whose settings count, instead of those of the published rows.
join: $(READY)  ## set METHOD=name beside the published rows (SEEDS=3: at the first three seeds)
	@test -n "$(METHOD)" || { echo 'which method? make join METHOD=name' >&2; exit 1; }
	$(CHECKED)
	$(SNAKEMAKE) join $(LAYERS) --config join=$(METHOD) $(if $(CONFIG),join_settings=own) \
	  $(if $(SEEDS),join_seeds=$(SEEDS))

docs: $(DOCS)/.ready  ## pages to read in a browser, offline, into results/site
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet
	@echo 'open results/site/index.html'

archive: $(READY)  ## code, published results and the runs that are there, with checksums, into results/archive
	$(VENV)/bin/cgt archive --runs results/runs --out results/archive

unlock: $(READY)  ## after Snakemake itself was killed: let the next run begin
	$(VENV)/bin/snakemake --unlock

test: $(READY)  ## all tests, with coverage
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=loadfile \
	  --cov=cgt --cov-report=term --cov-fail-under=90

# Not of `make test`: it sets up a cluster, for which it needs root, slurm-wlm and munge.
test-slurm: $(READY)  ## the workflow through a Slurm of one machine, see docs/cluster.md
	$(VENV)/bin/python -m pip install --disable-pip-version-check -c requirements.lock --no-build-isolation \
	  -e '.[slurm]'
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest tests/slurm/check_slurm.py

lint: $(READY)  ## code style of Python and Snakemake files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/snakefmt --check Snakefile workflow
	$(VENV)/bin/snakemake --lint

format: $(READY)  ## rewrite the code in that style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/snakefmt Snakefile workflow

# Other things in these folders are not ours. A run without gradients was trained elsewhere.
clean:  ## remove what `make` wrote but the published results; keep raw data, .venv and all else
	rm -rf .snakemake .pytest_cache .ruff_cache .coverage $(addprefix results/,$(WRITTEN))
	@for run in results/runs/*/*/*; do \
	  if [ -e "$$run/gradients.csv" ]; then rm -rf "$$run"; fi; done
	rm -f data/prepared/*/[0-9]*.npz data/prepared/*/*/[0-9]*.npz
	@for folder in results/runs data/prepared; do \
	  if [ -d $$folder ]; then find $$folder -type d -empty -delete; fi; done
	@for kept in results/* results/runs/*/* data/prepared/*; do \
	  case $$kept in *'*'|results/published|results/runs) ;; \
	  *) echo "kept, because make did not write it: $$kept";; esac; done

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp is written last, so an interrupted set-up starts over; a changed lock file does too.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python >= 3.11 is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'Python cannot create environments here: apt-get install python3-venv' >&2; exit 1; }
	@test ! -e $(VENV) -o -e $(VENV)/.cgt -o -e $@ || \
	  { echo '$(VENV) is not one that make has set up: move it away, or make VENV=another-name' >&2; exit 1; }
	@test ! -L $(VENV) || \
	  { echo '$(VENV) is a link, and what it leads to is out of date: run make there, or remove the link' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $(VENV)/.cgt
ifneq ($(TORCH_INDEX),)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --index-url $(TORCH_INDEX) \
	  "$$(grep '^torch==' requirements.lock)"
endif
	$(VENV)/bin/python -m pip install --disable-pip-version-check -r requirements.lock
	$(VENV)/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DOCS)/.ready: docs/requirements.lock
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/python -m pip install --disable-pip-version-check -r docs/requirements.lock
	@touch $@
