#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "run/live.h"

static void make_directories(const char *path)
{
    VC_AUTO_FREE char *copy = strdup(path);

    for (char *slash = copy; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(copy, 0755);
        *slash = '/';
    }
    mkdir(copy, 0755);
}

/* Empty folders over /tmp and the like, without losing what vclab needs should it lie below one of them. */
static void cover(void)
{
    static const char *const covered[] = {"/tmp", "/run", "/dev/shm"};
    VC_AUTO_FREE char *build = strdup(VCLAB_BINARY);
    *strrchr(build, '/') = '\0';
    const char *needed[] = {getenv("VCLAB_LABROOT"), VCLAB_SOURCE_DIR, build};
    int fds[VC_COUNT(needed)];

    for (size_t i = 0; i < VC_COUNT(needed); i++)
        fds[i] = open(needed[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < VC_COUNT(covered); i++)
        cr_assert(mount("tmpfs", covered[i], "tmpfs", 0, "mode=1777") == 0, "%s: %s", covered[i], strerror(errno));
    for (size_t i = 0; i < VC_COUNT(needed); i++) {
        char from[64];
        snprintf(from, sizeof from, "/proc/self/fd/%d", fds[i]);
        if (access(needed[i], F_OK)) {
            make_directories(needed[i]);
            cr_assert(mount(from, needed[i], NULL, MS_BIND, NULL) == 0, "%s: %s", needed[i], strerror(errno));
        }
        close(fds[i]);
    }
}

static void read_only(void)
{
    static const char *const writable[] = {"/tmp", "/run", "/dev/shm"};
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    cr_assert(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof attr) == 0, "read-only: %s", strerror(errno));
    attr = (struct mount_attr){.attr_clr = MOUNT_ATTR_RDONLY};
    for (size_t i = 0; i < VC_COUNT(writable); i++)
        cr_assert(mount_setattr(AT_FDCWD, writable[i], 0, &attr, sizeof attr) == 0, "%s: %s", writable[i],
                  strerror(errno));
}

void host_open(void)
{
    const char *labroot = getenv("VCLAB_LABROOT");

    if (geteuid() != 0 || !labroot) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("needs root and VCLAB_LABROOT, and VCLAB_MUST_WORK is set");
        cr_skip_test("needs root and VCLAB_LABROOT");
    }
    /* A kernel that loads ip_gre gives every namespace there is its fallback interfaces: that shall have happened. */
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_planes planes;
    VC_AUTO_ERROR *err = NULL;
    cr_assert(vc_planes_probe(ctx, &planes, &err) == 0, "%s", err ? err->message : "");
    cr_assert(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    cr_assert(unshare(CLONE_NEWNS | CLONE_NEWNET) == 0, "unshare: %s", strerror(errno));
    cr_assert(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    cover();
    read_only();
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    unsetenv("SUDO_UID");
    mkdir(RESULTS, 0755);
}

/* The children of this process, orphans it adopted included. */
static pid_t any_child(void)
{
    char path[64];
    int pid = -1;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    VC_AUTO_FILE *file = fopen(path, "re");
    return file && fscanf(file, "%d", &pid) == 1 ? pid : -1;
}

void host_close(void)
{
    for (pid_t pid; (pid = any_child()) > 0;) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

int64_t host_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool host_quiet(int ms)
{
    int64_t end = host_now_ms() + ms;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    VC_AUTO_FD fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    for (;;) {
        struct signalfd_siginfo info;
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0)
            return true;
        int64_t left = end - host_now_ms();
        if (!pid && left <= 0)
            return false;
        if (!pid && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)left) > 0)
            (void)!read(fd, &info, sizeof info);
    }
}

/* ---- state ---- */

static char *add_file(char *text, const char *path)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char line[1024];

    text = talloc_asprintf_append(text, "== %s\n", path);
    while (file && fgets(line, sizeof line, file))
        text = talloc_asprintf_append(text, "%s", line);
    return text;
}

static char *add_interfaces(char *text)
{
    struct if_nameindex *list = if_nameindex();

    text = talloc_asprintf_append(text, "== interfaces\n");
    for (size_t i = 0; list && list[i].if_name; i++)
        text = talloc_asprintf_append(text, "%u %s\n", list[i].if_index, list[i].if_name);
    if_freenameindex(list);
    return text;
}

static char *add_nftables(char *text)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

    cr_assert(nft && !nft_ctx_buffer_output(nft) && !nft_run_cmd_from_buffer(nft, "list ruleset"));
    text = talloc_asprintf_append(text, "== nftables\n%s", nft_ctx_get_output_buffer(nft));
    nft_ctx_free(nft);
    return text;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static char *add_names(char *text)
{
    char *const roots[] = {(char[]){"/dev/shm"}, (char[]){"/run"}, (char[]){"/tmp"}, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name);

    text = talloc_asprintf_append(text, "== files\n");
    for (FTSENT *entry; (entry = fts_read(tree));) {
        if (!strcmp(entry->fts_path, RESULTS))
            fts_set(tree, entry, FTS_SKIP);
        else if (entry->fts_info != FTS_DP)
            text = talloc_asprintf_append(text, "%s\n", entry->fts_path);
    }
    fts_close(tree);
    return text;
}

char *host_state(void *ctx)
{
    static const char *const files[] = {"/proc/self/mountinfo",
                                        "/proc/net/fib_trie",
                                        "/proc/net/if_inet6",
                                        "/proc/net/ipv6_route",
                                        "/proc/sys/net/ipv4/ip_forward",
                                        "/proc/sys/net/ipv4/conf/all/rp_filter",
                                        "/proc/sys/net/ipv4/conf/all/accept_local",
                                        "/proc/sys/net/ipv4/conf/default/rp_filter",
                                        "/proc/sys/net/ipv4/conf/lo/rp_filter",
                                        "/proc/sys/net/core/rmem_max"};
    char *text = talloc_strdup(ctx, "");

    for (size_t i = 0; i < VC_COUNT(files); i++)
        text = add_file(text, files[i]);
    return add_names(add_nftables(add_interfaces(text)));
}

void host_same(const char *before, const char *when)
{
    VC_AUTO_TALLOC char *now = host_state(NULL);
    size_t i = 0, line = 0;

    if (!strcmp(before, now))
        return;
    for (; before[i] && before[i] == now[i]; i++)
        if (now[i] == '\n')
            line = i + 1;
    cr_assert_fail("%s the host differs: \"%.*s\" was \"%.*s\"", when, (int)strcspn(now + line, "\n"), now + line,
                   (int)strcspn(before + line, "\n"), before + line);
}

/* ---- processes ---- */

pid_t child_of(pid_t pid)
{
    char path[64];
    int child = -1;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    VC_AUTO_FILE *file = fopen(path, "re");
    return file && fscanf(file, "%d", &child) == 1 ? child : -1;
}

ino_t namespace_of(pid_t pid, const char *kind)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    return stat(path, &st) ? 0 : st.st_ino;
}

static bool is_called(pid_t pid, const char *comm)
{
    char path[64], name[64] = "";

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    VC_AUTO_FILE *file = fopen(path, "re");
    return file && fgets(name, sizeof name, file) && !strncmp(name, comm, strlen(comm)) && name[strlen(comm)] == '\n';
}

/* A node's log folder is named after it and mounted at /var/log. */
static bool is_in_node(pid_t pid, const char *node)
{
    char path[64], line[1024], wanted[128];
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
    snprintf(wanted, sizeof wanted, "/logs/%s /var/log ", node);
    VC_AUTO_FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, wanted);
    return found;
}

pid_t process_in(ino_t pid_namespace, const char *comm, const char *node)
{
    char *const roots[] = {(char[]){"/proc"}, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    pid_t found = 0;

    fts_read(tree);
    for (FTSENT *entry = fts_children(tree, FTS_NAMEONLY); entry && !found; entry = entry->fts_link) {
        pid_t pid = atoi(entry->fts_name);
        if (pid > 0 && namespace_of(pid, "pid") == pid_namespace && (!comm || is_called(pid, comm)) &&
            (!node || is_in_node(pid, node)))
            found = pid;
    }
    fts_close(tree);
    return found;
}
