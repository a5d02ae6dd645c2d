#include "ns3/ns3c_private.hh"

#include <cstring>

#include "ns3/double.h"

namespace
{

constexpr double PPM = 1e6;
enum { STREAMS_OF_A_PATH = 8 }; // 7 in use
// A wire with a delay looks at what came a little later, when there are several: waking up for each costs most of all.
constexpr uint32_t PATIENT_US = 800;
constexpr int64_t PATIENCE_NS = 200 * VC_NS_PER_US;

ns3::Ptr<ns3::UniformRandomVariable> uniform(int64_t stream)
{
    auto random = ns3::CreateObject<ns3::UniformRandomVariable>();

    random->SetStream(stream);
    return random;
}

int64_t stream_of(int wire, int direction, int which)
{
    return (int64_t{wire} * 2 + direction) * STREAMS_OF_A_PATH + which;
}

vc::FramePtr copy_of(const vc::Frame &frame)
{
    const size_t size = sizeof frame + frame.size;
    vc::FramePtr copy(static_cast<vc::Frame *>(malloc(size)));

    if (!copy)
        throw std::bad_alloc();
    memcpy(copy.get(), &frame, size);
    return copy;
}

} // namespace

vc::Chance::Chance(int64_t stream) : m_model(ns3::CreateObject<ns3::RateErrorModel>())
{
    m_model->SetUnit(ns3::RateErrorModel::ERROR_UNIT_PACKET);
    m_model->SetRandomVariable(uniform(stream));
}

void vc::Chance::set(uint32_t ppm)
{
    m_ever = ppm > 0;
    m_model->SetRate(ppm / PPM);
}

bool vc::Chance::hit()
{
    return m_ever && m_model->IsCorrupt(nullptr); // by packet, it does not look at the packet
}

vc::Bursts::Bursts(int64_t stream) : m_random(uniform(stream)) {}

void vc::Bursts::set(const vc_wire &character)
{
    const double loss = character.loss_ppm / PPM;

    if (!character.burst || !character.loss_ppm || loss >= 1) {
        m_leave = m_enter = 0;
        m_bad = false;
        return;
    }
    // A stay in "bad" lasts 1/leave packets and one in "good" 1/enter, so the share lost is enter / (enter + leave).
    m_leave = 1.0 / character.burst;
    m_enter = m_leave * loss / (1 - loss);
}

bool vc::Bursts::lost()
{
    const bool lost = m_bad;

    if (m_random->GetValue(0, 1) < (m_bad ? m_leave : m_enter))
        m_bad = !m_bad;
    return lost;
}

vc::Path::Path(vc_ns3 *sim, int wire, int direction, const vc_wire &character, vc_ns3_frame_fn *fn, void *arg)
    : m_sim(sim), m_wire(wire), m_direction(direction), m_fn(fn), m_arg(arg),
      m_duplicate(stream_of(wire, direction, 0)), m_loss(stream_of(wire, direction, 1)),
      m_corrupt(stream_of(wire, direction, 2)), m_reorder(stream_of(wire, direction, 3)),
      m_bursts(stream_of(wire, direction, 4)), m_jitter(uniform(stream_of(wire, direction, 5))),
      m_bit(uniform(stream_of(wire, direction, 6)))
{
    apply({.sets_character = true, .sets_up = false, .up = true, .character = character});
}

// ---- from any thread into the simulator's ----

// Whatever comes takes its turn in one queue, so that a change divides exactly the frames before it from those after.
// Only the first of a batch needs an event.
bool vc::Path::push(Item item)
{
    std::lock_guard lock{m_inbox_mutex};

    if (m_inbox.size() >= VC_NS3_INBOX_MAX && item.frame)
        return false;
    m_inbox.push_back(std::move(item));
    const bool change = !m_inbox.back().frame;
    if (change || m_inbox.size() == 1)
        try {
            m_sim->post(change ? 0 : m_patience.load(std::memory_order_relaxed), [this] { drain(); });
        } catch (...) {
            m_inbox.pop_back();
            throw;
        }
    return true;
}

void vc::Path::put(FramePtr frame)
{
    add(RECEIVED_BYTES, frame->size);
    add(RECEIVED);
    frame->at = m_sim->real ? m_sim->clock_now() : -1;
    if (!push({.frame = std::move(frame), .change = {}}))
        add(OVERRUN);
}

void vc::Path::put(const Change &change)
{
    push({.frame = nullptr, .change = change});
}

void vc::Path::drain()
{
    {
        std::lock_guard lock{m_inbox_mutex};
        m_drained.swap(m_inbox);
    }
    for (Item &item : m_drained) {
        if (!item.frame) {
            apply(item.change);
            continue;
        }
        if (item.frame->at < 0)
            item.frame->at = m_sim->event_now();
        else
            m_sim->lag.add(m_sim->clock_now() - m_sim->event_now());
        if (m_up)
            enter(std::move(item.frame), true);
        else
            add(LOST_DOWN);
    }
    m_drained.clear();
    arm();
}

void vc::Path::get(vc_wire *character, bool *up)
{
    std::lock_guard lock{m_inbox_mutex};

    *character = m_character;
    *up = m_up;
}

void vc::Path::apply(const Change &change)
{
    {
        std::lock_guard lock{m_inbox_mutex};
        if (change.sets_up)
            m_up = change.up;
        if (change.sets_character)
            m_character = change.character;
    }
    if (change.sets_up) {
        if (!m_up) {
            add(LOST_DOWN, m_held.size());
            m_held.clear();
            m_counts[HELD] = 0;
            m_last_due = 0;
        }
    }
    if (!change.sets_character)
        return;
    m_limit = vc_wire_limit(&m_character);
    m_duplicate.set(m_character.duplicate_ppm);
    m_corrupt.set(m_character.corrupt_ppm);
    m_reorder.set(m_character.reorder_ppm);
    m_loss.set(m_character.loss_ppm);
    m_bursts.set(m_character);
    m_patience = m_sim->real && !m_character.reorder_ppm && m_character.delay_us - m_character.jitter_us >= PATIENT_US
                     ? PATIENCE_NS
                     : 0;
}

// ---- what a packet meets ----

void vc::Path::enter(FramePtr frame, bool original)
{
    if (original && m_duplicate.hit()) {
        add(DUPLICATED);
        enter(copy_of(*frame), false);
    }
    if (m_bursts.on() ? m_bursts.lost() : m_loss.hit()) {
        add(m_bursts.on() ? LOST_BURST : LOST_RANDOM);
        return;
    }
    if (m_corrupt.hit()) {
        const uint32_t bit = m_bit->GetInteger(0, frame->size * 8 - 1);
        frame->data[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
        add(CORRUPTED);
    }
    if (m_held.size() >= m_limit) {
        add(DROPPED_QUEUE);
        return;
    }
    if (m_character.delay_us && m_reorder.hit()) {
        add(REORDERED);
        deliver(*frame);
        return;
    }
    frame->at = m_last_due = due(*frame);
    m_held.push_back(std::move(frame));
    m_counts[HELD].store(m_held.size(), std::memory_order_relaxed);
    if (m_held.size() > m_counts[LONGEST_QUEUE].load(std::memory_order_relaxed))
        m_counts[LONGEST_QUEUE].store(m_held.size(), std::memory_order_relaxed);
}

// As netem has it: after its delay, and after the packet before it, the packet takes its time on the wire.
int64_t vc::Path::due(const Frame &frame)
{
    int64_t due = frame.at + m_character.delay_us * VC_NS_PER_US;

    if (m_character.jitter_us) {
        const double jitter = static_cast<double>(m_character.jitter_us) * VC_NS_PER_US;
        due += static_cast<int64_t>(m_jitter->GetValue(-jitter, jitter));
    }
    if (due < m_last_due)
        due = m_last_due;
    if (m_character.rate_mbit) // a bit takes 1000 / rate nanoseconds
        due += (int64_t{frame.size} * 8000 + m_character.rate_mbit / 2) / m_character.rate_mbit;
    return due;
}

// One event for the packet that leaves first, as the others leave after it.
void vc::Path::arm()
{
    if (m_held.empty() || m_release.IsRunning())
        return;
    const int64_t wait = m_held.front()->at - m_sim->event_now();
    m_release = m_sim->schedule(wait < 0 ? 0 : wait, [this] { release(); });
}

void vc::Path::release()
{
    int64_t now = m_sim->clock_now();

    while (!m_held.empty() && m_held.front()->at <= now) {
        FramePtr frame = std::move(m_held.front());
        m_held.pop_front();
        m_counts[HELD].store(m_held.size(), std::memory_order_relaxed);
        if (m_sim->real)
            m_sim->lag.add(now - frame->at);
        deliver(*frame);
        if (m_sim->real)
            now = m_sim->clock_now();
    }
    m_release = ns3::EventId();
    arm();
}

void vc::Path::deliver(const Frame &frame)
{
    add(DELIVERED);
    add(DELIVERED_BYTES, frame.size);
    m_fn(m_arg, m_wire, 1 - m_direction, frame.data, frame.size, frame.at);
}

void vc::Path::counters(vc_wire_counters *counters) const
{
    static_assert(offsetof(vc_wire_counters, lost_down) == LOST_DOWN * sizeof(uint64_t));
    static_assert(offsetof(vc_wire_counters, longest_queue) == LONGEST_QUEUE * sizeof(uint64_t));
    uint64_t values[COUNTS];

    for (size_t i = 0; i < COUNTS; i++)
        values[i] = m_counts[i].load(std::memory_order_relaxed);
    memcpy(counters, values, sizeof values);
}
