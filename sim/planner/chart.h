/* A line chart as SVG, the same bytes for the same values. */
#pragma once

#include "base/error.h"

struct vc_chart_line {
    const char *name;
    const double *x, *y;
    size_t count;
};

struct vc_chart {
    const char *title, *x_name, *y_name;
    const struct vc_chart_line *lines; /* VC_CHART_LINES at most */
    size_t line_count;
    double x_least, x_most; /* both 0: from 0 to the largest value */
    double y_least, y_most;
    const double *marks; /* upright lines at these x */
    size_t mark_count;
    bool dots; /* at each value */
};
enum { VC_CHART_LINES = 8 };

/* Writes the file as a whole, by rename. */
int vc_chart_write(const struct vc_chart *chart, const char *file, vc_error **err);
