/* What is in the ledger: orders, the numbers they have, their secrets. */
#include <string.h>

#include "activation/ledger_private.h"

#define LIVE "status <> '" VC_ORDER_DEACTIVATED "'"
#define NOW  "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"

/* A customer's ASNs are his own affair: another customer may have the same. */
static char *pool_of(void *ctx, enum vc_pool pool, const char *customer)
{
    return pool == VC_POOL_ASN ? talloc_asprintf(ctx, "asn/%s", customer) : talloc_strdup(ctx, vc_pool_name(pool));
}

/* ---- reading ---- */

static int read_numbers(struct vc_ledger *ledger, struct vc_order *order, vc_error **err)
{
    VC_AUTO_STATEMENT *rows =
        vc_ledger_prepare(ledger, err, "SELECT pool, number FROM allocations WHERE owner = ?", "s", order->number);
    unsigned found = 0;
    int more = -1;

    while (rows && (more = vc_ledger_step(ledger, rows, "read", err)) > 0)
        for (enum vc_pool pool = 0; pool < VC_POOLS; pool++) {
            VC_AUTO_TALLOC char *name = pool_of(NULL, pool, order->customer);

            if (strcmp(name, vc_column_text(rows, 0)) != 0)
                continue;
            order->allocation.number[pool] = (unsigned)sqlite3_column_int64(rows, 1);
            found |= 1U << pool;
        }
    if (more < 0)
        return -1;
    if (found != (1U << VC_POOLS) - 1)
        return vc_fail(err, VC_EXIT_HOST, 0, "the ledger %s lacks numbers of order %s: it is damaged; put back a copy",
                       ledger->file, order->number);
    return 0;
}

static int read_secrets(struct vc_ledger *ledger, struct vc_order *order, vc_error **err)
{
    VC_AUTO_STATEMENT *rows =
        vc_ledger_prepare(ledger, err, "SELECT tunnel, kind, secret FROM secrets WHERE owner = ?", "s", order->number);
    int more = -1;

    while (rows && (more = vc_ledger_step(ledger, rows, "read", err)) > 0)
        for (size_t i = 0; i < VC_FORM_DCS; i++) {
            struct vc_allocated_tunnel *tunnel = &order->allocation.tunnels[i];
            const char *secret = vc_column_text(rows, 2);

            if (strcmp(tunnel->name, vc_column_text(rows, 0)) != 0)
                continue;
            *(strcmp(vc_column_text(rows, 1), "psk") ? &tunnel->bgp_password : &tunnel->psk) =
                talloc_strdup(order, secret);
        }
    for (size_t i = 0; !more && i < VC_FORM_DCS; i++)
        if (!order->allocation.tunnels[i].psk || !order->allocation.tunnels[i].bgp_password)
            return vc_fail(err, VC_EXIT_HOST, 0, "the ledger %s lacks keys of order %s: it is damaged; put back a copy",
                           ledger->file, order->number);
    return more;
}

static int read_order(struct vc_ledger *ledger, struct vc_order *order, const char *form, vc_error **err)
{
    VC_AUTO_JSON *json = json_loads(form, 0, NULL);

    order->form = json ? vc_form_from_json(order, json, err) : NULL;
    if (!order->form)
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "the ledger %s has no readable form of order %s: it is damaged; put back "
                       "a copy",
                       ledger->file, order->number);
    if (!strcmp(order->status, VC_ORDER_DEACTIVATED))
        return 0;
    if (read_numbers(ledger, order, err))
        return -1;
    vc_allocation_derive(&order->allocation, order->form);
    return read_secrets(ledger, order, err);
}

struct vc_order *vc_ledger_order(void *ctx, struct vc_ledger *ledger, const char *number, vc_error **err)
{
    VC_AUTO_STATEMENT *row = vc_ledger_prepare(
        ledger, err, "SELECT customer, region, status, since, form FROM orders WHERE number = ?", "s", number);

    if (!row || vc_ledger_step(ledger, row, "read", err) <= 0)
        return NULL;
    VC_AUTO_TALLOC struct vc_order *order = talloc_zero(ctx, struct vc_order);
    const char **texts[] = {&order->customer, &order->region, &order->status, &order->since};
    order->number = talloc_strdup(order, number);
    for (int i = 0; i < (int)VC_COUNT(texts); i++)
        *texts[i] = talloc_strdup(order, vc_column_text(row, i));
    return read_order(ledger, order, vc_column_text(row, 4), err) ? NULL : VC_STEAL_PTR(order);
}

struct vc_names vc_ledger_numbers(void *ctx, struct vc_ledger *ledger, vc_error **err)
{
    VC_AUTO_STATEMENT *rows = vc_ledger_prepare(ledger, err, "SELECT number FROM orders ORDER BY rowid", "");
    const char **names = talloc_array(ctx, const char *, 1);
    size_t count = 0;

    while (rows && vc_ledger_step(ledger, rows, "read", err) > 0) {
        names = talloc_realloc(ctx, names, const char *, (unsigned)count + 2);
        names[count++] = talloc_strdup(names, vc_column_text(rows, 0));
    }
    return VC_NAMES(names, count);
}

/* The first column of the first row, "" without one; NULL with *err. */
static char *first_text(void *ctx, struct vc_ledger *ledger, sqlite3_stmt *statement, vc_error **err)
{
    int row = statement ? vc_ledger_step(ledger, statement, "read", err) : -1;

    return row < 0 ? NULL : talloc_strdup(ctx, row ? vc_column_text(statement, 0) : "");
}

struct vc_other_order *vc_ledger_other_orders(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                              size_t *count, vc_error **err)
{
    VC_AUTO_STATEMENT *rows = vc_ledger_prepare(
        ledger, err, "SELECT number, region FROM orders WHERE customer = ? AND number <> ? AND " LIVE " ORDER BY rowid",
        "ss", form->customer, form->order);
    VC_AUTO_TALLOC struct vc_other_order *out = talloc_array(ctx, struct vc_other_order, 1);
    int more = -1;

    *count = 0;
    while (rows && (more = vc_ledger_step(ledger, rows, "read", err)) > 0) {
        out = talloc_realloc(ctx, out, struct vc_other_order, (unsigned)*count + 1);
        out[*count].number = talloc_strdup(out, vc_column_text(rows, 0));
        out[(*count)++].region = talloc_strdup(out, vc_column_text(rows, 1));
    }
    return more < 0 ? NULL : VC_STEAL_PTR(out);
}

char *vc_ledger_other_source(void *ctx, struct vc_ledger *ledger, const char *customer, struct in_addr address,
                             vc_error **err)
{
    struct vc_ip_text text = vc_addr_text(address);
    VC_AUTO_STATEMENT *statement = vc_ledger_prepare(ledger, err,
                                                     "SELECT number FROM sources JOIN orders ON number = owner "
                                                     "WHERE address = ? AND customer <> ?",
                                                     "ss", text.s, customer);

    return first_text(ctx, ledger, statement, err);
}

/* ---- writing ---- */

static char *form_text(const struct vc_form *form)
{
    VC_AUTO_JSON *json = vc_form_json(form);

    return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
}

int vc_ledger_add(struct vc_ledger *ledger, const struct vc_form *form, vc_error **err)
{
    VC_AUTO_FREE char *text = form_text(form);

    /* A number that was given back may be used again. */
    if (vc_ledger_do(ledger, err, "write",
                     "DELETE FROM orders WHERE number = ? AND status = '" VC_ORDER_DEACTIVATED "'", "s", form->order) ||
        vc_ledger_do(ledger, err, "write",
                     "INSERT INTO orders VALUES (?, ?, ?, '" VC_ORDER_IN_PROGRESS "', " NOW ", ?)", "ssss", form->order,
                     form->customer, form->region, text))
        return -1;
    for (size_t i = 0; i < form->cpe_count; i++) {
        struct vc_ip_text address = vc_addr_text(form->cpes[i].ipsec);

        if (vc_ledger_do(ledger, err, "write", "INSERT INTO sources VALUES (?, ?)", "ss", form->order, address.s))
            return -1;
    }
    return 0;
}

/* From where the pool is searched. */
static int cursor_of(struct vc_ledger *ledger, const char *pool, unsigned *next, vc_error **err)
{
    VC_AUTO_STATEMENT *row = vc_ledger_prepare(ledger, err, "SELECT next FROM cursors WHERE pool = ?", "s", pool);
    int found = row ? vc_ledger_step(ledger, row, "read", err) : -1;

    *next = found > 0 ? (unsigned)sqlite3_column_int64(row, 0) : 0;
    return found < 0 ? -1 : 0;
}

/* 1: taken, 0: another order has it, -1. */
static int try_number(struct vc_ledger *ledger, const char *pool, unsigned number, const char *owner, vc_error **err)
{
    if (vc_ledger_do(ledger, err, "write", "INSERT INTO allocations VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "sus",
                     pool, number, owner))
        return -1;
    return sqlite3_changes(ledger->db);
}

/*
 * The search goes round, so what was given back is given away again as late as possible: a customer whose router still
 * has an old configuration meets nobody there.
 */
static int search(struct vc_ledger *ledger, const char *name, enum vc_pool pool, const char *owner, unsigned *number,
                  vc_error **err)
{
    unsigned size = vc_pool_size(pool), next;
    int taken = 0;

    if (cursor_of(ledger, name, &next, err))
        return -1;
    for (unsigned i = 0; i < size && !taken; i++) {
        *number = (next + i) % size;
        taken = vc_pool_reserves(pool, *number) ? 0 : try_number(ledger, name, *number, owner, err);
    }
    if (!taken)
        return vc_fail(err, VC_EXIT_HOST, 0, "the ledger %s has no %s left for order %s: deactivate an order",
                       ledger->file, vc_pool_name(pool), owner);
    return taken < 0 ? -1
                     : vc_ledger_do(ledger, err, "write", "INSERT OR REPLACE INTO cursors VALUES (?, ?)", "su", name,
                                    (*number + 1) % size);
}

int vc_ledger_take(struct vc_ledger *ledger, const struct vc_form *form, enum vc_pool pool, unsigned wanted,
                   unsigned *number, vc_error **err)
{
    VC_AUTO_TALLOC char *name = pool_of(NULL, pool, form->customer);

    if (wanted == VC_ANY)
        return search(ledger, name, pool, form->order, number, err);
    *number = wanted;
    int taken = try_number(ledger, name, wanted, form->order, err);
    return taken < 0 ? -1 : !taken;
}

int vc_ledger_keep(struct vc_ledger *ledger, const char *number, const char *tunnel, const char *kind,
                   const char *secret, vc_error **err)
{
    return vc_ledger_do(ledger, err, "write", "INSERT INTO secrets VALUES (?, ?, ?, ?)", "ssss", number, tunnel, kind,
                        secret);
}

int vc_ledger_reword(struct vc_ledger *ledger, const struct vc_form *form, vc_error **err)
{
    VC_AUTO_FREE char *text = form_text(form);

    return vc_ledger_do(ledger, err, "write", "UPDATE orders SET form = ? WHERE number = ? AND " LIVE, "ss", text,
                        form->order);
}

int vc_ledger_activated(struct vc_ledger *ledger, const char *number, vc_error **err)
{
    if (vc_ledger_do(ledger, err, "write",
                     "UPDATE orders SET status = '" VC_ORDER_ACTIVATED "', since = " NOW
                     " WHERE number = ? AND status = '" VC_ORDER_IN_PROGRESS "'",
                     "s", number))
        return -1;
    return sqlite3_changes(ledger->db) == 1
               ? 0
               : vc_fail(err, VC_EXIT_USAGE, 0, "order %s is not In-Progress, so that it cannot become Activated",
                         number);
}

int vc_ledger_return(struct vc_ledger *ledger, const char *number, vc_error **err)
{
    static const char *const statements[] = {
        "DELETE FROM allocations WHERE owner = ?", "DELETE FROM secrets WHERE owner = ?",
        "DELETE FROM sources WHERE owner = ?",
        "UPDATE orders SET status = '" VC_ORDER_DEACTIVATED "', since = " NOW " WHERE number = ?"};

    for (size_t i = 0; i < VC_COUNT(statements); i++)
        if (vc_ledger_do(ledger, err, "write", statements[i], "s", number))
            return -1;
    return 0;
}

/* ---- the whole ---- */

/* Each counts what must not be there. */
static const struct invariant {
    const char *sql, *text;
} invariants[] = {
    {"SELECT count(*) FROM orders WHERE " LIVE
     " AND (SELECT count(*) FROM allocations WHERE owner = orders.number) <> 4",
     "orders without one number of each pool"},
    {"SELECT count(*) FROM orders WHERE " LIVE " AND (SELECT count(*) FROM secrets WHERE owner = orders.number) <> 4",
     "orders without four secrets"},
    {"SELECT count(*) FROM orders WHERE " LIVE " AND NOT EXISTS (SELECT 1 FROM sources WHERE owner = orders.number)",
     "orders without an IPsec source"},
    {"SELECT count(*) FROM allocations WHERE owner NOT IN (SELECT orders.number FROM orders WHERE " LIVE ")",
     "numbers that no live order has"},
    {"SELECT count(*) FROM secrets WHERE owner NOT IN (SELECT orders.number FROM orders WHERE " LIVE ")",
     "secrets that no live order has"},
};

int vc_ledger_check(struct vc_ledger *ledger, unsigned *orders, vc_error **err)
{
    for (size_t i = 0; i < VC_COUNT(invariants); i++) {
        VC_AUTO_STATEMENT *row = vc_ledger_prepare(ledger, err, invariants[i].sql, "");

        if (!row || vc_ledger_step(ledger, row, "read", err) < 0)
            return -1;
        if (sqlite3_column_int64(row, 0))
            return vc_fail(err, VC_EXIT_HOST, 0, "the ledger %s has %lld %s: it is damaged; put back a copy",
                           ledger->file, (long long)sqlite3_column_int64(row, 0), invariants[i].text);
    }
    VC_AUTO_STATEMENT *row = vc_ledger_prepare(ledger, err, "SELECT count(*) FROM orders WHERE " LIVE, "");
    if (!row || vc_ledger_step(ledger, row, "read", err) < 0)
        return -1;
    if (orders)
        *orders = (unsigned)sqlite3_column_int64(row, 0);
    return 0;
}
