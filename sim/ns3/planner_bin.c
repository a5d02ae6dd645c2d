#include "ns3/planner_bin.h"

#include <string.h>

static int no_memory(size_t count, vc_error **err)
{
    return *err ? -1 : vc_fail(err, VC_EXIT_HOST, 0, "no memory for %zu packets at once", count);
}

int planner_bin_add(struct planner_bin *bin, struct planner_packet packet, vc_error **err)
{
    if (bin->count == bin->room) {
        size_t room = bin->room ? 2 * bin->room : 16;
        struct planner_packet *packets = realloc(bin->packets, room * sizeof *packets);
        if (!packets)
            return no_memory(room, err);
        bin->packets = packets;
        bin->room = room;
    }
    bin->packets[bin->count++] = packet;
    return 0;
}

static bool comes_before(const struct planner_packet *x, const struct planner_packet *y)
{
    return x->at_ns != y->at_ns ? x->at_ns < y->at_ns : x->call < y->call;
}

static size_t share_of(const struct planner_packet *packet, size_t shares, int64_t slice_ns)
{
    return (size_t)((uint64_t)(packet->at_ns % slice_ns) * shares / (uint64_t)slice_ns);
}

static int make_room(struct planner_order *order, size_t count, vc_error **err)
{
    if (order->room >= count)
        return 0;
    planner_order_free(order);
    order->sorted = calloc(2 * count, sizeof *order->sorted);
    order->starts = calloc(2 * count + 1, sizeof *order->starts);
    if (!order->sorted || !order->starts)
        return no_memory(count, err);
    order->room = 2 * count;
    return 0;
}

int planner_bin_sort(struct planner_bin *bin, struct planner_order *order, int64_t slice_ns, vc_error **err)
{
    const size_t n = bin->count;

    if (make_room(order, n, err) < 0)
        return -1;
    memset(order->starts, 0, (n + 1) * sizeof *order->starts);
    for (size_t i = 0; i < n; i++)
        order->starts[share_of(&bin->packets[i], n, slice_ns) + 1]++;
    for (size_t i = 0; i < n; i++)
        order->starts[i + 1] += order->starts[i];
    for (size_t i = 0; i < n; i++)
        order->sorted[order->starts[share_of(&bin->packets[i], n, slice_ns)]++] = bin->packets[i];
    for (size_t i = 0; i < n; i++) {
        size_t to = i;
        for (; to && comes_before(&order->sorted[i], &bin->packets[to - 1]); to--)
            bin->packets[to] = bin->packets[to - 1];
        bin->packets[to] = order->sorted[i];
    }
    return 0;
}

void planner_order_free(struct planner_order *order)
{
    free(order->sorted);
    free(order->starts);
    *order = (struct planner_order){0};
}
