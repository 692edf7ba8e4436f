# make demo: from a bare Debian machine to a distributed MinIO in the lab. make help lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help bench demo images kill-table lab lab-down lab-cache test soak lint unit sanity build bootstrap bootstrap-test bootstrap-soak

# Debian release of the lab's hosts: trixie or bookworm.
LAB_DEBIAN ?= trixie
BIN := .venv/newest/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The caller's own Ansible is configured for something else; how much is said, and in which colours, stays the caller's choice.
OUTPUT_SETTINGS := ANSIBLE_NOCOLOR ANSIBLE_FORCE_COLOR ANSIBLE_VERBOSITY ANSIBLE_DEBUG
unexport $(filter-out $(OUTPUT_SETTINGS),$(filter ANSIBLE_%,$(.VARIABLES)))
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# What the lab's hosts are: containers, or vm for virtual machines; its hosts and networks are those of the inventory.
LAB ?= containers
LAB_INVENTORY ?= inventories/$(if $(filter vm,$(LAB)),lab_vm,lab)
PLAY := ansible-playbook -i $(LAB_INVENTORY)
LAB_SUBNET = $(shell sed -n 's/^lab_subnet: *\([0-9.]*\).*/\1/p' $(LAB_INVENTORY)/group_vars/all.yml)
LAB_CACHE = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/baremetal.overlay/$(if $(filter vm,$(LAB)),vm/$(LAB_SUBNET),lab)
LAB_TOOL := PYTHONPATH=roles/lab/files OVERLAY_LAB='{"tier": "$(LAB)", "debian": "$(LAB_DEBIAN)"}' $(BIN)/python -m overlay_lab

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: lab ## everything from nothing: the lab, the cluster, and a report of what reaches what
	$(PLAY) playbooks/site.yml
	$(PLAY) playbooks/verify.yml --extra-vars connectivity_report_dir=$(LAB_CACHE)/report
	@$(PLAY) playbooks/lab_report.yml
	@echo; cat $(LAB_CACHE)/report.txt

# Engine and image first and directly: that is where the time goes, and they say how far they are.
lab: bootstrap ## hosts to deploy on, on this machine: four containers, or with LAB=vm two virtual machines
	@$(LAB_TOOL) engine >/dev/null
	@$(LAB_TOOL) image >/dev/null
	$(PLAY) playbooks/lab.yml --extra-vars lab_debian=$(LAB_DEBIAN)

kill-table: lab ## kill every module between any two of its steps, in a new lab, and print what became of it; KILL="tls --write"
	$(BIN)/python -u scripts/kill_table.py $(KILL)

images: bootstrap # what the lab is made of and what is deployed on it, into the cache: with it, a lab needs no network outside
	@$(LAB_TOOL) engine >/dev/null
	@$(LAB_TOOL) image >/dev/null
	ansible localhost -m baremetal.overlay.minio_image -a "source=build architecture=$$(uname -m)"

lab-down: bootstrap ## remove the lab (LAB=vm the other one): hosts, network, devices, files, and the engine if the lab started it
	$(PLAY) playbooks/lab_down.yml

lab-cache: # where the lab keeps what belongs to it
	@echo $(LAB_CACHE)

test: bootstrap-test ## every check: lint, sanity, unit, engine, molecule
	@$(BIN)/python scripts/lanes.py

lint: bootstrap-test ## style and types
	@$(BIN)/python scripts/lanes.py lint

unit: bootstrap-test ## unit tests, on every ansible-core that this machine can run
	@$(BIN)/python scripts/lanes.py unit

sanity: bootstrap-test ## ansible-test sanity, on every ansible-core that this machine can run
	@$(BIN)/python scripts/lanes.py sanity

soak: bootstrap-soak ## the long lanes
	@$(BIN)/python scripts/lanes.py --soak

# Part `modules` has an engine of its own; part `site` takes the lab down and up.
bench: bootstrap-test ## what ours costs beside stock modules: single modules, a kernel overlay, site.yml; BENCH=modules, links, firewall, site or throughput
	@scripts/bootstrap bench
	@$(BIN)/python tests/benchmarks/bench.py $(BENCH)

build: bootstrap ## the collection as an archive for ansible-galaxy, in build/
	@mkdir -p build
	ansible-galaxy collection build --force --output-path build .

bootstrap:
	@scripts/bootstrap demo

bootstrap-test:
	@scripts/bootstrap test

bootstrap-soak:
	@scripts/bootstrap soak
