/* The floor of the benchmark: the least that running N commands and keeping what they say can cost.
 *
 *     floor [-d | -g] N JOBS PROGRAM [ARGUMENT...]
 *     floor -r N PROGRAM [ARGUMENT...]
 *     floor -s N DIR NAME
 *
 * vfork, exec, standard output into a fresh file of t/, wait, rename into r/; JOBS at a time. With -d
 * each file is synced before it is renamed, and the directory after it; with -g the directory is synced once for all
 * that have ended meanwhile. With -r nothing is kept: the
 * program is run N times, one after another. With -s nothing is run: the names in DIR are put into a set, and
 * NAME1 to NAMEN are looked up in it. */
#define _DEFAULT_SOURCE         /* vfork */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct job {
	pid_t pid;
	int file;
	char name[32];
} *jobs;

static void
die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Starts a program, its standard output being OUT. */
static pid_t
start(char **argv, int out)
{
	pid_t pid = vfork();

	if (!pid) {
		dup2(out, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0)
		die("vfork");
	return pid;
}

static void
begin(struct job *j, long i, char **argv, int durable)
{
	char path[40];

	snprintf(j->name, sizeof j->name, "%ld", i);
	snprintf(path, sizeof path, "t/%s", j->name);
	j->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (j->file < 0)
		die(path);
	j->pid = start(argv, j->file);
	if (!durable)
		close(j->file);
}

/* What is made safe, and when. */
enum { NOTHING, EACH, GROUPS };

static void
keep(struct job *j, int durable, int dir)
{
	char from[40], to[40];

	snprintf(from, sizeof from, "t/%s", j->name);
	snprintf(to, sizeof to, "r/%s", j->name);
	if (durable && (fsync(j->file) || close(j->file)))
		die(from);
	if (rename(from, to) || (durable == EACH && fsync(dir)))
		die(to);
	j->pid = 0;
}

static int
repeat(long n, char **argv)
{
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	while (n-- > 0)
		if (waitpid(start(argv, null), &status, 0) < 0 || status)
			die(argv[0]);
	return 0;
}

static char **
find(char **set, size_t size, const char *name)
{
	size_t i = 5381;
	const char *s;

	for (s = name; *s; s++)
		i = i * 33 ^ (unsigned char)*s;
	for (i = i * 2654435761u & (size - 1); set[i] && strcmp(set[i], name); i = (i + 1) & (size - 1))
		;
	return &set[i];
}

static int
look_up(long n, const char *dir, const char *name)
{
	size_t size = 16;
	char **set, text[64];
	struct dirent *e;
	DIR *d = opendir(dir);
	long i;

	while (size < 3 * (size_t)n)
		size *= 2;
	set = calloc(size, sizeof *set);
	if (!d || !set)
		die(dir);
	while ((e = readdir(d)))
		*find(set, size, e->d_name) = strdup(e->d_name);
	for (i = 1; i <= n; i++) {
		snprintf(text, sizeof text, "%s%ld", name, i);
		if (!*find(set, size, text))
			die(text);
	}
	return 0;
}

static void
make_dir(const char *name)
{
	if (mkdir(name, 0700) && errno != EEXIST)
		die(name);
}

static int
keep_all(long n, long at_once, char **argv, int durable)
{
	int status, dir;
	long next = 0, ended = 0, i;
	pid_t pid;

	jobs = calloc((size_t)at_once, sizeof *jobs);
	make_dir("t");
	make_dir("r");
	dir = open("r", O_RDONLY | O_CLOEXEC);
	if (!jobs || dir < 0)
		die("r");
	for (i = 0; i < at_once && next < n; i++)
		begin(&jobs[i], next++, argv, durable);
	while (ended < n) {
		pid = wait(&status);
		do {
			for (i = 0; i < at_once && jobs[i].pid != pid; i++)
				;
			if (i == at_once || status)
				die("a command has failed");
			keep(&jobs[i], durable, dir);
			ended++;
		} while (durable == GROUPS && (pid = waitpid(-1, &status, WNOHANG)) > 0);
		if (durable == GROUPS && fsync(dir))
			die("r");
		for (i = 0; i < at_once && next < n; i++)
			if (!jobs[i].pid)
				begin(&jobs[i], next++, argv, durable);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	int durable = argc < 2 ? NOTHING : !strcmp(argv[1], "-d") ? EACH : !strcmp(argv[1], "-g") ? GROUPS : NOTHING;
	int skip = durable != NOTHING;

	if (argc > 3 && !strcmp(argv[1], "-r"))
		return repeat(atol(argv[2]), argv + 3);
	if (argc > 4 && !strcmp(argv[1], "-s"))
		return look_up(atol(argv[2]), argv[3], argv[4]);
	argv += skip;
	if (argc - skip < 4)
		return 2;
	return keep_all(atol(argv[1]), atol(argv[2]), argv + 3, durable);
}
