/* Voice quality from delay and loss: the E-model, ITU-T G.107 simplified as requirements.md gives it (G.711). */
#pragma once

#include <stdbool.h>

/* One-way delay in ms (mouth to ear), packet loss in percent 0..100, BurstR 1 for random loss, packet loss concealment
 * or not. */
double vc_emodel_r(double delay_ms, double loss_percent, double burst_r, bool plc);
double vc_emodel_mos(double r); /* 1.0 .. 4.5 */
