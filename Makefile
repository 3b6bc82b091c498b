# Each target works alone, on a machine with make and Python 3.11 or later.
#   PYTHON=python3.12   interpreter for setup
#   ARGS=…              passed on: rig run (demo), pytest (test), script/lock (lock)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint audit lock clean

help:
	@echo "make setup   install everything into this folder; quick when nothing changed"
	@echo "make demo    setup, then run the four seed strategies, print the table, say where the report is"
	@echo "make test    setup, then all tests                     (ARGS=\"-k name\")"
	@echo "make lint    setup, then ruff, mypy, and a syntax check of the JavaScript"
	@echo "make audit   setup, then ask the registries for known vulnerabilities of what is locked"
	@echo "make lock    make the lock files anew                  (ARGS=--upgrade for newest versions)"
	@echo "make clean   remove what setup and the checks made; runs/ stays"

setup:
	@script/setup

demo: setup
	@.venv/bin/rig run --profile hot-key --strategies seed $(ARGS)

test: setup
	@.venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@find rig dashboards lighthouse_scripts target_app \( -name node_modules -o -name .venv \) -prune \
		-o \( -name '*.js' -o -name '*.mjs' \) -print | PATH="$$PWD/.venv/bin:$$PATH" xargs -n 1 node --check

audit: setup
	@.venv/bin/python script/audit.py

lock:
	@script/lock $(ARGS)

clean:
	rm -rf .tools .venv node_modules lighthouse_scripts/node_modules .rig
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find rig target_app locustfiles tests -name __pycache__ -type d -prune -exec rm -rf {} +
