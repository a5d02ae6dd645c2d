#include "plan/node.h"

#include <string.h>

#include "plan/mustache.h"

/* What everything here needs. */
struct job {
    void *ctx;
    const struct vc_kind *kind;
    const json_t *view;
    enum vc_plane plane;
    vc_error **err;
};

/* A text of kind.yaml or daemons.yaml. */
static char *render_text(const struct job *job, const char *text)
{
    if (!strstr(text, "{{"))
        return talloc_strdup(job->ctx, text);
    return vc_mustache_render(job->ctx, talloc_asprintf(job->ctx, "%s/kind.yaml: \"%s\"", job->kind->folders[0], text),
                              text, job->view, job->err);
}

/* A template's file; *path is where it was found. */
static char *render_file(const struct job *job, const char *template, const char **path)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    char *text = vc_kind_template(scratch, job->kind, template, path, job->err);

    if (!text)
        return NULL;
    char *out = vc_mustache_render(job->ctx, *path, text, job->view, job->err);
    *path = talloc_strdup(job->ctx, *path);
    return out;
}

static size_t list_length(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

/* Appends a text unless the list has it: daemons share folders. */
static const char *const *list_add(void *ctx, const char *const *list, const char *text)
{
    size_t n = 0;

    for (; list && list[n]; n++)
        if (strcmp(list[n], text) == 0)
            return list;
    const char **grown = talloc_array(ctx, const char *, n + 2);
    for (size_t i = 0; i < n; i++)
        grown[i] = list[i];
    grown[n] = talloc_strdup(ctx, text);
    grown[n + 1] = NULL;
    return grown;
}

/* Renders each text; one that renders to several lines gives several items, an empty one none. */
static int render_list(const struct job *job, const char *const *texts, const char *const **out)
{
    for (size_t i = 0; texts[i]; i++) {
        char *text = render_text(job, texts[i]);

        if (!text)
            return -1;
        for (char *next = text; next;) {
            const char *line = strsep(&next, "\n");
            if (*line)
                *out = list_add(job->ctx, *out, line);
        }
    }
    return 0;
}

/* As a list, but every text is one item, as often as it is written: arguments. */
static const char *const *render_argv(const struct job *job, const char *const *texts)
{
    const char **argv = talloc_zero_array(job->ctx, const char *, list_length(texts) + 1);

    for (size_t i = 0; texts[i]; i++)
        if (!(argv[i] = render_text(job, texts[i])))
            return NULL;
    return argv;
}

/* env(1) sets the environment and becomes the daemon. */
static const char *const *render_command(const struct job *job, const struct vc_kind_daemon *daemon)
{
    const char *const *environment = render_argv(job, daemon->environment), *const *argv =
                                                                                render_argv(job, daemon->argv);
    size_t n = list_length(environment);

    if (!environment || !argv || !n)
        return environment ? argv : NULL;
    const char **command = talloc_zero_array(job->ctx, const char *, n + list_length(argv) + 2);
    command[0] = "/usr/bin/env";
    memcpy(command + 1, environment, n * sizeof *command);
    memcpy(command + 1 + n, argv, list_length(argv) * sizeof *command);
    return command;
}

static int render_files(const struct job *job, struct vc_plan_node *node, const struct vc_kind_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *path;
        char *text = render_file(job, files->items[i].template, &path);
        size_t n = 0;

        if (!text)
            return -1;
        while (n < node->file_count && strcmp(node->files[n].path, files->items[i].path) != 0)
            n++;
        if (n < node->file_count)
            continue; /* two daemons bring the same file */
        node->files = talloc_realloc(job->ctx, node->files, struct vc_plan_file, node->file_count + 1);
        node->files[node->file_count++] =
            (struct vc_plan_file){.path = talloc_strdup(job->ctx, files->items[i].path), .text = text, .mode = 0644};
    }
    return 0;
}

static int render_daemon(const struct job *job, struct vc_plan_node *node, const struct vc_kind_daemon *in)
{
    struct vc_plan_daemon *daemon = &node->daemons[node->daemon_count];
    static const char *const none[] = {NULL};
    const char *path;

    if (in->when && !vc_mustache_truth(job->view, in->when))
        return 0;
    *daemon = (struct vc_plan_daemon){
        .name = talloc_strdup(job->ctx, in->name),
        .argv = render_command(job, in),
        .needs = render_argv(job, in->needs),
        .ready = render_text(job, in->ready),
        .log = render_text(job, in->log),
        .rt_priority = job->plane == VC_PLANE_USER ? in->rt_priority_user : in->rt_priority_kernel,
        .after_bgp = in->after_bgp,
        .kernel_sas = in->kernel_sas,
        .load = none,
    };
    if (!daemon->argv || !daemon->needs || !daemon->ready || !daemon->log)
        return -1;
    if (in->vici_config && !(daemon->vici_config = render_file(job, in->vici_config, &path)))
        return -1;
    if (render_list(job, in->load, &daemon->load) < 0 || render_list(job, in->directories, &node->directories) < 0 ||
        render_list(job, in->sockets, &node->sockets) < 0 || render_files(job, node, &in->files) < 0)
        return -1;
    node->daemon_count++;
    return 0;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static int render_firewall(const struct job *job, struct vc_plan_node *node)
{
    const char *path;

    if (!job->kind->firewall)
        return 0;
    node->firewall = render_file(job, job->kind->firewall, &path);
    if (!node->firewall)
        return -1;
    if (is_blank(node->firewall))
        node->firewall = NULL;
    return 0;
}

static int render_routes(const struct job *job, struct vc_plan_node *node)
{
    const char *path, *text;

    if (!job->kind->routes)
        return 0;
    text = render_file(job, job->kind->routes, &path);
    return text ? vc_routes_parse(job->ctx, path, text, &node->routes, &node->route_count, job->err) : -1;
}

int vc_node_render(void *ctx, struct vc_plan_node *node, const struct vc_kind *kind, const json_t *view,
                   enum vc_plane plane, vc_error **err)
{
    const struct job job = {.ctx = ctx, .kind = kind, .view = view, .plane = plane, .err = err};
    static const char *const none[] = {NULL};

    node->sysctls = node->directories = node->sockets = none;
    node->daemons = talloc_zero_array(ctx, struct vc_plan_daemon, kind->daemon_count);
    if (render_list(&job, kind->sysctls, &node->sysctls) < 0 ||
        render_list(&job, kind->directories, &node->directories) < 0 || render_files(&job, node, &kind->files) < 0 ||
        render_routes(&job, node) < 0 || render_firewall(&job, node) < 0)
        return -1;
    for (size_t i = 0; i < kind->daemon_count; i++)
        if (render_daemon(&job, node, &kind->daemons[i]) < 0)
            return -1;
    return 0;
}
