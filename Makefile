# What is done with this repository by hand and by CI; `make` alone lists it.
# A fresh Debian with git, make and rustup is enough: `deps` sees to the C compiler and to libpcap.

PREFIX           ?= /usr/local
FUZZ_SECONDS     ?= 60
MUTATION_SECONDS ?= 600
DEMO             ?= demo

# rustup puts cargo here, and a shell that was open before does not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

TARGET  := $(or $(CARGO_TARGET_DIR),target)
SIPREEL := $(TARGET)/release/sipreel

.PHONY: help build demo test bench fixtures fuzz mutate manual deb install clean deps

help: ## list these
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

build: deps ## build the program: target/release/sipreel
	cargo build --release --locked -p recorder

demo: build ## record the calls of fixtures/ into demo/store and show them
	@rm -rf $(DEMO)/store
	@mkdir -p $(DEMO)
	$(SIPREEL) replay fixtures/*.pcap --store $(DEMO)/store --metrics $(DEMO)/metrics.txt
	@echo
	$(SIPREEL) calls list --store $(DEMO)/store
	@echo
	@id=$$($(SIPREEL) calls list --store $(DEMO)/store --outcome recorded --limit 1 --json \
		| sed -n 's/^{"schema":[0-9]*,"id":"\([^"]*\)".*/\1/p'); \
	if [ -z "$$id" ]; then echo "no call was recorded" >&2; exit 1; fi; \
	echo "$(SIPREEL) calls show $$id --store $(DEMO)/store"; \
	$(SIPREEL) calls show "$$id" --store $(DEMO)/store
	@echo
	@echo "$$(find $(DEMO)/store/recordings -name call.wav | wc -l) recordings, caller left and callee right:"
	@echo "  $(DEMO)/store/recordings/YEAR/MONTH/DAY/ID/call.wav"
	@if [ -s $(DEMO)/metrics.txt ]; then echo "the metrics: $(DEMO)/metrics.txt"; fi

test: deps ## everything that has to hold: format, lints, tests, documentation, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --locked; \
	else \
		set -x; cargo test --workspace --locked --lib --bins --tests; \
	fi
	cargo test --workspace --locked --doc
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --locked --no-deps
	@if cargo deny --version >/dev/null 2>&1; then \
		set -ex; cargo fetch --locked; cargo deny --offline check licenses bans sources; \
	else \
		echo "skipped: licences and sources of the dependencies (cargo install --locked cargo-deny)"; \
	fi

bench: deps ## measure beside other tools and stage by stage (needs 2.5 GB of disk, 10 minutes)
	benches/run.sh
	cargo bench -p benches --bench '*'

fixtures: ## record the captures in fixtures/ anew (as root; installs the phones)
	fixtures/record.sh all

fuzz: deps ## run each fuzz target for FUZZ_SECONDS (60)
	@cargo +nightly --version >/dev/null 2>&1 || { echo "needs a nightly: rustup toolchain install nightly" >&2; exit 1; }
	@cargo fuzz --version >/dev/null 2>&1 || { echo "needs cargo-fuzz: cargo install --locked cargo-fuzz" >&2; exit 1; }
	@set -e; for target in $$(cargo +nightly fuzz list); do \
		echo "== $$target"; \
		mkdir -p fuzz/corpus/$$target; \
		cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS); \
	done

mutate: deps ## replay ever new mutations of all captures for MUTATION_SECONDS (600)
	SIPREEL_MUTATION_SECONDS=$(MUTATION_SECONDS) cargo test --locked -p recorder --test hostile -- --nocapture every_capture

manual: build ## manual pages and shell completions, from the help: target/manual, target/completions
	$(SIPREEL) man --to $(TARGET)/manual
	@mkdir -p $(TARGET)/completions
	$(SIPREEL) completions bash > $(TARGET)/completions/sipreel.bash
	$(SIPREEL) completions zsh > $(TARGET)/completions/_sipreel
	$(SIPREEL) completions fish > $(TARGET)/completions/sipreel.fish

deb: manual ## a Debian package with the service: target/debian/*.deb
	@cargo deb --version >/dev/null 2>&1 || { echo "needs cargo-deb: cargo install --locked cargo-deb" >&2; exit 1; }
	cargo deb -p recorder --no-build --locked

install: ## put the program that was built into PREFIX/bin (/usr/local/bin)
	@[ -x $(SIPREEL) ] || { echo "not built yet: make build" >&2; exit 1; }
	install -D -m 755 $(SIPREEL) $(DESTDIR)$(PREFIX)/bin/sipreel

clean: ## remove what was built and the demo
	cargo clean
	rm -rf $(DEMO)

# One program that uses libpcap tells whether compiler, headers and library are there. What is missing is installed where
# that can be done here; otherwise the command is named.
deps:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust by rustup" >&2; exit 1; }
	@try() { printf '#include <pcap.h>\nint main(void) { return !pcap_lib_version(); }\n' \
		| cc -x c - -lpcap -o /dev/null 2>/dev/null; }; \
	if try; then exit 0; fi; \
	packages="gcc libc6-dev libpcap-dev"; \
	if ! command -v apt-get >/dev/null; then \
		echo "a C compiler or libpcap with its headers is missing (on Debian: $$packages)" >&2; exit 1; \
	elif [ "$$(id -u)" -eq 0 ]; then \
		apt-get update && apt-get install -y --no-install-recommends $$packages; \
	elif command -v sudo >/dev/null; then \
		sudo apt-get update && sudo apt-get install -y --no-install-recommends $$packages; \
	else \
		echo "missing; run this as root: apt-get install -y $$packages" >&2; exit 1; \
	fi && { try || { echo "libpcap still cannot be used; see: cc -lpcap" >&2; exit 1; }; }
