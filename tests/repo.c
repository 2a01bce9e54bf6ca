/* What the tests of git share. */
#include "tests/repo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char repo_top[4096];

static struct ran
run_list(const char *fmt, va_list ap)
{
	char command[16384];

	ck_assert_int_lt(vsnprintf(command, sizeof command, fmt, ap), (int)sizeof command);
	return help_run("%s", command);
}

struct ran
repo_sh(int status, const char *fmt, ...)
{
	struct ran r;
	va_list ap;

	va_start(ap, fmt);
	r = run_list(fmt, ap);
	va_end(ap);
	ck_assert_msg(r.status == status, "%s\n%d, not %d; it says:\n%s%s", fmt, r.status, status, r.out, r.err);
	if (status)
		ck_assert_msg(*r.err, "%s\n%d, and not a word", fmt, status);
	return r;
}

char *
repo_out(const char *fmt, ...)
{
	struct ran r;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	r = run_list(fmt, ap);
	va_end(ap);
	ck_assert_msg(r.status == 0, "%s\n%d; it says:\n%s%s", fmt, r.status, r.out, r.err);
	n = strlen(r.out);
	if (n && r.out[n - 1] == '\n')
		r.out[n - 1] = '\0';
	return r.out;
}

void
repo_path_is(const char *key, const char *name)
{
	char file[300], path[8192];

	snprintf(file, sizeof file, RESULT "%s", key);
	snprintf(path, sizeof path, "%s/%s\n", repo_top, name);
	help_is(file, path);
}

void
repo_commit_is(const char *key, const char *rev, int count)
{
	char file[300], id[200];

	snprintf(file, sizeof file, RESULT "%s", key);
	snprintf(id, sizeof id, "%s\n", repo_out("git rev-parse --verify '%s^{commit}'", rev));
	ck_assert_uint_ge(strlen(id), 41);
	help_is(file, id);
	snprintf(id, sizeof id, "%d", count);
	ck_assert_msg(!strcmp(repo_out("git rev-list --count 'main..%s'", rev), id), "%s has not %d commits but %s", rev, count,
	    repo_out("git rev-list --count 'main..%s'", rev));
}

void
repo_program(const char *name, const char *text)
{
	help_file(name, text, NULL);
	ck_assert_int_eq(chmod(name, 0755), 0);
}

/* What git reads must not hang on who runs the tests. */
static void
plain_git(void)
{
	setenv("LC_ALL", "C", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("GIT_DIR");
	unsetenv("GIT_WORK_TREE");
	unsetenv("GIT_INDEX_FILE");
	unsetenv("EMAIL");
}

void
repo_begin(void)
{
	help_start();
	ck_assert_ptr_nonnull(getcwd(repo_top, sizeof repo_top));
	setenv("T", repo_top, 1);
	plain_git();
}

void
repo_init(const char *first)
{
	plain_git();
	repo_sh(0, "git config --global user.name Somebody && git config --global user.email s@example.org &&"
	    "git config --global gc.auto 0 && git config --global core.fsync none &&"
	    "git init -q --template= && git symbolic-ref HEAD refs/heads/main && mkdir .git/info .git/hooks");
	repo_sh(0, "%s", first);
	repo_sh(0, "git add -A && git commit -q --allow-empty -m first");
}

void
repo_make(void)
{
	char path[4200];

	setenv("REAL_GIT", repo_out("command -v git"), 1);
	snprintf(path, sizeof path, "%s/bin", repo_top);
	help_path(path);
	repo_sh(0, "mkdir bin repo");
	ck_assert_int_eq(chdir("repo"), 0);
	repo_init("echo one >file && mkdir sub && echo two >sub/other");
}

void
repo_watch_git(void)
{
	repo_program("../bin/git", "#!/bin/sh\necho \"$*\" >>\"$T/calls\"; env | grep ^GIT_ >>\"$T/env\"\nexec \"$REAL_GIT\" \"$@\"");
}

char *
repo_checkout(void)
{
	return repo_out("git symbolic-ref HEAD; git rev-parse HEAD; git ls-files -s; git status --porcelain;"
	    "find . -name .git -prune -o -name .orch -prune -o -type f -exec cksum {} + | sort");
}

void
repo_is_untouched(const char *before)
{
	ck_assert_str_eq(repo_checkout(), before);
	ck_assert_str_eq(repo_out("git status --porcelain"), "");
}
