// What is behind ns3c.h. One file for each part: ns3c.cc the simulator, ns3c_path.cc one direction of a wire,
// ns3c_wire.cc wires, ns3c_stream.cc random numbers, ns3c_lag.cc how late events are.
//
// ns-3's own classes do what they are made for: Simulator and its two clocks, the error models for chances, random
// streams with seeds. Not used are
//   SimpleChannel, PointToPointChannel   one delay for all packets: no jitter, no packet that overtakes
//   DropTailQueue                        counts what waits for a transmitter; `limit` also counts what is under way
//   BurstErrorModel                      draws the beginning of a burst inside a burst, too: neither the mean length
//   nor
//                                        the share lost is what it was told
// so a direction keeps its frames in a queue of its own and schedules the first one's end on ns-3.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// error.h and what it includes are C; their system headers must not be first seen inside extern "C".
#include <jansson.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>
extern "C" {
#include "base/error.h"
#include "base/wire.h"
}
#include "ns3/ns3c.h"
#include "ns3/ns3c_check.h"

#include "ns3/error-model.h"
#include "ns3/event-impl.h"
#include "ns3/nstime.h"
#include "ns3/packet.h"
#include "ns3/random-variable-stream.h"
#include "ns3/realtime-simulator-impl.h"
#include "ns3/simulator.h"

namespace vc
{

// Buckets of a sixteenth of their value. The owner's thread adds, any thread asks.
class Lag
{
  public:
    void add(int64_t late_ns);
    void take(vc_wire_lag *lag); // and begins anew

  private:
    static constexpr unsigned SUB = 4, BUCKETS = (63 - SUB + 2) << SUB;
    static unsigned bucket(uint64_t value);
    static int64_t middle(unsigned bucket);

    std::array<std::atomic<uint64_t>, BUCKETS> m_counts{};
    std::atomic<int64_t> m_worst{0};
    int64_t m_offset = 0; // of the wall clock to the monotonic one
};

struct FreeDelete {
    void operator()(void *p) const
    {
        free(p);
    }
};

struct Frame {
    int64_t at; // when it came, then when it is to leave
    uint32_t size;
    uint8_t data[]; // NOLINT: a frame is one allocation
};
using FramePtr = std::unique_ptr<Frame, FreeDelete>;

struct Change {
    bool sets_character, sets_up, up;
    vc_wire character;
};

// A share of packets: drawn by ns-3's error model from a stream of its own.
class Chance
{
  public:
    explicit Chance(int64_t stream);
    void set(uint32_t ppm);
    bool hit();

  private:
    bool m_ever = false;
    ns3::Ptr<ns3::RateErrorModel> m_model;
};

// Gilbert and Elliott's two states.
class Bursts
{
  public:
    explicit Bursts(int64_t stream);
    void set(const vc_wire &character);
    bool on() const
    {
        return m_leave > 0;
    }
    bool lost();

  private:
    bool m_bad = false;
    double m_enter = 0, m_leave = 0;
    ns3::Ptr<ns3::UniformRandomVariable> m_random;
};

class Path
{
  public:
    Path(vc_ns3 *sim, int wire, int direction, const vc_wire &character, vc_ns3_frame_fn *fn, void *arg);

    void put(FramePtr frame);       // any thread
    void put(const Change &change); // any thread
    void counters(vc_wire_counters *counters) const;
    void get(vc_wire *character, bool *up); // any thread

  private:
    struct Item {
        FramePtr frame; // or
        Change change;
    };
    bool push(Item item);
    void drain();
    void apply(const Change &change);
    void enter(FramePtr frame, bool original);
    int64_t due(const Frame &frame);
    void release();
    void arm();
    void deliver(const Frame &frame);

    enum Count { // in the order of struct vc_wire_counters
        RECEIVED,
        RECEIVED_BYTES,
        DELIVERED,
        DELIVERED_BYTES,
        LOST_RANDOM,
        LOST_BURST,
        LOST_DOWN,
        DROPPED_QUEUE,
        CORRUPTED,
        DUPLICATED,
        REORDERED,
        OVERRUN,
        HELD,
        LONGEST_QUEUE,
        COUNTS
    };
    static_assert(sizeof(vc_wire_counters) == COUNTS * sizeof(uint64_t));
    // The owner's thread alone adds, but for what put() counts: RECEIVED, RECEIVED_BYTES, OVERRUN.
    void add(Count what, uint64_t n = 1)
    {
        m_counts[what].fetch_add(n, std::memory_order_relaxed);
    }

    vc_ns3 *const m_sim;
    const int m_wire, m_direction;
    vc_ns3_frame_fn *const m_fn;
    void *const m_arg;
    // The owner's thread writes these two under m_inbox_mutex, so that others can read them.
    bool m_up = true;
    vc_wire m_character{};
    uint32_t m_limit = 0;
    Chance m_duplicate, m_loss, m_corrupt, m_reorder;
    Bursts m_bursts;
    ns3::Ptr<ns3::UniformRandomVariable> m_jitter, m_bit;
    std::deque<FramePtr> m_held; // in the order in which they leave
    int64_t m_last_due = 0;
    ns3::EventId m_release;
    std::array<std::atomic<uint64_t>, COUNTS> m_counts{};

    std::atomic<int64_t> m_patience{0}; // how long the first frame in the inbox may wait to be looked at
    std::mutex m_inbox_mutex;
    std::vector<Item> m_inbox;
    std::vector<Item> m_drained; // keeps its capacity
};

struct Wire {
    Path path[2];
};

// An ns-3 event that calls F once.
template <typename F> class Event final : public ns3::EventImpl
{
  public:
    Event(vc_ns3 *sim, F f) : m_sim(sim), m_f(std::move(f)) {}

  private:
    void Notify() override;

    vc_ns3 *const m_sim;
    F m_f;
};

} // namespace vc

struct vc_ns3 {
    enum State { MADE, STARTING, RUNNING, ENDED };

    vc_ns3_clock clock;
    std::thread::id owner = std::this_thread::get_id();
    ns3::Ptr<ns3::RealtimeSimulatorImpl> real; // of VC_NS3_REAL
    std::atomic<State> state{MADE};
    std::atomic<bool> stopping{false};
    std::string broken; // what an event threw
    vc::Lag lag;

    // Between a real-time run's beginning and its first event ns-3 has no clock that another thread could use.
    std::mutex gate;
    std::condition_variable opened;

    std::array<std::unique_ptr<vc::Wire>, VC_NS3_WIRES_MAX> wires;
    std::atomic<int> wire_count{0};
    std::vector<ns3::Ptr<ns3::RandomVariableStream>> streams;

    bool owned() const
    {
        return owner == std::this_thread::get_id();
    }
    // Nanoseconds; of the event that happens, or in real time and outside it of the clock.
    int64_t event_now() const
    {
        return ns3::Simulator::Now().GetNanoSeconds();
    }
    int64_t clock_now() const;
    void fail(const char *what);

    // In the owner's thread, and from any. `f` must not throw; if it does, the run ends.
    template <typename F> ns3::EventId schedule(int64_t after_ns, F f)
    {
        // Schedule() takes over the reference that an event is born with.
        return ns3::Simulator::Schedule(ns3::NanoSeconds(after_ns),
                                        ns3::Ptr<ns3::EventImpl>(new vc::Event<F>(this, std::move(f)), false));
    }
    template <typename F> void post(int64_t after_ns, F f)
    {
        post_event(after_ns, new vc::Event<F>(this, std::move(f)));
    }
    void post_event(int64_t after_ns, ns3::EventImpl *event);
};

namespace vc
{

template <typename F> void Event<F>::Notify()
{
    try {
        m_f();
    } catch (const std::exception &e) {
        m_sim->fail(e.what());
    } catch (...) {
        m_sim->fail("an exception of unknown type");
    }
}

// The simulator there is, if that is it; `owner`: and the caller is its owner.
vc_ns3 *check(const vc_ns3 *sim, const char *what, bool owner, vc_error **err);

// Calls f, which returns what the C function returns, so that no exception gets out.
template <typename R, typename F> R guard(const char *what, R failed, vc_error **err, F f) noexcept
{
    try {
        return f();
    } catch (const std::exception &e) {
        vc_fail(err, VC_EXIT_FAIL, 0, "%s: ns-3: %s", what, e.what());
    } catch (...) {
        vc_fail(err, VC_EXIT_FAIL, 0, "%s: ns-3: an exception of unknown type", what);
    }
    return failed;
}

} // namespace vc
