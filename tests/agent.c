/* A fake agent: started by orch in the place of a real one, without a shell.
 *
 *     agent COMMAND [ARGUMENT...] ...
 *
 * does its commands in order and then exits 0. `once FILE` is before a command that is done only as
 * long as there is no FILE, which it makes; `exec` and `args` take all that follows. Each process that
 * it starts, and itself, appends its number to the file AGENT_PIDS of the environment, if there is one. */
#if defined(__linux__)
#define _GNU_SOURCE             /* setgroups */
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "TERM", SIGTERM }, { "INT", SIGINT }, { "HUP", SIGHUP }, { "QUIT", SIGQUIT }, { "PIPE", SIGPIPE },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "XFSZ", SIGXFSZ }, { "TSTP", SIGTSTP }, { "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 }, { "ALRM", SIGALRM }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "SEGV", SIGSEGV },
	{ "ABRT", SIGABRT }, { "KILL", SIGKILL }, { "STOP", SIGSTOP },
};

enum { NSIGNALS = sizeof signals / sizeof *signals, NMASK = 9 };

static void
die(const char *what, const char *arg)
{
	fprintf(stderr, "agent: %s: %s: %s\n", what, arg, errno ? strerror(errno) : "wrong");
	exit(99);
}

static int
signal_number(const char *name)
{
	int i;

	if (!strncmp(name, "SIG", 3))
		name += 3;
	for (i = 0; i < NSIGNALS; i++)
		if (!strcmp(name, signals[i].name))
			return signals[i].number;
	errno = 0;
	die("signal", name);
	return 0;
}

static long
number(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);

	errno = 0;
	if (end == s || *end)
		die("number", s);
	return n;
}

/* Without stdio's buffer: a child must not write its parent's bytes again. */
static void
put(int fd, const void *p, size_t n)
{
	const char *s = p;
	ssize_t k;

	for (; n; s += k, n -= (size_t)k) {
		k = write(fd, s, n);
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k < 0)
			die("write", fd == 1 ? "standard output" : "file");
	}
}

static void
put_line(int fd, const char *s)
{
	char line[8192];
	size_t n = strlen(s);

	if (n + 1 >= sizeof line) {
		put(fd, s, n);
		put(fd, "\n", 1);
		return;
	}
	memcpy(line, s, n);
	line[n] = '\n';
	put(fd, line, n + 1);
}

static void
pause_ms(long ms)
{
	struct timespec t;

	t.tv_sec = ms / 1000;
	t.tv_nsec = ms % 1000 * 1000000;
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void
append_line(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0666);

	if (fd < 0)
		die("append", file);
	put_line(fd, text);
	close(fd);
}

static void
record_pid(void)
{
	const char *file = getenv("AGENT_PIDS");
	char text[32];

	if (!file)
		return;
	snprintf(text, sizeof text, "%ld", (long)getpid());
	append_line(file, text);
}

static pid_t
fork_one(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", "child");
	if (!pid)
		record_pid();
	return pid;
}

/* Saying. */

static void
do_cat(char **a)
{
	char buf[65536];
	ssize_t n;

	(void)a;
	while ((n = read(0, buf, sizeof buf)) > 0)
		put(1, buf, (size_t)n);
	if (n < 0)
		die("read", "standard input");
}

static void
do_say(char **a)
{
	put_line(1, a[0]);
}

static void
do_print(char **a)
{
	put(1, a[0], strlen(a[0]));
}

static void
do_err(char **a)
{
	put_line(2, a[0]);
}

/* \n, \r, \t, \e, \\ and \xHH of TEXT become bytes. */
static void
put_escaped(int fd, const char *s)
{
	static const char from[] = "nrte\\", to[] = "\n\r\t\033\\";
	char c, hex[3] = "";
	const char *p;

	for (; *s; s++) {
		c = *s;
		if (c == '\\' && s[1] == 'x' && s[2] && s[3]) {
			memcpy(hex, s + 2, 2);
			c = (char)strtol(hex, NULL, 16);
			s += 3;
		} else if (c == '\\' && s[1] && (p = strchr(from, s[1]))) {
			c = to[p - from];
			s++;
		}
		put(fd, &c, 1);
	}
}

static void
do_sayx(char **a)
{
	put_escaped(1, a[0]);
}

static void
do_errx(char **a)
{
	put_escaped(2, a[0]);
}

static void
do_bytes(char **a)
{
	char block[65536];
	long n = number(a[0]), k;
	size_t i;

	for (i = 0; i < sizeof block; i++)
		block[i] = (char)(i * 7 + i / 256);
	for (; n; n -= k) {
		k = n < (long)sizeof block ? n : (long)sizeof block;
		put(1, block, (size_t)k);
	}
}

static void
do_length(char **a)
{
	char buf[65536], text[32];
	long total = 0;
	ssize_t n;

	(void)a;
	while ((n = read(0, buf, sizeof buf)) > 0)
		total += n;
	snprintf(text, sizeof text, "%ld", total);
	put_line(1, text);
}

/* What it was given. */

static void
do_args(char **a)
{
	for (; *a; a++)
		put_line(1, *a);
}

static void
do_env(char **a)
{
	const char *s = getenv(a[0]);

	put_line(1, s ? s : "(unset)");
}

static void
do_environ(char **a)
{
	char **e;

	(void)a;
	for (e = environ; *e; e++)
		put_line(1, *e);
}

static void
do_pwd(char **a)
{
	char dir[8192];

	(void)a;
	if (!getcwd(dir, sizeof dir))
		die("pwd", ".");
	put_line(1, dir);
}

static void
do_ids(char **a)
{
	char text[128];

	(void)a;
	snprintf(text, sizeof text, "pid %ld pgid %ld sid %ld", (long)getpid(), (long)getpgrp(), (long)getsid(0));
	put_line(1, text);
}

static void
do_pid(char **a)
{
	char text[32];

	(void)a;
	snprintf(text, sizeof text, "%ld", (long)getpid());
	put_line(1, text);
}

static void
do_mask(char **a)
{
	struct sigaction act;
	sigset_t mask;
	char text[64];
	int i;

	(void)a;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (i = 1; i < 65; i++)
		if (sigismember(&mask, i) == 1) {
			snprintf(text, sizeof text, "blocked %d", i);
			put_line(1, text);
		}
	for (i = 0; i < NMASK; i++) {
		sigaction(signals[i].number, NULL, &act);
		snprintf(text, sizeof text, "%s %s", signals[i].name,
		    act.sa_handler == SIG_DFL ? "default" : act.sa_handler == SIG_IGN ? "ignored" : "handled");
		put_line(1, text);
	}
}

static void
do_fds(char **a)
{
	struct rlimit limit;
	long i, max = 65536;
	char text[32];

	(void)a;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_max < (rlim_t)max)
		max = (long)limit.rlim_max;
	for (i = 0; i < max; i++)
		if (fcntl((int)i, F_GETFD) >= 0) {
			snprintf(text, sizeof text, "%ld", i);
			put_line(1, text);
		}
}

/* What a descriptor is, and where it is. */
static void
do_stat(char **a)
{
	int fd = (int)number(a[0]);
	struct stat st;
	char text[96];

	if (fstat(fd, &st))
		die("stat", a[0]);
	snprintf(text, sizeof text, "%s %lld of %lld", S_ISREG(st.st_mode) ? "file" : S_ISFIFO(st.st_mode) ? "pipe" :
	    isatty(fd) ? "terminal" : S_ISCHR(st.st_mode) ? "device" : "other", (long long)lseek(fd, 0, SEEK_CUR),
	    (long long)st.st_size);
	put_line(1, text);
}

static void
do_tty(char **a)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY);

	(void)a;
	put_line(1, fd >= 0 ? "open" : errno == ENXIO ? "ENXIO" : errno == ENOENT ? "ENOENT" :
	    errno == EIO ? "EIO" : strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Histories: who began, who came to its end, and results that hang on nothing but what was asked. */

static const char *marks;

/* A line "SIGN WALK PID KEY" for the file of marks; WALK and ORCH_KEY are in the environment. */
static void
mark(char sign, const char *more)
{
	const char *walk = getenv("WALK"), *key = getenv("ORCH_KEY");
	char text[1024];

	snprintf(text, sizeof text, "%c %s %ld %s%s", sign, walk ? walk : "0", (long)getpid(), key ? key : "-", more);
	append_line(marks, text);
}

/* Whether nobody else who began with this key is alive: the lock is the process's own, to its end. */
static int
is_alone(void)
{
	const char *key = getenv("ORCH_KEY");
	char name[1024];
	struct flock lock;
	int fd;

	snprintf(name, sizeof name, "%s.%s", marks, key ? key : "-");
	fd = open(name, O_WRONLY | O_CREAT, 0666);
	if (fd < 0)
		die("begin", name);
	memset(&lock, 0, sizeof lock);
	lock.l_type = F_WRLCK;
	lock.l_whence = SEEK_SET;
	return fcntl(fd, F_SETLK, &lock) == 0;
}

/* Appends to FILE that it begins, and at its end that it has ended. */
static void
do_begin(char **a)
{
	marks = a[0];
	mark('+', is_alone() ? "" : " taken");
}

static void
ended(void)
{
	if (marks)
		mark('-', "");
}

/* FNV-1a */
static uint64_t
digest(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (; n; n--)
		h = (h ^ *s++) * 1099511628211u;
	return h;
}

/* Of the key, its NUL, and standard input. */
static uint64_t
digest_asked(void)
{
	const char *key = getenv("ORCH_KEY");
	uint64_t h = digest(14695981039346656037u, key ? key : "-", strlen(key ? key : "-") + 1);
	char buf[65536];
	ssize_t n;

	while ((n = read(0, buf, sizeof buf)) > 0)
		h = digest(h, buf, (size_t)n);
	if (n < 0)
		die("read", "standard input");
	return h;
}

/* N bytes: the key and the digest of what was asked, as far as they go, then bytes that follow from it, no
 * NUL among them. */
static void
do_result(char **a)
{
	size_t n = (size_t)number(a[0]), i;
	uint64_t h = digest_asked();
	char *s = malloc(n + 1024);

	if (!s)
		die("answer", a[0]);
	i = (size_t)snprintf(s, 1024, "%s %016llx\n", getenv("ORCH_KEY"), (unsigned long long)h);
	for (h |= 1; i < n; i++) {
		h ^= h << 13;
		h ^= h >> 7;
		h ^= h << 17;
		s[i] = (char)(h >> 32 & 63 ? h >> 32 & 255 : '\n');
	}
	put(1, s, n);
	free(s);
}

/* Exits with a bit of the digest. */
static void
do_coin(char **a)
{
	int odd = (int)(digest_asked() >> 32 & 1);

	(void)a;
	ended();
	_exit(odd);
}

/* Ending, and not ending. */

static void
do_exit(char **a)
{
	ended();
	_exit((int)number(a[0]));
}

static void
do_kill(char **a)
{
	kill(getpid(), signal_number(a[0]));
}

static void
do_sleep(char **a)
{
	pause_ms(number(a[0]));
}

static void
set_signal(int sig, void (*handler)(int))
{
	struct sigaction act;

	memset(&act, 0, sizeof act);
	sigemptyset(&act.sa_mask);
	act.sa_handler = handler;
	sigaction(sig, &act, NULL);
}

static void
do_ignore(char **a)
{
	set_signal(signal_number(a[0]), SIG_IGN);
}

static void
do_default(char **a)
{
	set_signal(signal_number(a[0]), SIG_DFL);
}

static void
block(int how, const char *name)
{
	sigset_t set;

	sigemptyset(&set);
	if (!strcmp(name, "ALL"))
		sigfillset(&set);
	else
		sigaddset(&set, signal_number(name));
	sigprocmask(how, &set, NULL);
}

static void
do_block(char **a)
{
	block(SIG_BLOCK, a[0]);
}

static const char *last_words;
static int last_status;

static void
on_term(int sig)
{
	(void)sig;
	if (last_words && write(1, last_words, strlen(last_words)) < 0)
		_exit(98);
	_exit(last_status);
}

static void
do_partial_on_term(char **a)
{
	last_words = a[0];
	last_status = 0;
	set_signal(SIGTERM, on_term);
	set_signal(SIGINT, on_term);
}

static void
do_exit_on_term(char **a)
{
	last_words = NULL;
	last_status = (int)number(a[0]);
	set_signal(SIGTERM, on_term);
	set_signal(SIGINT, on_term);
}

static const char *note_file;
static volatile sig_atomic_t noted;

static void
on_note(int sig)
{
	char c = sig == SIGINT ? 'I' : sig == SIGTERM ? 'T' : sig == SIGHUP ? 'H' : '?';
	int fd = open(note_file, O_WRONLY | O_APPEND | O_CREAT, 0666);

	if (fd >= 0 && write(fd, &c, 1) == 1)
		noted++;
	close(fd);
}

/* Appends a letter to FILE for each TERM (T), INT (I) and HUP (H), and goes on. */
static void
do_note(char **a)
{
	note_file = a[0];
	set_signal(SIGTERM, on_note);
	set_signal(SIGINT, on_note);
	set_signal(SIGHUP, on_note);
}

/* Files. */

static void
do_append(char **a)
{
	append_line(a[0], a[1]);
}

static void
do_touch(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CREAT, 0666);

	if (fd < 0)
		die("touch", a[0]);
	close(fd);
}

/* Writes the line TEXT into FILE, and nothing else. */
static void
do_file(char **a)
{
	int fd = open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd < 0)
		die("file", a[0]);
	put_line(fd, a[1]);
	close(fd);
}

static void
do_count(char **a)
{
	int fd = open(a[0], O_WRONLY | O_APPEND | O_CREAT, 0666);
	char text[32];

	if (fd < 0)
		die("count", a[0]);
	put(fd, ".", 1);
	snprintf(text, sizeof text, "%lld", (long long)lseek(fd, 0, SEEK_CUR));
	close(fd);
	put_line(1, text);
}

/* Until there is a FILE; half a minute at most. */
static void
do_wait_file(char **a)
{
	int i;

	for (i = 0; i < 6000 && access(a[0], F_OK); i++)
		pause_ms(5);
	if (i == 6000)
		die("wait-file", a[0]);
}

/* Until nobody else has FILE locked for writing: many that wait go on in the same moment. */
static void
do_wait_lock(char **a)
{
	int fd = open(a[0], O_RDONLY);
	struct flock lock;

	memset(&lock, 0, sizeof lock);
	lock.l_type = F_RDLCK;
	lock.l_whence = SEEK_SET;
	if (fd < 0)
		die("wait-lock", a[0]);
	while (fcntl(fd, F_SETLKW, &lock) < 0)
		if (errno != EINTR)
			die("wait-lock", a[0]);
	close(fd);
}

/* Appends to FILE N times, MS milliseconds apart. */
static void
do_tick(char **a)
{
	long n = number(a[1]);

	for (; n > 0; n--) {
		append_line(a[0], "tick");
		pause_ms(number(a[2]));
	}
}

static void
do_show(char **a)
{
	int fd = open(a[0], O_RDONLY);
	char buf[65536];
	ssize_t n;

	if (fd < 0)
		die("show", a[0]);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		put(1, buf, (size_t)n);
	close(fd);
}

static void
do_cd(char **a)
{
	if (chdir(a[0]))
		die("cd", a[0]);
}

static void
do_setenv(char **a)
{
	setenv(a[0], a[1], 1);
}

/* Opens FILE as the descriptor N. */
static void
do_open(char **a)
{
	int want = (int)number(a[0]), fd = open(a[1], O_RDWR | O_CREAT, 0666);

	if (fd < 0 || dup2(fd, want) < 0)
		die("open", a[1]);
	if (fd != want)
		close(fd);
}

static void
do_close(char **a)
{
	close((int)number(a[0]));
}

static void
do_exec(char **a)
{
	execvp(a[0], a);
	die("exec", a[0]);
}

static void
do_limit(char **a)
{
	struct rlimit limit;
	int what = !strcmp(a[0], "nofile") ? RLIMIT_NOFILE : !strcmp(a[0], "fsize") ? RLIMIT_FSIZE :
	    !strcmp(a[0], "data") ? RLIMIT_DATA : -1;

#ifdef RLIMIT_NPROC
	if (!strcmp(a[0], "nproc"))
		what = RLIMIT_NPROC;
#endif
	errno = 0;
	if (what < 0)
		die("limit", a[0]);
	limit.rlim_cur = limit.rlim_max = (rlim_t)number(a[1]);
	if (setrlimit(what, &limit))
		die("limit", a[0]);
}

/* Becomes the user N: root has no limit of processes. */
static void
do_user(char **a)
{
	int id = (int)number(a[0]);

#if defined(__linux__)
	if (setgroups(0, NULL))
		die("setgroups", a[0]);
#endif
	if (setgid((gid_t)id) || setuid((uid_t)id))
		die("user", a[0]);
}

/* Leaving processes behind. They are there, and counted, when the command is done. */

static void
await_byte(int fd)
{
	char c;

	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
	close(fd);
}

/* Makes a child do LIFE; returns when it says, by closing its end of a pipe, that it has begun. */
static void
leave_behind(void (*life)(long, int), long ms)
{
	int ready[2];

	if (pipe(ready))
		die("pipe", "ready");
	if (!fork_one()) {
		close(ready[0]);
		life(ms, ready[1]);
		_exit(0);
	}
	close(ready[1]);
	await_byte(ready[0]);
}

static void
live_child(long ms, int ready)
{
	close(ready);
	pause_ms(ms);
}

static void
live_stubborn(long ms, int ready)
{
	set_signal(SIGTERM, SIG_IGN);
	set_signal(SIGINT, SIG_IGN);
	set_signal(SIGHUP, SIG_IGN);
	if (fork_one())
		_exit(0);
	close(ready);
	pause_ms(ms);
}

/* A daemon that shows no sign of where it came from. */
static void
live_daemon(long ms, int ready)
{
	int fd;

	setsid();
	set_signal(SIGTERM, SIG_IGN);
	set_signal(SIGHUP, SIG_IGN);
	if (fork_one())
		_exit(0);
	environ = NULL;
	if (chdir("/"))
		_exit(1);
	for (fd = 0; fd < 256; fd++)
		if (fd != ready)
			close(fd);
	close(ready);
	pause_ms(ms);
}

static void
live_holder(long ms, int ready)
{
	setsid();
	set_signal(SIGTERM, SIG_IGN);
	close(ready);
	pause_ms(ms);
}

/* Writes to standard output every few milliseconds. */
static void
live_writer(long ms, int ready)
{
	setsid();
	set_signal(SIGTERM, SIG_IGN);
	close(ready);
	for (; ms > 0; ms -= 5) {
		if (write(1, "late\n", 5) < 0)
			_exit(1);
		pause_ms(5);
	}
}

static void
live_stopped(long ms, int ready)
{
	close(ready);
	raise(SIGSTOP);
	pause_ms(ms);
}

static void
do_child(char **a)
{
	leave_behind(live_child, number(a[0]));
}

static void
do_stubborn(char **a)
{
	leave_behind(live_stubborn, number(a[0]));
}

static void
do_daemon(char **a)
{
	leave_behind(live_daemon, number(a[0]));
}

static void
do_holder(char **a)
{
	leave_behind(live_holder, number(a[0]));
}

static void
do_writer(char **a)
{
	leave_behind(live_writer, number(a[0]));
}

static void
do_stopped(char **a)
{
	leave_behind(live_stopped, number(a[0]));
}

/* For half a minute a process that forks and ends, its child doing the same. */
static void
hop(void)
{
	time_t end = time(NULL) + 30;
	pid_t pid;

	set_signal(SIGTERM, SIG_IGN);
	set_signal(SIGCHLD, SIG_IGN);
	while (time(NULL) < end) {
		pid = fork();
		if (pid > 0)
			_exit(0);
		if (pid < 0)
			pause_ms(1);
	}
	_exit(0);
}

static void
do_storm(char **a)
{
	long n = number(a[0]);

	while (n--)
		if (!fork_one())
			hop();
}

static void
do_reap(char **a)
{
	(void)a;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Signals to those above. */

#if defined(__linux__)
static pid_t
parent_of(pid_t pid, char name[64])
{
	char path[64], text[512], *from, *to;
	int fd;
	ssize_t n;
	long parent = 0;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	from = strchr(text, '(');
	to = strrchr(text, ')');
	if (!from || !to)
		return 0;
	*to = '\0';
	snprintf(name, 64, "%.63s", from + 1);
	sscanf(to + 1, " %*c %ld", &parent);
	return (pid_t)parent;
}

/* The nearest ancestor called orch; its supervisors may be called so too, so the topmost in a row. */
static pid_t
find_orch(void)
{
	pid_t pid = getppid(), found = 0, up;
	char name[64];

	for (; pid > 1; pid = up) {
		up = parent_of(pid, name);
		if (!strcmp(name, "orch"))
			found = pid;
		else if (found)
			break;
	}
	return found;
}
#else
static pid_t
find_orch(void)
{
	const char *s = getenv("ORCH_PID");

	return s ? (pid_t)atol(s) : 0;
}
#endif

static pid_t
need_orch(void)
{
	pid_t pid = find_orch();

	errno = ESRCH;
	if (pid <= 1)
		die("signal-parent", "orch");
	return pid;
}

static void
do_signal_parent(char **a)
{
	kill(need_orch(), signal_number(a[0]));
}

static void
do_signal_group(char **a)
{
	kill(-getpgid(need_orch()), signal_number(a[0]));
}

static void
do_signal_supervisor(char **a)
{
	kill(getppid(), signal_number(a[0]));
}

static void
do_signal(char **a)
{
	kill((pid_t)number(a[1]), signal_number(a[0]));
}

static const struct command {
	const char *name;
	int nargs;              /* -1: all that follow */
	void (*run)(char **);
} commands[] = {
	{ "answer", 1, do_result }, { "append", 2, do_append }, { "args", -1, do_args }, { "begin", 1, do_begin },
	{ "block", 1, do_block }, { "bytes", 1, do_bytes }, { "cat", 0, do_cat }, { "cd", 1, do_cd },
	{ "child", 1, do_child }, { "close", 1, do_close }, { "coin", 0, do_coin }, { "count", 1, do_count },
	{ "daemon", 1, do_daemon }, { "default", 1, do_default }, { "env", 1, do_env },
	{ "environ", 0, do_environ }, { "err", 1, do_err }, { "errx", 1, do_errx }, { "exec", -1, do_exec },
	{ "exit", 1, do_exit }, { "exit-on-term", 1, do_exit_on_term }, { "fds", 0, do_fds },
	{ "file", 2, do_file },
	{ "holder", 1, do_holder }, { "ids", 0, do_ids }, { "ignore", 1, do_ignore }, { "kill", 1, do_kill },
	{ "length", 0, do_length }, { "limit", 2, do_limit }, { "mask", 0, do_mask }, { "note", 1, do_note },
	{ "open", 2, do_open }, { "partial-on-term", 1, do_partial_on_term }, { "pid", 0, do_pid },
	{ "print", 1, do_print }, { "pwd", 0, do_pwd }, { "reap", 0, do_reap }, { "say", 1, do_say },
	{ "sayx", 1, do_sayx }, { "setenv", 2, do_setenv }, { "show", 1, do_show }, { "signal", 2, do_signal },
	{ "signal-group", 1, do_signal_group }, { "signal-supervisor", 1, do_signal_supervisor },
	{ "signal-parent", 1, do_signal_parent }, { "sleep", 1, do_sleep }, { "stat", 1, do_stat },
	{ "stopped", 1, do_stopped }, { "storm", 1, do_storm }, { "stubborn", 1, do_stubborn },
	{ "tick", 3, do_tick }, { "touch", 1, do_touch }, { "tty", 0, do_tty }, { "user", 1, do_user },
	{ "wait-file", 1, do_wait_file }, { "wait-lock", 1, do_wait_lock }, { "writer", 1, do_writer },
};

static const struct command *
find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	errno = 0;
	die("no such command", name);
	return NULL;
}

/* Whether `once FILE` lets the command after it be done: whoever makes FILE does it. */
static int
is_first(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0666);

	if (fd < 0 && errno != EEXIST)
		die("once", file);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Does the first command of A unless SKIP; returns where the next one begins. */
static char **
step(char **a, int skip)
{
	const struct command *c;
	int i;

	if (!strcmp(*a, "once") && a[1] && a[2])
		return step(a + 2, skip || !is_first(a[1]));
	c = find(*a++);
	errno = 0;
	for (i = 0; i < c->nargs; i++)
		if (!a[i])
			die("an argument is missing", c->name);
	if (!skip)
		c->run(a);
	if (c->nargs >= 0)
		return a + c->nargs;
	while (*a)
		a++;
	return a;
}

int
main(int argc, char **argv)
{
	char **a = argv + 1;

	(void)argc;
	record_pid();
	while (*a)
		a = step(a, 0);
	ended();
	return 0;
}
