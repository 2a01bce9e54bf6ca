/* Any bytes as a workflow: read, checked, put into words, freed. For libFuzzer. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parse/check.h"
#include "parse/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A prompt's file is here the first half of its own name, many times over. */
static const char *
load(void *ctx, const struct workflow *from, const char *name, struct source *out, struct arena *mem)
{
	struct buf b = { 0 };
	int i;

	(void)ctx;
	(void)from;
	if (strchr(name, '!'))
		return "refused";
	for (i = 0; i < 3; i++) {
		buf_add(&b, name, strlen(name) / 2);
		buf_text(&b, "}}\n{{");
	}
	out->text = arena_dup(mem, b.s, b.n);
	out->n = b.n;
	buf_free(&b);
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct check_with with = { 0 };
	struct source src, one;
	struct diags diags = { 0 };
	struct arena mem = { 0 };
	struct buf said = { 0 };
	struct workflow *w;

	src.name = "fuzz";
	src.text = (const char *)data;
	src.n = n;
	one.name = "-a";
	one.text = src.text;
	one.n = n && memchr(data, '\n', n) ? (size_t)((const uint8_t *)memchr(data, '\n', n) - data) : n;
	w = workflow_parse(&src, &diags);
	with.load = load;
	with.agents = agent_parse(&one, &mem, &diags);
	with.from_stdin = n & 1;
	workflow_check(w, &with, &diags);
	diag_text(&diags, &said);
	buf_free(&said);
	diag_free(&diags);
	workflow_free(w);
	arena_free(&mem);
	return 0;
}
