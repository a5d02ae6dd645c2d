#include "run/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "run/log_scan.h"

enum { CHUNK = 4096 };

/* One log file and the texts that are looked for in it. */
struct watched {
    struct vc_logs *logs;
    size_t node;
    const char *daemon, *path, *name; /* path inside the node; name: its last part */
    struct vc_log_scan *scan;
    dev_t device; /* of the file that was read up to offset; another one, or one cut shorter, begins anew */
    ino_t inode;
    off_t offset;
    sd_event_source *source;
};

struct vc_logs {
    struct vc_lab *lab;
    struct watched **watched;
    size_t count;
};

static void tell(void *arg, const char *text, const char *line)
{
    const struct watched *w = arg;

    vc_event(vc_lab_events(w->logs->lab), VC_LAYER_CHECK, vc_lab_plan(w->logs->lab)->nodes[w->node].name, "log", -1,
             "{s:s, s:s, s:s}", "daemon", w->daemon, "contains", text, "line", line);
}

static void read_on(struct watched *w)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", vc_lab_node(w->logs->lab, w->node)->root, w->path);
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char chunk[CHUNK];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return; /* not yet there; its creation wakes us */
    if (st.st_dev != w->device || st.st_ino != w->inode || st.st_size < w->offset) {
        w->device = st.st_dev;
        w->inode = st.st_ino;
        w->offset = 0;
        vc_log_scan_restart(w->scan);
    }
    while (!vc_log_scan_done(w->scan) && (n = pread(fd, chunk, sizeof chunk, w->offset)) > 0) {
        w->offset += n;
        vc_log_scan_feed(w->scan, chunk, (size_t)n);
    }
    if (vc_log_scan_done(w->scan))
        w->source = sd_event_source_disable_unref(w->source);
}

static int on_change(sd_event_source *source VC_UNUSED, const struct inotify_event *event, void *arg)
{
    struct watched *w = arg;

    if ((event->mask & IN_Q_OVERFLOW) || (event->len && !strcmp(event->name, w->name)))
        read_on(w);
    return 0;
}

/* The folder is watched, as the file may not be there yet. */
static int watch(struct watched *w, vc_error **err)
{
    VC_AUTO_TALLOC char *folder =
        talloc_asprintf(NULL, "%s%.*s", vc_lab_node(w->logs->lab, w->node)->root, (int)(w->name - w->path), w->path);

    if (vc_log_scan_done(w->scan) || w->source)
        return 0;
    int r = sd_event_add_inotify(vc_lab_loop(w->logs->lab), &w->source, folder, IN_CREATE | IN_MODIFY | IN_MOVED_TO,
                                 on_change, w);
    if (r < 0)
        return vc_fail(err, VC_EXIT_FAIL, -r, "watching %s of %s", w->path,
                       vc_lab_plan(w->logs->lab)->nodes[w->node].name);
    read_on(w);
    return 0;
}

static int drop_source(struct watched *w)
{
    w->source = sd_event_source_disable_unref(w->source);
    return 0;
}

static struct watched *find(struct vc_logs *logs, size_t node, const char *daemon)
{
    for (size_t i = 0; i < logs->count; i++)
        if (logs->watched[i]->node == node && !strcmp(logs->watched[i]->daemon, daemon))
            return logs->watched[i];
    return NULL;
}

static const struct vc_plan_daemon *planned(const struct vc_plan_node *node, const char *name)
{
    for (size_t i = 0; i < node->daemon_count; i++)
        if (!strcmp(node->daemons[i].name, name))
            return &node->daemons[i];
    return NULL;
}

static struct watched *add(struct vc_logs *logs, size_t node, const char *name, vc_error **err)
{
    const struct vc_plan_node *plan = &vc_lab_plan(logs->lab)->nodes[node];
    const struct vc_plan_daemon *daemon = planned(plan, name);

    if (!daemon || !strchr(daemon->log, '/')) {
        vc_fail(err, VC_EXIT_USAGE, 0, "a log expectation asks for %s of %s, which runs no such daemon", name,
                plan->name);
        return NULL;
    }
    struct watched *w = talloc_zero(logs, struct watched);
    *w = (struct watched){.logs = logs,
                          .node = node,
                          .daemon = daemon->name,
                          .path = daemon->log,
                          .name = strrchr(daemon->log, '/') + 1,
                          .scan = vc_log_scan_new(w, tell, w)};
    talloc_set_destructor(w, drop_source);
    logs->watched = talloc_realloc(logs, logs->watched, struct watched *, (unsigned)logs->count + 1);
    logs->watched[logs->count++] = w;
    return w;
}

static int ask(struct vc_logs *logs, const json_t *spec, vc_error **err)
{
    size_t node = vc_topology_node(vc_lab_plan(logs->lab)->topology, json_string_value(json_object_get(spec, "node")));
    const char *daemon = json_string_value(json_object_get(spec, "daemon"));
    const char *text = json_string_value(json_object_get(spec, "contains"));
    struct watched *w = find(logs, node, daemon);

    if (!w && !(w = add(logs, node, daemon, err)))
        return -1;
    vc_log_scan_add(w->scan, text);
    return 0;
}

int vc_logs_start(struct vc_logs *logs, const struct vc_scenario *scenario, vc_error **err)
{
    const json_t *spec;
    size_t i;

    for (size_t s = 0; s < scenario->step_count; s++) {
        if (scenario->steps[s].kind != VC_STEP_EXPECT)
            continue;
        json_array_foreach(scenario->steps[s].spec, i, spec)
        {
            if (!strcmp(json_string_value(json_object_get(spec, "type")), "log") && ask(logs, spec, err) < 0)
                return -1;
        }
    }
    for (size_t w = 0; w < logs->count; w++)
        if (vc_lab_node(logs->lab, logs->watched[w]->node)->netns >= 0 && watch(logs->watched[w], err) < 0)
            return -1;
    return 0;
}

int vc_logs_node(struct vc_logs *logs, size_t node, bool on, vc_error **err)
{
    for (size_t i = 0; i < logs->count; i++) {
        struct watched *w = logs->watched[i];

        if (w->node != node)
            continue;
        if (!on)
            drop_source(w);
        else if (watch(w, err) < 0)
            return -1;
    }
    return 0;
}

struct vc_logs *vc_logs_new(void *ctx, struct vc_lab *lab)
{
    struct vc_logs *logs = talloc_zero(ctx, struct vc_logs);

    logs->lab = lab;
    return logs;
}
