/* The fault table: whole runs in which one call fails, or the process is killed there (tests/fault.h). Whatever
 * fails, and wherever: what was said to be done is done and stays so, nothing half is kept, the run tells what
 * has failed, nobody is left, and gone on with it comes to the very same end.
 *
 * With ORCH_TORTURE=1 in the environment every call of every kind is made to fail in turn, which takes hours;
 * ORCH_TORTURE=N takes every Nth; without it some are taken. ORCH_FAULT=KIND looks at one kind alone. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fault.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"

enum rule {
	MAY_FAIL,               /* or not: there may be another try, or it was about the log alone */
	FAILS,
	HARMLESS,               /* nothing is lost by it: the run goes on */
	KILLS
};

/* What is done to the calls of a kind. */
struct order {
	const char *kind, *what;
	enum rule rule;
	int some;               /* without ORCH_TORTURE every how manieth call */
};

static const struct order orders[] = {
	{ "write", "ENOSPC", MAY_FAIL, 107 }, { "write", "ENOSPC+", MAY_FAIL, 147 }, { "write", "EIO", MAY_FAIL, 157 },
	{ "write", "EINTR", HARMLESS, 169 }, { "write", "short", HARMLESS, 157 }, { "write", "short-ENOSPC", MAY_FAIL, 17 },
	{ "write", "kill", KILLS, 107 }, { "write", "after", KILLS, 117 }, { "write", "torn", KILLS, 93 },
	{ "read", "EIO", MAY_FAIL, 123 }, { "read", "EINTR", HARMLESS, 129 }, { "read", "short", HARMLESS, 139 },
	{ "read", "kill", KILLS, 177 },
	{ "open", "EMFILE", MAY_FAIL, 103 }, { "open", "EMFILE+", MAY_FAIL, 147 }, { "open", "ENOSPC", MAY_FAIL, 169 },
	{ "open", "EACCES", MAY_FAIL, 107 }, { "open", "EINTR", HARMLESS, 157 }, { "open", "kill", KILLS, 147 },
	{ "open", "after", KILLS, 139 },
	{ "close", "EIO", MAY_FAIL, 169 }, { "close", "EINTR", HARMLESS, 177 }, { "close", "kill", KILLS, 181 },
	{ "fsync", "EIO", FAILS, 9 }, { "fsync", "EIO+", FAILS, 23 }, { "fsync", "EINTR", HARMLESS, 23 },
	{ "fsync", "kill", KILLS, 19 }, { "fsync", "after", KILLS, 19 },
	{ "rename", "ENOSPC", MAY_FAIL, 19 }, { "rename", "EIO+", MAY_FAIL, 23 }, { "rename", "kill", KILLS, 19 },
	{ "rename", "after", KILLS, 19 },
	{ "unlink", "EIO", MAY_FAIL, 53 }, { "unlink", "EACCES+", MAY_FAIL, 63 }, { "unlink", "kill", KILLS, 71 },
	{ "unlink", "after", KILLS, 77 },
	{ "mkdir", "ENOSPC", MAY_FAIL, 5 }, { "mkdir", "EACCES+", MAY_FAIL, 7 }, { "mkdir", "kill", KILLS, 5 },
	{ "mkdir", "after", KILLS, 5 },
	{ "stat", "EIO", MAY_FAIL, 93 }, { "stat", "EACCES", MAY_FAIL, 103 }, { "stat", "kill", KILLS, 169 },
	{ "lock", "ENOLCK", MAY_FAIL, 29 }, { "lock", "ENOLCK+", MAY_FAIL, 51 }, { "lock", "kill", KILLS, 33 },
	{ "lock", "after", KILLS, 41 },
	{ "chmod", "EPERM", MAY_FAIL, 53 }, { "chmod", "kill", KILLS, 63 },
	{ "directory", "EIO", MAY_FAIL, 7 }, { "directory", "ENOMEM", MAY_FAIL, 33 }, { "directory", "kill", KILLS, 77 },
	{ "path", "EACCES", MAY_FAIL, 29 }, { "path", "ENOMEM", MAY_FAIL, 33 }, { "path", "kill", KILLS, 51 },
	{ "fork", "EAGAIN", HARMLESS, 23 }, { "fork", "ENOMEM", HARMLESS, 29 }, { "fork", "kill", KILLS, 19 },
	{ "fork", "after", KILLS, 19 },
	{ "exec", "EACCES", MAY_FAIL, 23 }, { "exec", "ENOMEM", MAY_FAIL, 29 }, { "exec", "kill", KILLS, 23 },
	{ "pipe", "EMFILE", MAY_FAIL, 19 }, { "pipe", "EMFILE+", MAY_FAIL, 23 }, { "pipe", "kill", KILLS, 29 },
	{ "pipe", "after", KILLS, 23 },
	{ "dup", "EMFILE", MAY_FAIL, 71 }, { "dup", "kill", KILLS, 93 },
	{ "wait", "kill", KILLS, 147 }, { "wait", "after", KILLS, 107 },
	{ "select", "EINTR", HARMLESS, 51 }, { "select", "ENOMEM", HARMLESS, 53 }, { "select", "kill", KILLS, 51 },
	{ "memory", "ENOMEM", MAY_FAIL, 701 }, { "memory", "ENOMEM+", MAY_FAIL, 881 },
};

/* In the order of the table. */
static const char *const kinds[] = {
	"write", "read", "open", "close", "fsync", "rename", "unlink", "mkdir", "stat", "lock", "chmod", "directory",
	"path", "fork", "exec", "pipe", "dup", "wait", "select", "memory",
};

enum {
	NORDERS = sizeof orders / sizeof *orders,
	NKINDS = sizeof kinds / sizeof *kinds,
	HANG = 50 * 1000,       /* ms: longer than orch ever waits for anything */
	WRONG_MOST = 12         /* complaints, and then it is enough */
};

/* How far the run is when the fault comes. */
enum scene { FRESH, HALF };

static const char *const scenes[] = { "a new run", "a run that is gone on with" };

static struct fault_page *page;
static char where[PATH_MAX];    /* of the library */

/* The point that is being tried. */
static const struct order *order;
static struct fault_page was;   /* how it went */
static enum scene scene;
static long at;
static int wrong;

static void
complain(const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "fault: FAULT=\"%s %ld %s\" (%s), %s of process %ld: %s; orch said:\n%s\n", order->kind, at, order->what,
	    scenes[scene], was.call, was.pid, text, help_read("err", NULL));
	if (++wrong == WRONG_MOST)
		ck_abort_msg("enough");
}

/* The files of a run, as they are when nothing fails. */

struct kept {
	char name[80];          /* from the run's directory */
	char *s;
	size_t n;
};

static struct kept kept[128];
static size_t nkept;
static char *printed;

static const char *const rooms[] = { "result", "asked", "how", "tmp" };

/* Calls EACH for every file in the directory DIR. */
static void
each_file(const char *dir, void (*each)(const char *dir, const char *name))
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			each(dir, e->d_name);
	if (d)
		closedir(d);
}

static void
remember(const char *dir, const char *name)
{
	struct kept *k = &kept[nkept++];
	char path[400];

	ck_assert_uint_lt(nkept, sizeof kept / sizeof *kept);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_lt(snprintf(k->name, sizeof k->name, "%s/%s", dir + strlen(".orch/r/"), name), (int)sizeof k->name);
	k->s = help_read(path, &k->n);
}

static const struct kept *
recall(const char *name)
{
	size_t i;

	for (i = 0; i < nkept; i++)
		if (!strcmp(kept[i].name, name))
			return &kept[i];
	return NULL;
}

/* Whether the run's file K is as it should be; -1: it is not there. */
static int
is_same(const struct kept *k)
{
	char path[400], *s;
	size_t n;
	int same;

	snprintf(path, sizeof path, ".orch/r/%.79s", k->name);
	if (!help_exists(path))
		return -1;
	s = help_read(path, &n);
	same = n == k->n && !memcmp(s, k->s, n);
	free(s);
	return same;
}

static void
check_whole(const char *dir, const char *name)
{
	char file[300];
	const struct kept *k;

	snprintf(file, sizeof file, "%s/%s", dir + strlen(".orch/r/"), name);
	k = recall(file);
	if (!k)
		complain("%s is there, which should not be", file);
	else if (strncmp(file, "tmp/", 4) && !is_same(k))
		complain("%s is not what it should be", file);
}

/* Whatever is there is whole. */
static void
check_rooms(int ended)
{
	char dir[64];
	size_t i;

	for (i = 0; i < sizeof rooms / sizeof *rooms; i++) {
		snprintf(dir, sizeof dir, ".orch/r/%s", rooms[i]);
		if (ended || strcmp(rooms[i], "tmp"))
			each_file(dir, check_whole);
	}
}

/* Everything is there. Whoever has an `otherwise` may have been answered for before it was asked. */
static void
check_complete(void)
{
	size_t i;

	for (i = 0; i < nkept; i++)
		if (is_same(&kept[i]) < 0 && (!strstr(kept[i].name, "/never") || !strcmp(kept[i].name, "result/never")))
			complain("%s is not there", kept[i].name);
}

static void
check_name_of_run(const char *dir, const char *name)
{
	static const char known[] = " run lock log result asked how stderr tmp ";
	char word[300];

	(void)dir;
	snprintf(word, sizeof word, " %s ", name);
	if (!strstr(known, word))
		complain("the run's directory has a %s", name);
}

static void
check_name_of_top(const char *dir, const char *name)
{
	(void)dir;
	if (strcmp(name, "r") && strcmp(name, ".gitignore"))
		complain(".orch has a %s", name);
}

/* What was said. */

static int
has_text(const char *file, const char *fmt, const char *key)
{
	char text[300], *s = help_read(file, NULL);
	int there;

	snprintf(text, sizeof text, fmt, key);
	there = strstr(s, text) != NULL;
	free(s);
	return there;
}

/* How often the agent of KEY was started. */
static int
starts_of(const char *key)
{
	char text[300], *s = help_read("marks", NULL);
	int n;

	snprintf(text, sizeof text, "start %s\n", key);
	n = help_count(s, text);
	free(s);
	return n;
}

/* Whether a line on standard error says what failed, besides what every run says. */
static int
says_why(const char *err)
{
	for (; *err; err = strchr(err, '\n') ? strchr(err, '\n') + 1 : "") {
		if (!strncmp(err, "failed  ", 8) || !strncmp(err, "w.orch:", 7))
			return 1;
		if (!strncmp(err, "orch: ", 6) && strncmp(err, "orch: run ", 10) && strncmp(err, "orch: to go on", 14))
			return 1;
	}
	return 0;
}

/* A line of the log is whole, or was closed as one that counts for nothing. */
static int
is_log_line(const char *s, size_t n)
{
	static const char *const events[] = { "walk", "start", "done", "fail", "otherwise", "stop", "end", "found" };
	static const int tabs[] = { 2, 3, 5, 6, 3, 6, 2, 5 };
	size_t e, i, digits = 0;
	int found = 0;

	if (memchr(s, '\030', n))
		return 1;
	while (digits < n && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	for (i = 0; i < n; i++)
		found += s[i] == '\t';
	for (e = 0; digits == 13 && e < sizeof events / sizeof *events; e++)
		if (n > 15 + strlen(events[e]) && !strncmp(s + 14, events[e], strlen(events[e])) &&
		    s[14 + strlen(events[e])] == '\t')
			return found == tabs[e] || (!strcmp(events[e], "end") && found == 3);
	return 0;
}

static void
check_log(void)
{
	char *text = help_read(".orch/r/log", NULL), *s = text, *nl;

	for (; (nl = strchr(s, '\n')); s = nl + 1)
		if (!is_log_line(s, (size_t)(nl - s)))
			complain("a line of the log is `%.*s`", (int)(nl - s), s);
	free(text);
}

/* Running. */

static void
do_command(const char *command)
{
	struct ran r = help_sh(0, command);

	free(r.out);
	free(r.err);
}

static void
clean(void)
{
	do_command("rm -rf .orch marks pids tried ready out err page.*");
}

static pid_t began;             /* orch, that was run last */

/* Starts COMMAND with orch's calls counted, and with the fault that is ORDERED. */
static void
start(const char *command, const char *ordered)
{
	memset(page, 0, sizeof *page);
	began = procs_start("echo 'FAULT: %s' >&2; export LD_PRELOAD='%s' FAULT='%s' FAULT_PAGE=\"$PWD/page\"; exec %s",
	    ordered, where, ordered, command);
}

static int
run(const char *command, const char *ordered)
{
	start(command, ordered);
	return procs_end(began, HANG);
}

static void
write_workflow(void)
{
	help_file("w.orch",
	    "step list exec agent append marks 'start list' say a say b append marks 'end list'",
	    "step item exec agent append marks \"start item-{{f}}\" cat child 100000 err said append marks \"end item-{{f}}\"",
	    "step inner exec agent append marks \"start inner-{{f}}-{{g}}\" cat append marks \"end inner-{{f}}-{{g}}\"",
	    "step flaky exec agent append marks 'start flaky' once tried exit 3 cat append marks 'end flaky'",
	    "step never exec agent append marks 'start never' print half exit 4",
	    "    otherwise 'no answer'",
	    "step pass exec agent append marks \"start pass-{{i}}\" cat append marks \"end pass-{{i}}\"",
	    "step last exec agent append marks 'start last' cat bytes 70000 append marks 'end last'",
	    "run list as list",
	    "parallel max 2 f in < list",
	    "    run item as item-{{f}} | Look at {{f}}.",
	    "    filter tr a-z A-Z",
	    "    check test $f = a || test ! -e broken; grep -q LOOK",
	    "    parallel g in 1 2",
	    "        run inner as inner-{{f}}-{{g}} < item-{{f}} | And at {{g}}.",
	    "    end",
	    "end",
	    "parallel",
	    "    run flaky as flaky < inner-* | Once more.",
	    "    retry 1 0s",
	    "    run never as never | Nothing.",
	    "end",
	    "for i in 1..2",
	    "    run pass as pass-{{i}} < pass-* flaky | Pass {{i}}.",
	    "end",
	    "if < item-a | grep -q LOOK",
	    "    run last as last < item-* never | The end.",
	    "else",
	    "    fail | the answer is not there",
	    "end",
	    "print | {{pass-2}} {{never}}",
	    NULL);
}

/* What is there when nothing fails, and what half-way, when one branch has failed. */
static void
prepare(void)
{
	char dir[64];
	size_t i;

	write_workflow();
	do_command("touch broken");
	ck_assert_int_eq(run("orch run -r r w.orch", "write 0 kill"), 1);
	procs_none_left(SOON);
	do_command("rm broken; mkdir half; cp -a .orch marks half");
	clean();
	ck_assert_int_eq(run("orch run -r r w.orch", "write 0 kill"), 0);
	procs_none_left(SOON);
	printed = help_read("out", NULL);
	nkept = 0;
	for (i = 0; i < sizeof rooms / sizeof *rooms; i++) {
		snprintf(dir, sizeof dir, ".orch/r/%s", rooms[i]);
		each_file(dir, remember);
	}
	ck_assert_ptr_nonnull(recall("result/last"));
	ck_assert_ptr_nonnull(recall("asked/inner-b-2"));
	ck_assert_ptr_nonnull(recall("how/pass-2"));
}

/* What must hold behind every run. */

static void
check_end(int status, int starts)
{
	char *err = help_read("err", NULL), *out = help_read("out", NULL);

	if (strncmp(printed, out, strlen(out)))
		complain("it printed %s", out);
	if (status < 0 || status > 2)
		complain("its status is %d", status);
	if (status == 2 && starts)
		complain("its status is 2, and something was started");
	if (status && !says_why(err))
		complain("its status is %d, and it does not say why", status);
	if (strstr(err, "SIGSEGV") || strstr(err, "SIGABRT") || strstr(err, "SIGBUS"))
		complain("it crashed");
	if (order->rule != KILLS && strcmp(order->kind, "write") && strstr(err, "its minder was killed"))
		complain("a minder has ended without a word");
	if (order->rule == HARMLESS && status)
		complain("its status is %d: that should have done no harm", status);
	if (order->rule == FAILS && was.hit && !status)
		complain("it did not fail");
	if (!status) {
		check_complete();
		if (strcmp(printed, out))
			complain("complete, it printed only %s", out);
	}
	free(err);
	free(out);
}

static void
check_status(const char *words)
{
	struct ran r = help_run("orch status -r r");

	if (r.status == 3 && !help_exists(".orch/r"))
		return;
	if (r.status == 2 || r.status > 6 || !strstr(r.out, words))
		complain("orch status, %d: %s%s", r.status, r.out, r.err);
	free(r.out);
	free(r.err);
}

static void
check_after(void)
{
	char text[512];
	long long until = help_ms() + (has_text("err", "it left processes that cannot be ended%s", "") ? 0 : SOON);

	while (procs_list(text, sizeof text) && help_ms() < until)
		help_pause(2);
	/* Without a single descriptor more nobody can be looked for: then it has to be said. */
	if (*text && !has_text("err", "it left processes that cannot be ended%s", ""))
		complain("alive: %s", text);
	if (*text)
		procs_kill();
	if (*page->twice)
		complain("%s ran twice at the same moment", page->twice);
	check_rooms(0);
	check_log();
}

/* The keys that were said to be done; how often each was started, until now. */
static int done[128], started[128];

static const char *
key_of(size_t i)
{
	return strncmp(kept[i].name, "result/", 7) ? NULL : kept[i].name + 7;
}

/* No agent was started by this run oftener than it may be: only `flaky` is tried twice. */
static void
check_starts(void)
{
	const char *key;
	size_t i;
	int n;

	for (i = 0; i < nkept; i++) {
		if (!(key = key_of(i)))
			continue;
		n = starts_of(key);
		if (n - started[i] > (strcmp(key, "flaky") ? 1 : 2))
			complain("%s was started %d times", key, n - started[i]);
		started[i] = n;
	}
}

static void
note_done(void)
{
	const char *key;
	size_t i;

	for (i = 0; i < nkept; i++) {
		if (!(key = key_of(i)))
			continue;
		started[i] = starts_of(key);
		done[i] = has_text("err", "\ndone      %s  ", key) || has_text(".orch/r/log", "\tdone\t%s\t", key) ||
		    has_text("err", "\notherwise %s  ", key) || has_text(".orch/r/log", "\totherwise\t%s\t", key);
		if (done[i] && is_same(&kept[i]) < 0)
			complain("%s was said to be done, and is not there", key);
		/* the other two may fail, and are tried again or answered for */
		if (strcmp(key, "flaky") && strcmp(key, "never") && has_text("err", "\nfailed    %s  ", key) &&
		    is_same(&kept[i]) >= 0)
			complain("%s was said to have failed, and is there", key);
	}
}

/* Who was done was not asked again. */
static void
check_done(void)
{
	const char *key;
	size_t i;

	for (i = 0; i < nkept; i++)
		if ((key = key_of(i)) && done[i] && starts_of(key) != started[i])
			complain("%s was done, and was asked again", key);
}

static void
go_on(int at_once)
{
	const char *command = help_exists(".orch/r/run") ? "orch resume -r r" : "orch run -r r w.orch";
	int status;
	char *out;

	status = run(command, "write 0 kill");
	check_after();
	check_rooms(1);
	check_complete();
	check_done();
	if (!at_once)
		check_starts();
	check_status("run r: complete");
	each_file(".orch/r", check_name_of_run);
	each_file(".orch", check_name_of_top);
	out = help_read("out", NULL);
	if (status)
		complain("gone on with, its status is %d", status);
	else if (strcmp(out, printed))
		complain("gone on with, it printed %s", out);
	free(out);
}

/* Looks at what the run, whose status is STATUS, has left when everything has come to rest. */
static void
check_rest(int status, int killed, int lines)
{
	check_after();
	check_status("run r: ");
	check_starts();
	if (!killed)
		check_end(status, procs_lines("marks") > lines);
}

/* Tries one point. Returns whether there was such a call. Where orch was killed, every other time it is gone
 * on with at once, while what it has left is still being ended. */
static int
try_point(void)
{
	char ordered[80];
	int status, lines, killed, at_once;

	clean();
	if (scene == HALF)
		do_command("cp -a half/. .");
	lines = procs_lines("marks");
	note_done();
	snprintf(ordered, sizeof ordered, "%s %ld %s", order->kind, at, order->what);
	status = run(scene == HALF ? "orch resume -r r" : "orch run -r r w.orch", ordered);
	was = *page;
	killed = was.hit && order->rule == KILLS && was.pid == began;
	at_once = killed && at % 2;
	if (killed && status != 128 + SIGKILL)
		complain("it was to be killed, and its status is %d", status);
	check_done();
	if (!at_once)
		check_rest(status, killed, lines);
	note_done();
	go_on(at_once);
	return was.hit > 0;
}

/* Every how manieth point is tried. */
static long
step_of(const struct order *o)
{
	const char *s = getenv("ORCH_TORTURE");
	long n = s ? strtol(s, NULL, 10) : 0;

	return n > 0 ? n : o->some;
}

static void
make_page(void)
{
	int fd = open("page", O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(ftruncate(fd, sizeof *page), 0);
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(page != MAP_FAILED);
	close(fd);
}

/* Whether orch can be made to fail: it loads the library, and its calls are counted. */
static int
can_preload(void)
{
	struct ran r = help_run("LD_PRELOAD='%s' FAULT='write 0 kill' FAULT_PAGE=\"$PWD/page\" orch -V", where);

	return r.status == 0 && page->seen > 0;
}

/* Points of the order, of new runs and of others. */
static long
try_order(void)
{
	long step = step_of(order), n = 0;

	for (scene = FRESH; scene <= HALF; scene++) {
		at = 1 + (order - orders) * 7 % step;
		while (n++, try_point())
			at += step;
	}
	return n;
}

START_TEST(faults)
{
	const char *kind = kinds[_i], *only = getenv("ORCH_FAULT");
	long long since = help_ms();
	long n = 0;

	if (only && strcmp(only, kind))
		return;
	procs_begin();
	make_page();
	snprintf(where, sizeof where, "%s/tests/fault.so", getenv("TREE"));
	if (procs_portable() || !can_preload()) {
		if (!_i)
			help_skip("fault_test", "no library can be preloaded into this orch");
		help_end();
		return;
	}
	prepare();
	for (order = orders; order < orders + NORDERS; order++)
		if (!strcmp(order->kind, kind))
			n += try_order();
	fprintf(stderr, "fault: %-9s %5ld points, %lld s\n", kind, n, (help_ms() - since) / 1000);
	ck_assert_int_eq(wrong, 0);
	help_end();
}
END_TEST

/* When orch is killed, its minder has to end the agent and its child: also where, from then on, every call of a
 * kind fails. How many calls there are until then is counted by a first round, in which none fails. */
static void
kill_without(const char *kind, const char *what)
{
	char ordered[80];
	long seen;

	clean();
	snprintf(ordered, sizeof ordered, "%s %ld %s+", kind, at, what);
	start("orch run -r r w.orch", ordered);
	procs_await_file("ready");
	do {
		seen = page->seen;
		help_pause(50);
	} while (seen != page->seen);
	ck_assert_int_eq(page->hit, 0);
	at = seen + 1;
	kill(began, SIGKILL);
	procs_end(began, SOON);
	procs_none_left(SOON);
}

static const char *const means[][2] = {
	{ "memory", "ENOMEM" }, { "open", "EMFILE" }, { "directory", "EMFILE" }, { "read", "ENOMEM" }, { "stat", "EIO" },
};

enum { NMEANS = sizeof means / sizeof *means };

START_TEST(killed_without)
{
	procs_begin();
	make_page();
	snprintf(where, sizeof where, "%s/tests/fault.so", getenv("TREE"));
	help_file("w.orch", "step x exec agent child 100000 touch ready sleep 100000", "run x", NULL);
	if (!procs_portable() && can_preload()) {
		kill_without(means[_i][0], means[_i][1]);
		kill_without(means[_i][0], means[_i][1]);
	}
	help_end();
}
END_TEST

Suite *
fault_suite(void)
{
	Suite *s = suite_create("fault");
	TCase *c = tcase_create("fault");

	tcase_set_timeout(c, getenv("ORCH_TORTURE") ? 6 * 3600 : 600);
	tcase_add_loop_test(c, killed_without, 0, NMEANS);
	tcase_add_loop_test(c, faults, 0, NKINDS);
	suite_add_tcase(s, c);
	return s;
}
