# What there is to do here: `make help`.
PYTHON := .venv/bin/python
UV := .venv/bin/uv
LOCK := $(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --python-version 3.11

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: generate
generate: ## Write CRDs, field tables and the kustomize install anew
	$(PYTHON) -m controller.api.crd
	$(PYTHON) -m dev.manifests

.PHONY: check-generated
check-generated: ## Fail when something generated is stale
	$(PYTHON) -m controller.api.crd --check
	$(PYTHON) -m dev.manifests --check

.PHONY: lock
lock: ## Resolve all dependencies anew, with hashes
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --extra dev --constraint requirements.txt -o requirements-dev.txt
	$(PYTHON) -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"]))' \
	| $(LOCK) - -o requirements-build.txt
