/* A terminal in memory: what it was sent, as it is on its screen and in its scrollback. It knows the sequences that orch
 * may send, and fails the test at any other. */
#ifndef TESTS_VT_H
#define TESTS_VT_H

#include <stddef.h>

enum { VT_COLS = 300, VT_LINES = 4000 };

/* What terminals do differently: when they get narrower they break lines again, or cut them; when they get higher they fetch
 * lines out of the scrollback, or have empty ones below. */
enum { VT_REFLOWS = 1, VT_FETCHES = 2 };

struct vt {
	struct vt_line {
		unsigned long cells[VT_COLS];   /* 0: nothing; VT_COVERED: of the wide character before it */
		int wraps;                      /* the next line goes on with it */
	} *lines;                       /* the scrollback, then the screen */
	int top, row, col;              /* where the screen begins; the cursor, on the screen; ->col may be ->width */
	int width, height, does;
};

void vt_open(struct vt *, int width, int height, int does);
void vt_close(struct vt *);

/* Takes N bytes at S, of which the last may be begun only; returns how many it has taken. */
size_t vt_take(struct vt *, const char *s, size_t n);

void vt_resize(struct vt *, int width, int height);

/* The lines of the screen, or of the scrollback and the screen, without empty ones at the end, each with a newline after it. Valid
 * until the next call. */
const char *vt_screen(const struct vt *);
const char *vt_all(const struct vt *);

#endif
