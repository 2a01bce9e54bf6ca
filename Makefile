# orch: make builds it, make check tests it, make install installs it. Any POSIX make will do.

CC = cc
CFLAGS = -O3 -g
# What libc's functions are called is bound once, in orch: else each supervisor binds it again. Not every linker knows
# that (Apple's does not).
LDFLAGS = `$(CC) -Wl,-z,now -Wl,--version >/dev/null 2>&1 && echo -Wl,-z,now`
PREFIX = /usr/local
DESTDIR =

# make FEATURES=-DORCH_NO_LINUX builds without what only Linux has (store/os.h).
FEATURES =

# What the tests need to find Check.
CHECK_CFLAGS =

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual
# Files and times have 64 bits everywhere.
STANDARD = -std=c99 -D_XOPEN_SOURCE=700 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -I.
ALL_CFLAGS = $(STANDARD) $(WARNINGS) $(FEATURES) $(CFLAGS)

PARSE = parse/agents.o parse/arena.o parse/attributes.o parse/blocks.o parse/budget.o parse/buf.o parse/check.o parse/commands.o parse/diag.o parse/forks.o parse/glob.o \
	parse/index.o parse/lacks.o parse/lex.o parse/map.o parse/mem.o parse/names.o parse/near.o parse/parse.o parse/phrase.o parse/prompts.o parse/text.o parse/tmpl.o \
	parse/tree.o parse/ways.o
STORE = store/clock.o store/escape.o store/file.o store/fold.o store/how.o store/identity.o store/key.o store/log.o \
	store/os.o store/os_linux.o store/os_other.o store/record.o store/removal.o store/store.o
ENGINE = engine/agent/json.o engine/agent/outcome.o engine/agent/stream.o engine/agent/usage.o engine/agent/verdict.o engine/files.o engine/inspect/cat.o engine/inspect/completion.o \
	engine/inspect/diff.o engine/inspect/help.o engine/inspect/logs.o engine/inspect/run_state.o engine/inspect/runs.o engine/inspect/session.o \
	engine/inspect/sink.o engine/inspect/status.o engine/inspect/steps.o engine/inspect/table.o engine/inspect/trust.o engine/load.o \
	engine/launch.o engine/loop.o engine/loop_state.o engine/lost.o engine/reports.o engine/request.o engine/rm.o engine/run.o engine/sched/branch.o engine/sched/ended.o engine/sched/plan.o \
	engine/sched/queue.o engine/sched/remaining.o engine/sched/reserve.o engine/sched/rivals.o \
	engine/sched/running.o engine/sched/throttle.o engine/sched/walk.o engine/signals.o engine/start.o engine/taken.o engine/supervise/child.o \
	engine/supervise/commit.o engine/supervise/files.o engine/supervise/git.o engine/supervise/jobserver.o \
	engine/supervise/look.o engine/supervise/making.o engine/supervise/orphans.o engine/supervise/proctree.o \
	engine/supervise/reader.o engine/supervise/reading.o engine/supervise/report.o engine/supervise/spawn.o engine/supervise/supervisor.o engine/supervise/take.o \
	engine/supervise/terminal.o engine/supervise/title.o engine/task/apart.o engine/task/decisions.o engine/task/depends.o engine/task/digest.o \
	engine/task/earlier.o engine/task/expand.o engine/task/items.o engine/task/keys.o engine/task/question.o engine/task/redo.o engine/task/results.o engine/task/sessions.o engine/task/spent.o \
	engine/task/task.o engine/task/worktree.o engine/ui/live.o engine/ui/output.o engine/ui/progress.o \
	engine/ui/screen.o engine/ui/watch.o engine/ui/width.o
ROOMS = $(ENGINE) $(STORE) $(PARSE)
HEADERS = engine/agent/json.h engine/agent/outcome.h engine/agent/stream.h engine/agent/usage.h engine/agent/verdict.h engine/inspect/subcommand.h engine/inspect/completion.h engine/inspect/diff.h engine/inspect/help.h \
	engine/inspect/run_state.h engine/inspect/runs.h engine/inspect/sink.h engine/inspect/steps.h engine/inspect/table.h \
	engine/inspect/trust.h engine/load.h engine/loop.h engine/loop_state.h engine/request.h engine/rm.h engine/run.h engine/sched/branch.h engine/sched/ended.h \
	engine/sched/plan.h engine/sched/queue.h engine/sched/reserve.h engine/sched/rivals.h \
	engine/sched/running.h engine/sched/throttle.h engine/sched/walk.h engine/start.h engine/supervise/git.h \
	engine/supervise/jobserver.h engine/supervise/orphans.h engine/supervise/proctree.h engine/supervise/reader.h \
	engine/supervise/spawn.h engine/supervise/supervision.h engine/supervise/supervisor.h \
	engine/supervise/title.h engine/task/apart.h engine/task/decisions.h engine/task/depends.h engine/task/digest.h engine/task/earlier.h engine/task/expand.h \
	engine/task/items.h engine/task/keys.h engine/task/question.h engine/task/redo.h engine/task/results.h engine/task/sessions.h engine/task/spent.h engine/task/task.h \
	engine/task/worktree.h engine/ui/live.h engine/ui/output.h engine/ui/progress.h engine/ui/screen.h \
	engine/ui/watch.h engine/ui/width.h parse/agents.h parse/arena.h parse/budget.h parse/buf.h parse/check.h parse/commands.h parse/diag.h \
	parse/forks.h parse/glob.h parse/index.h parse/lacks.h parse/lex.h parse/map.h parse/mem.h parse/names.h parse/near.h parse/parse.h parse/parser.h parse/prompts.h parse/text.h \
	parse/tmpl.h parse/tree.h parse/ways.h store/clock.h store/escape.h store/file.h store/fold.h store/how.h store/identity.h \
	store/key.h store/log.h store/os.h store/record.h store/removal.h store/store.h

orch: orch.o $(ROOMS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ orch.o $(ROOMS)

orch.o $(ROOMS): $(HEADERS)

.SUFFIXES: .c .o
.c.o:
	$(CC) $(ALL_CFLAGS) $(CHECK_CFLAGS) -c -o $@ $<

TESTS = tests/again_test.o tests/call_test.o tests/changes_test.o tests/check.o tests/depends_test.o tests/engine_test.o tests/fault_test.o \
	tests/fold_test.o tests/foreign_test.o tests/git_test.o tests/held_test.o tests/help.o tests/history.o \
	tests/history_test.o tests/jobs_test.o tests/kill_test.o tests/limits_test.o tests/live_test.o \
	tests/messages_test.o tests/mounts.o tests/parse_test.o tests/process_test.o tests/procs.o tests/pty.o tests/reader_test.o tests/report_test.o tests/sandbox_test.o tests/workflows_test.o tests/reflog.o \
	tests/repo.o tests/rm_test.o tests/run_test.o tests/session_test.o tests/small_test.o tests/status_test.o tests/store_test.o tests/streams_test.o \
	tests/survive_test.o tests/take_test.o tests/terminal_test.o tests/together_test.o tests/trust_test.o tests/vt.o tests/work.o \
	tests/worktree_test.o
TEST_HEADERS = tests/fault.h tests/help.h tests/history.h tests/mounts.h tests/procs.h tests/pty.h tests/reflog.h \
	tests/repo.h tests/suites.h tests/vt.h tests/work.h

tests/agent: tests/agent.c
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ tests/agent.c

# What makes calls fail, loaded before libc.
tests/fault.so: tests/fault.c tests/fault.h
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -fPIC -o $@ tests/fault.c

# What takes names for one that differ in case, loaded before libc.
tests/fold.so: tests/fold.c
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -fPIC -o $@ tests/fold.c

tests/check: $(TESTS) $(ROOMS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(TESTS) $(ROOMS) `pkg-config --libs check`

$(TESTS): $(TEST_HEADERS) $(HEADERS)

# What the tests need, themselves too.
checkable: orch tests/agent tests/fault.so tests/fold.so
	@sh tests/need-check
	@$(MAKE) CHECK_CFLAGS="`pkg-config --cflags check`" tests/check

# The suite small needs a static orch: where there is no musl it says that it was skipped.
check: checkable
	@if command -v $(MUSL) >/dev/null 2>&1; then $(MAKE) tests/orch-musl; fi
	tests/check

# The same promises, tried for longer: each fault (FAULTS=8: every eighth), a hundred rounds, hundreds of
# histories, gigabytes. Hours.
FAULTS = 1
torture: checkable
	for s in survive together history limits small; do ORCH_TORTURE=1 CK_RUN_SUITE=$$s tests/check || exit 1; done
	ORCH_TORTURE=$(FAULTS) CK_RUN_SUITE=fault tests/check

# What is done is on the disk: copies of a running disk. ROUNDS=N tries more or fewer of them.
powercut: orch
	sh tests/powercut

# Other systems and processors: `zig cc', which has the headers of all of them, compiles and links; those for Linux are
# then run by qemu-user. ZIG=/path/to/zig names the compiler. Undefined behaviour traps: what these processors do with a number
# that is not aligned, or shifted too far, differs.
ZIG = zig
CROSS_CFLAGS = -O0 -g0 -Werror -fsanitize=undefined -fsanitize-trap=undefined
CROSS_MACOS = tests/cross.d/aarch64-macos tests/cross.d/x86_64-macos
CROSS_LINUX = tests/cross.d/aarch64-linux-musl tests/cross.d/riscv64-linux-musl tests/cross.d/arm-linux-musleabihf \
	tests/cross.d/mips-linux-musl tests/cross.d/powerpc-linux-musl
cross: orch $(CROSS_MACOS) $(CROSS_LINUX)
	@for t in $(CROSS_MACOS); do echo "$$t: compiled and linked; not run"; done
	sh tests/cross $(CROSS_LINUX)

$(CROSS_MACOS) $(CROSS_LINUX): orch.c $(ROOMS:.o=.c) $(HEADERS)
	@$(ZIG) version >/dev/null || { echo 'cross: no zig in PATH: make cross ZIG=/path/to/zig' >&2; exit 1; }
	@mkdir -p tests/cross.d
	$(ZIG) cc -target $(@F) $(STANDARD) $(WARNINGS) $(FEATURES) $(CROSS_CFLAGS) -o $@ orch.c $(ROOMS:.o=.c)

# Agents on other machines, each with daemons on loopback: openssh-server; slurm-wlm and munge, as root.
check-ssh: orch
	sh tests/ssh

check-slurm: orch
	sh tests/slurm

# The real claude and codex against stand-ins for their services. Installs them, once, by npm, in
# tests/agents/installed (800 MB); `make clean` leaves them there. OTHERS=1 tries other agents, too: another 1.4 GB, in
# tests/agents/others-installed.
OTHERS =
check-agents: orch
	OTHERS=$(OTHERS) sh tests/agents/check

# One file to copy: without the tables that nothing here unwinds with.
MUSL = musl-gcc
MUSL_CFLAGS = -Os -fno-pie -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -Werror
MUSL_LDFLAGS = -static -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code
static:
	$(MAKE) clean
	$(MAKE) CC=$(MUSL) LDFLAGS='$(MUSL_LDFLAGS)' CFLAGS='$(MUSL_CFLAGS)' orch tests/agent
	strip orch

# The same beside the one that is built already, for the suite small.
tests/orch-musl: orch.c $(ROOMS:.o=.c) $(HEADERS)
	$(MUSL) $(ALL_CFLAGS) $(MUSL_CFLAGS) $(MUSL_LDFLAGS) -o $@ orch.c $(ROOMS:.o=.c)

# What compilers and checkers can see without running it; what is suppressed was looked at, and is not so.
lint:
	cppcheck --enable=warning,performance,portability --std=c99 -D__GNUC__=12 -D__linux__ --error-exitcode=1 -q -I. \
		--suppress=missingIncludeSystem --suppress=returnDanglingLifetime:engine/sched/plan.c --suppress=uninitvar:engine/task/task.c \
		--suppress=ctuPointerArith:engine/task/items.c orch.c engine store parse
	$(MAKE) clean
	$(MAKE) CC=gcc CFLAGS='-O1 -fanalyzer -Wno-analyzer-malloc-leak -Werror' store/record.o
	$(MAKE) CC=gcc CFLAGS='-O1 -fanalyzer -Werror' orch

# libFuzzer looks for input that breaks the parser, what reads a run's directory, or an agent's stream; SECONDS is for how long.
SECONDS = 60
fuzz: tests/fuzz
	mkdir -p tests/found
	tests/fuzz -max_total_time=$(SECONDS) -max_len=8192 -artifact_prefix=tests/found/ tests/found tests/corpus tests/workflows tests/golden

fuzz-store: tests/fuzz-store
	mkdir -p tests/found-store
	tests/fuzz-store -max_total_time=$(SECONDS) -max_len=4096 -artifact_prefix=tests/found-store/ tests/found-store tests/corpus-store

fuzz-stream: tests/fuzz-stream
	mkdir -p tests/found-stream
	tests/fuzz-stream -max_total_time=$(SECONDS) -max_len=16384 -artifact_prefix=tests/found-stream/ tests/found-stream tests/streams

tests/fuzz: tests/fuzz_parse.c $(HEADERS) $(PARSE:.o=.c)
	clang $(ALL_CFLAGS) -Werror -fsanitize=fuzzer,address,undefined -o $@ tests/fuzz_parse.c $(PARSE:.o=.c)

tests/fuzz-store: tests/fuzz_store.c $(HEADERS) $(ROOMS:.o=.c)
	clang $(ALL_CFLAGS) -Werror -fsanitize=fuzzer,address,undefined -o $@ tests/fuzz_store.c $(ROOMS:.o=.c)

STREAM = engine/agent/json.c engine/agent/stream.c engine/agent/usage.c engine/agent/verdict.c parse/buf.c parse/mem.c parse/text.c
tests/fuzz-stream: tests/fuzz_stream.c $(HEADERS) $(STREAM)
	clang $(ALL_CFLAGS) -Werror -fsanitize=fuzzer,address,undefined -o $@ tests/fuzz_stream.c $(STREAM)

# What it costs, beside its peers: SCENARIOS are some of those that tests/bench.c lists.
SCENARIOS =
bench: orch tests/orch-static tests/bench tests/floor tests/hello tests/bare
	-if command -v $(MUSL) >/dev/null; then $(MAKE) tests/orch-musl; fi
	sh tests/bench.sh $(SCENARIOS)

tests/orch-static: orch.o $(ROOMS)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ orch.o $(ROOMS)

tests/bench: tests/bench.c
	$(CC) $(ALL_CFLAGS) -o $@ tests/bench.c

tests/floor: tests/floor.c
	$(CC) $(ALL_CFLAGS) -o $@ tests/floor.c

tests/bare: tests/bare.c tests/hello.c
	$(CC) -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o $@ tests/bare.c 2>/dev/null || \
		$(CC) $(ALL_CFLAGS) -static -o $@ tests/hello.c

tests/hello: tests/hello.c
	$(CC) $(ALL_CFLAGS) -static -o $@ tests/hello.c

# The demonstration: three reviewers look at this source tree, two at a time.
demo: orch
	./orch run tests/workflows/demo.orch

install: orch
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	cp orch $(DESTDIR)$(PREFIX)/bin/orch
	cp orch.1 $(DESTDIR)$(PREFIX)/share/man/man1/orch.1
	mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	if ./orch -V >/dev/null 2>&1; then \
		./orch completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/orch && \
		./orch completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_orch && \
		./orch completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/orch.fish; \
	else echo 'orch does not run here: no completions are installed'; fi

clean:
	rm -f orch orch.o $(ROOMS) $(TESTS) tests/agent tests/fault.so tests/fold.so tests/check tests/fuzz tests/fuzz-store tests/fuzz-stream \
		tests/bench tests/floor tests/hello tests/bare tests/orch-static tests/orch-musl
	rm -rf tests/found tests/found-store tests/found-stream tests/bench.d tests/cross.d

.PHONY: checkable check torture powercut cross check-ssh check-slurm check-agents demo lint fuzz fuzz-store fuzz-stream bench static install clean
