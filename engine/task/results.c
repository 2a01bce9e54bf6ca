/* The results in result/. */
#include "engine/task/results.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "store/file.h"
#include "store/key.h"

static void
add_result(void *ctx, const char *name, int plain)
{
	struct keys *k = ctx;
	char key[KEY_NAME_MAX + 1];
	int n = key_decode(name, key);
	uint32_t id;

	if (n < 0)
		return;
	id = keys_add(k, key, (size_t)n);
	k->list[id].flags |= plain ? KEY_KEPT : KEY_ODD;
}

int
results_keys(struct keys *k, struct store *s)
{
	return store_results(s, add_result, k);
}

int
results_of_keys(struct keys *k, struct store *s)
{
	char name[KEY_NAME_MAX + 1];
	struct stat st;
	uint32_t id;

	for (id = 0; id < k->n && s->result >= 0; id++) {
		const char *key = keys_text(k, id);

		if (key_encode(key, strlen(key), name) < 0 || fstatat(s->result, name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		k->list[id].flags |= S_ISREG(st.st_mode) ? KEY_KEPT : KEY_ODD;
	}
	return 0;
}

static int
read_result(void *ctx, const char *key, char **p, size_t *n)
{
	const struct store *s = ctx;
	char name[KEY_NAME_MAX + 1];

	if (key_encode(key, strlen(key), name) < 0)
		return -1;
	return file_read(s->result, name, p, n);
}

void
results_of_store(struct results *a, struct keys *k, struct store *s)
{
	a->keys = k;
	a->read = read_result;
	a->ctx = s;
}
