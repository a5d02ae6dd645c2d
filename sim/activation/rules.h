/* The rules of the form and of the order, R8 to R18: one row of a table each, with the customer's words. */
#pragma once

#include "activation/form.h"

/* A call of G.711 as IP packets, each way; and so many of them fit a tunnel of 250 Mbit/s (R6). */
enum { VC_CALL_KBIT = 80, VC_CALLS_A_TUNNEL = 3125 };

/* Is it one of R8 to R18? */
bool vc_rule_exists(const char *id);

/* Adds what the rules say of the form alone: "FORM:3:9: found …; allowed: … (R8)". */
void vc_rules_check(const struct vc_form *form, struct vc_problems *problems);

/* 'found <format>; allowed: <allowed> (<id>)', for rules that need the ledger, too. `allowed` is what to do; NULL: the
 * rule's own words. */
void vc_rule_refuse(struct vc_problems *problems, const char *id, struct vc_mark mark, const char *allowed,
                    const char *format, ...) VC_PRINTF(5, 6);

/* A form's document without members that are Cisco's to say (secrets, security settings, the status, what Cisco
 * allocates), each refused by its rule. talloc child of ctx; shares what is left with `doc`. */
const struct vc_doc *vc_rules_refuse_members(void *ctx, const struct vc_doc *doc, struct vc_problems *problems);
