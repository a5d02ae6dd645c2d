#include "run/log_scan.h"

#include <string.h>

enum { LINE_MAX_BYTES = 2000 };

struct vc_log_scan {
    vc_log_scan_fn *fn;
    void *arg;
    const char **texts; /* those not seen yet */
    size_t text_count, length;
    char line[LINE_MAX_BYTES + 1]; /* what the last line has so far */
};

static void end_line(struct vc_log_scan *scan)
{
    scan->line[scan->length] = '\0';
    scan->length = 0;
    for (size_t i = 0; i < scan->text_count;) {
        const char *text = scan->texts[i];

        if (!strstr(scan->line, text)) {
            i++;
            continue;
        }
        scan->texts[i] = scan->texts[--scan->text_count];
        scan->fn(scan->arg, text, scan->line);
    }
}

void vc_log_scan_feed(struct vc_log_scan *scan, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            end_line(scan);
        else if (scan->length < LINE_MAX_BYTES)
            scan->line[scan->length++] = (char)(bytes[i] < ' ' || bytes[i] > '~' ? '?' : bytes[i]);
    }
}

void vc_log_scan_restart(struct vc_log_scan *scan)
{
    scan->length = 0;
}

bool vc_log_scan_done(const struct vc_log_scan *scan)
{
    return !scan->text_count;
}

void vc_log_scan_add(struct vc_log_scan *scan, const char *text)
{
    for (size_t i = 0; i < scan->text_count; i++)
        if (!strcmp(scan->texts[i], text))
            return;
    scan->texts = talloc_realloc(scan, scan->texts, const char *, (unsigned)scan->text_count + 1);
    scan->texts[scan->text_count++] = talloc_strdup(scan, text);
}

struct vc_log_scan *vc_log_scan_new(void *ctx, vc_log_scan_fn *fn, void *arg)
{
    struct vc_log_scan *scan = talloc_zero(ctx, struct vc_log_scan);

    scan->fn = fn;
    scan->arg = arg;
    return scan;
}
