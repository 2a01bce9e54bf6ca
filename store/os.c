/* What POSIX leaves out and systems have by themselves. */
#include "store/os.h"

#include <sys/ioctl.h>
#include <termios.h>

long
os_waiting(int fd)
{
#ifdef FIONREAD
	int n;

	if (ioctl(fd, FIONREAD, &n) == 0)
		return n;
#endif
	(void)fd;
	return -1;
}

int
os_size(int fd, int *width, int *height)
{
#ifdef TIOCGWINSZ
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
		*width = size.ws_col;
		*height = size.ws_row;
		return 0;
	}
#endif
	(void)fd;
	(void)width;
	(void)height;
	return -1;
}
