# One command per thing that people do here; `make help` lists them. The first `make` of a clone also builds the
# dependencies, which takes minutes; later ones take seconds.

PYTHON := .build-python/bin/python
SWIFTLET := .build/release/swiftlet
MODELS := .build-models
SWIFT_SOURCES := Package.swift Sources Tests

# What `make bench` measures, and how; for example BENCH_OPTIONS="--only decode,tab-decode --rounds 3".
BENCH_MODELS = $(MODELS)/smollm2.gguf $(MODELS)/gemma3.gguf
BENCH_OPTIONS =

.DEFAULT_GOAL := help
.PHONY: help build chat serve web test bench format lint wasm-check clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

build: ## Build the command line program, optimized
	swift build -c release --product swiftlet

chat: build ## Chat with the Quick model in the terminal (98 MB, fetched once)
	@$(SWIFTLET) chat

serve: build web ## Serve the chat page and the local models on 127.0.0.1:8080
	@$(SWIFTLET) pull quick
	@$(SWIFTLET) serve

web: ## Build the page and its WebAssembly worker into Web/dist
	Scripts/build-site.sh

# The tests' own tools live in .build-python and .build-models and are made once.
$(PYTHON): Tests/requirements.txt
	Scripts/install-test-tools.sh
	python3 -m venv .build-python
	$(PYTHON) -m pip install --quiet --requirement Tests/requirements.txt
	@touch $@

test: $(PYTHON) ## Run every test: Swift, WebAssembly, parity with llama.cpp, terminal, Deno, browser
	$(PYTHON) Scripts/fetch-test-models.py $(MODELS)
	$(PYTHON) Scripts/run-tests.py --models $(MODELS)

bench: build web $(PYTHON) ## Measure the terminal and the tab beside llama.cpp on the same files
	$(PYTHON) Scripts/fetch-test-models.py $(MODELS)
	$(PYTHON) Scripts/bench $(BENCH_MODELS) --json .build/bench.json $(BENCH_OPTIONS)

format: ## Format the Swift sources in place
	swift format --in-place --recursive --parallel $(SWIFT_SOURCES)

lint: ## Check the Swift sources' format and style
	swift format lint --strict --recursive --parallel $(SWIFT_SOURCES)

wasm-check: ## Compile the portable targets for WebAssembly in Embedded Swift
	Scripts/wasm/check.sh

clean: ## Remove everything that the commands above built or fetched
	rm -rf .build .build-* Web/dist
