/* The time. */
#include "store/clock.h"

long long
clock_of(struct timespec t)
{
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long long
now_by(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return clock_of(t);
}

long long
clock_ms(void)
{
	return now_by(CLOCK_MONOTONIC);
}

long long
clock_epoch(void)
{
	return now_by(CLOCK_REALTIME);
}

long long
clock_sooner(long long a, long long b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int
clock_is_same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int
clock_is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}
