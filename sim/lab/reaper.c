#include "lab/reaper.h"

#include <errno.h>
#include <sys/signalfd.h>

struct entry {
    pid_t pid;
    vc_reaper_fn *fn;
    void *arg;
};

struct vc_reaper {
    sd_event_source *source;
    struct entry *entries;
    size_t count;
};

static int reaper_destroy(struct vc_reaper *reaper)
{
    sd_event_source_disable_unref(reaper->source);
    return 0;
}

static void dispatch(struct vc_reaper *reaper, const siginfo_t *info)
{
    bool ended = info->si_code == CLD_EXITED || info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;

    for (size_t i = 0; i < reaper->count; i++) {
        struct entry entry = reaper->entries[i];
        if (entry.pid != info->si_pid)
            continue;
        if (ended)
            reaper->entries[i] = reaper->entries[--reaper->count];
        entry.fn(entry.arg, info);
        return;
    }
}

static int on_child(sd_event_source *source VC_UNUSED, const struct signalfd_siginfo *signal VC_UNUSED, void *arg)
{
    siginfo_t info = {0};

    /* Signals coalesce: ask until nobody has changed. */
    while (!waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) && info.si_pid) {
        dispatch(arg, &info);
        info = (siginfo_t){0};
    }
    return 0;
}

struct vc_reaper *vc_reaper_new(void *ctx, sd_event *loop, vc_error **err)
{
    struct vc_reaper *reaper = talloc_zero(ctx, struct vc_reaper);
    int r = sd_event_add_signal(loop, &reaper->source, SIGCHLD, on_child, reaper);

    if (r < 0) {
        vc_fail(err, VC_EXIT_FAIL, -r, "watching for children");
        talloc_free(reaper);
        return NULL;
    }
    talloc_set_destructor(reaper, reaper_destroy);
    return reaper;
}

void vc_reaper_add(struct vc_reaper *reaper, pid_t pid, vc_reaper_fn *fn, void *arg)
{
    reaper->entries = talloc_realloc(reaper, reaper->entries, struct entry, reaper->count + 1);
    reaper->entries[reaper->count++] = (struct entry){pid, fn, arg};
}

void vc_reaper_forget(struct vc_reaper *reaper, pid_t pid)
{
    for (size_t i = 0; i < reaper->count; i++)
        if (reaper->entries[i].pid == pid)
            reaper->entries[i--] = reaper->entries[--reaper->count];
}
