# SPDX-License-Identifier: GPL-2.0-only
#
#   make            build/maptrace
#   make demo       set up, build, run the report on a bundled Go program (as root)
#   make test       set up, build, check the sources, run all tests
#   make lint       check the sources alone: format, headers, layers, names, documents
#   make test-matrix  the census with every Go version and build
#   make test-html  drive the page of --html in Chromium, which it installs
#   make fuzz       fuzz all parsers and decoders (SECONDS=n for each: 5; ARGS="NAME..."; needs clang)
#   make soak       an hour beside other tracers (MINUTES=n: 60)
#   make coverage   how often the intervals of rates have the truth (RUNS=n: 25)
#   make report PID=n
#   make bench      measure, and compare with the goals (ARGS="NAME...": some of tests/bench)
#   make man        the manual pages, in build/man
#   make install, make clean, make format, make help
#
# Knobs: CC, CLANG, CFLAGS, ARCH (the processor to build for: x86), DEBUG=1 (ASan and
# UBSan), V=1 (show commands), PREFIX, DESTDIR, ARGS (more arguments for `make report` and
# `make bench`).

CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
PREFIX  ?= /usr/local
ARCH    ?= $(shell uname -m)
BUILD   := build$(if $(DEBUG),/debug)

VERSION := 0.3

# libbpf's names of architectures: those of __TARGET_ARCH_*. user/arch/arch.h lists what to
# add for another one.
ARCHS   := x86
TO_ARCH := s/^x86_64$$/x86/;s/^amd64$$/x86/;s/^aarch64$$/arm64/
override ARCH := $(shell echo '$(ARCH)' | sed '$(TO_ARCH)')
ifeq ($(filter $(ARCHS),$(ARCH)),)
ifneq ($(filter-out help clean deps,$(or $(MAKECMDGOALS),all)),)
$(error maptrace cannot be built for '$(ARCH)': it knows $(ARCHS) only)
endif
endif

MODULES := base arch process heap maps graph trace model report cmd
SRCS    := $(foreach m,$(MODULES),$(wildcard user/$(m)/*.c))
OBJS    := $(SRCS:%.c=$(BUILD)/%.o)
BPF     := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
SKELS   := $(BPF:%=$(BUILD)/bpf/%.skel.h)
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Werror
comma   := ,
SAN     := $(if $(DEBUG),-fsanitize=address$(comma)undefined -fno-omit-frame-pointer -O1)
USER_FLAGS = -std=gnu17 $(WARN) -D_GNU_SOURCE -DMAPTRACE_VERSION='"$(VERSION)"' \
	     -Iuser -Ibpf -I$(BUILD) $(CFLAGS) $(SAN)
BPF_FLAGS  = -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -std=gnu17 $(WARN) -Ivmlinux -Ibpf
LIBS    := -lncursesw -ltinfo -lbpf -ldw -lelf -lcapstone -ljansson -lz -lm -pthread

ifeq ($(V),1)
Q :=
msg =
else
Q := @
msg = @printf '  %-8s %s\n' '$(1)' '$(2)';
endif

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all demo test fuzz fuzzers soak test-matrix test-html check bench coverage report install uninstall clean lint format help deps units layouts schema man

all: $(BUILD)/maptrace

help:
	@sed -n '3,19s/^# \{0,1\}//p' Makefile

$(BUILD)/maptrace: $(OBJS) $(BUILD)/user/main.o
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -MMD -MP -c -o $@ $<

# A switch that forgets a value of its enum does not compile.
$(BUILD)/user/%.o: WARN += -Wswitch-enum

# In a first build, what includes a skeleton has to wait for it. Later the .d files tell.
$(filter $(BUILD)/user/trace/%,$(OBJS)): | $(SKELS)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# What a report in HTML has in each file.
$(BUILD)/report/html_assets.h: user/report/page.css user/report/page.js scripts/embed-page.sh
	$(call msg,EMBED,$@)
	@mkdir -p $(@D)
	$(Q)scripts/embed-page.sh user/report/page.css user/report/page.js > $@

$(BUILD)/user/report/html.o: | $(BUILD)/report/html_assets.h

# A unit test links against everything except main, and against the made-up target that
# several tests share. The linker takes what it needs.
UNIT_LIB := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

$(BUILD)/libmaptrace.a: $(OBJS) $(UNIT_LIB)
	$(call msg,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

units: $(UNITS) $(BUILD)/tests/e2e/many_traces $(BUILD)/tests/e2e/many_watches $(BUILD)/tests/e2e/made_reports $(BUILD)/tests/e2e/blind_types $(BUILD)/tests/e2e/traps

# This test compiles a part of the BPF side.
$(BUILD)/tests/unit/test_stamps.o: USER_FLAGS += -Ivmlinux

$(BUILD)/tests/recorded/record: $(BUILD)/tests/recorded/record.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

# What live.t and results.t run: one loop that drives several traces, or watches.
$(BUILD)/tests/e2e/many_traces $(BUILD)/tests/e2e/many_watches: %: %.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

# What blind.t runs: it types objects of a process whose types are known.
$(BUILD)/tests/e2e/blind_types: %: %.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

# What traps.t looks at.
$(BUILD)/tests/e2e/traps: $(BUILD)/tests/e2e/traps.o
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^

# What schema.t runs: it prints made-up reports, with the help of the unit tests.
$(BUILD)/tests/e2e/made_reports: $(BUILD)/tests/e2e/made_reports.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# The program that makes the table of layouts is built without that table and without BPF.
LAYOUT_ROW := scripts/layout_row \
	      $(addprefix user/process/,debug_file dwarf_types dwarf_layout elf_file) user/base/err

$(BUILD)/scripts/layout_row: $(LAYOUT_ROW:%=$(BUILD)/%.o)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

layouts: $(BUILD)/scripts/layout_row
	scripts/gen-layouts.sh $< user/process/layout_rows.inc

$(BUILD)/scripts/report_schema: $(BUILD)/scripts/report_schema.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

schema: $(BUILD)/scripts/report_schema
	$< >user/report/report.schema.json

deps:
	@scripts/deps.sh

# Says what is missing before anything is compiled.
demo:
	@scripts/demo.sh --check
	@$(MAKE) --no-print-directory -s deps
	@$(MAKE) --no-print-directory -s all
	@scripts/demo.sh $(BUILD)/maptrace

test: lint
	@tests/run.sh

# All versions and builds of Go; takes a quarter of an hour.
test-matrix: deps
	@MATRIX=all tests/run.sh matrix.t

# The page for browsers in one. It is large, so `make test` takes it only where it is there.
test-html: all units
	@command -v chromium chromium-browser google-chrome >/dev/null || apt-get install -y --no-install-recommends chromium
	@tests/run.sh html.t

check: test

# Helpers of the benchmarks in C. They use the program's own readers.
BENCH := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

bench: deps
	@$(MAKE) --no-print-directory -s all $(BENCH)
	@tests/bench/run.sh $(ARGS)

# The fuzzers, with all of the program that they use, by clang for libFuzzer, ASan and UBSan. A
# recording is read by what the unit tests make processes with.
FUZZERS    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SRCS  := $(foreach m,base arch process heap maps graph trace,$(wildcard user/$(m)/*.c)) \
	      $(wildcard tests/unit/image*.c)
FUZZ_OBJS  := $(FUZZ_SRCS:%.c=$(BUILD)/fuzz/%.o)
FUZZ_FLAGS  = $(filter-out $(SAN),$(USER_FLAGS)) -O1 -g -fno-omit-frame-pointer \
	      -fsanitize=address$(comma)undefined$(comma)fuzzer-no-link -fno-sanitize-recover=all

$(BUILD)/fuzz/%.o: %.c
	$(call msg,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -Wno-unknown-warning-option -MMD -MP -c -o $@ $<

$(filter $(BUILD)/fuzz/user/trace/%,$(FUZZ_OBJS)): | $(SKELS)

$(BUILD)/fuzz/libmaptrace.a: $(FUZZ_OBJS)
	$(call msg,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/libmaptrace.a
	$(call msg,LINK,$@)
	$(Q)$(CLANG) -fsanitize=address$(comma)undefined$(comma)fuzzer -o $@ $^ -lcmocka $(LIBS)

fuzzers: $(FUZZERS)

fuzz: deps
	@$(MAKE) --no-print-directory -s fuzzers
	@SECONDS_EACH=$(or $(SECONDS),5) tests/fuzz/run.sh $(ARGS)

# A target of 1,000 threads at its memory limit, beside a profiler and a second maptrace.
soak: all
	@MINUTES=$(or $(MINUTES),60) tests/soak.t

# A run watches four loads, each for 4 s.
coverage: all
	@RUNS=$(or $(RUNS),25) tests/e2e/rates.t

# Exit code 1 says that there are findings. That is not a failure of make.
report:
	@test -n "$(PID)" || { echo "usage: make report PID=n" >&2; exit 2; }
	@$(MAKE) --no-print-directory -s all
	@$(BUILD)/maptrace report $(ARGS) $(PID) || test $$? -eq 1

# The manual pages; the program itself says what its options are.
man: all
	@scripts/man.sh $(BUILD)/maptrace $(BUILD)/man

SHARE := $(DESTDIR)$(PREFIX)/share
BASH_COMPLETION := $(SHARE)/bash-completion/completions/maptrace
ZSH_COMPLETION := $(SHARE)/zsh/site-functions/_maptrace

install: man
	install -D -m 755 $(BUILD)/maptrace $(DESTDIR)$(PREFIX)/bin/maptrace
	install -d $(SHARE)/man/man1 $(SHARE)/man/man5
	install -m 644 $(BUILD)/man/*.1 $(SHARE)/man/man1
	install -m 644 $(BUILD)/man/*.5 $(SHARE)/man/man5
	install -D -m 644 scripts/completion/maptrace.bash $(BASH_COMPLETION)
	install -D -m 644 scripts/completion/_maptrace $(ZSH_COMPLETION)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/maptrace $(SHARE)/man/man[15]/maptrace.[15]
	rm -f $(SHARE)/man/man[15]/maptrace-*.[15] $(BASH_COMPLETION) $(ZSH_COMPLETION)

# Each is scripts/check-NAME.sh.
CHECKS := format headers layers names docs

lint: deps
	@for check in $(CHECKS); do scripts/check-$$check.sh || exit 1; done

format:
	@scripts/check-format.sh --fix

clean:
	rm -rf build

-include $(OBJS:.o=.d) $(UNIT_LIB:.o=.d) $(BUILD)/user/main.d $(BPF:%=$(BUILD)/bpf/%.bpf.d) $(UNITS:=.d) $(BENCH:=.d) $(FUZZ_OBJS:.o=.d) \
	 $(addprefix $(BUILD)/tests/e2e/,many_traces.d many_watches.d made_reports.d blind_types.d traps.d) $(addprefix $(BUILD)/scripts/,layout_row.d report_schema.d)
