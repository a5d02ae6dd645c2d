#include "ns3/ns3c_private.hh"

#include "ns3/global-value.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/string.h"

// ns-3 has one simulator in a global variable; this is whose it is.
static std::atomic<vc_ns3 *> the_simulator{nullptr};

vc_ns3 *vc::check(const vc_ns3 *sim, const char *what, bool owner, vc_error **err)
{
    vc_ns3 *there = the_simulator.load(std::memory_order_acquire);

    if (!sim || sim != there) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: there is no such simulator (never made, or freed)", what);
        return nullptr;
    }
    if (owner && !there->owned()) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: only the thread that made the simulator may do that", what);
        return nullptr;
    }
    return there;
}

int64_t vc_ns3::clock_now() const
{
    return real && state.load(std::memory_order_acquire) == RUNNING ? real->RealtimeNow().GetNanoSeconds()
                                                                    : event_now();
}

void vc_ns3::fail(const char *what)
{
    broken = what;
    ns3::Simulator::Stop();
}

void vc_ns3::post_event(int64_t after_ns, ns3::EventImpl *event)
{
    const auto insert = [&] {
        ns3::Simulator::ScheduleWithContext(ns3::Simulator::NO_CONTEXT, ns3::NanoSeconds(after_ns), event);
    };

    if (!real || owned() || state.load(std::memory_order_acquire) == RUNNING) {
        insert();
        return;
    }
    std::unique_lock lock{gate};
    opened.wait(lock, [this] { return state.load() != STARTING; });
    insert();
}

static struct vc_ns3 *make(const struct vc_ns3_config *config, vc_error **err)
{
    auto sim = std::make_unique<vc_ns3>();
    vc_ns3 *nobody = nullptr;

    sim->clock = config->clock;
    if (!the_simulator.compare_exchange_strong(nobody, sim.get())) {
        vc_fail(err, VC_EXIT_USAGE, 0, "make a simulator: this process has one already, and ns-3 cannot have two");
        return nullptr;
    }
    const char *type = config->clock == VC_NS3_REAL ? "ns3::RealtimeSimulatorImpl" : "ns3::DefaultSimulatorImpl";
    ns3::GlobalValue::Bind("SimulatorImplementationType", ns3::StringValue(type));
    ns3::RngSeedManager::SetSeed(config->seed);
    ns3::RngSeedManager::SetRun(config->run);
    ns3::Ptr<ns3::SimulatorImpl> impl = ns3::Simulator::GetImplementation();
    if (config->clock == VC_NS3_REAL)
        sim->real = ns3::DynamicCast<ns3::RealtimeSimulatorImpl>(impl);
    return sim.release();
}

struct vc_ns3 *vc_ns3_new(const struct vc_ns3_config *config, vc_error **err)
{
    if (vc_ns3_check_config(config, err) < 0)
        return nullptr;
    return vc::guard<struct vc_ns3 *>("make a simulator", nullptr, err, [&] { return make(config, err); });
}

int vc_ns3_free(struct vc_ns3 *sim, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, "free the simulator", true, err);

    if (!there)
        return -1;
    if (there->state == vc_ns3::RUNNING || there->state == vc_ns3::STARTING)
        return vc_fail(err, VC_EXIT_USAGE, 0, "free the simulator: it runs");
    return vc::guard("free the simulator", -1, err, [&] {
        the_simulator = nullptr;
        there->real = nullptr;
        ns3::Simulator::Destroy(); // its events may still name wires
        delete there;
        return 0;
    });
}

static int run(vc_ns3 *sim, int64_t until_ns, vc_error **err)
{
    ns3::EventId end;

    if (until_ns != VC_NS3_FOREVER)
        end = sim->schedule(until_ns - sim->event_now(), [] { ns3::Simulator::Stop(); });
    {
        std::lock_guard lock{sim->gate};
        sim->state = sim->real ? vc_ns3::STARTING : vc_ns3::RUNNING;
    }
    if (sim->real)
        sim->post(0, [sim] {
            std::lock_guard lock{sim->gate};
            sim->state = vc_ns3::RUNNING;
            sim->opened.notify_all();
        });
    ns3::Simulator::Run();
    {
        std::lock_guard lock{sim->gate};
        sim->state = sim->real ? vc_ns3::ENDED : vc_ns3::MADE;
        sim->opened.notify_all();
    }
    if (!end.IsExpired())
        ns3::Simulator::Remove(end);
    if (!sim->broken.empty())
        return vc_fail(err, VC_EXIT_FAIL, 0, "run the simulator: an event failed: %s", sim->broken.c_str());
    return 0;
}

int vc_ns3_run(struct vc_ns3 *sim, int64_t until_ns, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, "run the simulator", true, err);

    if (!there)
        return -1;
    if (there->state == vc_ns3::RUNNING || there->state == vc_ns3::STARTING)
        return vc_fail(err, VC_EXIT_USAGE, 0, "run the simulator: it runs already");
    if (there->state == vc_ns3::ENDED)
        return vc_fail(err, VC_EXIT_USAGE, 0, "run the simulator: in real time it runs once only");
    if (!there->broken.empty())
        return vc_fail(err, VC_EXIT_USAGE, 0, "run the simulator: an event failed before: %s", there->broken.c_str());
    if (vc_ns3_check_until(there->event_now(), until_ns, err) < 0)
        return -1;
    return vc::guard("run the simulator", -1, err, [&] { return run(there, until_ns, err); });
}

int vc_ns3_stop(struct vc_ns3 *sim, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, "stop the simulator", false, err);

    if (!there)
        return -1;
    if (there->stopping.exchange(true))
        return 0; // one is on its way: a second would end the next run
    return vc::guard("stop the simulator", -1, err, [&] {
        // By an event, which wakes a real-time run that waits.
        there->post(0, [there] {
            there->stopping = false;
            ns3::Simulator::Stop();
        });
        return 0;
    });
}

int64_t vc_ns3_now(const struct vc_ns3 *sim)
{
    vc_ns3 *there = vc::check(sim, "", false, nullptr);

    if (!there || (!there->owned() && !there->real))
        return -1;
    if (there->owned())
        return there->event_now();
    return there->state == vc_ns3::RUNNING ? there->clock_now() : 0;
}

uint64_t vc_ns3_events(const struct vc_ns3 *sim)
{
    return vc::check(sim, "", true, nullptr) ? ns3::Simulator::GetEventCount() : 0;
}

static void call(vc_ns3 *sim, vc_ns3_fn *fn, void *arg)
{
    if (sim->real)
        sim->lag.add(sim->clock_now() - sim->event_now());
    fn(arg);
}

int vc_ns3_schedule(struct vc_ns3 *sim, int64_t after_ns, vc_ns3_fn *fn, void *arg, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, "schedule an event", true, err);

    if (!there)
        return -1;
    if (!fn)
        return vc_fail(err, VC_EXIT_USAGE, 0, "schedule an event: it has no function");
    if (vc_ns3_check_delay(there->event_now(), after_ns, err) < 0)
        return -1;
    return vc::guard("schedule an event", -1, err, [&] {
        there->schedule(after_ns, [there, fn, arg] { call(there, fn, arg); });
        return 0;
    });
}

int vc_ns3_post(struct vc_ns3 *sim, int64_t after_ns, vc_ns3_fn *fn, void *arg, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, "post an event", false, err);

    if (!there)
        return -1;
    if (!fn)
        return vc_fail(err, VC_EXIT_USAGE, 0, "post an event: it has no function");
    if (there->state == vc_ns3::ENDED)
        return vc_fail(err, VC_EXIT_USAGE, 0, "post an event: the run is over");
    // Half of what there is: what "now" will be is not known here, only that it is not beyond the other half for long.
    if (vc_ns3_check_delay(VC_NS3_MAX_NS / 2, after_ns, err) < 0)
        return -1;
    return vc::guard("post an event", -1, err, [&] {
        there->post(after_ns, [there, fn, arg] { call(there, fn, arg); });
        return 0;
    });
}

int vc_ns3_lag(struct vc_ns3 *sim, struct vc_wire_lag *lag, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, "ask for the lag", false, err);

    if (!there)
        return -1;
    if (!lag)
        return vc_fail(err, VC_EXIT_USAGE, 0, "ask for the lag: no place for the answer");
    there->lag.take(lag);
    return 0;
}
