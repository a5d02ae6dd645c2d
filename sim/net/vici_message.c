#include <arpa/inet.h>
#include <string.h>

#include "net/vici_private.h"

enum element { SECTION_START = 1, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END };

enum {
    NAME_MAX_BYTES = 255,
    VALUE_MAX_BYTES = 65535,
    DEPTH_MAX = 16, /* charon's messages are five deep */
};

/* ---- encoding ---- */

struct writer {
    uint8_t *data; /* talloc */
    size_t size;
    vc_error **err;
};

static void put(struct writer *w, const void *bytes, size_t count)
{
    size_t capacity = talloc_get_size(w->data);

    if (w->size + count > capacity)
        w->data = talloc_realloc(NULL, w->data, uint8_t, (w->size + count) * 2);
    memcpy(w->data + w->size, bytes, count);
    w->size += count;
}

static void put_byte(struct writer *w, uint8_t byte)
{
    put(w, &byte, 1);
}

static int put_name(struct writer *w, const char *name)
{
    size_t length = strlen(name);

    if (!length || length > NAME_MAX_BYTES)
        return vc_fail(w->err, VC_EXIT_USAGE, 0, "vici: the name \"%.40s\" has %zu bytes, 1 to %d are allowed", name,
                       length, NAME_MAX_BYTES);
    put_byte(w, (uint8_t)length);
    put(w, name, length);
    return 0;
}

static int put_value(struct writer *w, const char *key, const json_t *value)
{
    char number[24];
    const char *text = number;
    size_t length;

    if (json_is_string(value)) {
        text = json_string_value(value);
        length = json_string_length(value);
    } else if (json_is_integer(value)) {
        length = (size_t)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        text = json_is_true(value) ? "yes" : "no";
        length = strlen(text);
    } else {
        return vc_fail(w->err, VC_EXIT_USAGE, 0, "vici: %s: a value must be a string, an integer or a boolean", key);
    }
    if (length > VALUE_MAX_BYTES)
        return vc_fail(w->err, VC_EXIT_USAGE, 0, "vici: %s: %zu bytes are too long for a value", key, length);
    put(w, &(uint16_t){htons((uint16_t)length)}, sizeof(uint16_t));
    put(w, text, length);
    return 0;
}

static int put_list(struct writer *w, const char *key, const json_t *list)
{
    const json_t *item;
    size_t i;

    put_byte(w, LIST_START);
    if (put_name(w, key) < 0)
        return -1;
    json_array_foreach(list, i, item)
    {
        put_byte(w, LIST_ITEM);
        if (put_value(w, key, item) < 0)
            return -1;
    }
    put_byte(w, LIST_END);
    return 0;
}

static int put_section(struct writer *w, const json_t *section);

static int put_member(struct writer *w, const char *key, const json_t *value)
{
    if (json_is_array(value))
        return put_list(w, key, value);
    if (json_is_object(value)) {
        put_byte(w, SECTION_START);
        if (put_name(w, key) < 0 || put_section(w, value) < 0)
            return -1;
        put_byte(w, SECTION_END);
        return 0;
    }
    put_byte(w, KEY_VALUE);
    return put_name(w, key) < 0 ? -1 : put_value(w, key, value);
}

static int put_section(struct writer *w, const json_t *section)
{
    for (void *i = json_object_iter((json_t *)(uintptr_t)section); i;
         i = json_object_iter_next((json_t *)(uintptr_t)section, i)) {
        if (put_member(w, json_object_iter_key(i), json_object_iter_value(i)) < 0)
            return -1;
    }
    return 0;
}

uint8_t *vc_vici_encode(void *ctx, enum vc_vici_type type, const char *name, const json_t *message, size_t *size,
                        vc_error **err)
{
    struct writer w = {.data = talloc_array(NULL, uint8_t, 256), .err = err};
    int status = 0;

    put(&w, &(uint32_t){0}, sizeof(uint32_t));
    put_byte(&w, (uint8_t)type);
    if (name)
        status = put_name(&w, name);
    if (message && !status)
        status = put_section(&w, message);
    if (!status && w.size - sizeof(uint32_t) > VC_VICI_PACKET_MAX)
        status = vc_fail(err, VC_EXIT_USAGE, 0, "vici: a packet of %zu bytes is too long", w.size);
    if (status) {
        talloc_free(w.data);
        return NULL;
    }
    memcpy(w.data, &(uint32_t){htonl((uint32_t)(w.size - sizeof(uint32_t)))}, sizeof(uint32_t));
    *size = w.size;
    return talloc_steal(ctx, w.data);
}

/* ---- decoding ---- */

struct reader {
    const uint8_t *at, *end;
    bool bad; /* what was read lies beyond the end; everything after is empty */
};

static const uint8_t *take(struct reader *r, size_t count)
{
    const uint8_t *taken = r->at;

    if ((size_t)(r->end - r->at) < count) {
        r->bad = true;
        return NULL;
    }
    r->at += count;
    return taken;
}

static unsigned take_byte(struct reader *r)
{
    const uint8_t *byte = take(r, 1);

    return byte ? *byte : 0;
}

static void take_name(struct reader *r, char name[static NAME_MAX_BYTES + 1])
{
    size_t length = take_byte(r);
    const uint8_t *bytes = take(r, length);

    if (bytes && memchr(bytes, '\0', length))
        r->bad = true;
    memcpy(name, bytes ? (const char *)bytes : "", bytes ? length : 0);
    name[bytes ? length : 0] = '\0';
}

/* charon's values are text but for certificates, which become "0x…". */
static json_t *value_json(const uint8_t *bytes, size_t length)
{
    json_t *text = json_stringn((const char *)bytes, length);

    if (text)
        return text;
    VC_AUTO_FREE char *hex = malloc(2 * length + 3);
    if (!hex)
        abort();
    strcpy(hex, "0x");
    for (size_t i = 0; i < length; i++)
        sprintf(hex + 2 + 2 * i, "%02x", bytes[i]);
    return json_string(hex);
}

static json_t *take_value(struct reader *r)
{
    unsigned high = take_byte(r), length = high << 8 | take_byte(r);
    const uint8_t *bytes = take(r, length);

    return bytes ? value_json(bytes, length) : NULL;
}

static void take_list(struct reader *r, json_t *list)
{
    for (unsigned element = take_byte(r); !r->bad && element != LIST_END; element = take_byte(r)) {
        if (element != LIST_ITEM)
            r->bad = true;
        else
            json_array_append_new(list, take_value(r));
    }
}

/* False when the value is missing or the name is not UTF-8; `child` is gone then. */
static bool add_child(struct reader *r, json_t *section, const char *name, json_t *child)
{
    if (json_object_set_new(section, name, child) < 0)
        r->bad = true;
    return !r->bad;
}

static void take_section(struct reader *r, json_t *section, unsigned depth);

static void take_member(struct reader *r, json_t *section, unsigned element, unsigned depth)
{
    char name[NAME_MAX_BYTES + 1];
    json_t *child;

    take_name(r, name);
    switch (element) {
    case KEY_VALUE:
        add_child(r, section, name, take_value(r));
        return;
    case LIST_START:
        if (add_child(r, section, name, child = json_array()))
            take_list(r, child);
        return;
    case SECTION_START:
        if (add_child(r, section, name, child = json_object()))
            take_section(r, child, depth + 1);
        return;
    default:
        r->bad = true;
    }
}

/* Reads to the section's end, or to the message's for the outermost. */
static void take_section(struct reader *r, json_t *section, unsigned depth)
{
    if (depth > DEPTH_MAX)
        r->bad = true;
    while (!r->bad && (depth || r->at < r->end)) {
        unsigned element = take_byte(r);
        if (element == SECTION_END && depth)
            return;
        take_member(r, section, element, depth);
    }
}

int vc_vici_decode(const uint8_t *data, size_t size, struct vc_vici_packet *packet, vc_error **err)
{
    struct reader r = {data, data + size, false};

    *packet = (struct vc_vici_packet){.type = take_byte(&r)};
    if (packet->type == VC_VICI_EVENT)
        take_name(&r, packet->name);
    if (packet->type == VC_VICI_EVENT || packet->type == VC_VICI_CMD_RESPONSE) {
        packet->message = json_object();
        take_section(&r, packet->message, 0);
    }
    if (packet->type > VC_VICI_EVENT)
        r.bad = true;
    if (!r.bad)
        return 0;
    json_decref(VC_STEAL_PTR(packet->message));
    return vc_fail(err, VC_EXIT_FAIL, 0, "vici: a malformed packet (type %u, %zu bytes)", (unsigned)packet->type, size);
}
