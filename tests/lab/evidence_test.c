/* What of a log is evidence: the last lines, without what only repeats. */
#include <criterion/criterion.h>

#include "lab/evidence.h"

static json_t *kept(const char *const *lines, size_t count)
{
    json_t *out = json_array();

    for (size_t i = 0; i < count; i++)
        evidence_keep_line(out, lines[i]);
    return out;
}

static const char *at(const json_t *lines, size_t index)
{
    const char *text = json_string_value(json_array_get(lines, index));

    return text ? text : "(none)";
}

Test(evidence, of_one_silence_the_last_line_stays)
{
    static const char *const lines[] = {
        "00:00:01 11[IKE] <dc1|1> retransmit 1 of request with message ID 0",
        "00:00:02 02[IKE] <dc1|1> retransmit 2 of request with message ID 0",
        "00:00:03 11[IKE] <dc2|3> retransmit 1 of request with message ID 0",
        "00:00:04 11[IKE] <dc2|3> retransmit 2 of request with message ID 4",
        "00:00:05 11[IKE] <dc2|4> retransmit 3 of request with message ID 4",
        "00:00:06 \"dc1\" #1: STATE: retransmission; will wait 1 seconds for response",
        "00:00:07 \"dc1\" #1: STATE: retransmission; will wait 1 seconds for response",
        "00:00:08 \"dc1\" #1: STATE: retransmission; will wait 2 seconds for response",
    };
    VC_AUTO_JSON *out = kept(lines, VC_COUNT(lines));

    cr_assert_eq(json_array_size(out), 6);
    cr_expect_str_eq(at(out, 0), lines[1]);
    for (size_t i = 1; i < 4; i++)
        cr_expect_str_eq(at(out, i), lines[i + 1]);
    cr_expect_str_eq(at(out, 4), lines[6]);
    cr_expect_str_eq(at(out, 5), lines[7]);
}

Test(evidence, the_oldest_lines_make_room)
{
    VC_AUTO_JSON *out = json_array();

    for (int i = 0; i < 40; i++) {
        VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "line %d", i);
        evidence_keep_line(out, line);
    }
    cr_expect_str_eq(at(out, json_array_size(out) - 1), "line 39");
    cr_expect_eq(json_array_size(out), 24);
    evidence_keep_line(out, "no \xff UTF-8");
    cr_expect_str_eq(at(out, 23), "line 39");
}
