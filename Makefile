# make        this help
# make check  exactly what CI runs

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
LINT := .bin/golangci-lint

.DEFAULT_GOAL := help
.PHONY: help demo dev build test race chaos chaos-short bench bench-short fuzz lint fmt generate check check-fmt check-tidy check-generated check-chaos clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## run real opportunities through the agents and compare with the known outcomes (needs only Go)
	go run . demo

dev: ## serve everything from one process, in memory, until Ctrl-C (needs only Go)
	go run . dev

build: ## build the binary ./spillway
	CGO_ENABLED=0 go build -trimpath -o spillway .

test: ## run the tests (needs only Go; those that want a real redis-server skip without one)
	go test ./...

race: ## run the tests with the race detector (needs a C compiler)
	go test -race ./...

chaos: ## kill processes 1,000 times under 10,000 jobs and check every promise (20 minutes; needs redis-server)
	go run ./lab/chaos -jobs 10000 -kills 1000 -workers 4 -hooks 3m

chaos-short: ## the same with 300 jobs and 15 kills (a minute)
	go run ./lab/chaos

bench: ## measure throughput, latencies and memory on a real Redis over loopback, as one table (3 minutes; needs redis-server)
	go run ./lab/bench

bench-short: ## the same with less of everything (40 seconds)
	go run ./lab/bench -short

FUZZ_REQUESTS := 300000
FUZZ_TIME := 30s

fuzz: ## send the API 300,000 right, nearly right and hostile requests, then fuzz each decoder for FUZZ_TIME (half an hour in all)
	GOGC=400 go test ./cli -run '^TestContractFuzz$$' -count=1 -timeout 0 -v -seed $$(date +%s) -requests $(FUZZ_REQUESTS)
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

$(LINT): Makefile
	GOBIN=$(CURDIR)/.bin go install $(GOLANGCI_LINT)
	@touch $@

check: check-fmt vet lint race check-contract check-memory check-tidy check-generated check-chaos ## everything CI checks

check-fmt:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted, run make fmt:"; echo "$$files"; exit 1; }

.PHONY: vet
vet:
	go vet ./...

# Without the race detector, which makes each request ten times as slow; under it
# "race" has sent some already.
.PHONY: check-contract
check-contract:
	GOGC=400 go test ./cli -run '^TestContractFuzz$$' -count=1 -v -requests 20000

# Without the race detector, under which everything takes more memory.
.PHONY: check-memory
check-memory:
	go test ./api -run '^TestMemoryOfAStream$$' -count=1

check-tidy:
	go mod tidy -diff

check-generated: generate
	@git diff --exit-code -- '*.gen.go' docs/providers.md || { echo "generated files are out of date: commit what make generate wrote"; exit 1; }

check-chaos:
	@if command -v redis-server >/dev/null || test -n "$$SPILLWAY_TEST_REQUIRE_REDIS"; then $(MAKE) chaos-short; \
	else echo "SKIPPED, NOT TESTED: chaos-short, because redis-server is not installed"; fi

clean: ## remove what was built
	rm -rf spillway .bin
