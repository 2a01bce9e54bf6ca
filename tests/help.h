/* What the tests of whole runs share: a directory of their own, files in it, commands run there. */
#ifndef TESTS_HELP_H
#define TESTS_HELP_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#define LEN(a) ((int)(sizeof(a) / sizeof *(a)))
#define RESULT ".orch/x/result/"        /* the results of the run x */

/* Makes an empty directory, in one that is empty but for it, and goes there; PATH then begins with the places of orch and of the fake
 * agent (tests/agent). HOME is in there too. What the tests themselves were started with, their descriptors
 * among it, is not what they start programs with. Called by every test before anything else. */
void help_start(void);

/* DIR becomes the first place of PATH. */
void help_path(const char *dir);

/* PATH is one that messages show whole: the places of orch, of the fake agent, and of what a system has. */
void help_short_path(void);

/* orch and the fake agent are where every user finds them: the program's tree may be one that others cannot read. */
void help_share(void);

/* The same for a TEST that becomes another user, which only root can: 0 if it cannot, which is said. */
int help_becomes(const char *test);

/* Removes the directory, and ends what is still alive of the processes started in it. */
void help_end(void);

/* Writes the file NAME; its lines are joined by newlines: help_file("x", "a", "b", NULL). */
void help_file(const char *name, ...);

/* The same with N bytes as they are. */
void help_bytes(const char *name, const void *p, size_t n);

/* The file's bytes, with a NUL after it; *N (may be NULL) how many. "" when it is not there. The memory is
 * not freed: a test is a process of its own. */
char *help_read(const char *name, size_t *n);

/* Begins a program of a step, and notes that the step was run. */
#define HELP_MARK "echo $ORCH_KEY >>\"$ORCH_ROOT/marks\"; "

/* The steps that were run since this was asked last, sorted, a blank after each; and that they are these. */
const char *help_marks(void);
void help_marks_are(const char *want);

/* Whether there is a file of this name. */
int help_exists(const char *name);

struct ran {
	int status;             /* the exit status; 128 and the signal if it died of one */
	char *out, *err;
};

/* Milliseconds of a clock that only goes on; a pause of MS of them. */
long long help_ms(void);
void help_pause(long ms);

/* The next number of the sequence that SEED begins. */
uint32_t help_random(uint32_t *seed);

/* Says that a test could not be made, and why: if by .ci/skips that is not a reason, it is a failure in CI. */
void help_skip(const char *test, const char *why);

/* That nothing could be mounted by bindfs. */
void help_skip_bindfs(const char *test);

/* This process has these files as its output and its standard error, nothing as its input, and no other descriptor for
 * them: what it then executes may have to do with few. */
void help_redirect(const char *out, const char *err);

/* Runs a command by sh, its standard input /dev/null, to its end: 60 seconds at most. */
struct ran help_run(const char *fmt, ...);

/* Runs COMMAND, which must end with STATUS, and unless that is 0, must have said something. */
struct ran help_sh(int status, const char *command);

/* What orch says in ERR that helps where git itself was killed while it made a worktree, is done, as a person would.
 * Whether it said so. */
int help_unmake_tree(const char *err);

/* S holds the NEEDLE; does not hold it; holds N of them in this order, one after the other. */
void help_has(const char *s, const char *needle);
void help_lacks(const char *s, const char *needle);
void help_in_order(const char *s, const char *const *needles, size_t n);

/* The file NAME is there, and TEXT is what is in it. */
void help_is(const char *name, const char *text);

/* The file NAME is not there. */
void help_none(const char *name);

/* What is below TOP, a line each, sorted: modes, owners, sizes, times of writing; with CHANGES also
 * those of any change. Not freed. */
char *help_tree(const char *top, int changes);

/* Adds a case to the suite: each of its tests is between BEGIN and help_end(), and is ended after SECONDS, sixty
 * times as many with ORCH_TORTURE=1. */
TCase *help_case(Suite *, const char *name, void (*begin)(void), double seconds);

/* Whether ORCH_TORTURE=1 says that all is to be tried, however long it takes. */
int help_torture(void);

/* The positive number that the environment's NAME is, or else FALLBACK. */
int help_number(const char *name, int fallback);

/* Whether this, and so orch, is built to look at each use of memory, and takes several times as much. */
int help_sanitized(void);

/* How often NEEDLE is in S. */
int help_count(const char *s, const char *needle);

#endif
