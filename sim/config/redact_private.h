/* What the readers of several forms share. */
#pragma once

#include "config/redact_find.h"

struct vc_redact_finder {
    const char *text;
    struct vc_redact_spans *spans; /* talloc: what is found goes there */
};

/* A part of the text that is not to be told. */
void vc_redact_add(struct vc_redact_finder *finder, enum vc_redact_what what, const char *begin, const char *end);
/* A key; a mark or nothing is none. */
void vc_redact_key(struct vc_redact_finder *finder, const char *begin, const char *end, const char *secret,
                   const char *quote);
/* One that is read as it is written. */
void vc_redact_plain(struct vc_redact_finder *finder, const char *begin, const char *end);

/* Is it the name of a member that holds a key? "secret", "xauthpassword". */
bool vc_redact_is_name(const char *name, size_t length);

/* frr.conf, and whatever else has a command a line. */
void vc_redact_lines(struct vc_redact_finder *finder);
/* bird.conf. */
void vc_redact_bird(struct vc_redact_finder *finder);
/* ipsec.conf, and what follows below "# ipsec.secrets". 0, or -1: a private key. */
int vc_redact_ipsec(struct vc_redact_finder *finder);
/* ipsec.secrets from `at` on. 0, or -1: a private key. */
int vc_redact_secrets(struct vc_redact_finder *finder, const char *at);
