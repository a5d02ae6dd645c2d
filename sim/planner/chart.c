#include "planner/chart.h"

#include <errno.h>
#include <math.h>

enum { WIDTH = 860, HEIGHT = 420, LEFT = 80, RIGHT = 190, TOP = 40, BOTTOM = 56, TICKS = 6 };

/* Distinct for colour-blind readers too (Okabe and Ito). */
static const char *const colours[VC_CHART_LINES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#000000", "#999999"};

struct frame {
    double x_least, x_most, y_least, y_most;
};

/* 1, 2 or 5 times a power of ten, so that at most TICKS of them fill the range. */
static double step_of(double range)
{
    static const double nice[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10(range / TICKS)));
    size_t i = 0;

    while (i + 1 < VC_COUNT(nice) && nice[i] * power < range / TICKS)
        i++;
    return nice[i] * power;
}

static void widen(const double *values, size_t count, double *most)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] > *most)
            *most = values[i];
}

static struct frame frame_of(const struct vc_chart *chart)
{
    struct frame f = {chart->x_least, chart->x_most, chart->y_least, chart->y_most};
    bool free_x = !(f.x_most > f.x_least), free_y = !(f.y_most > f.y_least);

    for (size_t i = 0; i < chart->line_count; i++) {
        if (free_x)
            widen(chart->lines[i].x, chart->lines[i].count, &f.x_most);
        if (free_y)
            widen(chart->lines[i].y, chart->lines[i].count, &f.y_most);
    }
    if (!(f.x_most > f.x_least))
        f.x_most = f.x_least + 1;
    if (!(f.y_most > f.y_least))
        f.y_most = f.y_least + 1;
    if (free_y)
        f.y_most = ceil(f.y_most / step_of(f.y_most - f.y_least)) * step_of(f.y_most - f.y_least);
    return f;
}

static double at_x(const struct frame *f, double x)
{
    return LEFT + (x - f->x_least) / (f->x_most - f->x_least) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct frame *f, double y)
{
    return HEIGHT - BOTTOM - (y - f->y_least) / (f->y_most - f->y_least) * (HEIGHT - TOP - BOTTOM);
}

static void text(FILE *out, const char *at, const char *anchor, const char *words)
{
    fprintf(out, "<text %s text-anchor=\"%s\">", at, anchor);
    for (; *words; words++)
        switch (*words) {
        case '<':
            fputs("&lt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        default:
            putc(*words, out);
        }
    fputs("</text>\n", out);
}

static void axes(FILE *out, const struct frame *f)
{
    double step = step_of(f->x_most - f->x_least);

    for (int i = 0; f->x_least + i * step <= f->x_most + step / 1000; i++) {
        double x = f->x_least + i * step;
        fprintf(out,
                "<path class=\"g\" d=\"M%.2f %dV%d\"/><text x=\"%.2f\" y=\"%d\" text-anchor=\"middle\">%.6g</text>\n",
                at_x(f, x), TOP, HEIGHT - BOTTOM, at_x(f, x), HEIGHT - BOTTOM + 16, x);
    }
    step = step_of(f->y_most - f->y_least);
    for (int i = 0; f->y_least + i * step <= f->y_most + step / 1000; i++) {
        double y = f->y_least + i * step;
        fprintf(out, "<path class=\"g\" d=\"M%d %.2fH%d\"/><text x=\"%d\" y=\"%.2f\" text-anchor=\"end\">%.6g</text>\n",
                LEFT, at_y(f, y), WIDTH - RIGHT, LEFT - 6, at_y(f, y) + 4, y);
    }
}

static void line(FILE *out, const struct frame *f, const struct vc_chart *chart, size_t i)
{
    const struct vc_chart_line *l = &chart->lines[i];

    fprintf(out, "<path class=\"l\" stroke=\"%s\" d=\"", colours[i]);
    for (size_t k = 0; k < l->count; k++)
        fprintf(out, "%c%.2f %.2f", k ? 'L' : 'M', at_x(f, l->x[k]), at_y(f, l->y[k]));
    fputs("\"/>\n", out);
    for (size_t k = 0; chart->dots && k < l->count; k++)
        fprintf(out, "<circle fill=\"%s\" r=\"3\" cx=\"%.2f\" cy=\"%.2f\"/>\n", colours[i], at_x(f, l->x[k]),
                at_y(f, l->y[k]));
    char at[100];
    int y = TOP + 14 + 20 * (int)i;
    fprintf(out, "<path class=\"l\" stroke=\"%s\" d=\"M%d %dh20\"/>\n", colours[i], WIDTH - RIGHT + 12, y - 4);
    (void)snprintf(at, sizeof at, "x=\"%d\" y=\"%d\"", WIDTH - RIGHT + 38, y);
    text(out, at, "start", l->name);
}

static void draw(FILE *out, const struct vc_chart *chart)
{
    struct frame f = frame_of(chart);
    char at[120];

    fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n<style>.g{stroke:#ddd;fill:none}.l{fill:none;stroke-width:1.8}"
        ".m{stroke:#888;stroke-dasharray:4 3}</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    axes(out, &f);
    for (size_t i = 0; i < chart->mark_count; i++)
        if (chart->marks[i] >= f.x_least && chart->marks[i] <= f.x_most)
            fprintf(out, "<path class=\"m\" d=\"M%.2f %dV%d\"/>\n", at_x(&f, chart->marks[i]), TOP, HEIGHT - BOTTOM);
    for (size_t i = 0; i < chart->line_count && i < VC_CHART_LINES; i++)
        line(out, &f, chart, i);
    (void)snprintf(at, sizeof at, "x=\"%d\" y=\"24\" font-size=\"15\"", LEFT);
    text(out, at, "start", chart->title);
    (void)snprintf(at, sizeof at, "x=\"%d\" y=\"%d\"", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14);
    text(out, at, "middle", chart->x_name);
    (void)snprintf(at, sizeof at, "transform=\"translate(18 %d) rotate(-90)\"", (TOP + HEIGHT - BOTTOM) / 2);
    text(out, at, "middle", chart->y_name);
    fputs("</svg>\n", out);
}

int vc_chart_write(const struct vc_chart *chart, const char *file, vc_error **err)
{
    VC_AUTO_TALLOC char *draft = talloc_asprintf(NULL, "%s.new", file);
    VC_AUTO_FILE *out = fopen(draft, "we");

    if (!out)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", draft);
    draw(out, chart);
    if (ferror(out) | fclose(VC_STEAL_PTR(out)) || rename(draft, file))
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", file);
    return 0;
}
