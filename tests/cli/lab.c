#include "lab.h"

#include <fcntl.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

/* There is no event for "converged" outside the lab: it is asked again and again. */
#define ASK_EVERY_MS 100

void lab_up(const char *results)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *up = VCLAB(ctx, "up", "two-cpe", "--results", results);

    EXITS(up, 0);
    cr_assert(strstr(up->out, "active/active on both tunnels"), "%s", up->out);
}

void lab_down(const char *results)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    EXITS(VCLAB(ctx, "down", "--results", results), 0);
    cr_assert(host_quiet(2000), "the lab lives on");
}

json_t *lab_status(const char *results)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command = VCLAB(ctx, "status", "--json", "--results", results);
    json_error_t error;

    EXITS(command, 0);
    json_t *status = json_loads(command->out, 0, &error);
    cr_assert(status, "%s:\n%s", error.text, command->out);
    return status;
}

json_t *lab_node(const json_t *status, const char *name)
{
    json_t *node;
    size_t i;

    json_array_foreach(json_object_get(json_object_get(status, "lab"), "nodes"), i, node)
    {
        if (!strcmp(json_string_value(json_object_get(node, "name")), name))
            return node;
    }
    cr_assert_fail("status has no node %s", name);
    return NULL;
}

/* How many BGP sessions are Established at the node; -1 when one is not. */
static int sessions_of(const json_t *node)
{
    json_t *bgp = json_object_get(node, "bgp");
    json_t *family = json_object_get(bgp, "ipv4Unicast");
    const char *address;
    json_t *peer;
    int up = 0;

    json_object_foreach(json_object_get(family ? family : bgp, "peers"), address, peer)
    {
        const char *state = json_string_value(json_object_get(peer, "state"));
        if (!state || strcmp(state, "Established"))
            return -1;
        up++;
    }
    return up;
}

/* BFD follows BGP by a second; before that a silent loss would be left to the hold timer. */
static int bfd_sessions_up(const json_t *node)
{
    json_t *session;
    int up = 0;
    size_t i;

    json_array_foreach(json_object_get(node, "bfd"), i, session)
    {
        const char *state = json_string_value(json_object_get(session, "status"));
        up += state && !strcmp(state, "up");
    }
    return up;
}

static int installed_sas(const json_t *node)
{
    json_t *item, *sa, *child;
    const char *name, *child_name;
    int installed = 0;
    size_t i;

    json_array_foreach(json_object_get(node, "sas"), i, item) json_object_foreach(item, name, sa)
        json_object_foreach(json_object_get(sa, "child-sas"), child_name, child)
    {
        const char *state = json_string_value(json_object_get(child, "state"));
        installed += state && !strcmp(state, "INSTALLED");
    }
    return installed;
}

static bool flow_takes(const json_t *status, const char *flow, const char *direction, const char *tunnel)
{
    json_t *path =
        json_object_get(json_object_get(json_object_get(json_object_get(status, "flows"), flow), direction), "path");

    return json_array_size(path) == 1 && !strcmp(json_string_value(json_array_get(path, 0)), tunnel);
}

bool lab_converged(const json_t *status, void *ctx, char **why)
{
    static const struct {
        const char *node;
        int sessions; /* with the other end of the tunnel, the other CPE or router, and the LAN */
        int bfd;
        int sas; /* at least: a rekeyed or doubled one may still be there */
    } wanted[] = {{"cpe1", 3, 1, 1},       {"cpe2", 3, 1, 1},        {"dc1-router", 2, 1, 0},
                  {"dc2-router", 2, 1, 0}, {"dc1-headend", 0, 0, 1}, {"dc2-headend", 0, 0, 1}};
    static const struct {
        const char *flow, *tunnel;
    } flows[] = {{"phone-dc1-srv", "dc1"}, {"phone-dc2-srv", "dc2"}};

    for (size_t i = 0; i < VC_COUNT(wanted); i++) {
        json_t *node = lab_node(status, wanted[i].node);
        *why = talloc_asprintf(ctx, "%s has %d sessions, %d of BFD and %d SAs", wanted[i].node, sessions_of(node),
                               bfd_sessions_up(node), installed_sas(node));
        if (sessions_of(node) != wanted[i].sessions || bfd_sessions_up(node) != wanted[i].bfd ||
            installed_sas(node) < wanted[i].sas)
            return false;
    }
    for (size_t i = 0; i < VC_COUNT(flows); i++) {
        *why = talloc_asprintf(ctx, "%s does not take %s both ways", flows[i].flow, flows[i].tunnel);
        if (!flow_takes(status, flows[i].flow, "forward", flows[i].tunnel) ||
            !flow_takes(status, flows[i].flow, "return", flows[i].tunnel))
            return false;
    }
    return true;
}

static void await(const char *results, bool converged, int ms)
{
    int64_t end = host_now_ms() + ms;

    for (;; poll(NULL, 0, ASK_EVERY_MS)) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_JSON *status = lab_status(results);
        char *why;
        if (lab_converged(status, ctx, &why) == converged)
            return;
        cr_assert(host_now_ms() < end, "%s within %d ms: %s", converged ? "not converged" : "not harmed", ms,
                  converged ? why : "all is well");
    }
}

void lab_await_converged(const char *results, int ms)
{
    await(results, true, ms);
}

void lab_await_harmed(const char *results, int ms)
{
    await(results, false, ms);
}

char *lab_nftables(void *ctx, const char *node)
{
    /* The supervisor is the only child of the test, the engine its only one. */
    ino_t inside = namespace_of(child_of(child_of(getpid())), "pid");
    pid_t pid = process_in(inside, NULL, node);
    char path[64];

    cr_assert(pid > 0, "no process runs in %s", node);
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    VC_AUTO_FD there = open(path, O_RDONLY | O_CLOEXEC);
    VC_AUTO_FD back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    cr_assert(setns(there, CLONE_NEWNET) == 0);
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    cr_assert(nft && !nft_ctx_buffer_output(nft) && !nft_run_cmd_from_buffer(nft, "list ruleset"));
    char *text = talloc_strdup(ctx, nft_ctx_get_output_buffer(nft));
    nft_ctx_free(nft);
    cr_assert(setns(back, CLONE_NEWNET) == 0);
    return text;
}
