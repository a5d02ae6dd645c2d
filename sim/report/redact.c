/*
 * Secrets leave the documents before a run that is to be given to others, so the run that is recorded never knew them
 * and plays again to the same digest. A document that had one is written anew from its tree, as JSON (which is YAML):
 * its comments, which may repeat the secret, go with it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "model/document.h"
#include "report/bundle.h"

/* Where a shorter secret stands elsewhere it may as well be an ordinary word ("voice"). */
#define TELLING_BYTES 6

static bool is_secret(const struct vc_doc *doc)
{
    static const char *const parts[] = {"psk", "password", "passphrase", "secret", "private_key"};

    for (size_t i = 0; doc->key && i < VC_COUNT(parts); i++)
        if (strcasestr(doc->key, parts[i]))
            return true;
    return false;
}

struct redaction {
    const char *path; /* of the document, as in the blob */
    json_t *replaced;
    json_t *secrets; /* texts → true */
};

static void note_texts(const struct redaction *redaction, const struct vc_doc *doc)
{
    if (doc->type == VC_DOC_SCALAR && *doc->text)
        json_object_set_new(redaction->secrets, doc->text, json_true());
    for (size_t i = 0; i < doc->count; i++)
        note_texts(redaction, doc->items[i]);
}

static json_t *without_secrets(const struct redaction *redaction, const struct vc_doc *doc)
{
    json_t *out = doc->type == VC_DOC_MAP ? json_object() : json_array();

    if (doc->type == VC_DOC_SCALAR) {
        json_decref(out);
        return json_string(doc->text);
    }
    for (size_t i = 0; i < doc->count; i++) {
        const struct vc_doc *item = doc->items[i];
        if (doc->type == VC_DOC_LIST) {
            json_array_append_new(out, without_secrets(redaction, item));
        } else if (is_secret(item)) {
            note_texts(redaction, item);
            json_array_append_new(redaction->replaced,
                                  json_sprintf("%s:%d: %s", redaction->path, item->key_mark.line, item->key));
        } else {
            json_object_set_new(out, item->key, without_secrets(redaction, item));
        }
    }
    return out;
}

/* The reader takes files. */
static const struct vc_doc *parse(void *ctx, const char *path, const json_t *text, vc_error **err)
{
    struct vc_problems *problems = vc_problems_new(ctx);
    size_t size = json_string_length(text);
    VC_AUTO_FD fd = memfd_create("document", MFD_CLOEXEC);

    if (fd < 0 || write(fd, json_string_value(text), size) != (ssize_t)size) {
        vc_fail(err, VC_EXIT_HOST, errno, "reading %s", path);
        return NULL;
    }
    const struct vc_doc *doc = vc_doc_load(ctx, talloc_asprintf(ctx, "/proc/self/fd/%d", fd), problems);
    if (vc_problems_finish(problems, err) < 0) {
        vc_wrap(err, "%s", path);
        return NULL;
    }
    return doc;
}

/* A new reference to the document's text without secrets; the same text when it has none. */
static json_t *redacted(const struct redaction *redaction, json_t *text, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t before = json_array_size(redaction->replaced);
    const struct vc_doc *doc = parse(ctx, redaction->path, text, err);

    if (!doc)
        return NULL;
    VC_AUTO_JSON *tree = without_secrets(redaction, doc);
    if (json_array_size(redaction->replaced) == before)
        return json_incref(text);
    VC_AUTO_FREE char *dump = json_dumps(tree, JSON_INDENT(1));
    return json_string(dump);
}

static bool holds(const char *text, const char *secret)
{
    VC_AUTO_JSON *value = json_string(secret);
    VC_AUTO_FREE char *quoted = json_dumps(value, JSON_ENCODE_ANY);

    if (!quoted || strlen(secret) < TELLING_BYTES)
        return false;
    quoted[strlen(quoted) - 1] = 0; /* what is between the quotes */
    return strstr(text, secret) || strstr(text, quoted + 1);
}

static int check_leftovers(json_t *texts, json_t *secrets, vc_error **err)
{
    const char *path, *secret;
    json_t *text, *value;

    json_object_foreach(texts, path, text) json_object_foreach(secrets, secret, value)
    {
        if (holds(json_string_value(text), secret))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s: a secret of the topology also stands here, outside of its own member (in a description "
                           "or comment); take it out before you share the run",
                           path);
    }
    return 0;
}

int vc_redact(json_t *documents, json_t *replaced, vc_error **err)
{
    json_t *texts = json_object_get(documents, "documents"), *text;
    VC_AUTO_JSON *secrets = json_object();
    VC_AUTO_JSON *clean = json_object();
    const char *path;

    json_object_foreach(texts, path, text)
    {
        json_t *out = redacted(&(struct redaction){path, replaced, secrets}, text, err);
        if (!out)
            return -1;
        json_object_set_new(clean, path, out);
    }
    json_object_set(documents, "documents", clean);
    return check_leftovers(clean, secrets, err);
}
