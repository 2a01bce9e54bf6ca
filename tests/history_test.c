/* Random workflows, killed at random and resumed, and a checker that looks at all that was seen.
 *
 * A history is one workflow (tests/work.h): orch is started, something is done to it after a random time,
 * up to six times; then it is let be until it has come to its end. What the agents, the log, the messages, the run's
 * directory and, where the workflow has worktrees, git say is checked on the way (tests/history.h), and the end is
 * held against a reference that was computed without orch.
 *
 * ORCH_SEED=n runs the history of that seed alone, ORCH_HISTORIES=n says how many; ORCH_TORTURE=1 makes
 * 400 of them, and a thousand runs of one workflow. What is random in a history follows from its seed, but for
 * the time that things take: what has failed once may have to be tried again. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parse/mem.h"
#include "store/how.h"
#include "tests/help.h"
#include "tests/history.h"
#include "tests/procs.h"
#include "tests/repo.h"
#include "tests/suites.h"

enum {
	CUTS = 6,               /* at most, of a history */
	FIXED_CUTS = 40,        /* at most, of the fixed workflow */
	CALM = 40,              /* walks that nothing is done to, at most */
	WALKS = FIXED_CUTS + CALM,
	END = 60 * 1000         /* ms for a walk to end */
};

/* Seeds of histories that have failed once. They are always run; the 0 is none. */
static const uint64_t regressions[] = { 0 };

enum { REGRESSIONS = LEN(regressions) - 1 };

/* What is done to a walk. */
enum cut {
	CUT_NONE,
	CUT_KILL, CUT_KILL_GROUP, CUT_TERM, CUT_INT, CUT_TERM_TWICE, CUT_TERM_KILL,
	CUT_BATCH,              /* orch is stopped until many agents have ended; killed when it says so of the first */
	CUT_SUPERVISOR,             /* a supervisor is killed, orch is not */
	CUT_LATE,               /* orch is killed while a supervisor is stopped, which goes on in the next walk */
	CUT_GIT,                /* a supervisor that has called git is killed, orch is not */
	CUT_MEDDLED             /* nothing, but somebody has meddled with a branch or a worktree */
};

static const char *const cut_names[] = { "none", "kill", "kill group", "term", "int", "term twice", "term, kill", "batch",
    "supervisor", "late", "git", "meddled" };

/* When: after some milliseconds, or as soon as so many more are done, or have begun. */
enum when { WHEN_TIME, WHEN_DONE, WHEN_BEGUN };

struct life {
	struct work work;
	struct history seen;
	struct history_walk walks[WALKS];
	enum cut cuts[WALKS];
	int status[WALKS];
	uint64_t chance;
	const char *title;
	pid_t orch;
	pid_t late;             /* a stopped supervisor; 0: none */
	char *checkout;         /* what git says of the main checkout; NULL: there is no repository */
	int n;                  /* walks that have begun */
};

static const char log_file[] = ".orch/r/log";

/* Failing: all that is known. */

static void
tell_walks(const struct life *l)
{
	int i;

	for (i = 0; i < l->n; i++)
		fprintf(stderr, "walk %d: pid %ld -j %ld %s: %d\n", i, l->walks[i].pid, l->walks[i].jobs, cut_names[l->cuts[i]],
		    l->status[i]);
}

/* Kills what is below this test, as the kernel has it: a number that was written down once may be
 * another's by now. */
static void
end_all(void)
{
	char file[64], *s, *end;
	long long until = help_ms() + AFTER;
	long pid;

	snprintf(file, sizeof file, "/proc/self/task/%ld/children", (long)getpid());
	while ((waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) && help_ms() < until) {
		for (s = help_read(file, NULL); (pid = strtol(s, &end, 10)) > 0; s = end)
			kill((pid_t)pid, SIGKILL);
		help_pause(5);
	}
}

static void
fail_life(const struct life *l, const char *why)
{
	fprintf(stderr, "---- history %s\n%s---- marks\n%s---- log\n%s---- messages of the last walk\n%s", l->title, l->work.file.s,
	    help_read("marks", NULL), help_read(log_file, NULL), help_read("err", NULL));
	fprintf(stderr, "---- what it printed\n%s\n----\n", help_read("out", NULL));
	tell_walks(l);
	end_all();
	ck_abort_msg("history %s: %s", l->title, why);
}

static void
must(const struct life *l, const char *bad)
{
	if (bad)
		fail_life(l, bad);
}

static void
must_be(const struct life *l, int good, const char *why)
{
	if (!good)
		fail_life(l, why);
}

/* The repository. */

/* This directory becomes the main checkout of one, in which only the file `file` counts. */
static void
make_repository(void)
{
	repo_init("for f in w.orch 'marks*' f/ out err pids; do echo \"/$f\"; done >.git/info/exclude; echo one >file");
}

/* All of the main checkout: branch, all that it has been, index, files. */
static char *
look_at_checkout(void)
{
	return help_sh(0, "cat .git/HEAD .git/logs/HEAD .git/logs/refs/heads/main; git status --porcelain; git ls-files -s").out;
}

/* Nobody is left below this test. */
static void
expect_nobody(const struct life *l)
{
	long long until = help_ms() + AFTER;
	char text[512];

	while (procs_list(text, sizeof text)) {
		must_be(l, help_ms() < until, "somebody is alive");
		help_pause(2);
	}
}

/* A walk. */

static int
is_over(const struct life *l)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	return waitid(P_PID, (id_t)l->orch, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == l->orch;
}

/* What is after the name in /proc/PID/stat: the state, and the parent. "" when there is no such process. */
static const char *
stat_of(long pid)
{
	char path[64];
	const char *s;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	s = strrchr(help_read(path, NULL), ')');
	return s ? s + 2 : "";
}

static long
parent_of(long pid)
{
	const char *s = stat_of(pid);

	return *s ? atol(s + 1) : 0;
}

/* How many marks the latest walk has. */
static int
marks_now(const struct life *l)
{
	char sign[2][32];

	snprintf(sign[0], sizeof sign[0], "+ %d ", l->n - 1);
	snprintf(sign[1], sizeof sign[1], "- %d ", l->n - 1);
	return help_count(help_read("marks", NULL), sign[0]) + help_count(help_read("marks", NULL), sign[1]);
}

/* The supervisor that an earlier walk has left goes on, while this one waits for it: as long as it does not, its
 * step is not over, and nothing may begin. */
static void
end_late(struct life *l)
{
	if (!l->late)
		return;
	help_pause((long)work_dice(&l->chance, 100));
	if (*stat_of((long)l->late) == 'T')
		must_be(l, !marks_now(l), "it has begun beside a supervisor of the walk before");
	kill(l->late, SIGCONT);
	l->late = 0;
}

static void
begin_walk(struct life *l, long jobs, int stop_first)
{
	struct history_walk *w = &l->walks[l->n];
	char number[32], options[64];

	must_be(l, l->n < WALKS, "it does not come to its end");
	snprintf(number, sizeof number, "%d", l->n);
	setenv("WALK", number, 1);
	snprintf(options, sizeof options, jobs ? "-j %ld%s" : "%.0ld%s", jobs, stop_first ? " -x" : "");
	w->kept = mem_zero((size_t)l->work.nwants + 1, 1);
	w->jobs = jobs;
	must(l, history_results(&l->work, ".orch/r/result", w->kept, 0));
	l->orch = procs_start("exec orch run %s%s -r r w.orch", work_dice(&l->chance, 5) ? "" : "-q ", options);
	w->pid = (long)l->orch;
	l->seen.nwalks = ++l->n;
	end_late(l);
}

/* Until WORD is in FILE N times more, or orch has ended. */
static void
await_words(const struct life *l, const char *file, const char *word, int n)
{
	struct timespec moment = { 0, 20 * 1000 };
	char *s = help_read(file, NULL);
	int until = help_count(s, word) + n;

	while (help_count(s, word) < until && !is_over(l)) {
		nanosleep(&moment, NULL);
		free(s);
		s = help_read(file, NULL);
	}
	free(s);
}

static void
await_moment(struct life *l, enum when when, int most)
{
	int n = (int)work_dice(&l->chance, (uint32_t)most);

	if (when == WHEN_TIME)
		help_pause(n);
	else if (when == WHEN_DONE)
		await_words(l, log_file, "\tdone\t", 1 + n / 12);
	else
		await_words(l, "marks", "+ ", 1 + n / 15);
}

/* Whether the agent of the mark "+ WALK PID KEY" has not come to its end. */
static int
is_at_work(const char *marks, const char *begin)
{
	char end[300];

	snprintf(end, sizeof end, "\n-%.*s\n", (int)strcspn(begin + 1, "\n") < 256 ? (int)strcspn(begin + 1, "\n") : 256, begin + 1);
	return !strstr(marks, end);
}

/* The supervisor of an agent of this walk; 0: there is none, or its step has a word for the case that it fails. */
static pid_t
find_supervisor(const struct life *l)
{
	const char *marks = help_read("marks", NULL), *s, *nl, *last = NULL;
	char key[256];
	long pid, supervisor;
	int want, walk;

	for (s = marks; (nl = strchr(s, '\n')); s = nl + 1)
		if (*s == '+' && atoi(s + 2) == l->n - 1 && is_at_work(marks, s))
			last = s;
	if (!last || sscanf(last, "+ %d %ld %255s", &walk, &pid, key) != 3)
		return 0;
	want = work_find(&l->work, key, strlen(key));
	supervisor = parent_of(pid);
	if (want < 0 || l->work.wants[want].node->otherwise || supervisor <= 1 || parent_of(supervisor) != (long)l->orch)
		return 0;
	return (pid_t)supervisor;
}

/* A supervisor of this walk whose child is git; 0: there is none. */
static pid_t
find_git_supervisor(const struct life *l)
{
	char file[96], *s, *end;
	long supervisor, child;

	snprintf(file, sizeof file, "/proc/%ld/task/%ld/children", (long)l->orch, (long)l->orch);
	for (s = help_read(file, NULL); (supervisor = strtol(s, &end, 10)) > 0; s = end) {
		snprintf(file, sizeof file, "/proc/%ld/task/%ld/children", supervisor, supervisor);
		child = strtol(help_read(file, NULL), NULL, 10);
		snprintf(file, sizeof file, "/proc/%ld/comm", child);
		if (child > 0 && !strcmp(help_read(file, NULL), "git\n"))
			return (pid_t)supervisor;
	}
	return 0;
}

/* Sometimes one of the first calls of git, sometimes a later one. */
static void
cut_git(struct life *l)
{
	pid_t supervisor = 0;

	help_pause((long)work_dice(&l->chance, 150));
	while (!is_over(l) && !(supervisor = find_git_supervisor(l)))
		;
	if (supervisor > 0)
		kill(supervisor, SIGKILL);
}

static void
cut_twice(struct life *l, int first, int second)
{
	kill(l->orch, first);
	help_pause((long)work_dice(&l->chance, 30));
	kill(l->orch, second);
}

static void
cut_batch(struct life *l)
{
	kill(l->orch, SIGSTOP);
	help_pause((long)work_dice(&l->chance, 60));
	kill(l->orch, SIGCONT);
	await_words(l, log_file, "\tdone\t", 1);
	kill(l->orch, SIGKILL);
}

static void
cut_late(struct life *l)
{
	pid_t supervisor = find_supervisor(l);

	if (supervisor > 0 && !kill(supervisor, SIGSTOP))
		l->late = supervisor;
	kill(l->orch, SIGKILL);
}

static void
do_cut(struct life *l, enum cut cut)
{
	pid_t supervisor;

	switch (cut) {
	case CUT_NONE:
		break;
	case CUT_KILL:
		kill(l->orch, SIGKILL);
		break;
	case CUT_KILL_GROUP:
		kill(-l->orch, SIGKILL);
		break;
	case CUT_TERM:
		kill(l->orch, SIGTERM);
		break;
	case CUT_INT:
		kill(l->orch, SIGINT);
		break;
	case CUT_TERM_TWICE:
		cut_twice(l, SIGTERM, SIGTERM);
		break;
	case CUT_TERM_KILL:
		cut_twice(l, SIGTERM, SIGKILL);
		break;
	case CUT_BATCH:
		cut_batch(l);
		break;
	case CUT_SUPERVISOR:
		supervisor = find_supervisor(l);
		if (supervisor > 0)
			kill(supervisor, SIGKILL);
		break;
	case CUT_LATE:
		cut_late(l);
		break;
	case CUT_GIT:
		cut_git(l);
		break;
	case CUT_MEDDLED:
		break;
	}
}

static int
may_end_with(enum cut cut, int status)
{
	static const int kills[] = { 0, SIGKILL, SIGKILL, SIGTERM, SIGINT, SIGTERM, SIGTERM, SIGKILL, 0, SIGKILL, 0, 0 };

	return status == 0 || status == 1 || (kills[cut] && status == 128 + kills[cut]) ||
	    (cut == CUT_TERM_KILL && status == 128 + SIGKILL);
}

/* What orch has said to be done, on standard error or in the log, has its result. */
static const char *
check_said(const struct life *l, const char *file, const char *before, const unsigned char *kept)
{
	static char text[300];
	const char *s = help_read(file, NULL);
	size_t n;
	int i;

	for (; (s = strstr(s, before)); s += n) {
		s += strlen(before);
		n = strcspn(s, " \t\n");
		i = work_find(&l->work, s, n);
		if (i >= 0 && kept[i])
			continue;
		snprintf(text, sizeof text, "%s says that %.*s is done, and it has no answer", file, (int)(n < 99 ? n : 99), s);
		return text;
	}
	return NULL;
}

/* What a walk has left, whatever became of it. */
static void
check_left(struct life *l)
{
	unsigned char *kept = mem_zero((size_t)l->work.nwants + 1, 1);

	must(l, history_results(&l->work, ".orch/r/result", kept, 0));
	must(l, check_said(l, log_file, "\tdone\t", kept));
	must(l, check_said(l, log_file, "\totherwise\t", kept));
	must(l, check_said(l, "err", "\ndone      ", kept));
	must(l, check_said(l, "err", "\nfallback  ", kept));
	must(l, history_trees(&l->work, 0));
	free(kept);
}

/* What was printed of the text that is to be printed in the end. */
static void
check_printed(const struct life *l, int all)
{
	size_t n;
	const char *s = help_read("out", &n);

	if (all)
		must_be(l, n == l->work.out.n && !memcmp(s, l->work.out.s, n), "it printed something else");
	else
		must_be(l, n <= l->work.out.n && !memcmp(s, l->work.out.s, n), "what it printed is not how it begins");
}

/* Whether a step failed in the last walk that the log tells of. */
static int
has_failed(void)
{
	const char *s, *walk = "";

	for (s = help_read(log_file, NULL); (s = strstr(s, "\twalk\t")); s++)
		walk = s;
	return strstr(walk, "\tfail\t") != NULL;
}

static void
end_walk(struct life *l, enum cut cut, int stop_first)
{
	int i = l->n - 1;

	l->cuts[i] = cut;
	l->status[i] = procs_end(l->orch, END);
	must_be(l, may_end_with(cut, l->status[i]), "it ended otherwise");
	l->walks[i].whole = cut == CUT_NONE && !stop_first;
	check_left(l);
	/* Where a branch failed that does not always fail, what others print comes without it, whatever ends orch then. */
	if (cut != CUT_SUPERVISOR && cut < CUT_GIT && !stop_first && !(l->work.may_stumble && (l->status[i] == 1 || has_failed())))
		check_printed(l, l->status[i] == 0 && l->work.status == 0);
}

/* One more start, to which something is done. */
static void
cut_walk(struct life *l, int most)
{
	enum cut cut = (enum cut)(CUT_KILL + (int)work_dice(&l->chance, l->work.ntrees ? CUT_GIT : CUT_LATE));
	int stop_first = !work_dice(&l->chance, 8);

	begin_walk(l, work_dice(&l->chance, 2) ? 0 : 1 + (long)work_dice(&l->chance, 4), stop_first);
	if (cut != CUT_GIT)
		await_moment(l, cut >= CUT_BATCH ? WHEN_BEGUN : (enum when)work_dice(&l->chance, 3), most);
	do_cut(l, cut);
	end_walk(l, cut, stop_first);
	if (!l->late && work_dice(&l->chance, 2))
		expect_nobody(l);
}

static void
calm_walk(struct life *l)
{
	begin_walk(l, work_dice(&l->chance, 3) ? 0 : 1 + (long)work_dice(&l->chance, 4), 0);
	end_walk(l, CUT_NONE, 0);
}

/* Somebody has meddled. */

static int
has_file(const char *dir, const char *key)
{
	char name[300];

	snprintf(name, sizeof name, ".orch/r/%s/%s", dir, key);
	return help_exists(name);
}

static void
walk_meddled(struct life *l)
{
	begin_walk(l, 0, 0);
	end_walk(l, CUT_MEDDLED, 0);
	expect_nobody(l);
}

/* The commit that is checked out in the worktree, and what lies there. */
static char *
look_at_tree(const struct work_tree *t)
{
	return help_run("cd '%s' && git rev-parse HEAD && git status --porcelain && cat .git", t->path).out;
}

/* Another branch, or none, is checked out in the worktree: nothing is written there. */
static void
meddle_with_tree(struct life *l, const struct work_tree *t)
{
	char *before;

	if (help_run("git -C '%s' switch -q --detach", t->path).status)
		return;                 /* a git that was killed has left it so */
	before = look_at_tree(t);
	walk_meddled(l);
	must_be(l, !strcmp(look_at_tree(t), before), "it has worked in a worktree whose branch is not checked out");
	must_be(l, !help_run("git -C '%s' switch -q '%s'", t->path, t->branch).status, "the branch cannot be switched to");
}

/* The branch that is to be made is there already, and is somebody else's: no worktree is made of it. */
static void
meddle_with_branch(struct life *l, const struct work_tree *t)
{
	must_be(l, !help_run("git branch '%s' main", t->branch).status, "the branch cannot be made");
	walk_meddled(l);
	must_be(l, !has_file("result", t->branch), "it has taken up a branch that it did not make");
	must_be(l, !help_run("git branch -D '%s'", t->branch).status, "the branch cannot be removed");
}

/* Whether it was said that the worktree of BRANCH is about to be made. */
static int
has_intent(const char *branch)
{
	int run = open(".orch/r", O_RDONLY | O_DIRECTORY);
	char *intent = how_intent(run, branch);
	int has = intent && *intent;

	free(intent);
	close(run);
	return has;
}

/* With the latest worktree that is there, or with one that is not. */
static void
meddle(struct life *l)
{
	int dice = (int)work_dice(&l->chance, 2), i;
	const struct work_tree *there = NULL, *none = NULL;

	expect_nobody(l);
	for (i = 0; i < l->work.ntrees; i++) {
		const struct work_tree *t = &l->work.trees[i];

		if (has_file("result", t->branch))
			there = t;
		else if (!none && t->base < 0 && !has_intent(t->branch))
			none = t;
	}
	if (there && (dice || !none))
		meddle_with_tree(l, there);
	else if (none)
		meddle_with_branch(l, none);
}

static void
look_at_all(struct life *l)
{
	l->seen.marks = help_read("marks", NULL);
	l->seen.log = help_read(log_file, NULL);
	must(l, history_marks(&l->seen));
	must(l, history_log(&l->seen));
}

/* Each block that fails says so, as often as it is reached. */
static void
check_blocks(const struct life *l)
{
	const struct work *w = &l->work;
	const char *err = help_read("err", NULL);
	char said[128];
	int i, k, n;

	for (i = 0; i < w->nblocks; i++) {
		const struct work_block *b = &w->blocks[i];

		if (!b->failed)
			continue;
		for (n = k = 0; k < w->nblocks; k++)
			n += w->blocks[k].node == b->node && w->blocks[k].failed == b->failed && w->blocks[k].total == b->total;
		snprintf(said, sizeof said, "orch: w.orch:%d: %d of %d branches failed: ", b->node->line, b->failed, b->total);
		must_be(l, help_count(err, said) == n, said);
	}
}

/* In tmp/ is nothing but what steps have said that failed. */
static void
check_tmp(const struct life *l)
{
	DIR *d = opendir(".orch/r/tmp");
	struct dirent *e;
	int i;

	must_be(l, d != NULL, "there is no tmp/");
	while ((e = readdir(d))) {
		i = work_find(&l->work, e->d_name, strlen(e->d_name));
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			must_be(l, i >= 0 && l->work.wants[i].node->fails == FAILS_ALWAYS, e->d_name);
	}
	closedir(d);
}

/* Each `if` in a worktree has its decision in the log. */
static void
check_decisions(const struct life *l)
{
	const char *log = help_read(log_file, NULL);
	char said[64];
	int i;

	for (i = 0; i < l->work.nwants; i++) {
		const struct work_want *want = &l->work.wants[i];

		snprintf(said, sizeof said, "\tif\tw.orch:%d\t%d\t0\t", want->node->line, want->yes);
		must_be(l, want->end != WORK_COMMAND || want->tree < 0 || strstr(log, said), said);
	}
}

/* What each was asked. */
static void
check_asked(const struct life *l)
{
	const struct work *w = &l->work;
	char name[300];
	size_t n;
	char *s;
	int i;

	for (i = 0; i < w->nwants; i++) {
		if (w->wants[i].end == WORK_COMMAND)
			continue;
		snprintf(name, sizeof name, ".orch/r/asked/%s", w->wants[i].key);
		s = help_read(name, &n);
		must_be(l, n == w->wants[i].asked.n && !memcmp(s, w->wants[i].asked.s ? w->wants[i].asked.s : "", n), name);
		free(s);
	}
}

/* Whether git may have been killed half-way, since its supervisor was: then it is said what helps. */
static int
has_cut_git(const struct life *l)
{
	int i;

	for (i = 0; i < l->n; i++)
		if (l->cuts[i] == CUT_GIT)
			return 1;
	return 0;
}

/* Lets it be until a walk starts only what always fails. */
static void
come_to_an_end(struct life *l)
{
	unsigned char *kept = mem_zero((size_t)l->work.nwants + 1, 1);
	int i;

	for (i = 0; ; i++) {
		must_be(l, i < CALM, "it does not come to its end");
		calm_walk(l);
		expect_nobody(l);
		look_at_all(l);
		if (has_cut_git(l) && help_unmake_tree(help_read("err", NULL)))
			continue;
		if (history_begun(&l->seen, l->n - 1) >= 0)
			break;
	}
	must_be(l, l->status[l->n - 1] == l->work.status, "it ended with another status");
	check_printed(l, 1);
	must(l, history_results(&l->work, ".orch/r/result", kept, 1));
	check_blocks(l);
	check_tmp(l);
	check_asked(l);
	check_decisions(l);
	must(l, history_trees(&l->work, 1));
	if (l->checkout)
		must_be(l, !strcmp(look_at_checkout(), l->checkout), look_at_checkout());
	free(kept);
}

static void
start_life(struct life *l, const char *title)
{
	unsetenv("AGENT_PIDS");         /* so many processes are begun that their numbers come again */
	l->title = title;
	l->seen.work = &l->work;
	l->seen.walks = l->walks;
	help_bytes("w.orch", l->work.file.s, l->work.file.n);
	ck_assert_int_eq(mkdir("f", 0700), 0);
	help_sh(0, "orch check w.orch");
	if (l->work.ntrees) {
		make_repository();
		l->checkout = look_at_checkout();
	}
}

/* Random histories. */

static void
live(uint64_t seed)
{
	struct life *l = mem_zero(1, sizeof *l);
	static char top[4096];
	char title[64];
	int cuts;

	snprintf(title, sizeof title, "ORCH_SEED=%llu", (unsigned long long)seed);
	ck_assert_int_eq(mkdir("repo", 0700), 0);
	ck_assert_int_eq(chdir("repo"), 0);
	ck_assert_ptr_nonnull(getcwd(top, sizeof top));
	work_make(&l->work, seed, top);
	l->chance = l->work.seed ^ 0x5bd1e995;
	l->chance += !l->chance;
	start_life(l, title);
	for (cuts = (int)work_dice(&l->chance, CUTS + 1); cuts > 0; cuts--) {
		if (l->work.ntrees && !l->late && !work_dice(&l->chance, 2))
			meddle(l);
		cut_walk(l, 100);
	}
	come_to_an_end(l);	come_to_an_end(l);
}

START_TEST(a_history)
{
	live((uint64_t)_i);
}
END_TEST

START_TEST(a_history_that_failed_once)
{
	live(regressions[_i]);
}
END_TEST

/* One workflow is killed after random times until it is complete. */
START_TEST(the_fixed_workflow)
{
	struct life *l = mem_zero(1, sizeof *l);
	char title[64];
	int cuts;

	snprintf(title, sizeof title, "of the fixed workflow, round %d", _i);
	work_fixed(&l->work);
	l->chance = ((uint64_t)_i + 1) * 0x9e3779b97f4a7c15u | 1;
	start_life(l, title);
	for (cuts = 0; cuts < FIXED_CUTS && !(cuts && l->status[l->n - 1] == 0); cuts++)
		cut_walk(l, 150);
	come_to_an_end(l);
	ck_assert_int_eq(l->status[l->n - 1], 0);
}
END_TEST

/* The checker itself: histories made by hand, of the fixed workflow, and what it must find in them. */

struct made {
	const char *text;
	const char *wrong;      /* what it says of it; NULL: it must be content */
};

/* Of -j 2 in walk 1, and none in walk 0. */
static const struct made made_marks[] = {
	{ "", NULL },
	{ "+ 0 9 k1\n- 0 9 k1\n", NULL },
	{ "+ 0 9 k1\n+ 1 8 k1\n- 1 8 k1\n", NULL },    /* it was killed */
	{ "+ 0 9 k1\n+ 0 8 k1\n- 0 8 k1\n", NULL },    /* its supervisor was */
	{ "+ 0 9 k1\n+ 0 8 k1 taken\n- 0 8 k1\n", "beside itself" },
	{ "+ 0 9 k1\n+ 0 8 k1\n- 0 9 k1\n- 0 8 k1\n", "beside itself" },
	{ "+ 0 9 k1\n+ 1 8 k1\n- 0 9 k1\n", "beside itself" },
	{ "+ 0 9 k6-1-1\n+ 1 8 k7-1-1\n- 0 9 k6-1-1\n- 1 8 k7-1-1\n", "though walk 1 has begun" },
	{ "- 0 9 k1\n", "never begun" },
	{ "+ 0 9 k3\n", "which no step makes" },
	{ "+ 2 9 k1\n", "walk 2" },
	/* -j */
	{ "+ 1 1 k6-1-1\n+ 1 2 k7-1-1\n- 1 1 k6-1-1\n+ 1 3 k6-2-1\n- 1 3 k6-2-1\n- 1 2 k7-1-1\n", NULL },
	{ "+ 1 1 k6-1-1\n+ 1 2 k7-1-1\n+ 1 3 k6-2-1\n- 1 1 k6-1-1\n- 1 3 k6-2-1\n- 1 2 k7-1-1\n", "3 agents at once" },
	{ "+ 0 1 k6-1-1\n+ 0 2 k7-1-1\n+ 0 3 k6-2-1\n- 0 1 k6-1-1\n- 0 3 k6-2-1\n- 0 2 k7-1-1\n", NULL },
	/* max 2 */
	{ "+ 0 1 k4-1-1\n+ 0 2 k4-1-2\n- 0 1 k4-1-1\n+ 0 3 k4-1-3\n- 0 2 k4-1-2\n- 0 3 k4-1-3\n", NULL },
	{ "+ 0 1 k4-1-1\n+ 0 2 k4-1-2\n+ 0 3 k4-2-3\n- 0 1 k4-1-1\n- 0 2 k4-1-2\n- 0 3 k4-2-3\n", NULL },
	{ "+ 0 1 k4-1-1\n+ 0 2 k4-1-2\n+ 0 3 k4-1-3\n- 0 1 k4-1-1\n- 0 2 k4-1-2\n- 0 3 k4-1-3\n", "3 branches at once" },
	/* a branch is one thing, from its first agent to its last, blocks inside of it included */
	{ "+ 0 1 k4-1-1\n- 0 1 k4-1-1\n+ 0 2 k4-1-2\n+ 0 3 k4-1-3\n- 0 3 k4-1-3\n+ 0 4 k6-1-1\n- 0 4 k6-1-1\n- 0 2 k4-1-2\n",
	    "3 branches at once" },
	{ "+ 0 1 k4-1-1\n- 0 1 k4-1-1\n+ 1 2 k4-1-2\n+ 1 3 k4-1-3\n- 1 3 k4-1-3\n- 1 2 k4-1-2\n", NULL },
};

#define W0 "1\twalk\t100\n"
#define W1 "1\twalk\t200\n"
#define END0 "1\tend\t0\n"
#define START(k, try) "1\tstart\t" k "\t" try "\n"
#define DONE(k, try) "1\tdone\t" k "\t" try "\t5\tffff\n"
#define FAIL(k, try) "1\tfail\t" k "\t" try "\t5\t256\texit status 1\n"
#define STOP(k, try) "1\tstop\t" k "\t" try "\t5\t15\tstopped\n"
#define K1 START("k1", "1") DONE("k1", "1")

/* Walk 0, of process 100, was cut off; walk 1, of 200, was not, and had the result of k4-1-1. */
static const struct made made_logs[] = {
	{ "", NULL },
	{ W0 K1 START("k4-1-1", "1") W1 START("k4-1-2", "1") DONE("k4-1-2", "1"), NULL },
	{ W0 START("k1", "1") W1 K1 END0, NULL },
	{ W0 START("k1", "1") STOP("k1", "1") W1 K1 END0, NULL },
	{ W0 K1 START("k1", "1"), "k1 was started again" },
	{ W0 K1 W1 START("k1", "1"), "k1 was started again" },
	{ W1 K1 START("k4-1-1", "1"), "k4-1-1 was started again" },
	{ W0 START("k1", "1") START("k1", "1"), "for try 1 behind try 1" },
	{ W0 START("k1", "2"), "for try 2 behind try 0" },
	{ W0 START("k1", "1") FAIL("k1", "1") START("k1", "2"), "for try 2 of 1" },
	{ W0 K1 START("k4-1-1", "1") FAIL("k4-1-1", "1") START("k4-1-1", "2") FAIL("k4-1-1", "2"), NULL },
	{ W0 K1 START("k4-1-1", "1") START("k4-1-1", "2"), "for try 2 behind try 1" },
	{ W1 K1 START("k4-1-2", "1") FAIL("k4-1-2", "1") END0, "given up attempt 1 of 2" },
	{ W0 K1 START("k4-1-2", "1") FAIL("k4-1-2", "1") END0, NULL },
	{ W1 START("k1", "1") END0, "come to no end" },
	{ W1 START("k1", "1") STOP("k1", "1") END0, "come to no end" },
	{ W0 START("k4-1-1", "1"), "before k1 had its answer" },
	{ W0 K1 START("k6-1-1", "1"), "before k4-1-1 had its answer" },
	{ W0 K1 START("k4-1-1", "1") START("k4-2-1", "1") START("k4-1-2", "1"), NULL },
	{ W0 K1 START("k4-1-2", "1") START("k4-1-1", "1"), "began after branch 1" },
	{ W0 K1 START("k4-1-2", "1") W1 START("k4-1-2", "1") DONE("k4-1-2", "1") END0, NULL },
	{ W0 DONE("k1", "1"), "was not begun" },
	{ W0 K1 DONE("k1", "1"), "was not begun" },
	{ W0 START("k1", "1") FAIL("k1", "1") "1\totherwise\tk1\t1\n", "given up for a word" },
	{ W0 START("k3", "1"), "which no step makes" },
	{ "1\twalk\t300\n", "nobody has started" },
};

static void
make_history(struct history *h, struct work *w, struct history_walk walks[2])
{
	memset(h, 0, sizeof *h);
	memset(walks, 0, 2 * sizeof *walks);
	work_fixed(w);
	h->work = w;
	h->walks = walks;
	h->nwalks = 2;
	walks[0].pid = 100;
	walks[1].pid = 200;
	walks[1].whole = 1;
	walks[1].jobs = 2;
	walks[1].kept = mem_zero((size_t)w->nwants, 1);
	walks[1].kept[work_find(w, "k4-1-1", 6)] = 1;
}

static void
must_say(const struct made *m, const char *said)
{
	if (m->wrong)
		ck_assert_msg(said && strstr(said, m->wrong), "not `%s` but `%s` of:\n%s", m->wrong, said ? said : "nothing", m->text);
	else
		ck_assert_msg(!said, "`%s` of:\n%s", said, m->text);
}

START_TEST(the_checker_reads_marks)
{
	struct history_walk walks[2];
	struct history h;
	struct work w;

	make_history(&h, &w, walks);
	h.marks = made_marks[_i].text;
	must_say(&made_marks[_i], history_marks(&h));
}
END_TEST

START_TEST(the_checker_reads_logs)
{
	struct history_walk walks[2];
	struct history h;
	struct work w;

	make_history(&h, &w, walks);
	h.log = made_logs[_i].text;
	must_say(&made_logs[_i], history_log(&h));
}
END_TEST

static void
keep_all(const struct work *w)
{
	char name[64];
	int i;

	for (i = 0; i < w->nwants; i++) {
		snprintf(name, sizeof name, "result/%s", w->wants[i].key);
		if (w->wants[i].end == WORK_ANSWER)
			help_bytes(name, w->wants[i].result.n ? w->wants[i].result.s : "", w->wants[i].result.n);
	}
}

START_TEST(the_checker_reads_results)
{
	unsigned char kept[64];
	struct work w;

	work_fixed(&w);
	ck_assert_int_eq(mkdir("result", 0700), 0);
	ck_assert_ptr_null(history_results(&w, "result", kept, 0));
	help_has(history_results(&w, "result", kept, 1), "no answer k1");
	keep_all(&w);
	ck_assert_ptr_null(history_results(&w, "result", kept, 1));
	ck_assert_int_eq(kept[work_find(&w, "k13", 3)], 1);
	help_bytes("result/k6-2-3", "", 0);
	help_has(history_results(&w, "result", kept, 0), "k6-2-3 has 0 bytes, not 20000");
	keep_all(&w);
	help_file("result/k1", "k1 ", NULL);
	help_has(history_results(&w, "result", kept, 0), "differ from byte 3");
	keep_all(&w);
	help_file("result/c11-1", "", NULL);
	help_has(history_results(&w, "result", kept, 0), "c11-1 has an answer");
	unlink("result/c11-1");
	help_file("result/k99", "", NULL);
	help_has(history_results(&w, "result", kept, 0), "an answer k99");
}
END_TEST

/* What is written down here is what the agents of the manual's rules would make: the reference is not a mirror. */
START_TEST(the_reference_is_as_the_manual_says)
{
	struct work w;

	work_fixed(&w);
	help_bytes("w.orch", w.file.s, w.file.n);
	ck_assert_int_eq(w.status, 0);
	ck_assert_int_eq(w.nblocks, 1 + 2 + 6);
	ck_assert_int_ge(work_find(&w, "k10-2", 5), 0);
	ck_assert_int_lt(work_find(&w, "k10-3", 5), 0);
	ck_assert_int_eq(w.wants[work_find(&w, "k13", 3)].nneeds, 1 + 18 + 2);
	ck_assert_int_eq(strncmp(w.wants[work_find(&w, "k13", 3)].asked.s, "Do 13.\n\n==> k1 <==\nk1 ", 22), 0);
}
END_TEST

/* The suite. */

Suite *
history_suite(void)
{
	Suite *s = suite_create("history");
	int torture = help_number("ORCH_TORTURE", 0), seed = help_number("ORCH_SEED", 0);
	int histories = help_number("ORCH_HISTORIES", torture ? 400 : 25);
	TCase *c;

	c = help_case(s, "checker", procs_begin, 300);
	if (!seed) {
		tcase_add_loop_test(c, the_checker_reads_marks, 0, LEN(made_marks));
		tcase_add_loop_test(c, the_checker_reads_logs, 0, LEN(made_logs));
		tcase_add_test(c, the_checker_reads_results);
		tcase_add_test(c, the_reference_is_as_the_manual_says);
	}
	if (procs_portable()) {
		help_skip("history_test", "random, fixed: what leaves its group, or has lost its supervisor, is ended on Linux only");
		return s;
	}
	c = help_case(s, "random", procs_begin, 300);
	if (REGRESSIONS && !seed)
		tcase_add_loop_test(c, a_history_that_failed_once, 0, REGRESSIONS);
	tcase_add_loop_test(c, a_history, seed ? seed : 1, seed ? seed + 1 : histories + 1);
	if (seed)
		return s;
	c = help_case(s, "fixed", procs_begin, 300);
	tcase_add_loop_test(c, the_fixed_workflow, 0, torture ? 1000 : 30);
	return s;
}
