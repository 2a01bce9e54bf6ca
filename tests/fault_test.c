/* The fault table: whole runs in which one call fails, or the process is killed there (tests/fault.h), of two scenes:
 * a workflow of steps alone, and one of worktrees and commits. Whatever fails, and wherever: what was said to be
 * done is done and stays so, nothing half is kept, the run tells what has failed, nobody is left, and resumed it
 * comes to the very same end.
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

#include "store/how.h"
#include "store/key.h"
#include "tests/fault.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/reflog.h"
#include "tests/repo.h"
#include "tests/suites.h"

enum rule {
	MAY_FAIL,               /* or not: there may be another attempt, or it was about the log alone */
	FAILS,
	HARMLESS,               /* nothing is lost by it: the run goes on */
	KILLS
};

/* What is done to the calls of a kind. */
struct order {
	const char *kind, *what;
	enum rule rule;
	int some;               /* without ORCH_TORTURE every how manieth call */
	int git;                /* the same in the scene with git; 0: none */
};

static const struct order orders[] = {
	{ "write", "ENOSPC", MAY_FAIL, 107, 0 }, { "write", "ENOSPC+", MAY_FAIL, 147, 170 },
	{ "write", "EIO", MAY_FAIL, 157, 160 }, { "write", "EINTR", HARMLESS, 169, 0 },
	{ "write", "short", HARMLESS, 157, 0 }, { "write", "short-ENOSPC", MAY_FAIL, 17, 0 },
	{ "write", "kill", KILLS, 107, 150 }, { "write", "after", KILLS, 117, 110 },
	{ "write", "torn", KILLS, 93, 160 },
	{ "read", "EIO", MAY_FAIL, 123, 280 }, { "read", "EINTR", HARMLESS, 129, 0 },
	{ "read", "short", HARMLESS, 139, 0 }, { "read", "kill", KILLS, 177, 280 },
	{ "open", "EMFILE", MAY_FAIL, 103, 370 }, { "open", "EMFILE+", MAY_FAIL, 147, 0 },
	{ "open", "ENOSPC", MAY_FAIL, 169, 0 }, { "open", "EACCES", MAY_FAIL, 107, 0 },
	{ "open", "EINTR", HARMLESS, 157, 0 }, { "open", "kill", KILLS, 147, 370 },
	{ "open", "after", KILLS, 139, 270 },
	{ "close", "EIO", MAY_FAIL, 169, 0 }, { "close", "EINTR", HARMLESS, 177, 0 },
	{ "close", "kill", KILLS, 181, 550 },
	{ "fsync", "EIO", FAILS, 9, 50 }, { "fsync", "EIO+", FAILS, 23, 0 }, { "fsync", "EINTR", HARMLESS, 23, 0 },
	{ "fsync", "kill", KILLS, 19, 40 }, { "fsync", "after", KILLS, 19, 31 },
	{ "rename", "ENOSPC", MAY_FAIL, 19, 0 }, { "rename", "EIO+", MAY_FAIL, 23, 37 },
	{ "rename", "kill", KILLS, 19, 25 }, { "rename", "after", KILLS, 19, 21 },
	{ "unlink", "EIO", MAY_FAIL, 53, 0 }, { "unlink", "EACCES+", MAY_FAIL, 63, 0 },
	{ "unlink", "kill", KILLS, 71, 110 }, { "unlink", "after", KILLS, 77, 0 },
	{ "mkdir", "ENOSPC", MAY_FAIL, 5, 0 }, { "mkdir", "EACCES+", MAY_FAIL, 7, 0 },
	{ "mkdir", "kill", KILLS, 5, 0 }, { "mkdir", "after", KILLS, 5, 0 },
	{ "stat", "EIO", MAY_FAIL, 93, 0 }, { "stat", "EACCES", MAY_FAIL, 103, 0 },
	{ "stat", "kill", KILLS, 169, 510 },
	{ "lock", "ENOLCK", MAY_FAIL, 29, 19 }, { "lock", "ENOLCK+", MAY_FAIL, 51, 0 },
	{ "lock", "kill", KILLS, 33, 17 }, { "lock", "after", KILLS, 41, 17 },
	{ "chmod", "EPERM", MAY_FAIL, 53, 0 }, { "chmod", "kill", KILLS, 63, 0 },
	{ "directory", "EIO", MAY_FAIL, 7, 0 }, { "directory", "ENOMEM", MAY_FAIL, 33, 0 },
	{ "directory", "kill", KILLS, 77, 0 },
	{ "path", "EACCES", MAY_FAIL, 29, 110 }, { "path", "ENOMEM", MAY_FAIL, 33, 0 },
	{ "path", "kill", KILLS, 51, 0 },
	{ "fork", "EAGAIN", HARMLESS, 23, 19 }, { "fork", "ENOMEM", HARMLESS, 29, 0 },
	{ "fork", "kill", KILLS, 19, 19 }, { "fork", "after", KILLS, 19, 13 },
	{ "exec", "EACCES", MAY_FAIL, 23, 1200 }, { "exec", "ENOMEM", MAY_FAIL, 29, 0 },
	{ "exec", "kill", KILLS, 23, 700 },
	{ "pipe", "EMFILE", MAY_FAIL, 19, 100 }, { "pipe", "EMFILE+", MAY_FAIL, 23, 0 },
	{ "pipe", "kill", KILLS, 29, 90 }, { "pipe", "after", KILLS, 23, 90 },
	{ "dup", "EMFILE", MAY_FAIL, 71, 0 }, { "dup", "kill", KILLS, 93, 350 },
	{ "wait", "kill", KILLS, 147, 390 }, { "wait", "after", KILLS, 107, 310 },
	{ "select", "EINTR", HARMLESS, 51, 0 }, { "select", "ENOMEM", HARMLESS, 53, 0 },
	{ "select", "kill", KILLS, 51, 130 },
	{ "memory", "ENOMEM", MAY_FAIL, 701, 860 }, { "memory", "ENOMEM+", MAY_FAIL, 881, 0 },
};

/* In the order of the table. */
static const char *const kinds[FAULT_KINDS] = {
	"write", "read", "open", "close", "fsync", "rename", "unlink", "mkdir", "stat", "lock", "chmod", "directory",
	"path", "fork", "exec", "pipe", "dup", "wait", "select", "memory",
};

enum {
	NORDERS = LEN(orders),
	NKINDS = FAULT_KINDS,
	HANG = 50 * 1000,       /* ms: longer than orch ever waits for anything */
	WRONG_MOST = 12         /* complaints, and then it is enough */
};

/* How far the run is when the fault comes. */
enum stage { FRESH, HALF };

static const char *const stages[] = { "a new run", "a resumed run" };

/* What is run, and what is to be known of it besides. The commands are for a shell. */
struct scene {
	const char *name;
	void (*begin)(void);            /* writes w.orch, and all that it needs, in a directory of its own */
	const char *clean;              /* as it was before any run */
	const char *spoil, *unspoil;    /* one branch fails */
	const char *save, *restore;     /* what such a run has left */
	const char *const *files;       /* some that must be there in the end, up to NULL */
	/* Puts into words what differs from run to run in the text S of the run's file NAME; NULL: nothing does. */
	void (*word)(const char *name, char *s, size_t *n);
	void (*check)(int ended);       /* looks at the rest, after every run; NULL: there is none */
};

static struct fault_page *page;
static long calls[HALF + 1][FAULT_KINDS];       /* that a run makes when nothing fails, new or resumed */
static char where[PATH_MAX];    /* of the library */

/* The point that is being tried. */
static const struct order *order;
static struct fault_page was;   /* how it went */
static const struct scene *scene;
static enum stage stage;
static long at;
static int wrong, unmade;       /* complaints; worktrees that git had not made to the end, and that were removed by hand */

static void
complain(const char *fmt, ...)
{
	char text[8000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "fault: FAULT=\"%s %ld %s\" (%s, %s), %s of process %ld: %s; orch said:\n%s\n", order->kind, at,
	    order->what, scene->name, stages[stage], was.call, was.pid, text, help_read("err", NULL));
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

/* The entries of the file `how` are seen as files, the latest of each step. */

struct each_how {
	const char *dir;
	void (*each)(const char *dir, const char *name);
};

static void
take_entry(void *ctx, const char *name, long long ms, long long from)
{
	const struct each_how *how = ctx;

	(void)ms;
	(void)from;
	how->each(how->dir, name);
}

static void
each_entry(struct each_how *how)
{
	int run = open(".orch/r", O_RDONLY | O_DIRECTORY);

	if (run >= 0 && !strcmp(how->dir, ".orch/r/how"))
		how_each(run, take_entry, how);
	close(run);
}

struct latest {
	const char *name;
	long long at;
};

static void
take_latest(void *ctx, const char *name, long long ms, long long from)
{
	struct latest *l = ctx;

	(void)ms;
	if (!strcmp(name, l->name))
		l->at = from;
}

/* The latest entry of NAME; NULL: there is none. */
static char *
read_how(const char *name, size_t *n)
{
	int run = open(".orch/r", O_RDONLY | O_DIRECTORY), fd = openat(run, "how", O_RDONLY);
	struct latest l = { name, -1 };
	char *s = NULL;

	*n = 0;
	how_each(run, take_latest, &l);
	if (how_get(fd, l.at, name, &s, n))
		s = NULL;
	close(fd);
	close(run);
	return s;
}

/* Calls EACH for every file in the directory DIR. */
static void
each_file(const char *dir, void (*each)(const char *dir, const char *name))
{
	struct each_how how = { dir, each };
	DIR *d = strcmp(dir, ".orch/r/how") ? opendir(dir) : NULL;
	struct dirent *e;

	if (!d)
		each_entry(&how);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			each(dir, e->d_name);
	if (d)
		closedir(d);
}

static char *
read_file(const char *path, const char *name, size_t *n)
{
	char *s = strncmp(name, "how/", 4) ? help_read(path, n) : read_how(name + 4, n);

	if (scene->word && s)
		scene->word(name, s, n);
	return s;
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

static void
remember(const char *dir, const char *name)
{
	struct kept *k = &kept[nkept];
	char path[400];

	ck_assert_uint_lt(nkept, LEN(kept));
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_lt(snprintf(k->name, sizeof k->name, "%s/%s", dir + strlen(".orch/r/"), name), (int)sizeof k->name);
	if (recall(k->name))
		return;                 /* an entry of an earlier attempt */
	nkept++;
	k->s = read_file(path, k->name, &k->n);
}

/* Whether the run's file K is as it should be; -1: it is not there. */
static int
is_same(const struct kept *k)
{
	char path[400], *s;
	size_t n;
	int same;

	snprintf(path, sizeof path, ".orch/r/%.79s", k->name);
	if (strncmp(k->name, "how/", 4) && !help_exists(path))
		return -1;
	s = read_file(path, k->name, &n);
	if (!s)
		return -1;
	same = n == k->n && !memcmp(s, k->s, n);
	free(s);
	return same;
}

static void
check_whole(const char *dir, const char *name)
{
	char file[300], path[400];
	const struct kept *k;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(file, sizeof file, "%s/%s", dir + strlen(".orch/r/"), name);
	k = recall(file);
	if (!k)
		complain("%s is there, which should not be", file);
	else if (strncmp(file, "tmp/", 4) && !is_same(k))
		complain("%s is not what it should be: %.400s", file, help_read(path, NULL));
}

/* Whatever is there is whole. */
static void
check_rooms(int ended)
{
	char dir[64];
	size_t i;

	for (i = 0; i < LEN(rooms); i++) {
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
		if (!strncmp(err, "orch: run r cannot ", 19))
			return 1;
		if (!strncmp(err, "orch: ", 6) && strncmp(err, "orch: run ", 10) && strncmp(err, "orch: to go on", 14))
			return 1;
	}
	return 0;
}

/* A line of the log is whole, or was cut off, and counts for nothing. */
static int
is_log_line(const char *s, size_t n)
{
	static const char *const events[] = { "walk", "start", "done", "fail", "otherwise", "stop", "end", "found", "if", "usage", "session" };
	static const int tabs[] = { 4, 6, 7, 7, 5, 7, 4, 7, 7, 8, 8 };
	size_t e, i, digits = 0;
	int found = 0;

	if (!n || s[n - 1] != '\t')
		return 1;
	while (digits < n && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	for (i = 0; i < n; i++)
		found += s[i] == '\t';
	for (e = 0; digits == 13 && e < LEN(events); e++)
		if (n > 15 + strlen(events[e]) && !strncmp(s + 14, events[e], strlen(events[e])) &&
		    s[14 + strlen(events[e])] == '\t')
			return found <= tabs[e];
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

/* The scene without git. */

#define CLEAN "rm -rf .orch marks pids tried ready out err page.*"

static void
begin_plain(void)
{
	/* One that reports. */
	help_sh(0, "ln -s \"$(command -v agent)\" claude");
	help_file("w.orch",
	    "agent claude ./claude",
	    "step told claude append marks 'start told' say '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\"}' "
	    "say '{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"I look\"}]}}' "
	    "say '{\"type\":\"result\",\"is_error\":false,\"result\":\"told\",\"total_cost_usd\":0.5}' append marks 'end told' exit 0",
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
	    "run told < pass-2 | Tell.",
	    "if < item-a | grep -q LOOK",
	    "    run last as last < item-* never | The end.",
	    "else",
	    "    fail | the answer is not there",
	    "end",
	    "ask sure yes no default yes | Is {{pass-2}} all?",
	    "call in.orch as sub | {{pass-1}}",
	    "print | {{pass-2}} {{never}} {{sure}} {{sub/in}} {{told}}",
	    NULL);
	help_file("in.orch", "param prompt", "step in exec agent append marks 'start sub/in' cat append marks 'end sub/in'",
	    "run in | Below: {{prompt}}", NULL);
}

static const char *const plain_files[] = { "result/last", "asked/inner-b-2", "how/pass-2", "asked/sure", "result/sub%2Fin", NULL };

static const struct scene plain = {
	"without git", begin_plain, CLEAN, "touch broken", "rm broken",
	"mkdir half; cp -a .orch marks half", "cp -a half/. . && orch trust r", plain_files, NULL, NULL
};

/* The scene with git. Commits have other ids in every run, since they have a time: where one is, the words are
 * `BRANCH` and which of its commits it is, by git's own list of all that the branch has ever been. So a commit that
 * was made twice is seen, whatever became of it. */

static const char *const branches[] = { "w", "w-1", "w-1-a", "w-1-b" };

enum { NBRANCHES = LEN(branches) };

static struct reflog logs[NBRANCHES];
static char *history[NBRANCHES];        /* what they say when nothing fails */
static char *looked;                    /* what git says then */

#define FAILING "test \"$ORCH_KEY\" != edit-1-b || test ! -e \"$ORCH_ROOT/broken\"; "

static void
begin_git(void)
{
	help_sh(0, "mkdir repo");
	ck_assert_int_eq(chdir("repo"), 0);
	repo_init("for f in w.orch marks pids broken 'page*' out err; do echo \"/$f\"; done >.git/info/exclude; echo one >file");
	help_sh(0, "cp -a .git ../git");
	help_file("w.orch",
	    "step edit exec sh -euc 'm=\"$ORCH_ROOT/marks\"; agent append \"$m\" \"start $ORCH_KEY\"; " FAILING
	    "echo by $ORCH_KEY >$ORCH_KEY; cat; agent append \"$m\" \"end $ORCH_KEY\"'",
	    "worktree w enter",
	    "run edit as edit-w | Begin.",
	    "commit as commit-w",
	    "| The first",
	    "|",
	    "| of two parts.",
	    "if grep -qx 'by edit-w' edit-w",
	    "    run edit as edit-if | Once more.",
	    "else",
	    "    fail | the file is not there",
	    "end",
	    "commit as commit-if | The second.",
	    "commit as commit-none | Nothing.",
	    "parallel p in 1",
	    "    worktree w-{{p}} enter",
	    "    run edit as edit-{{p}} < commit-if | On top of it.",
	    "    parallel max 2 f in a b",
	    "        worktree w-{{p}}-{{f}} enter",
	    "        run edit as edit-{{p}}-{{f}} < w-{{p}} | Edit {{f}}.",
	    "        if test -e edit-$p-$f",
	    "            commit as commit-{{p}}-{{f}} | Of {{f}}.",
	    "        end",
	    "    end",
	    "    commit as commit-{{p}} | Of {{p}}.",
	    "end",
	    "run edit as last < commit-* w* | The end.",
	    "print | {{w}} {{w-1-a}} {{commit-none}}",
	    NULL);
}

static void
read_branches(void)
{
	int i;

	for (i = 0; i < NBRANCHES; i++)
		reflog_read(branches[i], &logs[i]);
}

/* Puts words in place of the id at S, if it is one of a commit that a branch has had of its own. */
static void
word_id(char *s)
{
	char word[REFLOG_ID + 1];
	int b, i;

	for (b = 0; b < NBRANCHES; b++)
		for (i = 1; i < logs[b].n; i++)
			if (!strncmp(s, logs[b].ids[i], REFLOG_ID)) {
				snprintf(word, sizeof word, "commit %-10s %-22d", branches[b], i);
				memcpy(s, word, REFLOG_ID);
			}
}

static void
word_git(const char *name, char *s, size_t *n)
{
	size_t i;

	read_branches();
	for (i = 0; i + REFLOG_ID <= *n; i++)
		if ((!i || !strchr("0123456789abcdef", s[i - 1])) && strspn(s + i, "0123456789abcdef") == REFLOG_ID)
			word_id(s + i);
	(void)name;
}

/* A branch as it has been: from which commit on, and the subjects of its commits. */
static char *
tell_branch(int b)
{
	const struct reflog *l = &logs[b];
	char *text = calloc(1, 4096), *end = text, from[REFLOG_ID + 1];
	int i;

	for (i = 0; i < l->n && end - text < 3500; i++) {
		memcpy(from, l->ids[i], sizeof from);
		if (!i)
			word_id(from);
		end += sprintf(end, "%s%.400s\n", i ? "" : from, i ? l->says[i] : "");
	}
	if (!l->is_chain)
		sprintf(end, "and was moved otherwise\n");
	return text;
}

/* What git says of all that must be there in the end: commits, whole, with what is in them, worktrees, and the main
 * checkout, which nobody has touched. */
static char *
look_at_git(void)
{
	struct ran r = help_run("git for-each-ref --format='%%(refname) %%(tree) %%(contents)'; git worktree list --porcelain | "
	    "grep -v ^HEAD; for w in ../repo--*; do echo $w; git -C $w status --porcelain; git -C $w ls-files -s; done; "
	    "cat .git/HEAD; cat .git/logs/HEAD; git status --porcelain; git ls-files -s; cat file; "
	    "find .git -name '*.lock' ! -name orch.lock; git fsck --no-dangling 2>&1");

	return strcat(r.out, r.err);
}

static void
check_git(int ended)
{
	char *now;
	int i;

	read_branches();
	for (i = 0; i < NBRANCHES; i++) {
		now = tell_branch(i);
		if (!history[i])
			history[i] = now;
		else if (ended ? strcmp(now, history[i]) != 0 : strncmp(now, history[i], strlen(now)) != 0)
			complain("the branch %s has been: %s", branches[i], now);
	}
	if (!ended)
		return;
	now = look_at_git();
	if (!looked)
		looked = now;
	else if (strcmp(now, looked))
		complain("git says: %s, and not: %s", now, looked);
	now = help_read(".orch/r/log", NULL);
	if (!strstr(now, "\tif\tw.orch:8\t1\t0\t") || help_count(now, "\tif\tw.orch:21\t1\t0\t") < 2 ||
	    strstr(now, "\tif\tw.orch:8\t0") || strstr(now, "\tif\tw.orch:21\t0"))
		complain("what the `if` lines have decided is not in the log: %s", now);
}

static const char *const git_files[] = { "result/commit-1-b", "result/w-1-a", "how/w-1-a", "asked/last", NULL };

static const struct scene with_git = {
	"with git", begin_git, CLEAN " .git ../repo--*; cp -a ../git .git", "touch broken", "rm broken",
	"mkdir ../half; cp -a .orch marks .git ../repo--* ../half",
	"rm -rf .git; cp -a ../half/.orch ../half/marks ../half/.git .; cp -a ../half/repo--* ..; orch trust r",
	git_files, word_git, check_git
};

/* What is there when nothing fails, and what half-way, when one branch has failed. */
static void
prepare(void)
{
	char dir[64];
	size_t i;

	scene->begin();
	page = procs_fault_page();
	do_command(scene->clean);
	do_command(scene->spoil);
	ck_assert_int_eq(run("orch run -r r w.orch", "write 0 kill"), 1);
	procs_none_left(SOON);
	do_command(scene->unspoil);
	do_command(scene->save);
	ck_assert_int_eq(run("orch resume -r r", "write 0 kill"), 0);
	memcpy(calls[HALF], page->calls, sizeof page->calls);
	do_command(scene->clean);
	ck_assert_int_eq(run("orch run -r r w.orch", "write 0 kill"), 0);
	memcpy(calls[FRESH], page->calls, sizeof page->calls);
	procs_none_left(SOON);
	printed = help_read("out", NULL);
	nkept = 0;
	for (i = 0; i < LEN(rooms); i++) {
		snprintf(dir, sizeof dir, ".orch/r/%s", rooms[i]);
		each_file(dir, remember);
	}
	for (i = 0; scene->files[i]; i++)
		ck_assert_ptr_nonnull(recall(scene->files[i]));
	order = orders;
	if (scene->check)
		scene->check(1);
	ck_assert_int_eq(wrong, 0);
}

/* What must hold after every run. */

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
	if (order->rule != KILLS && strcmp(order->kind, "write") && strstr(err, "its supervisor process was killed"))
		complain("a supervisor has ended without a word");
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
	if (scene->check)
		scene->check(0);
}

/* The keys that were said to be done; how often each was started, until now. */
static int done[128], started[128];

static const char *
key_of(size_t i)
{
	static char key[KEY_NAME_MAX + 1];

	return strncmp(kept[i].name, "result/", 7) || key_decode(kept[i].name + 7, key) < 0 ? NULL : key;
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

/* Removes the lock that git names in ERR, as git says there. Returns whether there was one. */
static int
remove_lock(const char *err)
{
	static const char said[] = "Unable to create '", ending[] = ".lock': File exists.";
	const char *s = strstr(err, said), *end;
	char path[4096];

	if (!s || !(end = strstr(s, ending)))
		return 0;
	s += strlen(said);
	snprintf(path, sizeof path, "%.*s.lock", (int)(end - s), s);
	return !unlink(path);
}

static void
go_on(int at_once)
{
	const char *command = help_exists(".orch/r/run") ? "orch resume -r r" : "orch run -r r w.orch";
	int status;
	char *out;

	status = run(command, "write 0 kill");
	/* Without its supervisor git may have been killed half-way; then it is said what helps. */
	if (status == 1 && order->rule == KILLS && was.pid != began && help_unmake_tree(help_read("err", NULL))) {
		unmade++;
		status = run(command, "write 0 kill");
	}
	/* So it may have been between the making of a lock and its own note of it. */
	if (status == 1 && order->rule == KILLS && was.pid != began && remove_lock(help_read("err", NULL))) {
		unmade++;
		status = run(command, "write 0 kill");
	}
	check_after();
	check_rooms(1);
	check_complete();
	check_done();
	if (!at_once)
		check_starts();
	check_status("run r: complete");
	if (scene->check)
		scene->check(1);
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

	do_command(scene->clean);
	if (stage == HALF)
		do_command(scene->restore);
	lines = procs_lines("marks");
	note_done();
	snprintf(ordered, sizeof ordered, "%s %ld %s", order->kind, at, order->what);
	status = run(stage == HALF ? "orch resume -r r" : "orch run -r r w.orch", ordered);
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

/* Whether ORCH_TORTURE says how many are tried; every how manieth point of the order then is; 0: none. */
static int
is_torture(void)
{
	const char *s = getenv("ORCH_TORTURE");

	return s && strtol(s, NULL, 10) > 0;
}

static long
step_of(const struct order *o)
{
	if (is_torture())
		return strtol(getenv("ORCH_TORTURE"), NULL, 10);
	return scene == &plain ? o->some : o->git;
}

/* Whether orch can be made to fail: it loads the library, and its calls are counted. */
static int
can_preload(void)
{
	struct ran r = help_run("LD_PRELOAD='%s' FAULT='write 0 kill' FAULT_PAGE=\"$PWD/page\" orch -V", where);

	return r.status == 0 && page->seen > 0;
}

/* How many calls of this kind there are. When all is tried, that is found out by trying. */
static long
calls_of(const char *kind)
{
	int i;

	for (i = 0; strcmp(kinds[i], kind); i++)
		;
	return calls[stage][i];
}

/* Points of the order, of new runs and of others. */
static long
try_order(void)
{
	long step = step_of(order), n = 0;

	for (stage = FRESH; step && stage <= HALF; stage++) {
		at = 1 + (order - orders) * 7 % step;
		while ((is_torture() || at <= calls_of(order->kind)) && (n++, try_point()))
			at += step;
	}
	return n;
}

/* All orders about calls of KIND; NULL: of all kinds. */
static void
try_kind(const char *kind)
{
	long long since = help_ms();
	long n = 0;

	prepare();
	for (order = orders; order < orders + NORDERS; order++)
		if (!kind || !strcmp(order->kind, kind))
			n += try_order();
	fprintf(stderr, "fault: %-9s %5ld points %s, %lld s\n", kind ? kind : "all kinds", n, scene->name,
	    (help_ms() - since) / 1000);
	if (unmade)
		fprintf(stderr, "fault: %d times a worktree that was half made had to be removed by hand\n", unmade);
	ck_assert_int_eq(wrong, 0);
}

/* Whether faults can be made here; if not, and SAYS, that is said. */
static int
can_begin(int says)
{
	int can;

	procs_begin();
	page = procs_fault_page();
	snprintf(where, sizeof where, "%s/tests/fault.so", getenv("TREE"));
	can = !procs_portable() && can_preload();
	if (!can && says)
		help_skip("fault_test", "no library can be preloaded into this orch");
	return can;
}

/* Whether ORCH_FAULT, if it is said, means this kind. */
static int
is_meant(const char *kind)
{
	const char *only = getenv("ORCH_FAULT");

	return !only || !strcmp(only, kind);
}

START_TEST(faults)
{
	if (!is_meant(kinds[_i]))
		return;
	scene = &plain;
	if (can_begin(!_i))
		try_kind(kinds[_i]);
	help_end();
}
END_TEST

/* All in one test, unless it takes hours: the preparation takes longer than a point. */
START_TEST(faults_with_git)
{
	const char *kind = is_torture() || getenv("ORCH_FAULT") ? kinds[_i] : NULL;

	if (kind && !is_meant(kind))
		return;
	scene = &with_git;
	if (can_begin(0))
		try_kind(kind);
	help_end();
}
END_TEST

/* When orch is killed, its supervisor has to end the agent and its child: also where, from then on, every call of a
 * kind fails. How many calls there are until then is counted by a first round, in which none fails. */
static void
kill_without(const char *kind, const char *what)
{
	char ordered[80];
	long seen;

	do_command(CLEAN);
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

enum { NMEANS = LEN(means) };

START_TEST(killed_without)
{
	procs_begin();
	page = procs_fault_page();
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

	tcase_set_timeout(c, is_torture() ? 6 * 3600 : 600);
	tcase_add_loop_test(c, killed_without, 0, NMEANS);
	tcase_add_loop_test(c, faults, 0, NKINDS);
	suite_add_tcase(s, c);
	c = tcase_create("with git");
	tcase_set_timeout(c, is_torture() ? 6 * 3600 : 600);
	tcase_add_loop_test(c, faults_with_git, 0, is_torture() || getenv("ORCH_FAULT") ? NKINDS : 1);
	suite_add_tcase(s, c);
	return s;
}
