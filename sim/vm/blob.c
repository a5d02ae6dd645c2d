/*
 * Documents travel with the structure that the scenario needs to find its topology again: by name below topologies/;
 * by a relative path as far from the scenario as it was. A path that means nothing elsewhere (an absolute one, say) is
 * the only part of a document that is written anew.
 */
#include "vm/blob.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/home.h"
#include "model/document.h"
#include "vm/blob_path.h"
#include "vm/blob_reference.h"

/* The whole file as a JSON string. */
static json_t *read_text(const char *path, vc_error **err)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    VC_AUTO_FREE char *text = malloc(VC_BLOB_SIZE + 1);

    if (!file || !text) {
        vc_fail(err, VC_EXIT_USAGE, errno, "cannot read %s", path);
        return NULL;
    }
    size_t size = fread(text, 1, VC_BLOB_SIZE + 1, file);
    if (ferror(file) || size > VC_BLOB_SIZE) {
        vc_fail(err, VC_EXIT_USAGE, ferror(file) ? EIO : EFBIG, "cannot carry %s into the guest", path);
        return NULL;
    }
    json_t *string = json_stringn(text, size);
    if (!string)
        vc_fail(err, VC_EXIT_USAGE, 0, "%s is no UTF-8 text", path);
    return string;
}

/* How the scenario names its topology, and where. talloc child of ctx. */
static const struct vc_doc *topology_reference(void *ctx, const struct vc_scenario *scenario, vc_error **err)
{
    struct vc_problems *problems = vc_problems_new(ctx);
    const struct vc_doc *doc = vc_doc_load(ctx, scenario->file, problems);
    const struct vc_doc *name = doc && doc->type == VC_DOC_MAP ? vc_doc_member(doc, "topology") : NULL;

    if (vc_problems_finish(problems, err) < 0)
        return NULL;
    if (!name || name->type != VC_DOC_SCALAR) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s names no topology any more: it has changed since it was read",
                scenario->file);
        return NULL;
    }
    return name;
}

static bool is_name(const char *reference)
{
    return !strchr(reference, '/') && !strstr(reference, ".yaml");
}

/* The file's path below VCLAB_HOME, links resolved; NULL when it is elsewhere. */
static char *path_at_home(void *ctx, const char *file)
{
    VC_AUTO_FREE char *home = realpath(vc_home(), NULL);
    VC_AUTO_FREE char *path = realpath(file, NULL);
    size_t length = home ? strlen(home) : 0;

    if (!home || !path || strncmp(path, home, length) != 0 || path[length] != '/' ||
        !vc_path_is_plain(path + length + 1))
        return NULL;
    return talloc_strdup(ctx, path + length + 1);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/*
 * `reference` seen from the folder of the document `from`, as a document's path. NULL when it leads out, or when ".."
 * follows a name (folders would have to exist only for that).
 */
static char *resolve(void *ctx, const char *from, const char *reference)
{
    VC_AUTO_TALLOC char *folder = talloc_strndup(NULL, from, (size_t)(base_name(from) - from));
    size_t length = strlen(folder); /* ends with '/', or is empty */

    for (;; reference += reference[1] == '/' ? 2 : 3) {
        if (!strncmp(reference, "./", 2))
            continue;
        if (strncmp(reference, "../", 3) != 0)
            break;
        if (!length)
            return NULL;
        for (folder[--length] = 0; length && folder[length - 1] != '/';)
            folder[--length] = 0;
    }
    char *path = talloc_asprintf(ctx, "%s%s", folder, reference);
    if (vc_path_is_plain(path))
        return path;
    talloc_free(path);
    return NULL;
}

/* A path below run/ so deep that `reference` stays below it. */
static char *path_of_guest(void *ctx, const char *file, const char *reference)
{
    char *path = talloc_strdup(ctx, "run/");

    for (const char *up = reference; !is_name(reference) && (up = strstr(up, "../")); up += 3)
        path = talloc_strdup_append(path, "d/");
    return talloc_strdup_append(path, base_name(file));
}

struct places {
    char *scenario, *topology;
    bool anew; /* the scenario's reference does not lead from one to the other */
};

static void find_places(void *ctx, const struct vc_scenario *scenario, const char *reference, struct places *places)
{
    char *at_home = path_at_home(ctx, scenario->file);

    *places = (struct places){.scenario = at_home ? at_home : path_of_guest(ctx, scenario->file, reference)};
    if (is_name(reference)) {
        places->topology = talloc_asprintf(ctx, "topologies/%s.yaml", reference);
        return;
    }
    places->topology = resolve(ctx, places->scenario, reference);
    if (!places->topology && at_home) { /* a scenario of ours with a topology from elsewhere */
        places->scenario = path_of_guest(ctx, scenario->file, reference);
        places->topology = resolve(ctx, places->scenario, reference);
    }
    if (places->topology)
        return;
    places->anew = true;
    places->scenario = at_home ? at_home : talloc_asprintf(ctx, "run/%s", base_name(scenario->file));
    places->topology = path_at_home(ctx, scenario->topology->file);
    if (!places->topology)
        places->topology = talloc_asprintf(ctx, "run/topology/%s", base_name(scenario->topology->file));
}

/* Where a document that was read from `file` stands among the packed ones: the topology, or one of its bases. */
static char *place_of_document(void *ctx, const struct vc_topology *topology, const char *place, const char *file)
{
    int folder = (int)(base_name(place) - place);

    for (size_t i = 0; i < topology->base_count; i++)
        if (!strcmp(topology->bases[i].file, file))
            return talloc_asprintf(ctx, "%.*s%s", folder, place, topology->bases[i].path);
    return talloc_strdup(ctx, place);
}

/* The files that nodes bring along, as far from the document that names them as they were. */
static int pack_own_files(const struct vc_topology *topology, const char *place, json_t *documents, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    for (size_t n = 0; n < topology->node_count; n++)
        for (size_t i = 0; i < topology->nodes[n].file_count; i++) {
            const struct vc_own_file *own = &topology->nodes[n].files[i];
            const char *of = place_of_document(scratch, topology, place, own->mark.file);
            const char *path = talloc_asprintf(scratch, "%.*s%s", (int)(base_name(of) - of), of, own->path);
            json_t *text = json_string(own->text);

            if (!text)
                return vc_fail(err, VC_EXIT_USAGE, 0, "%s:%d:%d: %s is no UTF-8 text", own->mark.file, own->mark.line,
                               own->mark.column, own->path);
            json_object_set_new(documents, path, text);
        }
    return 0;
}

static json_t *pack_documents(const struct vc_scenario *scenario, const char *timers,
                              const struct vc_topology *topology, const struct places *places, vc_error **err)
{
    VC_AUTO_JSON *documents = json_object();
    json_t *text = read_text(topology->file, err);

    if (!text)
        return NULL;
    json_object_set_new(documents, places->topology, text);
    for (size_t i = 0; i < topology->base_count; i++) { /* beside the topology, as it looks for them there first */
        VC_AUTO_TALLOC char *path =
            talloc_asprintf(NULL, "%.*s%s", (int)(base_name(places->topology) - places->topology), places->topology,
                            topology->bases[i].path);
        text = read_text(topology->bases[i].file, err);
        if (!text)
            return NULL;
        json_object_set_new(documents, path, text);
    }
    if (pack_own_files(topology, places->topology, documents, err))
        return NULL;
    if (scenario) {
        text = read_text(scenario->file, err);
        if (!text)
            return NULL;
        json_object_set_new(documents, places->scenario, text);
    }
    return json_pack("{s:s?, s:s, s:s, s:O}", "scenario", scenario ? places->scenario : NULL, "topology",
                     places->topology, "timers", timers, "documents", documents);
}

/* The scenario's text names the topology where it is now. */
static int refer_anew(json_t *packed, const struct places *places, const struct vc_doc *reference, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    json_t *documents = json_object_get(packed, "documents");
    const char *text = json_string_value(json_object_get(documents, places->scenario));
    const char *anew = vc_reference_replace(scratch, text, reference->mark, reference->text,
                                            vc_reference_between(scratch, places->scenario, places->topology), err);

    return anew ? json_object_set_new(documents, places->scenario, json_string(anew)) : -1;
}

json_t *vc_blob_documents(const struct vc_scenario *scenario, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct places places;

    if (!scenario->file || !strcmp(scenario->file, scenario->topology->file)) /* made up (vc_scenario_bare) */
        return vc_blob_lab_documents(scenario->topology, scenario->timers->name, err);
    const struct vc_doc *reference = topology_reference(scratch, scenario, err);
    if (!reference)
        return NULL;
    find_places(scratch, scenario, reference->text, &places);
    VC_AUTO_JSON *packed = pack_documents(scenario, scenario->timers->name, scenario->topology, &places, err);
    if (!packed || (places.anew && refer_anew(packed, &places, reference, err) < 0))
        return NULL;
    return VC_STEAL_PTR(packed);
}

json_t *vc_blob_lab_documents(const struct vc_topology *topology, const char *timers, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct places places = {.topology = path_at_home(scratch, topology->file)};

    if (!places.topology)
        places.topology = talloc_asprintf(scratch, "run/%s", base_name(topology->file));
    return pack_documents(NULL, timers, topology, &places, err);
}

char *vc_blob_pack(void *ctx, const json_t *documents, const struct vc_blob_options *options, vc_error **err)
{
    /* jansson has no unsigned numbers: the seed keeps its bits. "evidence" is 1 or 2, which take equally long to read:
     * the guest's clock counts that, and a run played again for its evidence is to be the same to its end. */
    VC_AUTO_JSON *members = json_pack("{s:I, s:b, s:i, s:s*, s:I}", "seed", (json_int_t)options->seed, "captures",
                                      options->captures, "evidence", 1 + options->evidence, "shell", options->shell,
                                      "limit_ns", (json_int_t)options->limit_ns);
    VC_AUTO_JSON *blob = json_copy((json_t *)(uintptr_t)documents);

    if (!members || !blob || json_object_set(blob, "options", members) < 0) {
        vc_fail(err, VC_EXIT_USAGE, 0, "the documents for the guest are no JSON object");
        return NULL;
    }
    char *text = talloc_size(ctx, VC_BLOB_SIZE + 1);
    size_t size = json_dumpb(blob, text, VC_BLOB_SIZE, JSON_COMPACT | JSON_SORT_KEYS);
    if (size == 0 || size > VC_BLOB_SIZE) {
        talloc_free(text);
        vc_fail(err, VC_EXIT_USAGE, 0, "scenario and topology take %zu bytes, but only %d fit into a guest", size,
                VC_BLOB_SIZE);
        return NULL;
    }
    memset(text + size, ' ', VC_BLOB_SIZE - size);
    text[VC_BLOB_SIZE] = 0;
    return text;
}

static int write_document(const char *home, const char *path, const json_t *text, vc_error **err)
{
    if (!json_is_string(text))
        return vc_fail(err, VC_EXIT_USAGE, 0, "the document %s is no text", path);
    VC_AUTO_FD fd = vc_path_create(home, path, err);
    if (fd < 0)
        return -1;
    const char *from = json_string_value(text);
    for (size_t left = json_string_length(text); left;) {
        ssize_t n = write(fd, from, left);

        if (n < 0 && errno != EINTR)
            return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s/%s", home, path);
        from += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int vc_blob_write_documents(const json_t *blob, const char *home, vc_error **err)
{
    json_t *documents = json_object_get(blob, "documents"), *text;
    const char *path;

    if (!json_is_object(documents))
        return vc_fail(err, VC_EXIT_USAGE, 0, "\"documents\" is missing");
    json_object_foreach(documents, path, text)
    {
        if (write_document(home, path, text, err) < 0)
            return -1;
    }
    return 0;
}

/* The path of one of the documents. */
static int read_path(void *ctx, const json_t *blob, const char *key, const char *home, char **path, vc_error **err)
{
    const json_t *value = json_object_get(blob, key);

    *path = NULL;
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_string(value) || !json_object_get(json_object_get(blob, "documents"), json_string_value(value)))
        return vc_fail(err, VC_EXIT_USAGE, 0, "\"%s\" names none of the documents", key);
    *path = talloc_asprintf(ctx, "%s/%s", home, json_string_value(value));
    return 0;
}

static int read_options(void *ctx, const json_t *blob, struct vc_blob_options *options, vc_error **err)
{
    json_t *members = json_object_get(blob, "options");
    const char *shell = json_string_value(json_object_get(members, "shell"));
    json_int_t seed, limit_ns;
    int captures, evidence;

    if (json_unpack(members, "{s:I, s:b, s:i, s:I}", "seed", &seed, "captures", &captures, "evidence", &evidence,
                    "limit_ns", &limit_ns) < 0)
        return vc_fail(err, VC_EXIT_USAGE, 0, "\"options\" is missing or damaged");
    *options = (struct vc_blob_options){.seed = (uint64_t)seed,
                                        .captures = captures,
                                        .evidence = evidence - 1,
                                        .shell = shell ? talloc_strdup(ctx, shell) : NULL,
                                        .limit_ns = limit_ns};
    return 0;
}

int vc_blob_unpack(void *ctx, const char *text, size_t size, const char *home, struct vc_blob_paths *paths,
                   struct vc_blob_options *options, vc_error **err)
{
    json_error_t damage;
    VC_AUTO_JSON *blob = json_loadb(text, size, 0, &damage);
    const char *timers = json_string_value(json_object_get(blob, "timers"));

    if (!json_is_object(blob) || !timers)
        return vc_fail(err, VC_EXIT_USAGE, 0, "what the guest is told is damaged: %s",
                       blob ? "no timers" : damage.text);
    if (read_options(ctx, blob, options, err) < 0 || vc_blob_write_documents(blob, home, err) < 0 ||
        read_path(ctx, blob, "scenario", home, &paths->scenario, err) < 0 ||
        read_path(ctx, blob, "topology", home, &paths->topology, err) < 0)
        return -1;
    paths->timers = talloc_strdup(ctx, timers);
    return 0;
}
