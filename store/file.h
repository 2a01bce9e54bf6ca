/* Files as the store writes and reads them: whole, by descriptor, without following links. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <stddef.h>

struct dirent;

/* Writes all N bytes. -1 and errno when that is not possible. */
int file_write(int fd, const void *p, size_t n);

/* The same for a descriptor that orch was started with. Whoever shares it may have made it non-blocking, as node does: then
 * its reader is waited for, its writer. */
int file_write_wait(int fd, const void *p, size_t n);
long file_read_wait(int fd, void *p, size_t n);

/* Makes what was written to FD safe on disk. -1 and errno: then it is not, and never asked again. */
int file_sync(int fd);

/* Closes FD, of which nothing more is to be known. errno stays. */
void file_drop(int fd);

/* Closes FD, which was written to. -1 and errno: not all of that can be kept. It is closed in any case, and one
 * that was interrupted is not an error: nothing can be asked of it again. */
int file_close(int fd);

/* read(); what was interrupted is tried again. */
long file_read_some(int fd, void *p, size_t n);

/* How many bytes can be read from the pipe FD at once. */
size_t file_waiting(int fd);

/* Reads from OFFSET of FD at most N bytes into P, fewer only at the file's end. Returns how many; -1. */
long file_read_at(int fd, void *p, size_t n, long long offset);

/* openat(), close-on-exec, of mode 0600 where it makes a file; what was interrupted is tried again. */
int file_open_as(int dir, const char *name, int flags);

/* The directory NAME below DIR, opened close-on-exec, never through a link. -1 and errno. */
int file_open_dir(int dir, const char *name);

/* Calls EACH for every entry but . and .. of the open directory FD, which is closed; EACH may
 * delete it. FD may be -1 and errno. -1 and errno. */
int file_list(int fd, void (*each)(void *, int dir, const struct dirent *), void *ctx);

/* Makes the directory NAME, mode 0700 whatever the umask. -1 and errno. */
int file_mkdir(int dir, const char *name);

/* Makes NAME below DIR, mode 0700 whatever the umask, unless it is there, and opens it. */
int file_make_dir(int dir, const char *name);

/* Opens NAME for reading, close-on-exec; never a link, a device or a pipe. -1 and errno. */
int file_open(int dir, const char *name);

/* Opens the plain file NAME to read and write, close-on-exec, with FLAGS besides, never through a link;
 * with O_CREAT it is made if there is none. Mode 0600 whatever the umask. -1 and errno: EINVAL if it is no
 * plain file, EPERM if it is another's, or has a second name: then it is left as it is. */
int file_open_own(int dir, const char *name, int flags);

/* Makes the file NAME again, whatever has that name: mode 0600 whatever the umask, for reading and
 * writing, close-on-exec, with FLAGS besides. -1 and errno. */
int file_make(int dir, const char *name, int flags);

/* The whole file NAME: *P, to be freed by the caller, with a NUL after its *N bytes. -1 and errno; then *P is NULL. */
int file_read(int dir, const char *name, char **p, size_t *n);

/* Puts N bytes under NAME by a rename from DIR's TMP, whose leftover it replaces. SYNC: makes the file
 * and its name safe on disk first. -1 and errno; then NAME is as it was. */
int file_put(int dir, const char *tmp, const char *name, const void *p, size_t n, int sync);

#endif
