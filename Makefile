.DELETE_ON_ERROR:
.PHONY: help setup demo test lint types unit paho2 paho1 clean

VENV := .venv
PY := $(VENV)/bin/python
PAHO1 := .cache/paho-1.6.1

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.ready ## install what the other targets need (apt and a virtual environment)

$(VENV)/.ready: pyproject.toml tests/setup.sh
	tests/setup.sh $(VENV) $(PAHO1)
	touch $@

demo: setup ## the main job against the sandbox, in five chapters
	@$(PY) tests/demo.py

test: setup lint types unit paho2 paho1 ## lint, types and every test

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	shellcheck tests/setup.sh .ci/run

types: setup
	$(VENV)/bin/mypy

unit: setup ## the pure tests alone
	$(PY) -m pytest tests/unit -n 2

paho2: setup ## adapters and whole processes, with the newest Paho
	$(PY) -m pytest tests/adapters tests/process -n 4

paho1: setup ## what touches Paho once more, with Debian 12's
	PYTHONPATH=$(CURDIR)/$(PAHO1) $(PY) -m pytest tests/process $(wildcard tests/adapters/test_connection.py) -n 4

clean: ## remove what the targets made
	rm -rf $(VENV) .cache build dist
