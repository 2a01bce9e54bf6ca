/* Agents that take no more for now, and when they may be asked again. No clock is read here.
 *
 * When an agent refuses, nobody asks it for a while: a pause that doubles from refusal to refusal, longer if the
 * agent has named a time. Then one step is asked at a time, the next after as long a pause, until one of them has
 * come to another end. Refusals of those who were asked before the latest pause began are part of it. */
#ifndef ENGINE_SCHED_THROTTLE_H
#define ENGINE_SCHED_THROTTLE_H

#include <stdint.h>

enum {
	THROTTLE_LEAST_MS = 1000,
	THROTTLE_MOST_MS = 15 * 60 * 1000,      /* the longest pause of our own */
	THROTTLE_OVER_MS = 6 * 3600 * 1000     /* after which it is given up */
};

struct throttle {
	long long pause;        /* the latest, in milliseconds; 0: the agent may be asked */
	long long until;        /* nobody is asked before */
	long long since;        /* when the first refused without any other end since */
	uint32_t holding;       /* attempts that wait by themselves: nobody else is asked meanwhile */
	uint32_t round;         /* pauses so far: who asks notes it */
	int over;               /* given up: nobody is asked any more */
};

/* Whether a step has to wait. */
int throttle_waits(const struct throttle *, long long now);

/* A step is asked now. Returns the round that it is to note. */
uint32_t throttle_asked(struct throttle *, long long now);

/* A step of ROUND was refused; NAMED: for how many milliseconds, or -1 (a time longer than our own pauses is
 * none of the hours after which the agent is given up); FIRST: the pause to begin with; CHANCE: any number. Returns whether it may wait; else the agent is given up. */
int throttle_refused(struct throttle *, uint32_t round, long long named, long long first, uint32_t chance, long long now);

/* A running attempt has told that the agent is rate-limited for MS milliseconds. */
void throttle_until(struct throttle *, long long ms, long long now);

/* A step of ROUND has come to another end. */
void throttle_ended(struct throttle *, uint32_t round);

/* MS, a quarter more or less by CHANCE. */
long long throttle_jitter(long long ms, uint32_t chance);

#endif
