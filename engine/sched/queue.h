/* Who may start next. What a branch waits for is in it; walk.c says what happens when its turn comes. */
#ifndef ENGINE_SCHED_QUEUE_H
#define ENGINE_SCHED_QUEUE_H

#include "engine/sched/branch.h"

/* What is known of the agent that the branch waits for, or has asked; NULL: it has not refused. */
struct throttled_agent *queue_throttle(const struct walk *, const struct branch *);

/* The same; an agent that has not refused yet has now. The walk's, until walk_free. */
struct throttled_agent *queue_make_throttle(struct walk *, const struct branch *);

/* Whether the run asks sh or exec as they are. */
int queue_is_shell(const struct node *run);

/* Whether the step that the branch is at takes no token; whether one more that takes one may start. */
int queue_is_free(const struct branch *);
int queue_has_token(const struct walk *);

/* Takes the next that may start; NULL: none. What its agent would refuse, or what lacks a token, is put aside. */
struct branch *queue_next(struct walk *);

/* The branch waits for a slot, before those of its block that come after it in input order. */
void queue_in_order(struct walk *, struct branch *);

/* The branch pauses for MS milliseconds; those whose pause is over wait for a slot again. */
void queue_pause(struct walk *, struct branch *, long long ms);
void queue_end_pauses(struct walk *);

/* The pause before the next attempt of the branch's step, in milliseconds: doubling, at most a day, with jitter. */
long long queue_delay(struct walk *, const struct branch *);

#endif
