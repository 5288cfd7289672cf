# SPDX-License-Identifier: BSD-2-Clause
#
# A thin front over meson: what a person types. Each target first installs the Debian packages it
# needs and lacks (tools/install-deps), so `make demo` and `make check` work on a fresh Debian 12 with
# git and make. Nothing but that installation needs root.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
# What else `meson setup` should get, e.g. MESON_FLAGS='-Db_sanitize=address,undefined'
MESON_FLAGS ?=
BENCH_FLAGS ?=
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := all
.PHONY: all build demo check check-programs check-suites bench fuzz lint install clean help

all: build

help:
	@echo 'make demo            build, then watch a server and a client talk over Sockworks sockets'
	@echo 'make check           build with -Werror and run every quick test (under five minutes)'
	@echo 'make check-programs  run programs from Debian on Sockworks, heavy ones too'
	@echo 'make check-suites    run the conformance suites'
	@echo 'make bench           figures, each beside the kernel on this machine (BENCH_FLAGS=--json)'
	@echo 'make fuzz            fuzz every parser for FUZZ_SECONDS=$(FUZZ_SECONDS) each'
	@echo 'make lint            layers, sizes, man pages, clang-tidy, cppcheck'
	@echo 'make install         into $$(DESTDIR)$$(PREFIX), PREFIX=$(PREFIX)'
	@echo 'make clean           remove the build directories'

# An interrupted `meson setup` leaves a directory without build.ninja; it is set up again.
$(BUILD)/build.ninja:
	@tools/install-deps build
	meson setup $(BUILD) $(MESON_FLAGS)

build: $(BUILD)/build.ninja
	@tools/install-deps build
	ninja -C $(BUILD)

# Only what it shows is built, so that the first minute is short.
demo: $(BUILD)/build.ninja
	@tools/install-deps build
	ninja -C $(BUILD) sockworks $(foreach kind,stream datagram,examples/$(kind)_server examples/$(kind)_client)
	@tools/run-demo $(BUILD)

# Test programs exist only where meson saw cmocka, so a build made without it is looked at again.
$(BUILD)/.check: $(BUILD)/build.ninja meson.build
	@tools/install-deps build test
	meson setup --reconfigure $(BUILD) -Dwerror=true
	@touch $@

check: $(BUILD)/.check
	@tools/install-deps build test
	ninja -C $(BUILD)
	@tools/run-tests $(BUILD) unit goodput lint install docs programs-light

check-programs: $(BUILD)/.check
	@tools/install-deps build test programs
	ninja -C $(BUILD)
	@tools/run-tests $(BUILD) programs-light programs

check-suites: $(BUILD)/.check
	@tools/install-deps build test suites
	ninja -C $(BUILD)
	@tools/run-tests $(BUILD) suites

bench: build
	@tools/install-deps build bench
	@bench/run-bench $(BUILD) $(BENCH_FLAGS)

fuzz:
	@tools/install-deps build fuzz
	@tools/run-fuzz $(FUZZ_SECONDS)

lint: $(BUILD)/build.ninja
	@tools/install-deps build lint
	ninja -C $(BUILD)
	@tools/run-lint $(BUILD)

install: $(BUILD)/build.ninja
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))

clean:
	rm -rf $(BUILD) build-asan build-clang build-fuzz
