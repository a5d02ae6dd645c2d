/*
 * Whose a line of a log is. charon writes "<dc1|3>" of a connection and "<3>" while it does not know yet who calls (the
 * line that says who began it tells); pluto `"dc1" #3`; bgpd the neighbour's address; BIRD the protocol's name.
 */
#include <ctype.h>

#include "doctor/private.h"

const json_t *lines_of(const json_t *node, const char *daemon)
{
    return json_object_get(json_object_get(node, "log"), daemon);
}

/* `word` with nothing of an address or a name before or behind it. */
static bool has_word(const char *line, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(line, word); length && at; at = strstr(at + 1, word)) {
        bool begins = at == line || !(isalnum((unsigned char)at[-1]) || at[-1] == '.');
        if (begins && !isalnum((unsigned char)at[length]) &&
            !(at[length] == '.' && isdigit((unsigned char)at[length + 1])))
            return true;
    }
    return false;
}

bool is_alone(const struct doctor *d, const struct view *v, enum end end)
{
    for (size_t i = 0; i < d->view_count; i++)
        if (&d->views[i] != v && !strcmp(d->views[i].at[end].name, v->at[end].name))
            return false;
    return true;
}

/* A negotiation with a peer that is not known yet, "<3>". */
static bool is_from_peer(const struct doctor *d, const struct view *v, enum end end, const json_t *lines,
                         const char *tag, size_t length)
{
    const char *peer = text_at(json_object_get(v->order, "ipsec"), end == CPE ? "cisco" : "cpe");
    static const char *const words[] = {"is initiating", "looking for peer configs", "no IKE config found"};

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = text_in(lines, i), *own = strchr(line, '<');
        if (!own || strncmp(own, tag, length) != 0)
            continue;
        for (size_t w = 0; w < VC_COUNT(words); w++)
            if (strstr(line, words[w]))
                return has_word(line, peer);
    }
    return is_alone(d, v, end);
}

static bool is_charons(const struct doctor *d, const struct view *v, enum end end, const json_t *lines,
                       const char *line)
{
    const char *tag = strchr(line, '<'), *bar = tag ? strchr(tag, '|') : NULL, *close = tag ? strchr(tag, '>') : NULL;

    if (!close)
        return has_word(line, text_at(json_object_get(v->order, "transport"), "cisco"));
    if (bar && bar < close)
        return (size_t)(bar - tag - 1) == strlen(v->name) && !strncmp(tag + 1, v->name, (size_t)(bar - tag - 1));
    return is_from_peer(d, v, end, lines, tag, (size_t)(close - tag + 1));
}

bool is_of_tunnel(const struct doctor *d, const struct view *v, enum end end, const char *daemon, const char *line)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    if (!strcmp(daemon, "charon"))
        return is_charons(d, v, end, lines_of(v->at[end].node, daemon), line);
    if (!strcmp(daemon, "pluto"))
        return strstr(line, talloc_asprintf(scratch, "\"%s\"", v->name));
    if (!strcmp(daemon, "bird"))
        return strstr(line, talloc_asprintf(scratch, "ebgp-%s:", v->name));
    return has_word(line,
                    address_of(scratch, text_at(json_object_get(v->order, "address"), end == CPE ? "cisco" : "cpe")));
}

const char *logged(const struct doctor *d, const struct view *v, enum end end, const char *daemon, const char *contains,
                   const char *ended)
{
    const json_t *lines = lines_of(v->at[end].node, daemon);

    for (size_t i = json_array_size(lines); i-- > 0;) {
        const char *line = text_in(lines, i);
        if (ended && (strstr(line, "Starting IKE charon daemon") || strstr(line, "Starting Pluto")))
            return NULL;
        if (!is_of_tunnel(d, v, end, daemon, line))
            continue;
        if (strstr(line, contains))
            return line;
        if (ended && strstr(line, ended))
            return NULL;
    }
    return NULL;
}
