/* SHA-256 of what a run left. */
#include "report/report_private.h"

#include <errno.h>
#include <fts.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <string.h>

static char *finish(void *ctx, struct sha256_ctx *sha)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    char hex[BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE)];

    sha256_digest(sha, sizeof digest, digest);
    base16_encode_update(hex, sizeof digest, digest);
    return talloc_asprintf(ctx, "sha256:%.*s", (int)sizeof hex, hex);
}

char *vc_digest_bytes(void *ctx, const void *data, size_t size)
{
    struct sha256_ctx sha;

    sha256_init(&sha);
    sha256_update(&sha, size, data);
    return finish(ctx, &sha);
}

static char *digest_stream(void *ctx, FILE *file)
{
    struct sha256_ctx sha;
    uint8_t block[1 << 14];

    sha256_init(&sha);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        sha256_update(&sha, n, block);
    return ferror(file) ? NULL : finish(ctx, &sha);
}

char *vc_result_digest(void *ctx, const char *result_path, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result_path);
    VC_AUTO_FILE *file = fopen(path, "re");

    if (!file) {
        vc_fail(err, VC_EXIT_USAGE, errno, "%s is not a result of vclab: cannot read %s", result_path, path);
        return NULL;
    }
    char *digest = digest_stream(ctx, file);
    if (!digest)
        vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);
    return digest;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int add_file(json_t *files, const char *path, const char *name, vc_error **err)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    VC_AUTO_TALLOC char *digest = file ? digest_stream(NULL, file) : NULL;

    if (!digest)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);
    json_object_set_new(files, name, json_string(digest));
    return 0;
}

json_t *vc_result_files(const char *path, vc_error **err)
{
    VC_AUTO_TALLOC char *captures = talloc_asprintf(NULL, "%s/captures", path);
    VC_AUTO_TALLOC char *logs = talloc_asprintf(NULL, "%s/logs", path);
    VC_AUTO_JSON *files = json_object();
    FTS *tree = fts_open((char *const[]){captures, logs, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    int failed = tree ? 0 : vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);

    for (FTSENT *entry; !failed && (entry = fts_read(tree));)
        if (entry->fts_info == FTS_F)
            failed = add_file(files, entry->fts_path, entry->fts_path + strlen(path) + 1, err);
    if (tree)
        fts_close(tree);
    return failed ? NULL : VC_STEAL_PTR(files);
}
