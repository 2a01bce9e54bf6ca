/* The suites of tests. What the guarantees of the manual were last tried with (make check, make torture, make powercut, make check-ssh, make check-slurm):
 *
 *     done means durable         powercut                 60 copies of a running disk, 4,896 steps told as done: all there
 *     no partial results         fault, limits            some 3,000 points where a call fails or orch is killed: all hold
 *     nothing runs twice         history, process         400 random workflows cut off at random, 1,000 runs killed: none
 *     no orphans                 together                 orch and supervisors killed within 10 ms, 400 rounds: nobody, nothing twice
 *     no orphans                 survive, process         35 ways to leave somebody, 100 rounds each: nobody after 0.1 s; large storms 1.9 s
 *     no stale results           again                    600 random walks changed and cut off, 16 runs killed: as a fresh one
 *     no stale results           changes                  an hour of random workflows, files edited, killed, redone: as a reference has it
 *     no lost tokens             jobs                     pipes and fifos, failures, signals, deaths, under GNU make 4.3 and 4.4
 *     no agent left elsewhere    check-ssh, check-slurm   13 ways to cut it off, daemons on loopback: nobody
 *     no foreign runs            trust                    clones, copies, archives, planted names, dates and results: none used
 *     never through a link       foreign                  1,152 links, pipes, devices and strangers planted: none followed
 *     never a crash              fuzz, fuzz-store         660,000 inputs in 69 minutes: none
 */
#ifndef TESTS_SUITES_H
#define TESTS_SUITES_H

#include <check.h>

Suite *parse_suite(void);       /* text to tree, diagnostics */
Suite *store_suite(void);       /* keys, files, the log, the lock */
Suite *engine_suite(void);      /* deciding, without a process */
Suite *run_suite(void);         /* whole runs: blocks, results, the command */
Suite *process_suite(void);     /* whole runs: processes, what they are given and leave, many of them */
Suite *kill_suite(void);        /* whole runs: stopped, continued, killed */
Suite *call_suite(void);        /* whole runs: call, cd */
Suite *git_suite(void);         /* whole runs: worktree, commit */
Suite *worktree_suite(void);    /* whole runs: worktrees are looked at again; where they go */
Suite *terminal_suite(void);    /* whole runs on a pseudo-terminal: ask, interactive, job control */
Suite *fault_suite(void);       /* whole runs in which a call fails, or the process is killed there */
Suite *again_suite(void);       /* what is asked again: -u, -n, diff */
Suite *changes_suite(void);     /* whole runs: only what has changed, against a reference */
Suite *depends_suite(void);     /* whole runs: depends, pure, always, redo, and the manual's recipes of them */
Suite *sandbox_suite(void);     /* whole runs of agents below bwrap, by the script of the manual */
Suite *workflows_suite(void);   /* whole runs: the project's own chores */
Suite *take_suite(void);        /* whole runs: results that are taken from an earlier one, and the recipe of that */
Suite *survive_suite(void);     /* whole runs: nobody outlives orch, however it ends */
Suite *together_suite(void);    /* whole runs: orch and supervisors killed together, what cannot be ended */
Suite *rm_suite(void);          /* whole runs: deleted, beside others that start, killed in the middle */
Suite *trust_suite(void);       /* whole runs: directories that came from elsewhere */
Suite *history_suite(void);     /* whole runs: random workflows, killed and resumed */
Suite *small_suite(void);       /* whole runs: a root with busybox alone, little memory, no processes for agents; what waits costs nothing */
Suite *limits_suite(void);      /* whole runs: full disks, few descriptors and processes, large results */
Suite *foreign_suite(void);     /* whole runs: directories and files that are another's, or links */
Suite *fold_suite(void);        /* file systems that fold case: names that would be one file are refused */
Suite *live_suite(void);        /* the live view: as a text, and whole runs on a pseudo-terminal */
Suite *jobs_suite(void);        /* whole runs: make's jobserver, as its client and as one */
Suite *status_suite(void);      /* looking at runs: status, logs, scripts, completion */
Suite *held_suite(void);        /* whole runs: agents that take no more for now */
Suite *session_suite(void);     /* whole runs: conversations that are forked, and continued */
Suite *report_suite(void);      /* whole runs: agents that report */
Suite *reader_suite(void);      /* what claude and codex write, without a process */
Suite *streams_suite(void);     /* whole runs: descriptors and file systems that lack something */
Suite *messages_suite(void);    /* the exact words of each message */

#endif
