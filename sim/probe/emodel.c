#include "probe/emodel.h"

/* G.711 with packets of 20 ms: no codec impairment of its own, robustness to loss with and without concealment. */
static const double ie = 0.0, bpl_plc = 25.1, bpl_none = 4.3;

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

double vc_emodel_r(double delay_ms, double loss_percent, double burst_r, bool plc)
{
    double d = delay_ms > 0 ? delay_ms : 0;
    double ppl = clamp(loss_percent, 0, 100);
    double bpl = plc ? bpl_plc : bpl_none;
    double id = 0.024 * d + (d > 177.3 ? 0.11 * (d - 177.3) : 0);
    double ie_eff = ie + (95 - ie) * ppl / (ppl / (burst_r > 0 ? burst_r : 1) + bpl);

    return 93.2 - id - ie_eff;
}

double vc_emodel_mos(double r)
{
    /* The cubic dips below 1 for small R, where G.107 defines MOS as 1. */
    return r >= 100 ? 4.5 : r <= 0 ? 1 : clamp(1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6, 1, 4.5);
}
