# Every command prints progress, is safe to repeat, and cleans up after a Ctrl-C.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
export PYTHONPATH := $(CURDIR)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

STEP = $(PY) -m dev.step

.PHONY: help setup tools lint format judge generate check-generated docs test test-fast test-processes test-apiserver e2e \
        bench bench-operator bench-ready up down push dev kubeconfig lock clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed ## Install the Python environment from the lock

.venv/.installed: requirements.lock operator/pyproject.toml bot/pyproject.toml
	@bash dev/setup.sh
	@touch $@

tools: setup ## Install what the tests run against: Redis, Prometheus' promtool, container tools
	@$(PY) -m dev.tools

lint: setup ## Formatting, lint, types, import layers
	@$(STEP) "ruff format" ruff format --check .
	@$(STEP) "ruff check" ruff check .
	@$(STEP) "mypy" mypy
	@$(STEP) "import layers: operator" lint-imports operator/.importlinter --no-cache
	@$(STEP) "import layers: bot" lint-imports bot/.importlinter --no-cache
	@$(STEP) "no registry hosts" $(PY) -m dev.hosts

format: setup ## Rewrite files to the house format
	@ruff format . && ruff check --fix .

generate: setup ## Write the CRD, the reference pages and all of manifests/ from their sources
	@$(PY) -m vertice_operator.cli.generate
	@$(PY) -m vertice_operator.cli.bundle
	@$(PY) -m vertice_operator.cli.reference

check-generated: setup ## Fail when a generated file is stale
	@$(STEP) "generated files" $(PY) -m vertice_operator.cli.generate --check
	@$(STEP) "manifests" $(PY) -m vertice_operator.cli.bundle --check
	@$(STEP) "docs/cli.md" $(PY) -m vertice_operator.cli.reference --check

judge: setup ## checkov and kube-score on the objects of every example; each exception has its reason
	@$(STEP) "checkov and kube-score" $(PY) -m dev.judge

test: lint check-generated judge test-fast test-processes test-apiserver e2e ## Everything, on a fresh machine too

test-fast: setup tools ## Unit, property, golden, contract tests; real Postgres and Redis; no cluster
	@$(STEP) "fast tests" pytest -q -m "not processes and not apiserver and not cluster" operator/tests bot/tests dev tests

test-processes: setup tools ## Whole programs over real sockets: the bot, the local Discord, the proxy, the page
	@$(STEP) "build: Cloud SQL Auth Proxy" $(PY) -m dev.cluster build cloud-sql-proxy
	@$(STEP) "tests of whole programs" pytest -q -m "processes and not apiserver and not cluster" operator/tests bot/tests dev tests

test-apiserver: setup tools ## Against a real kube-apiserver (built once, then cached)
	@$(STEP) "build: control plane" $(PY) -m dev.cluster build etcd kubernetes
	@$(STEP) "build: helm" $(PY) -m dev.cluster build helm
	@$(STEP) "API server tests" pytest -q -m apiserver operator/tests bot/tests dev tests

e2e: setup tools ## On a real cluster: operator, bot, proxy, local Discord
	@$(STEP) "e2e" pytest -q -m cluster dev tests

up: setup ## Bring up the whole product on a local cluster (TOKEN_FILE=... runs it on the real Discord)
	@$(PY) -m dev.up $(if $(TOKEN_FILE),--token-file $(TOKEN_FILE))

down: setup ## Remove everything that `make up` made
	@$(PY) -m dev.up --down

push: setup ## Build both images, push them to REGISTRY, write build/install.yaml that uses them
	@test -n "$(REGISTRY)" || { echo "say where to: make push REGISTRY=example.com/team" >&2; exit 2; }
	@$(PY) -m dev.push $(REGISTRY)

dev: setup ## The bot alone, without a cluster: embedded Postgres, local Discord, reload on change
	@$(PY) -m dev.local

kubeconfig: ## Print the path of the running cluster's kubeconfig
	@$(PY) -m dev.cluster kubeconfig

bench: bench-operator bench-ready ## All measurements, each printed as a ratio

bench-operator: setup ## Writes, time to ready, memory of the operator
	@$(PY) -m bench.operator

bench-ready: setup ## Time from apply to Ready on the cluster of `make up`, split by cause
	@$(PY) -m bench.ready

docs: generate ## Refresh the generated documentation pages

lock: ## Resolve dependencies again and rewrite the locks
	@bash dev/lock.sh

clean: ## Remove the environment and build output (caches outside the checkout stay)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
