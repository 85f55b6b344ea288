# make study   run the main study end to end (digits, 3 chips, 3 seeds)
# make test    the test suite
# make check   lint, format, types, layer rules
# make keep    copy the small results of STUDY from results/ into studies/, to commit them
# Each sets up .venv on its first call and not again until pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STUDY ?= hybrid_vs_all
export OMP_NUM_THREADS ?= 1
export MPLBACKEND := Agg

.PHONY: study test check format bench keep wheel clean
.DELETE_ON_ERROR:

study: $(READY)
	$(BIN)/imcsim run $(STUDY)

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m pytest benchmarks -p benchmark --benchmark-only

keep:
	for set in results/$(STUDY)/*/; do \
	  kept=studies/$(STUDY)/$$(basename $$set); mkdir -p $$kept; \
	  cp $$set/table.md $$set/*.csv $$set/stamp.json $$set/figures/*.png $$kept/; \
	done

wheel: $(READY)
	$(BIN)/python -m build --wheel --no-isolation

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
