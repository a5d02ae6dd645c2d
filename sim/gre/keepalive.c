#include "gre/keepalive.h"

#include "base/util.h"

#define BURST_STEP_NS (100 * VC_NS_PER_MS)
#define BURST_NS      VC_NS_PER_S

void vc_keepalive_start(struct vc_keepalive *keepalive, unsigned interval_s, unsigned retries, int64_t now_ns)
{
    *keepalive = (struct vc_keepalive){
        .interval_ns = interval_s * VC_NS_PER_S,
        .retries = retries ? retries : 1,
        .up = true,
        .next_ns = now_ns,
        .burst_ns = now_ns + BURST_STEP_NS,
        .burst_end_ns = now_ns + BURST_NS,
    };
}

int64_t vc_keepalive_deadline(const struct vc_keepalive *keepalive)
{
    if (!keepalive->interval_ns)
        return INT64_MAX;
    bool burst = keepalive->burst_ns < keepalive->burst_end_ns && keepalive->burst_ns < keepalive->next_ns;
    return burst ? keepalive->burst_ns : keepalive->next_ns;
}

static enum vc_keepalive_due interval_over(struct vc_keepalive *keepalive, int64_t now_ns)
{
    bool was_up = keepalive->up;

    if (keepalive->waiting && ++keepalive->missed >= keepalive->retries)
        keepalive->up = false;
    keepalive->waiting = true;
    keepalive->next_ns += keepalive->interval_ns;
    if (keepalive->next_ns <= now_ns) /* held up for longer than an interval: never catch up with a burst */
        keepalive->next_ns = now_ns + keepalive->interval_ns;
    if (now_ns >= keepalive->burst_end_ns)
        keepalive->burst_ns = keepalive->burst_end_ns;
    return was_up && !keepalive->up ? VC_KEEPALIVE_SEND_AND_DOWN : VC_KEEPALIVE_SEND;
}

enum vc_keepalive_due vc_keepalive_tick(struct vc_keepalive *keepalive, int64_t now_ns)
{
    if (now_ns < vc_keepalive_deadline(keepalive))
        return VC_KEEPALIVE_NOTHING;
    if (now_ns >= keepalive->next_ns)
        return interval_over(keepalive, now_ns);
    keepalive->burst_ns = now_ns + BURST_STEP_NS;
    return VC_KEEPALIVE_SEND;
}

bool vc_keepalive_answered(struct vc_keepalive *keepalive)
{
    bool comes_up = !keepalive->up;

    keepalive->up = true;
    keepalive->waiting = false;
    keepalive->missed = 0;
    keepalive->burst_end_ns = keepalive->burst_ns;
    return comes_up;
}
