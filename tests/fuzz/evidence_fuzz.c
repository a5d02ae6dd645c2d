/*
 * The doctor's evidence, which comes from strangers in bundles: whatever the document, there is a diagnosis and it can
 * be told. Bytes that begin like JSON are a document; others are edits of one that a real lab gave, as hardly any
 * change of bytes leaves 27 kB of JSON readable. Corpus: tests/doctor/evidence.
 */
#include <string.h>

#include "doctor/doctor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FOLDER VCLAB_SOURCE_DIR "/tests/doctor/evidence/"

static const char *const names[] = {"two-cpe-healthy-tuned.json", "one-cpe-psk-cpe1-tuned.json",
                                    "natted-healthy-tuned.json", "one-cpe-healthy-tuned.json"};

/* Read once and never freed. */
static json_t *original(unsigned which)
{
    static json_t *read_before[VC_COUNT(names)];
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, FOLDER "%s", names[which % VC_COUNT(names)]);
    json_t **document = &read_before[which % VC_COUNT(names)];

    if (!*document && !(*document = json_load_file(path, 0, NULL)))
        abort();
    return json_deep_copy(*document);
}

struct input {
    const uint8_t *data;
    size_t left;
};

static unsigned take(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->data++;
}

/* What no collector would have written there. */
static json_t *something(struct input *in)
{
    switch (take(in) % 12) {
    case 0:
        return json_null();
    case 1:
        return json_integer(-1);
    case 2:
        return json_integer(INT64_MAX);
    case 3:
        return json_real(1e308);
    case 4:
        return json_string("");
    case 5:
        return json_string("\x1b[2Jx/y/z %s 255.255.255.256/33");
    case 6:
        return json_array();
    case 7:
        return json_object();
    case 8:
        return json_boolean(take(in) % 2);
    case 9:
        return json_pack("[n, [n], {s:n}]", "x");
    case 10:
        return json_pack("{s:[], s:{}}", "dc1", "cpe1");
    default:
        return json_string("10.10.0.0/16");
    }
}

static const char *key_at(json_t *object, size_t at)
{
    void *iterator = json_object_iter(object);

    while (at-- && iterator)
        iterator = json_object_iter_next(object, iterator);
    return json_object_iter_key(iterator);
}

static json_t *child_of(json_t *value, size_t at)
{
    return json_is_object(value) ? json_object_get(value, key_at(value, at)) : json_array_get(value, at);
}

static size_t size_of(const json_t *value)
{
    return json_is_object(value) ? json_object_size(value) : json_array_size(value);
}

static void put_in(json_t *parent, size_t at, bool away, json_t *value)
{
    if (json_is_array(parent)) {
        if (away)
            json_array_remove(parent, at);
        else
            json_array_set(parent, at, value);
        return;
    }
    VC_AUTO_FREE char *key = strdup(key_at(parent, at));
    if (away)
        json_object_del(parent, key);
    else
        json_object_set(parent, key, value);
}

/* Goes down by one byte a level, and takes away or replaces what it comes to. */
static void edit(json_t *document, struct input *in)
{
    unsigned levels = 1 + take(in) % 8;
    json_t *parent = document;
    size_t at = size_of(parent) ? take(in) % size_of(parent) : 0;

    while (--levels && size_of(child_of(parent, at))) {
        parent = child_of(parent, at);
        at = take(in) % size_of(parent);
    }
    if (!size_of(parent))
        return;
    VC_AUTO_JSON *value = something(in);
    put_in(parent, at, take(in) % 3 == 0, value);
}

static json_t *document_of(const uint8_t *data, size_t size)
{
    if (size && *data == '{')
        return json_loadb((const char *)data, size, 0, NULL);
    struct input in = {data, size};
    json_t *document = original(take(&in));
    while (in.left)
        edit(document, &in);
    return document;
}

static bool is_known(const char *cause)
{
    for (size_t i = 0; cause && vc_doctor_cause(i); i++)
        if (!strcmp(vc_doctor_cause(i), cause))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VC_AUTO_JSON *document = document_of(data, size);
    VC_AUTO_JSON *diagnosis = document ? vc_doctor_examine(document) : NULL;
    const json_t *causes = json_object_get(diagnosis, "causes"), *cause;
    bool others;
    size_t i;

    if (!document)
        return 0;
    if (!json_is_array(causes) || (json_is_true(json_object_get(diagnosis, "healthy")) && json_array_size(causes)))
        abort();
    json_array_foreach(causes, i, cause)
    {
        const char *name = json_string_value(json_object_get(cause, "cause"));
        if (!is_known(name) || !vc_doctor_names(diagnosis, name, "", "", NULL, &others))
            abort();
    }
    VC_AUTO_TALLOC char *text = vc_doctor_text(NULL, diagnosis, false);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' && *p != '\n')
            abort(); /* a terminal would obey it */
    return 0;
}
