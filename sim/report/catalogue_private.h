/* What the tables of the catalogue share. */
#pragma once

#include "report/catalogue.h"
#include "report/report_private.h"

struct vc_table {
    FILE *out;
    struct vc_catalogue_style style;
    int count_width, verdict_width, name_width;
    int last_form; /* how much of the last column has room */
};

static inline int larger(int a, int b)
{
    return a > b ? a : b;
}

/* UTF-8: letters, not bytes. */
int vc_table_width(const char *text);
/* The words of `text` from column `at` on; further lines are indented as far. */
void vc_table_wrapped(const struct vc_table *t, int at, const char *text);
/* In `colour` where there is any, padded to `width`. */
void vc_table_coloured(const struct vc_table *t, const char *colour, const char *text, int width);
extern const char vc_table_bold[];

/* A result's verdict and its colour; of NULL that it was never run. */
const char *vc_table_verdict(const json_t *row);
const char *vc_table_vote(const json_t *row);

/* The scenarios, topologies and faults of the document. */
void vc_table_lists(const struct vc_table *t, const json_t *document);
