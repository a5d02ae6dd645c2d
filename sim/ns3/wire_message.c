#include "ns3/wire_message.h"

#include <inttypes.h>
#include <string.h>

#include "ns3/ns3c_check.h"

#define AT(member) #member, offsetof(struct vc_wire_counters, member)
const struct vc_wire_member vc_wire_counters_members[VC_WIRE_COUNTERS_COUNT] = {
    {AT(received)},   {AT(received_bytes)}, {AT(delivered)},     {AT(delivered_bytes)}, {AT(lost_random)},
    {AT(lost_burst)}, {AT(lost_down)},      {AT(dropped_queue)}, {AT(corrupted)},       {AT(duplicated)},
    {AT(reordered)},  {AT(overrun)},        {AT(held)},          {AT(longest_queue)},
};
#undef AT
#define AT(member) #member, offsetof(struct vc_wire_lag, member)
const struct vc_wire_member vc_wire_lag_members[VC_WIRE_LAG_COUNT] = {
    {AT(events)},          {AT(median_ns)},   {AT(p99_ns)},    {AT(p999_ns)},  {AT(worst_ns)},
    {AT(reader_worst_ns)}, {AT(undelivered)}, {AT(demotions)}, {AT(realtime)},
};
_Static_assert(sizeof(struct vc_wire_counters) == VC_WIRE_COUNTERS_COUNT * sizeof(uint64_t), "all members are named");
_Static_assert(sizeof(struct vc_wire_lag) == VC_WIRE_LAG_COUNT * sizeof(uint64_t), "all members are named");

static const char *const do_names[VC_WIRE_DO_COUNT] = {
    [VC_WIRE_ADD] = "add",           [VC_WIRE_SET] = "set", [VC_WIRE_UP] = "up",
    [VC_WIRE_COUNTERS] = "counters", [VC_WIRE_LAG] = "lag", [VC_WIRE_QUIT] = "quit",
};

/* Which members a request has, beside "do". */
enum { WIRE = 1, DIRECTION = 2, CHARACTER = 4, UP = 8 };
static const unsigned has[VC_WIRE_DO_COUNT] = {
    [VC_WIRE_ADD] = WIRE | CHARACTER,
    [VC_WIRE_SET] = WIRE | DIRECTION | CHARACTER,
    [VC_WIRE_UP] = WIRE | DIRECTION | UP,
    [VC_WIRE_COUNTERS] = WIRE,
};

static json_t *parse(const char *text, size_t size, vc_error **err)
{
    json_error_t why;

    if (size > VC_WIRE_MESSAGE_MAX) {
        vc_fail(err, VC_EXIT_USAGE, 0, "found a message of %zu bytes; allowed: %d", size, VC_WIRE_MESSAGE_MAX);
        return NULL;
    }
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        vc_fail(err, VC_EXIT_USAGE, 0, "found no JSON: %s", why.text);
    else if (!json_is_object(json)) {
        vc_fail(err, VC_EXIT_USAGE, 0, "found no JSON object");
        json_decref(VC_STEAL_PTR(json));
    }
    return json;
}

static int read_name(const json_t *value, char name[static VC_WIRE_NAME_MAX + 1], vc_error **err)
{
    const char *text = json_string_value(value);

    if (!text || !*text || strlen(text) != json_string_length(value) || json_string_length(value) > VC_WIRE_NAME_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "found no good \"wire\"; allowed: a name of 1 to %d bytes",
                       VC_WIRE_NAME_MAX);
    memcpy(name, text, json_string_length(value) + 1);
    return 0;
}

static const struct vc_ns3_character_member *character_member(const char *name)
{
    for (size_t i = 0; i < VC_NS3_CHARACTER_COUNT; i++)
        if (!strcmp(vc_ns3_character_members[i].name, name))
            return &vc_ns3_character_members[i];
    return NULL;
}

static uint32_t *character_value(const struct vc_wire *wire, const struct vc_ns3_character_member *member)
{
    return (uint32_t *)(void *)((char *)(uintptr_t)wire + member->offset);
}

static int read_character(json_t *json, struct vc_wire *wire, vc_error **err)
{
    const char *key;
    json_t *value;

    *wire = (struct vc_wire){0};
    if (!json_is_object(json))
        return vc_fail(err, VC_EXIT_USAGE, 0, "found a \"character\" that is no object");
    json_object_foreach(json, key, value)
    {
        const struct vc_ns3_character_member *member = character_member(key);
        if (!member)
            return vc_fail(err, VC_EXIT_USAGE, 0, "found \"%s\" in a character", strlen(key) > 32 ? "..." : key);
        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > member->max)
            return vc_fail(err, VC_EXIT_USAGE, 0, "found no good %s; allowed: 0 to %" PRIu32, key, member->max);
        *character_value(wire, member) = (uint32_t)json_integer_value(value);
    }
    return vc_ns3_check_character(wire, err);
}

static int read_characters(json_t *json, struct vc_wire_request *request, vc_error **err)
{
    if (request->what == VC_WIRE_SET)
        return read_character(json, &request->character[0], err);
    if (json_array_size(json) != 2)
        return vc_fail(err, VC_EXIT_USAGE, 0, "found no two characters");
    for (size_t i = 0; i < 2; i++)
        if (read_character(json_array_get(json, i), &request->character[i], err) < 0)
            return -1;
    return 0;
}

static int read_what(const json_t *json, struct vc_wire_request *request, vc_error **err)
{
    const char *what = json_string_value(json_object_get(json, "do"));

    for (unsigned i = 0; what && i < VC_WIRE_DO_COUNT; i++)
        if (!strcmp(what, do_names[i])) {
            request->what = (enum vc_wire_do)i;
            return 0;
        }
    return vc_fail(err, VC_EXIT_USAGE, 0, "found nothing good to \"do\"; allowed: add, set, up, counters, lag, quit");
}

int vc_wire_request_read(const char *text, size_t size, struct vc_wire_request *request, vc_error **err)
{
    VC_AUTO_JSON *json = parse(text, size, err);

    *request = (struct vc_wire_request){.direction = -1};
    if (!json || read_what(json, request, err) < 0)
        return -1;
    const unsigned members = has[request->what];
    json_t *direction = json_object_get(json, "direction"), *up = json_object_get(json, "up");
    size_t known = 1;
    if (members & WIRE) {
        known++;
        if (read_name(json_object_get(json, "wire"), request->name, err) < 0)
            return -1;
    }
    if ((members & DIRECTION) && direction) {
        known++;
        json_int_t value = json_integer_value(direction);
        if (!json_is_integer(direction) || value < -1 || value > 1)
            return vc_fail(err, VC_EXIT_USAGE, 0, "found no good \"direction\"; allowed: 0, 1, both (-1)");
        request->direction = (int)value;
    }
    if (members & UP) {
        known++;
        if (!json_is_boolean(up))
            return vc_fail(err, VC_EXIT_USAGE, 0, "found no good \"up\"; allowed: true, false");
        request->up = json_is_true(up);
    }
    if (members & CHARACTER) {
        known++;
        if (read_characters(json_object_get(json, "character"), request, err) < 0)
            return -1;
    }
    if (json_object_size(json) != known)
        return vc_fail(err, VC_EXIT_USAGE, 0, "found members that \"%s\" does not have", do_names[request->what]);
    return 0;
}

static void must(int status)
{
    if (status < 0)
        abort(); /* out of memory */
}

static json_t *character_json(const struct vc_wire *wire)
{
    json_t *json = json_object();

    for (size_t i = 0; i < VC_NS3_CHARACTER_COUNT; i++)
        if (*character_value(wire, &vc_ns3_character_members[i]))
            must(json_object_set_new(json, vc_ns3_character_members[i].name,
                                     json_integer(*character_value(wire, &vc_ns3_character_members[i]))));
    return json;
}

json_t *vc_wire_request_json(const struct vc_wire_request *request)
{
    json_t *json = json_pack("{s:s}", "do", do_names[request->what]);
    const unsigned members = has[request->what];

    if ((members & WIRE) && json_object_set_new(json, "wire", json_string(request->name)) < 0) {
        json_decref(json);
        return NULL;
    }
    if (members & DIRECTION)
        must(json_object_set_new(json, "direction", json_integer(request->direction)));
    if (members & UP)
        must(json_object_set_new(json, "up", json_boolean(request->up)));
    if (members & CHARACTER)
        must(json_object_set_new(
            json, "character",
            request->what == VC_WIRE_SET
                ? character_json(&request->character[0])
                : json_pack("[o,o]", character_json(&request->character[0]), character_json(&request->character[1]))));
    return json;
}

/* ---- answers ---- */

static json_t *members_json(const struct vc_wire_member *members, size_t count, const void *from)
{
    json_t *json = json_object();

    for (size_t i = 0; i < count; i++) {
        const uint64_t *value = (const void *)((const char *)from + members[i].offset);
        must(json_object_set_new(json, members[i].name, json_integer((json_int_t)*value)));
    }
    return json;
}

static int read_members(const json_t *json, const struct vc_wire_member *members, size_t count, void *to,
                        vc_error **err)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(json, members[i].name);
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return vc_fail(err, VC_EXIT_FAIL, 0, "the answer has no good %s", members[i].name);
        *(uint64_t *)(void *)((char *)to + members[i].offset) = (uint64_t)json_integer_value(value);
    }
    return 0;
}

json_t *vc_wire_answer_json(enum vc_wire_do what, const struct vc_wire_answer *answer, const vc_error *err)
{
    if (err)
        return json_pack("{s:b,s:s}", "ok", 0, "error", err->message);
    json_t *json = json_pack("{s:b}", "ok", 1);
    if (what == VC_WIRE_COUNTERS)
        must(json_object_update_new(
            json, json_pack("{s:[o,o],s:[o,o],s:[b,b]}", "directions",
                            members_json(vc_wire_counters_members, VC_WIRE_COUNTERS_COUNT, &answer->counters[0]),
                            members_json(vc_wire_counters_members, VC_WIRE_COUNTERS_COUNT, &answer->counters[1]),
                            "character", character_json(&answer->character[0]), character_json(&answer->character[1]),
                            "up", (int)answer->up[0], (int)answer->up[1])));
    if (what == VC_WIRE_LAG)
        must(json_object_set_new(json, "lag", members_json(vc_wire_lag_members, VC_WIRE_LAG_COUNT, &answer->lag)));
    return json;
}

static int read_direction(const json_t *json, size_t i, struct vc_wire_answer *answer, vc_error **err)
{
    const json_t *up = json_array_get(json_object_get(json, "up"), i);

    if (!json_is_boolean(up))
        return vc_fail(err, VC_EXIT_FAIL, 0, "the answer has no good up");
    answer->up[i] = json_is_true(up);
    if (read_character(json_array_get(json_object_get(json, "character"), i), &answer->character[i], err) < 0)
        return vc_wrap(err, "the answer");
    return read_members(json_array_get(json_object_get(json, "directions"), i), vc_wire_counters_members,
                        VC_WIRE_COUNTERS_COUNT, &answer->counters[i], err);
}

int vc_wire_answer_read(const char *text, size_t size, enum vc_wire_do what, struct vc_wire_answer *answer,
                        vc_error **err)
{
    VC_AUTO_JSON *json = parse(text, size, err);

    *answer = (struct vc_wire_answer){0};
    if (!json)
        return -1;
    if (!json_is_true(json_object_get(json, "ok"))) {
        const char *error = json_string_value(json_object_get(json, "error"));
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s", error ? error : "the answer is neither ok nor an error");
    }
    if (what == VC_WIRE_LAG)
        return read_members(json_object_get(json, "lag"), vc_wire_lag_members, VC_WIRE_LAG_COUNT, &answer->lag, err);
    for (size_t i = 0; what == VC_WIRE_COUNTERS && i < 2; i++)
        if (read_direction(json, i, answer, err) < 0)
            return -1;
    return 0;
}
