/* What shells complete. */
#ifndef ENGINE_INSPECT_COMPLETION_H
#define ENGINE_INSPECT_COMPLETION_H

/* The script that makes SHELL (bash, zsh, fish) complete the words of orch; NULL: that one is not known. What
 * orch itself tells about runs and keys is read with -p, and never evaluated. */
const char *completion_script(const char *shell);

#endif
