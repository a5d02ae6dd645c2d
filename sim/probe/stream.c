#include "probe/stream.h"

#include <math.h>
#include <string.h>

#include "probe/emodel.h"

void vc_stream_init(void *ctx, struct vc_stream *stream)
{
    /* Left untouched until used: a page of the ring costs memory only once packets reach it. */
    stream->ring = talloc_array(ctx, struct vc_sent, VC_STREAM_RING);
    stream->owd = talloc_zero_array(ctx, uint32_t, VC_OWD_BUCKETS);
}

static struct vc_sent *slot(const struct vc_stream *stream, uint64_t seq)
{
    if (seq >= stream->next || stream->next - seq > VC_STREAM_RING)
        return NULL;
    return &stream->ring[seq % VC_STREAM_RING];
}

uint64_t vc_stream_sending(struct vc_stream *stream, int64_t now)
{
    uint64_t seq = stream->next++;
    struct vc_sent *sent = slot(stream, seq);

    sent->seq = seq;
    sent->sent_ns = now;
    sent->received_ns = -1;
    sent->spacing_ns = seq ? stream->spacing_ns : stream->interval_ns;
    sent->crossings.path.count = 0;
    stream->spacing_ns = stream->interval_ns;
    if (stream->interval_ns > stream->coarsest_ns)
        stream->coarsest_ns = stream->interval_ns;
    if (seq == 0)
        stream->first_sent_ns = now;
    return seq;
}

void vc_stream_crossed(struct vc_stream *stream, uint64_t seq, uint8_t name, int64_t age_ns)
{
    struct vc_sent *sent = slot(stream, seq);

    if (sent)
        vc_crossings_add(&sent->crossings, name, age_ns);
}

/* 64 buckets for each power of two of microseconds (1024 ns): the median is true to 1.6 %. */
static size_t bucket_of(int64_t owd_ns)
{
    uint64_t v = owd_ns > 0 ? (uint64_t)owd_ns >> 10 : 0;
    unsigned shift = 0;

    while (v >= 128) {
        v >>= 1;
        shift++;
    }
    size_t bucket = shift * 64 + v;
    return bucket < VC_OWD_BUCKETS ? bucket : VC_OWD_BUCKETS - 1;
}

static double bucket_ms(size_t bucket)
{
    unsigned shift = bucket < 128 ? 0 : (unsigned)(bucket / 64 - 1);

    return ldexp((double)(bucket - shift * 64) + 0.5, (int)shift) * 1024 / 1e6;
}

static double quantile_ms(const struct vc_stream *stream, double q)
{
    uint64_t want = (uint64_t)(q * (double)(stream->received - 1)), seen = 0;
    double ms = 0;

    for (size_t i = 0; i < VC_OWD_BUCKETS; i++) {
        seen += stream->owd[i];
        if (seen > want) {
            ms = bucket_ms(i);
            break;
        }
    }
    return fmin(fmax(ms, (double)stream->owd_min_ns / 1e6), (double)stream->owd_max_ns / 1e6);
}

/* RFC 3550, 6.4.1: the transit times of packets in the order of arrival, smoothed by 1/16. */
static void count_delay(struct vc_stream *stream, int64_t owd_ns)
{
    bool first = stream->received == 1;

    if (!first)
        stream->jitter_ns += (fabs((double)(owd_ns - stream->owd_last_ns)) - stream->jitter_ns) / 16;
    if (first || owd_ns < stream->owd_min_ns)
        stream->owd_min_ns = owd_ns;
    if (first || owd_ns > stream->owd_max_ns)
        stream->owd_max_ns = owd_ns;
    stream->owd_last_ns = owd_ns;
    stream->owd[bucket_of(owd_ns)]++;
}

static int64_t sent_at(const struct vc_stream *stream, uint64_t seq, int64_t unknown)
{
    const struct vc_sent *sent = slot(stream, seq);

    return sent ? sent->sent_ns : unknown;
}

static int64_t spacing_of(const struct vc_stream *stream, uint64_t seq)
{
    const struct vc_sent *sent = slot(stream, seq);

    return sent ? sent->spacing_ns : stream->spacing_ns;
}

/* How exact a gap's ends are: an outage began after the packet before `first` and was over before the one after `last`.
 */
static int64_t resolution_of(const struct vc_stream *stream, const struct vc_gap *gap)
{
    int64_t begin = spacing_of(stream, gap->first), end = spacing_of(stream, gap->last + 1);

    return begin > end ? begin : end;
}

static void emit_gap(struct vc_stream *stream, const struct vc_gap *gap, bool still_open)
{
    int64_t length = gap->end_ns - gap->start_ns;
    json_t *members = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "flow", stream->flow, "direction", stream->direction, "start_ns",
        (json_int_t)gap->start_ns, "end_ns", (json_int_t)gap->end_ns, "lost", (json_int_t)gap->lost, "first_lost_ns",
        (json_int_t)sent_at(stream, gap->first, gap->start_ns), "last_lost_ns",
        (json_int_t)sent_at(stream, gap->last, gap->end_ns), "resolution_ns", (json_int_t)resolution_of(stream, gap));

    if (still_open)
        json_object_set_new(members, "open", json_true());
    if (length > stream->longest_gap_ns)
        stream->longest_gap_ns = length;
    vc_event_json(stream->events, VC_LAYER_PROBE, NULL, "gap", gap->end_ns, members);
}

static void flush_gap(struct vc_stream *stream)
{
    if (stream->gap.open)
        emit_gap(stream, &stream->gap, false);
    stream->gap.open = false;
}

static void late_packet(struct vc_stream *stream, uint64_t seq)
{
    struct vc_gap *gap = &stream->gap;

    stream->reordered++;
    if (gap->open && seq >= gap->first && seq <= gap->last && --gap->lost == 0)
        gap->open = false;
}

static void judge_path(struct vc_stream *stream, const struct vc_sent *sent, int64_t now)
{
    const struct vc_path *path = &sent->crossings.path;

    if (stream->started && vc_path_equal(path, &stream->path))
        return;
    if (vc_points_lost(stream->points) && stream->started)
        return;
    stream->path = *path;
    vc_event(stream->events, VC_LAYER_PROBE, NULL, "path", now, "{s:s, s:s, s:o, s:I}", "flow", stream->flow,
             "direction", stream->direction, "path", vc_path_json(stream->points, path), "seq", (json_int_t)sent->seq);
}

/* After judge_path: the path of the packet that ends an outage is known before the outage is over, so nobody takes the
 * old one for the new. */
static void judge_gap(struct vc_stream *stream, uint64_t seq, int64_t now)
{
    if (seq > stream->highest + 1) {
        flush_gap(stream);
        stream->gap = (struct vc_gap){
            .open = true,
            .first = stream->highest + 1,
            .last = seq - 1,
            .lost = (unsigned)(seq - 1 - stream->highest),
            .start_ns = stream->last_ns,
            .end_ns = now,
        };
        /* A short one may be reordering: it is told once late packets had their chance. The end of an outage is told at
         * once. */
        if (stream->outage || stream->gap.lost >= VC_STREAM_OUTAGE)
            flush_gap(stream);
    } else if (stream->outage) {
        /* Silence without loss: the packets were held up. It began, so it must be seen to end. */
        emit_gap(stream, &(struct vc_gap){.first = seq, .last = seq, .start_ns = stream->last_ns, .end_ns = now},
                 false);
    }
    stream->outage = false;
}

void vc_stream_received(struct vc_stream *stream, uint64_t seq, int64_t now, int64_t owd_ns)
{
    struct vc_sent *sent = slot(stream, seq);

    if (!sent || (stream->started && seq < stream->base))
        return;
    if (sent->received_ns >= 0) {
        stream->duplicated++;
        return;
    }
    sent->received_ns = now;
    stream->received++;
    count_delay(stream, owd_ns);
    if (stream->started && seq < stream->highest) {
        late_packet(stream, seq);
        return;
    }
    judge_path(stream, sent, now);
    if (stream->started) {
        judge_gap(stream, seq, now);
    } else {
        stream->started = true;
        stream->base = seq;
        stream->first_ns = now;
    }
    stream->highest = seq;
    stream->last_ns = now;
}

/* Are these packets in a row, of which none came, overdue? */
static bool overdue(const struct vc_stream *stream, uint64_t first, int64_t now)
{
    uint64_t last = first + VC_STREAM_OUTAGE - 1;
    int64_t interval = INT64_MAX;

    for (uint64_t seq = first; seq <= last; seq++)
        if (spacing_of(stream, seq) < interval)
            interval = spacing_of(stream, seq);
    /* Nothing came, and something should have. A sender that was itself late makes a hole that is no outage. */
    return now - stream->last_ns >= VC_STREAM_OUTAGE * interval &&
           now - sent_at(stream, first, stream->last_ns) >= stream->owd_last_ns + (VC_STREAM_OUTAGE - 1) * interval &&
           now - sent_at(stream, last, stream->last_ns) >= stream->owd_last_ns;
}

/* At one pace the first three are overdue first. After a slow pace that was quickened the quick ones are. */
bool vc_stream_silent(const struct vc_stream *stream, int64_t now)
{
    if (!stream->started || stream->outage)
        return false;
    for (uint64_t i = 1; i <= VC_STREAM_OUTAGE && stream->highest + i + VC_STREAM_OUTAGE <= stream->next; i++)
        if (overdue(stream, stream->highest + i, now))
            return true;
    return false;
}

void vc_stream_tick(struct vc_stream *stream, int64_t now)
{
    if (stream->gap.open && now - stream->gap.end_ns >= VC_STREAM_OUTAGE * stream->spacing_ns)
        flush_gap(stream);
    if (!vc_stream_silent(stream, now))
        return;
    flush_gap(stream);
    stream->outage = true;
    vc_event(stream->events, VC_LAYER_PROBE, NULL, "outage-begin", now, "{s:s, s:s, s:I}", "flow", stream->flow,
             "direction", stream->direction, "since_ns", (json_int_t)stream->last_ns);
}

uint64_t vc_stream_lost(const struct vc_stream *stream)
{
    return stream->started ? stream->highest + 1 - stream->base - stream->received : 0;
}

/* Members that need at least one packet; without one they are null. */
static void summarise_voice(const struct vc_stream *stream, json_t *members, uint64_t sent, uint64_t lost)
{
    if (!stream->received) {
        json_object_set_new(members, "owd_ms", json_null());
        json_object_set_new(members, "jitter_ms", json_null());
        json_object_set_new(members, "mos", json_null());
        return;
    }

    double median = quantile_ms(stream, 0.5);
    double r = vc_emodel_r(median, 100.0 * (double)lost / (double)sent, 1, true);

    json_object_set_new(members, "owd_ms",
                        json_pack("{s:f, s:f, s:f, s:f}", "min", (double)stream->owd_min_ns / 1e6, "median", median,
                                  "p99", quantile_ms(stream, 0.99), "max", (double)stream->owd_max_ns / 1e6));
    json_object_set_new(members, "jitter_ms", json_real(stream->jitter_ns / 1e6));
    json_object_set_new(members, "mos", json_real(vc_emodel_mos(r)));
}

void vc_stream_finish(struct vc_stream *stream, int64_t now)
{
    uint64_t trailing = stream->started ? stream->next - 1 - stream->highest : 0;
    uint64_t counted, lost;

    vc_stream_tick(stream, now);
    flush_gap(stream);
    if (stream->outage)
        emit_gap(stream,
                 &(struct vc_gap){.first = stream->highest + 1,
                                  .last = stream->next - 1,
                                  .lost = (unsigned)trailing,
                                  .start_ns = stream->last_ns,
                                  .end_ns = now},
                 true);
    else
        trailing = 0; /* still under way: neither received nor lost */
    lost = vc_stream_lost(stream) + trailing;
    counted = stream->received + lost;

    json_t *members = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "flow", stream->flow, "direction", stream->direction,
        "sent", (json_int_t)counted, "received", (json_int_t)stream->received, "lost", (json_int_t)lost, "reordered",
        (json_int_t)stream->reordered, "duplicated", (json_int_t)stream->duplicated, "longest_gap_ns",
        (json_int_t)stream->longest_gap_ns, "resolution_ns",
        (json_int_t)(stream->coarsest_ns ? stream->coarsest_ns : stream->interval_ns), "waited_ms",
        stream->next ? (double)((stream->started ? stream->first_ns : now) - stream->first_sent_ns) / 1e6 : 0.0);
    summarise_voice(stream, members, counted, lost);
    vc_event_json(stream->events, VC_LAYER_PROBE, NULL, "summary", now, members);
}

unsigned vc_stream_rate(const struct vc_stream *stream, int64_t now)
{
    unsigned rate = 0;

    for (uint64_t seq = stream->next; seq-- > 0;) {
        const struct vc_sent *sent = slot(stream, seq);

        if (!sent || now - sent->sent_ns > 2 * VC_NS_PER_S)
            break;
        if (sent->received_ns >= 0 && now - sent->received_ns < VC_NS_PER_S)
            rate++;
    }
    return rate;
}
