/*
 * Shipped documents, damaged: every truncation and thousands of flipped bytes. Nothing may crash (the sanitizer build
 * is what makes this sharp), nothing may be printed, and a refusal always says something. The damage comes from a fixed
 * generator, so a failure can be played again.
 */
#include "edit.h"

#define TOPOLOGIES SHIPPED("topologies")

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct victim {
    void *ctx;
    char *original, *text;
    size_t length;
    struct edit *edit;
    bool topology;
    size_t accepted, refused;
};

static void feed(struct victim *victim, size_t length)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD fd = open(victim->edit->file, O_WRONLY | O_TRUNC | O_CLOEXEC);
    enum vc_document kind;
    const void *read = NULL;

    cr_assert(fd >= 0 && write(fd, victim->text, length) == (ssize_t)length);
    if (vc_document_kind(victim->edit->file, &kind, &err) == 0)
        read = kind == VC_DOCUMENT_TOPOLOGY ? (const void *)vc_topology_load(ctx, victim->edit->file, KINDS, &err)
                                            : vc_scenario_load(ctx, victim->edit->file, TOPOLOGIES, KINDS, &err);
    cr_assert(read || (err && err->status == VC_EXIT_USAGE && *err->message));
    victim->accepted += read != NULL;
    victim->refused += read == NULL;
}

static struct victim victim_of(void *ctx, const char *shipped)
{
    struct victim victim = {.ctx = ctx};

    victim.original = edit_read(ctx, shipped, &victim.length);
    victim.text = talloc_memdup(ctx, victim.original, victim.length + 8);
    victim.edit = edit_bytes(ctx, strrchr(shipped, '/') + 1, victim.original, victim.length);
    return victim;
}

static void truncate_everywhere(const char *shipped, size_t step)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct victim victim = victim_of(ctx, shipped);

    feed(&victim, victim.length);
    cr_assert_eq(victim.accepted, 1);
    for (size_t length = 0; length < victim.length; length += step)
        feed(&victim, length);
    cr_assert_gt(victim.refused, victim.accepted);
}

static void flip(const char *shipped, uint64_t seed, int rounds)
{
    static const char interesting[] = "{}[]:,-#&*!|>'\"%@`\n\t \0\xff\xc3?";
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct victim victim = victim_of(ctx, shipped);

    for (int i = 0; i < rounds; i++) {
        unsigned count = 1 + next(&seed) % 4;

        memcpy(victim.text, victim.original, victim.length);
        for (unsigned j = 0; j < count; j++) {
            size_t at = next(&seed) % victim.length;
            unsigned char byte = (unsigned char)next(&seed);

            if (next(&seed) & 1)
                byte = (unsigned char)interesting[byte % (sizeof interesting - 1)];
            memcpy(&victim.text[at], &byte, 1);
        }
        feed(&victim, victim.length);
    }
    cr_assert_gt(victim.refused, 0);
}

/* Whole lines doubled, swapped or gone: damage that is still good YAML and so reaches the checks behind the parser. */
static void shuffle(const char *shipped, uint64_t seed, int rounds)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct victim victim = victim_of(ctx, shipped);
    size_t starts[1000], lines = 0;

    for (size_t i = 0; i < victim.length && lines < VC_COUNT(starts) - 1; i++)
        if (!i || victim.original[i - 1] == '\n')
            starts[lines++] = i;
    starts[lines] = victim.length;
    cr_assert_gt(lines, 10);
    victim.text = talloc_size(ctx, 3 * victim.length);
    for (int i = 0; i < rounds; i++) {
        size_t from = next(&seed) % lines, to = next(&seed) % lines, used = 0;
        bool drop = next(&seed) & 1;

        for (size_t line = 0; line < lines; line++) {
            size_t copy = line == to ? from : line;

            if (drop && line == from)
                continue;
            memcpy(victim.text + used, victim.original + starts[copy], starts[copy + 1] - starts[copy]);
            used += starts[copy + 1] - starts[copy];
        }
        feed(&victim, used);
    }
    cr_assert_gt(victim.refused, 0);
}

#define TOPOLOGY SHIPPED("topologies/two-cpe.yaml")
#define SCENARIO SHIPPED("scenarios/failover/two-cpe-failback-bfd.yaml")
#define REPEATED SHIPPED("scenarios/failover/one-cpe-flap-ten-times-only-bfd.yaml")

Test(hostile, truncated_topology)
{
    truncate_everywhere(TOPOLOGY, 3);
}

Test(hostile, truncated_scenario)
{
    truncate_everywhere(SCENARIO, 3);
}

Test(hostile, flipped_topology)
{
    flip(TOPOLOGY, 1, 1500);
}

Test(hostile, flipped_scenario)
{
    flip(SCENARIO, 2, 1500);
}

Test(hostile, flipped_repeat)
{
    flip(REPEATED, 3, 800);
}

Test(hostile, shuffled_topology)
{
    shuffle(TOPOLOGY, 4, 1000);
}

Test(hostile, shuffled_scenario)
{
    shuffle(SCENARIO, 5, 1000);
}

Test(hostile, shuffled_repeat)
{
    shuffle(REPEATED, 6, 800);
}
