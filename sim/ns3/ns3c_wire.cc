#include "ns3/ns3c_private.hh"

#include <cstring>

static vc::Wire *find(const vc_ns3 *sim, int wire, const char *what, vc_error **err)
{
    vc_ns3 *there = vc::check(sim, what, false, err);

    if (!there)
        return nullptr;
    const int count = there->wire_count.load(std::memory_order_acquire);
    if (wire >= 0 && wire < count)
        return there->wires[static_cast<size_t>(wire)].get();
    vc_fail(err, VC_EXIT_USAGE, 0, "%s: found wire %d; allowed: one of the %d there are", what, wire, count);
    return nullptr;
}

int vc_ns3_wire_new(struct vc_ns3 *sim, const struct vc_wire character[2], vc_ns3_frame_fn *fn, void *arg,
                    vc_error **err)
{
    static const char what[] = "make a wire";
    vc_ns3 *there = vc::check(sim, what, true, err);

    if (!there)
        return -1;
    if (!fn || !character)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: it has no %s", what, fn ? "character" : "function");
    const int number = there->wire_count;
    if (number == VC_NS3_WIRES_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: there are %d already, which is the limit", what, number);
    for (int i = 0; i < 2; i++)
        if (vc_ns3_check_character(&character[i], err) < 0)
            return vc_wrap(err, "%s, direction %d", what, i);
    return vc::guard(what, -1, err, [&] {
        there->wires[static_cast<size_t>(number)].reset(
            new vc::Wire{{{there, number, 0, character[0], fn, arg}, {there, number, 1, character[1], fn, arg}}});
        there->wire_count.store(number + 1, std::memory_order_release);
        return number;
    });
}

int vc_ns3_wire_send(struct vc_ns3 *sim, int wire, int end, const uint8_t *data, size_t size, vc_error **err)
{
    static const char what[] = "send on a wire";
    vc::Wire *there = find(sim, wire, what, err);

    if (!there || vc_ns3_check_direction(end, false, err) < 0 || vc_ns3_check_frame(data, size, err) < 0)
        return -1;
    return vc::guard(what, -1, err, [&] {
        vc::FramePtr frame(static_cast<vc::Frame *>(malloc(sizeof(vc::Frame) + size)));
        if (!frame)
            return vc_fail(err, VC_EXIT_FAIL, 0, "%s: out of memory", what);
        frame->size = static_cast<uint32_t>(size);
        memcpy(frame->data, data, size);
        there->path[end].put(std::move(frame));
        return 0;
    });
}

static int change(struct vc_ns3 *sim, int wire, int direction, const vc::Change &to, const char *what, vc_error **err)
{
    vc::Wire *there = find(sim, wire, what, err);

    if (!there || vc_ns3_check_direction(direction, true, err) < 0)
        return -1;
    return vc::guard(what, -1, err, [&] {
        for (int i = 0; i < 2; i++)
            if (direction == i || direction == VC_NS3_BOTH)
                there->path[i].put(to);
        return 0;
    });
}

int vc_ns3_wire_set(struct vc_ns3 *sim, int wire, int direction, const struct vc_wire *character, vc_error **err)
{
    static const char what[] = "set a wire's character";

    if (vc_ns3_check_character(character, err) < 0)
        return vc_wrap(err, "%s", what);
    return change(sim, wire, direction,
                  {.sets_character = true, .sets_up = false, .up = false, .character = *character}, what, err);
}

int vc_ns3_wire_up(struct vc_ns3 *sim, int wire, int direction, bool up, vc_error **err)
{
    return change(sim, wire, direction, {.sets_character = false, .sets_up = true, .up = up, .character = {}},
                  up ? "put a wire up" : "put a wire down", err);
}

int vc_ns3_wire_counters(struct vc_ns3 *sim, int wire, int direction, struct vc_wire_counters *counters, vc_error **err)
{
    static const char what[] = "read a wire's counters";
    vc::Wire *there = find(sim, wire, what, err);

    if (!there || vc_ns3_check_direction(direction, false, err) < 0)
        return -1;
    if (!counters)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: no place for the answer", what);
    there->path[direction].counters(counters);
    return 0;
}

int vc_ns3_wire_get(struct vc_ns3 *sim, int wire, int direction, struct vc_wire *character, bool *up, vc_error **err)
{
    static const char what[] = "read a wire's character";
    vc::Wire *there = find(sim, wire, what, err);

    if (!there || vc_ns3_check_direction(direction, false, err) < 0)
        return -1;
    if (!character || !up)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: no place for the answer", what);
    return vc::guard(what, -1, err, [&] {
        there->path[direction].get(character, up);
        return 0;
    });
}
