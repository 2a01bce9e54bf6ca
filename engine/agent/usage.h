/* What an agent has used, as far as it has told. */
#ifndef ENGINE_AGENT_USAGE_H
#define ENGINE_AGENT_USAGE_H

#include "parse/buf.h"

struct usage {
	long long input;        /* tokens that were not read from a cache */
	long long cached;       /* tokens read from a cache */
	long long output;
	long long nanos;        /* billionths of a US dollar */
	int32_t told;           /* bits: */
	int32_t pad;
};

enum {
	USAGE_TOKENS = 1,       /* the agent has told tokens */
	USAGE_MONEY = 2,        /* it has told money */
	USAGE_UNTOLD = 4        /* it tells money at its end, and has not told all of it yet */
};

/* Adds what B has used to A; the difference: what A has used beyond B. */
void usage_add(struct usage *a, const struct usage *b);
void usage_subtract(struct usage *a, const struct usage *b);

int usage_is_same(const struct usage *, const struct usage *);

/* Tokens as a budget counts them. */
long long usage_tokens(const struct usage *);

enum { USAGE_DECIMALS = 9 };    /* that dollars have */

/* Adds money as dollars, with as many decimals as it has, at least two; MOST: at most so many, rounded. */
void usage_money_text(long long nanos, int most, struct buf *);

/* Reads an amount of dollars in N bytes, also with an exponent, to nanos. -1: it is none, or too much. */
int usage_money_parse(const char *s, size_t n, long long *nanos);

/* Adds the money as the log has it: 0.25, or 0.25? and ? where there is more that was not told; nothing where the agent
 * tells none. The other way round, with the three numbers of tokens. */
void usage_log_text(const struct usage *, struct buf *);
void usage_of_log(struct usage *, const long long tokens[3], const char *text);

/* Adds it as a person reads it: 12.3k in, 4.1k out, $0.25. Nothing where nothing was told. */
void usage_text(const struct usage *, struct buf *);

/* The same in few columns: 16.4k $0.25, its tokens those that a budget counts. */
void usage_short_text(const struct usage *, struct buf *);

/* Adds a number of tokens: 950, 12.3k, 4.1M. */
void usage_tokens_text(long long tokens, struct buf *);

#endif
