/* What POSIX leaves out and systems have by themselves. */
#ifndef STORE_OS_H
#define STORE_OS_H

/* How many bytes can be read at once from the terminal FD, of which none is read: in canonical mode
 * those of whole lines. -1: the system does not tell. */
long os_waiting(int fd);

/* The size of the terminal FD, in columns and rows. -1: the system does not tell, or the terminal does
 * not know both. */
int os_size(int fd, int *width, int *height);

#endif
