/* What an engineer reads in the configuration of FRR or BIRD about each tunnel. */
#include <string.h>

#include "lab/evidence.h"

struct reader {
    evidence_is_tunnel *is_tunnel;
    const void *arg;
    json_t *tunnels;
    const char *asn;
    json_t *groups; /* address → tunnel */
};

static json_t *of_tunnel(struct reader *r, const char *name)
{
    json_t *out = json_object_get(r->tunnels, name);

    if (!out && r->is_tunnel(r->arg, name)) {
        out = json_pack("{s:b, s:b, s:s}", "default", 0, "inbound_policy", 0, "password", "");
        json_object_set_new(r->tunnels, name, out);
    }
    return out;
}

/* The words of a line, cut in place; the rest are "". */
enum { WORDS = 6 };
static void split(char *line, const char *between, const char *words[WORDS])
{
    char *save = NULL;

    for (size_t i = 0; i < WORDS; i++) {
        char *word = strtok_r(i ? NULL : line, between, &save);
        words[i] = word ? word : "";
    }
}

static void set_number(json_t *tunnel, const char *member, const char *text)
{
    json_int_t number = atoll(text);
    const char *dot = strchr(text, '.');

    json_object_set_new(tunnel, member, json_integer(dot ? number << 16 | atoll(dot + 1) : number));
}

/* ---- FRR ---- */

static void frr_neighbor(struct reader *r, const char *who, const char *verb, const char *value, const char *way)
{
    static const char *const flags[][2] = {{"default-originate", "default"}, {"shutdown", "shut"}};
    static const char *const numbers[][2] = {{"remote-as", "remote_as"}, {"local-as", "local_as"}};
    static const char *const filters[] = {"prefix-list", "route-map", "distribute-list", "filter-list"};
    const char *group = json_string_value(json_object_get(r->groups, who));
    json_t *tunnel = of_tunnel(r, group ? group : who);

    if (!tunnel && !strcmp(verb, "peer-group") && (tunnel = of_tunnel(r, value))) {
        json_object_set_new(r->groups, who, json_string(value));
        json_object_set_new(tunnel, "neighbor", json_string(who));
    }
    if (!tunnel)
        return;
    for (size_t i = 0; i < VC_COUNT(flags); i++)
        if (!strcmp(verb, flags[i][0]))
            json_object_set_new(tunnel, flags[i][1], json_true());
    for (size_t i = 0; i < VC_COUNT(numbers); i++)
        if (!strcmp(verb, numbers[i][0]))
            set_number(tunnel, numbers[i][1], value);
    if (!strcmp(verb, "password"))
        json_object_set_new(tunnel, "password", json_string(value));
    for (size_t i = 0; i < VC_COUNT(filters); i++)
        if (!strcmp(verb, filters[i]) && !strcmp(way, "in"))
            json_object_set_new(tunnel, "inbound_policy", json_true());
    if (!json_object_get(tunnel, "local_as") && *r->asn)
        set_number(tunnel, "local_as", r->asn);
}

/* A password goes on to the end of the line, whatever is in it. Cut off there, so that no other word is. */
static const char *cut_password(char *line)
{
    static const char word[] = " password ";
    char *at = strstr(line, word);

    if (!at || strncmp(line + strspn(line, " "), "neighbor ", 9) != 0)
        return NULL;
    *at = '\0';
    at += strlen(word);
    at[strcspn(at, "\r")] = '\0';
    return at;
}

json_t *evidence_read_frr(char *text, evidence_is_tunnel *is_tunnel, const void *arg)
{
    VC_AUTO_JSON *groups = json_object();
    struct reader r = {is_tunnel, arg, json_object(), "", groups};
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *words[WORDS], *password = cut_password(line);
        split(line, " \t\r", words);
        if (!strcmp(words[0], "router") && !strcmp(words[1], "bgp"))
            r.asn = words[2];
        else if (!strcmp(words[0], "neighbor"))
            frr_neighbor(&r, words[1], password ? "password" : words[2], password ? password : words[3], words[4]);
    }
    return r.tunnels;
}

/* ---- BIRD ---- */

/* The password stands between quotes. */
static bool bird_password(json_t *tunnel, const char *line)
{
    static const char word[] = "password \"";

    line += strspn(line, " \t");
    if (strncmp(line, word, strlen(word)) != 0)
        return false;
    line += strlen(word);
    json_object_set_new(tunnel, "password", json_stringn(line, strcspn(line, "\"")));
    return true;
}

static void bird_line(json_t *tunnel, const char *const w[WORDS])
{
    if (!strcmp(w[0], "local")) {
        set_number(tunnel, "local_as", w[3]);
    } else if (!strcmp(w[0], "neighbor")) {
        json_object_set_new(tunnel, "neighbor", json_string(w[1]));
        set_number(tunnel, "remote_as", w[3]);
    } else if (!strcmp(w[0], "disabled")) {
        json_object_set_new(tunnel, "shut", json_true());
    } else if (!strcmp(w[0], "import") &&
               (!strcmp(w[1], "where") || !strcmp(w[1], "none") || !strcmp(w[1], "filter"))) {
        json_object_set_new(tunnel, "inbound_policy", json_true());
    } else if (!strcmp(w[0], "if") && !strcmp(w[3], "RTS_STATIC")) {
        json_object_set_new(tunnel, "default", json_true());
    }
}

json_t *evidence_read_bird(char *text, evidence_is_tunnel *is_tunnel, const void *arg)
{
    struct reader r = {is_tunnel, arg, json_object(), "", NULL};
    json_t *tunnel = NULL;
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        const char *w[WORDS];
        if (tunnel && bird_password(tunnel, line))
            continue;
        split(line, " \t;'\"", w);
        if (!strcmp(w[0], "protocol"))
            tunnel = strncmp(w[2], "ebgp-", 5) ? NULL : of_tunnel(&r, w[2] + 5);
        if (tunnel)
            bird_line(tunnel, w);
    }
    return r.tunnels;
}
