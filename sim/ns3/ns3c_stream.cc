#include "ns3/ns3c_private.hh"

#include <limits>

#include "ns3/double.h"
#include "ns3/string.h"

// Above those of all wires.
static constexpr int64_t FIRST_STREAM = int64_t{1} << 32;

using Stream = ns3::Ptr<ns3::RandomVariableStream>;

static Stream uniform(double a, double b)
{
    return ns3::CreateObjectWithAttributes<ns3::UniformRandomVariable>("Min", ns3::DoubleValue(a), "Max",
                                                                       ns3::DoubleValue(b));
}

static Stream exponential(double a, double)
{
    return ns3::CreateObjectWithAttributes<ns3::ExponentialRandomVariable>("Mean", ns3::DoubleValue(a));
}

static Stream normal(double a, double b)
{
    return ns3::CreateObjectWithAttributes<ns3::NormalRandomVariable>("Mean", ns3::DoubleValue(a), "Variance",
                                                                      ns3::DoubleValue(b * b));
}

static Stream lognormal(double a, double b)
{
    return ns3::CreateObjectWithAttributes<ns3::LogNormalRandomVariable>("Mu", ns3::DoubleValue(a), "Sigma",
                                                                         ns3::DoubleValue(b));
}

static Stream pareto(double a, double b)
{
    return ns3::CreateObjectWithAttributes<ns3::ParetoRandomVariable>("Scale", ns3::DoubleValue(a), "Shape",
                                                                      ns3::DoubleValue(b));
}

// An attribute takes a text whatever its type is, which has changed between releases.
static Stream erlang(double a, double b)
{
    return ns3::CreateObjectWithAttributes<ns3::ErlangRandomVariable>(
        "K", ns3::StringValue(std::to_string(static_cast<int64_t>(a))), "Lambda", ns3::DoubleValue(b));
}

int vc_ns3_stream_new(struct vc_ns3 *sim, int distribution, double a, double b, vc_error **err)
{
    static const char what[] = "make a random stream";
    static Stream (*const make[])(double, double) = {uniform, exponential, normal, lognormal, pareto, erlang};
    static_assert(VC_COUNT(make) == VC_NS3_DISTRIBUTION_COUNT);
    vc_ns3 *there = vc::check(sim, what, true, err);

    if (!there || vc_ns3_check_stream(distribution, a, b, err) < 0)
        return -1;
    if (there->streams.size() == VC_NS3_STREAMS_MAX)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: there are %d already, which is the limit", what, VC_NS3_STREAMS_MAX);
    return vc::guard(what, -1, err, [&] {
        Stream stream = make[distribution](a, b);
        const int number = static_cast<int>(there->streams.size());
        stream->SetStream(FIRST_STREAM + number);
        there->streams.push_back(stream);
        return number;
    });
}

double vc_ns3_stream_next(struct vc_ns3 *sim, int stream)
{
    vc_ns3 *there = vc::check(sim, "", true, nullptr);

    if (!there || stream < 0 || static_cast<size_t>(stream) >= there->streams.size())
        return std::numeric_limits<double>::quiet_NaN();
    return there->streams[static_cast<size_t>(stream)]->GetValue();
}
