# Muster. Every target sets up what it needs (Debian packages, npm packages) and says what it installs.
.DEFAULT_GOAL := help
.PHONY: help setup build run test test-long fuzz bench clean

help:
	@echo 'make run        build Muster and start the demo: a portal with live devices on this machine'
	@echo 'make test       build and run every test (about ten minutes on two cores)'
	@echo 'make build      build the program to build/muster'
	@echo 'make test-long  the long fault tests, and a fleet of 10,000 devices with kills'
	@echo 'make fuzz       fuzz every parser (SECONDS=120 each)'
	@echo 'make bench      measure, beside Mosquitto, and write docs/benchmarks.md'
	@echo 'make clean      remove what was built'

build:
	@scripts/setup build
	@scripts/build

run: build
	@build/muster demo $(ARGS)

test:
	@scripts/setup test
	@scripts/test

test-long:
	@scripts/setup test
	@scripts/test long

fuzz:
	@scripts/setup test
	@scripts/fuzz $(or $(SECONDS),120)

bench:
	@scripts/setup test
	@scripts/build
	@scripts/bench

clean:
	rm -rf build build-* portal/dist
