#include "probe/path.h"

#include <string.h>

void vc_crossings_add(struct vc_crossings *crossings, uint8_t name, int64_t age_ns)
{
    struct vc_path *path = &crossings->path;
    uint32_t age = age_ns < 0 ? 0 : age_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)age_ns;
    size_t at = path->count;

    for (size_t i = 0; i < path->count; i++)
        if (path->name[i] == name) {
            if (age >= crossings->age_ns[i])
                return;
            /* Taps are drained one after the other: the earlier sighting of a name may be read last. */
            path->count--;
            memmove(path->name + i, path->name + i + 1, path->count - i);
            memmove(crossings->age_ns + i, crossings->age_ns + i + 1, (path->count - i) * sizeof age);
            at = path->count;
            break;
        }
    if (path->count == VC_PATH_MAX)
        return;
    while (at > 0 && crossings->age_ns[at - 1] > age) {
        path->name[at] = path->name[at - 1];
        crossings->age_ns[at] = crossings->age_ns[at - 1];
        at--;
    }
    path->name[at] = name;
    crossings->age_ns[at] = age;
    path->count++;
}

int vc_points_add(void *ctx, struct vc_points *points, const char *name, struct vc_tap *tap, vc_error **err)
{
    size_t index = 0;

    if (points->count == VC_POINT_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "observation point %s: more than %d tunnel and WAN interfaces", name,
                       VC_POINT_MAX);
    while (index < points->name_count && strcmp(points->names[index], name) != 0)
        index++;
    if (index == points->name_count)
        points->names[points->name_count++] = talloc_strdup(ctx, name);
    points->tap[points->count] = NULL;
    points->name_of[points->count] = (uint8_t)index;
    return vc_points_set_tap(ctx, points, points->count++, tap, err) < 0 ? -1 : (int)points->count - 1;
}

int vc_points_set_tap(void *ctx, struct vc_points *points, size_t point, struct vc_tap *tap, vc_error **err)
{
    if (points->tap[point])
        vc_tap_set_remove(points->taps, points->tap[point]);
    points->tap[point] = NULL;
    if (!tap)
        return 0;
    if (!points->taps)
        points->taps = vc_tap_set_new(ctx, err);
    if (!points->taps || vc_tap_set_add(points->taps, tap, err) < 0)
        return -1;
    points->tap[point] = tap;
    return 0;
}

void vc_points_drain(struct vc_points *points)
{
    if (points->taps)
        vc_tap_set_drain(points->taps);
}

bool vc_points_lost(struct vc_points *points)
{
    uint64_t dropped = 0, before = points->dropped;

    for (size_t i = 0; i < points->count; i++)
        if (points->tap[i])
            dropped += vc_tap_dropped(points->tap[i]);
    points->dropped = dropped;
    return dropped != before;
}

json_t *vc_path_json(const struct vc_points *points, const struct vc_path *path)
{
    json_t *array = json_array();

    for (size_t i = 0; i < path->count; i++)
        json_array_append_new(array, json_string(points->names[path->name[i]]));
    return array;
}

bool vc_path_equal(const struct vc_path *a, const struct vc_path *b)
{
    return a->count == b->count && memcmp(a->name, b->name, a->count) == 0;
}
