/* What orch costs, beside its peers and the floor: the contenders of a scenario in turn, for some rounds;
 * the medians, as ratios to the first.
 *
 *     bench [SCENARIO...]
 *
 * Each contender has, in each round, a directory of its own below the current one. Its first command
 * makes that ready and is not measured; the second is, from its start to its end: wall time, CPU time of
 * it and all its children, memory of the largest of them; the CPU time that each of the N costs above the first contender's; and,
 * where BENCH_STAT names the `stat' of a block device that only this writes to, what each has written to it, with a sync at the end,
 * and the flushes of it. What is not installed is left out. Without a name all scenarios are measured but the longest. */
#define _DEFAULT_SOURCE         /* wait4 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, MOST = 12 };

struct contender {
	const char *name;
	const char *needs;      /* a program */
	const char *ready;      /* commands for the shell; N and J are in their environment */
	const char *command;
};

/* N commands, J of them at once. */
struct scenario {
	const char *name, *what;
	const char *n, *j;
	int ready_once;         /* what is measured leaves all as it was */
	const struct contender *list;
	int rounds;             /* 0: ROUNDS; else it is one of the longest */
};

#define FLOW(max, words) \
	"printf 'step e exec " words "\\nparallel " max " i in 1..%s\\nrun e as s-{{i}}\\nend\\n' $N >w.orch"
#define MAKEFILE(command) "printf 'all:' >Makefile; seq -f ' r/%.0f' -s '' $N >>Makefile; " \
	"printf '\\nr/%%:\\n\\t@" command "\\n' >>Makefile; mkdir r"
#define NINJAFILE "{ printf 'rule e\\n command = /bin/echo x >$out\\n'; seq -f 'build r/%.0f: e' $N; } >build.ninja"
#define RUN " run -q -r r w.orch"
#define ORCH "exec orch" RUN
#define STATIC "exec orch-static" RUN
#define MUSL "exec orch-musl" RUN

static const struct contender keep[] = {
	{ "floor", NULL, ":", "exec floor $N $J /bin/echo x" },
	{ "floor, durable", NULL, ":", "exec floor -d $N $J /bin/echo x" },
	{ "floor, durable in groups", NULL, ":", "exec floor -g $N $J /bin/echo x" },
	{ "orch", NULL, FLOW("max '$J'", "/bin/echo x"), ORCH },
	{ "orch, static", NULL, FLOW("max '$J'", "/bin/echo x"), STATIC },
	{ "orch, musl", "orch-musl", FLOW("max '$J'", "/bin/echo x"), MUSL },
	{ "make", "make", MAKEFILE("/bin/echo x >$@"), "exec make -s -j$J" },
	{ "ninja", "ninja", NINJAFILE, "exec ninja --quiet -j$J" },
	{ "samurai", "samu", NINJAFILE, "exec samu -j$J >/dev/null" },
	{ "xe", "xe", "mkdir r", "seq $N | xe -j$J sh -c '/bin/echo x >r/$1' -" },
	{ "xargs, mv", "xargs", "mkdir t r", "seq $N | xargs -P$J -I{} sh -c '/bin/echo x >t/{} && mv t/{} r/{}'" },
	{ "xargs, sync, mv, sync", "xargs", "mkdir t r",
	    "seq $N | xargs -P$J -I{} sh -c '/bin/echo x >t/{} && sync t/{} && mv t/{} r/{} && sync r'" },
	{ "GNU parallel", "parallel", ":", "seq $N | parallel -j$J --results r --joblog l /bin/echo x >o" },
	{ NULL, NULL, NULL, NULL }
};

/* An agent that costs next to nothing: what is left is what the runner costs. */
static const struct contender bare[] = {
	{ "floor", NULL, ":", "exec floor $N $J bare" },
	{ "floor, durable", NULL, ":", "exec floor -d $N $J bare" },
	{ "floor, durable in groups", NULL, ":", "exec floor -g $N $J bare" },
	{ "orch", NULL, FLOW("max '$J'", "bare"), ORCH },
	{ "orch, static", NULL, FLOW("max '$J'", "bare"), STATIC },
	{ "orch, musl", "orch-musl", FLOW("max '$J'", "bare"), MUSL },
	{ "xargs, keeping nothing", "xargs", ":", "seq $N | xargs -P$J -n1 bare >/dev/null" },
	{ "samurai", "samu", "{ printf 'rule e\\n command = bare >$out\\n'; seq -f 'build r/%.0f: e' $N; } >build.ninja", "exec samu -j$J >/dev/null" },
	{ NULL, NULL, NULL, NULL }
};

static const struct contender again[] = {
	{ "names in a set", NULL, FLOW("max 8", "/bin/true") "; orch" RUN, "exec floor -s $N .orch/r/result s-" },
	{ "orch", NULL, FLOW("max 8", "/bin/true") "; orch" RUN, ORCH },
	{ "make", "make", MAKEFILE("false") "; cd r && seq $N | xargs touch", "exec make -s" },
	{ "ninja", "ninja", NINJAFILE "; ninja --quiet", "exec ninja --quiet >/dev/null" },
	{ "samurai", "samu", NINJAFILE "; samu >/dev/null", "exec samu >/dev/null" },
	{ "GNU parallel", "parallel", "{ echo head; seq $N | awk '{ print $1 \"\\t:\\t1\\t0\\t0\\t0\\t0\\t0\\ttrue \" $1 }'; } >l",
	    "seq $N | parallel --resume --joblog l true" },
	{ NULL, NULL, NULL, NULL }
};

static const struct contender at_once[] = {
	{ "floor", NULL, ":", "exec floor $N $N /bin/sleep 3" },
	{ "orch", NULL, FLOW("", "/bin/sleep 3"), ORCH },
	{ "orch, static", NULL, FLOW("", "/bin/sleep 3"), STATIC },
	{ "orch, musl", "orch-musl", FLOW("", "/bin/sleep 3"), MUSL },
	{ "xargs", "xargs", ":", "seq $N | xargs -P$N -I{} /bin/sleep 3" },
	{ "make", "make", MAKEFILE("/bin/sleep 3"), "exec make -s -j$N" },
	{ NULL, NULL, NULL, NULL }
};

static const struct contender small[] = {
	{ "hello, static", NULL, ":", "exec floor -r $N hello" },
	{ "orch -V", NULL, ":", "exec floor -r $N orch -V" },
	{ "orch -V, static", NULL, ":", "exec floor -r $N orch-static -V" },
	{ "one-job loop", NULL, ":", "exec floor -r $N floor 1 1 /bin/echo x" },
	{ "one-job loop, durable", NULL, ":", "exec floor -r $N floor -d 1 1 /bin/echo x" },
	{ "orch, one step", NULL, "printf 'step e exec /bin/echo x\\nrun e as x\\n' >w.orch", "exec floor -r $N orch run -q w.orch" },
	{ "orch, one step, static", NULL, "printf 'step e exec /bin/echo x\\nrun e as x\\n' >w.orch",
	    "exec floor -r $N orch-static run -q w.orch" },
	{ "sh -c :", NULL, ":", "exec floor -r $N sh -c :" },
	{ NULL, NULL, NULL, NULL }
};

/* The first command that is started ends it. */
static const struct contender list[] = {
	{ "orch", NULL, FLOW("max 8", "sh -c '\\''kill -9 $(cat ../pid)'\\''"), "echo $$ >../pid; exec 2>/dev/null; " ORCH },
	{ "xargs", "xargs", "seq $N >list", "echo $$ >../pid; exec 2>/dev/null; exec xargs -a list -P8 -I{} sh -c 'kill -9 $(cat ../pid)'" },
	{ NULL, NULL, NULL, NULL }
};

/* Items from a list, and a step that reads all results. */
static const struct contender million[] = {
	{ "floor", NULL, ":", "exec floor $N $J hello" },
	{ "orch", NULL, "seq -f 'item-%07.0f' $N >list; { printf 'step e exec hello\nstep all exec wc -c\n"
	    "run sh as l | cat \"$ORCH_ROOT/list\"\nparallel max %d i in < l\nrun e as x-{{i}}\nend\nrun all as sum < x-*\n' $J; } >w.orch",
	    ORCH },
	{ "orch, again", NULL, ":", "cd ../million-1-0; " ORCH },
	{ NULL, NULL, NULL, NULL }
};

/* One of the files that steps depend on has changed. */
#define FILES "mkdir d; head -c $((N * 4000)) /dev/urandom | split -b 4000 -a 4 - d/; "
static const struct contender change[] = {
	{ "cksum of all, one echo", "cksum", FILES, "echo x >>d/aaaa; cksum d/* >/dev/null; exec sh -c 'ls d/* >list; echo x >out'" },
	{ "orch", NULL, FILES "printf 'run sh as files | ls d/*\nalways\nparallel max %d f in < files\nrun sh as x-{{f}} | echo x\n"
	    "depends {{f}}\nend\n' $J >w.orch; orch" RUN, "echo x >>d/aaaa; exec orch run -q -u -r r w.orch" },
	{ "make", "make", FILES "printf 'all: $(patsubst d/%%,r/%%,$(wildcard d/*))\nr/%%: d/%%\n\t@echo x >$@\n' >Makefile; mkdir r; make -s",
	    "echo x >>d/aaaa; exec make -s -j$J" },
	{ NULL, NULL, NULL, NULL }
};

static const struct scenario scenarios[] = {
	{ "kept-1", "1,000 x echo, kept, one after another", "1000", "1", 0, keep, 0 },
	{ "kept-2", "1,000 x echo, kept, 2 at once", "1000", "2", 0, keep, 0 },
	{ "kept-8", "1,000 x echo, kept, 8 at once", "1000", "8", 0, keep, 0 },
	{ "bare-1", "1,000 x an agent without libc, one after another", "1000", "1", 0, bare, 0 },
	{ "bare-8", "1,000 x an agent without libc, 8 at once", "1000", "8", 0, bare, 0 },
	{ "again-1000", "nothing to do: 1,000 kept", "1000", "8", 1, again, 0 },
	{ "again-10000", "nothing to do: 10,000 kept", "10000", "8", 1, again, 0 },
	{ "again-100000", "nothing to do: 100,000 kept", "100000", "8", 1, again, 0 },
	{ "change-500", "500 files, one of them changed", "500", "4", 1, change, 0 },
	{ "change-10000", "10,000 files, one of them changed", "10000", "4", 1, change, 0 },
	{ "once-1000", "1,000 x sleep 3, all at once", "1000", "1", 0, at_once, 0 },
	{ "once-2000", "2,000 x sleep 3, all at once", "2000", "1", 0, at_once, 0 },
	{ "once-5000", "5,000 x sleep 3, all at once", "5000", "1", 0, at_once, 0 },
	{ "list", "a list of 1,000,000, to its first start", "1000000", "8", 1, list, 0 },
	{ "small", "start-up, 100 times", "100", "1", 0, small, 0 },
	{ "million", "1,000,000 x hello of a list, and all", "1000000", "8", 0, million, 1 },
};

enum { NSCENARIOS = sizeof scenarios / sizeof *scenarios };

struct cost {
	double wall, cpu;       /* seconds */
	double mb;
	double kb, flushes;     /* written to the device, and flushes of it */
};

static void
die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What was written to the device so far; nothing where that is not known. */
static struct cost
written(void)
{
	struct cost c = { 0 };
	unsigned long long v[17] = { 0 };
	const char *path = getenv("BENCH_STAT");
	FILE *f = path ? fopen(path, "r") : NULL;
	int i;

	if (!f)
		return c;
	sync();
	for (i = 0; i < 17 && fscanf(f, "%llu", &v[i]) == 1; i++)
		;
	fclose(f);
	c.kb = (double)v[6] / 2;        /* sectors of 512 bytes */
	c.flushes = (double)v[15];
	return c;
}

/* Runs COMMAND by the shell in DIR. Its exit status is not looked at: `list` kills. */
static struct cost
run(const char *command, const char *dir)
{
	struct cost c, before = written(), after;
	struct rusage u;
	int status;
	double began = now();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		if (chdir(dir))
			die(dir);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &u) < 0)
		die("wait4");
	c.wall = now() - began;
	c.cpu = seconds(u.ru_utime) + seconds(u.ru_stime);
	c.mb = (double)u.ru_maxrss / 1024;
	after = written();
	c.kb = after.kb - before.kb;
	c.flushes = after.flushes - before.flushes;
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		fprintf(stderr, "bench: %s: exit status %d\n", command, WEXITSTATUS(status));
		exit(1);
	}
	return c;
}

static struct cost
one_round(const struct scenario *s, const struct contender *c, int i, int round)
{
	char dir[64];

	snprintf(dir, sizeof dir, "%s-%d-%d", s->name, i, s->ready_once ? 0 : round);
	if (mkdir(dir, 0700) == 0)
		run(c->ready, dir);
	return run(c->command, dir);
}

static int
is_here(const char *program)
{
	char command[100];

	snprintf(command, sizeof command, "command -v %s >/dev/null", program);
	return system(command) == 0;
}

static int
less(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int
rounds_of(const struct scenario *s)
{
	return s->rounds ? s->rounds : ROUNDS;
}

static double
median(const struct scenario *s, const struct cost *c, size_t offset)
{
	double each[ROUNDS];
	int i, n = rounds_of(s);

	for (i = 0; i < n; i++)
		memcpy(&each[i], (const char *)&c[i] + offset, sizeof *each);
	qsort(each, (size_t)n, sizeof *each, less);
	return each[n / 2];
}

#define MEDIAN(c, what) median(s, c, offsetof(struct cost, what))

static void
show(const struct scenario *s, struct cost costs[MOST][ROUNDS])
{
	double wall = MEDIAN(costs[0], wall), cpu = MEDIAN(costs[0], cpu), n = atof(s->n);
	int i, has_device = getenv("BENCH_STAT") != NULL;

	printf("\n%-44s %8s %8s %6s %6s %8s %6s%s\n", s->what, "CPU ms", "wall ms", "CPU", "wall", "+ms each", "MB", has_device ? "  KB each  flushes" : "");
	for (i = 0; s->list[i].name; i++) {
		double w = MEDIAN(costs[i], wall), c = MEDIAN(costs[i], cpu);

		if (w <= 0)
			continue;
		printf("    %-40s %8.0f %8.0f %6.2f %6.2f %8.3f %6.1f", s->list[i].name, c * 1000, w * 1000, c / cpu, w / wall, (c - cpu) * 1000 / n,
		    MEDIAN(costs[i], mb));
		if (has_device)
			printf(" %8.1f %8.2f", MEDIAN(costs[i], kb) / n, MEDIAN(costs[i], flushes) / n);
		putchar('\n');
	}
	fflush(stdout);
}

static void
measure(const struct scenario *s)
{
	static struct cost costs[MOST][ROUNDS];
	int round, i;

	memset(costs, 0, sizeof costs);
	setenv("N", s->n, 1);
	setenv("J", s->j, 1);
	for (round = 0; round < rounds_of(s); round++)
		for (i = 0; s->list[i].name; i++)
			if (!s->list[i].needs || is_here(s->list[i].needs))
				costs[i][round] = one_round(s, &s->list[i], i, round);
	show(s, costs);
}

int
main(int argc, char **argv)
{
	int i, k, wanted;

	for (i = 0; i < NSCENARIOS; i++) {
		wanted = argc < 2 && !scenarios[i].rounds;
		for (k = 1; k < argc; k++)
			wanted |= !strcmp(argv[k], scenarios[i].name);
		if (wanted)
			measure(&scenarios[i]);
	}
	return 0;
}
