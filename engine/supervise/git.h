/* What the steps of git share: git.c calls it, look.c looks at worktrees, making.c and commit.c make. */
#ifndef ENGINE_SUPERVISE_GIT_H
#define ENGINE_SUPERVISE_GIT_H

#include "engine/supervise/supervision.h"

/* Runs git in DIR with the words up to NULL, its standard input IN; *OUT, to be freed, gets what it
 * wrote, without the last newline. Returns its wait status; what fails besides git leaves. */
int git_run(struct supervisor *, const char *dir, int in, char **out, ...);

/* The same in the task's directory, without input. */
#define GIT(d, out, ...) git_run(d, (d)->task->dir, (d)->m->null, out, __VA_ARGS__, (const char *)NULL)

/* ENTRY, NAME=VALUE, is in the environment of all further git; it must outlive them. To be called once. */
void git_env_set(struct supervisor *, const char *entry);

/* OUT of a git that must have succeeded; git's own words are shown with the failure. */
char *git_must(struct supervisor *, int status, char *out, const char *what);

/* What git rev-parse answers in DIR to WORD, to be freed; NULL: nothing, or it fails. */
char *git_rev_parse(struct supervisor *, const char *dir, const char *word);

/* The id of REV, to be freed, or NULL when there is none. */
char *git_commit_of(struct supervisor *, const char *rev);

/* Leaves with what is in B. What does not fit into the report is the last line of the step's standard error, which is
 * shown with the failure. */
void git_leave(struct supervisor *, enum outcome_kind, struct buf *b) NO_RETURN;

/* Whether two paths lead to the same file or directory. */
int git_is_same_file(const char *a, const char *b);

/* DIR, or, where that is not there, the nearest directory above it that is; to be freed. */
char *git_standing(const char *dir);

/* Adds to B how the user calls git for DIR: `git' alone where orch was started. */
void git_command(const struct supervisor *, struct buf *b, const char *dir);

/* NAME, seen from DIR, absolute; to be freed. */
char *git_path_from(const char *dir, const char *name);

/* After a `cd' below the worktree, TOP, where git would commit, must still be the worktree; else leaves. */
void git_look_inside(struct supervisor *, const char *top);

/* Intents (how.h): lines of a word and its value. */
void intent_put(struct buf *, const char *word, const char *value);

/* The value of WORD in the intent TEXT, to be freed; NULL: it has none. */
char *intent_get(const char *text, const char *word);
int intent_is(const char *text, const char *word, const char *value);

/* What an earlier attempt was about to make, to be freed; "" if there was none. */
char *intent_read(struct supervisor *);

/* Writes the intent B, safe on disk, before git starts. Exits if it cannot. */
void intent_write(struct supervisor *, const struct buf *b);

#endif
