# make        this help
# make check  exactly what CI runs

# Pinned tools, each built into .bin.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
LICENCE_DETECTOR := go.elastic.co/go-licence-detector@v0.11.1
GOTESTSUM := gotest.tools/gotestsum@v1.13.0
CYCLONEDX := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
LINT := .bin/golangci-lint

# Without a tag: the newest version of the changelog, as yet unreleased.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || sed -n 's/^## \([0-9.]*\) .*/\1-dev/p' CHANGELOG.md | head -n 1)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/topcentral/spillway/app/buildinfo.version=$(VERSION) -X github.com/topcentral/spillway/app/buildinfo.revision=$(REVISION)

.DEFAULT_GOAL := help
.PHONY: help demo dev build release tools notices test race chaos chaos-short bench bench-short soak soak-short fuzz lint fmt generate check check-fmt check-tidy check-generated check-chaos clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The first build compiles all dependencies, in silence.
.PHONY: built
built:
	@echo "building spillway (the first time takes a minute or two)"
	@CGO_ENABLED=0 go build -trimpath -o .bin/spillway .

demo: built ## run real opportunities through the agents, then play an outage; a minute (needs only Go)
	@.bin/spillway demo

dev: built ## serve everything from one process, in memory, until Ctrl-C (needs only Go)
	@trap : INT; .bin/spillway dev

build: ## build the binary ./spillway
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o spillway .

release: .bin/cyclonedx-gomod ## build dist/: archives for linux and darwin on amd64 and arm64, checksums, SBOM
	deploy/release.sh $(VERSION) '$(LDFLAGS)'

test: .bin/gotestsum ## run the tests and list what was skipped; 3 minutes on 2 idle cores (needs only Go)
	.bin/gotestsum --format pkgname --format-hide-empty-pkg -- -timeout 30m ./...

race: ## run the tests with the race detector (needs a C compiler)
	go test -race ./...

chaos: ## kill processes 1,000 times under 10,000 jobs and check every promise (20 minutes; needs redis-server)
	go run ./lab/chaos -jobs 10000 -kills 1000 -workers 4 -hooks 3m

chaos-short: ## the same with 300 jobs and 15 kills (one to two minutes)
	go run ./lab/chaos

bench: ## measure rates, latencies, memory and rest on a real Redis, fastify with BullMQ beside it (8 minutes; needs redis-server, Node)
	go run ./lab/bench

bench-short: ## the same with less of everything (2 minutes)
	go run ./lab/bench -short

SOAK_TIME := 30m

soak: ## run a mixed load with faults for SOAK_TIME (30m), and fail if memory, goroutines, files or keys grow (needs redis-server)
	go run ./lab/soak -for $(SOAK_TIME)

soak-short: ## the same for four minutes
	go run ./lab/soak -for 4m -warm 90s -faults 20s

FUZZ_REQUESTS := 300000
FUZZ_TIME := 30s

fuzz: ## send the API 300,000 right, nearly right and hostile requests, then fuzz each decoder for FUZZ_TIME (half an hour in all)
	GOGC=400 go test ./app -run '^TestContractFuzz$$' -count=1 -timeout 0 -v -seed $$(date +%s) -requests $(FUZZ_REQUESTS)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z]*' $$dir/*_test.go | cut -c6-); do \
	    echo "$$dir $$target"; go test $$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) || exit 1; \
	  done; \
	done

fmt: ## format the code
	gofmt -w .

generate: ## write generated files anew
	go generate ./...

lint: $(LINT) ## run the linter
	$(LINT) run

tools: $(LINT) .bin/gotestsum .bin/govulncheck .bin/go-licence-detector .bin/cyclonedx-gomod ## install the pinned tools into .bin

# A tool is built again when its version in this file changes.
$(LINT): MODULE := $(GOLANGCI_LINT)
.bin/gotestsum: MODULE := $(GOTESTSUM)
.bin/govulncheck: MODULE := $(GOVULNCHECK)
.bin/go-licence-detector: MODULE := $(LICENCE_DETECTOR)
.bin/cyclonedx-gomod: MODULE := $(CYCLONEDX)
$(LINT) .bin/gotestsum .bin/govulncheck .bin/go-licence-detector .bin/cyclonedx-gomod: Makefile
	GOBIN=$(CURDIR)/.bin go install $(MODULE)
	@touch $@

notices: .bin/go-licence-detector ## write the licenses of all dependencies to cli/notices.txt
	PATH="$(CURDIR)/.bin:$$PATH" sh deploy/licenses/notices.sh > .bin/notices.txt
	mv .bin/notices.txt cli/notices.txt

check: check-fmt vet lint race check-contract check-memory check-budgets check-tidy check-generated check-licenses check-vulnerabilities check-chaos ## everything CI checks

check-fmt:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted, run make fmt:"; echo "$$files"; exit 1; }

.PHONY: vet
vet:
	go vet ./...

# Without the race detector, which makes each request ten times as slow; under it
# "race" has sent some already.
.PHONY: check-contract
check-contract:
	GOGC=400 go test ./app -run '^TestContractFuzz$$' -count=1 -v -requests 20000

# Without the race detector, under which everything takes more memory.
.PHONY: check-memory
check-memory:
	go test ./api -run '^TestMemoryOfAStream$$' -count=1

# What a job costs, in counts: without the race detector, which allocates, too.
.PHONY: check-budgets
check-budgets:
	go test ./app -run '^TestBudgets$$' -count=1 -v

check-tidy:
	go mod tidy -diff

check-generated: generate
	@git diff --exit-code -- '*.gen.go' docs/providers.md docs/configuration.md || { echo "generated files are out of date: commit what make generate wrote"; exit 1; }

.PHONY: check-licenses
check-licenses: .bin/go-licence-detector
	@PATH="$(CURDIR)/.bin:$$PATH" sh deploy/licenses/notices.sh | diff -q - cli/notices.txt >/dev/null || { echo "cli/notices.txt is out of date, or a license is not allowed: run make notices"; exit 1; }

# The database of vulnerabilities is on the network, which a build may not have.
.PHONY: check-vulnerabilities
check-vulnerabilities: .bin/govulncheck
	@out=$$(.bin/govulncheck ./... 2>&1) && echo "$$out" || { \
	  case "$$out" in *"fetching vulnerabilities"*) echo "SKIPPED, NOT CHECKED: govulncheck, because its database cannot be reached";; \
	  *) echo "$$out"; exit 1;; esac; }

check-chaos:
	@if command -v redis-server >/dev/null || test -n "$$SPILLWAY_TEST_REQUIRE_REDIS"; then $(MAKE) chaos-short; \
	else echo "SKIPPED, NOT TESTED: chaos-short, because redis-server is not installed"; fi

clean: ## remove what was built
	rm -rf spillway .bin dist
