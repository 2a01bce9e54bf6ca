/* The reader of files that steps depend on. */
#include "engine/supervise/reader.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/supervise/supervision.h"
#include "engine/supervise/title.h"
#include "parse/buf.h"
#include "parse/mem.h"
#include "store/file.h"
#include "store/os.h"

enum { PIECE = 16 * 1024 };

struct reader {
	const struct supervision *m;
	struct outcome out;
};

void
reader_ask(struct buf *b, const struct depended *f, const char *dir)
{
	buf_add(b, f->path, strlen(f->path) + 1);
	buf_add(b, dir, strlen(dir) + 1);
}

/* A record that a pipe takes whole; where nobody reads it any more, orch is gone. */
static void
report(struct reader *r, enum outcome_kind kind)
{
	r->out.kind = kind;
	if (file_write(r->m->report, &r->out, sizeof r->out))
		_exit(0);
}

static void
still_reading(void *ctx)
{
	report(ctx, OUT_READING);
}

static void
look(struct reader *r, char *path, const char *dir)
{
	struct depended f;

	memset(&f, 0, sizeof f);
	f.path = path;
	depends_look(&f, dir, still_reading, r);
	r->out.status = (int32_t)f.found;
	r->out.error = (int32_t)f.error;
	r->out.digest = f.digest;
	report(r, OUT_FILE);
}

/* Looks at what was asked whole in B, and takes it out. */
static void
look_at_some(struct reader *r, struct buf *b)
{
	char *at = b->s, *end = b->s + b->n, *dir, *next;

	while ((dir = memchr(at, '\0', (size_t)(end - at))) && (next = memchr(dir + 1, '\0', (size_t)(end - dir - 1)))) {
		look(r, at, dir + 1);
		at = next + 1;
	}
	b->n = (size_t)(end - at);
	memmove(b->s, at, b->n);
}

static void
no_memory(void)
{
	_exit(1);
}

void
reader_run(const struct supervision *m, int in, uint32_t number)
{
	struct reader r;
	struct buf b = { 0 };
	char piece[PIECE];
	long n;

	setpgid(0, 0);
	mem_onfail(no_memory);
	dup2(m->null, 0);
	dup2(m->null, 1);
	dup2(m->null, 2);
	os_set_name("orch-reader");
	os_die_with_parent(SIGKILL);
	title_set("orch-reader", "");
	if (getppid() != m->orch)
		_exit(0);
	memset(&r, 0, sizeof r);
	r.m = m;
	r.out.slot = number;
	while ((n = file_read_some(in, piece, sizeof piece)) > 0) {
		buf_add(&b, piece, (size_t)n);
		look_at_some(&r, &b);
	}
	_exit(0);
}
