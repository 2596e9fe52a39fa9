# `make run` starts InfiTalks, `make test` runs everything that has to be green. Both first set up what is missing.
PYTHON ?= python3

.PHONY: run test check setup screenshots
run test check setup screenshots:
	@$(PYTHON) bootstrap.py $@
