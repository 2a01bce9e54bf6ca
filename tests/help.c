/* What the tests of whole runs share. */
#include "tests/help.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef BUILD_DIR
#define BUILD_DIR "."
#endif

enum { INHERITED = 4096 };      /* what is beyond it counts in no limit that a test sets */

static char dir[] = "/tmp/orch-test-XXXXXX";
static char where[4096];        /* of the program's tree */

/* What this process has open is not open in what it starts. */
static void
close_behind(void)
{
	int fd;

	for (fd = 3; fd < INHERITED; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void
help_path(const char *first)
{
	const char *old = getenv("PATH");
	char *path = malloc(strlen(first) + strlen(old) + 2);

	sprintf(path, "%s:%s", first, old);
	setenv("PATH", path, 1);
	free(path);
}

static void
add_programs(void)
{
	char tests[sizeof where + 8];

	snprintf(tests, sizeof tests, "%s/tests", where);
	help_path(tests);
	help_path(where);
}

void
help_short_path(void)
{
	setenv("PATH", "/bin:/usr/bin", 1);
	add_programs();
}

void
help_share(void)
{
	char shared[sizeof dir + 8];

	snprintf(shared, sizeof shared, "%s/shared", dir);
	setenv("SHARED", shared, 1);
	help_sh(0, "umask 022; mkdir \"$SHARED\" && cp \"$TREE/orch\" \"$TREE/tests/agent\" \"$SHARED\"");
	help_path(shared);
}

int
help_becomes(const char *test)
{
	if (geteuid()) {
		help_skip(test, "needs root");
		return 0;
	}
	help_share();
	return 1;
}

void
help_start(void)
{
	char home[sizeof dir + 8];

	close_behind();
	ck_assert(where[0] || getcwd(where, sizeof where));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(chmod(".", 0711), 0);
	snprintf(home, sizeof home, "%s/test", dir);
	ck_assert_int_eq(mkdir(home, 0700), 0);
	ck_assert_int_eq(chdir(home), 0);
	add_programs();
	setenv("HOME", home, 1);
	setenv("TREE", where, 1);
	unsetenv("ORCH_DIR");
	unsetenv("MAKEFLAGS");
	unsetenv("MFLAGS");
	unsetenv("MAKELEVEL");
	umask(022);
	/* Check's handlers kill the test's group. A child has them until it has become another program. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
}

void
help_end(void)
{
	char command[300];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_ne(system(command), -1);
}

void
help_bytes(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

void
help_file(const char *name, ...)
{
	const char *line;
	va_list ap;
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	va_start(ap, name);
	while ((line = va_arg(ap, const char *)))
		fprintf(f, "%s\n", line);
	va_end(ap);
	ck_assert_int_eq(fclose(f), 0);
}

char *
help_read(const char *name, size_t *n)
{
	size_t len = 0, cap = 65536;
	char *s = malloc(cap);
	FILE *f = fopen(name, "r");
	size_t got;

	while (f && (got = fread(s + len, 1, cap - len - 1, f)) > 0) {
		len += got;
		if (cap - len < 2)
			s = realloc(s, cap *= 2);
	}
	if (f)
		fclose(f);
	s[len] = '\0';
	if (n)
		*n = len;
	return s;
}

int
help_exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

long long
help_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
help_pause(long ms)
{
	struct timespec t;

	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	nanosleep(&t, NULL);
}

uint32_t
help_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

void
help_skip(const char *test, const char *why)
{
	const char *file = getenv("ORCH_TEST_SKIPS");
	FILE *f = file ? fopen(file, "a") : NULL;

	fprintf(stderr, "%s: skipped: %s\n", test, why);
	if (f) {                        /* counted by tests/check, which tells */
		fprintf(f, "%s: %s\n", test, why);
		fclose(f);
	}
}

void
help_skip_bindfs(const char *test)
{
	help_skip(test, help_run("command -v bindfs").status ? "there is no bindfs" : "nothing can be mounted by bindfs here");
}

void
help_redirect(const char *out, const char *err)
{
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 1);
	dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 2);
}

struct ran
help_run(const char *fmt, ...)
{
	static int count;
	char command[16384], out[64], err[64];
	struct ran r;
	int status;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	ck_assert_int_lt(vsnprintf(command, sizeof command, fmt, ap), (int)sizeof command);
	va_end(ap);
	snprintf(out, sizeof out, "/tmp/orch-out-%ld-%d", (long)getpid(), count);
	snprintf(err, sizeof err, "/tmp/orch-err-%ld-%d", (long)getpid(), count++);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		help_redirect(out, err);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	r.out = help_read(out, NULL);
	r.err = help_read(err, NULL);
	unlink(out);
	unlink(err);
	return r;
}

int
help_count(const char *s, const char *needle)
{
	int n = 0;

	for (; (s = strstr(s, needle)); s += strlen(needle))
		n++;
	return n;
}

struct ran
help_sh(int status, const char *command)
{
	struct ran r = help_run("%s", command);

	ck_assert_msg(r.status == status, "%s\n%d, not %d; it says:\n%s%s", command, r.status, status, r.out, r.err);
	if (status)
		ck_assert_msg(*r.err, "%s\n%d, and not a word", command, status);
	return r;
}

int
help_unmake_tree(const char *err)
{
	static const char said[] = "git was killed while it made this worktree: ";
	const char *s = strstr(err, said);
	char command[1024];

	if (!s)
		return 0;
	s += strlen(said);
	snprintf(command, sizeof command, "set -e; %.*s", (int)strcspn(s, "\n"), s);
	free(help_sh(0, command).out);
	return 1;
}

void
help_has(const char *s, const char *needle)
{
	ck_assert_msg(strstr(s, needle) != NULL, "no `%s` in:\n%s", needle, s);
}

void
help_lacks(const char *s, const char *needle)
{
	ck_assert_msg(!strstr(s, needle), "`%s` in:\n%s", needle, s);
}

void
help_in_order(const char *s, const char *const *needles, size_t n)
{
	const char *at = s;
	size_t i;

	for (i = 0; i < n; i++) {
		at = strstr(at, needles[i]);
		ck_assert_msg(at != NULL, "`%s` is missing, or not where it should be, in:\n%s", needles[i], s);
		at += strlen(needles[i]);
	}
}

void
help_is(const char *name, const char *text)
{
	char *s = help_read(name, NULL);

	ck_assert_msg(help_exists(name), "there is no %s", name);
	ck_assert_msg(!strcmp(s, text), "%s is `%s`, not `%s`", name, s, text);
}

void
help_none(const char *name)
{
	ck_assert_msg(!help_exists(name), "%s is there: %s", name, help_read(name, NULL));
}

static char **listed;
static size_t nlisted;
static int with_changes;

static int
list_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	char line[600];
	int n;

	(void)flag;
	(void)ftw;
	n = snprintf(line, sizeof line, "%s %lo %ld %lld %lld.%09ld", path, (unsigned long)st->st_mode, (long)st->st_uid,
	    (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (with_changes)
		n += snprintf(line + n, sizeof line - (size_t)n, " %lld.%09ld", (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	ck_assert_int_lt(n, (int)sizeof line - 1);
	strcat(line, "\n");
	listed = realloc(listed, (nlisted + 1) * sizeof *listed);
	listed[nlisted++] = strdup(line);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *
help_tree(const char *top, int changes)
{
	size_t n = 1, i;
	char *all;

	nlisted = 0;
	with_changes = changes;
	ck_assert_int_eq(nftw(top, list_one, 16, FTW_PHYS), 0);
	qsort(listed, nlisted, sizeof *listed, by_text);
	for (i = 0; i < nlisted; i++)
		n += strlen(listed[i]);
	all = calloc(1, n);
	for (i = 0; i < nlisted; i++) {
		strcat(all, listed[i]);
		free(listed[i]);
	}
	return all;
}

int
help_number(const char *name, int fallback)
{
	const char *s = getenv(name);

	return s && atoi(s) > 0 ? atoi(s) : fallback;
}

int
help_torture(void)
{
	const char *s = getenv("ORCH_TORTURE");

	return s && !strcmp(s, "1");
}

int
help_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return 1;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return 1;
#else
	return 0;
#endif
#else
	return 0;
#endif
}

TCase *
help_case(Suite *s, const char *name, void (*begin)(void), double seconds)
{
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, begin, help_end);
	tcase_set_timeout(c, help_torture() ? 60 * seconds : seconds);
	suite_add_tcase(s, c);
	return c;
}

const char *
help_marks(void)
{
	static char text[4096];

	snprintf(text, sizeof text, "%s", help_sh(0, "touch marks; sort marks | tr '\\n' ' '; rm marks").out);
	return text;
}

void
help_marks_are(const char *want)
{
	ck_assert_str_eq(help_marks(), want);
}
