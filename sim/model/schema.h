/*
 * Tables that say what a mapping may hold. One table serves both sinks: a struct (topologies) or a JSON object
 * (expectations and faults, which travel as JSON into events.jsonl).
 */
#pragma once

#include <stddef.h>

#include "model/document.h"

struct vc_scenario;

/* What reading needs everywhere. `tree` owns what is kept; names of topology and scenario are resolved once those parts
 * were read. */
struct vc_reader {
    void *tree;
    struct vc_problems *problems;
    struct vc_topology *topology;
    struct vc_scenario *scenario; /* NULL outside scenarios */
};

enum vc_field_type {
    VC_FIELD_NAME,     /* [a-z][a-z0-9-]*, max letters → const char * */
    VC_FIELD_TEXT,     /* anything printable → const char * */
    VC_FIELD_PROPOSAL, /* strongSwan's notation → const char * */
    VC_FIELD_SECRET,   /* goes into configurations as it is; not shown in messages */
    VC_FIELD_COUNT,    /* min..max → unsigned */
    VC_FIELD_DURATION, /* min..max ns; → unsigned of `unit` ns, or member NAME_ns */
    VC_FIELD_PERCENT,  /* "0.5", at most max ppm → unsigned parts per million, or member NAME_ppm */
    VC_FIELD_BOOL,     /* JSON only */
    VC_FIELD_ADDRESS,  /* → struct in_addr */
    VC_FIELD_NETWORK,  /* no host bits → struct vc_prefix */
    VC_FIELD_CHOICE,   /* one of choices → const char * */
    VC_FIELD_NODE,     /* a name of the topology → size_t, VC_NONE when wrong */
    VC_FIELD_LINK,
    VC_FIELD_DC,
    VC_FIELD_CUSTOMER,
    VC_FIELD_TUNNEL,
    VC_FIELD_FLOW,   /* JSON only */
    VC_FIELD_CUSTOM, /* read() does it */
};

struct vc_field;
/* Either base (a struct) or object (JSON) is set. */
struct vc_sink {
    void *base;
    json_t *object;
};
/* Adds problems for what it does not like. */
typedef void vc_field_fn(struct vc_reader *reader, const struct vc_field *field, const struct vc_doc *doc,
                         struct vc_sink sink);

struct vc_field {
    const char *name;
    enum vc_field_type type;
    bool required;
    size_t offset;              /* into the struct */
    int64_t min, max, unit;     /* see the types; max 0: no limit */
    const char *fallback;       /* the default as one would write it; NULL: absent */
    const char *const *choices; /* NULL-terminated */
    vc_field_fn *read;
};

/* Reads mapping `doc` by the table: unknown and duplicate keys, missing ones, types, ranges, defaults. `what` names it
 * in messages ("node"). 0, or -1 when it added problems. */
int vc_schema_read(struct vc_reader *reader, const struct vc_doc *doc, const char *what, const struct vc_field *fields,
                   size_t count, struct vc_sink sink);

/* True for a mapping with at least one member; else a problem. Duplicate keys are problems too, but do not make it
 * false. */
bool vc_schema_is_map(struct vc_reader *reader, const struct vc_doc *doc, const char *what);
/* True for a scalar that is not empty; else a problem. */
bool vc_schema_is_scalar(struct vc_reader *reader, const struct vc_doc *doc, const char *allowed);
/* [a-z][a-z0-9-]*, at most max letters; else a problem at mark. */
bool vc_schema_name(struct vc_reader *reader, struct vc_mark mark, const char *what, const char *name, size_t max);
/* An interface's address with its mask: a host's own, not the network's or the broadcast one; else a problem. */
bool vc_schema_interface(struct vc_reader *reader, const struct vc_doc *doc, struct vc_prefix *out);
bool vc_schema_address(struct vc_reader *reader, const struct vc_doc *doc, struct in_addr *out);

#define VC_DURATION_LONGEST (1000000 * VC_NS_PER_S)
/* "1200ms", "5s", "3m", "4h" to nanoseconds (at most about 11 days); false when it is none. */
bool vc_duration_parse(const char *text, int64_t *ns);
/* "1.2 s", "100 ms": for people. talloc child of ctx. */
char *vc_duration_text(void *ctx, int64_t ns);
/* "1", "0.25": a percentage from 0 to 100 with four decimals at most, to parts per million. */
bool vc_percent_parse(const char *text, int64_t *ppm);
/* Decimal digits only, at most `max`. */
bool vc_count_parse(const char *text, int64_t max, int64_t *out);

/* "10/30": KEEPALIVE/HOLD in seconds, HOLD the longer, 3 to 65535. */
#define VC_BGP_TIMERS_ALLOWED "KEEPALIVE/HOLD in seconds, HOLD the longer, 3 to 65535, such as 10/30"
bool vc_bgp_timers_parse(const char *text, unsigned *keepalive_s, unsigned *hold_s);
/* "10s x 3" in whole seconds, or "off": 0 and 0. */
bool vc_keepalive_parse(const char *text, unsigned *seconds, unsigned *times);
