/* Processes that tests start, wait for, and look for. On Linux the test is the subreaper of all that it
 * has started, and every agent, and every process that an agent starts, has put its number into the
 * file `pids`: so that nobody is left is asked of the kernel. Nothing sleeps and hopes: a test waits for
 * a condition, until a deadline. */
#ifndef TESTS_PROCS_H
#define TESTS_PROCS_H

#include <sys/types.h>

enum {
	SOON = 15 * 1000,       /* ms: what happens at once, on a busy machine */
	PROCS_MOST = 4096,      /* processes that are looked at */
	AFTER = 2000            /* ms: the second within which nobody is left, and what a busy machine adds */
};

/* Whether ORCH_TEST_PORTABLE=1 says that orch is one built with -DORCH_NO_LINUX. */
int procs_portable(void);

/* help_start(), for tests of processes. */
void procs_begin(void);

/* A run w.orch of one agent, which is called x, with these commands of the fake agent. */
void procs_one_agent(const char *commands);

/* Starts a command that execs orch, so that the number returned is orch's, in a process group of its own;
 * its output goes to the files out and err. It does not outlive this test. */
pid_t procs_start(const char *fmt, ...);

/* Waits until PID has ended, MS milliseconds at most; its exit status, or 128 and the signal's number. */
int procs_end(pid_t pid, long ms);

/* Whether there is a process PID. */
int procs_alive(pid_t pid);

/* How many lines FILE has; waits until it has N. */
int procs_lines(const char *file);
void procs_await_lines(const char *file, int n, long ms);

/* Waits until TEXT is in FILE; MS milliseconds at most, or as long as SOON. */
void procs_await_within(const char *file, const char *text, long ms);
void procs_await_text(const char *file, const char *text);

/* Waits until there is a FILE. */
void procs_await_file(const char *file);

/* The number of the Nth process, from 0, that is in FILE. */
pid_t procs_pid_in(const char *file, int n);

/* Writes which of the processes in pids, and of this test's children, are alive; how many. */
int procs_list(char *text, size_t size);

/* Makes the file `page' that tests/fault.h tells of, and maps it. */
struct fault_page *procs_fault_page(void);

/* Kills all processes in pids. */
void procs_kill(void);

/* Nobody that was started here is alive, MS milliseconds from now at the latest. */
void procs_none_left(long ms);

/* Seeds rand(), as ORCH_TEST_SEED says or with a new one, which is told, for the random instants of a TEST. */
void procs_seed(const char *test);

/* The most lines "+" that were in FILE before their "-". */
int procs_most(const char *file);

/* Adds the numbers of PID's children to the N in LIST, of PROCS_MOST; returns how many there are then. */
int procs_children(pid_t pid, pid_t *list, int n);

/* What PID is called (its comm); valid until a test ends. */
const char *procs_name(pid_t pid);

/* Whether PID is gone, or waits for its parent to see that it is. */
int procs_is_dead(pid_t pid);

/* Writes who of this test's children, other than SPARE (0: none), and of SPARE's own is alive; how many. Reaps the
 * dead. */
int procs_left(pid_t spare, char *text, size_t size);

/* Ends this test's children but SPARE, as long as they come: for tests that have failed. */
void procs_end_children(pid_t spare);

#endif
