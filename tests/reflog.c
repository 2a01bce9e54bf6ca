/* What a branch has been. */
#include "tests/reflog.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/help.h"

/* OLD NEW NAME <EMAIL> TIME ZONE, a tab, and why. */
static void
read_line(struct reflog *l, char *line)
{
	char *tab = strchr(line, '\t');

	ck_assert_int_lt(l->n, REFLOG_MOST);
	ck_assert_msg(tab && strlen(line) > 2 * REFLOG_ID + 2, "no line of a reflog: %s", line);
	l->is_chain &= !l->n || !strncmp(line, l->ids[l->n - 1], REFLOG_ID);
	memcpy(l->ids[l->n], line + REFLOG_ID + 1, REFLOG_ID);
	l->says[l->n++] = tab + 1;
}

void
reflog_read(const char *branch, struct reflog *l)
{
	char path[300], *s, *nl;

	memset(l, 0, sizeof *l);
	l->is_chain = 1;
	ck_assert_int_lt(snprintf(path, sizeof path, ".git/logs/refs/heads/%s", branch), (int)sizeof path);
	for (s = help_read(path, NULL); (nl = strchr(s, '\n')); s = nl + 1) {
		*nl = '\0';
		read_line(l, s);
	}
}
