.DELETE_ON_ERROR:
.PHONY: help setup setup-demo demo test lint types unit paho2 paho1 deb images system reference gallery clean

VENV := .venv
PY := $(VENV)/bin/python
PAHO1 := .cache/paho-1.6.1
PAHO1_ADAPTERS := $(addprefix tests/adapters/,mqtt net/test_https.py service/test_cloud_link.py)
FOREIGN := bookworm-armhf trixie-arm64
ARCHITECTURE = $(shell dpkg --print-architecture)
# Run the code of this tree, even if the virtual environment was made for another one.
export PYTHONPATH := $(CURDIR)/daemon:$(CURDIR)/sandbox

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup-demo ## a gateway's life in five chapters, against a local sandbox of the platform
	@$(PY) tests/demo.py

test: setup lint types unit paho2 paho1 system ## lint, types and every test

setup-demo:
	@tests/setup.sh demo $(VENV) $(PAHO1)

setup: ## install what the tests need: Debian packages (with sudo if not root) and a virtual environment
	@tests/setup.sh test $(VENV) $(PAHO1)

lint: setup ## style of Python and shell
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	mandoc -T lint -W warning docs/man/*
	shellcheck -x tests/setup.sh .ci/run tests/system/boot tests/system/build-image tests/system/build-root tests/system/configure-emulated tests/system/why-not tests/system/with-second-try debian/build-deb debian/code-id debian/finish-upgrade debian/iot-onboard.preinst debian/iot-onboard.prerm debian/iot-onboard.postrm \
	    debian/tests/commands debian/tests/service completion/iot-onboard

types: setup ## mypy --strict
	$(PY) -m mypy

unit: setup ## only the pure tests
	$(PY) -m pytest tests/unit -n 2

paho2: setup ## adapters and whole processes, with the newest Paho
	$(PY) -m pytest tests/adapters tests/process -n 4

paho1: setup ## the tests that use Paho and requests again, with Debian 12's versions
	PYTHONPATH=$(CURDIR)/$(PAHO1):$(PYTHONPATH) $(PY) -m pytest tests/process $(PAHO1_ADAPTERS) -n 4

deb: setup ## the Debian package, in dist/; its build runs the unit tests, except with DEB_BUILD_OPTIONS=nocheck
	@rm -f dist/*.deb
	@debian/build-deb dist

images: setup ## the Debian systems in which the system tests boot, run or build; needs root
	@why_not=$$(tests/system/why-not .cache/images); \
	if [ -n "$$why_not" ]; then echo "images: the system tests will be skipped: $$why_not"; exit 0; fi; \
	$(MAKE) --no-print-directory -j2 $(FOREIGN:%=image-%) root-bookworm root-trixie

image-%:
	@tests/system/build-image $(subst -, ,$*) .cache/images/$*

root-%:
	@tests/system/build-root $* .cache/images/$*-build

# An image of a foreign architecture takes the architecture-independent part from the native image.
image-bookworm-armhf: image-bookworm-$(ARCHITECTURE)
image-trixie-arm64: image-trixie-$(ARCHITECTURE)

system: deb images ## whole Debian systems, booted with the package installed
	tests/system/with-second-try $(PY) tests/system -n 4

.PHONY: torture
torture: deb images ## attack the daemon for hours: crashes, disks, the cloud, random inputs, fleets; prints one table
	PYTHONPATH=$(PYTHONPATH):$(CURDIR)/tests $(PY) -m torture $(TORTURE)

.PHONY: mutants
mutants: setup ## break the daemon in more than a hundred places, one at a time, and print which test notices; takes a quarter of an hour
	PYTHONPATH=$(PYTHONPATH):$(CURDIR)/tests $(PY) -m torture.mutants $(MUTANTS)

reference: setup ## write the files made from tables: the journal catalog, the bash completion, four documents
	PYTHONPATH=$(PYTHONPATH):$(CURDIR) $(PY) -m tools.reference .
	PYTHONPATH=$(PYTHONPATH):$(CURDIR) $(PY) -m tools.completion .
	PYTHONPATH=$(PYTHONPATH):$(CURDIR) $(PY) -m tools.rooms docs/architecture.md

gallery: deb images ## write docs/gallery.md from the system tests: what each fault looks like
	@rm -rf .cache/gallery && mkdir -p .cache/gallery
	GALLERY=$(CURDIR)/.cache/gallery $(PY) -m pytest tests/system/test_gallery.py -n 4
	@{ echo "# What each fault looks like"; echo; \
	    echo "Made by \`make gallery\`: each fault is caused on a booted system. This page shows what an operator sees."; \
	    for picture in .cache/gallery/*.md; do echo; cat "$$picture"; done; } >docs/gallery.md

.PHONY: field
field: deb images ## print from the system tests how the gateway reacted to each network fault
	@rm -rf .cache/field && mkdir -p .cache/field
	FIELD=$(CURDIR)/.cache/field $(PY) -m pytest tests/system/test_field.py -n 4
	@echo "| fault | Debian | reported as | failures in a row | online |"; echo "|---|---|---|--:|---|"; cat .cache/field/*.md

bench: setup ## compare with the bare Paho script and the vendor's client, into docs/performance.md; needs root
	PYTHONPATH=$(CURDIR):$(CURDIR)/tests:$(PYTHONPATH) $(PY) -m bench $(BENCH)

clean: ## remove everything that the targets made
	rm -rf $(VENV) .cache build dist
