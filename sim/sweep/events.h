/* The events of a run that a sweep played, read again (docs/events.md). */
#pragma once

#include <jansson.h>

/* All of them in their order; none where there is no file. A last line that a killed run left unfinished is left out.
 * New reference. */
json_t *sweep_events(const char *result);

/* A member's text, "" where it has none. Borrowed from the event. */
const char *sweep_text(const json_t *event, const char *key);
