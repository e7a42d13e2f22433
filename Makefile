.DELETE_ON_ERROR:
.PHONY: help setup setup-demo demo test lint types unit paho2 paho1 reference clean

VENV := .venv
PY := $(VENV)/bin/python
PAHO1 := .cache/paho-1.6.1
PAHO1_ADAPTERS := $(addprefix tests/adapters/test_,connection.py registrar.py session.py)
# What runs is this tree, wherever the environment was made.
export PYTHONPATH := $(CURDIR)/daemon:$(CURDIR)/sandbox

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup-demo ## a gateway's life in five chapters, against a local stand-in of the platform
	@$(PY) tests/demo.py

test: setup lint types unit paho2 paho1 ## lint, types and every test

setup-demo:
	@tests/setup.sh demo $(VENV) $(PAHO1)

setup: ## install what the tests need: Debian packages (with sudo where not root) and a virtual environment
	@tests/setup.sh test $(VENV) $(PAHO1)

lint: setup ## style of Python and shell
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	mandoc -T lint -W warning docs/man/*
	shellcheck -x tests/setup.sh .ci/run completion/iot-onboard

types: setup ## mypy --strict
	$(PY) -m mypy

unit: setup ## the pure tests alone
	$(PY) -m pytest tests/unit -n 2

paho2: setup ## adapters and whole processes, with the newest Paho
	$(PY) -m pytest tests/adapters tests/process -n 4

paho1: setup ## what touches Paho and requests once more, with Debian 12's
	PYTHONPATH=$(CURDIR)/$(PAHO1):$(PYTHONPATH) $(PY) -m pytest tests/process $(PAHO1_ADAPTERS) -n 4

reference: setup ## write what is made from tables: the journal catalog, the completion for bash, docs/troubleshooting.md, docs/status.md
	$(PY) -m iot_onboard.reference .
	PYTHONPATH=$(PYTHONPATH):tests $(PY) -m support.completion .

clean: ## remove what the targets made
	rm -rf $(VENV) .cache build dist
