#include "activation/example.h"

#include <string.h>

#include "activation/rules.h"
#include "model/files.h"

static const uint64_t seed = 1;

static struct vc_order *activate(void *ctx, struct vc_ledger *ledger, const char *file, vc_error **err)
{
    return vc_activate(ctx, ledger, file, &(struct vc_activation_options){.seed = &seed}, err);
}

/* What is activated before it, and what is activated before that. */
static int activate_before(void *ctx, struct vc_ledger *ledger, const char *folder, const struct vc_form *form,
                           unsigned depth, vc_error **err)
{
    if (!form->example.after || !depth)
        return 0;
    const char *file = talloc_asprintf(ctx, "%s/accepted/%s.yaml", folder, form->example.after);
    const struct vc_form *before = vc_form_load(ctx, file, NULL, err);

    return before && !activate_before(ctx, ledger, folder, before, depth - 1, err) && activate(ctx, ledger, file, err)
               ? 0
               : -1;
}

static void play(struct vc_examples *examples, struct vc_example *example, const char *folder)
{
    enum { CHAIN_MAX = 4 };
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_ledger *ledger = vc_ledger_open(scratch, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, &err);

    /* Also of a form that is refused: what it expects stands in it. */
    example->form = vc_form_read(examples, example->file, vc_problems_new(scratch));
    if (!ledger || !example->form || activate_before(scratch, ledger, folder, example->form, CHAIN_MAX, &err)) {
        example->said = talloc_strdup(examples, err ? err->message : "it is no form");
        return;
    }
    if (!activate(scratch, ledger, example->file, &err))
        example->said = talloc_strdup(examples, err->message);
    const char *wanted = example->form->example.refused;
    example->good =
        example->accepts ? !example->said && !wanted : example->said && wanted && strstr(example->said, wanted);
}

static void read_folder(struct vc_examples *examples, const char *forms, bool accepts)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *folder = talloc_asprintf(scratch, "%s/%s", forms, accepts ? "accepted" : "refused");
    struct vc_names files = vc_documents(scratch, folder);

    examples->list =
        talloc_realloc(examples, examples->list, struct vc_example, (unsigned)(examples->count + files.count + 1));
    for (size_t i = 0; i < files.count; i++) {
        struct vc_example *example = &examples->list[examples->count++];
        const char *name = vc_names_at(files, i);

        *example = (struct vc_example){.name = talloc_strdup(examples, name),
                                       .file = talloc_asprintf(examples, "%s/%s.yaml", folder, name),
                                       .accepts = accepts};
        play(examples, example, forms);
    }
}

struct vc_examples *vc_examples_read(void *ctx, const char *home)
{
    struct vc_examples *examples = talloc_zero(ctx, struct vc_examples);
    /* "." would only lengthen every line. */
    const char *forms = strcmp(home, ".") ? talloc_asprintf(examples, "%s/forms", home) : "forms";

    read_folder(examples, forms, true);
    read_folder(examples, forms, false);
    return examples;
}

bool vc_example_shows(const struct vc_example *example, const char *id)
{
    for (size_t i = 0; example->form && i < example->form->example.requirement_count; i++)
        if (!strcmp(example->form->example.requirements[i], id))
            return true;
    return false;
}
