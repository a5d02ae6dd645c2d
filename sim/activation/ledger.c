/*
 * The file itself: opening, its form and version, transactions, and what SQLite's failures mean for people.
 *
 * Journal: SQLite's rollback journal, not WAL. Activations are rare and small, so WAL's speed is worth nothing, while
 * its -shm and -wal files must be writable for who only reads, and a copy of the ledger alone would not be the ledger.
 * With synchronous=EXTRA the journal's end is on the disk, folder entry included, before a transaction counts: what was
 * told as allocated is still allocated after a power cut.
 *
 * Writers: BEGIN IMMEDIATE takes the lock before anything is read, so what was seen free stays free until the commit;
 * others wait, up to LOCK_WAIT_MS, and then say so.
 */
#include "activation/ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/caller.h"

#define DAMAGED "it is damaged; put back a copy, nothing is allocated from a ledger that cannot be trusted"

enum { LOCK_WAIT_MS = 20000, APPLICATION = 0x76634c67 /* "vcLg" */ };

static const char schema[] =
    "CREATE TABLE orders (number TEXT PRIMARY KEY, customer TEXT NOT NULL, region TEXT NOT NULL,"
    "  status TEXT NOT NULL CHECK (status IN ('in-progress', 'activated', 'deactivated')), since TEXT NOT NULL,"
    "  form TEXT NOT NULL) STRICT;"
    /* each letter twice, for check_file to hold against each other */
    "CREATE INDEX words ON orders (customer, region, status, since, form);"
    /* R14 once more, where no program can forget it */
    "CREATE UNIQUE INDEX one_a_region ON orders (customer, region) WHERE status <> 'deactivated';"
    "CREATE TABLE allocations (pool TEXT NOT NULL, number INTEGER NOT NULL, owner TEXT NOT NULL REFERENCES orders,"
    "  PRIMARY KEY (pool, number)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX of_owner ON allocations (owner);"
    "CREATE TABLE cursors (pool TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE sources (owner TEXT NOT NULL REFERENCES orders, address TEXT NOT NULL, PRIMARY KEY (owner, address))"
    "  STRICT, WITHOUT ROWID;"
    "CREATE INDEX of_address ON sources (address);"
    "CREATE TABLE secrets (owner TEXT NOT NULL REFERENCES orders, tunnel TEXT NOT NULL, kind TEXT NOT NULL,"
    "  secret TEXT NOT NULL UNIQUE, PRIMARY KEY (owner, tunnel, kind)) STRICT, WITHOUT ROWID;";

/* ---- failures ---- */

static const struct reason {
    int code;
    const char *text;
} reasons[] = {
    {SQLITE_BUSY, "another vclab has been writing into it for 20 seconds; try again when that has ended"},
    {SQLITE_FULL, "the disk is full; make room and try again, nothing was changed"},
    {SQLITE_IOERR, "the disk does not read or write; nothing was changed"},
    {SQLITE_READONLY,
     "it cannot be written; give yourself the right to write it and its folder, or choose another with "
     "--ledger"},
    {SQLITE_PERM, "it cannot be written; choose another with --ledger"},
    {SQLITE_CANTOPEN, "it or its journal cannot be opened; give yourself the right to write its folder, or choose "
                      "another with --ledger"},
    {SQLITE_NOTADB, "it is no ledger of vclab; choose another with --ledger"},
    {SQLITE_CORRUPT, DAMAGED},
    {SQLITE_ERROR, DAMAGED}, /* what vclab asks is right, so its tables are not; SQLite would quote them */
    {SQLITE_CONSTRAINT, "it would give a thing away twice, so nothing was changed; this is a fault of vclab"},
};

int vc_ledger_failed(struct vc_ledger *ledger, const char *doing, vc_error **err)
{
    int code = sqlite3_errcode(ledger->db) & 0xff;

    for (size_t i = 0; i < VC_COUNT(reasons); i++)
        if (reasons[i].code == code)
            return vc_fail(err, VC_EXIT_HOST, 0, "cannot %s the ledger %s: %s", doing, ledger->file, reasons[i].text);
    return vc_fail(err, VC_EXIT_HOST, 0, "cannot %s the ledger %s: %s", doing, ledger->file,
                   sqlite3_errmsg(ledger->db));
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(struct vc_ledger *ledger, vc_error **err, const char *sql, const char *types, va_list args)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(ledger->db, sql, -1, &statement, NULL)) {
        vc_ledger_failed(ledger, "read", err);
        return NULL;
    }
    for (int i = 0; types[i]; i++)
        if (types[i] == 's')
            sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, i + 1, va_arg(args, unsigned));
    return statement;
}

sqlite3_stmt *vc_ledger_prepare(struct vc_ledger *ledger, vc_error **err, const char *sql, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    sqlite3_stmt *statement = prepare(ledger, err, sql, types, args);
    va_end(args);
    return statement;
}

int vc_ledger_step(struct vc_ledger *ledger, sqlite3_stmt *statement, const char *doing, vc_error **err)
{
    int code = sqlite3_step(statement);

    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return code == SQLITE_ROW;
    return vc_ledger_failed(ledger, doing, err);
}

int vc_ledger_do(struct vc_ledger *ledger, vc_error **err, const char *doing, const char *sql, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    VC_AUTO_STATEMENT *statement = prepare(ledger, err, sql, types, args);
    va_end(args);
    return statement && vc_ledger_step(ledger, statement, doing, err) >= 0 ? 0 : -1;
}

/* A pragma's number, which a damaged file makes any number. */
static int number_of(struct vc_ledger *ledger, const char *sql, long long *number, vc_error **err)
{
    VC_AUTO_STATEMENT *statement = vc_ledger_prepare(ledger, err, sql, "");

    if (!statement || vc_ledger_step(ledger, statement, "read", err) < 0)
        return -1;
    *number = sqlite3_column_int64(statement, 0);
    return 0;
}

/* ---- transactions ---- */

int vc_ledger_begin(struct vc_ledger *ledger, vc_error **err)
{
    if (sqlite3_exec(ledger->db, "BEGIN IMMEDIATE", NULL, NULL, NULL))
        return vc_ledger_failed(ledger, "write", err);
    ledger->writing = true;
    return 0;
}

int vc_ledger_commit(struct vc_ledger *ledger, vc_error **err)
{
    if (sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL)) {
        vc_ledger_failed(ledger, "write", err);
        vc_ledger_rollback(ledger);
        return -1;
    }
    ledger->writing = false;
    return 0;
}

void vc_ledger_rollback(struct vc_ledger *ledger)
{
    /* After some failures SQLite has rolled back already, and says so by an error that means nothing. */
    if (ledger->writing && !sqlite3_get_autocommit(ledger->db))
        sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
    ledger->writing = false;
}

/* ---- opening ---- */

char *vc_ledger_default(void *ctx, vc_error **err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = vc_caller_home();

    if (state && *state == '/')
        return talloc_asprintf(ctx, "%s/vclab/ledger.sqlite", state);
    if (home && *home)
        return talloc_asprintf(ctx, "%s/.local/state/vclab/ledger.sqlite", home);
    vc_fail(err, VC_EXIT_USAGE, 0, "there is neither HOME nor XDG_STATE_HOME to keep the ledger in: say --ledger FILE");
    return NULL;
}

static int make_folders(const char *file, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_strdup(NULL, file);

    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(path, 0700) == 0)
            vc_caller_give(path);
        else if (errno != EEXIST)
            return vc_fail(err, VC_EXIT_HOST, errno,
                           "cannot make the ledger's folder %s (choose another with --ledger)", path);
        *slash = '/';
    }
    return 0;
}

/* SQLite gives its journal the mode of the file, which is why the file is made here: secrets are in both. One that is
 * there is not even opened: to close it would drop the locks that this process has on it. */
static int make_file(const char *file, vc_error **err)
{
    VC_AUTO_FD fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the ledger %s (choose another with --ledger)", file);
    if (fd >= 0)
        vc_caller_give(file);
    return 0;
}

/* What is no file forgets what was allocated (/dev/null), or is not the caller's to lock and to make private. */
static int check_kind(const char *file, vc_error **err)
{
    struct stat st;

    if (stat(file, &st) < 0 || S_ISREG(st.st_mode)) /* what cannot be looked at cannot be opened: SQLite says why */
        return 0;
    return vc_fail(err, VC_EXIT_USAGE, 0, "the ledger %s is no file but a %s; choose another with --ledger", file,
                   S_ISDIR(st.st_mode) ? "folder" : "device, pipe or socket");
}

/* A ledger that was made by another program, or came back from a backup, may be anybody's to read. */
static int make_private(const struct vc_ledger *ledger, vc_error **err)
{
    const char *file = ledger->file;
    struct stat st;

    if (ledger->memory || stat(file, &st) < 0 || !(st.st_mode & 077) || chmod(file, 0600) == 0)
        return 0;
    return vc_fail(err, VC_EXIT_HOST, errno,
                   "the ledger %s has keys, others may read it (mode %04o), and that cannot be changed; give it to "
                   "yourself with mode 0600, or choose another with --ledger",
                   file, st.st_mode & 07777);
}

/* An empty file becomes a ledger; the second of two who find it empty sees what the first one made. */
static int create(struct vc_ledger *ledger, vc_error **err)
{
    VC_AUTO_TALLOC char *marks =
        talloc_asprintf(NULL, "PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION, VC_LEDGER_VERSION);

    long long version;

    if (make_private(ledger, err) || vc_ledger_begin(ledger, err))
        return -1;
    if (number_of(ledger, "PRAGMA user_version", &version, err)) {
        vc_ledger_rollback(ledger);
        return -1;
    }
    if (!version &&
        (sqlite3_exec(ledger->db, schema, NULL, NULL, NULL) || sqlite3_exec(ledger->db, marks, NULL, NULL, NULL))) {
        vc_ledger_failed(ledger, "write", err);
        vc_ledger_rollback(ledger);
        return -1;
    }
    return vc_ledger_commit(ledger, err);
}

static int damaged(const struct vc_ledger *ledger, const char *how, vc_error **err)
{
    return vc_fail(err, VC_EXIT_HOST, 0,
                   "cannot read the ledger %s: it is damaged (%s); put back a copy, nothing is allocated from a ledger "
                   "that cannot be trusted",
                   ledger->file, how);
}

/* Indexes are held against their tables, too: numbers and secrets are in both, so that one changed letter is found;
 * for the other words there is an index of their own. */
static int check_file(struct vc_ledger *ledger, vc_error **err)
{
    VC_AUTO_STATEMENT *statement = vc_ledger_prepare(ledger, err, "PRAGMA integrity_check(1)", "");

    if (!statement || vc_ledger_step(ledger, statement, "read", err) < 0)
        return -1;
    const char *said = vc_column_text(statement, 0), *line = strrchr(said, '\n'); /* after a headline, maybe */
    return strcmp(said, "ok") ? damaged(ledger, line ? line + 1 : said, err) : 0;
}

/* What the file says of itself. */
struct marks {
    long long version, application, tables;
};

/* In one transaction: another process may be making the ledger just now. */
static int read_marks(struct vc_ledger *ledger, struct marks *marks, vc_error **err)
{
    if (sqlite3_exec(ledger->db, "BEGIN", NULL, NULL, NULL)) {
        vc_ledger_failed(ledger, "read", err);
        return -1;
    }
    int failed = number_of(ledger, "PRAGMA user_version", &marks->version, err) ||
                 number_of(ledger, "PRAGMA application_id", &marks->application, err) ||
                 number_of(ledger, "SELECT count(*) FROM sqlite_schema", &marks->tables, err);
    sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL); /* of nothing */
    return failed ? -1 : 0;
}

/* 1: it is empty, and nobody wants to write. */
static int check_version(struct vc_ledger *ledger, enum vc_ledger_use use, vc_error **err)
{
    struct marks marks;

    if (read_marks(ledger, &marks, err))
        return -1;
    if (!marks.tables && !marks.application)
        return use == VC_LEDGER_WRITE ? create(ledger, err) : 1;
    if (marks.application != APPLICATION)
        return vc_fail(err, VC_EXIT_USAGE, 0,
                       "%s is a database of another program, no ledger of vclab; choose another with --ledger",
                       ledger->file);
    if (marks.version > VC_LEDGER_VERSION)
        return vc_fail(err, VC_EXIT_USAGE, 0,
                       "the ledger %s is of a newer vclab (version %lld, this one knows %d); use that one",
                       ledger->file, marks.version, VC_LEDGER_VERSION);
    if (marks.version != VC_LEDGER_VERSION)
        return damaged(ledger, "a version that no vclab has", err);
    return make_private(ledger, err) || check_file(ledger, err) || vc_ledger_check(ledger, NULL, err) ? -1 : 0;
}

static int close_ledger(struct vc_ledger *ledger)
{
    vc_ledger_rollback(ledger);
    sqlite3_close(ledger->db);
    return 0;
}

static int nothing_yet(const char *file, vc_error **err)
{
    return vc_fail(err, VC_EXIT_USAGE, 0, "%s: nothing was activated yet with this ledger (another one: --ledger FILE)",
                   file);
}

struct vc_ledger *vc_ledger_open(void *ctx, const char *file, enum vc_ledger_use use, vc_error **err)
{
    bool memory = file == VC_LEDGER_MEMORY;
    static const char settings[] = "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA synchronous=EXTRA;";

    if (use == VC_LEDGER_WRITE && !memory && (make_folders(file, err) || make_file(file, err)))
        return NULL;
    if (use == VC_LEDGER_READ && !memory && access(file, F_OK)) {
        nothing_yet(file, err);
        return NULL;
    }
    if (!memory && check_kind(file, err))
        return NULL;
    VC_AUTO_TALLOC struct vc_ledger *ledger = talloc_zero(ctx, struct vc_ledger);
    /* SQLite has names that are no files: what was allocated there would be forgotten, and allocated again. */
    const char *database = memory ? ":memory:" : *file == ':' ? talloc_asprintf(ledger, "./%s", file) : file;
    ledger->file = talloc_strdup(ledger, memory ? "in memory" : file);
    ledger->memory = memory;
    talloc_set_destructor(ledger, close_ledger);
    if (sqlite3_open_v2(database, &ledger->db, SQLITE_OPEN_READWRITE, NULL) ||
        sqlite3_busy_timeout(ledger->db, LOCK_WAIT_MS) || sqlite3_exec(ledger->db, settings, NULL, NULL, NULL)) {
        vc_ledger_failed(ledger, "open", err);
        return NULL;
    }
    int failed = check_version(ledger, use, err);
    if (failed > 0)
        nothing_yet(file, err);
    return failed ? NULL : VC_STEAL_PTR(ledger);
}
