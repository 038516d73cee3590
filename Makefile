# SPDX-License-Identifier: Apache-2.0
# nenghao: two daemons, a simulator, their tests. "make help" lists the targets.

MODE ?= release
V ?= 0
PREFIX ?= /usr
SYSCONFDIR ?= /etc
UNITDIR ?= /usr/lib/systemd/system
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3
CLANG ?= clang
CFLAGS ?=
LDFLAGS ?=

B := build/$(MODE)
PROGRAMS := nenghao-agent nenghao-server nenghao-sim
FOLDER_nenghao-agent := agent
FOLDER_nenghao-server := server
FOLDER_nenghao-sim := sim
FOLDERS := common sim agent server
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || cat VERSION 2>/dev/null || echo unknown)

PACKAGES := libmodbus libcurl libcrypto yaml-0.1 sqlite3 libmicrohttpd jansson zlib xlsxwriter libzip expat
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lpaho-mqtt3as -lpthread -lm

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wvla -Wformat=2 -Wcast-qual -Wpointer-arith \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wswitch-enum -Wimplicit-fallthrough -Wconversion -Wno-sign-conversion -Wno-format-nonliteral
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack

MODE_CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN)
MODE_CFLAGS_strict := -O2 -g -Werror -D_FORTIFY_SOURCE=2 $(HARDEN)
MODE_CFLAGS_asan := -O1 -g -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_CFLAGS_tsan := -O1 -g -Werror -fsanitize=thread -fno-omit-frame-pointer
MODE_CFLAGS_cov := -O0 -g -Werror --coverage
MODE_CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
MODE_LDFLAGS_release := $(HARDEN_LD)
MODE_LDFLAGS_strict := $(HARDEN_LD)
MODE_LDFLAGS_asan := -fsanitize=address,undefined
MODE_LDFLAGS_tsan := -fsanitize=thread
MODE_LDFLAGS_cov := --coverage
MODE_LDFLAGS_fuzz := -fsanitize=address,undefined
ifeq ($(MODE),fuzz)
CC := $(CLANG)
endif
ifndef MODE_CFLAGS_$(MODE)
$(error MODE is '$(MODE)'; it must be release, strict, asan, tsan, cov or fuzz)
endif

ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -I. $(WARN) $(MODE_CFLAGS_$(MODE)) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := $(MODE_LDFLAGS_$(MODE)) $(LDFLAGS)

SOURCES := $(foreach d,$(FOLDERS),$(wildcard $d/*.c $d/*/*.c))
MAINS := $(foreach d,$(FOLDERS),$(wildcard $d/main.c))
UNIT_SOURCES := $(wildcard tests/unit/*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$B/tests/%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(patsubst %.c,$B/%.o,$(filter-out $(wildcard tests/unit/test_*.c),$(UNIT_SOURCES)))
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$B/bench/%,$(wildcard tests/bench/*.c))
ARCHIVES := $(foreach d,$(filter-out common,$(FOLDERS)),$B/lib$d.a) $B/libcommon.a

ifeq ($V,1)
Q :=
else
Q := @
endif
say = @echo "  $(1)	$(2)"

.DELETE_ON_ERROR:
.SECONDEXPANSION:
.PHONY: all help grafana check test test-unit test-system bench demo soak install uninstall deb dist clean \
	setup format check-format check-layers check-tidy check-cppcheck check-unit-asan check-unit-tsan \
	check-system-asan check-fuzz check-docs fuzz coverage unit-programs bench-programs

all: $(PROGRAMS:%=$B/%)

help:
	@echo "make                 build into build/release (MODE=release|strict|asan|tsan|cov|fuzz, V=1 shows commands)"
	@echo "make setup           install what building, testing and the demonstration need (Debian 12)"
	@echo "make demo            a campus of simulated meters with everything running; Ctrl-C ends it"
	@echo "make test            unit and system tests"
	@echo "make check           format, layers, clang-tidy, cppcheck, address, undefined and thread sanitizers, fuzz seeds"
	@echo "make bench           memory, CPU and rates beside yardsticks and targets"
	@echo "make soak            longer proofs: kill everything again and again, fuzzing"
	@echo "make coverage        lines that the unit tests reach, worst file first"
	@echo "make install         DESTDIR, PREFIX, SYSCONFDIR, UNITDIR; keeps existing config; 'uninstall' leaves config"
	@echo "make grafana         Grafana dashboards and provisioning, in build/grafana"
	@echo "make deb, make dist  a Debian package, a source archive (in dist/)"

# The command line is a dependency: its stamp changes only when the flags do.
$B/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@
FORCE:

$B/%.o: %.c $B/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Embedded by the assembler, which tells no dependency.
$B/server/api/api_openapi.o: server/api/api_schemas.json
$B/server/catalogue/catalogue.o: config/catalogue.yaml

# The page: bundled once for all modes, put into the server by a source that tools/build-page writes.
PAGE_SOURCES := $(shell find server/page -type f ! -name '*.[ch]')
build/page/tools: FORCE
	@mkdir -p $(@D)
	@{ esbuild --version; sed -n '/"version"/p' tools/npm/node_modules/echarts/package.json; } 2>/dev/null | cat > $@.new; \
		cmp -s $@.new $@ && rm $@.new || mv $@.new $@
build/page/assets.c: $(PAGE_SOURCES) tools/build-page build/page/tools
	$Qtools/build-page build/page
$B/server/page/assets.o: build/page/assets.c $B/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -c -o $@ $<
$B/libserver.a: $B/server/page/assets.o

$B/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(MAINS:%.c=$B/%.o): private ALL_CFLAGS += -DVERSION='"$(VERSION)"'
$(MAINS:%.c=$B/%.o): $B/version

define archive
$B/lib$(1).a: $$(patsubst %.c,$B/%.o,$$(filter-out $(1)/main.c,$$(wildcard $(1)/*.c $(1)/*/*.c)))
	$$(call say,AR,$$@)
	$$Qrm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach d,$(FOLDERS),$(eval $(call archive,$d)))

$(PROGRAMS:%=$B/%): $B/%: $B/$$(FOLDER_$$*)/main.o $(ARCHIVES)
	$(call say,LD,$@)
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

$B/tests/%: $B/tests/unit/%.o $(UNIT_SHARED) $(ARCHIVES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(UNIT_SHARED) $(ARCHIVES) -lcmocka $(LIBS)

$B/fuzz/%: $B/tests/fuzz/%.o $(ARCHIVES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(ARCHIVES) $(LIBS)

$B/bench/%: $B/tests/bench/%.o $(ARCHIVES)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

unit-programs: $(UNIT_TESTS)
bench-programs: $(BENCH_PROGRAMS)

setup:
	tools/setup

# ---- tests ----
test-unit:
	+tools/run-unit-tests $(MODE)

test-system:
	$(MAKE) all
	$(PYTHON) -m pytest -q tests/system

test:
	tools/setup build run test
	+$(MAKE) all
	+tools/run-unit-tests $(MODE)
	$(PYTHON) -m pytest -q tests/system -m "not soak"

soak:
	tools/setup
	+$(MAKE) all
	+$(MAKE) build/$(MODE)/tests/test_year build/$(MODE)/tests/test_derive_order build/$(MODE)/tests/test_reduce_history
	NENGHAO_YEAR=200x365 build/$(MODE)/tests/test_year
	NENGHAO_SEEDS=1-200 build/$(MODE)/tests/test_derive_order
	NENGHAO_SEEDS=1-50 build/$(MODE)/tests/test_reduce_history
	$(PYTHON) -m pytest -q tests/system -m soak
	+$(MAKE) fuzz FUZZ_SECONDS=600

bench:
	tools/setup build run
	+$(MAKE) all bench-programs
	tests/bench/run

demo:
	tools/setup build run
	+$(MAKE) all
	tools/demo

# ---- gates ----
GATES := check-format check-layers check-docs check-cppcheck check-tidy check-unit-asan check-unit-tsan check-fuzz \
	check-system-asan
check:
	tools/setup
	+$(MAKE) $(GATES)
	@echo "check: all gates passed"

C_FILES = $(shell find $(FOLDERS) tests -name '*.[ch]')

format:
	clang-format -i $(C_FILES)
check-format:
	@clang-format --dry-run -Werror $(C_FILES)
check-layers:
	tools/check-layers
	tools/check-layers --self-test
check-docs:
	tools/check-docs
check-cppcheck:
	cppcheck --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
		--suppress=missingIncludeSystem --std=c11 -D_GNU_SOURCE -DVERSION='""' -I. -j2 $(FOLDERS)
check-tidy:
	tools/check-tidy
check-unit-asan:
	+tools/run-unit-tests asan
check-unit-tsan:
	+tools/run-unit-tests tsan
check-system-asan:
	+$(MAKE) MODE=asan all
	+$(MAKE) MODE=tsan all
	NENGHAO_MODE=asan $(PYTHON) -m pytest -q tests/system -m sanitize
	NENGHAO_MODE=tsan $(PYTHON) -m pytest -q tests/system -m sanitize
FUZZ_SECONDS ?= 5
check-fuzz:
	+$(MAKE) fuzz FUZZ_SECONDS=$(FUZZ_SECONDS)
fuzz:
	+tools/run-fuzz $(FUZZ_SECONDS)
fuzz-programs: $(FUZZ_TARGETS)
coverage:
	+tools/coverage

# ---- delivery ----
grafana:
	tools/grafana/build build/grafana/dashboards
	@mkdir -p build/grafana && cp -r config/grafana/provisioning build/grafana
	@echo "dashboards and provisioning are in build/grafana (docs/grafana.md)"
SHARE := $(PREFIX)/share/nenghao
DOC := $(PREFIX)/share/doc/nenghao
# What is installed is for every user to read, whatever the umask of who installs it.
install: all
	umask 022 && install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SHARE) $(DESTDIR)$(DOC)/docs $(DESTDIR)$(SYSCONFDIR)/nenghao $(DESTDIR)$(UNITDIR)
	install -m 755 -s $(PROGRAMS:%=$B/%) $(DESTDIR)$(PREFIX)/bin
	umask 022 && cd config && find . -type f | while read -r f; do install -D -m 644 "$$f" "$(DESTDIR)$(SHARE)/$$f"; done
	install -m 644 README.md README.zh-CN.md LICENSE $(DESTDIR)$(DOC)
	install -m 644 docs/*.md $(DESTDIR)$(DOC)/docs
	umask 022 && tools/grafana/build $(DESTDIR)$(SHARE)/grafana/dashboards
	umask 022 && for f in agent server; do \
		test -e $(DESTDIR)$(SYSCONFDIR)/nenghao/$$f.yaml || \
		install -m 644 config/$$f.yaml $(DESTDIR)$(SYSCONFDIR)/nenghao/$$f.yaml || exit 1; \
		sed 's|@bindir@|$(PREFIX)/bin|; s|@sysconfdir@|$(SYSCONFDIR)|; s|@docdir@|$(DOC)|' \
			systemd/nenghao-$$f.service > $(DESTDIR)$(UNITDIR)/nenghao-$$f.service || exit 1; \
	done
uninstall:
	rm -f $(PROGRAMS:%=$(DESTDIR)$(PREFIX)/bin/%) $(DESTDIR)$(UNITDIR)/nenghao-agent.service \
		$(DESTDIR)$(UNITDIR)/nenghao-server.service
	rm -rf $(DESTDIR)$(SHARE) $(DESTDIR)$(DOC)
deb: all
	tools/make-deb '$(VERSION)'
dist:
	@mkdir -p dist
	git archive --format=tar.gz --prefix=nenghao-$(VERSION)/ -o dist/nenghao-$(VERSION).tar.gz HEAD

clean:
	rm -rf build dist

-include $(patsubst %.c,$B/%.d,$(SOURCES) $(UNIT_SOURCES) $(wildcard tests/fuzz/*.c tests/bench/*.c))
