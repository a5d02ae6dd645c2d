/* A ledger that is damaged, newer, another program's, not writable or in use: one line that says so, and nothing
 * changes. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>

#include "activation/ledger_private.h"

TestSuite(ledger, .init = folder_open, .fini = folder_close, .timeout = 120);

static vc_error *refused(const char *file, enum vc_ledger_use use)
{
    vc_error *err = NULL;
    struct vc_ledger *ledger = vc_ledger_open(NULL, file, use, &err);

    cr_assert(!ledger, "%s was opened", file);
    cr_assert(!strchr(err->message, '\n') && strstr(err->message, file), "%s", err->message);
    return err;
}

#define REFUSED(file, use, exit, text)                                                                                 \
    do {                                                                                                               \
        VC_AUTO_ERROR *_err = refused((file), (use));                                                                  \
        cr_assert(strstr(_err->message, (text)), "%s", _err->message);                                                 \
        cr_assert_eq((int)_err->status, (exit));                                                                       \
    } while (0)

static void sql(const char *file, const char *text)
{
    sqlite3 *db;

    cr_assert(!sqlite3_open(file, &db) && !sqlite3_exec(db, text, NULL, NULL, NULL), "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A ledger with two orders. */
static char *filled(void *ctx)
{
    VC_AUTO_TALLOC struct vc_ledger *ledger = open_ledger(NULL, "ledger");

    allocate(ledger, ledger, make_form(ledger, "acme", "eu", 1));
    allocate(ledger, ledger, make_form(ledger, "acme", "us", 2));
    return in_top(ctx, "ledger");
}

static char *contents(void *ctx, const char *file, size_t *size)
{
    VC_AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat st;

    cr_assert(fd >= 0 && !fstat(fd, &st));
    char *data = talloc_size(ctx, (size_t)st.st_size);
    *size = (size_t)st.st_size;
    cr_assert_eq(read(fd, data, *size), st.st_size);
    return data;
}

Test(ledger, is_made_with_its_folder_and_is_its_owners_alone)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = in_top(ctx, "state/vclab/ledger.sqlite");
    struct stat st;

    umask(0);
    cr_assert(vc_ledger_open(ctx, file, VC_LEDGER_WRITE, NULL));
    cr_assert(!stat(file, &st) && (st.st_mode & 07777) == 0600);
    cr_assert(!stat(in_top(ctx, "state/vclab"), &st) && (st.st_mode & 07777) == 0700);
}

Test(ledger, has_its_place_in_the_users_state)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    setenv("HOME", "/home/x", 1);
    setenv("XDG_STATE_HOME", "/state", 1);
    cr_assert_str_eq(vc_ledger_default(ctx, NULL), "/state/vclab/ledger.sqlite");
    setenv("XDG_STATE_HOME", "relative", 1); /* which the standard says to ignore */
    cr_assert_str_eq(vc_ledger_default(ctx, NULL), "/home/x/.local/state/vclab/ledger.sqlite");
    unsetenv("HOME");
    cr_assert(!vc_ledger_default(ctx, &err) && strstr(err->message, "say --ledger FILE"));
}

Test(ledger, that_is_not_there_is_not_made_by_who_reads)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = in_top(ctx, "ledger");

    REFUSED(file, VC_LEDGER_READ, VC_EXIT_USAGE, "nothing was activated yet");
    cr_assert(access(file, F_OK));
    put_file(file, "");
    REFUSED(file, VC_LEDGER_READ, VC_EXIT_USAGE, "nothing was activated yet");
}

Test(ledger, of_something_else_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = in_top(ctx, "ledger");

    put_file(file, "It is a truth universally acknowledged, that a text of more than a hundred bytes is no database, "
                   "whatever its name may be.\n");
    REFUSED(file, VC_LEDGER_WRITE, VC_EXIT_HOST, "it is no ledger of vclab; choose another with --ledger");
    file = in_top(ctx, "other");
    sql(file, "CREATE TABLE recipes (name TEXT)");
    REFUSED(file, VC_LEDGER_WRITE, VC_EXIT_USAGE, "a database of another program");
    REFUSED(top, VC_LEDGER_WRITE, VC_EXIT_USAGE, "no file but a folder; choose another with --ledger");
}

/* Nothing is kept there, and it may be everybody's, as /dev/null is: its mode stays. */
Test(ledger, in_no_file_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *pipe = in_top(ctx, "pipe");
    struct stat st;

    cr_assert(!mkfifo(pipe, 0644) && !chmod(pipe, 0644));
    REFUSED(pipe, VC_LEDGER_WRITE, VC_EXIT_USAGE, "no file but a device, pipe or socket");
    REFUSED(pipe, VC_LEDGER_READ, VC_EXIT_USAGE, "no file but a device, pipe or socket");
    cr_assert(!stat(pipe, &st) && (st.st_mode & 0777) == 0644);
}

Test(ledger, of_a_newer_vclab_is_refused_and_stays_as_it_is)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = filled(ctx);
    size_t before, after;

    sql(file, "PRAGMA user_version = 2");
    char *was = contents(ctx, file, &before);
    REFUSED(file, VC_LEDGER_WRITE, VC_EXIT_USAGE, "of a newer vclab (version 2, this one knows 1); use that one");
    char *is = contents(ctx, file, &after);
    cr_assert(before == after && !memcmp(was, is, before));
}

/* Each page of the file in turn is overwritten, and the file is cut: it is refused, or what is left of it is whole. */
Test(ledger, that_is_damaged_is_refused)
{
    enum { PAGE = 4096 };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = filled(ctx), *broken = in_top(ctx, "broken");
    size_t size, refusals = 0, pages;
    char *whole = contents(ctx, file, &size);

    pages = size / PAGE;
    cr_assert_gt(pages, 8);
    for (size_t page = 0; page < pages; page++) {
        VC_AUTO_TALLOC char *data = talloc_memdup(NULL, whole, size);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_FD fd = open(broken, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        memset(data + page * PAGE, 0x5a, PAGE);
        cr_assert_eq(write(fd, data, size), (ssize_t)size);
        VC_AUTO_TALLOC struct vc_ledger *ledger = vc_ledger_open(NULL, broken, VC_LEDGER_WRITE, &err);
        refusals += !ledger;
        cr_assert(ledger || (strstr(err->message, page ? "damaged" : "no ledger") && !strchr(err->message, '\n')),
                  "page %zu: %s", page, err->message);
    }
    cr_assert_eq(refusals, pages, "%zu of %zu damaged ledgers were refused", refusals, pages);
    cr_assert(!truncate(file, (off_t)(size - PAGE)));
    REFUSED(file, VC_LEDGER_WRITE, VC_EXIT_HOST, "it is damaged");
}

/* The numbers by which a ledger is known may be any after a damage. */
Test(ledger, whose_marks_are_damaged_is_refused)
{
    static const struct {
        const char *sql, *text;
    } cases[] = {{"PRAGMA user_version = -1122868", "it is damaged (a version that no vclab has)"},
                 {"PRAGMA user_version = 0", "it is damaged (a version that no vclab has)"},
                 {"PRAGMA application_id = -1122868", "a database of another program"}};

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *file = filled(ctx);

        sql(file, cases[i].sql);
        REFUSED(file, VC_LEDGER_READ, i < 2 ? VC_EXIT_HOST : VC_EXIT_USAGE, cases[i].text);
        REFUSED(file, VC_LEDGER_WRITE, i < 2 ? VC_EXIT_HOST : VC_EXIT_USAGE, cases[i].text);
        remove(file);
    }
}

/* One letter of the tables' own text, which SQLite quotes as it is, escapes for terminals and all. */
Test(ledger, whose_tables_are_damaged_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = filled(ctx);
    size_t size;
    char *whole = contents(ctx, file, &size), *at = memmem(whole, size, "(status IN", 10);

    cr_assert(at);
    at[7] = '\x9b';
    VC_AUTO_FD fd = open(file, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(write(fd, whole, size), (ssize_t)size);
    REFUSED(file, VC_LEDGER_READ, VC_EXIT_HOST, "it is damaged; put back a copy");
}

/* What SQLite takes for a name of its own is a file: an order of a ledger in memory would be allocated again. */
Test(ledger, of_any_name_is_a_file)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!chdir(top));
    for (unsigned orders = 1; orders < 3; orders++) {
        VC_AUTO_TALLOC struct vc_ledger *ledger = vc_ledger_open(NULL, ":memory:", VC_LEDGER_WRITE, &err);

        cr_assert(ledger, "%s", err ? err->message : "");
        allocate(ctx, ledger, make_form(ctx, orders == 1 ? "acme" : "globex", "eu", orders));
        ledger_has(ledger, orders);
    }
    cr_assert(!access(":memory:", F_OK) && !chdir("/"));
}

/* What no program of ours would write is found all the same. */
Test(ledger, whose_rows_contradict_each_other_is_told)
{
    static const struct {
        const char *sql, *text;
    } cases[] = {
        {"DELETE FROM allocations WHERE pool = 'tunnel' AND owner = 'o1'", "without one number of each pool"},
        {"DELETE FROM secrets WHERE kind = 'psk' AND owner = 'o2'", "without four secrets"},
        {"UPDATE orders SET status = 'deactivated' WHERE number = 'o1'", "that no live order has"},
        {"DELETE FROM sources WHERE owner = 'o1'", "without an IPsec source"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *file = filled(ctx);

        sql(file, cases[i].sql);
        cr_assert(!vc_ledger_open(ctx, file, VC_LEDGER_READ, &err) && strstr(err->message, cases[i].text), "%s: %s",
                  cases[i].sql, err ? err->message : "not seen");
        remove(file);
    }
    /* Also when it happens later. */
    static const struct {
        const char *sql, *text;
    } later[] = {{"DELETE FROM allocations WHERE pool = 'tunnel' AND owner = 'o1'", "lacks numbers of order o1"},
                 {"DELETE FROM secrets WHERE kind = 'psk' AND owner = 'o1'", "lacks keys of order o1"}};
    for (size_t i = 0; i < VC_COUNT(later); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *file = filled(ctx);
        struct vc_ledger *ledger = open_ledger(ctx, "ledger");

        sql(file, later[i].sql);
        cr_assert(!vc_order_live(ctx, ledger, "o1", &err) && strstr(err->message, later[i].text), "%s",
                  err ? err->message : "not seen");
        remove(file);
    }
}

/* One letter of a key, of a form, of a time, one digit of a number: each is in a table and in an index, and changed in
 * either. */
Test(ledger, of_which_one_byte_changed_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = filled(ctx), *broken = in_top(ctx, "broken");
    VC_AUTO_TALLOC struct vc_ledger *ledger = open_ledger(NULL, "ledger");
    const struct vc_order *order = vc_ledger_order(ctx, ledger, "o2", NULL);
    size_t size, places = 0;
    char *whole = contents(ctx, file, &size);
    /* The second order's transport is number 2, and a number that small is a byte between two texts. */
    const char *const texts[] = {order->allocation.tunnels[1].psk, "transport\2o2", "o2transport\2",
                                 "\"dc2\":\"10.200.0.2\"", order->since};

    for (size_t i = 0; i < VC_COUNT(texts); i++)
        for (char *at = whole; (at = memmem(at, (size_t)(whole + size - at), texts[i], strlen(texts[i]))); at++) {
            VC_AUTO_TALLOC char *data = talloc_memdup(NULL, whole, size);
            char *digit = strchr(texts[i], '\2'), *changed = data + (at - whole) + (digit ? digit - texts[i] : 10);
            VC_AUTO_ERROR *err = NULL;

            *changed ^= 1;
            VC_AUTO_FD fd = open(broken, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
            cr_assert_eq(write(fd, data, size), (ssize_t)size);
            cr_expect(!vc_ledger_open(ctx, broken, VC_LEDGER_READ, &err), "text %zu at %zu", i, (size_t)(at - whole));
            cr_expect(err && strstr(err->message, "it is damaged"), "%s", err ? err->message : "");
            places++;
        }
    /* Each in its table and in its index, the form's of both orders; the two times may be the same. */
    cr_assert_geq(places, 2 + 2 + 4 + 2, "%zu places", places);
}

/* The schema itself refuses a double, whatever the code above it does. */
Test(ledger, cannot_hold_a_double)
{
    static const char *const doubles[] = {
        "INSERT INTO allocations SELECT pool, number, 'o2' FROM allocations WHERE pool = 'tunnel' AND owner = 'o1'",
        "INSERT INTO secrets SELECT 'o2', 'dc3', kind, secret FROM secrets WHERE kind = 'psk' AND owner = 'o1' LIMIT 1",
        "INSERT INTO orders SELECT 'o3', customer, region, status, since, form FROM orders WHERE number = 'o1'",
        "INSERT INTO allocations VALUES ('tunnel', 77, 'o77')",
    };
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = filled(ctx);

    for (size_t i = 0; i < VC_COUNT(doubles); i++) {
        sqlite3 *db;
        cr_assert(!sqlite3_open(file, &db) && !sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL));
        cr_assert_eq(sqlite3_exec(db, doubles[i], NULL, NULL, NULL), SQLITE_CONSTRAINT, "%s", doubles[i]);
        sqlite3_close(db);
    }
}

/* Deactivated: the secret is not even in a free page of the file. */
Test(ledger, forgets_the_secrets_of_what_was_given_back)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_ledger *ledger = open_ledger(ctx, "ledger");
    const struct vc_order *order = allocate(ctx, ledger, make_form(ctx, "acme", "eu", 1));
    const char *psk = order->allocation.tunnels[0].psk, *file = in_top(ctx, "ledger");
    size_t size;
    char *data = contents(ctx, file, &size);

    cr_assert(memmem(data, size, psk, strlen(psk)));
    cr_assert(!vc_deactivate(ledger, "o1", NULL));
    data = contents(ctx, file, &size);
    cr_assert(!memmem(data, size, psk, strlen(psk)));
}

/* Whoever made the file, its keys are for nobody else's eyes; another program's file is left alone. */
Test(ledger, that_others_may_read_is_its_owners_alone_again)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = in_top(ctx, "ledger"), *other = in_top(ctx, "other");
    struct stat st;

    umask(022);
    put_file(file, "");
    cr_assert(!stat(file, &st) && (st.st_mode & 0777) == 0644);
    cr_assert_eq(filled(ctx)[0], '/');
    cr_assert(!stat(file, &st) && (st.st_mode & 0777) == 0600, "%o", st.st_mode);
    cr_assert(!chmod(file, 0664) && vc_ledger_open(ctx, file, VC_LEDGER_READ, NULL));
    cr_assert(!stat(file, &st) && (st.st_mode & 0777) == 0600, "%o", st.st_mode);
    sql(other, "CREATE TABLE recipes (name TEXT)");
    cr_assert(!chmod(other, 0644) && !vc_ledger_open(ctx, other, VC_LEDGER_WRITE, NULL));
    cr_assert(!stat(other, &st) && (st.st_mode & 0777) == 0644, "%o", st.st_mode);
}

/* Under sudo it is the ledger of who called, and he can go on without. */
Test(ledger, is_the_callers_under_sudo)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = in_top(ctx, "state/vclab/ledger.sqlite");
    const struct passwd *nobody = getpwnam("nobody");
    struct stat st;

    if (geteuid() != 0 || !nobody)
        cr_skip("needs root");
    unsetenv("XDG_STATE_HOME");
    setenv("SUDO_UID", talloc_asprintf(ctx, "%u", nobody->pw_uid), 1);
    setenv("SUDO_GID", talloc_asprintf(ctx, "%u", nobody->pw_gid), 1);
    cr_assert_str_eq(vc_ledger_default(ctx, NULL),
                     talloc_asprintf(ctx, "%s/.local/state/vclab/ledger.sqlite", nobody->pw_dir));
    cr_assert(vc_ledger_open(ctx, file, VC_LEDGER_WRITE, NULL));
    cr_assert(!stat(file, &st) && st.st_uid == nobody->pw_uid && st.st_gid == nobody->pw_gid);
    cr_assert(!stat(in_top(ctx, "state"), &st) && st.st_uid == nobody->pw_uid);
}

/* Twenty seconds of waiting are not waited for here. */
Test(ledger, that_another_writes_for_long_is_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    filled(ctx);
    struct vc_ledger *writer = open_ledger(ctx, "ledger"), *late = open_ledger(ctx, "ledger");
    cr_assert(!vc_ledger_begin(writer, NULL) && !sqlite3_busy_timeout(late->db, 1));
    cr_assert(!vc_allocate(ctx, late, make_form(ctx, "globex", "eu", 3), NULL, &err));
    cr_assert(strstr(err->message, "another vclab has been writing into it for 20 seconds; try again"), "%s",
              err->message);
    vc_ledger_rollback(writer);
    cr_assert(vc_allocate(ctx, late, make_form(ctx, "globex", "eu", 3), NULL, NULL));
}

/* Who comes while another writes waits; who reads need not. */
Test(ledger, can_be_read_while_another_writes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *file = filled(ctx);
    struct vc_ledger *writer = open_ledger(ctx, "ledger");
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!vc_ledger_begin(writer, NULL));
    struct vc_ledger *reader = vc_ledger_open(ctx, file, VC_LEDGER_READ, &err);
    cr_assert(reader, "%s", err ? err->message : "");
    cr_assert(vc_ledger_order(ctx, reader, "o2", &err));
}
