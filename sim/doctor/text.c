/* The diagnosis for people, and the table of causes as a document. */
#include "doctor/private.h"

static const char *mark_of(const char *state, bool colour)
{
    if (!strcmp(state, "ok"))
        return colour ? "\033[32m✓\033[0m" : "✓";
    if (!strcmp(state, "failed"))
        return colour ? "\033[31m✗\033[0m" : "✗";
    return strcmp(state, "coming up") != 0 ? "·" : colour ? "\033[33m…\033[0m" : "…";
}

/* On one line and without what steers a terminal: evidence may come from a stranger. talloc child of ctx. */
static const char *plain(void *ctx, const char *text)
{
    char *copy = talloc_strdup(ctx, text ? text : "");

    for (unsigned char *p = (unsigned char *)copy; *p; p++)
        if (*p < ' ' || *p == 0x7f)
            *p = ' ';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* U+0080 to U+009F */
            p[0] = p[1] = ' ';
    return copy;
}

static char *add_tunnels(char *text, const json_t *diagnosis, bool colour)
{
    size_t i;
    json_t *tunnel;

    json_array_foreach(json_object_get(diagnosis, "tunnels"), i, tunnel)
    {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

        text = talloc_asprintf_append(text, "tunnel %-11s", plain(scratch, text_at(tunnel, "tunnel")));
        for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++)
            text = talloc_asprintf_append(
                text, "  %s %s", mark_of(text_at(json_object_get(tunnel, "layers"), doctor_layer_names[layer]), colour),
                doctor_layer_names[layer]);
        text = talloc_strdup_append(text, "\n");
    }
    return text;
}

static char *add_cause(char *text, const json_t *cause, size_t number, bool colour)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *node = plain(scratch, text_at(cause, "node")), *tunnel = plain(scratch, text_at(cause, "tunnel"));
    size_t i;
    json_t *line;

    text = talloc_asprintf_append(text, "\n%zu. %s%s%s", number, colour ? "\033[1m" : "", text_at(cause, "cause"),
                                  colour ? "\033[0m" : "");
    if (*node)
        text = talloc_asprintf_append(text, " at %s", node);
    if (*tunnel)
        text = talloc_asprintf_append(text, ", tunnel %s", tunnel);
    text = talloc_asprintf_append(text, " (%s, %s%s)\n   %s\n", text_at(cause, "layer"), text_at(cause, "confidence"),
                                  true_at(cause, "latent") ? ", does not hurt yet" : "", text_at(cause, "text"));
    json_array_foreach(json_object_get(cause, "evidence"), i, line)
    {
        const char *told = plain(scratch, json_string_value(line));
        bool later = !strncmp(told, "this bites ", strlen("this bites "));
        text = talloc_asprintf_append(text, "   %s %s\n",
                                      later ? "bites: " : "seen:  ", later ? told + strlen("this bites ") : told);
    }

    text = talloc_asprintf_append(text, "   remedy: %s\n   guide:  %s, %s\n   IOS-XE: ", text_at(cause, "remedy"),
                                  text_at(cause, "section"), text_at(cause, "requirement"));
    json_array_foreach(json_object_get(cause, "show"), i, line)
    {
        text = talloc_asprintf_append(text, "%s%s", i ? "; " : "", plain(scratch, json_string_value(line)));
    }

    return talloc_strdup_append(text, "\n");
}

/* What is not ok and has no cause yet, a layer of each tunnel. */
static char *add_coming(char *text, const json_t *diagnosis)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t i;
    json_t *tunnel;

    json_array_foreach(json_object_get(diagnosis, "tunnels"), i, tunnel)
    {
        const char *first = text_at(tunnel, "first_failing");
        if (is(json_object_get(tunnel, "layers"), first, "coming up"))
            text = talloc_asprintf_append(text,
                                          "\nTunnel %s: %s is coming up, and it is too early to say more: ask again.\n",
                                          plain(scratch, text_at(tunnel, "tunnel")), plain(scratch, first));
    }
    return text;
}

char *vc_doctor_text(void *ctx, const json_t *diagnosis, bool colour)
{
    char *text = add_tunnels(talloc_strdup(ctx, ""), diagnosis, colour);
    size_t i;
    json_t *cause;

    if (true_at(diagnosis, "healthy"))
        return talloc_strdup_append(text, "\nNothing is wrong.\n");
    json_array_foreach(json_object_get(diagnosis, "causes"), i, cause)
    {
        text = add_cause(text, cause, i + 1, colour);
    }

    return add_coming(text, diagnosis);
}

/* ---- docs/troubleshooting.md ---- */

static char *add_row(char *text, const struct cause *cause)
{
    text = talloc_asprintf_append(
        text, "\n### %s\n\n%s (%s; guide: %s)\n\n- **Symptom**: %s\n- **Remedy**: %s\n- **IOS-XE**:", cause->id,
        cause->text, cause->requirement, cause->section, cause->symptom, cause->remedy);
    for (size_t i = 0; i < VC_COUNT(cause->show) && cause->show[i]; i++)
        text = talloc_asprintf_append(text, "%s `%s`", i ? "," : "", cause->show[i]);
    return talloc_strdup_append(text, "\n");
}

char *vc_doctor_catalogue(void *ctx)
{
    char *text = talloc_strdup(
        ctx, "# Troubleshooting\n\nMade by `vclab doctor --catalogue` from the doctor's own table: do not edit. Causes "
             "stand in the order "
             "of the service guide's checks, layer by layer; the first layer that fails is the one to mend.\n");

    for (enum layer layer = UNDERLAY; layer < LAYER_COUNT; layer++) {
        text = talloc_asprintf_append(text, "\n## %s\n", doctor_layer_names[layer]);
        for (size_t i = 0; i < doctor_cause_count; i++)
            if (doctor_causes[i].layer == layer)
                text = add_row(text, &doctor_causes[i]);
    }
    return text;
}
