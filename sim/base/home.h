/* Where vclab's data lives: the folder that holds nodes/, topologies/ and scenarios/. */
#pragma once

/* The environment's VCLAB_HOME (the launcher sets it), else the current folder ".". Borrowed; never NULL, never empty.
 */
const char *vc_home(void);
