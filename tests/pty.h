/* A program on a pseudo-terminal, and shells there that know jobs. A test types, and waits for what is
 * shown, until a deadline. What is waited for is never what was typed: the terminal echoes. */
#ifndef TESTS_PTY_H
#define TESTS_PTY_H

#include <stddef.h>
#include <sys/types.h>

/* The terminal of this test, with a program on it. */
extern struct pty {
	int master;
	pid_t pid;              /* the leader of its session; 0 when it has ended */
	char seen[1 << 18];     /* all that was shown: what is more than that is not read */
	size_t n, from;         /* how much; where what was not yet waited for begins */
} pty;

/* Starts a program on a new terminal. */
void pty_start(char *const argv[]);

/* Starts a command that execs orch, so that it is orch that has the terminal, without a shell. */
void pty_command(const char *command);

/* What was shown, its control characters made visible: for the words of a failed test. */
const char *pty_shown(void);

/* Takes what the terminal has to show, waiting MS for it at most; how many bytes. It is a hang-up only for
 * now when nobody has the terminal open: /dev/tty can still be opened. */
size_t pty_look(int ms);

void pty_type(const char *text);

/* Waits until TEXT is shown, after all that was waited for before; until there is a file. */
void pty_expect(const char *text);
void pty_await_file(const char *name);

/* The program ends with STATUS, which is 128 and the signal's number when it dies of one. */
void pty_ends(int status);

/* How PID is: R, S, T (stopped) and so on; 0 if it is gone, '?' if that cannot be known. */
int pty_state(pid_t pid);

/* Waits until PID is stopped, or going on; until it is gone. Some shells reap a job that has ended only when
 * they are asked for the next command. */
void pty_await_state(pid_t pid, int stopped);
void pty_await_gone(pid_t pid);

/* Starts a shell on a terminal, and waits until it takes commands. 0: it is not here. */
int pty_shell(const char *name);

/* The shell has the terminal and does what is typed; WORD is one that nobody used before. */
void pty_shell_back(const char *word);

/* Somebody else than the shell has the terminal. */
void pty_shell_away(void);

/* The exit status that the shell shows for what was last in the foreground. */
void pty_shell_status(const char *word, int status);

void pty_shell_leave(void);

#endif
