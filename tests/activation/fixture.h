/* A folder of the test's own on a disk of memory (an fsync there costs nothing), forms in it, and a ledger. */
#pragma once

#include <criterion/criterion.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "activation/activation.h"

static char top[] = "/dev/shm/vclab-activation-XXXXXX";

static inline int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                               struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static inline void folder_open(void)
{
    cr_assert(mkdtemp(top));
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    unsetenv("SUDO_UID");
}

static inline void folder_close(void)
{
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* top/name; talloc child of ctx. */
static inline char *in_top(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", top, name);
}

static inline void put_file(const char *path, const char *text)
{
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0, "%s", path);
}

/* A form of one CPE, order `number` of customer `customer`, whose public address is the number's own. */
static inline char *put_form(void *ctx, const char *customer, unsigned number, const char *more)
{
    char *path = talloc_asprintf(ctx, "%s/f%u.yaml", top, number);
    VC_AUTO_TALLOC char *text = talloc_asprintf(
        NULL,
        "form: f%u\ncustomer: %s\norder: o%u\nquantity: 3\nregions: [eu, us, ap]\nregion: eu\ndedicated_instance: "
        "active\n"
        "lan: [10.10.0.0/16]\ncpes:\n  cpe1: {ipsec: 8.%u.%u.10, transport: {dc1: 10.200.0.1, dc2: 10.200.0.2}}\n%s",
        number, customer, number, number >> 8, number & 255, more);

    put_file(path, text);
    return path;
}

static inline struct vc_ledger *open_ledger(void *ctx, const char *name)
{
    VC_AUTO_TALLOC char *file = in_top(NULL, name);
    VC_AUTO_ERROR *err = NULL;
    struct vc_ledger *ledger = vc_ledger_open(ctx, file, VC_LEDGER_WRITE, &err);

    cr_assert(ledger, "%s", err ? err->message : "");
    return ledger;
}

/* A form that is only in memory. */
static inline struct vc_form *make_form(void *ctx, const char *customer, const char *region, unsigned number)
{
    VC_AUTO_JSON *json = json_pack(
        "{s:s, s:s, s:o, s:i, s:[s, s, s], s:s, s:s, s:[s], s:{s:{s:o, s:{s:s, s:s}}}}", "form", "made", "customer",
        customer, "order", json_sprintf("o%u", number), "quantity", 3, "regions", "eu", "us", "ap", "region", region,
        "dedicated_instance", "active", "lan", "10.10.0.0/16", "cpes", "cpe1", "ipsec",
        json_sprintf("8.%u.%u.10", number >> 8, number & 255), "transport", "dc1", "10.200.0.1", "dc2", "10.200.0.2");
    VC_AUTO_ERROR *err = NULL;

    struct vc_form *form = vc_form_from_json(ctx, json, &err);
    cr_assert(form, "%s", err ? err->message : "");
    return form;
}

static const uint64_t fixture_seed = 1;

static inline struct vc_order *allocate(void *ctx, struct vc_ledger *ledger, const struct vc_form *form)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_order *order = vc_allocate(ctx, ledger, form, &fixture_seed, &err);

    cr_assert(order, "%s", err ? err->message : "");
    return order;
}

/* The ledger's invariants hold and it has so many live orders. */
static inline void ledger_has(struct vc_ledger *ledger, unsigned wanted)
{
    VC_AUTO_ERROR *err = NULL;
    unsigned orders = 0;

    cr_assert(!vc_ledger_check(ledger, &orders, &err), "%s", err ? err->message : "");
    cr_assert_eq(orders, wanted, "%u orders, not %u", orders, wanted);
}
