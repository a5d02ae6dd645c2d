/* nftables of one namespace through libnftables, in JSON where something is read. */
#pragma once

#include "base/error.h"

struct vc_nft; /* talloc; freeing closes it. Rules stay in the namespace. */

struct vc_nft *vc_nft_open(void *ctx, int netns, vc_error **err);

/* Runs a script in nft's own syntax, atomically. The error has libnftables' own text. */
int vc_nft_run(struct vc_nft *nft, const char *script, vc_error **err);

/* Packets counted by the named counter; *exists false when it is not there. `family` "ip", "inet", "netdev". */
int vc_nft_counter(struct vc_nft *nft, const char *family, const char *table, const char *name, bool *exists,
                   uint64_t *packets, vc_error **err);

/* Whether the table is there. */
int vc_nft_table_exists(struct vc_nft *nft, const char *family, const char *table, bool *exists, vc_error **err);

/* The objects that a question ("list table inet NAME") lists, as libnftables' JSON has them: [{"rule": {…}}, …]. New
 * reference; NULL with *err when the question failed. */
json_t *vc_nft_list(struct vc_nft *nft, const char *question, vc_error **err);
