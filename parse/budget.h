/* Budgets: what a run may use. */
#ifndef PARSE_BUDGET_H
#define PARSE_BUDGET_H

#include <stddef.h>

#include "parse/buf.h"

struct budget {
	long long tokens;       /* of input that is not read from a cache, and of output; 0: not limited */
	long long nanos;        /* billionths of a US dollar; 0: not limited */
};

/* Reads 5usd, 0.5usd, 200ktok or 1.5Mtok in N bytes. -1: it is none, or is about nothing. */
int budget_parse(const char *s, size_t n, struct budget *);

/* Adds it as budget_parse reads it, in whole cents or thousands of tokens, rounded up. */
void budget_text(const struct budget *, struct buf *);

#endif
