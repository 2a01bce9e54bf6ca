/* A number that tells what a step was asked. */
#include "engine/task/digest.h"

uint64_t
digest_add(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ s[i]) * UINT64_C(1099511628211);
	return h;
}

uint64_t
digest_join(uint64_t h, uint64_t other)
{
	int i;

	for (i = 0; i < 8; i++, other >>= 8)
		h = (h ^ (other & 255)) * UINT64_C(1099511628211);
	return h;
}
