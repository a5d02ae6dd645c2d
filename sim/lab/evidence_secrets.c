/* Libreswan's ipsec.secrets: `ID ID : PSK "secret"`. The line of a connection is the one whose IDs are all its own, the
 * one with most of them where there are several; IDs that are left out, or %any, are anybody's. */
#include <string.h>

#include "lab/evidence.h"

static const char *without_at(const char *id)
{
    return *id == '@' ? id + 1 : id;
}

/* How many of the line's IDs are the connection's; -1: one is somebody else's. */
static int matches(const char *ids, const char *local, const char *remote)
{
    VC_AUTO_TALLOC char *copy = talloc_strdup(NULL, ids);
    char *save = NULL;
    int count = 0;

    for (char *id = strtok_r(copy, " \t", &save); id; id = strtok_r(NULL, " \t", &save)) {
        if (!strcmp(id, "%any"))
            continue;
        id += without_at(id) - id;
        if (strcmp(id, without_at(local)) != 0 && strcmp(id, without_at(remote)) != 0)
            return -1;
        count++;
    }
    return count;
}

const char *evidence_secret_of(char *text, const char *local_id, const char *remote_id)
{
    char *save = NULL;
    const char *best = NULL;
    int most = -1;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *psk = strstr(line, " PSK \""), *colon = psk ? strrchr((*psk = '\0', line), ':') : NULL;
        if (!colon || *line == '#')
            continue;
        *colon = '\0';
        psk += strlen(" PSK \"");
        int count = matches(line, local_id, remote_id);
        if (count <= most)
            continue;
        most = count;
        psk[strcspn(psk, "\"")] = '\0';
        best = psk;
    }
    return best;
}

static const char *text_at(const json_t *connection, const char *member)
{
    const char *text = json_string_value(json_object_get(connection, member));

    return text ? text : "";
}

void evidence_read_secrets(const struct vc_lab *lab, char *text, json_t *connections)
{
    const char *name;
    json_t *connection;

    json_object_foreach(connections, name, connection)
    {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        size_t tunnel = vc_topology_tunnel(lab->plan->topology, name);
        if (tunnel == VC_NONE)
            continue;
        const char *psk = evidence_secret_of(talloc_strdup(scratch, text), text_at(connection, "local_id"),
                                             text_at(connection, "remote_id"));
        json_object_set_new(connection, "psk", json_string(evidence_secret(psk, evidence_psk(scratch, lab, tunnel))));
    }
}
