# `make run` starts InfiTalks, `make test` runs everything that has to be green. Both first set up what is missing.
# `make faults SEED=7` kills its processes some hundred times and prints what was lost: nothing.
PYTHON ?= python3

.PHONY: run test check faults setup screenshots
run test check faults setup screenshots:
	@$(PYTHON) bootstrap.py $@
