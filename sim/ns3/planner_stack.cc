// The cross-check: the same packets through ns-3's own Internet stack (UDP sockets, IPv4 with static routes,
// point-to-point devices with drop-tail queues). Each hub is a node with a link to each edge; an edge has a link to its
// core, where the servers are, and the WAN joins the cores. Losing a tunnel makes its far end deaf; when BGP has
// noticed, the hub's routes change.
//
// A frame on a link is as long as the IP packet of the lean model, as the payload is shorter by the PPP header. An edge
// counts ESP packets, which are not built here: its link is slower by the mean of the codecs instead.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <jansson.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>
extern "C" {
#include "base/error.h"
}
#include "ns3/planner_traffic.h"

#include "ns3/boolean.h"
#include "ns3/data-rate.h"
#include "ns3/drop-tail-queue.h"
#include "ns3/error-model.h"
#include "ns3/inet-socket-address.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-list-routing.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/ipv4.h"
#include "ns3/ipv4-routing-table-entry.h"
#include "ns3/node-container.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/udp-socket-factory.h"

namespace
{

constexpr int64_t HEADERS = 20 + 8 + 2; // IPv4, UDP, PPP
constexpr int64_t MTU = 1500;           // of ns-3's point-to-point devices
constexpr uint16_t PORT = 16384;

struct Hub {
    ns3::Ptr<ns3::Node> node;
    ns3::Ptr<ns3::Socket> socket;
    ns3::Ptr<ns3::RateErrorModel> deaf[PLANNER_DCS];
    uint32_t interface[PLANNER_DCS];
};

class Stack
{
  public:
    explicit Stack(const planner_model *model) : m_model(model), m_tunnels(model->hub_count) {}
    ~Stack()
    {
        free(m_traffic.calls);
        free(m_changes);
    }
    json_t *run(vc_ns3 *sim, vc_error **err);

  private:
    uint32_t link(ns3::Ptr<ns3::Node> a, ns3::Ptr<ns3::Node> b, int64_t bps, int64_t delay_ns,
                  ns3::Ptr<ns3::RateErrorModel> deaf = nullptr);
    void build();
    void add_hub(size_t h);
    void send(size_t call);
    void change();
    void route(size_t h);
    void received(ns3::Ptr<ns3::Socket> socket);

    const planner_model *const m_model;
    planner_traffic m_traffic{};
    planner_change *m_changes = nullptr;
    size_t m_change_count = 0, m_change = 0;
    std::vector<planner_tunnels> m_tunnels;
    uint8_t m_gone[PLANNER_DCS]{};
    std::vector<Hub> m_hubs;
    ns3::Ptr<ns3::Node> m_edge[PLANNER_DCS], m_core[PLANNER_DCS];
    std::vector<ns3::Ptr<ns3::Socket>> m_servers;
    uint32_t m_network = 0x0a000000; // 10.0.0.0, a /30 for each link
    uint64_t m_sent = 0, m_arrived = 0;
};

ns3::Ptr<ns3::Ipv4StaticRouting> routing(ns3::Ptr<ns3::Node> node)
{
    return ns3::Ipv4StaticRoutingHelper().GetStaticRouting(node->GetObject<ns3::Ipv4>());
}

uint32_t add_interface(ns3::Ptr<ns3::Node> node, ns3::Ptr<ns3::NetDevice> device, uint32_t address)
{
    ns3::Ptr<ns3::Ipv4> ipv4 = node->GetObject<ns3::Ipv4>();
    const uint32_t interface = ipv4->AddInterface(device);

    ipv4->AddAddress(interface, ns3::Ipv4InterfaceAddress(ns3::Ipv4Address(address), ns3::Ipv4Mask("/30")));
    ipv4->SetUp(interface);
    return interface;
}

ns3::Ipv4Address address_of(ns3::Ptr<ns3::Node> node, uint32_t interface)
{
    return node->GetObject<ns3::Ipv4>()->GetAddress(interface, 0).GetLocal();
}

// The number of a's interface; `deaf` makes b's end lose all. Interfaces are made by hand: the helper would put an
// active queue management before the device.
uint32_t Stack::link(ns3::Ptr<ns3::Node> a, ns3::Ptr<ns3::Node> b, int64_t bps, int64_t delay_ns,
                     ns3::Ptr<ns3::RateErrorModel> deaf)
{
    ns3::PointToPointHelper helper;
    // A device stops taking packets while there is no room for one as long as its MTU.
    const int64_t bytes = bps / 8 * (m_model->queue_ns / 1000) / 1000000 + MTU - m_model->codecs[0].inner;

    helper.SetDeviceAttribute("DataRate", ns3::DataRateValue(ns3::DataRate(static_cast<uint64_t>(bps))));
    helper.SetChannelAttribute("Delay", ns3::TimeValue(ns3::NanoSeconds(delay_ns)));
    helper.SetQueue("ns3::DropTailQueue", "MaxSize",
                    ns3::StringValue(std::to_string(std::clamp<int64_t>(bytes, 2 * MTU, UINT32_MAX)) + "B"));
    ns3::NetDeviceContainer devices = helper.Install(a, b);
    if (deaf)
        devices.Get(1)->SetAttribute("ReceiveErrorModel", ns3::PointerValue(deaf));
    m_network += 4;
    const uint32_t interface = add_interface(a, devices.Get(0), m_network + 1);
    add_interface(b, devices.Get(1), m_network + 2);
    return interface;
}

void Stack::received(ns3::Ptr<ns3::Socket> socket)
{
    while (socket->Recv())
        m_arrived++;
}

void Stack::build()
{
    ns3::InternetStackHelper internet;
    ns3::NodeContainer nodes;
    double inner = 0, outer = 0;

    ns3::Ipv4StaticRoutingHelper statics;
    internet.SetRoutingHelper(statics);
    internet.SetIpv6StackInstall(false);
    for (size_t i = 0; i < m_model->codec_count; i++) {
        inner += static_cast<double>(m_model->codecs[i].share_ppm) * static_cast<double>(m_model->codecs[i].inner_bps);
        outer += static_cast<double>(m_model->codecs[i].share_ppm) * static_cast<double>(m_model->codecs[i].outer_bps);
    }
    nodes.Create(2 * PLANNER_DCS);
    internet.Install(nodes);
    for (int d = 0; d < PLANNER_DCS; d++) {
        m_edge[d] = nodes.Get(2 * d);
        m_core[d] = nodes.Get(2 * d + 1);
        // The core's end first, so that its address is the servers'.
        link(m_core[d], m_edge[d], static_cast<int64_t>(static_cast<double>(m_model->dc_bps[d]) * inner / outer), 0);
        ns3::Ptr<ns3::Socket> server = ns3::Socket::CreateSocket(m_core[d], ns3::UdpSocketFactory::GetTypeId());
        server->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), PORT));
        server->SetRecvCallback(ns3::MakeCallback(&Stack::received, this));
        m_servers.push_back(server);
    }
    const uint32_t wan = link(m_core[0], m_core[1], m_model->wan_bps, m_model->wan_delay_ns);
    for (int d = 0; d < PLANNER_DCS; d++) {
        const ns3::Ipv4Address other = address_of(m_core[1 - d], 1);
        routing(m_edge[d])->AddHostRouteTo(other, address_of(m_core[d], 1), 1);
        routing(m_core[d])->AddHostRouteTo(other, address_of(m_core[1 - d], wan), wan);
    }
    for (size_t h = 0; h < m_model->hub_count; h++)
        add_hub(h);
}

void Stack::add_hub(size_t h)
{
    const planner_region *region = planner_region_of(m_model, h);
    ns3::InternetStackHelper internet;
    ns3::Ipv4StaticRoutingHelper statics;
    Hub hub;

    internet.SetRoutingHelper(statics);
    internet.SetIpv6StackInstall(false);
    hub.node = ns3::CreateObject<ns3::Node>();
    internet.Install(hub.node);
    for (int d = 0; d < PLANNER_DCS; d++) {
        hub.deaf[d] = ns3::CreateObjectWithAttributes<ns3::RateErrorModel>(
            "ErrorUnit", ns3::StringValue("ERROR_UNIT_PACKET"), "ErrorRate", ns3::StringValue("1.0"), "IsEnabled",
            ns3::BooleanValue(false));
        hub.interface[d] = link(hub.node, m_edge[d], region->tunnel_bps, region->delay_ns, hub.deaf[d]);
    }
    hub.socket = ns3::Socket::CreateSocket(hub.node, ns3::UdpSocketFactory::GetTypeId());
    hub.socket->Bind();
    m_hubs.push_back(hub);
    route(h);
}

// The hub's routes to the servers, as its BGP would have them now.
void Stack::route(size_t h)
{
    Hub &hub = m_hubs[h];
    ns3::Ptr<ns3::Ipv4StaticRouting> table = routing(hub.node);

    for (int d = 0; d < PLANNER_DCS; d++) {
        const ns3::Ipv4Address server = address_of(m_core[d], 1);
        const planner_way way = planner_find_way(&m_tunnels[h], m_gone, d);
        for (uint32_t i = table->GetNRoutes(); i-- > 0;)
            if (table->GetRoute(i).IsHost() && table->GetRoute(i).GetDest() == server)
                table->RemoveRoute(i);
        if (way.tunnel >= 0) {
            const uint32_t mine = address_of(hub.node, hub.interface[way.tunnel]).Get();
            table->AddHostRouteTo(server, ns3::Ipv4Address(mine + 1), hub.interface[way.tunnel]);
        }
        hub.deaf[d]->SetAttribute("IsEnabled", ns3::BooleanValue(m_tunnels[h].dead[d] > 0));
    }
}

void Stack::change()
{
    const int64_t now = ns3::Simulator::Now().GetNanoSeconds();

    while (m_change < m_change_count && m_changes[m_change].at_ns <= now)
        planner_change_apply(m_model, &m_changes[m_change++], m_tunnels.data(), m_gone);
    for (size_t h = 0; h < m_hubs.size(); h++)
        route(h);
    if (m_change < m_change_count && m_changes[m_change].at_ns < m_model->duration_ns)
        ns3::Simulator::Schedule(ns3::NanoSeconds(m_changes[m_change].at_ns - now), &Stack::change, this);
}

void Stack::send(size_t number)
{
    planner_call &call = m_traffic.calls[number];
    const planner_codec &codec = m_model->codecs[call.codec];
    // Phones whose servers are lost have registered with the other DC's.
    const int dc = m_gone[call.dc] ? 1 - call.dc : call.dc;

    m_sent++;
    m_hubs[call.hub].socket->SendTo(ns3::Create<ns3::Packet>(static_cast<uint32_t>(codec.inner - HEADERS)), 0,
                                    ns3::InetSocketAddress(address_of(m_core[dc], 1), PORT));
    const int64_t now = call.next_ns;
    planner_call_next(&call, number, codec.interval_ns);
    if (call.next_ns < call.end_ns)
        ns3::Simulator::Schedule(ns3::NanoSeconds(call.next_ns - now), &Stack::send, this, number);
}

json_t *Stack::run(vc_ns3 *sim, vc_error **err)
{
    planner_random random{};

    m_changes = planner_changes(m_model, &m_change_count, err);
    if (!m_changes || planner_random_new(&random, sim, err) < 0 ||
        planner_traffic_draw(m_model, &random, &m_traffic, err) < 0)
        return nullptr;
    build();
    if (m_change_count && m_changes[0].at_ns < m_model->duration_ns)
        ns3::Simulator::Schedule(ns3::NanoSeconds(m_changes[0].at_ns), &Stack::change, this);
    for (size_t i = 0; i < m_traffic.count; i++)
        if (m_traffic.calls[i].next_ns < m_traffic.calls[i].end_ns)
            ns3::Simulator::Schedule(ns3::NanoSeconds(m_traffic.calls[i].next_ns), &Stack::send, this, i);
    if (vc_ns3_run(sim, VC_NS3_FOREVER, err) < 0)
        return nullptr;
    return json_pack("{s:s, s:I, s:I, s:I}", "level", "stack", "events", (json_int_t)vc_ns3_events(sim), "sent",
                     (json_int_t)m_sent, "arrived", (json_int_t)m_arrived);
}

} // namespace

json_t *planner_stack_run(const struct planner_model *model, vc_error **err)
{
    vc_ns3_config config{};

    if (model->hub_count > PLANNER_STACK_HUBS) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%zu hubs: ns-3's own stack is compared with %d at most", model->hub_count,
                PLANNER_STACK_HUBS);
        return nullptr;
    }
    config.seed = static_cast<uint32_t>(model->seed % VC_NS3_SEED_MAX) + 1;
    config.run = static_cast<uint64_t>(model->seed / VC_NS3_SEED_MAX);
    vc_ns3 *sim = vc_ns3_new(&config, err);
    if (!sim)
        return nullptr;
    json_t *result = nullptr;
    try {
        result = Stack(model).run(sim, err);
    } catch (const std::exception &e) {
        vc_fail(err, VC_EXIT_FAIL, 0, "ns-3: %s", e.what());
    }
    vc_ns3_free(sim, nullptr);
    return result;
}
