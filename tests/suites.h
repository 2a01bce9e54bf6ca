/* The suites of tests. */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>

Suite *parse_suite(void);       /* text to tree, diagnostics */
Suite *store_suite(void);       /* keys, files, the log, the lock */
Suite *engine_suite(void);      /* deciding, without a process */
Suite *run_suite(void);         /* whole runs: blocks, results, the command */
Suite *process_suite(void);     /* whole runs: processes, signals, limits */
Suite *call_suite(void);        /* whole runs: call, cd */
Suite *git_suite(void);         /* whole runs: worktree, commit */
Suite *terminal_suite(void);    /* whole runs on a pseudo-terminal: ask, interactive, job control */

#endif
