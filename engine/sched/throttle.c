/* Agents that take no more for now. */
#include "engine/sched/throttle.h"

int
throttle_waits(const struct throttle *h, long long now)
{
	return (now < h->until || h->holding) && !h->over;
}

uint32_t
throttle_asked(struct throttle *h, long long now)
{
	if (h->pause)
		h->until = now + h->pause;
	return h->round;
}

long long
throttle_jitter(long long ms, uint32_t chance)
{
	return ms - ms / 4 + (long long)(chance % (unsigned long)(ms / 2 + 1));
}

void
throttle_until(struct throttle *h, long long ms, long long now)
{
	if (h->until < now + ms)
		h->until = now + ms;
}

int
throttle_refused(struct throttle *h, uint32_t round, long long named, long long first, uint32_t chance, long long now)
{
	if (round == h->round || !h->pause) {
		if (!h->pause)
			h->since = now;
		else if (named <= THROTTLE_MOST_MS && now - h->since >= THROTTLE_OVER_MS)
			h->over = 1;
		h->pause = h->pause ? h->pause * 2 : first;
		if (h->pause < THROTTLE_LEAST_MS)
			h->pause = THROTTLE_LEAST_MS;
		if (h->pause > THROTTLE_MOST_MS)
			h->pause = THROTTLE_MOST_MS;
		throttle_until(h, throttle_jitter(h->pause, chance), now);
		h->round++;
	}
	if (named >= 0)
		throttle_until(h, named, now);
	if (named > THROTTLE_MOST_MS)
		h->since += named;      /* a wait that was told is none of those hours */
	return !h->over;
}

void
throttle_ended(struct throttle *h, uint32_t round)
{
	if (round != h->round)
		return;
	h->pause = h->until = 0;
}
