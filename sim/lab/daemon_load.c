/*
 * What a daemon is told by programs once it answers (vc_plan_daemon.load), one after the other; and the SAs that the
 * kernel tells of in its place. A program that fails is the daemon's failure, with what it printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lab/private.h"
#include "plan/configured.h"

static char *output_path(void *ctx, const struct vc_daemon *daemon)
{
    return talloc_asprintf(ctx, "/var/log/%s-load.out", daemon->plan->name);
}

/* The last thing it printed, in one line. */
static char *last_words(void *ctx, const struct vc_daemon *daemon)
{
    VC_AUTO_TALLOC char *inside = output_path(NULL, daemon);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", daemon->node->rt.root, inside);
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    char buffer[1025];
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n = fd < 0 ? 0 : pread(fd, buffer, sizeof buffer - 1, size > 1024 ? size - 1024 : 0);

    while (n > 0 && strchr("\n\r ", buffer[n - 1]))
        n--;
    buffer[n > 0 ? n : 0] = '\0';
    const char *line = strrchr(buffer, '\n');
    return talloc_strdup(ctx, line ? line + 1 : buffer);
}

static const char *const *words_of(void *ctx, const char *command)
{
    const char **words = NULL;
    unsigned count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(talloc_strdup(ctx, command), " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        words = talloc_realloc(ctx, words, const char *, count + 2);
        words[count++] = word;
        words[count] = NULL;
    }
    return words;
}

static void on_loaded(void *arg, const siginfo_t *info)
{
    struct vc_daemon *daemon = arg;
    VC_AUTO_ERROR *err = NULL;

    if (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED)
        return;
    daemon->loader = -1;
    if (info->si_code != CLD_EXITED || info->si_status) {
        VC_AUTO_TALLOC char *said = last_words(NULL, daemon);
        vc_fail(&err, VC_EXIT_FAIL, 0, "\"%s\" failed (%s %d): %s", daemon->plan->load[daemon->loaded],
                info->si_code == CLD_EXITED ? "exit status" : "signal", info->si_status, said);
        lab_daemon_fail(daemon, &err);
        return;
    }
    daemon->loaded++;
    if (lab_daemon_serves(daemon, &err))
        lab_daemon_fail(daemon, &err);
}

int lab_daemon_load(struct vc_daemon *daemon, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_spawn what = {.argv = words_of(scratch, daemon->plan->load[daemon->loaded]),
                            .stdio = {-1, -1, -1},
                            .log = output_path(scratch, daemon)};

    daemon->loader = vc_node_spawn(&daemon->node->rt, &what, err);
    if (daemon->loader < 0)
        return -1;
    vc_reaper_add(daemon->lab->reaper, daemon->loader, on_loaded, daemon);
    return 0;
}

void lab_daemon_stop_loading(struct vc_daemon *daemon)
{
    if (daemon->loader <= 0)
        return;
    vc_reaper_forget(daemon->lab->reaper, daemon->loader);
    kill(daemon->loader, SIGKILL);
    daemon->loader = -1;
}

/* Its tunnels, by the addresses that IKE has on this node's own link. */
static struct vc_xfrm_tunnel *tunnels_of(void *ctx, const struct lab_node *node, const struct vc_topology *topology)
{
    const struct vc_plan_node *plan = node->rt.plan;
    struct vc_xfrm_tunnel *tunnels = talloc_zero_array(ctx, struct vc_xfrm_tunnel, (unsigned)plan->gre_count);

    for (size_t i = 0; i < plan->gre_count; i++) {
        const struct vc_tunnel *tunnel = &topology->tunnels[plan->gres[i].tunnel];
        unsigned lifetime_s = vc_configured_settings(topology, node->index, plan->gres[i].tunnel).child_lifetime_s;

        tunnels[i] = (struct vc_xfrm_tunnel){
            .name = tunnel->name,
            .local = tunnel->ipsec_private.s_addr ? tunnel->ipsec_private : tunnel->ipsec_cpe,
            .remote = tunnel->ipsec_cisco,
            .rekey_ns = (int64_t)(lifetime_s - lifetime_s / 10) * VC_NS_PER_S,
        };
    }
    return tunnels;
}

int lab_daemon_watch_sas(struct vc_daemon *daemon, vc_error **err)
{
    struct vc_lab *lab = daemon->lab;
    VC_AUTO_TALLOC struct vc_xfrm_tunnel *tunnels = tunnels_of(NULL, daemon->node, lab->plan->topology);

    daemon->sas = vc_xfrm_watch_start(lab, lab->loop, lab->events, daemon->node->rt.plan->name, daemon->node->rt.netns,
                                      tunnels, talloc_array_length(tunnels), err);
    return daemon->sas ? 0 : -1;
}
