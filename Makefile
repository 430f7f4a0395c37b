# Everything a newcomer needs: `make demo` shows Gander at work, `make test` proves it.
# Both set up what they need on a Debian 12 machine, as root; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KEEP ?=

.DEFAULT_GOAL := help
.PHONY: help preflight setup check unit test demo down clean lock crds manifests bench-release bench-judge \
	format
# What is missing is said before anything is done, also with -j.
.NOTPARALLEL:

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

preflight: ## Say what is missing for `make demo`, all at once
	@$(PYTHON) -m dev.preflight

setup: $(INSTALLED) ## Make the locked Python environment

$(INSTALLED): requirements-dev.txt requirements-build.txt pyproject.toml
	@$(PYTHON) -c "import dev" # refuses an old Python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt -r requirements-build.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

demo: preflight $(INSTALLED) ## Bring everything up and run the main job; KEEP=1 leaves it running
	$(BIN)/python -m dev demo $(if $(KEEP),--keep)

# Tests stop and kill parts of their cluster, so it is always one of ours.
test cluster: export KUBECONFIG =

test: preflight check unit cluster ## Prove everything: checks, unit tests, tests on a real cluster

check: $(INSTALLED) ## Lint, types, layers, generated files (seconds)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd dev/shop && ../../$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m controller.api.crd --check

# What fails is tried once more, alone, and named: some tests wait for real processes and sockets.
unit: $(INSTALLED) ## Unit and property tests
	$(BIN)/pytest -q --numprocesses=auto tests/unit || \
	  $(BIN)/pytest -v --last-failed --last-failed-no-failures=none tests/unit

.PHONY: cluster
cluster: preflight $(INSTALLED) ## Tests on a real cluster of ours
	$(BIN)/python -m dev test
	$(BIN)/python -m dev.manifests --check

bench-release: preflight $(INSTALLED) ## Measure releases on a real cluster into bench/RESULTS.md
	$(BIN)/python -m dev bench-release

# The judge alone: no cluster. Figures depend on seeds, the time on how quiet the machine is.
bench-judge: $(INSTALLED) ## Measure the judge by simulation into bench/RESULTS.md and docs/judge
	$(BIN)/python -m bench.judge

down: ## Remove every trace of all clusters; the cache of built programs stays
	@$(PYTHON) -m dev.teardown

clean: down ## Remove the cache and the Python environment, too
	rm -rf $${GANDER_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/gander} $(VENV)

crds: $(INSTALLED) ## Write manifests/crds and the field tables of docs/spec from the models
	$(BIN)/python -m controller.api.crd

manifests: crds ## Write manifests/install from the chart
	$(BIN)/python -m dev.manifests

LOCK := $(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --python-version 3.11
BUILD_NEEDS := import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

lock: $(INSTALLED) ## Write the locked requirements anew
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) --extra dev --extra bench -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(BIN)/python -c '$(BUILD_NEEDS)' | $(LOCK) -c requirements-dev.txt - \
	  -o requirements-build.txt

format: $(INSTALLED) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
