/* Writing what commands that only read have found. */
#include "engine/inspect/sink.h"

#include <string.h>

#include "parse/text.h"
#include "store/escape.h"
#include "store/file.h"

int
sink_emit(struct sink *s, struct buf *b)
{
	int bad = b->n ? s->write(s->ctx, b->s, b->n) : 0;

	buf_free(b);
	return bad ? 1 : 0;
}

void
sink_put_field(struct buf *b, const char *s)
{
	size_t n = strlen(s);

	b->n += escape_add(buf_room(b, 3 * n), s, n);
}

int
sink_emit_fields(struct sink *s, struct buf *b)
{
	struct buf shown = { 0 };

	if (!s->visible)
		return sink_emit(s, b);
	visible_add(&shown, b->s, b->n, VISIBLE_TABS | VISIBLE_LINES);
	buf_free(b);
	return sink_emit(s, &shown);
}

int
sink_show_file(struct sink *sink, int fd, long long *at, int grows)
{
	char buf[32 * 1024];
	struct buf shown = { 0 };
	long n;
	int bad = 0;

	while (!bad && (n = file_read_at(fd, buf, sizeof buf, *at)) > 0) {
		if (sink->visible && (grows || n == (long)sizeof buf))
			n -= (long)utf8_begun(buf, (size_t)n);
		if (!n)
			break;
		*at += n;
		if (sink->visible) {
			visible_add(&shown, buf, (size_t)n, VISIBLE_TABS | VISIBLE_LINES | VISIBLE_PLAIN);
			bad = sink_emit(sink, &shown);
		} else {
			bad = sink->write(sink->ctx, buf, (size_t)n) ? 1 : 0;
		}
	}
	return bad || n < 0;
}

int
sink_file(struct sink *sink, int fd, long long *at)
{
	return sink_show_file(sink, fd, at, 0);
}

