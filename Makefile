# SPDX-License-Identifier: GPL-3.0-or-later

# ansible.cfg would be ignored in a world-writable checkout.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export LC_ALL := C.UTF-8
# Modules start slower without their compiled files, and are then read by single bytes.
unexport PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

.PHONY: help demo test matrix lint bench collection clean
.NOTPARALLEL:

# The order of the files is kept: unit tests, which take no time, fill up the end.
BY_FILE := -n 2 --dist loadfile --no-loadscope-reorder

help:
	@echo 'make demo    the incident and its repair, in a sandbox on this machine; OPTION=3: built anew'
	@echo 'make test    all tests'
	@echo 'make matrix  the tests on every server with every Laravel, all tests on each suite, random incidents'
	@echo 'make lint    ruff, mypy, yamllint, ansible-lint'
	@echo 'make bench   time and memory of the repair beside a shell script of the same commands'
	@echo 'make collection   an archive for ansible-galaxy collection install, in build/'
	@echo 'make clean   remove the sandbox, the virtual environment and caches'

demo:
	@scripts/setup demo
	@OPTION=$(or $(OPTION),1) scripts/demo

test:
	@scripts/setup test
	@echo '==> Tests'
	@pytest $(BY_FILE)

# What is run on each suite as a whole; docs/servers.md says what that covers.
ON_EACH_SUITE := $(addprefix tests/integration/test_, $(addsuffix .py, \
	artisan diagnose drift elsewhere fk_constraint fk_constraint_info forward guards half_run \
	laravel_info locks migrator odd option_1 option_2 option_3 prediction refusals rehearsal \
	rehearsal_elsewhere rename_back restore rollback schema_backup settings tls verdicts))

# A stage that fails does not keep the others from being run: each takes long.
matrix:
	@scripts/setup matrix
	@failed= ; \
	stage() { echo "==> $$1"; shift; "$$@" || failed=yes; } ; \
	stage 'Every server with every Laravel' \
		pytest -n 2 --dist loadgroup -m 'matrix or not matrix' tests/integration/test_servers.py ; \
	stage 'Random incidents' pytest -n 2 --dist load -m matrix tests/generated ; \
	for suite in trixie sid; do \
		stage "All tests of the repair on $$suite" \
			env FIX_FK_SUITE=$$suite pytest $(BY_FILE) $(ON_EACH_SUITE) ; \
	done ; \
	test -z "$$failed"

lint:
	@scripts/setup test
	@echo '==> ruff'
	@ruff check .
	@ruff format --check .
	@echo '==> mypy'
	@mypy module_utils library plugins tests scripts/collection
	@mypy tests/histories scripts/histories
	@echo '==> yamllint'
	@yamllint --strict .
	@echo '==> ansible-lint'
	@ANSIBLE_INVENTORY=inventory/sandbox ansible-lint

bench:
	@scripts/setup demo
	@echo '==> Bench'
	@python tests/bench/option_1.py
	@echo '==> Bench of the window against rows'
	@python tests/bench/option_1.py --rounds 3 --rows 0 250000 1000000
	@echo '==> Bench of backup and restore'
	@python tests/bench/backup_restore.py
	@echo '==> Bench of the look at a large schema'
	@python tests/bench/inspect_schema.py

collection:
	@scripts/setup demo
	@scripts/collection

clean:
	@if [ -e .sandbox ]; then \
		scripts/setup demo && \
		echo '==> Removing the sandbox' && \
		ansible-playbook playbooks/sandbox.yml -i inventory/sandbox -e sandbox_state=absent >/dev/null; \
	fi
	@echo '==> Removing the virtual environment and caches'
	@rm -rf .venv .suites .ansible build collections .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
