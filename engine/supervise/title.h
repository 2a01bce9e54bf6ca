/* What `ps' shows as this process's command line. */
#ifndef ENGINE_SUPERVISE_TITLE_H
#define ENGINE_SUPERVISE_TITLE_H

/* To be called by main: ARGV's strings may be written over later. */
void title_init(int argc, char **argv);

/* Makes the command line of this process NAME and KEY, cut to the room that it was started with; only where that is
 * read from its memory, as on Linux. For a fork that does not need its arguments any more. */
void title_set(const char *name, const char *key);

#endif
