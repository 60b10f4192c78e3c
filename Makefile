# HealthSync for Mac. `make help` lists the targets.
#
# Everything that is made goes to .build; nothing of the user's (keychain,
# settings, data) is touched by any target.

GO      ?= go
BUILD   := .build
BINARY  := $(BUILD)/healthsync
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
LDFLAGS := -s -w -X main.version=$(VERSION)
GCFLAGS :=
GOOS    := $(shell $(GO) env GOOS)

# darwinkit v0.5.0 corrupts memory on Go 1.25 and later without this flag, in
# every package that uses it: https://github.com/progrium/darwinkit/issues/286
DARWIN_GCFLAGS := -gcflags=all=-d=variablemakethreshold=0
ifeq ($(GOOS),darwin)
GCFLAGS := $(DARWIN_GCFLAGS)
export MACOSX_DEPLOYMENT_TARGET := 15.0
else
# No C on Linux: one file that runs on every distribution.
BUILDENV := CGO_ENABLED=0
endif

.PHONY: build
build: ## Build the healthsync command into .build
	@mkdir -p $(BUILD)
	$(BUILDENV) $(GO) build -trimpath $(GCFLAGS) -ldflags="$$GO_LDFLAGS" -o $(BINARY) ./app/healthsync
ifeq ($(GOOS),darwin)
	codesign --force --sign - --identifier $(IDENTIFIER) $(BINARY)
endif

.PHONY: demo
demo: build ## Show it all with a simulated iPhone: pair by QR code, sync, look
	@app/demo/demo.sh $(BINARY)

.PHONY: test
test: ## Run the tests, in minutes; says at the end what was skipped and how to get it
	@GCFLAGS='$(GCFLAGS)' GO='$(GO)' .ci/test -short ./...

# The time limit is that of one package: never reached, also on a machine under load.
.PHONY: test-all
test-all: ## Run all tests, the long ones too, with the race detector (needs a C compiler)
	@CGO_ENABLED=1 GCFLAGS='$(GCFLAGS)' GO='$(GO)' .ci/test -race -timeout 40m ./...

.PHONY: test-peers
test-peers: ## Print the matrix of TLS failures against real peers (docs/tls-errors.md)
	HEALTHSYNC_PEERS_WRITE=1 $(GO) test $(GCFLAGS) -count=1 -run '^TestPeers$$' ./pki/trust
	@cat docs/tls-errors.md

.PHONY: test-desktop
test-desktop: ## Live a day with the app on a whole desktop; pictures go to .build/shots
	@mkdir -p $(BUILD)/shots
	HEALTHSYNC_DESKTOP=1 HEALTHSYNC_REQUIRE_TOOLS=1 HEALTHSYNC_SHOTS=$(CURDIR)/$(BUILD)/shots $(GO) test $(GCFLAGS) -count=1 -v -run '^TestDesktop' ./menubar
	@ls $(BUILD)/shots

.PHONY: icons
icons: ## Draw the icons of the menu bar anew from their SVG file (needs rsvg-convert)
	@cd menubar/icons && n=0 && for icon in connected syncing away attention notpaired; do \
		for size in 16 32 64; do rsvg-convert -w $$((5 * size)) --page-width $$size --page-height $$size --left=$$((-n * size)) icons.svg -o $$icon-$$size.png; done; \
		rsvg-convert --stylesheet tray.css -w 240 --page-width 48 --page-height 48 --left=$$((-n * 48)) icons.svg -o $$icon-tray.png; \
		n=$$((n + 1)); \
	done

.PHONY: bench
bench: build ## Measure speed, memory and size; ratios within this one run
	@mkdir -p $(BUILD)
	HEALTHSYNC_BENCH_BINARY=$(CURDIR)/$(BINARY) $(GO) test $(GCFLAGS) -run '^$$' -bench . -benchtime 1x -timeout 60m ./app/... ./sync/... ./pki/...

# A cache of its own: golangci-lint keeps what it found under the absolute paths
# of the checkout that it found it in, where no exclusion or nolint of another
# checkout of the same user applies.
.PHONY: lint
lint: ## Vet, staticcheck and the rules of the house (golangci-lint)
	$(GO) vet $(GCFLAGS) ./...
	GOLANGCI_LINT_CACHE=$(CURDIR)/$(BUILD)/lint-cache $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2 run ./...

.PHONY: run
run: build ## Run the command: make run ARGS='status --json'
	@$(BINARY) $(ARGS)

include bundle/bundle.mk

.PHONY: clean
clean: ## Remove what was made
	rm -rf $(BUILD) .demo

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.DEFAULT_GOAL := help
