# The commands of this project. CI runs `check`; everything is built with the one release profile, so
# that the dependencies are compiled once.
#
# On a bare machine first: bash tests/setup (it installs make, too).

SHELL := /bin/bash
CACHE := $(or $(DP_CACHE),$(HOME)/.cache/dp)

DENY_VERSION := 0.20.2
DENY := $(CACHE)/tools/cargo-deny-$(DENY_VERSION)

# Not among all targets, as a plain `cargo test` cannot run them.
ON_CLUSTER := --test s3 --test kubernetes --test chaos

.DEFAULT_GOAL := check
.PHONY: check setup fmt clippy test s3 cluster doc deny golden bench

## Everything that must hold before a change is taken.
check: setup fmt clippy test doc deny cluster

## Install what is missing on this machine.
setup:
	bash tests/setup

## The layout of the code; `cargo fmt` repairs it.
fmt:
	cargo fmt --check

## Lints; which ones, and why, stands in Cargo.toml and clippy.toml.
# `cargo clippy` would check all dependencies anew (some 400 crates); Clippy in the place of rustc finds
# them as the tests do, compiled. dp itself is built without optimisation here: do not time what this
# leaves in target/release.
clippy:
	RUSTC_WORKSPACE_WRAPPER="$$(rustc --print sysroot)/bin/clippy-driver" \
		CLIPPY_ARGS="-Dwarnings__CLIPPY_HACKERY__" \
		cargo build --release --all-targets --locked --config profile.release.opt-level=0
	RUSTC_WORKSPACE_WRAPPER="$$(rustc --print sysroot)/bin/clippy-driver" \
		CLIPPY_ARGS="-Dwarnings__CLIPPY_HACKERY__" \
		cargo build --release $(ON_CLUSTER) --locked --config profile.release.opt-level=0

## All tests.
test: setup
	cargo test --release --locked

## The tests that need an S3 server, on one that is built and started for them (tests/cluster/README.md).
s3: setup
	tests/cluster/run cargo test --release --locked --test s3

## The tests that need a Kubernetes and an S3 server, on those that are built and started for them, or on
## yours: set KUBECONFIG, DP_TEST_IMAGE, DP_TEST_BUCKET_URL and what reaches the store.
cluster: setup
	tests/on_cluster

## The documentation builds and its links lead somewhere.
# Not `cargo doc`, for the same reason: it would check all dependencies anew.
doc:
	RUSTDOC=$(CURDIR)/tests/rustdoc cargo test --release --doc --locked

## Licences, bans and sources of the dependencies (deny.toml).
deny: $(DENY)/bin/cargo-deny
	$(DENY)/bin/cargo-deny --locked check --hide-inclusion-graph licenses bans sources

# Built without optimisation: it runs for seconds. Its own target folder, as it shares no crate with dp.
$(DENY)/bin/cargo-deny:
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_TARGET_DIR=$(DENY)/target \
		cargo install cargo-deny --version $(DENY_VERSION) --locked --quiet --root $(DENY)
	rm -rf $(DENY)/target

## Write the golden files anew; the change is then reviewed in the diff.
golden: setup
	UPDATE_GOLDEN=1 cargo test --release --locked

## Compare dp with DuckDB, Polars and DataFusion; see benches/README.md.
bench:
	python3 benches/run.py
