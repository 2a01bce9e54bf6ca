/* Worktrees that lines work in, and where a new one goes. */
#include "engine/task/worktree.h"

#include <stdlib.h>
#include <string.h>

#include "parse/mem.h"
#include "parse/text.h"
#include "parse/text.h"

const struct worktree *
worktree_add(struct worktree **list, const char *path, const char *branch, const char *made_in, const struct worktree *outer)
{
	struct worktree *w = mem_zero(1, sizeof *w);

	w->path = mem_dup(path, strlen(path));
	w->branch = mem_dup(branch, strlen(branch));
	w->made_in = mem_dup(made_in, strlen(made_in));
	w->outer = outer;
	w->next = *list;
	*list = w;
	return w;
}

void
worktree_free_all(struct worktree *list)
{
	struct worktree *next;

	for (; list; list = next) {
		next = list->next;
		free(list->path);
		free(list->branch);
		free(list->made_in);
		free(list);
	}
}

void
worktree_add_path(struct buf *b, const char *dir)
{
	size_t start = b->n, n;

	for (; *dir; dir += n) {
		dir += strspn(dir, "/");
		n = strcspn(dir, "/");
		if (!n || (n == 1 && *dir == '.'))
			continue;
		if (n == 2 && dir[0] == '.' && dir[1] == '.') {
			while (b->n > start && b->s[--b->n] != '/')
				;
			continue;
		}
		buf_char(b, '/');
		buf_add(b, dir, n);
	}
	if (b->n == start)
		buf_char(b, '/');
}

const struct worktree *
worktree_around(const struct worktree *list, const char *dir)
{
	const struct worktree *best = NULL;
	struct buf b = { 0 };
	size_t n, longest = 0;

	if (!list)
		return NULL;
	worktree_add_path(&b, dir);
	for (; list; list = list->next) {
		n = strlen(list->path);
		if (n > longest && n <= b.n && !memcmp(list->path, b.s, n) && (n == b.n || b.s[n] == '/')) {
			best = list;
			longest = n;
		}
	}
	buf_free(&b);
	return best;
}

/* Characters beyond ASCII that are neither letters nor digits nor marks on them: spaces, punctuation, symbols,
 * surrogates, private use (Unicode 15, in whole blocks where these hold nothing else). */
static int
is_separator(unsigned long c)
{
	static const struct {
		unsigned long from, to;
	} ranges[] = {
		{ 0x80, 0xa9 }, { 0xab, 0xb1 }, { 0xb4, 0xb4 }, { 0xb6, 0xb8 }, { 0xbb, 0xbb }, { 0xbf, 0xbf }, { 0xd7, 0xd7 },
		{ 0xf7, 0xf7 }, { 0x2000, 0x206f }, { 0x20a0, 0x20cf }, { 0x2190, 0x245f }, { 0x2500, 0x2bff },
		{ 0x2e00, 0x2e7f }, { 0x3000, 0x3004 }, { 0x3008, 0x3020 }, { 0x3030, 0x3030 }, { 0xd800, 0xf8ff },
		{ 0xfe00, 0xfe1f }, { 0xfe30, 0xfe6f }, { 0xfeff, 0xfeff }, { 0xff01, 0xff0f }, { 0xff1a, 0xff20 },
		{ 0xff3b, 0xff40 }, { 0xff5b, 0xff65 }, { 0xffe0, 0xffff }, { 0x1f000, 0x1faff }, { 0xe0000, 0x10ffff },
	};
	size_t i;

	for (i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return 1;
	return 0;
}

static int
is_ascii_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void
worktree_add_slug(struct buf *b, const char *branch)
{
	size_t left = strlen(branch), n;
	unsigned long c = 0;
	int dash = 0;

	for (; left; branch += n, left -= n) {
		n = utf8_next(branch, left, &c);
		if (n == 1 && is_ascii_word(*branch)) {
			buf_char(b, *branch >= 'A' && *branch <= 'Z' ? (char)(*branch - 'A' + 'a') : *branch);
			dash = 0;
		} else if (n > 1 && !is_separator(c)) {
			buf_add(b, branch, n);
			dash = 0;
		} else {
			n = n ? n : 1;
			if (!dash++)
				buf_char(b, '-');
		}
	}
}
