/* What ledger.c and ledger_orders.c share. */
#pragma once

#include <sqlite3.h>

#include "activation/ledger.h"

struct vc_ledger {
    sqlite3 *db;
    const char *file; /* as people are told */
    bool memory, writing;
};

/* "cannot <doing>: <why, and what to do>" of the last call's failure. -1. */
int vc_ledger_failed(struct vc_ledger *ledger, const char *doing, vc_error **err);

static inline void vc_statement_cleanup(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}
#define VC_AUTO_STATEMENT __attribute__((cleanup(vc_statement_cleanup))) sqlite3_stmt

/* A statement with its parameters: `types` has a letter for each, 's' for a const char *, 'u' for an unsigned. Texts
 * must live as long as the statement. NULL with *err. */
sqlite3_stmt *vc_ledger_prepare(struct vc_ledger *ledger, vc_error **err, const char *sql, const char *types, ...);
/* 1: a row; 0: no more; -1 with *err. */
int vc_ledger_step(struct vc_ledger *ledger, sqlite3_stmt *statement, const char *doing, vc_error **err);
/* Both, for a statement without rows. */
int vc_ledger_do(struct vc_ledger *ledger, vc_error **err, const char *doing, const char *sql, const char *types, ...);

static inline const char *vc_column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text ? text : "";
}
