/* Which link is made of what: a function of what the links need, what the host has, and what was asked for. */
#include <criterion/criterion.h>

#include <string.h>

#include "run/wires.h"

struct asked {
    void *ctx;
    struct vc_plan plan;
    struct vc_scenario scenario;
    struct vc_topology *topology;
};

static char no_netem[] = "no netem here", no_tbf[] = "no tbf here", no_ns3[] = "there is no vclab-wire: libns3-dev";

static size_t link_of(const struct asked *asked, const char *name)
{
    for (size_t i = 0; i < asked->topology->link_count; i++)
        if (!strcmp(asked->topology->links[i].name, name))
            return i;
    cr_assert_fail("no link %s", name);
    return 0;
}

static void open_lab(struct asked *asked)
{
    VC_AUTO_ERROR *err = NULL;

    asked->ctx = talloc_new(NULL);
    asked->topology =
        vc_topology_load(asked->ctx, VCLAB_SOURCE_DIR "/topologies/two-cpe.yaml", VCLAB_SOURCE_DIR "/nodes", &err);
    cr_assert(asked->topology, "%s", err ? err->message : "");
    asked->plan = (struct vc_plan){.topology = asked->topology};
    asked->scenario = (struct vc_scenario){.topology = asked->topology};
}

/* What a link or tunnel needs, as a word: a delay (netem), a rate (tbf), nothing. */
static void ask(struct asked *asked, const char *link, const char *fault_at, const char *what)
{
    bool delay = strcmp(what, "delay") == 0;

    if (link)
        asked->topology->links[link_of(asked, link)].wire =
            delay ? (struct vc_wire){.delay_us = 1000} : (struct vc_wire){.rate_mbit = 10};
    if (!fault_at)
        return;
    bool tunnel = strncmp(fault_at, "tunnel:", 7) == 0;
    struct vc_step *step = talloc_zero(asked->ctx, struct vc_step);
    step->kind = VC_STEP_FAULT;
    step->spec = json_pack("{s:s, s:s, s:s, s:o}", "kind", "impair", "name", "far", tunnel ? "tunnel" : "link",
                           tunnel ? fault_at + 7 : fault_at, what, delay ? json_string("10ms") : json_integer(10));
    asked->scenario.steps = step;
    asked->scenario.step_count = 1;
}

struct row {
    const char *asked;        /* --wires */
    const char *link, *fault; /* that needs `what`; "tunnel:dc1" a tunnel; NULL none */
    const char *what;         /* delay, rate */
    const char *lacks;        /* of n(etem), t(bf), w(ire program) */
    const char *name;         /* what the wires are then; NULL: refused */
    const char *ns3;          /* the links on ns-3: "all", one's name, NULL none; or what the refusal says */
};

static const struct row rows[] = {
    {"auto", NULL, NULL, "", "", "netem", NULL},
    {"auto", NULL, NULL, "", "nt", "veth", NULL},
    {"auto", NULL, NULL, "", "ntw", "veth", NULL},
    {"auto", "inet-dc1", NULL, "delay", "", "netem", NULL},
    {"auto", "inet-dc1", NULL, "delay", "n", "ns3", "inet-dc1"},
    {"auto", "inet-dc1", NULL, "rate", "n", "netem", NULL},
    {"auto", "inet-dc1", NULL, "rate", "nt", "ns3", "inet-dc1"},
    {"auto", NULL, "inet-dc2", "delay", "n", "ns3", "inet-dc2"},
    {"auto", NULL, "inet-dc2", "delay", "nw", NULL, "fault far needs the kernel module sch_netem"},
    {"auto", "inet-dc1", NULL, "delay", "nw", NULL, "run it sealed (without --live); or there is no vclab-wire"},
    {"auto", NULL, "tunnel:dc1", "delay", "n", NULL, "fault far needs the kernel module sch_netem"},
    {"auto", NULL, "tunnel:dc1", "rate", "n", "veth", NULL},
    {"auto", NULL, "tunnel:dc1", "delay", "", "netem", NULL},
    {"netem", NULL, NULL, "", "", "netem", NULL},
    {"netem", NULL, NULL, "", "n", NULL, "sch_netem (no netem here): try --wires ns3"},
    {"netem", "inet-dc1", NULL, "delay", "", "netem", NULL},
    {"netem", "inet-dc1", NULL, "rate", "t", NULL, "link inet-dc1 needs the kernel module sch_tbf"},
    {"ns3", NULL, NULL, "", "", "ns3", "all"},
    {"ns3", "inet-dc1", NULL, "delay", "nt", "ns3", "all"},
    {"ns3", NULL, "inet-dc2", "delay", "nt", "ns3", "all"},
    {"ns3", NULL, "tunnel:dc1", "delay", "n", NULL, "fault far needs the kernel module sch_netem"},
    {"ns3", NULL, NULL, "", "w", NULL, "libns3-dev"},
    {"veth", NULL, NULL, "", "ntw", "veth", NULL},
    {"veth", "inet-dc1", NULL, "delay", "", NULL, "link inet-dc1 gives a wire a character"},
    {"veth", "inet-dc1", NULL, "rate", "", NULL, "link inet-dc1 gives a wire a character"},
    {"veth", NULL, "inet-dc2", "delay", "", NULL, "fault far gives a wire a character"},
    {"veth", NULL, "tunnel:dc1", "rate", "", NULL, "fault far gives a wire a character"},
};

static void check_links(const struct row *row, size_t number, const struct asked *asked,
                        const struct vc_lab_links *links)
{
    cr_expect_str_eq(links->name, row->name, "row %zu: %s", number, links->name);
    cr_expect_eq(links->ns3 != NULL, row->ns3 != NULL, "row %zu", number);
    for (size_t k = 0; links->ns3 && k < asked->topology->link_count; k++) {
        const char *name = asked->topology->links[k].name;
        cr_expect_eq(links->ns3[k], !strcmp(row->ns3, "all") || !strcmp(row->ns3, name), "row %zu: %s", number, name);
    }
}

Test(wires, choice)
{
    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        const struct vc_wires_host host = {.why_not_netem = strchr(row->lacks, 'n') ? no_netem : NULL,
                                           .why_not_tbf = strchr(row->lacks, 't') ? no_tbf : NULL,
                                           .why_not_ns3 = strchr(row->lacks, 'w') ? no_ns3 : NULL,
                                           .program = -1};
        struct asked asked;
        struct vc_lab_links links = {0};
        enum vc_wires_mode mode;
        VC_AUTO_ERROR *err = NULL;

        open_lab(&asked);
        if (*row->what)
            ask(&asked, row->link, row->fault, row->what);
        cr_assert_eq(vc_wires_mode(row->asked, &mode, &err), 0);
        int status = vc_wires_choose(asked.ctx, &asked.plan, &asked.scenario, mode, &host, &links, &err);
        cr_expect_eq(status == 0, row->name != NULL, "row %zu: %s", i, err ? err->message : "chosen");
        if (status == 0 && row->name)
            check_links(row, i, &asked, &links);
        if (status)
            cr_expect(err->status == VC_EXIT_HOST && strstr(err->message, row->ns3) && !strchr(err->message, '\n'),
                      "row %zu: %s", i, err->message);
        if (asked.scenario.steps)
            json_decref(asked.scenario.steps[0].spec);
        talloc_free(asked.ctx);
    }
}

Test(wires, names)
{
    VC_AUTO_ERROR *err = NULL;
    enum vc_wires_mode mode;

    cr_expect(vc_wires_mode(NULL, &mode, &err) == 0 && mode == VC_WIRES_AUTO);
    cr_expect(vc_wires_mode("ns3", &mode, &err) == 0 && mode == VC_WIRES_NS3);
    cr_assert_eq(vc_wires_mode("string", &mode, &err), -1);
    cr_expect(err->status == VC_EXIT_USAGE && strstr(err->message, "--wires string: auto, netem, ns3 or veth"));
}
