/* What the tests of git share: a directory $T of their own with a repository repo in it, where they run. */
#ifndef TESTS_REPO_H
#define TESTS_REPO_H

#include "tests/help.h"

extern char repo_top[4096];     /* $T */

/* Before every test. */
void repo_begin(void);

/* This directory becomes a repository, its branch main, with the files that lie in it as the first commit; FIRST is a
 * command, an empty one too, that is run before that commit. */
void repo_init(const char *first);

/* Makes $T/repo, one commit on main, and goes there; $T/bin is first in PATH, $REAL_GIT is git. */
void repo_make(void);

/* Runs a command, which must end with STATUS, and unless that is 0, must have said something. */
struct ran repo_sh(int status, const char *fmt, ...);

/* What a command, which must end well, writes; without its last newline. */
char *repo_out(const char *fmt, ...);

/* Makes NAME a program, a script of this text. */
void repo_program(const char *name, const char *text);

/* Puts a `git` into $T/bin that writes each call of it to $T/calls and its environment to $T/env. */
void repo_watch_git(void);

/* The result KEY is the path $T/NAME. */
void repo_path_is(const char *key, const char *name);

/* The result KEY is the full id of the commit REV, and that has COUNT commits more than main. */
void repo_commit_is(const char *key, const char *rev, int count);

/* All of the main checkout: branch, commit, index, files, what git says to it. */
char *repo_checkout(void);

/* It is as it was BEFORE, and clean. */
void repo_is_untouched(const char *before);

#endif
