#include "model/problem.h"

#include <stdarg.h>
#include <string.h>

enum { ALLOWED_SHOWN = 24, QUOTED_BYTES = 60, WORD_BYTES = 40 };

struct problem {
    struct vc_mark mark;
    char *text;
};

struct vc_problems {
    size_t count;
    struct problem list[VC_PROBLEMS_SHOWN];
};

struct vc_problems *vc_problems_new(void *ctx)
{
    return talloc_zero(ctx, struct vc_problems);
}

size_t vc_problems_count(const struct vc_problems *problems)
{
    return problems->count;
}

static bool same_file(struct vc_mark a, struct vc_mark b)
{
    return a.file == b.file || (a.file && b.file && !strcmp(a.file, b.file));
}

/* A repeated block is read once a round and must not repeat its errors. */
static bool seen(const struct vc_problems *problems, struct vc_mark mark, const char *text)
{
    for (size_t i = 0; i < problems->count && i < VC_PROBLEMS_SHOWN; i++) {
        const struct problem *p = &problems->list[i];

        if (same_file(p->mark, mark) && p->mark.line == mark.line && p->mark.column == mark.column &&
            !strcmp(p->text, text))
            return true;
    }
    return false;
}

void vc_problem(struct vc_problems *problems, struct vc_mark mark, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = talloc_vasprintf(problems, format, args);
    va_end(args);
    if (seen(problems, mark, text)) {
        talloc_free(text);
        return;
    }
    if (problems->count < VC_PROBLEMS_SHOWN)
        problems->list[problems->count] = (struct problem){mark, text};
    else
        talloc_free(text);
    problems->count++;
}

/* Files (a document and those it is based on) in the order in which they were first complained about. */
static size_t file_rank(const struct problem *first, struct vc_mark mark)
{
    size_t rank = 0;

    while (!same_file(first[rank].mark, mark))
        rank++;
    return rank;
}

static bool comes_after(const struct problem *first, struct vc_mark a, struct vc_mark b)
{
    size_t ra = file_rank(first, a), rb = file_rank(first, b);

    return ra != rb ? ra > rb : a.line != b.line ? a.line > b.line : a.column > b.column;
}

/* Insertion sort: twenty at most, and equal places must keep their order. */
static void sort(struct problem *list, size_t count)
{
    struct problem first[VC_PROBLEMS_SHOWN];

    memcpy(first, list, count * sizeof *list);
    for (size_t i = 1; i < count; i++) {
        struct problem p = list[i];
        size_t j = i;

        for (; j && comes_after(first, list[j - 1].mark, p.mark); j--)
            list[j] = list[j - 1];
        list[j] = p;
    }
}

int vc_problems_finish(struct vc_problems *problems, vc_error **err)
{
    size_t shown = problems->count < VC_PROBLEMS_SHOWN ? problems->count : VC_PROBLEMS_SHOWN;
    VC_AUTO_TALLOC char *all = talloc_strdup(NULL, "");

    if (!problems->count)
        return 0;
    sort(problems->list, shown);
    for (size_t i = 0; i < shown; i++) {
        const struct problem *p = &problems->list[i];

        if (i)
            all = talloc_strdup_append(all, "\n");
        if (p->mark.file && p->mark.line)
            all = talloc_asprintf_append(all, "%s:%d:%d: ", p->mark.file, p->mark.line, p->mark.column);
        else if (p->mark.file)
            all = talloc_asprintf_append(all, "%s: ", p->mark.file);
        all = talloc_strdup_append(all, p->text);
    }
    if (problems->count > shown)
        all = talloc_asprintf_append(all, "\n%s: %zu more errors; correct these first",
                                     problems->list[0].mark.file ? problems->list[0].mark.file : "",
                                     problems->count - shown);
    return vc_fail(err, VC_EXIT_USAGE, 0, "%s", all);
}

const char *vc_names_at(struct vc_names names, size_t i)
{
    return *(const char *const *)((const char *)names.base + i * names.stride);
}

size_t vc_names_find(struct vc_names names, const char *name)
{
    for (size_t i = 0; i < names.count; i++)
        if (!strcmp(vc_names_at(names, i), name))
            return i;
    return VC_NONE;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* Optimal string alignment: a swap of neighbouring letters counts as one edit. Both words are shorter than WORD_BYTES.
 */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned d[3][WORD_BYTES + 1];

    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = d[i % 3];
        const unsigned *above = d[(i + 2) % 3], *above2 = d[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return d[n % 3][m];
}

const char *vc_names_nearest(struct vc_names names, const char *word)
{
    size_t length = strlen(word);
    unsigned best = (unsigned)(length < 3 ? 1 : length / 3) + 1;
    const char *nearest = NULL;

    if (!length || length >= WORD_BYTES)
        return NULL;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = vc_names_at(names, i);
        size_t other = strlen(name);

        if (other < 2 || other >= WORD_BYTES)
            continue;
        unsigned edits = distance(word, length, name, other);
        if (edits < best && edits < length) {
            best = edits;
            nearest = name;
        }
    }
    return nearest;
}

void vc_problem_unknown(struct vc_problems *problems, struct vc_mark mark, const char *what, const char *word,
                        struct vc_names allowed)
{
    VC_AUTO_TALLOC char *list = talloc_strdup(NULL, allowed.count ? "" : "none here");
    VC_AUTO_TALLOC char *hint = talloc_strdup(NULL, "");
    const char *nearest = vc_names_nearest(allowed, word);
    VC_AUTO_TALLOC char *found = vc_quoted(NULL, word);

    for (size_t i = 0; i < allowed.count && i < ALLOWED_SHOWN; i++)
        list = talloc_asprintf_append(list, "%s%s", i ? ", " : "", vc_names_at(allowed, i));
    if (allowed.count > ALLOWED_SHOWN)
        list = talloc_asprintf_append(list, " … (%zu in all)", allowed.count);
    if (nearest)
        hint = talloc_asprintf_append(hint, "; did you mean \"%s\"?", nearest);
    vc_problem(problems, mark, "found unknown %s %s; allowed: %s%s", what, found, list, hint);
}

char *vc_quoted(void *ctx, const char *text)
{
    char *out = talloc_strdup(ctx, "\"");
    size_t length = strlen(text), shown = length < QUOTED_BYTES ? length : QUOTED_BYTES;

    /* never cut inside a UTF-8 sequence */
    while (shown < length && shown && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == 0x7f)
            out = talloc_asprintf_append_buffer(out, "\\x%02x", c);
        else
            out = talloc_strndup_append_buffer(out, text + i, 1);
    }
    return talloc_asprintf_append_buffer(out, "%s\"", shown < length ? "…" : "");
}
