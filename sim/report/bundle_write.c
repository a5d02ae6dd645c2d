#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "report/bundle_private.h"

const char *const vc_bundle_members[VC_BUNDLE_MEMBERS] = {
    [VC_BUNDLE_MANIFEST] = "manifest.json",
    [VC_BUNDLE_DOCUMENTS] = "documents.json",
    [VC_BUNDLE_EVENTS] = "events.jsonl",
    [VC_BUNDLE_RUN] = "run.json",
};

char *vc_bundle_checksum(void *ctx, const json_t *manifest)
{
    VC_AUTO_JSON *copy = json_copy((json_t *)(uintptr_t)manifest);
    json_object_del(copy, "checksum");
    VC_AUTO_FREE char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);

    return text ? vc_digest_bytes(ctx, text, strlen(text)) : NULL;
}

struct contents {
    char *text[VC_BUNDLE_MEMBERS];
    size_t size[VC_BUNDLE_MEMBERS];
};

static void set_contents(void *ctx, struct contents *contents, enum vc_bundle_member member, const json_t *document)
{
    VC_AUTO_FREE char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

    contents->text[member] = talloc_asprintf(ctx, "%s\n", text ? text : "");
    contents->size[member] = strlen(contents->text[member]);
}

static int read_events(void *ctx, const char *result, struct contents *contents, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result);
    VC_AUTO_FILE *file = fopen(path, "re");
    struct stat st;

    if (!file || fstat(fileno(file), &st))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);
    if ((uint64_t)st.st_size > VC_BUNDLE_CONTENTS_MAX / 2)
        return vc_fail(err, VC_EXIT_FAIL, 0, "%s has %lld MiB, more than a bundle may hold", path,
                       (long long)st.st_size >> 20);
    char *text = talloc_size(ctx, (size_t)st.st_size + 1);
    size_t size = fread(text, 1, (size_t)st.st_size, file);
    if (ferror(file))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);
    contents->text[VC_BUNDLE_EVENTS] = text;
    contents->size[VC_BUNDLE_EVENTS] = size;
    return 0;
}

static json_t *manifest_of(void *ctx, const json_t *run, json_t *replaced, const struct contents *contents)
{
    static const char *const copied[] = {"scenario", "topology", "timers", "image",   "versions", "seed",
                                         "captured", "evidence", "start",  "verdict", "digest"};
    json_t *manifest = json_pack("{s:s, s:O}", "schema", VC_BUNDLE_SCHEMA, "replaced", replaced);
    json_t *members = json_object();

    for (size_t i = 0; i < VC_COUNT(copied); i++)
        json_object_set(manifest, copied[i], json_object_get(run, copied[i]));
    for (size_t i = VC_BUNDLE_MANIFEST + 1; i < VC_BUNDLE_MEMBERS; i++)
        json_object_set_new(members, vc_bundle_members[i],
                            json_string(vc_digest_bytes(ctx, contents->text[i], contents->size[i])));
    json_object_set_new(manifest, "members", members);
    json_object_set_new(manifest, "checksum", json_string(vc_bundle_checksum(ctx, manifest)));
    return manifest;
}

static void archive_cleanup(struct archive **archive)
{
    if (*archive)
        archive_write_free(*archive);
}

static void entry_cleanup(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

static int pack_member(struct archive *archive, const char *name, const char *text, size_t size)
{
    __attribute__((cleanup(entry_cleanup))) struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    return archive_write_header(archive, entry) == ARCHIVE_OK &&
                   archive_write_data(archive, text, size) == (la_ssize_t)size
               ? 0
               : -1;
}

static int pack(const char *file, const struct contents *contents, vc_error **err)
{
    __attribute__((cleanup(archive_cleanup))) struct archive *archive = archive_write_new();
    bool failed = archive_write_set_format_ustar(archive) || archive_write_add_filter_zstd(archive) ||
                  archive_write_open_filename(archive, file);

    for (size_t i = 0; !failed && i < VC_BUNDLE_MEMBERS; i++)
        failed = pack_member(archive, vc_bundle_members[i], contents->text[i], contents->size[i]);
    if (failed || archive_write_close(archive))
        return vc_fail(err, VC_EXIT_HOST, 0, "cannot write the bundle %s: %s", file, archive_error_string(archive));
    return 0;
}

int vc_bundle_write(const char *file, const char *result, json_t *documents, json_t *replaced, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *run = vc_result_load_run(result, err);
    struct contents contents = {0};

    if (!run || read_events(ctx, result, &contents, err))
        return -1;
    set_contents(ctx, &contents, VC_BUNDLE_DOCUMENTS, documents);
    set_contents(ctx, &contents, VC_BUNDLE_RUN, run);
    VC_AUTO_JSON *manifest = manifest_of(ctx, run, replaced, &contents);
    set_contents(ctx, &contents, VC_BUNDLE_MANIFEST, manifest);
    const char *temporary = talloc_asprintf(ctx, "%s.%d.new", file, (int)getpid());
    int failed = pack(temporary, &contents, err);
    if (!failed && rename(temporary, file))
        failed = vc_fail(err, VC_EXIT_HOST, errno, "cannot write the bundle %s", file);
    if (failed)
        unlink(temporary);
    else
        vc_result_give(file);
    return failed;
}
