#include <criterion/criterion.h>
#include <string.h>

#include "ns3/wire_message.h"

static void same(const struct vc_wire_request *a, const struct vc_wire_request *b)
{
    cr_assert_eq(a->what, b->what);
    cr_assert_str_eq(a->name, b->name);
    cr_assert_eq(a->direction, b->direction);
    cr_assert_eq(a->up, b->up);
    cr_assert_eq(memcmp(a->character, b->character, sizeof a->character), 0);
}

Test(message, a_request_is_read_as_it_was_written)
{
    const struct vc_wire full = {.delay_us = 80000,
                                 .jitter_us = 30000,
                                 .loss_ppm = 10000,
                                 .corrupt_ppm = 1,
                                 .duplicate_ppm = 2,
                                 .reorder_ppm = 3,
                                 .burst = 4,
                                 .rate_mbit = 250,
                                 .limit = 7};
    const struct vc_wire_request requests[] = {
        {.what = VC_WIRE_ADD, .name = "inet-dc1", .direction = -1, .character = {full, {0}}},
        {.what = VC_WIRE_SET, .name = "exactly15bytes-", .direction = 1, .character = {full}},
        {.what = VC_WIRE_UP, .name = "a", .direction = 0, .up = true},
        {.what = VC_WIRE_UP, .name = "a", .direction = -1, .up = false},
        {.what = VC_WIRE_COUNTERS, .name = "ü", .direction = -1},
        {.what = VC_WIRE_LAG, .direction = -1},
        {.what = VC_WIRE_QUIT, .direction = -1},
    };

    for (size_t i = 0; i < VC_COUNT(requests); i++) {
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *json = vc_wire_request_json(&requests[i]);
        VC_AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
        struct vc_wire_request got;
        cr_assert_lt(strlen(text), VC_WIRE_MESSAGE_MAX);
        cr_assert_eq(vc_wire_request_read(text, strlen(text), &got, &err), 0, "%s: %s", text, err ? err->message : "");
        same(&got, &requests[i]);
    }
}

Test(message, hostile_requests)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "no JSON"},
        {"{", "no JSON"},
        {"nonsense", "no JSON"},
        {"[]", "no JSON object"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "no JSON"},
        {"{} {}", "no JSON"},
        {"{\"do\": \"quit\", \"do\": \"lag\"}", "no JSON"},
        {"{\"do\": \"qu\xff\"}", "no JSON"},
        {"{}", "nothing good to \"do\""},
        {"{\"do\": 7}", "nothing good to \"do\""},
        {"{\"do\": null}", "nothing good to \"do\""},
        {"{\"do\": \"quit\\u0000\"}", "no JSON"},
        {"{\"do\": \"explode\"}", "nothing good to \"do\""},
        {"{\"do\": \"quit\", \"now\": true}", "members that \"quit\" does not have"},
        {"{\"do\": \"lag\", \"wire\": \"a\"}", "members that"},
        {"{\"do\": \"counters\"}", "no good \"wire\""},
        {"{\"do\": \"counters\", \"wire\": 7}", "no good \"wire\""},
        {"{\"do\": \"counters\", \"wire\": \"\"}", "no good \"wire\""},
        {"{\"do\": \"counters\", \"wire\": \"sixteen-bytes-16\"}", "no good \"wire\""},
        {"{\"do\": \"counters\", \"wire\": \"a\", \"direction\": 1}", "members that"},
        {"{\"do\": \"up\", \"wire\": \"a\"}", "no good \"up\""},
        {"{\"do\": \"up\", \"wire\": \"a\", \"up\": 1}", "no good \"up\""},
        {"{\"do\": \"up\", \"wire\": \"a\", \"up\": true, \"direction\": 2}", "no good \"direction\""},
        {"{\"do\": \"up\", \"wire\": \"a\", \"up\": true, \"direction\": 0.5}", "no good \"direction\""},
        {"{\"do\": \"up\", \"wire\": \"a\", \"up\": true, \"direction\": \"0\"}", "no good \"direction\""},
        {"{\"do\": \"up\", \"wire\": \"a\", \"up\": true, \"direction\": 9223372036854775807}",
         "no good \"direction\""},
        {"{\"do\": \"up\", \"wire\": \"a\", \"up\": true, \"direction\": 99999999999999999999}", "no JSON"},
        {"{\"do\": \"set\", \"wire\": \"a\"}", "no object"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": []}", "no object"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": null}", "no object"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"dealy_us\": 1}}", "found \"dealy_us\""},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
         "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc!\": 1}}",
         "found \"...\""},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": -1}}", "no good delay_us"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": 10000001}}", "no good delay_us"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": 4294967297}}", "no good delay_us"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": 1.5}}", "no good delay_us"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": 1e400}}", "no JSON"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": \"1\"}}", "no good delay_us"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"delay_us\": true}}", "no good delay_us"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"jitter_us\": 1}}", "up to the delay"},
        {"{\"do\": \"set\", \"wire\": \"a\", \"character\": {\"burst\": 3}}", "burst without loss_ppm"},
        {"{\"do\": \"add\", \"wire\": \"a\", \"character\": {}}", "no two characters"},
        {"{\"do\": \"add\", \"wire\": \"a\", \"character\": [{}]}", "no two characters"},
        {"{\"do\": \"add\", \"wire\": \"a\", \"character\": [{}, {}, {}]}", "no two characters"},
        {"{\"do\": \"add\", \"wire\": \"a\", \"character\": [{}, 1]}", "no object"},
        {"{\"do\": \"add\", \"wire\": \"a\", \"character\": [{}, {\"loss_ppm\": 1000001}]}", "no good loss_ppm"},
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        struct vc_wire_request request;
        cr_expect_eq(vc_wire_request_read(bad[i].text, strlen(bad[i].text), &request, &err), -1, "%s", bad[i].text);
        cr_assert(err && strstr(err->message, bad[i].error), "%s: %s", bad[i].text, err ? err->message : "");
        /* And this can be told. */
        VC_AUTO_JSON *json = vc_wire_answer_json(VC_WIRE_QUIT, NULL, err);
        cr_expect_not_null(json, "%s", bad[i].text);
    }
}

Test(message, a_message_has_a_length)
{
    static char text[VC_WIRE_MESSAGE_MAX + 2] = "{\"do\": \"quit\"}";
    VC_AUTO_ERROR *err = NULL;
    struct vc_wire_request request;

    memset(text + strlen(text), ' ', sizeof text - 1 - strlen(text));
    cr_assert_eq(vc_wire_request_read(text, VC_WIRE_MESSAGE_MAX, &request, &err), 0);
    cr_assert_eq(vc_wire_request_read(text, VC_WIRE_MESSAGE_MAX + 1, &request, &err), -1);
    cr_assert(strstr(err->message, "4097 bytes"));
    vc_error_free(VC_STEAL_PTR(err));
    cr_assert_eq(vc_wire_request_read("{\"do\": \"quit\"}\0", 16, &request, &err), -1, "a NUL is no end");
}

/* Every prefix of a good message, and every message with one byte changed: read or refused, never more. */
Test(message, broken_messages)
{
    static const char good[] =
        "{\"do\":\"add\",\"wire\":\"inet-dc1\",\"character\":[{\"delay_us\":80000,\"loss_ppm\":10},{}]}";
    struct vc_wire_request request;
    char text[sizeof good];
    size_t accepted = 0;

    cr_assert_eq(vc_wire_request_read(good, strlen(good), &request, NULL), 0);
    for (size_t i = 0; i < strlen(good); i++)
        cr_expect_eq(vc_wire_request_read(good, i, &request, NULL), -1, "%zu bytes", i);
    for (size_t i = 0; i < strlen(good); i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(text, good, sizeof good);
            text[i] = (char)byte;
            accepted += vc_wire_request_read(text, strlen(good), &request, NULL) == 0;
            cr_assert_lt(strlen(request.name), sizeof request.name);
        }
    cr_assert_gt(accepted, strlen(good), "digits and letters of the name may be others");
}

Test(message, answers)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_wire_answer answer = {.lag = {.events = 7, .worst_ns = 1234567890123, .realtime = 1},
                                    .character = {{.delay_us = 80000, .loss_ppm = 5}, {.rate_mbit = 250}},
                                    .up = {false, true}},
                          got;

    for (size_t i = 0; i < VC_WIRE_COUNTERS_COUNT; i++)
        for (int d = 0; d < 2; d++)
            ((uint64_t *)&answer.counters[d])[i] = (uint64_t)d * 1000000000000 + i;
    static const enum vc_wire_do all[] = {VC_WIRE_COUNTERS, VC_WIRE_LAG, VC_WIRE_QUIT};
    for (size_t i = 0; i < VC_COUNT(all); i++) {
        VC_AUTO_JSON *json = vc_wire_answer_json(all[i], &answer, NULL);
        VC_AUTO_FREE char *text = json_dumps(json, 0);
        cr_assert_eq(vc_wire_answer_read(text, strlen(text), all[i], &got, &err), 0, "%s", text);
        cr_assert_eq(memcmp(got.counters, answer.counters, sizeof got.counters) == 0, all[i] == VC_WIRE_COUNTERS);
        cr_assert_eq(memcmp(got.character, answer.character, sizeof got.character) == 0, all[i] == VC_WIRE_COUNTERS);
        cr_assert_eq(got.up[1] && !got.up[0], all[i] == VC_WIRE_COUNTERS);
        cr_assert_eq(memcmp(&got.lag, &answer.lag, sizeof got.lag) == 0, all[i] == VC_WIRE_LAG);
    }
    static const struct {
        const char *text, *error;
    } bad[] = {{"{\"ok\": false, \"error\": \"no such wire\"}", "no such wire"},
               {"{}", "neither ok nor an error"},
               {"", "no JSON"},
               {"{\"ok\": true}", "no good events"},
               {"{\"ok\": true, \"lag\": {\"events\": -1}}", "no good events"},
               {"{\"ok\": true, \"lag\": []}", "no good events"}};
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        cr_assert_eq(vc_wire_answer_read(bad[i].text, strlen(bad[i].text), VC_WIRE_LAG, &got, &err), -1);
        cr_assert(strstr(err->message, bad[i].error), "%s: %s", bad[i].text, err->message);
    }
    static const struct {
        const char *text, *error;
    } bad_state[] = {{"{\"ok\":true,\"directions\":[{}]}", "no good up"},
                     {"{\"ok\":true,\"up\":[true,true],\"character\":[{},{}],\"directions\":[{}]}", "no good received"},
                     {"{\"ok\":true,\"up\":[true,true],\"character\":[{\"x\":1},{}]}", "found \"x\""},
                     {"{\"ok\":true,\"up\":[true,1],\"character\":[{},{}]}", "no good received"}};
    for (size_t i = 0; i < VC_COUNT(bad_state); i++) {
        cr_assert_eq(vc_wire_answer_read(bad_state[i].text, strlen(bad_state[i].text), VC_WIRE_COUNTERS, &got, &err),
                     -1);
        cr_assert(strstr(err->message, bad_state[i].error), "%s: %s", bad_state[i].text, err->message);
    }
}
