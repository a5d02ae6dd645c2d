/* The forms that come with vclab, forms/accepted and forms/refused: for each rule of R8 to R18 what is taken and what
 * is not. */
#pragma once

#include "activation/activation.h"

struct vc_example {
    const char *name;
    const char *file;     /* below home */
    bool accepts;         /* it lies in forms/accepted */
    bool good;            /* it is accepted and shows what it cites, or refused with the words that it expects */
    const char *said;     /* what refused it, or what it does not show; NULL: nothing */
    struct vc_form *form; /* NULL: it could not even be read */
};

struct vc_examples {
    struct vc_example *list; /* by folder, then by name */
    size_t count;
};

/* Reads all of them and lets each be activated with a ledger of its own in memory; nothing is written. Never NULL;
 * talloc child of ctx. */
struct vc_examples *vc_examples_read(void *ctx, const char *home);

/* Does the example show requirement `id`? */
bool vc_example_shows(const struct vc_example *example, const char *id);
