/* Lines to sections and facts. What a line means is in the table; here is how it is matched and where it belongs. */
#include "config/ios.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 64, SHOWN_WORDS = 8 };

struct line {
    char *words[WORDS_MAX];
    size_t count, indent;
    int number;
};

struct reader {
    struct vc_ios *ios;
    void *scratch;
    size_t current;        /* the section that lines belong to */
    size_t parent;         /* to which `exit` leads from it */
    size_t header_indent;  /* of the line with which it began */
    bool indented;         /* its lines stand deeper than that */
    bool unknown;          /* a SKIP section whose first line nobody knew */
    bool text_is_indented; /* some line begins with a blank */
    char until[3];         /* a banner's delimiter while one is read, else "" */
    int banner;            /* the line with which it began */
    const char *rest;      /* the text after this line */
    bool full;             /* there were too many sections */
};

/* ---- matching ---- */

static bool is_number(const char *word)
{
    size_t digits = strspn(word, "0123456789");

    return digits && digits <= 10 && !word[digits];
}

static bool open_matches(const char *open, size_t length, const char *word)
{
    struct in_addr address;
    struct vc_prefix prefix;

    if (!strncmp(open, "<a>", length))
        return vc_addr_parse(word, &address);
    if (!strncmp(open, "<n>", length))
        return is_number(word);
    if (!strncmp(open, "<p>", length))
        return vc_prefix_parse(word, &prefix);
    return true;
}

/* The words that the pattern leaves open go into `args`; false: another line. `whole` false: the line's words may be
 * fewer than the pattern's, as in "no keepalive". */
static bool matches(const char *pattern, char *const *words, size_t count, bool whole, const char **args, size_t *given)
{
    size_t i = 0;

    *given = 0;
    for (const char *at = pattern; *at;) {
        size_t length = strcspn(at, " ");
        bool rest = !strncmp(at, "<rest>", length) || !strncmp(at, "<any>", length);

        if (rest) {
            bool enough = i < count || !strncmp(at, "<any>", length);
            for (; i < count; i++)
                args[(*given)++] = words[i];
            return enough || !whole;
        }
        if (i == count)
            return !whole;
        if (*at == '<' ? !open_matches(at, length, words[i])
                       : strlen(words[i]) != length || strncasecmp(at, words[i], length) != 0)
            return false;
        if (*at == '<')
            args[(*given)++] = words[i];
        i++;
        at += length + (at[length] == ' ');
    }
    return i == count;
}

static const struct vc_ios_pattern *find(enum vc_ios_kind kind, char *const *words, size_t count, bool whole,
                                         const char **args, size_t *given)
{
    for (size_t i = 0; i < vc_ios_pattern_count; i++)
        if (vc_ios_patterns[i].in == kind && matches(vc_ios_patterns[i].words, words, count, whole, args, given))
            return &vc_ios_patterns[i];
    return NULL;
}

/* ---- keeping ---- */

static void keep_fact(struct reader *r, size_t section, const char *key, const char **args, size_t count, int line)
{
    struct vc_ios *ios = r->ios;
    struct vc_ios_section *s = &ios->sections[section];
    struct vc_ios_fact fact = {
        .key = key, .args = talloc_array(ios, const char *, count + 1), .count = count, .line = line};

    for (size_t i = 0; i < count; i++)
        fact.args[i] = talloc_strdup(fact.args, args[i]);
    fact.args[count] = NULL;
    s->facts = talloc_realloc(ios, s->facts, struct vc_ios_fact, s->count + 1);
    s->facts[s->count++] = fact;
}

static void drop_facts(struct vc_ios_section *s, const char *key, const char *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->facts[i].key, key) != 0 || (arg && s->facts[i].count && strcmp(s->facts[i].args[0], arg) != 0))
            s->facts[kept++] = s->facts[i];
    s->count = kept;
}

static bool same_name(enum vc_ios_kind kind, const char *a, const char *b)
{
    return !(kind == VC_IOS_INTERFACE ? strcasecmp(a, b) : strcmp(a, b));
}

/* The section of that name, made when it is new; all that is skipped is one. A peer belongs to the keyring in which it
 * stands. */
static size_t open_section(struct reader *r, enum vc_ios_kind kind, const char **args, size_t words, int line)
{
    struct vc_ios *ios = r->ios;
    const struct vc_ios_section *now = &ios->sections[r->current];
    char *name = talloc_strdup(r->scratch, "");

    if (now->kind == kind)
        name = talloc_asprintf(r->scratch, "%.*s ", (int)strcspn(now->name, " "), now->name);
    for (size_t i = 0; i < words; i++)
        name = talloc_asprintf_append(name, "%s%s", i && kind != VC_IOS_INTERFACE ? " " : "", args[i]);
    for (size_t i = 0; i < ios->section_count; i++)
        if (ios->sections[i].kind == kind && (kind == VC_IOS_SKIP || same_name(kind, ios->sections[i].name, name)))
            return i;
    if (ios->section_count == VC_IOS_SECTIONS_MAX) {
        r->full = true;
        return 0;
    }
    ios->sections = talloc_realloc(ios, ios->sections, struct vc_ios_section, ios->section_count + 1);
    ios->sections[ios->section_count] =
        (struct vc_ios_section){.kind = kind, .name = talloc_strdup(ios, name), .line = line};
    return ios->section_count++;
}

/* What comes after such a word is a secret, or may be one. */
static bool announces_secret(const char *word)
{
    static const char *const words[] = {"key",        "password", "secret", "community",  "passphrase",
                                        "key-string", "psk",      "string", "credential", "pre-shared-key",
                                        "md5",        "user",     "auth",   "priv",       "hash"};

    for (size_t i = 0; i < VC_COUNT(words); i++)
        if (strcasestr(word, words[i]))
            return true;
    return false;
}

static void keep_unknown(struct reader *r, const struct line *line)
{
    struct vc_ios *ios = r->ios;
    char *text = talloc_strdup(ios, "");
    size_t shown = 0;

    for (; shown < line->count && shown < SHOWN_WORDS; shown++) {
        const char *word = line->words[shown];
        text = talloc_asprintf_append(text, "%s%.40s", shown ? " " : "", word);
        if (announces_secret(word))
            break;
    }
    if (shown < line->count && (shown == SHOWN_WORDS || shown + 1 < line->count))
        text = talloc_strdup_append(text, " …");
    ios->unknown = talloc_realloc(ios, ios->unknown, struct vc_ios_unknown, ios->unknown_count + 1);
    ios->unknown[ios->unknown_count++] = (struct vc_ios_unknown){line->number, text};
}

/* ---- where a line belongs ---- */

static void enter(struct reader *r, size_t section, const struct line *line)
{
    enum vc_ios_kind inner = r->ios->sections[section].kind, outer = r->ios->sections[r->current].kind;

    /* Another address family and a template are inside BGP, a peer inside its keyring; whatever else begins, begins at
     * the top. */
    if (outer == VC_IOS_TEMPLATE && inner == VC_IOS_TEMPLATE)
        ;
    else if (inner != VC_IOS_KEYRING || outer != VC_IOS_KEYRING)
        r->parent = (inner == VC_IOS_SKIP || inner == VC_IOS_TEMPLATE) && outer == VC_IOS_BGP ? r->current : 0;
    else if (!r->parent)
        r->parent = r->current;
    r->current = section;
    r->header_indent = line->indent;
    r->indented = r->unknown = false;
}

static void leave(struct reader *r)
{
    r->current = r->parent;
    r->parent = 0;
    r->indented = r->unknown = false;
}

/* Of a template: a fact of BGP's, with the template's name in place of a neighbour's. False: of none. */
static bool is_of_template(const struct reader *r, size_t section, size_t *home, const char **name)
{
    if (r->ios->sections[section].kind != VC_IOS_TEMPLATE || !r->parent)
        return false;
    *home = r->parent;
    *name = r->ios->sections[section].name;
    return true;
}

static void keep(struct reader *r, size_t section, const char *key, const char **args, size_t count, int line)
{
    const char *with[WORDS_MAX + 1];
    size_t home;

    if (!is_of_template(r, section, &home, &with[0])) {
        keep_fact(r, section, key, args, count, line);
        return;
    }
    for (size_t i = 0; i < count; i++)
        with[i + 1] = args[i];
    keep_fact(r, home, key, with, count + 1, line);
}

static void apply(struct reader *r, const struct vc_ios_pattern *p, const char **args, size_t given,
                  const struct line *line)
{
    size_t section = r->current, skipped = !p->opens ? 0 : given < p->name ? given : p->name;

    if (p->opens)
        section = open_section(r, p->opens, args, given < p->name ? given : p->name, line->number);
    if (!p->key)
        r->ios->irrelevant += p->opens == VC_IOS_SKIP || !p->opens;
    else if (*p->key == '*')
        r->ios->secrets++;
    else if (*p->key == '-')
        drop_facts(&r->ios->sections[section], p->key + 1, NULL);
    else
        keep(r, section, p->key, args + skipped, given - skipped, line->number);
    r->ios->understood += (p->key && *p->key != '*') || (p->opens && p->opens != VC_IOS_SKIP);
    if (p->opens && !p->once)
        enter(r, section, line);
}

/* A line that stands deeper than its section's first one is that section's. What is known to say nothing at the top
 * level may say something there (`hostname` of a keyring's peer, say): only what says something is taken elsewhere. */
static bool stays(const struct reader *r, size_t section, const struct line *line, const struct vc_ios_pattern *p)
{
    return !section && line->indent > r->header_indent && !p->opens && !p->key;
}

/* "no" before a line that the section knows takes away what that line would say. */
static bool apply_no(struct reader *r, enum vc_ios_kind kind, const struct line *line, bool elsewhere)
{
    const char *args[WORDS_MAX];
    size_t given;

    if (line->count < 2 || strcasecmp(line->words[0], "no") != 0)
        return false;
    char *const *words = line->words + 1;
    const struct vc_ios_pattern *p = find(kind, words, line->count - 1, true, args, &given);
    if (!p && (p = find(kind, words, line->count - 1, false, args, &given)) && p->opens && p->opens != VC_IOS_SKIP)
        p = NULL;
    if (!p || (elsewhere && stays(r, r->current, line, p)))
        return false;
    if (!p->key || strchr("*-", *p->key)) {
        r->ios->irrelevant++;
        return true;
    }
    size_t home = r->current;
    const char *of = given ? args[0] : NULL;
    is_of_template(r, r->current, &home, &of);
    drop_facts(&r->ios->sections[home], p->key, of);
    r->ios->understood++;
    return true;
}

static bool try_section(struct reader *r, size_t section, const struct line *line)
{
    enum vc_ios_kind kind = r->ios->sections[section].kind;
    size_t was = r->current, parent = r->parent, given;
    const char *args[WORDS_MAX];
    const struct vc_ios_pattern *p = find(kind, line->words, line->count, true, args, &given);

    if (was && p && stays(r, section, line, p))
        return false;
    r->current = section;
    if (section != was)
        r->parent = 0;
    if (p) {
        apply(r, p, args, given, line);
        return true;
    }
    if (apply_no(r, kind, line, was != section))
        return true;
    r->current = was;
    r->parent = parent;
    return false;
}

/* A line of a section that says nothing here, or of an unknown one. */
static void skip(struct reader *r, const struct line *line)
{
    if (r->unknown)
        keep_unknown(r, line);
    else
        r->ios->irrelevant++;
}

/* The line is of the section that is skipped; else the section has ended. */
static bool is_skipped(struct reader *r, const struct line *line)
{
    bool deeper = line->indent > r->header_indent;

    if (r->ios->sections[r->current].kind != VC_IOS_SKIP)
        return false;
    if (!deeper && !r->text_is_indented && !r->unknown) {
        /* Nothing shows the end but a line that the top level knows. */
        if (!try_section(r, 0, line))
            skip(r, line);
        return true;
    }
    if (deeper)
        skip(r, line);
    else
        leave(r);
    return deeper;
}

static void take(struct reader *r, const struct line *line)
{
    static const char *const ends[] = {"exit", "exit-address-family", "exit-peer-session", "exit-peer-policy", "quit",
                                       "end"};

    for (size_t i = 0; i < VC_COUNT(ends); i++)
        if (line->count == 1 && !strcasecmp(line->words[0], ends[i])) {
            r->ios->irrelevant++;
            if (strcasecmp(ends[i], "exit-address-family") != 0 || r->ios->sections[r->current].kind == VC_IOS_SKIP)
                leave(r);
            return;
        }
    if (is_skipped(r, line))
        return;
    bool top_first = r->current && r->indented && !line->indent;
    if ((top_first && try_section(r, 0, line)) || try_section(r, r->current, line) ||
        (r->parent && try_section(r, r->parent, line)) || (!top_first && r->current && try_section(r, 0, line))) {
        r->indented |= line->indent > r->header_indent;
        return;
    }
    keep_unknown(r, line);
    if (line->indent && r->current)
        return;
    enter(r, open_section(r, VC_IOS_SKIP, NULL, 0, line->number), line); /* its own lines are as unknown */
    r->parent = 0;
    r->unknown = true;
}

/* ---- text ---- */

/* A comment begins with "!" at the start of a line or alone between blanks. */
static void split(char *text, struct line *line)
{
    char *rest = NULL;

    line->count = 0;
    line->indent = strspn(text, " \t");
    for (char *word = strtok_r(text, " \t\r", &rest); word && line->count < WORDS_MAX;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (word[0] == '!' && (!line->count || !word[1]))
            break;
        line->words[line->count++] = word;
    }
}

/* A banner goes on to its delimiter, through lines that may look like anything. A router shows ^C for the control
 * character; what has no second ^C may be delimited by the ^. */
static bool begins_banner(struct reader *r, const char *text, int number)
{
    const char *at = text + strspn(text, " \t"), *rest = r->rest ? r->rest : "";

    if (strncasecmp(at, "banner", 6) != 0 || !isblank((unsigned char)at[6]))
        return false;
    at += 6 + strspn(at + 6, " \t");
    at += strcspn(at, " \t");
    at += strspn(at, " \t");
    if (!*at || *at == '\r')
        return false;
    snprintf(r->until, sizeof r->until, "%s", at);
    if (at[0] != '^' || !isupper((unsigned char)at[1]) || (!strstr(at + 2, r->until) && !strstr(rest, r->until)))
        r->until[1] = '\0';
    r->banner = number;
    if (strstr(at + strlen(r->until), r->until))
        r->until[0] = '\0';
    return true;
}

static void take_text(struct reader *r, char *text, int number)
{
    struct line line = {.number = number};

    if (r->until[0]) {
        if (strstr(text, r->until))
            r->until[0] = '\0';
        r->ios->irrelevant++;
        return;
    }
    if (begins_banner(r, text, number)) {
        r->ios->irrelevant++;
        return;
    }
    split(text, &line);
    if (line.count)
        take(r, &line);
}

struct vc_ios *vc_ios_read(void *ctx, const char *file, const char *text, size_t size, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_ios *ios = talloc_zero(scratch, struct vc_ios);
    struct reader reader = {.ios = ios, .scratch = scratch};

    if (size > VC_IOS_MAX || memchr(text, 0, size)) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: found %s; allowed: a running-config as text, %d bytes at most", file,
                size > VC_IOS_MAX ? "too much" : "a NUL byte", VC_IOS_MAX);
        return NULL;
    }
    ios->file = talloc_strdup(ios, file);
    ios->sections = talloc_zero_array(ios, struct vc_ios_section, 1);
    ios->sections[ios->section_count++].name = "";
    char *copy = talloc_strndup(scratch, text, size), *next = copy, *line;
    for (char *c = copy; *c; c++) /* what is no letter of a configuration is no letter of a document */
        if (!strchr("\n\r\t", *c) && (*c < ' ' || *c > '~'))
            *c = '?';
    reader.text_is_indented = strstr(copy, "\n ") || strstr(copy, "\n\t");
    for (int number = 1; (line = strsep(&next, "\n")); number++) {
        reader.rest = next;
        take_text(&reader, line, number);
    }
    if (reader.until[0] || reader.full) {
        vc_fail(
            err, VC_EXIT_USAGE, 0,
            reader.full
                ? "%s: found more sections than %d; allowed: fewer"
                : "%s:%d: found a banner without its end; allowed: one that ends with the letter with which it begins",
            file, reader.full ? VC_IOS_SECTIONS_MAX : reader.banner);
        return NULL;
    }
    if (!ios->understood) {
        vc_fail(err, VC_EXIT_USAGE, 0,
                "%s: no line of it is understood; allowed: the running-config of an IOS-XE router", file);
        return NULL;
    }
    return talloc_steal(ctx, ios);
}

const struct vc_ios_section *vc_ios_section(const struct vc_ios *ios, enum vc_ios_kind kind, const char *name)
{
    for (size_t i = 0; i < ios->section_count; i++)
        if (ios->sections[i].kind == kind && (!name || same_name(kind, ios->sections[i].name, name)))
            return &ios->sections[i];
    return NULL;
}

const struct vc_ios_fact *vc_ios_fact(const struct vc_ios_section *section, const char *key, const char *arg)
{
    for (size_t i = section ? section->count : 0; i-- > 0;)
        if (!strcmp(section->facts[i].key, key) &&
            (!arg || (section->facts[i].count && !strcmp(section->facts[i].args[0], arg))))
            return &section->facts[i];
    return NULL;
}

unsigned vc_ios_number(const struct vc_ios_fact *fact, size_t arg, unsigned otherwise)
{
    unsigned long long number = fact && fact->count > arg ? strtoull(fact->args[arg], NULL, 10) : otherwise;

    return number > UINT32_MAX ? UINT32_MAX : (unsigned)number;
}

int vc_ios_line(const struct vc_ios_fact *fact, int otherwise)
{
    return fact ? fact->line : otherwise;
}
