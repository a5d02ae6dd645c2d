/* vici against its own wire bytes. */
#include <stdlib.h>

#include "net/vici_private.h"
#include "server.h"

#define TEXT(bytes) (bytes), sizeof(bytes) - 1

/* The example of strongSwan's README. */
static const char readme[] = "\3\4key1\0\6value1"
                             "\1\10section1"
                             "\1\13sub-section"
                             "\3\4key2\0\6value2"
                             "\2"
                             "\4\5list1"
                             "\5\0\5item1"
                             "\5\0\5item2"
                             "\6"
                             "\2";
static const char readme_json[] =
    "{\"key1\": \"value1\", \"section1\": {\"sub-section\": {\"key2\": \"value2\"}, \"list1\": "
    "[\"item1\", \"item2\"]}}";

Test(vici, encodes_the_documented_example)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *message = json_loads(readme_json, 0, NULL);
    size_t size;
    VC_AUTO_TALLOC uint8_t *packet = vc_vici_encode(NULL, VC_VICI_CMD_REQUEST, "x", message, &size, &err);

    cr_assert_not_null(packet);
    cr_assert_eq(size, 4 + 1 + 2 + sizeof readme - 1);
    cr_assert_eq(memcmp(packet, "\0\0\0", 3), 0);
    cr_assert_eq(packet[3], size - 4);
    cr_assert_eq(memcmp(packet + 4, "\0\1x", 3), 0);
    cr_assert_eq(memcmp(packet + 7, readme, sizeof readme - 1), 0);
}

Test(vici, decodes_the_documented_example)
{
    VC_AUTO_ERROR *err = NULL;
    char data[256] = "\7\2ev";
    struct vc_vici_packet packet;

    memcpy(data + 4, readme, sizeof readme - 1);
    cr_assert_eq(vc_vici_decode((uint8_t *)data, 4 + sizeof readme - 1, &packet, &err), 0);
    VC_AUTO_JSON *message = packet.message, *wanted = json_loads(readme_json, 0, NULL);
    cr_assert_str_eq(packet.name, "ev");
    cr_assert(json_equal(message, wanted));
}

Test(vici, a_packet_cut_anywhere_is_an_error)
{
    VC_AUTO_ERROR *err = NULL;
    char data[256] = "\1";

    memcpy(data + 1, readme, sizeof readme - 1);
    /* At these lengths whole top-level elements remain. */
    for (size_t size = 0; size < sizeof readme; size++) {
        struct vc_vici_packet packet;
        bool whole = size == 1 || size == 1 + 14 || size == sizeof readme;
        VC_AUTO_FREE uint8_t *exact = malloc(size ? size : 1); /* so that the sanitizer sees a read beyond it */
        memcpy(exact, data, size);
        cr_assert_eq(vc_vici_decode(exact, size, &packet, &err), whole ? 0 : -1, "%zu bytes", size);
        VC_AUTO_JSON *message = packet.message;
        cr_assert_eq(message != NULL, whole);
    }
}

Test(vici, malformed_packets_are_refused)
{
    static const struct {
        const char *data;
        size_t size;
    } bad[] = {
        {TEXT("\x08")},                           /* an unknown type */
        {TEXT("\x01\x02")},                       /* a section ends that never began */
        {TEXT("\x01\x07\x01k")},                  /* an unknown element */
        {TEXT("\x01\x05\x00\x01x")},              /* an item outside a list */
        {TEXT("\x01\x04\x01l\x03\x00\x01x\x06")}, /* a key inside a list */
        {TEXT("\x01\x03\x01\xff\x00\x01x")},      /* a name that is not text */
        {TEXT("\x01\x03\x03k\0k\x00\x01x")},      /* a name with a NUL */
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        struct vc_vici_packet packet;
        cr_assert_eq(vc_vici_decode((const uint8_t *)bad[i].data, bad[i].size, &packet, &err), -1, "row %zu", i);
        cr_assert_null(packet.message);
        cr_assert_not_null(strstr(err->message, "malformed"));
    }
    char deep[512] = "\1";
    for (size_t i = 0; i < 100; i++)
        memcpy(deep + 1 + 3 * i, "\1\1s", 3);
    memset(deep + 301, 2, 100);
    struct vc_vici_packet packet;
    cr_assert_eq(vc_vici_decode((uint8_t *)deep, 401, &packet, NULL), -1);
}

Test(vici, values_that_are_not_text_become_hexadecimal)
{
    struct vc_vici_packet packet;

    cr_assert_eq(vc_vici_decode((const uint8_t *)TEXT("\1\3\1k\0\2\xff\x01"), &packet, NULL), 0);
    VC_AUTO_JSON *message = packet.message;
    cr_assert_str_eq(json_string_value(json_object_get(message, "k")), "0xff01");
}

Test(vici, what_cannot_be_encoded_is_refused)
{
    VC_AUTO_FREE char *name = calloc(1, 300), *value = calloc(1, 70000);

    memset(name, 'n', 256);
    memset(value, 'v', 65536);
    json_t *bad[] = {json_pack("{s:s}", name, "x"), json_pack("{s:s}", "k", value), json_pack("{s:s}", "", "x"),
                     json_pack("{s:[[s]]}", "k", "x"), json_pack("{s:n}", "k")};
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *message = bad[i];
        size_t size;
        cr_assert_null(vc_vici_encode(NULL, VC_VICI_CMD_REQUEST, "c", message, &size, &err), "row %zu", i);
        cr_assert_eq(err->status, VC_EXIT_USAGE);
    }
}

/* ---- calls; packets that the tests above do not pin byte by byte are built from their JSON ---- */

static void *packets; /* talloc; what add() allocates */

static void free_packets(void)
{
    TALLOC_FREE(packets);
}

TestSuite(vici, .fini = free_packets);

/* Packets one after the other; they live as long as the test. */
struct bytes {
    char *data;
    size_t size;
};

static void add(struct bytes *bytes, enum vc_vici_type type, const char *name, const char *message)
{
    VC_AUTO_JSON *json = message ? json_loads(message, 0, NULL) : NULL;
    size_t size;
    VC_AUTO_TALLOC uint8_t *packet = vc_vici_encode(NULL, type, name, json, &size, NULL);

    cr_assert(packet && (!message || json), "%s", message);
    if (!packets)
        packets = talloc_new(NULL);
    bytes->data = talloc_realloc(packets, bytes->data, char, bytes->size + size);
    memcpy(bytes->data + bytes->size, packet, size);
    bytes->size += size;
}

struct packet {
    enum vc_vici_type type;
    const char *name, *message;
};

/* One request and what the server says to it. */
static struct step step(enum vc_vici_type type, const char *name, const char *message, size_t count,
                        const struct packet *answers)
{
    struct bytes expect = {0}, answer = {0};

    add(&expect, type, name, message);
    for (size_t i = 0; i < count; i++)
        add(&answer, answers[i].type, answers[i].name, answers[i].message);
    return (struct step){expect.data, expect.size, answer.data, answer.size};
}
#define ANSWERS(...)                                                                                                   \
    sizeof((struct packet[]){__VA_ARGS__}) / sizeof(struct packet), (struct packet[])                                  \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

/* Runs one call against a server of these steps. */
static json_t *call(const struct step *steps, size_t count, const char *command, const char *stream, vc_error **err)
{
    struct server server = {.byte_by_byte = true};
    struct vc_vici *vici = vc_vici_new(NULL, server_start(&server, steps, count));
    json_t *reply = vc_vici_call(vici, command, NULL, stream, err);

    /* The far end may have more to write, but nothing more to wait for. */
    shutdown(vc_vici_fd(vici), SHUT_WR);
    cr_assert(server_join(&server), "the request's bytes differ");
    talloc_free(vici);
    return reply;
}

#define VERSION_REQUEST "\0\0\0\x09\0\7version"

Test(vici, a_call_and_its_reply_in_single_bytes)
{
    static const struct step steps[] = {STEP(VERSION_REQUEST, "\0\0\0\x11\1\3\6daemon\0\6charon")};
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *reply = call(steps, 1, "version", NULL, &err);

    cr_assert_not_null(reply, "%s", err ? err->message : "?");
    cr_assert_str_eq(json_string_value(json_object_get(reply, "daemon")), "charon");
}

Test(vici, failure_in_the_reply_is_an_error_with_charon_s_reason)
{
    struct step s = step(VC_VICI_CMD_REQUEST, "version", NULL,
                         ANSWERS({VC_VICI_CMD_RESPONSE, NULL, "{\"success\": \"no\", \"errmsg\": \"no such SA\"}"}));
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(call(&s, 1, "version", NULL, &err));
    cr_assert_str_eq(err->message, "vici version: no such SA");
}

#define CONFIRM ANSWERS({VC_VICI_EVENT_CONFIRM})

Test(vici, a_stream_is_collected_and_other_events_are_not)
{
    struct step steps[] = {
        step(VC_VICI_EVENT_REGISTER, "list-sa", NULL, CONFIRM),
        step(VC_VICI_CMD_REQUEST, "list-sas", NULL,
             ANSWERS({VC_VICI_EVENT, "list-sa", "{\"n\": \"a\"}"}, {VC_VICI_EVENT, "other", "{\"n\": \"x\"}"},
                     {VC_VICI_EVENT, "list-sa", "{\"n\": \"b\"}"}, {VC_VICI_CMD_RESPONSE})),
        step(VC_VICI_EVENT_UNREGISTER, "list-sa", NULL, CONFIRM),
    };
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *reply = call(steps, VC_COUNT(steps), "list-sas", "list-sa", &err);
    VC_AUTO_JSON *wanted = json_pack("{s:[{s:s},{s:s}]}", "items", "n", "a", "n", "b");

    cr_assert(json_equal(reply, wanted), "%s", err ? err->message : "?");
}

Test(vici, a_stream_is_ended_also_when_the_command_is_unknown)
{
    struct step steps[] = {
        step(VC_VICI_EVENT_REGISTER, "list-sa", NULL, CONFIRM),
        step(VC_VICI_CMD_REQUEST, "list-sas", NULL, ANSWERS({VC_VICI_CMD_UNKNOWN})),
        step(VC_VICI_EVENT_UNREGISTER, "list-sa", NULL, CONFIRM),
    };
    VC_AUTO_ERROR *err = NULL;

    cr_assert_null(call(steps, VC_COUNT(steps), "list-sas", "list-sa", &err));
    cr_assert_str_eq(err->message, "vici list-sas: charon does not know it");
}

Test(vici, replies_that_break_off_or_break_the_protocol)
{
    static const struct {
        struct step step;
        const char *message;
    } bad[] = {
        {STEP(VERSION_REQUEST, ""), "closed by the daemon"},
        {STEP(VERSION_REQUEST, "\0\0\0\x11\1\3\6dae"), "closed in the middle of a packet"},
        {STEP(VERSION_REQUEST, "\0\0"), "closed in the middle of a packet"},
        {STEP(VERSION_REQUEST, "\x7f\xff\xff\xff\1"), "a packet's length: Message too long"},
        {STEP(VERSION_REQUEST, "\0\0\0\4\1\3\6d"), "malformed packet"},
        {STEP(VERSION_REQUEST, "\0\0\0\0"), "malformed packet"},
        {STEP(VERSION_REQUEST, "\0\0\0\1\2"), "charon does not know it"},
        {STEP(VERSION_REQUEST, "\0\0\0\1\5"), "an answer of another type"},
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        cr_assert_null(call(&bad[i].step, 1, "version", NULL, &err));
        cr_assert_not_null(strstr(err->message, bad[i].message), "row %zu: %s", i, err->message);
        cr_assert_eq(strncmp(err->message, "vici version: ", 14), 0, "%s", err->message);
    }
}

Test(vici, a_broken_connection_is_not_used_again)
{
    static const struct step steps[] = {STEP(VERSION_REQUEST, "\0\0\0\4\1\3\6d")};
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    VC_AUTO_TALLOC struct vc_vici *vici = vc_vici_new(NULL, server_start(&server, steps, 1));

    cr_assert_null(vc_vici_call(vici, "version", NULL, NULL, &err));
    cr_assert_null(vc_vici_call(vici, "version", NULL, NULL, &err));
    cr_assert_str_eq(err->message, "vici version: the connection failed before");
    server_join(&server);
}

#define YES ANSWERS({VC_VICI_CMD_RESPONSE, NULL, "{\"success\": \"yes\"}"})

Test(vici, loads_secrets_before_connections)
{
    struct step steps[] = {
        step(VC_VICI_CMD_REQUEST, "load-shared",
             "{\"id\": \"ike-x\", \"type\": \"IKE\", \"data\": \"p w!\", \"owners\": [\"a.b\", \"c.d\"]}", YES),
        step(VC_VICI_CMD_REQUEST, "load-conn", "{\"x\": {\"version\": \"2\", \"pools\": [\"a\", \"b\"]}}", YES),
    };
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    struct vc_vici *vici = vc_vici_new(NULL, server_start(&server, steps, VC_COUNT(steps)));
    int status = vc_vici_load(vici,
                              "connections { x { version = 2\n pools = a, b\n } }\n"
                              "secrets { ike-x { id-1 = a.b\n id-2 = c.d\n secret = \"p w!\" } }",
                              &err);

    talloc_free(vici);
    bool ok = server_join(&server);
    cr_assert(ok && status == 0, "%s", err ? err->message : "the request's bytes differ");
}

Test(vici, a_connection_that_is_refused_is_named)
{
    struct step s =
        step(VC_VICI_CMD_REQUEST, "load-conn", "{\"x\": {\"bad\": \"2\"}}",
             ANSWERS({VC_VICI_CMD_RESPONSE, NULL, "{\"success\": \"no\", \"errmsg\": \"unknown option\"}"}));
    VC_AUTO_ERROR *err = NULL;
    struct server server = {0};
    struct vc_vici *vici = vc_vici_new(NULL, server_start(&server, &s, 1));

    cr_assert_eq(vc_vici_load(vici, "connections { x { bad = 2 } }", &err), -1);
    cr_assert_str_eq(err->message, "connections.x: vici load-conn: unknown option");
    talloc_free(vici);
    cr_assert(server_join(&server));
}

Test(vici, a_secret_that_cannot_be_loaded_is_named)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"secrets { ike-x { id = a } }", "secrets.ike-x: has no secret"},
        {"secrets { rsa-x { secret = a } }", "secrets.rsa-x: only ike, eap"},
        {"secrets { ike-x { secret = 0x00 } }", "secrets.ike-x: an encoded secret"},
        {"secrets {", "swanctl.conf:1: "},
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        struct server server = {0};
        struct vc_vici *vici = vc_vici_new(NULL, server_start(&server, NULL, 0));
        cr_assert_eq(vc_vici_load(vici, bad[i].text, &err), -1);
        cr_assert_not_null(strstr(err->message, bad[i].message), "%s", err->message);
        talloc_free(vici);
        server_join(&server);
    }
}

/* ---- the watcher ---- */

static void remember(void *arg, json_t *event)
{
    char **seen = arg; /* talloc; one event a line */
    const json_t *rekey = json_object_get(event, "rekey_ns");
    json_int_t ahead = json_integer_value(rekey) - json_integer_value(json_object_get(event, "t_ns"));

    if (rekey) /* how far ahead, in whole seconds: the rest is what the test itself took */
        json_object_set_new(event, "rekey_ns", json_integer((ahead + VC_NS_PER_S / 2) / VC_NS_PER_S));
    json_object_del(event, "t_ns");
    VC_AUTO_FREE char *line = json_dumps(event, JSON_COMPACT);
    *seen = talloc_asprintf_append(*seen, "%s\n", line);
}

static int end_loop(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
    (void)fd, (void)revents, (void)arg;
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* Starts a watch against a server that lists `present` when asked, then sends `later` and closes; what the watch
 * reported (talloc). */
static char *watch(const char *present, size_t count, const struct packet *later)
{
    struct packet all[8] = {{VC_VICI_EVENT_CONFIRM}};
    struct step steps[] = {
        step(VC_VICI_EVENT_REGISTER, "ike-updown", NULL, CONFIRM),
        step(VC_VICI_EVENT_REGISTER, "child-updown", NULL, CONFIRM),
        step(VC_VICI_EVENT_REGISTER, "ike-rekey", NULL, CONFIRM),
        step(VC_VICI_EVENT_REGISTER, "child-rekey", NULL, CONFIRM),
        step(VC_VICI_EVENT_REGISTER, "list-sa", NULL, CONFIRM),
        step(VC_VICI_CMD_REQUEST, "list-sas", NULL,
             ANSWERS({VC_VICI_EVENT, "list-sa", present}, {VC_VICI_CMD_RESPONSE})),
        {0},
    };
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct server server = {.byte_by_byte = true};
    struct vc_events *events = vc_events_new(ctx);
    char *seen = talloc_strdup(NULL, "");
    sd_event *loop = NULL;
    sd_event_source *ended = NULL;

    if (count)
        memcpy(all + 1, later, count * sizeof *later);
    steps[6] = step(VC_VICI_EVENT_UNREGISTER, "list-sa", NULL, count + 1, all);
    cr_assert_geq(sd_event_new(&loop), 0);
    vc_events_subscribe(events, remember, &seen);
    struct vc_vici_watch *w =
        vc_vici_watch_start(ctx, loop, events, "cpe1", server_start(&server, steps, VC_COUNT(steps)), &err);
    cr_assert_not_null(w, "%s", err ? err->message : "?");
    /* The loop reads while the far end sends, else small pieces fill the socket and block it. Idle priority: the loop
     * ends after the last of what was sent before the close. */
    cr_assert_geq(sd_event_add_io(loop, &ended, server.ended, EPOLLIN, end_loop, NULL), 0);
    cr_assert_geq(sd_event_source_set_priority(ended, SD_EVENT_PRIORITY_IDLE), 0);
    cr_assert_geq(sd_event_loop(loop), 0);
    sd_event_source_unref(ended);
    cr_assert(server_join(&server), "the request's bytes differ");
    talloc_free(w);
    sd_event_unref(loop);
    return seen;
}

#define CHILD(id, in, out)                                                                                             \
    "{\"name\": \"dc1\", \"uniqueid\": \"" id "\", \"spi-in\": \"" in "\", \"spi-out\": \"" out "\"}"
#define IKE_LINE(state, id)                                                                                            \
    "{\"layer\":\"ike\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\",\"unique_id\":\"" id                      \
    "\",\"state\":\"" state "\"}\n"
#define CHILD_LINE(state, in, out)                                                                                     \
    "{\"layer\":\"ipsec\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\",\"spi_in\":\"" in                       \
    "\",\"spi_out\":\"" out "\",\"state\":\"" state "\"}\n"
#define IKE_REKEYED(id, ahead)                                                                                         \
    "{\"layer\":\"ike\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\",\"unique_id\":\"" id                      \
    "\",\"rekeyed\":true," ahead "\"state\":\"up\"}\n"
#define CHILD_REKEYED(in, out, ahead)                                                                                  \
    "{\"layer\":\"ipsec\",\"node\":\"cpe1\",\"what\":\"sa\",\"tunnel\":\"dc1\",\"spi_in\":\"" in                       \
    "\",\"spi_out\":\"" out "\",\"rekeyed\":true," ahead "\"state\":\"up\"}\n"

Test(vici, watch_follows_sas_up_through_rekeys_and_down)
{
    static const struct packet later[] = {
        {VC_VICI_EVENT, "ike-updown", "{\"up\": \"yes\", \"dc1\": {\"uniqueid\": \"1\"}}"},
        {VC_VICI_EVENT, "child-updown",
         "{\"up\": \"yes\", \"dc1\": {\"uniqueid\": \"1\", \"child-sas\": {\"dc1-5\": " CHILD("5", "aa", "bb") "}}}"},
        {VC_VICI_EVENT, "child-rekey",
         "{\"dc1\": {\"child-sas\": {\"dc1-5\": {\"old\": " CHILD("5", "aa", "bb") ", \"new\": " CHILD("6", "cc",
                                                                                                       "dd") "}}}}"},
        {VC_VICI_EVENT, "ike-rekey", "{\"dc1\": {\"old\": {\"uniqueid\": \"1\"}, \"new\": {\"uniqueid\": \"2\"}}}"},
        {VC_VICI_EVENT, "child-updown", "{\"dc1\": {\"child-sas\": {\"dc1-6\": " CHILD("6", "cc", "dd") "}}}"},
        {VC_VICI_EVENT, "ike-updown", "{\"dc1\": {\"uniqueid\": \"2\"}}"},
    };
    VC_AUTO_TALLOC char *seen = watch("{}", VC_COUNT(later), later);

    cr_assert_str_eq(seen, IKE_LINE("up", "1") CHILD_LINE("up", "aa", "bb") CHILD_REKEYED("cc", "dd", "")
                               IKE_REKEYED("2", "") CHILD_LINE("down", "cc", "dd") IKE_LINE("down", "2"));
}

Test(vici, watch_tells_when_an_sa_is_to_be_rekeyed)
{
    static const struct packet later[] = {
        {VC_VICI_EVENT, "ike-rekey",
         "{\"dc1\": {\"old\": {\"uniqueid\": \"1\"}, \"new\": {\"uniqueid\": \"2\", \"rekey-time\": \"12960\"}}}"},
        {VC_VICI_EVENT, "child-rekey",
         "{\"dc1\": {\"child-sas\": {\"dc1-5\": {\"old\": {\"name\": \"dc1\", \"uniqueid\": \"5\"}, \"new\": "
         "{\"name\": "
         "\"dc1\", \"uniqueid\": \"6\", \"spi-in\": \"cc\", \"spi-out\": \"dd\", \"rekey-time\": \"3000\"}}}}}"},
    };
    VC_AUTO_TALLOC char *seen = watch("{}", VC_COUNT(later), later);

    cr_assert_str_eq(seen, IKE_REKEYED("2", "\"rekey_ns\":12960,") CHILD_REKEYED("cc", "dd", "\"rekey_ns\":3000,")
                               CHILD_LINE("down", "cc", "dd") IKE_LINE("down", "2"));
}

Test(vici, watch_reports_what_is_up_already_and_takes_it_down_with_the_daemon)
{
    VC_AUTO_TALLOC char *seen =
        watch("{\"dc1\": {\"uniqueid\": \"1\", \"state\": \"ESTABLISHED\", \"child-sas\": {"
              "\"dc1-4\": {\"name\": \"dc1\", \"uniqueid\": \"4\", \"state\": \"DELETED\"},"
              "\"dc1-5\": {\"name\": \"dc1\", \"uniqueid\": \"5\", \"state\": \"INSTALLED\", \"spi-in\": \"aa\","
              " \"spi-out\": \"bb\"}}}, \"dc2\": {\"uniqueid\": \"2\", \"state\": \"CONNECTING\"}}",
              0, NULL);

    cr_assert_str_eq(seen, IKE_LINE("up", "1") CHILD_LINE("up", "aa", "bb") CHILD_LINE("down", "aa", "bb")
                               IKE_LINE("down", "1"));
}

Test(vici, watch_a_tunnel_is_down_when_its_last_sa_goes)
{
    static const struct packet later[] = {
        {VC_VICI_EVENT, "ike-updown", "{\"dc1\": {\"uniqueid\": \"1\"}}"}, /* an attempt that failed */
        {VC_VICI_EVENT, "ike-updown", "{\"up\": \"yes\", \"dc1\": {\"uniqueid\": \"2\"}}"},
        {VC_VICI_EVENT, "ike-updown", "{\"up\": \"yes\", \"dc1\": {\"uniqueid\": \"3\"}}"},
        {VC_VICI_EVENT, "ike-updown", "{\"dc1\": {\"uniqueid\": \"2\"}}"},
        {VC_VICI_EVENT, "ike-updown", "{\"dc1\": {\"uniqueid\": \"3\"}}"},
    };
    VC_AUTO_TALLOC char *seen = watch("{}", VC_COUNT(later), later);

    cr_assert_str_eq(seen, IKE_LINE("up", "2") IKE_LINE("up", "3") IKE_LINE("down", "3"));
}
