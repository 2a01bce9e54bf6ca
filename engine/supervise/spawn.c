/* Starting a program: the place where a prompt becomes a process. */
#include "engine/supervise/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "store/os.h"

static const char default_path[] = "/usr/local/bin:/bin:/usr/bin";

const char *
env_value(char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; *envp; envp++)
		if (!strncmp(*envp, name, n) && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

/* NAME in the directory DIR, of N bytes; there is room. */
static void
join(char file[OS_PATH_MAX], const char *dir, size_t n, const char *name)
{
	memcpy(file, dir, n);
	file[n] = '/';
	strcpy(file + n + 1, name);
}

/* Puts the next candidate of a search into FILE: of PATH's entry at *PATH, which moves on. 0 at the end. */
static int
next_candidate(const char **path, const char *name, char file[OS_PATH_MAX])
{
	size_t n;

	for (;;) {
		if (!*path)
			return 0;
		n = strcspn(*path, ":");
		if (n + strlen(name) + 3 < OS_PATH_MAX)
			break;
		*path = (*path)[n] ? *path + n + 1 : NULL;
	}
	join(file, n ? *path : ".", n ? n : 1, name);
	*path = (*path)[n] ? *path + n + 1 : NULL;
	return 1;
}

static int
rooted(const char *name, const char *root, char file[OS_PATH_MAX])
{
	size_t n = *name == '/' ? 0 : strlen(root);

	if (n + strlen(name) + 2 > OS_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (n)
		join(file, root, n, name);
	else
		strcpy(file, name);
	return 0;
}

/* exec of one file; a script without a first line for the kernel goes to sh, as execvp does it. Only
 * returns when it failed. */
static void
exec_file(const char *file, const struct program *p, char **shell)
{
	execve(file, p->argv, p->envp);
	if (errno != ENOEXEC)
		return;
	shell[1] = (char *)(size_t)file;
	execve("/bin/sh", shell, p->envp);
}

static void
exec_program(const struct program *p, char **shell)
{
	const char *path = env_value(p->envp, "PATH");
	char file[OS_PATH_MAX];
	int denied = 0;

	if (strchr(p->argv[0], '/')) {
		if (!rooted(p->argv[0], p->root, file))
			exec_file(file, p, shell);
		return;
	}
	if (!path)
		path = default_path;
	while (next_candidate(&path, p->argv[0], file)) {
		exec_file(file, p, shell);
		denied |= errno == EACCES;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			return;
	}
	errno = denied ? EACCES : ENOENT;
}

/* What orch has changed for itself is put back. A handler is gone with exec by itself. */
static void
reset_signals(void)
{
	static const int ours[] = { SIGTERM, SIGPIPE, SIGCHLD, SIGCONT, SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU };
	struct sigaction sa;
	sigset_t none;
	size_t i;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	for (i = 0; i < sizeof ours / sizeof *ours; i++)
		sigaction(ours[i], &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Makes FD the descriptor TO, without close-on-exec. */
static int
become(int fd, int to)
{
	if (fd == to)
		return fcntl(fd, F_SETFD, 0);
	return dup2(fd, to) < 0 ? -1 : 0;
}

struct failure {
	int stage, error;
};

/* What the child needs, made before: it allocates nothing, and makes system calls alone. */
struct birth {
	const struct program *p;
	char **shell;
	int report;
	pid_t parent;
};

static int
child(void *arg)
{
	const struct birth *b = arg;
	const struct program *p = b->p;
	struct failure f;

	if (!p->terminal)
		setsid();
	os_die_with_parent(p->death ? p->death : SIGKILL);
	if (getppid() != b->parent)     /* it has died before that */
		os_leave(127);
	f.stage = SPAWN_DIR;
	if (!chdir(p->dir)) {
		f.stage = SPAWN_EXEC;
		if (!become(p->in, 0) && !become(p->out, 1) && !become(p->err, 2)) {
			if (p->keep > 2)
				fcntl(p->keep, F_SETFD, 0);
			reset_signals();
			exec_program(p, b->shell);
		}
	}
	f.error = errno;
	while (write(b->report, &f, sizeof f) < 0 && errno == EINTR)
		;
	os_leave(127);
	return 127;
}

/* For sh: its name, a place for the file, the arguments. */
static char **
shell_argv(const struct program *p)
{
	char **shell;
	size_t n;

	for (n = 0; p->argv[n]; n++)
		;
	shell = malloc((n + 2) * sizeof *shell);
	if (shell) {
		memcpy(shell + 1, p->argv, (n + 1) * sizeof *shell);
		shell[0] = p->argv[0];
	}
	return shell;
}

int
spawn_begin(struct spawning *s, const struct program *p)
{
	static struct birth b;          /* the child may read it after this has returned */
	int fds[2], saved;

	s->p = p;
	s->report = -1;
	s->pid = -1;
	s->shell = shell_argv(p);
	if (!s->shell)
		return -1;
	if (pipe(fds)) {
		free(s->shell);
		return -1;
	}
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	b.p = p;
	b.shell = s->shell;
	b.report = fds[1];
	b.parent = getpid();
	s->pid = os_start(child, &b);
	saved = errno;
	close(fds[1]);
	s->report = fds[0];
	if (s->pid >= 0)
		return 0;
	close(fds[0]);
	free(s->shell);
	errno = saved;
	return -1;
}

/* The child has shared errno with this process, which may have set it in the same moment: what is sure to be missing is
 * looked for here. */
static int
real_error(const struct program *p, const struct failure *f)
{
	struct stat st;

	if (f->stage == SPAWN_DIR && stat(p->dir, &st))
		return errno;
	if (f->stage == SPAWN_EXEC && f->error != E2BIG && f->error != ENOMEM && spawn_find(p->argv[0], p->envp, p->root, p->dir))
		return errno;
	return f->error;
}

int
spawn_finish(struct spawning *s, enum spawn_stage *stage)
{
	struct failure f = { 0, 0 };
	siginfo_t info;
	ssize_t got;

	while ((got = read(s->report, &f, sizeof f)) < 0 && errno == EINTR)
		;
	close(s->report);
	free(s->shell);
	if (got != sizeof f)
		return 0;
	/* It has told, and is about to end: the next child is not to get this one's stack before it is off it. */
	while (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	*stage = (enum spawn_stage)f.stage;
	errno = real_error(s->p, &f);
	return -1;
}

pid_t
spawn(const struct program *p, enum spawn_stage *stage)
{
	struct spawning s;

	*stage = SPAWN_FORK;
	if (spawn_begin(&s, p) || spawn_finish(&s, stage))
		return -1;              /* the caller, its parent, reaps it with the others */
	return s.pid;
}

int
spawn_find(const char *name, char *const *envp, const char *root, const char *dir)
{
	const char *path = env_value(envp, "PATH");
	char file[OS_PATH_MAX], whole[OS_PATH_MAX];
	struct stat st;
	int denied = 0;

	if (strchr(name, '/')) {
		if (rooted(name, root, file))
			return -1;
		return access(file, X_OK);
	}
	if (!path)
		path = default_path;
	while (next_candidate(&path, name, file)) {
		if (rooted(file, dir, whole) || stat(whole, &st) || !S_ISREG(st.st_mode))
			continue;
		if (!access(whole, X_OK))
			return 0;
		denied = 1;
	}
	errno = denied ? EACCES : ENOENT;
	return -1;
}
