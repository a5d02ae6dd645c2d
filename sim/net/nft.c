/*
 * One libnftables context for each namespace. Its netlink socket stays where it was opened, but names of interfaces are
 * looked up where the thread is, so every script runs inside the namespace. What is read is asked as a list of all such
 * objects: a missing one is then an empty list and not an error.
 */
#include "net/nft.h"

#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <string.h>

#include "net/netns.h"

struct vc_nft {
    int netns;
    struct nft_ctx *nft;
};

static int destroy(struct vc_nft *nft)
{
    if (nft->nft)
        nft_ctx_free(nft->nft);
    if (nft->netns >= 0)
        close(nft->netns);
    return 0;
}

static int open_context(struct vc_nft *nft, int netns, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return -1;
    nft->netns = fcntl(netns, F_DUPFD_CLOEXEC, 3);
    if (nft->netns < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "nftables: keep the namespace");
    nft->nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft->nft || nft_ctx_buffer_output(nft->nft) || nft_ctx_buffer_error(nft->nft))
        return vc_fail(err, VC_EXIT_HOST, ENOMEM, "nftables: open");
    return 0;
}

struct vc_nft *vc_nft_open(void *ctx, int netns, vc_error **err)
{
    struct vc_nft *nft = talloc_zero(ctx, struct vc_nft);

    nft->netns = -1;
    talloc_set_destructor(nft, destroy);
    if (open_context(nft, netns, err) < 0) {
        talloc_free(nft);
        return NULL;
    }
    return nft;
}

static int run(struct vc_nft *nft, unsigned flags, const char *script, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(nft->netns, err);

    if (scope.back < 0)
        return -1;
    nft_ctx_output_set_flags(nft->nft, flags);
    int status = nft_run_cmd_from_buffer(nft->nft, script);
    const char *output = nft_ctx_get_error_buffer(nft->nft);
    if (!status)
        return 0;
    size_t length = strlen(output);
    while (length && output[length - 1] == '\n')
        length--;
    return vc_fail(err, VC_EXIT_FAIL, 0, "nftables: %.*s", (int)length, length ? output : "failed without a message");
}

int vc_nft_run(struct vc_nft *nft, const char *script, vc_error **err)
{
    int status = run(nft, 0, script, err);

    nft_ctx_get_output_buffer(nft->nft); /* empties it */
    return status;
}

/* The members of {"nftables": [{"<kind>": {…}}, …]} for which all pairs of `wanted` are equal; a new reference, or NULL
 * with *err when the question failed. */
static int find(struct vc_nft *nft, const char *question, const char *kind, const json_t *wanted, json_t **found,
                vc_error **err)
{
    json_error_t problem;
    json_t *item;
    size_t i;

    *found = NULL;
    if (run(nft, NFT_CTX_OUTPUT_JSON, question, err) < 0)
        return -1;
    VC_AUTO_JSON *reply = json_loads(nft_ctx_get_output_buffer(nft->nft), 0, &problem);
    if (!reply)
        return vc_fail(err, VC_EXIT_FAIL, 0, "nftables: %s: not JSON: %s", question, problem.text);
    json_array_foreach(json_object_get(reply, "nftables"), i, item)
    {
        json_t *object = json_object_get(item, kind);
        VC_AUTO_JSON *merged = object ? json_copy(object) : NULL;
        if (!object)
            continue;
        json_object_update(merged, (json_t *)(uintptr_t)wanted);
        if (json_equal(merged, object)) {
            *found = json_incref(object);
            return 0;
        }
    }
    return 0;
}

int vc_nft_counter(struct vc_nft *nft, const char *family, const char *table, const char *name, bool *exists,
                   uint64_t *packets, vc_error **err)
{
    VC_AUTO_JSON *wanted = json_pack("{s:s, s:s, s:s}", "family", family, "table", table, "name", name);
    VC_AUTO_JSON *counter = NULL;

    if (find(nft, "list counters", "counter", wanted, &counter, err) < 0)
        return -1;
    *exists = counter;
    *packets = (uint64_t)json_integer_value(json_object_get(counter, "packets"));
    return 0;
}

int vc_nft_table_exists(struct vc_nft *nft, const char *family, const char *table, bool *exists, vc_error **err)
{
    VC_AUTO_JSON *wanted = json_pack("{s:s, s:s}", "family", family, "name", table);
    VC_AUTO_JSON *found = NULL;

    if (find(nft, "list tables", "table", wanted, &found, err) < 0)
        return -1;
    *exists = found;
    return 0;
}

json_t *vc_nft_list(struct vc_nft *nft, const char *question, vc_error **err)
{
    json_error_t problem;

    if (run(nft, NFT_CTX_OUTPUT_JSON, question, err) < 0)
        return NULL;
    VC_AUTO_JSON *reply = json_loads(nft_ctx_get_output_buffer(nft->nft), 0, &problem);
    if (!reply) {
        vc_fail(err, VC_EXIT_FAIL, 0, "nftables: %s: not JSON: %s", question, problem.text);
        return NULL;
    }
    return json_incref(json_object_get(reply, "nftables"));
}
