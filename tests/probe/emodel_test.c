#include <criterion/criterion.h>

#include "base/util.h"
#include "probe/emodel.h"

/* The check values of the requirements: delay and loss → MOS with and without loss concealment, random loss. */
Test(emodel, check_values)
{
    static const struct {
        double delay_ms, loss, with, without;
    } rows[] = {
        {100, 0.5, 4.31, 4.06},
        {150, 1, 4.23, 3.67},
        {150, 3, 4.00, 2.60},
        {100, 10, 3.29, 1.39},
    };

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        cr_expect_float_eq(vc_emodel_mos(vc_emodel_r(rows[i].delay_ms, rows[i].loss, 1, true)), rows[i].with, 0.006,
                           "row %zu", i);
        cr_expect_float_eq(vc_emodel_mos(vc_emodel_r(rows[i].delay_ms, rows[i].loss, 1, false)), rows[i].without, 0.006,
                           "row %zu", i);
    }
}

Test(emodel, limits)
{
    cr_expect_float_eq(vc_emodel_r(0, 0, 1, true), 93.2, 1e-9);
    cr_expect_float_eq(vc_emodel_r(177.3, 0, 1, true), 93.2 - 0.024 * 177.3, 1e-9);
    cr_expect_float_eq(vc_emodel_r(277.3, 0, 1, true), 93.2 - 0.024 * 277.3 - 11, 1e-9,
                       "beyond 177.3 ms delay costs more");
    cr_expect_float_eq(vc_emodel_mos(-10), 1, 0);
    cr_expect_float_eq(vc_emodel_mos(3), 1, 0, "the cubic dips below 1 there");
    cr_expect_float_eq(vc_emodel_mos(100), 4.5, 0);
    cr_expect_float_eq(vc_emodel_mos(120), 4.5, 0);
    cr_expect_float_eq(vc_emodel_r(0, 250, 1, true), vc_emodel_r(0, 100, 1, true), 0);
    cr_expect_lt(vc_emodel_r(0, 3, 2, true), vc_emodel_r(0, 3, 1, true), "bursts are worse than random loss");
}
