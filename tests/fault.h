/* Faults on order: tests/fault.so, preloaded into orch, makes one call of a kind fail, or kills the process
 * there. What it is told is in the environment:
 *
 *     FAULT="KIND AT WHAT"    at the ATth call of this KIND, counted over orch and its supervisors; AT 0: never
 *     FAULT_PAGE=FILE         has a struct fault_page, which all of them share
 *
 * WHAT is an errno's name: the call fails with it; with a + after it, so does every later one of that kind.
 * Or `short`: only half is read or written; `short-` and an errno's name: and then it fails; `torn`: half is
 * written, and the process is killed; `kill`: it is killed before the call; `after`: after it; `stop`: it stops before the
 * call, until somebody continues it; `stop+`: each supervisor stops before its first.
 *
 * Agents, filters and checks are no part of it: the library takes itself out of their environment. It only
 * lets each of them hold a lock that is named by its step: whoever finds it held runs at the same moment
 * as another attempt of the same step. */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

enum { FAULT_KINDS = 20 };

struct fault_page {
	long calls[FAULT_KINDS];        /* of every kind, in the order of the table in tests/fault.c */
	long seen;              /* calls of that kind */
	long hit;               /* of these have been made to fail */
	long pid;               /* the process that was hit first */
	char call[32];          /* the function that it had called */
	char twice[64];         /* a step that ran twice at the same moment; "": none did */
};

#endif
