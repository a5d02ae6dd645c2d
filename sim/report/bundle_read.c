/*
 * Reading a bundle. It is unpacked into memory under limits, names are looked up in a table and never used as paths,
 * and what it says of itself is checked before anything is believed: the checksums tell damage, the checks of form tell
 * ill will.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "report/bundle_private.h"
#include "vm/blob.h"
#include "vm/blob_path.h"

#define DOCUMENTS_MAX  64 /* a scenario, its topology, bases and the files of their nodes */
#define BLOCK          65536
#define SCHEMA_PREFIX  "vclab.bundle/"
#define NAME_MAX_BYTES 100

struct member {
    char *text; /* malloc: talloc takes no piece of 256 MiB */
    size_t size;
    bool there;
};

struct reading {
    const char *file;
    struct archive *archive;
    struct member members[VC_BUNDLE_MEMBERS];
    size_t total;
};

static void archive_cleanup(struct archive **archive)
{
    if (*archive)
        archive_read_free(*archive);
}

static int refuse(const struct reading *reading, vc_error **err, const char *why)
{
    return vc_fail(err, VC_EXIT_USAGE, 0, "%s: %s", reading->file, why);
}

/* ---- archive ---- */

static int make_room(const struct reading *reading, struct member *member, size_t *room, vc_error **err)
{
    if (*room - member->size >= BLOCK)
        return 0;
    *room = *room * 2 + BLOCK;
    char *text = realloc(member->text, *room);
    if (!text)
        return vc_fail(err, VC_EXIT_HOST, ENOMEM, "reading %s", reading->file);
    member->text = text;
    return 0;
}

static int read_data(struct reading *reading, struct member *member, vc_error **err)
{
    size_t room = 0;

    for (;;) {
        if (make_room(reading, member, &room, err))
            return -1;
        la_ssize_t n = archive_read_data(reading->archive, member->text + member->size, BLOCK - 1);
        if (n < 0)
            return refuse(reading, err, "the bundle is damaged or cut off");
        if (!n)
            break;
        member->size += (size_t)n;
        reading->total += (size_t)n;
        if (reading->total > VC_BUNDLE_CONTENTS_MAX)
            return refuse(reading, err, "the bundle unpacks to more than 256 MiB, which none of vclab's does");
    }
    member->text[member->size] = 0;
    return 0;
}

static int read_member(struct reading *reading, struct archive_entry *entry, vc_error **err)
{
    const char *name = archive_entry_pathname(entry);

    for (size_t i = 0; name && i < VC_BUNDLE_MEMBERS; i++) {
        struct member *member = &reading->members[i];

        if (strcmp(name, vc_bundle_members[i]) != 0)
            continue;
        if (member->there || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
            return refuse(reading, err, "a member of the bundle is there twice or is no file");
        member->there = true;
        return read_data(reading, member, err);
    }
    return refuse(reading, err, "it holds something that is no part of a bundle");
}

static int open_archive(struct reading *reading, int fd, vc_error **err)
{
    struct stat st;

    if (fd < 0)
        return vc_fail(err, VC_EXIT_USAGE, errno, "%s", reading->file);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return refuse(reading, err, "not a file");
    if ((uint64_t)st.st_size > VC_BUNDLE_FILE_MAX)
        return refuse(reading, err, "larger than 64 MiB, which no bundle of vclab is");
    archive_read_support_filter_zstd(reading->archive);
    archive_read_support_format_tar(reading->archive);
    return archive_read_open_fd(reading->archive, fd, BLOCK) == ARCHIVE_OK
               ? 0
               : refuse(reading, err, "not a bundle of vclab (a tar archive packed by zstd), or damaged");
}

static int read_archive(struct reading *reading, vc_error **err)
{
    __attribute__((cleanup(archive_cleanup))) struct archive *archive = archive_read_new();
    VC_AUTO_FD fd = open(reading->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct archive_entry *entry;
    int status;

    reading->archive = archive;
    if (open_archive(reading, fd, err))
        return -1;
    while ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN)
        if (read_member(reading, entry, err))
            return -1;
    for (size_t i = 0; status == ARCHIVE_EOF && i < VC_BUNDLE_MEMBERS; i++)
        if (!reading->members[i].there)
            status = ARCHIVE_FATAL;
    return status == ARCHIVE_EOF
               ? 0
               : refuse(reading, err, "not a bundle of vclab (a tar archive packed by zstd), or damaged or cut off");
}

/* ---- contents ---- */

static json_t *parse(const struct reading *reading, enum vc_bundle_member which, vc_error **err)
{
    const struct member *member = &reading->members[which];
    json_t *document = json_loadb(member->text, member->size, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(document))
        return document;
    json_decref(document);
    vc_fail(err, VC_EXIT_USAGE, 0, "%s: the bundle is damaged: %s", reading->file, vc_bundle_members[which]);
    return NULL;
}

static int check_schema(const struct reading *reading, const json_t *manifest, vc_error **err)
{
    const char *schema = vc_member_text(manifest, "schema");

    if (!strcmp(schema, VC_BUNDLE_SCHEMA))
        return 0;
    if (!strncmp(schema, SCHEMA_PREFIX, strlen(SCHEMA_PREFIX)) && strtol(schema + strlen(SCHEMA_PREFIX), NULL, 10) > 1)
        return refuse(reading, err, "the bundle is of a newer vclab; replay it with that one");
    return refuse(reading, err, "not a bundle of vclab: its manifest has no schema this program knows");
}

static int check_digests(const struct reading *reading, const json_t *manifest, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const json_t *members = json_object_get(manifest, "members");
    const char *checksum = vc_bundle_checksum(ctx, manifest);
    bool whole = checksum && !strcmp(checksum, vc_member_text(manifest, "checksum"));

    for (size_t i = VC_BUNDLE_MANIFEST + 1; whole && i < VC_BUNDLE_MEMBERS; i++) {
        const struct member *member = &reading->members[i];
        const char *digest = vc_digest_bytes(ctx, member->text, member->size);
        whole = !strcmp(digest, vc_member_text(members, vc_bundle_members[i]));
    }
    whole = whole &&
            !strcmp(vc_member_text(members, vc_bundle_members[VC_BUNDLE_EVENTS]), vc_member_text(manifest, "digest"));
    return whole ? 0 : refuse(reading, err, "the bundle is damaged: its contents are not what its manifest says");
}

static bool is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    return length && length <= NAME_MAX_BYTES && !text[length] && text[0] != '.' && text[0] != '-';
}

static bool are_texts(json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value) if (!json_is_string(value)) return false;
    return json_is_object(object);
}

static int check_form(const struct reading *reading, const json_t *manifest, const json_t *run, vc_error **err)
{
    const json_t *seed = json_object_get(manifest, "seed");

    if (is_name(vc_member_text(manifest, "scenario")) && json_is_integer(seed) && json_integer_value(seed) >= 0 &&
        json_is_boolean(json_object_get(manifest, "captured")) && *vc_member_text(manifest, "image") &&
        are_texts(json_object_get(manifest, "versions")) && !strcmp(vc_member_text(run, "schema"), "vclab.run/1") &&
        json_is_object(json_object_get(run, "files")))
        return 0;
    return refuse(reading, err, "the bundle's manifest lacks what a replay needs, or says it in a wrong form");
}

static bool is_yaml(const char *path)
{
    size_t length = strlen(path);

    return length > 5 && !strcmp(path + length - 5, ".yaml");
}

/* The guest's home has a folder nodes/ of the program's own: no document takes its place. What is no document is a file
 * that one of them names as a node's own. */
static int check_paths(const struct reading *reading, json_t *texts, vc_error **err)
{
    VC_AUTO_JSON *files = NULL;
    const char *path;
    json_t *text;

    json_object_foreach(texts, path, text) if (!vc_path_is_plain(path) || !strncmp(path, "nodes/", 6)) return refuse(
        reading, err, "a document of the bundle has a path that is refused");
    json_object_foreach(texts, path, text)
    {
        if (is_yaml(path))
            continue;
        if (!files && !(files = vc_bundle_node_files(texts, err)))
            return vc_wrap(err, "%s", reading->file);
        if (!json_object_get(files, path))
            return refuse(reading, err, "a file of the bundle is refused: none of its documents names it");
    }
    return 0;
}

static int check_documents(const struct reading *reading, json_t *documents, vc_error **err)
{
    json_t *texts = json_object_get(documents, "documents"), *text;
    const char *path;
    size_t bytes = 0;

    if (!are_texts(texts) || !json_object_size(texts) || json_object_size(texts) > DOCUMENTS_MAX)
        return refuse(reading, err, "the bundle's documents are no texts, or too many");
    if (check_paths(reading, texts, err))
        return -1;
    json_object_foreach(texts, path, text) bytes += json_string_length(text);
    if (bytes > VC_BLOB_SIZE)
        return refuse(reading, err, "the bundle's documents are larger than a guest takes");
    if (!json_object_get(texts, vc_member_text(documents, "scenario")))
        return refuse(reading, err, "the bundle's documents lack its scenario");
    return 0;
}

static int bundle_free(struct vc_bundle *bundle)
{
    json_decref(bundle->manifest);
    json_decref(bundle->documents);
    json_decref(bundle->run);
    free(bundle->events);
    return 0;
}

static int check(const struct reading *reading, struct vc_bundle *bundle, vc_error **err)
{
    bundle->manifest = parse(reading, VC_BUNDLE_MANIFEST, err);
    if (!bundle->manifest || check_schema(reading, bundle->manifest, err) ||
        check_digests(reading, bundle->manifest, err))
        return -1;
    bundle->documents = parse(reading, VC_BUNDLE_DOCUMENTS, err);
    bundle->run = bundle->documents ? parse(reading, VC_BUNDLE_RUN, err) : NULL;
    return bundle->run && !check_form(reading, bundle->manifest, bundle->run, err)
               ? check_documents(reading, bundle->documents, err)
               : -1;
}

static void reading_cleanup(struct reading *reading)
{
    for (size_t i = 0; i < VC_BUNDLE_MEMBERS; i++)
        free(reading->members[i].text);
}

struct vc_bundle *vc_bundle_read(void *ctx, const char *file, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_bundle *bundle = talloc_zero(ctx, struct vc_bundle);
    __attribute__((cleanup(reading_cleanup))) struct reading reading = {.file = file};

    talloc_set_destructor(bundle, bundle_free);
    if (read_archive(&reading, err) || check(&reading, bundle, err))
        return NULL;
    bundle->events = VC_STEAL_PTR(reading.members[VC_BUNDLE_EVENTS].text);
    bundle->events_size = reading.members[VC_BUNDLE_EVENTS].size;
    return VC_STEAL_PTR(bundle);
}

int vc_bundle_unpack_result(const struct vc_bundle *bundle, const char *folder, vc_error **err)
{
    VC_AUTO_FREE char *run = json_dumps(bundle->run, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

    return vc_result_replace(folder, "events.jsonl", bundle->events, bundle->events_size, err) ||
                   vc_result_replace(folder, "run.json", run, strlen(run), err)
               ? -1
               : 0;
}
