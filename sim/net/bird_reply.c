/* What BIRD's tables say. Fields are named, columns are counted in words; what is not known is left out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "net/bird.h"

enum { CODE_LENGTH = 5, CODE_PROTOCOL = 1002, CODE_ROUTE = 1007, CODE_BFD = 1020 };

/* One line of an answer at a time. */
struct lines {
    const char *rest;
    char *line; /* talloc; without its code */
    int code;   /* its own or that of the line before */
};

static bool next_line(struct lines *lines)
{
    size_t length = strcspn(lines->rest, "\n");
    const char *text = lines->rest;

    TALLOC_FREE(lines->line);
    if (!*text)
        return false;
    size_t head = 1;
    if (isdigit((unsigned char)*text) && length >= CODE_LENGTH) {
        lines->code = atoi(text);
        head = CODE_LENGTH;
    }
    lines->line = talloc_strndup(NULL, text + (head < length ? head : length), length > head ? length - head : 0);
    lines->rest += length + (text[length] == '\n');
    return true;
}

/* The words of a table's row, cut in place; those that are missing are "". The last one has the rest of the line. */
static void split(char *line, const char *words[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        line += strspn(line, " \t");
        words[i] = line;
        if (i + 1 == count)
            break;
        line += strcspn(line, " \t");
        if (*line)
            *line++ = '\0';
    }
    for (size_t end = strlen(words[count - 1]); end && words[count - 1][end - 1] == ' ';)
        line[--end] = '\0';
}

/* "  BGP state:   Idle" is the value of "BGP state". */
static const char *value_of(const char *line, const char *name)
{
    line += strspn(line, " \t");
    if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':')
        return NULL;
    line += strlen(name) + 1;
    return line + strspn(line, " \t");
}

/* "Routes: 2 imported, 1 filtered, 1 exported": the number before that word. */
static json_int_t counted(const char *routes, const char *word)
{
    for (const char *at = routes; *at; at += strcspn(at, ","), at += strspn(at, ", ")) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end != at && strncmp(end + strspn(end, " "), word, strlen(word)) == 0)
            return number;
    }
    return 0;
}

/* What BIRD says of an error after who made it: "Socket: Connection lost (Connection reset by peer)". */
static const char *reason_of(const char *error)
{
    static const char own[] = "Error: ";

    return strncmp(error, own, strlen(own)) == 0 ? error + strlen(own) : error;
}

static void set_text(json_t *peer, const char *name, const char *text)
{
    json_object_set_new(peer, name, json_string(text));
}

static void read_peer_line(json_t *peer, const char *line)
{
    const char *value;

    if ((value = value_of(line, "BGP state")))
        set_text(peer, "state", value);
    else if ((value = value_of(line, "Neighbor AS")))
        json_object_set_new(peer, "remoteAs", json_integer(atoll(value)));
    else if ((value = value_of(line, "Last error")))
        set_text(peer, "reason", reason_of(value));
    else if ((value = value_of(line, "Routes"))) {
        json_object_set_new(peer, "pfxRcd", json_integer(counted(value, "imported")));
        json_object_set_new(peer, "filtered", json_integer(counted(value, "filtered")));
    }
}

/* A row of the table of protocols begins what follows about that one. */
static json_t *new_peer(char *row)
{
    enum { NAME, PROTO, TABLE, STATE, SINCE, INFO, COLUMNS };
    const char *words[COLUMNS];

    split(row, words, COLUMNS);
    if (strcmp(words[PROTO], "BGP") != 0)
        return NULL;
    return json_pack("{s:s, s:s, s:i, s:i, s:s, s:o}", "protocol", words[NAME], "state", "Idle", "pfxRcd", 0,
                     "filtered", 0, "reason", "", "peerUptime", json_sprintf("since %s", words[SINCE]));
}

json_t *vc_bird_peers(const char *reply)
{
    struct lines lines = {.rest = reply};
    json_t *peers = json_object();
    VC_AUTO_JSON *peer = NULL;

    while (next_line(&lines)) {
        const char *address = value_of(lines.line, "Neighbor address");
        if (lines.code == CODE_PROTOCOL) {
            json_decref(peer);
            peer = new_peer(lines.line);
        } else if (peer && address) {
            json_object_set(peers, address, peer);
        } else if (peer) {
            read_peer_line(peer, lines.line);
        }
    }
    return peers;
}

json_t *vc_bird_bfd(const char *reply)
{
    enum { ADDRESS, INTERFACE, STATE, REST, COLUMNS };
    struct lines lines = {.rest = reply};
    json_t *sessions = json_array();

    while (next_line(&lines)) {
        const char *words[COLUMNS];
        struct in_addr address;

        split(lines.line, words, COLUMNS);
        if (lines.code == CODE_BFD && vc_addr_parse(words[ADDRESS], &address))
            json_array_append_new(sessions,
                                  json_pack("{s:s, s:s, s:s}", "peer", words[ADDRESS], "interface", words[INTERFACE],
                                            "status", strcmp(words[STATE], "Up") == 0 ? "up" : "down"));
    }
    return sessions;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *vc_bird_prefixes(const char *reply)
{
    struct lines lines = {.rest = reply};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char **found = talloc_array(scratch, const char *, 0);
    size_t count = 0;
    json_t *sorted = json_array();

    /* A second route of the same prefix, and what belongs to a route, are indented. */
    while (next_line(&lines)) {
        struct vc_prefix prefix;
        char *word = talloc_strndup(scratch, lines.line, strcspn(lines.line, " \t"));
        if (lines.code != CODE_ROUTE || !vc_prefix_parse(word, &prefix))
            continue;
        found = talloc_realloc(scratch, found, const char *, count + 1);
        found[count++] = word;
    }
    qsort(found, count, sizeof *found, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(found[i], found[i - 1]) != 0)
            json_array_append_new(sorted, json_string(found[i]));
    return sorted;
}
