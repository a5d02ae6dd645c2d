#include <criterion/criterion.h>

#include "base/util.h"
#include "base/wire.h"

static const struct {
    struct vc_wire wire;
    const char *text;
    bool perfect, netem;
    uint32_t limit;
} wires[] = {
    {{0}, "perfect", true, false, 12500},
    {{.delay_us = 80000}, "80 ms", false, true, 22500},
    {{.delay_us = 500, .jitter_us = 250}, "0.5 ms ± 0.25 ms", false, true, 12500},
    {{.delay_us = 80000, .jitter_us = 30000, .loss_ppm = 10000, .rate_mbit = 10},
     "80 ms ± 30 ms, 1 % lost, 10 Mbit/s",
     false,
     true,
     262},
    {{.loss_ppm = 1, .burst = 4}, "0.0001 % lost in bursts of 4", false, true, 12500},
    {{.corrupt_ppm = 5000, .duplicate_ppm = 10000, .reorder_ppm = 1000000},
     "0.5 % corrupted, 1 % doubled, 100 % reordered",
     false,
     true,
     12500},
    {{.rate_mbit = 250, .limit = 7}, "250 Mbit/s, at most 7 packets", false, false, 7},
    {{.delay_us = 10000000, .rate_mbit = 10000}, "10000 ms, 10000 Mbit/s", false, true, 12625000},
};

Test(wire, is_told_in_words)
{
    for (size_t i = 0; i < VC_COUNT(wires); i++) {
        VC_AUTO_TALLOC char *text = vc_wire_text(NULL, &wires[i].wire);

        cr_assert_str_eq(text, wires[i].text);
        cr_assert_eq(vc_wire_is_perfect(&wires[i].wire), wires[i].perfect, "%s", text);
        cr_assert_eq(vc_wire_needs_netem(&wires[i].wire), wires[i].netem, "%s", text);
        cr_assert_eq(vc_wire_limit(&wires[i].wire), wires[i].limit, "%s: %u", text, vc_wire_limit(&wires[i].wire));
    }
}
