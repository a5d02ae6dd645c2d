#include "ns3/ns3c_private.hh"

#include <ctime>

namespace
{

constexpr int64_t STEP_NS = VC_NS_PER_MS;           // what the wall clock is slewed by between two events is less
constexpr int64_t TOGETHER_NS = 100 * VC_NS_PER_US; // readings of two clocks further apart say nothing

int64_t read_clock(clockid_t id)
{
    timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * VC_NS_PER_S + t.tv_nsec;
}

} // namespace

// 0 to 15 have a bucket each; from there on sixteen buckets a power of two.
unsigned vc::Lag::bucket(uint64_t value)
{
    if (value < 1U << SUB)
        return static_cast<unsigned>(value);
    const unsigned exponent = 63U - static_cast<unsigned>(__builtin_clzll(value));
    const unsigned within = static_cast<unsigned>(value >> (exponent - SUB)) & ((1U << SUB) - 1);
    return ((exponent - SUB + 1) << SUB) + within;
}

int64_t vc::Lag::middle(unsigned bucket)
{
    if (bucket < 1U << SUB)
        return bucket;
    const unsigned shift = (bucket >> SUB) - 1;
    const uint64_t low = ((uint64_t{1} << SUB) + (bucket & ((1U << SUB) - 1))) << shift;
    return static_cast<int64_t>(low + ((uint64_t{1} << shift) >> 1));
}

void vc::Lag::add(int64_t late_ns)
{
    const int64_t before = read_clock(CLOCK_MONOTONIC), wall = read_clock(CLOCK_REALTIME),
                  after = read_clock(CLOCK_MONOTONIC);

    if (after - before < TOGETHER_NS) {
        const int64_t offset = wall - before, step = m_offset ? std::abs(offset - m_offset) : 0;
        m_offset = offset;
        if (step > STEP_NS && step > late_ns)
            late_ns = step;
    }
    late_ns = late_ns < 0 ? 0 : late_ns;
    m_counts[bucket(static_cast<uint64_t>(late_ns))].fetch_add(1, std::memory_order_relaxed);
    if (late_ns > m_worst.load(std::memory_order_relaxed))
        m_worst.store(late_ns, std::memory_order_relaxed);
}

void vc::Lag::take(vc_wire_lag *lag)
{
    std::array<uint64_t, BUCKETS> counts;
    uint64_t seen = 0;

    *lag = {};
    for (unsigned i = 0; i < BUCKETS; i++)
        lag->events += counts[i] = m_counts[i].exchange(0, std::memory_order_relaxed);
    lag->worst_ns = m_worst.exchange(0, std::memory_order_relaxed);
    struct {
        double share;
        int64_t *value;
    } const asked[] = {{0.5, &lag->median_ns}, {0.99, &lag->p99_ns}, {0.999, &lag->p999_ns}};
    size_t next = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += counts[i];
        while (next < VC_COUNT(asked) && seen &&
               static_cast<double>(seen) >= asked[next].share * static_cast<double>(lag->events))
            *asked[next++].value = middle(i) < lag->worst_ns ? middle(i) : lag->worst_ns;
    }
}
