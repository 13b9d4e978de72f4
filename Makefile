# Everything a developer or a newcomer does here. `make` lists the targets.
# Needs Go and Node with npm; a PostgreSQL is found or fetched by itself.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

GO ?= go
NPM ?= npm
export GO
# Nothing here needs a C compiler, and without the C library a process is smaller.
export CGO_ENABLED ?= 0

# A clone that belongs to another user has no version to stamp for us: git
# refuses to tell, and Go would refuse to build.
ifneq ($(shell git rev-parse --verify -q HEAD >/dev/null 2>&1 && echo yes),yes)
export GOFLAGS += -buildvcs=false
endif

modules := node_modules/.package-lock.json
styles  := static/dist/app.css
# What the browser's files are made from.
sources := $(shell find static/src views -type f \( -name '*.templ' -o -path 'static/src/*' \) 2>/dev/null) tailwind.config.js package.json

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Set up whatever is missing, then start AllIN on http://127.0.0.1:3000
	@echo "Starting AllIN…"
	@exec bin/allin serve

.PHONY: dev
dev: tools assets ## Start AllIN and build again whenever a source file changes
	@$(NPM) run --silent watch & trap "kill $$! 2>/dev/null || true" EXIT; \
	$(GO) tool templ generate --watch --watch-pattern='(.+\.go$$)|(.+\.templ$$)|(.+/static/dist/[^.].*$$)' --cmd "$(GO) run ./cmd/allin serve"

.PHONY: build
build: tools assets ## Compile bin/allin with everything the browser needs in it
	@echo "Compiling bin/allin (the first time takes a minute or two)…"
	@$(GO) build -trimpath -o bin/allin ./cmd/allin

.PHONY: assets
assets: $(styles) ## Build styles, scripts, fonts and icons into static/dist

$(modules): package.json package-lock.json
	@echo "Installing the browser libraries and build tools from npm…"
	@$(NPM) ci --no-update-notifier --no-audit --no-fund --loglevel=error
	@touch $@

$(styles): $(modules) $(sources)
	@echo "Building styles and scripts…"
	@$(NPM) run --silent build
	@touch $@

.PHONY: generate
generate: tools ## Write the Go code of the templates (*_templ.go) anew
	@$(GO) tool templ generate

.PHONY: test
test: tools assets ## Run every test: Go, fuzzing for 10 s a target, browser journeys
	@.ci/test

.PHONY: test-networks
test-networks: tools ## Test against real servers of networks that run here (installs Bluesky's from npm)
	@echo "Installing Bluesky's server (the first time takes some minutes)…"
	@ALLIN_PDS="$$(.ci/pds)" ALLIN_NO_SKIP=1 $(GO) test -count=1 -timeout 15m ./networks/...

.PHONY: test-e2e
test-e2e: tools build ## Walk the browser journeys in Chromium
	@.ci/test e2e

.PHONY: check
check: tools ## Look for what a reviewer would object to
	@.ci/check

.PHONY: bench
bench: tools assets ## Measure publishing, the fault storm, the pages and the ways in
	$(GO) run ./bench/publish --due 10000 --accounts 1000
	$(GO) run ./bench/publish --steady 50 --seconds 60
	$(GO) run ./bench/publish --single
	$(GO) run ./bench/storm --posts 10000 --kills 200 --networks x,mastodon,bluesky
	$(GO) run ./bench/pages --posts 100000
	$(GO) run ./bench/signin

.PHONY: clean
clean: ## Remove what was built; your data and node_modules stay
	rm -rf bin e2e/results
	find static/dist -mindepth 1 ! -name .keep -delete

# Says in one line what is missing.
.PHONY: tools
tools:
	@command -v $(GO) >/dev/null || { echo "Go is missing: install Go 1.26 or newer from https://go.dev/dl/ and try again."; exit 1; }
	@command -v node >/dev/null || { echo "Node is missing: install Node 20 or newer from https://nodejs.org/ and try again."; exit 1; }
	@command -v $(NPM) >/dev/null || { echo "npm is missing: it comes with Node, from https://nodejs.org/; install it and try again."; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Node $$(node --version) is too old: install Node 20 or newer from https://nodejs.org/ and try again."; exit 1; }
