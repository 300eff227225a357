# Yitu: two commands do everything on a fresh Debian 12 with Rust and Node: make run, make test.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: run test e2e schemathesis fuzz bench crash lint fmt packages web

WEB_SOURCES := $(shell find web-map -type f -not -path '*/node_modules/*' -not -path '*/dist/*')

## run: build, fill an empty database with the demo county, serve the map
run: packages web-map/dist/index.html
	cargo build --release --locked
	./tools/run

## test: the web map's and the server's tests, on a throwaway PostGIS
test: packages web-map/dist/index.html
	./tools/test

## e2e: the web map in a real browser, against a server of its own
e2e: packages web-map/dist/index.html
	cargo build --locked --bins
	tests/e2e/run

## schemathesis: every operation asked what it allows and what it does not, as three roles
schemathesis: packages web-map/dist/index.html
	./tools/packages python3-venv
	cargo build --locked --bins
	tests/schemathesis/run

## fuzz: every parser of outside bytes, FUZZ_SECONDS (60) each; docs/FUZZING.md
fuzz: packages web-map/dist/index.html
	fuzz/run

## bench: the figures Yitu stands by, on the full demo county beside PostGIS; a Markdown table
bench: web-map/dist/index.html
	./tools/packages wrk
	YITU_TEST_TCP_PORT=18521 tests/support/with-postgis cargo bench --locked -- county tiles edits million
	YITU_TEST_DURABLE=1 tests/support/with-postgis cargo bench --locked -- routing dispatch access

## crash: kill the server and its database again and again under clients; writes docs/CRASH.md
crash: packages web-map/dist/index.html
	YITU_CRASH_ROUNDS=$${YITU_CRASH_ROUNDS:-120} cargo test --locked --test crash -- --nocapture

## lint: form, types, what is known to go wrong, and what all of it is built of
lint: packages web-map/dist/index.html
	cargo fmt --check
	rustfmt --check --edition 2024 fuzz/targets/*.rs
	cargo clippy --all-targets --locked -- -D warnings
	cd web-map && npm run check && npm run lint
	cd .. && tools/supply-chain

fmt:
	cargo fmt

packages:
	@./tools/packages

web: web-map/dist/index.html

web-map/node_modules/.package-lock.json: web-map/package-lock.json
	cd web-map && npm ci --no-audit --no-fund
	touch node_modules/.package-lock.json

web-map/dist/index.html: web-map/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web-map && npm run build
	touch dist/index.html
