/* Evidence of real labs, made sick by hand, and the doctor's answer in one line. */
#pragma once

#include <criterion/criterion.h>
#include <string.h>

#include "doctor/doctor.h"

#define FOLDER VCLAB_SOURCE_DIR "/tests/doctor/evidence/"

static inline json_t *load(const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", FOLDER, name);
    json_error_t problem;
    json_t *document = json_load_file(path, 0, &problem);

    cr_assert(document, "%s: %s", path, problem.text);
    return document;
}

static inline const char *text(const json_t *object, const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));

    return value ? value : "";
}

/* "cause@node/tunnel cause@node/tunnel", in the doctor's order. */
static inline char *answer_of(void *ctx, const json_t *diagnosis)
{
    char *out = talloc_strdup(ctx, "");
    size_t i;
    json_t *cause;

    json_array_foreach(json_object_get(diagnosis, "causes"), i, cause)
    {
        out = talloc_asprintf_append(out, "%s%s@%s/%s%s", i ? " " : "", text(cause, "cause"), text(cause, "node"),
                                     text(cause, "tunnel"), json_is_true(json_object_get(cause, "latent")) ? "?" : "");
    }

    return out;
}

static inline void answers(const json_t *evidence, const char *wanted, const char *what)
{
    VC_AUTO_JSON *diagnosis = vc_doctor_examine(evidence);
    VC_AUTO_TALLOC char *answer = answer_of(NULL, diagnosis);

    cr_expect_str_eq(answer, wanted, "%s: the doctor says \"%s\", it is \"%s\"", what, answer, wanted);
    cr_expect_eq(json_is_true(json_object_get(diagnosis, "healthy")), !*wanted, "%s: healthy", what);
}

/* The member at a path such as "nodes/cpe1/ike"; aborts the test when it is not there. */
static inline json_t *at(json_t *document, const char *path)
{
    VC_AUTO_TALLOC char *copy = talloc_strdup(NULL, path);
    char *save = NULL;

    for (char *step = strtok_r(copy, "/", &save); step; step = strtok_r(NULL, "/", &save)) {
        document =
            json_is_array(document) ? json_array_get(document, (size_t)atoi(step)) : json_object_get(document, step);
        cr_assert(document, "no %s in %s", step, path);
    }
    return document;
}

static inline void put(json_t *evidence, const char *path, const char *member, const char *value)
{
    json_object_set_new(at(evidence, path), member, json_loads(value, JSON_DECODE_ANY, NULL));
}

struct put {
    const char *path, *member, *value; /* JSON */
};

struct made {
    const char *what, *base;
    struct put puts[8];
    const char *wanted;
};

static inline void says(const struct made *made, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        VC_AUTO_JSON *evidence = load(made[i].base);
        for (size_t p = 0; p < VC_COUNT(made[i].puts) && made[i].puts[p].path; p++)
            put(evidence, made[i].puts[p].path, made[i].puts[p].member, made[i].puts[p].value);
        answers(evidence, made[i].wanted, made[i].what);
    }
}
