/* The time, in milliseconds. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include <time.h>

/* A file's time may lie so far behind what clock_epoch said when it was written: the kernel takes it from its last tick. */
enum { CLOCK_STEP_MS = 20 };

/* By the clock that only goes forward. */
long long clock_ms(void);

/* Since the Epoch: now; at the time T. */
long long clock_epoch(void);
long long clock_of(struct timespec t);

/* The shorter of two times to wait; -1 is none. */
long long clock_sooner(long long a, long long b);

/* Whether two times are one, to the nanosecond: not by memcmp, for there may be a gap between the seconds and the rest. */
int clock_is_same(struct timespec a, struct timespec b);

/* Whether the time A is later than B, to the nanosecond. */
int clock_is_later(struct timespec a, struct timespec b);

#endif
