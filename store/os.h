/* What POSIX leaves out and systems have by themselves: all that differs between them is here.
 *
 * os.c has what most systems have in some form, os_linux.c what only Linux has, os_other.c what the
 * others get instead: an answer that says so, with which the caller does what POSIX alone can do.
 * FEATURES=-DORCH_NO_LINUX makes Linux one of the others. A kernel, emulator or sandbox without one
 * of these calls leads to the same answer, at run time. */
#ifndef STORE_OS_H
#define STORE_OS_H

#include <limits.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

struct dirent;
struct flock;

/* Room for a path; a system without a limit has no PATH_MAX. */
#ifdef PATH_MAX
enum { OS_PATH_MAX = PATH_MAX };
#else
enum { OS_PATH_MAX = 4096 };
#endif

/* Terminals. */

/* How many bytes can be read at once from the pipe or terminal FD, of which none is read: from a
 * terminal in canonical mode those of whole lines. -1: the system does not tell. */
long os_waiting(int fd);

/* The size of the terminal FD, in columns and rows; 0 is one that the terminal does not know.
 * -1: the system does not tell. */
int os_size(int fd, int *width, int *height);

/* The signal that says that the size has changed; 0: there is none. */
int os_size_signal(void);

/* Files. */

/* Makes what was written to FD safe on disk, the drive's own memory included (macOS: fsync
 * leaves it there). -1 and errno. */
int os_sync(int fd);

/* When the file's bytes, and when anything of it, changed last. */
struct timespec os_modified(const struct stat *);
struct timespec os_changed(const struct stat *);

/* When FD's file was made. -1: neither the system nor the file system tells. */
int os_birth(int fd, struct timespec *);

/* Whether os_changed of FD's file is what any user can set. 0 too where that cannot be known. */
int os_change_can_be_set(int fd);

/* Locks FD's file by flock: the lock is the open file's, and so every child's that has inherited
 * it. -1 and errno, EWOULDBLOCK if another has it locked. */
int os_flock(int fd);

/* As fcntl(FD, F_SETLK, LOCK), but for all that inherit FD. -1 where there is no such lock. */
int os_lock_inherited(int fd, struct flock *lock);

/* O_NOFOLLOW and O_DIRECTORY: under _XOPEN_SOURCE macOS hides them. */
extern const int os_nofollow, os_directory;

/* Whether ERROR is what opening a symbolic link with O_NOFOLLOW gives. */
int os_is_link_error(int error);

/* What a directory says of its entry; OS_UNTOLD: it has to be looked at. */
enum os_entry { OS_UNTOLD, OS_FILE, OS_DIRECTORY, OS_ANOTHER };
enum os_entry os_entry(const struct dirent *);

/* Descriptors. */

/* Makes all from FROM on close-on-exec; where the system does not list those that are open, up
 * to 4095. */
void os_seal(int from);

/* What FD has open, opened once more, with flags of its own. -1: it cannot be. */
int os_reopen(int fd, int flags);

/* Whether two pipe ends may be of one pipe: 1 too where that cannot be known. */
int os_is_one_pipe(const struct stat *, const struct stat *);

/* Memory. */

/* Memory for P, of OLD bytes (P is NULL, OLD 0: none yet), now N: the new ones are cleared. A
 * fork does not get it, where the system can be told so. NULL: there is none. To be freed by
 * os_pages_free alone, which is told its size. */
void *os_pages(void *p, size_t old, size_t n);
void os_pages_free(void *p, size_t n);

/* Processes. */

/* Starts a child that calls CHILD with ARG; where the system can (Linux), with this process's
 * memory, not a copy of it, but on a stack of its own, so that nothing holds this process while
 * the child is held: until the child has executed or left, this process must change nothing that
 * it needs, nor start another. CHILD makes nothing but system calls, and ends by os_leave. -1
 * and errno. */
pid_t os_start(int (*child)(void *), void *arg);
void os_leave(int status);

/* What `ps' calls this process, in 15 bytes. */
void os_set_name(const char *name);

/* Sends this process SIG when its parent dies. */
void os_die_with_parent(int sig);

/* Makes this process the parent of all that its children leave. Returns whether it is; whether it
 * could be. */
int os_become_subreaper(void);
int os_has_subreapers(void);

/* Whether the system tells who is whose child; OS_BLIND: it would, but /proc cannot be read. */
enum os_sight { OS_NO_SIGHT, OS_BLIND, OS_SIGHT };
enum os_sight os_sees_children(void);

/* Calls EACH for the children of PID; of this process, if PID is 0. -1: they cannot be known, or
 * not all of them. */
int os_children(pid_t pid, void (*each)(void *, pid_t), void *ctx);

/* What PID is doing: R it runs, S and D it waits, T and t it is stopped, Z and X it has ended.
 * 0: that is not known, or there is none. */
char os_state(pid_t pid);

/* Whether the child PID, which has ended and is not reaped, has had a child that it has waited for; 1
 * too where that cannot be known. */
int os_had_child(pid_t pid);

/* How many bytes this process, those that it has reaped, and theirs have written in all; -1: that
 * cannot be known. */
long long os_written(void);

/* Calls EACH for all processes. -1: they cannot be known. */
int os_processes(void (*each)(void *, pid_t), void *ctx);

/* Calls EACH for the other processes that have the file DEV, INO open, as far as they can be
 * known. */
void os_openers(dev_t dev, ino_t ino, void (*each)(void *, pid_t), void *ctx);

/* Holds the process PID by a descriptor, to be closed by the caller: the number cannot become
 * another's in what follows. -1: there is none, or the system has no such thing. */
int os_process_open(pid_t pid);

/* Its environment as it was started with, entries with a NUL after each, opened for reading. -1:
 * it cannot be read. */
int os_process_environ(int process);

/* Its parent; 0: not known. */
pid_t os_process_parent(int process);

/* Sends it SIG; PID is its number. */
void os_process_signal(int process, pid_t pid, int sig);

#endif
