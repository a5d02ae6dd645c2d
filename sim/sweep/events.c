#include "sweep/events.h"

#include <stdio.h>

#include "base/util.h"

json_t *sweep_events(const char *result)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result);
    VC_AUTO_FILE *file = fopen(path, "re");
    VC_AUTO_FREE char *line = NULL;
    json_t *events = json_array();
    size_t room = 0;

    while (file && getline(&line, &room, file) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        if (event)
            json_array_append_new(events, event);
    }
    return events;
}

const char *sweep_text(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text ? text : "";
}
