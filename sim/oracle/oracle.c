#include "oracle/private.h"

#include <string.h>

struct vc_oracle *vc_oracle_new(void *ctx, const struct vc_topology *topology, const struct vc_timers *timers,
                                vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_oracle *oracle = talloc_zero(scratch, struct vc_oracle);

    oracle->topology = topology;
    oracle->timers = timers;
    if (oracle_static(oracle, err))
        return NULL;
    oracle_elements(oracle);
    return talloc_steal(ctx, oracle);
}

size_t vc_oracle_count(const struct vc_oracle *oracle)
{
    return oracle->element_count;
}

const struct vc_element *vc_oracle_element(const struct vc_oracle *oracle, size_t i)
{
    return &oracle->elements[i].shown;
}

size_t vc_oracle_find(const struct vc_oracle *oracle, const char *name)
{
    for (size_t i = 0; i < oracle->element_count; i++)
        if (!strcmp(oracle->elements[i].shown.name, name))
            return i;
    return VC_NONE;
}

/* A node that is powered on starts its daemons, those that were killed before, too. */
static void revive(const struct vc_oracle *oracle, bool *failed, size_t node)
{
    for (size_t i = 0; i < oracle->element_count; i++)
        if (oracle->elements[i].shown.kind == VC_ELEMENT_DAEMON && oracle->elements[i].node == node)
            failed[i] = false;
}

static const struct net *net_after(void *ctx, const struct vc_oracle *oracle, const struct vc_oracle_step *steps,
                                   size_t count)
{
    VC_AUTO_TALLOC bool *failed = talloc_zero_array(NULL, bool, oracle->element_count);
    const struct net *net = net_settled(ctx, oracle, failed, NULL);

    for (size_t i = 0; i < count; i++) {
        const struct element *element = &oracle->elements[steps[i].element];

        failed[steps[i].element] = !steps[i].heal;
        if (steps[i].heal && element->shown.kind == VC_ELEMENT_NODE)
            revive(oracle, failed, element->node);
        net = net_settled(ctx, oracle, failed, net);
    }
    return net;
}

struct vc_oracle_path vc_oracle_ask_after(void *ctx, const struct vc_oracle *oracle, const struct vc_oracle_step *steps,
                                          size_t count, size_t from, size_t to)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_oracle_path path = net_walk(scratch, net_after(scratch, oracle, steps, count), from, to).path;

    talloc_steal(ctx, path.via);
    return path;
}

static struct vc_oracle_step *as_steps(void *ctx, const size_t *failed, size_t count)
{
    struct vc_oracle_step *steps = talloc_array(ctx, struct vc_oracle_step, count);

    for (size_t i = 0; i < count; i++)
        steps[i] = (struct vc_oracle_step){.element = failed[i]};
    return steps;
}

struct vc_oracle_path vc_oracle_ask(void *ctx, const struct vc_oracle *oracle, const size_t *failed,
                                    size_t failed_count, size_t from, size_t to)
{
    VC_AUTO_TALLOC struct vc_oracle_step *steps = as_steps(NULL, failed, failed_count);

    return vc_oracle_ask_after(ctx, oracle, steps, failed_count, from, to);
}

static void add_why(char **text, const char *what, const char *name, const char *why)
{
    *text = talloc_asprintf_append(*text, "%s%s %s is down (%s)", **text ? "; " : "", what, name, why);
}

/* Of a tunnel and the session in it only the lower is told. */
static char *what_is_down(void *ctx, const struct net *net)
{
    const struct vc_topology *t = net->oracle->topology;
    char *text = talloc_strdup(ctx, "");

    for (size_t i = 0; i < t->tunnel_count; i++)
        if (net->tunnels[i].why)
            add_why(&text, "tunnel", t->tunnels[i].name, net->tunnels[i].why);
    for (size_t i = 0; i < net->oracle->session_count; i++) {
        const struct session *session = &net->oracle->sessions[i];
        if (net->sessions[i].up || (session->tunnel != VC_NONE && net->tunnels[session->tunnel].why))
            continue;
        bool over_tunnel = session->tunnel != VC_NONE;
        add_why(&text, over_tunnel ? "BGP in tunnel" : "BGP on",
                over_tunnel ? t->tunnels[session->tunnel].name : t->links[session->link].name, net->sessions[i].why);
    }
    return text;
}

char *vc_oracle_why_after(void *ctx, const struct vc_oracle *oracle, const struct vc_oracle_step *steps, size_t count,
                          size_t from, size_t to)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct net *net = net_after(scratch, oracle, steps, count);
    const char *down = what_is_down(scratch, net), *story = net_walk(scratch, net, from, to).story;

    return talloc_asprintf(ctx, "%s%s%s", *down ? down : "everything is up", *story ? "; " : "", story);
}

char *vc_oracle_why(void *ctx, const struct vc_oracle *oracle, const size_t *failed, size_t failed_count, size_t from,
                    size_t to)
{
    VC_AUTO_TALLOC struct vc_oracle_step *steps = as_steps(NULL, failed, failed_count);

    return vc_oracle_why_after(ctx, oracle, steps, failed_count, from, to);
}
