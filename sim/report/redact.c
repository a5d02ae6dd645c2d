/*
 * Secrets leave the documents before a run that is to be given to others, so the run that is recorded never knew them
 * and plays again to the same digest. A tunnel's keys go without a trace: the plan derives others from the seed.
 * Whoever else had the same key, another tunnel, a node that is configured otherwise, a file of a node's, says by a
 * mark whose it was (plan/key.h), and a key that is no tunnel's becomes a word: so keys that were the same still
 * are, and others still are others. A document that had a secret is written anew from its tree, as JSON (which is
 * YAML): its comments, which may repeat the secret, go with it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "model/document.h"
#include "report/bundle_private.h"
#include "config/redact_file.h"

/* Where a shorter secret stands elsewhere it may as well be an ordinary word ("voice"). */
#define TELLING_BYTES 6

static bool is_secret(const struct vc_doc *doc)
{
    static const char *const parts[] = {"psk", "password", "passphrase", "secret", "private_key"};

    for (size_t i = 0; doc->key && i < VC_COUNT(parts); i++)
        if (strcasestr(doc->key, parts[i]) && strcmp(doc->key, "ipsec.secrets") != 0) /* a file's name */
            return true;
    return false;
}

struct redaction {
    const char *path; /* of the document, as in the blob */
    json_t *replaced;
    struct vc_secrets *secrets;
};

static void note_texts(const struct redaction *redaction, const struct vc_doc *doc)
{
    if (doc->type == VC_DOC_SCALAR && *doc->text)
        vc_secrets_note(redaction->secrets, doc->text, NULL);
    for (size_t i = 0; i < doc->count; i++)
        note_texts(redaction, doc->items[i]);
}

static void note_replaced(const struct redaction *redaction, const struct vc_doc *item)
{
    json_array_append_new(redaction->replaced,
                          json_sprintf("%s:%d: %s", redaction->path, item->key_mark.line, item->key));
}

/* A mark is no key; nor, of a node, is a word that says that there is none. */
static bool says_no_key(const struct vc_doc *item, bool kept)
{
    return item->type == VC_DOC_SCALAR && (vc_secrets_is_mark(item->text, strlen(item->text)) ||
                                           (kept && (!strcmp(item->text, "none") || !*item->text)));
}

/*
 * `kept`: what is configured otherwise stays so, by a mark or a word. Else a tunnel's own key is left out, unless it is
 * that of another tunnel.
 */
static json_t *without_secrets(const struct redaction *redaction, const struct vc_doc *doc, bool kept);

static void add_member(const struct redaction *redaction, const struct vc_doc *item, bool kept, json_t *out)
{
    const char *mark;

    if (!is_secret(item) || says_no_key(item, kept)) {
        json_object_set_new(out, item->key, without_secrets(redaction, item, kept || !strcmp(item->key, "configure")));
        return;
    }
    note_texts(redaction, item);
    note_replaced(redaction, item);
    mark = item->type == VC_DOC_SCALAR ? vc_secrets_mark(redaction->secrets, item->text, kept) : NULL;
    if (mark && (kept || !vc_secrets_is_first(redaction->secrets, item->text, redaction->path, item->key_mark.line)))
        json_object_set_new(out, item->key, json_string(mark));
}

static json_t *without_secrets(const struct redaction *redaction, const struct vc_doc *doc, bool kept)
{
    json_t *out = doc->type == VC_DOC_MAP ? json_object() : json_array();

    if (doc->type == VC_DOC_SCALAR) {
        json_decref(out);
        return json_string(doc->text);
    }
    for (size_t i = 0; i < doc->count; i++)
        if (doc->type == VC_DOC_LIST)
            json_array_append_new(out, without_secrets(redaction, doc->items[i], kept));
        else
            add_member(redaction, doc->items[i], kept, out);
    return out;
}

/* Which key is which tunnel's. */
static void note_tunnels(const struct redaction *redaction, const struct vc_doc *doc)
{
    static const struct {
        const char *member, *mark;
    } keys[] = {{"psk", "<PSK-%s>"}, {"bgp_password", "<BGP-PW-%s>"}};
    const struct vc_doc *tunnels = doc->type == VC_DOC_MAP ? vc_doc_member(doc, "tunnels") : NULL;

    for (size_t i = 0; tunnels && i < tunnels->count; i++)
        for (size_t k = 0; k < VC_COUNT(keys); k++) {
            const struct vc_doc *tunnel = tunnels->items[i];
            const struct vc_doc *key =
                tunnel->type == VC_DOC_MAP && tunnel->key ? vc_doc_member(tunnel, keys[k].member) : NULL;

            if (!key || key->type != VC_DOC_SCALAR || !*key->text || vc_secrets_is_mark(key->text, strlen(key->text)))
                continue;
            VC_AUTO_TALLOC char *mark = talloc_asprintf(NULL, keys[k].mark, tunnel->key);
            vc_secrets_note(redaction->secrets, key->text, mark);
            vc_secrets_first(redaction->secrets, key->text, redaction->path, key->key_mark.line);
        }
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

static bool is_document(const char *path)
{
    size_t length = strlen(path);

    return length > 5 && !strcmp(path + length - 5, ".yaml");
}

/* A new reference to the document's text without secrets; the same text when it has none. */
static json_t *redacted(const struct redaction *redaction, json_t *text, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t before = json_array_size(redaction->replaced);
    const struct vc_doc *doc = parse(ctx, redaction->path, text, err);

    if (!doc)
        return NULL;
    VC_AUTO_JSON *tree = without_secrets(redaction, doc, false);
    if (json_array_size(redaction->replaced) == before)
        return json_incref(text);
    VC_AUTO_FREE char *dump = json_dumps(tree, JSON_INDENT(1));
    return json_string(dump);
}

/* ---- files of nodes ---- */

/* What their owner calls a file is his affair; the document says what it is: {PATH: FORM}. */
static void note_forms(json_t *forms, const char *path, const struct vc_doc *doc)
{
    const struct vc_doc *nodes = doc->type == VC_DOC_MAP ? vc_doc_member(doc, "nodes") : NULL;
    const char *slash = strrchr(path, '/');

    for (size_t i = 0; nodes && i < nodes->count; i++) {
        const struct vc_doc *files =
            nodes->items[i]->type == VC_DOC_MAP ? vc_doc_member(nodes->items[i], "files") : NULL;

        for (size_t k = 0; files && files->type == VC_DOC_MAP && k < files->count; k++) {
            if (files->items[k]->type != VC_DOC_SCALAR)
                continue;
            VC_AUTO_TALLOC char *file =
                talloc_asprintf(NULL, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, files->items[k]->text);
            json_object_set_new(forms, file, json_string(files->items[k]->key));
        }
    }
}

static const char *form_of(const json_t *forms, const char *path)
{
    const char *said = json_string_value(json_object_get(forms, path)), *slash = strrchr(path, '/');

    return said ? said : slash ? slash + 1 : path;
}

/* ---- all documents ---- */

static bool holds(const char *text, const char *secret)
{
    VC_AUTO_JSON *value = json_string(secret);
    VC_AUTO_FREE char *quoted = json_dumps(value, JSON_ENCODE_ANY);

    if (!quoted || strlen(secret) < TELLING_BYTES)
        return false;
    quoted[strlen(quoted) - 1] = 0; /* what is between the quotes */
    return strstr(text, secret) || strstr(text, quoted + 1);
}

static int check_leftovers(json_t *texts, const struct vc_secrets *secrets, vc_error **err)
{
    const char *path, *secret;
    json_t *text;

    json_object_foreach(texts, path, text) for (size_t i = 0; (secret = vc_secrets_text(secrets, i)); i++)
    {
        if (holds(json_string_value(text), secret))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s: a secret of the topology also stands here, outside of its own member (in a description "
                           "or comment); take it out before you share the run",
                           path);
    }
    return 0;
}

/* The tunnels' keys first, so that it is known whose a key is wherever it is met; and which file is what. */
static int find_tunnels(json_t *texts, struct vc_secrets *secrets, json_t *forms, vc_error **err)
{
    const char *path;
    json_t *text;

    json_object_foreach(texts, path, text)
    {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const struct vc_doc *doc = is_document(path) ? parse(ctx, path, text, err) : NULL;

        if (doc) {
            note_tunnels(&(struct redaction){path, NULL, secrets}, doc);
            note_forms(forms, path, doc);
        } else if (is_document(path)) {
            return -1;
        }
    }
    return 0;
}

json_t *vc_bundle_node_files(json_t *texts, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_secrets *secrets = vc_secrets_new(NULL);
    VC_AUTO_JSON *forms = json_object();

    return find_tunnels(texts, secrets, forms, err) ? NULL : json_incref(forms);
}

int vc_redact(json_t *documents, json_t *replaced, vc_error **err)
{
    json_t *texts = json_object_get(documents, "documents"), *text;
    VC_AUTO_TALLOC struct vc_secrets *secrets = vc_secrets_new(NULL);
    VC_AUTO_JSON *clean = json_object();
    VC_AUTO_JSON *forms = json_object();
    const char *path;

    if (find_tunnels(texts, secrets, forms, err))
        return -1;
    json_object_foreach(texts, path, text)
    {
        const struct redaction redaction = {path, replaced, secrets};
        json_t *out = is_document(path)
                          ? redacted(&redaction, text, err)
                          : vc_redact_file(secrets, form_of(forms, path), path, json_string_value(text), replaced, err);
        if (!out)
            return -1;
        json_object_set_new(clean, path, out);
    }
    json_object_set(documents, "documents", clean);
    return check_leftovers(clean, secrets, err);
}
