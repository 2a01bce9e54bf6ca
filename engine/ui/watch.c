/* The end of what a running step has written. */
#include "engine/ui/watch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/clock.h"
#include "engine/ui/live.h"
#include "parse/text.h"
#include "store/file.h"
#include "store/os.h"

/* Both files: whether there is something in them, and since when. */
static void
stat_files(const struct store *s, const char *file, struct stat st[2])
{
	int i;

	for (i = 0; i < 2; i++)
		if (fstatat(i ? s->errors : s->tmp, file, &st[i], AT_SYMLINK_NOFOLLOW) || !S_ISREG(st[i].st_mode))
			st[i].st_size = 0;
}

/* Which of the two was written last; -1: nothing was. */
static int
latest(const struct stat st[2])
{
	if (!st[0].st_size && !st[1].st_size)
		return -1;
	return !st[0].st_size || (st[1].st_size && clock_is_later(os_modified(&st[1]), os_modified(&st[0])));
}

static void
read_end(struct watch *w, int dir, const char *file, off_t size)
{
	int fd = file_open(dir, file);
	long got;
	size_t at;

	w->n = 0;
	if (fd < 0)
		return;
	got = file_read_at(fd, w->text, sizeof w->text, size > WATCH_BYTES ? (long long)size - WATCH_BYTES : 0);
	close(fd);
	if (got <= 0)
		return;
	at = size > WATCH_BYTES && got > WATCH_BEFORE ? WATCH_BEFORE : 0;
	at += size > WATCH_BYTES ? plain_rest(w->text, (size_t)got, at) : 0;
	got -= (long)utf8_begun(w->text, (size_t)got);  /* its end is still to be written */
	if ((size_t)got < at)
		return;
	w->from = (size_t)(live_last(w->text + at, (size_t)got - at, &w->n) - w->text);
}

void
watch_look(struct watch *w, const struct store *s, const char *file)
{
	struct stat st[2];
	int i, changed = 0;

	memset(st, 0, sizeof st);
	stat_files(s, file, st);
	for (i = 0; i < 2; i++) {
		if (st[i].st_size == w->files[i].size && (!st[i].st_size || clock_is_same(os_modified(&st[i]), w->files[i].time)))
			continue;
		w->files[i].size = st[i].st_size;
		w->files[i].time = os_modified(&st[i]);
		changed = 1;
	}
	if (!changed)
		return;
	i = latest(st);
	if (i < 0)
		w->n = 0;
	else
		read_end(w, i ? s->errors : s->tmp, file, st[i].st_size);
}

long long
watch_quiet(const struct store *s, const char *file)
{
	struct stat st[2];
	long long ms;
	int i;

	memset(st, 0, sizeof st);
	stat_files(s, file, st);
	i = latest(st);
	if (i < 0)
		return -1;
	ms = clock_epoch() - clock_of(os_modified(&st[i]));
	return ms > 0 ? ms : 0;
}
