/* What a scenario configures, as it is written: for a lab that runs. */
#include <string.h>

#include "model/configure.h"

static json_t *as_written(const struct vc_doc *doc)
{
    json_t *out = doc->type == VC_DOC_MAP ? json_object() : json_array();

    if (doc->type == VC_DOC_SCALAR) {
        json_decref(out);
        return json_string(doc->text);
    }
    for (size_t i = 0; i < doc->count; i++)
        if (doc->type == VC_DOC_MAP)
            json_object_set_new(out, doc->items[i]->key, as_written(doc->items[i]));
        else
            json_array_append_new(out, as_written(doc->items[i]));
    return out;
}

static const char *text_in(const struct vc_doc *map, const char *name)
{
    const struct vc_doc *member = vc_doc_member(map, name);

    return member && member->type == VC_DOC_SCALAR ? member->text : "";
}

/* {NODE: KNOBS} of the `misconfigure` faults among the scenario's steps: of the one with that name, or (NULL) of the
 * only one. Their names are added to *names. New reference, or NULL. */
static json_t *written_fault(const struct vc_doc *steps, const char *wanted, char **names)
{
    VC_AUTO_JSON *out = NULL;
    unsigned found = 0;

    for (size_t i = 0; steps && steps->type == VC_DOC_LIST && i < steps->count; i++) {
        const struct vc_doc *step = steps->items[i];
        const struct vc_doc *fault = step->type == VC_DOC_MAP ? vc_doc_member(step, "fault") : NULL;
        const struct vc_doc *own = fault && fault->type == VC_DOC_MAP ? vc_doc_member(fault, "configure") : NULL;
        if (!own || strcmp(text_in(fault, "kind"), "misconfigure") != 0)
            continue;
        *names = talloc_asprintf_append(*names, "%s%s", **names ? ", " : "", text_in(fault, "name"));
        if (wanted && strcmp(wanted, text_in(fault, "name")) != 0)
            continue;
        json_decref(out);
        out = json_pack("{s:o}", text_in(fault, "node"), as_written(own));
        found++;
    }
    return found == 1 ? VC_STEAL_PTR(out) : NULL;
}

json_t *vc_configure_written(const char *file, const char *fault, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_problems *problems = vc_problems_new(scratch);
    const struct vc_doc *doc = vc_doc_load(scratch, file, problems);
    const struct vc_doc *configure = doc ? vc_doc_member(doc, "configure") : NULL;
    char *names = talloc_strdup(scratch, "");

    if (vc_problems_finish(problems, err) < 0)
        return NULL;
    if (!fault && configure && configure->type == VC_DOC_MAP)
        return as_written(configure);
    json_t *out = doc ? written_fault(vc_doc_member(doc, "steps"), fault, &names) : NULL;
    if (!out && *names)
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: which of its faults? There are %s: name it after a colon", file, names);
    else if (!out)
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: no node is configured otherwise in it", file);
    return out;
}
