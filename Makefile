# Two commands from a fresh clone: `make demo` and `make test`. Everything lives in .venv.

VENV ?= .venv
# TensorFlow has wheels for Python 3.11 to 3.13; python3 is taken where it is one of these.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
BIN = $(VENV)/bin
# Modules whose docstrings have examples that the tests run.
EXAMPLES = $(addprefix memkit/,analysis/__init__.py analysis/outcomes.py comparisons compiled \
	errors.py estimators keras_schedules.py models/one_pass.py proxies/__init__.py \
	proxies/ntk.py records.py scores studies subsets trajectories)
# One process per core; a test may take a gigabyte of memory.
WORKERS = -n auto --maxprocesses 8
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo install test check proof lint types javascript bench docs constraints clean

help:
	@echo "make demo     train the digits study into out/digits and write its report (minutes)"
	@echo "make test     run the tests"
	@echo "make check    run the tests and the slow tests"
	@echo "make proof    the tests that take hours: the whole fuzz and kill tests, every config"
	@echo "make lint     check style and format"
	@echo "make types    check the types"
	@echo "make javascript   check the types of the report's scripts"
	@echo "make docs     build the documentation in out/site"
	@echo "make constraints   write the installed versions into constraints.txt"
	@echo "make bench    measure speed against named peers (under 25 minutes on two idle cores)"

demo: $(VENV)/installed
	$(BIN)/memkit run --config=digits_width --workdir=out/digits

install: $(VENV)/installed

# Compiled first, because the tests start many processes and some environments keep them from it.
test: $(VENV)/installed-test
	$(BIN)/python -m compileall -q memkit launch configs
	$(BIN)/python -m pytest -p tests.doctests --doctest-modules $(EXAMPLES)
	$(BIN)/python -m pytest $(WORKERS) --dist loadfile -m "not slow and not proof"

check: lint test
	$(BIN)/python -m pytest $(WORKERS) --dist loadgroup -m "slow and not proof"

proof: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 -m proof

lint: types javascript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# memkit.launch and memkit.configs lie outside of memkit/: the checker sees them where they install.
types: $(VENV)/installed-test
	@rm -rf out/types && mkdir -p out/types/memkit
	@for path in memkit/* launch configs; do \
	ln -s "$(CURDIR)/$$path" "out/types/memkit/$${path##*/}" || exit 1; done
	$(BIN)/python -m mypy -p memkit

javascript: $(VENV)/installed-test
	$(BIN)/python -m tests.javascript

docs: $(VENV)/installed-test
	$(BIN)/mkdocs build --strict

bench: $(VENV)/installed-test
	@mkdir -p out/bench
	@for name in engine mnist scaling startup; do \
	echo "== $$name" && $(BIN)/python -m benchmarks.$$name --out=out/bench/$$name.json || exit 1; \
	done

$(VENV)/python:
	@test -n "$(PYTHON)" || { echo "memkit needs Python 3.11, 3.12 or 3.13: none was found"; exit 1; }
	@echo "Python: $$($(PYTHON) --version) ($$(command -v $(PYTHON)))"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/python setup.cfg constraints.txt
	$(PIP) -e '.[cpu]' -c constraints.txt
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) -e '.[cpu,test]' -c constraints.txt
	@touch $@

# The resolver keeps the installed versions and adds what other systems and Pythons need.
constraints: $(VENV)/installed-test
	$(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable > constraints.txt
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	--custom-compile-command 'make constraints' --extra cpu --extra test --extra gcs \
	--no-emit-package memkit --output-file constraints.txt setup.cfg

clean:
	rm -rf $(VENV) out build *.egg-info
