/*
 * Mustache templates (the language of nodes/) rendered from JSON. Debian has no C library for it.
 *
 * Supported: variables, sections over lists, objects and true values, inverted sections, comments, dotted names, {{.}},
 * standalone lines as in the Mustache specification. Configuration is not HTML: nothing is escaped. One deliberate
 * difference: a variable that the view lacks is an error, so that a misspelt name cannot become an empty setting.
 * Partials and delimiter changes are refused.
 */
#pragma once

#include "base/error.h"

/* Renders `text`; `name` is what errors call it ("NAME:LINE: …"). talloc child of ctx, or NULL (VC_EXIT_USAGE). */
char *vc_mustache_render(void *ctx, const char *name, const char *text, const json_t *view, vc_error **err);

/* Whether the view has a value of that dotted name that a section would render. */
bool vc_mustache_truth(const json_t *view, const char *dotted_name);
