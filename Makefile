# Yitu: two commands do everything on a fresh Debian 12 with Rust and Node: make run, make test.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: run test bench lint fmt packages web

WEB_SOURCES := $(shell find web-map -type f -not -path '*/node_modules/*' -not -path '*/dist/*')

## run: build, fill an empty database with the demo county, serve the map
run: packages web-map/dist/index.html
	cargo build --release --locked
	./tools/run

## test: every test, on a throwaway PostGIS and in a real browser
test: packages web-map/dist/index.html
	./tools/test

## bench: the pure parts by criterion
bench: packages web-map/dist/index.html
	tests/support/with-postgis cargo bench --locked

lint: packages web-map/dist/index.html
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cd web-map && npm run check && npm run lint

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
