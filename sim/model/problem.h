/*
 * Collects what is wrong with a document, so that the user sees every error at once. Each is one line
 *     FILE:LINE:COLUMN: found …; allowed: …; did you mean "…"?
 */
#pragma once

#include "model/topology.h"

#define VC_PROBLEMS_SHOWN 20

struct vc_problems; /* talloc */

struct vc_problems *vc_problems_new(void *ctx);
void vc_problem(struct vc_problems *problems, struct vc_mark mark, const char *format, ...) VC_PRINTF(3, 4);
size_t vc_problems_count(const struct vc_problems *problems);

/* 0 when there is none; else -1 with *err (VC_EXIT_USAGE): the lines in the order of the document, VC_PROBLEMS_SHOWN at
 * most. */
int vc_problems_finish(struct vc_problems *problems, vc_error **err);

/* A view of names: any array whose elements begin with a `const char *name`, be it structs or plain strings. */
struct vc_names {
    const void *base;
    size_t stride, count;
};
#define VC_NAMES(array, n) ((struct vc_names){(array), sizeof *(array), (n)})

const char *vc_names_at(struct vc_names names, size_t i);
size_t vc_names_find(struct vc_names names, const char *name); /* VC_NONE when absent */

/* The name that `word` probably was meant to be, or NULL: at most a third of its letters differ. */
const char *vc_names_nearest(struct vc_names names, const char *word);

/* 'found unknown <what> "word"; allowed: …; did you mean "…"?' */
void vc_problem_unknown(struct vc_problems *problems, struct vc_mark mark, const char *what, const char *word,
                        struct vc_names allowed);

/* The text in double quotes, on one line, shortened: what a document holds may be hostile. talloc child of ctx. */
char *vc_quoted(void *ctx, const char *text);
