#include "base/error.h"

#include <stdarg.h>
#include <string.h>

static char *format_message(int errnum, const char *format, va_list args)
{
    VC_AUTO_FREE char *text = NULL;
    char *message = NULL;

    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
        return NULL;
    }
    if (!errnum)
        return VC_STEAL_PTR(text);
    return asprintf(&message, "%s: %s", text, strerror(errnum)) < 0 ? NULL : message;
}

int(vc_fail)(vc_error **err, enum vc_exit status, int errnum, const char *format, ...)
{
    va_list args;

    if (!err)
        return -1;
    vc_error *e = calloc(1, sizeof *e);
    if (!e)
        abort();
    va_start(args, format);
    *e = (vc_error){.status = status, .errnum = errnum, .message = format_message(errnum, format, args)};
    va_end(args);
    vc_error_free(*err);
    *err = e;
    return -1;
}

int(vc_wrap)(vc_error **err, const char *format, ...)
{
    va_list args;
    char *message = NULL;

    if (!err || !*err)
        return -1;
    va_start(args, format);
    VC_AUTO_FREE char *context = format_message(0, format, args);
    va_end(args);
    if (context && asprintf(&message, "%s: %s", context, (*err)->message) >= 0) {
        free((*err)->message);
        (*err)->message = message;
    }
    return -1;
}

int(vc_error_move)(vc_error **to, vc_error **from)
{
    if (to) {
        vc_error_free(*to);
        *to = VC_STEAL_PTR(*from);
    } else {
        vc_error_free(VC_STEAL_PTR(*from));
    }
    return -1;
}

void vc_error_free(vc_error *err)
{
    if (!err)
        return;
    free(err->message);
    free(err);
}
