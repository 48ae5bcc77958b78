# Every target that needs .venv creates it first, with uv if it is installed, otherwise with venv and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_MINUTES ?= 60
RACES ?= 100
KILLS ?= 20

.DEFAULT_GOAL := help
.PHONY: dist dist-try sbom audit lock container-try docs-site help demo test slow thorough coverage acceptance contract chaos engines engine-kills races fuzz model check format bench bench-quick calibrate docs screenshots clean signals machine

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "midaz-seed needs Python 3.11 or later; choose one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing midaz-seed into $(VENV): up to a minute, the first time only."
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --allow-existing --python "$$(command -v $(PYTHON))" $(VENV) && \
		uv pip install -q --python $(BIN)/python --group dev -e .; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1' && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --group dev -e .; \
	fi
	@touch $@
	@echo "Installed. The command is $(BIN)/midaz-seed."

# the tools of one task, by the name of their dependency group, in an environment of their own
$(VENV)-%/.installed: pyproject.toml
	@$(PYTHON) -m venv $(VENV)-$*
	@$(VENV)-$*/bin/python -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(VENV)-$*/bin/python -m pip install -q --disable-pip-version-check --group $*
	@touch $@

demo: $(STAMP) ## seed the embedded sandbox with the small preset, verify every balance, print the report
	@echo "Seeding the embedded server: 8,000 movements, a few seconds."
	@$(BIN)/midaz-seed run --preset small --target sandbox --html demo-report.html
	@printf '%s\n' '' 'The same report with charts, for a browser: demo-report.html' \
		'' 'The command is $(BIN)/midaz-seed. What to try next:' \
		'  $(BIN)/midaz-seed run --scenario demo --target sandbox     # a bank with 90 days of history' \
		'  $(BIN)/midaz-seed plan --preset large                      # show what would be made' \
		'  $(BIN)/midaz-seed run -v medium -u http://127.0.0.1:3002   # fill a Midaz of your own' \
		'  $(BIN)/midaz-seed --help'

test: $(STAMP) ## run the tests, in two processes (about 5 minutes), but those of make slow
	@$(BIN)/python tools/browser.py
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal

slow: $(STAMP) ## run the tests marked slow: whole processes, signals, races and waits (about 4 minutes)
	@$(BIN)/python tools/browser.py
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m slow

thorough: $(STAMP) ## run the tests marked thorough (large plans, statistics), and every fuzz target with more examples
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m thorough
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal --hypothesis-profile=thorough tests/fuzz

coverage: $(STAMP) ## run the tests of make test with coverage, which takes twice as long; fail below 90 %
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=90

acceptance: $(STAMP) ## kill clients and servers under faults, and verify every movement afterwards (about 4 minutes)
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/acceptance

scenarios: $(STAMP) ## fill servers of each version with every built-in scenario, and verify them (about 20 minutes)
	@MIDAZ_SEED_TEST_SCENARIOS=all $(BIN)/python -m pytest -q tests/acceptance/test_scenarios.py

contract: $(STAMP) ## compare the sandbox with every exchange recorded from real servers
	@$(BIN)/python -m tests.contract.replay

chaos: $(STAMP) ## kill runs and servers at random times under every fault, and audit every movement (about an hour)
	@$(BIN)/python -m tools.chaos

engines: $(STAMP) ## kill, stop, limit and refuse runs on a Dask cluster of this machine (about a minute)
	@$(BIN)/python -m pytest -q tests/engines

engine-kills: $(STAMP) ## kill workers, schedulers and commands of runs on Dask, and audit every movement (about half an hour; KILLS=4 for less)
	@$(BIN)/python -m tools.engine_kills --kills $(KILLS)

races: $(STAMP) ## race slices of one run, half of them twice, and audit every movement (about half an hour; RACES=12 for less)
	@$(BIN)/python -m tools.races --races $(RACES)

fuzz: $(STAMP) ## check what reads bytes from elsewhere with random, damaged input (an hour; FUZZ_MINUTES=5 for less)
	@$(BIN)/python -m tests.fuzz --minutes $(FUZZ_MINUTES)

signals: $(STAMP) ## send runs SIGTERM at random times under every fault, resume them, and audit every movement (about 15 minutes)
	@$(BIN)/python -m tools.chaos --interrupted

dist: $(STAMP) ## build wheel and sdist, twice, and compare them byte by byte
	@$(BIN)/python -m tools.dist

dist-try: $(STAMP) ## build, install into empty environments of each Python found, and run it there
	@$(BIN)/python -m tools.dist --try

sbom: $(VENV)-release/.installed ## write the software bill of materials (CycloneDX) into dist/
	@mkdir -p dist
	@$(VENV)-release/bin/python -W ignore::UserWarning -m cyclonedx_py requirements deploy/container/requirements.txt --pyproject pyproject.toml \
		--mc-type application --output-reproducible --output-file dist/midaz-seed.cdx.json
	@$(VENV)-release/bin/python -c 'import json; print(len(json.load(open("dist/midaz-seed.cdx.json"))["components"]), \
		"components in dist/midaz-seed.cdx.json")'

audit: $(VENV)-release/.installed ## look the locked dependencies up in the database of known vulnerabilities (needs the network)
	@$(VENV)-release/bin/pip-audit --strict --require-hashes --disable-pip -r deploy/container/requirements.txt

lock: $(STAMP) ## lock the dependencies of the container image again, with hashes
	@$(BIN)/python -m tools.container --lock

container-try: $(STAMP) ## build the container image on a Debian made by debootstrap, run it read-only, measure it (as root)
	@$(BIN)/python -m tools.container

docs-site: $(VENV)-site/.installed ## build the documentation site into build/site/html; fail at a warning or a broken link
	@$(VENV)-site/bin/python tools/docs_site.py $(SITE_SOURCE)

model: $(STAMP) ## explore the protocol model exhaustively
	@$(BIN)/python -m tools.protocol_model

machine: $(STAMP) ## random sessions through a network with every fault, all movements audited after each (10 minutes)
	@$(BIN)/python -m tests.acceptance.test_exactly_once_machine

check: $(STAMP) ## format, lint, types, import rules, words, generated docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/unit/test_import_rules.py
	@$(BIN)/python tools/style.py
	@$(BIN)/python tools/reference.py --check
	@$(BIN)/python tools/scenario_pages.py --check
	@if command -v actionlint >/dev/null; then actionlint; fi

format: $(STAMP) ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(STAMP) ## regenerate the generated parts of docs/, and the screens of the data
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/screens.py
	@$(BIN)/python tools/scenario_pages.py

screenshots: $(STAMP) ## write the pictures of the HTML report in docs/images/ (needs a browser)
	@$(BIN)/python tools/browser.py
	@$(BIN)/python -m tools.screenshots

bench: $(STAMP) ## measure clients, the sandbox, whole runs, batch sizes, automatic concurrency, the rate limit, draws, plans and pages (about 12 minutes)
	@$(BIN)/python benchmarks/clients.py
	@$(BIN)/python benchmarks/sandbox.py
	@$(BIN)/python benchmarks/sizes.py small medium large
	@$(BIN)/python benchmarks/sizes.py 10000 100000 1000000 --packed 19
	@$(BIN)/python benchmarks/sizes.py large --packed 19 --shards 2
	@$(BIN)/python benchmarks/packing.py
	@$(BIN)/python benchmarks/metadata.py
	@$(BIN)/python benchmarks/controller.py
	@$(BIN)/python -m benchmarks.search
	@$(BIN)/python benchmarks/limiter.py
	@$(BIN)/python benchmarks/drawing.py
	@$(BIN)/python benchmarks/planning.py
	@$(BIN)/python benchmarks/order.py
	@$(BIN)/python benchmarks/telemetry.py
	@$(BIN)/python benchmarks/scale.py --quick
	@$(BIN)/python benchmarks/journal.py --appends
	@$(BIN)/python benchmarks/report_page.py
	@$(BIN)/python benchmarks/web.py --rounds 3

bench-quick: $(STAMP) ## the same without the large runs, one short round each (under 3 minutes)
	@$(BIN)/python benchmarks/clients.py --rounds 1 --count 3000
	@$(BIN)/python benchmarks/sandbox.py --rounds 1 --count 5000
	@$(BIN)/python benchmarks/sizes.py small medium

calibrate: $(STAMP) ## measure how often compare is wrong, on simulated and on real runs; write the tables of docs/compare.md
	@$(BIN)/python -m tools.calibration --write

clean: ## remove the files of the other targets
	rm -rf $(VENV) $(VENV)-site $(VENV)-release build demo-report.html .pytest_cache .mypy_cache .ruff_cache .coverage htmlcov dist
