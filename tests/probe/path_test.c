#include <criterion/criterion.h>
#include <string.h>

#include "probe/path.h"

static void expect_path(const struct vc_crossings *crossings, size_t count, const uint8_t *names)
{
    cr_assert_eq(crossings->path.count, count);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(crossings->path.name[i], names[i], "place %zu", i);
}

Test(path, order_is_that_of_time)
{
    struct vc_crossings c = {0};

    vc_crossings_add(&c, 3, 300);
    vc_crossings_add(&c, 1, 100);
    vc_crossings_add(&c, 2, 200);
    expect_path(&c, 3, (const uint8_t[]){1, 2, 3});
}

Test(path, a_name_counts_once_where_it_was_seen_first)
{
    struct vc_crossings c = {0};

    vc_crossings_add(&c, 5, 500); /* the far end of a tunnel, whose tap is drained first */
    vc_crossings_add(&c, 7, 300);
    vc_crossings_add(&c, 5, 100);
    vc_crossings_add(&c, 5, 900);
    expect_path(&c, 2, (const uint8_t[]){5, 7});
}

Test(path, strange_ages_and_too_many_names)
{
    struct vc_crossings c = {0};

    vc_crossings_add(&c, 1, INT64_MAX);
    vc_crossings_add(&c, 2, -5);
    expect_path(&c, 2, (const uint8_t[]){2, 1});
    for (uint8_t i = 10; i < 40; i++)
        vc_crossings_add(&c, i, i);
    cr_expect_eq(c.path.count, VC_PATH_MAX);
}

Test(path, points_share_names)
{
    void *ctx = talloc_new(NULL);
    struct vc_points points = {0};
    vc_error *err = NULL;

    cr_expect_eq(vc_points_add(ctx, &points, "dc1", NULL, NULL), 0);
    cr_expect_eq(vc_points_add(ctx, &points, "wan", NULL, NULL), 1);
    cr_expect_eq(vc_points_add(ctx, &points, "dc1", NULL, NULL), 2);
    cr_expect_eq(points.name_of[2], points.name_of[0]);
    cr_expect_eq(points.name_count, 2);
    while (points.count < VC_POINT_MAX)
        vc_points_add(ctx, &points, "wan", NULL, NULL);
    cr_expect_eq(vc_points_add(ctx, &points, "wan", NULL, &err), -1);
    cr_expect(err && strstr(err->message, "more than"));
    vc_error_free(err);
    talloc_free(ctx);
}
