/* Orch's signals: the word to stop, the terminal's, children that have ended; and suspending all. */
#include "engine/loop_state.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "store/clock.h"
#include "store/os.h"

enum {
	SECOND_MS = 1000,       /* from when on a second signal is one of its own */
	STOP_MS = 40 * 1000,    /* from the word to stop until a supervisor must have ended: its agent has 10 s, 10 s after SIGKILL, what that left 11 s */
	STOP_NOW_MS = 25 * 1000 /* the same from the second word on */
};

/* Set by the handlers, which run in pselect alone. */
static volatile sig_atomic_t got_child, got_stop, got_again, got_suspend, got_size, got_cont;

static void
on_signal(int sig)
{
	if (sig == SIGCHLD)
		got_child = 1;
	else if (sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		got_suspend = sig;
	else if (sig == SIGCONT)
		got_cont = 1;
	else if (sig == os_size_signal())
		got_size = 1;
	else if (got_stop)
		got_again = 1;
	else
		got_stop = sig;
}

static void
catch(int sig, int even_ignored)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN && !even_ignored)
		return;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	sigfillset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void
our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGTSTP);
	sigaddset(set, SIGTTIN);
	sigaddset(set, SIGTTOU);
	sigaddset(set, SIGCONT);
	if (os_size_signal())
		sigaddset(set, os_size_signal());
}

void
signals_hold(void)
{
	sigset_t set;

	our_signals(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	catch(SIGCHLD, 1);
	catch(SIGTERM, 0);
	catch(SIGINT, 0);
	catch(SIGHUP, 0);
	catch(SIGTSTP, 0);
	catch(SIGTTIN, 0);
	catch(SIGTTOU, 0);      /* what is said in the background, where the terminal does not want that */
}

void
signals_hold_screen(void)
{
	catch(SIGCONT, 1);
	if (os_size_signal())
		catch(os_size_signal(), 1);
}

static void
signal_all(const struct loop_state *l, int sig)
{
	uint32_t i;

	for (i = 0; i < l->slots.n; i++)
		if (l->slots.list[i].pid)
			kill(l->slots.list[i].pid, sig);
}

/* SIGTSTP, or SIGTTIN when a step needs the terminal and the job is in the background: the agents are
 * suspended, then orch; both go on together. */
static void
suspend_all(struct loop_state *l, int sig)
{
	struct log_line line = { 0 };
	struct sigaction sa, ours;
	long long since = clock_ms();
	sigset_t set;

	got_suspend = 0;
	signal_all(l, SUPERVISOR_SUSPEND);
	screen_hide(&l->output.screen, l->progress);
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	sigaction(sig, &sa, &ours);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);   /* here it stops, until it is continued */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(sig, &ours, NULL);
	signal_all(l, SIGCONT);
	line.event = LOG_PAUSED;
	line.value = (long)(clock_ms() - since);
	l->skew += line.value;
	l->progress->suspended = l->skew;
	loop_log(l, &line);
}

void
signals_look(struct loop_state *l)
{
	sigset_t none, old;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &old);  /* pselect need not let them in, when a descriptor is ready */
	sigprocmask(SIG_SETMASK, &old, NULL);
	l->has_dead |= got_child;
	got_child = 0;
	/* A job that is ended while it is stopped gets both. */
	if (got_suspend && !got_stop && !l->sig)
		suspend_all(l, got_suspend);
	got_suspend = 0;
	if (got_size)
		screen_resized(&l->output.screen);
	if (got_cont)
		screen_lost(&l->output.screen);
	got_size = got_cont = 0;
	if (got_stop && !l->sig) {
		l->sig = got_stop;
		l->sig_at = clock_ms();
		got_again = 0;
		walk_stop(l->walk, STOP_ALL);
		signal_all(l, SUPERVISOR_STOP);
		signal_all(l, SIGCONT);       /* should somebody have stopped one */
		lost_limit_all(l, STOP_MS);
		output_drop(&l->output);
	}
	if (got_again) {
		got_again = 0;
		if (clock_ms() - l->sig_at > SECOND_MS) {
			signal_all(l, SUPERVISOR_STOP);
			lost_limit_all(l, STOP_NOW_MS);
		}
	}
}

void
loop_die(int sig)
{
	struct sigaction sa;
	sigset_t set;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	sigaction(sig, &sa, NULL);
	sigemptyset(&set);
	raise(sig);
	sigprocmask(SIG_SETMASK, &set, NULL);
	_exit(128 + sig);
}
