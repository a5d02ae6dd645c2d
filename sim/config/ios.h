/*
 * A running-config of IOS-XE as sections of facts. A table of line patterns (ios_table.c) says what a line of which
 * section means; what no pattern takes is kept with its number. Sections need no indentation: as on a router, a line
 * that its section does not know is tried at the top level. Names refer to each other only later (read_*.c); as on a
 * router, those of interfaces are the same in any case, all others are not.
 */
#pragma once

#include "base/error.h"
#include "base/ip.h"

enum vc_ios_kind {
    VC_IOS_GLOBAL,
    VC_IOS_PROPOSAL,  /* crypto ikev2 proposal */
    VC_IOS_POLICY,    /* crypto ikev2 policy */
    VC_IOS_KEYRING,   /* crypto ikev2 keyring: one section for each peer of it, "RING PEER" */
    VC_IOS_PROFILE,   /* crypto ikev2 profile */
    VC_IOS_ISAKMP,    /* crypto isakmp policy: IKEv1 */
    VC_IOS_TRANSFORM, /* crypto ipsec transform-set */
    VC_IOS_IPSEC,     /* crypto ipsec profile */
    VC_IOS_MAP,       /* an entry of a crypto map, "MAP SEQ" */
    VC_IOS_ACL,
    VC_IOS_INTERFACE,
    VC_IOS_ROUTE_MAP, /* an entry, "MAP SEQ" */
    VC_IOS_BGP,
    VC_IOS_TEMPLATE, /* of peers, in BGP: its facts are BGP's, of a neighbour of that name */
    VC_IOS_IGP,      /* another routing protocol, "ospf 1" */
    VC_IOS_VRF,
    VC_IOS_SKIP, /* of a kind that says nothing of Virtual Connect; has no facts */
    VC_IOS_KINDS
};

/* One line: what it says, and the words that its pattern leaves open. */
struct vc_ios_fact {
    const char *key;
    const char **args;
    size_t count;
    int line;
};

struct vc_ios_section {
    enum vc_ios_kind kind;
    const char *name;
    int line;
    struct vc_ios_fact *facts;
    size_t count;
};

/* A line that nothing understands; secrets in it are left out. */
struct vc_ios_unknown {
    int line;
    const char *text;
};

struct vc_ios {
    const char *file;                /* what messages call it */
    struct vc_ios_section *sections; /* the first is the top level */
    size_t section_count;
    struct vc_ios_unknown *unknown;
    size_t unknown_count;
    size_t understood, irrelevant, secrets; /* lines: with facts, known to say nothing here, known and dropped */
};

enum { VC_IOS_MAX = 1 << 20, VC_IOS_SECTIONS_MAX = 4096 }; /* bytes; interfaces, lists, entries and so on */

/* Reads the text. talloc child of ctx; NULL (VC_EXIT_USAGE): too large, no text, a banner without an end, or not one
 * line of it is understood. */
struct vc_ios *vc_ios_read(void *ctx, const char *file, const char *text, size_t size, vc_error **err);

/* NULL: none of that name (NULL: any, the first). */
const struct vc_ios_section *vc_ios_section(const struct vc_ios *ios, enum vc_ios_kind kind, const char *name);
/* The last fact of that key, and whose first argument is `arg` where one is given; NULL: none. */
const struct vc_ios_fact *vc_ios_fact(const struct vc_ios_section *section, const char *key, const char *arg);

/* The fact's argument as a number; without one, or without the fact, `otherwise`. */
unsigned vc_ios_number(const struct vc_ios_fact *fact, size_t arg, unsigned otherwise);
int vc_ios_line(const struct vc_ios_fact *fact, int otherwise);

/* The table: one row for each shape of a line. */
struct vc_ios_pattern { // NOLINT(clang-analyzer-optin.performance.Padding): as a row is read
    enum vc_ios_kind in;
    /* Words; <a> an address, <n> a number, <p> a prefix, <w> a word, <rest> one word or more, <any> none or more. */
    const char *words;
    const char *key;        /* the fact; NULL: irrelevant; "-KEY": takes the facts KEY away; "*": a secret */
    enum vc_ios_kind opens; /* the section that begins here, named by `name` of the captured words; 0: none */
    unsigned name;
    bool once; /* the fact goes into that section, which ends with the line */
};
extern const struct vc_ios_pattern vc_ios_patterns[];
extern const size_t vc_ios_pattern_count;
