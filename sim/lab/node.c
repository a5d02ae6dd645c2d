#include "lab/node.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "lab/sandbox.h"

static int make_directories(const char *path, mode_t mode, vc_error **err)
{
    VC_AUTO_FREE char *copy = strdup(path);

    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, mode) && errno != EEXIST)
            return vc_fail(err, VC_EXIT_FAIL, errno, "creating %s", copy);
        if (!slash)
            return 0;
        *slash = '/';
    }
}

static int write_file(const char *upper, const struct vc_plan_file *file, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", upper, file->path);
    char *slash = strrchr(path, '/');

    *slash = '\0';
    if (make_directories(path, 0755, err))
        return -1;
    *slash = '/';
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file->mode ? file->mode : 0644);
    size_t len = strlen(file->text);
    if (fd < 0 || write(fd, file->text, len) != (ssize_t)len)
        return vc_fail(err, VC_EXIT_FAIL, errno, "writing %s", path);
    return 0;
}

static int write_tree(const struct vc_node_rt *node, const char *upper, vc_error **err)
{
    static const char *const always[] = {"/run", "/var/log", "/tmp", "/proc", "/dev"};

    for (size_t i = 0; i < VC_COUNT(always); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", upper, always[i]);
        if (make_directories(path, 0755, err))
            return -1;
    }
    for (const char *const *dir = node->plan->directories; dir && *dir; dir++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", upper, *dir);
        if (make_directories(path, 0755, err))
            return -1;
    }
    for (size_t i = 0; i < node->plan->file_count; i++)
        if (write_file(upper, &node->plan->files[i], err))
            return -1;
    return 0;
}

static int mount_root(struct vc_node_rt *node, const struct vc_node_store *store, vc_error **err)
{
    VC_AUTO_TALLOC char *options =
        talloc_asprintf(NULL, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", store->labroot, node->base, node->base);
    VC_AUTO_TALLOC char *proc = talloc_asprintf(NULL, "%s/proc", node->root);
    VC_AUTO_TALLOC char *dev = talloc_asprintf(NULL, "%s/dev", node->root);

    if (mount("overlay", node->root, "overlay", 0, options))
        return vc_fail(err, VC_EXIT_HOST, errno, "mounting %s's root (overlayfs; is the kernel module overlay there?)",
                       node->plan->name);
    if (mount("/proc", proc, NULL, MS_BIND, NULL) || mount("/dev", dev, NULL, MS_BIND | MS_REC, NULL))
        return vc_fail(err, VC_EXIT_HOST, errno, "mounting /proc and /dev in %s", node->plan->name);
    if (store->logs < 0)
        return 0;
    if (mkdirat(store->logs, node->plan->name, 0755) && errno != EEXIST)
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating the log folder of %s", node->plan->name);
    VC_AUTO_FD dir = openat(store->logs, node->plan->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    VC_AUTO_TALLOC char *from = talloc_asprintf(NULL, "/proc/self/fd/%d", dir);
    VC_AUTO_TALLOC char *log = talloc_asprintf(NULL, "%s/var/log", node->root);
    if (mount(from, log, NULL, MS_BIND, NULL))
        return vc_fail(err, VC_EXIT_FAIL, errno, "mounting the log folder of %s", node->plan->name);
    return 0;
}

/* In the holder child: the node's namespaces, rooted in its own file system; nothing of the host's stays reachable by
 * path. */
static int isolate(const struct vc_node_rt *node)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS))
        return errno;
    if (sethostname(node->plan->name, strlen(node->plan->name)) || chdir(node->root) ||
        syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
        return errno;
    return 0;
}

static int open_namespace(pid_t pid, const char *kind, vc_error **err)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "opening %s", path) : fd;
}

/* A short-lived child makes the namespaces; descriptors then keep them alive. */
static int make_namespaces(struct vc_node_rt *node, vc_error **err)
{
    int sync[2];
    int result = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync))
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating node %s", node->plan->name);
    VC_AUTO_FD mine = sync[0];
    VC_AUTO_FD theirs = sync[1];
    VC_AUTO_PID child = fork();
    if (child < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating node %s", node->plan->name);
    if (!child) {
        int error = isolate(node);
        char go;
        close(mine);
        (void)!write(theirs, &error, sizeof error);
        (void)!read(theirs, &go, 1);
        _exit(0);
    }
    if (read(mine, &result, sizeof result) != sizeof result)
        return vc_fail(err, VC_EXIT_FAIL, 0, "creating node %s: its child died", node->plan->name);
    if (result)
        return vc_fail(err, VC_EXIT_HOST, result, "creating the namespaces of node %s", node->plan->name);
    node->netns = open_namespace(child, "net", err);
    node->mntns = open_namespace(child, "mnt", err);
    node->utsns = open_namespace(child, "uts", err);
    return node->netns < 0 || node->mntns < 0 || node->utsns < 0 ? -1 : 0;
}

/* Nobody accepts, so each start of a client takes a place for as long as the node lives, and with none left its connect
 * would block for ever. The kernel gives as many as net.core.somaxconn at most. */
enum { PLACES = 4096 };

static int listen_at(struct vc_node_rt *node, const char *path, vc_error **err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    VC_AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s%s", node->root, path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, PLACES))
        return vc_fail(err, VC_EXIT_FAIL, errno, "listening on %s in %s", path, node->plan->name);
    return VC_STEAL_FD(fd);
}

static int open_sockets(void *ctx, struct vc_node_rt *node, vc_error **err)
{
    node->socket_count = 0;
    for (const char *const *path = node->plan->sockets; path && *path; path++) {
        node->sockets = talloc_realloc(ctx, node->sockets, int, node->socket_count + 1);
        node->sockets[node->socket_count] = listen_at(node, *path, err);
        if (node->sockets[node->socket_count++] < 0)
            return -1;
    }
    return 0;
}

int vc_node_create(void *ctx, struct vc_node_rt *node, const struct vc_plan_node *plan,
                   const struct vc_node_store *store, vc_error **err)
{
    node->plan = plan;
    node->netns = node->mntns = node->utsns = -1;
    if (!node->base)
        node->base = talloc_asprintf(ctx, VC_SANDBOX_DIR "/%s", plan->name);
    if (!node->root)
        node->root = talloc_asprintf(ctx, "%s/root", node->base);
    VC_AUTO_TALLOC char *upper = talloc_asprintf(NULL, "%s/upper", node->base);
    VC_AUTO_TALLOC char *work = talloc_asprintf(NULL, "%s/work", node->base);

    if (make_directories(node->root, 0755, err) || make_directories(upper, 0755, err) ||
        make_directories(work, 0755, err) || write_tree(node, upper, err) || mount_root(node, store, err))
        return -1;
    return open_sockets(ctx, node, err) || make_namespaces(node, err) ? -1 : 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void vc_node_destroy(struct vc_node_rt *node)
{
    close_fd(&node->netns);
    close_fd(&node->mntns);
    close_fd(&node->utsns);
    for (size_t i = 0; i < node->socket_count; i++)
        close_fd(&node->sockets[i]);
    node->socket_count = 0;
    if (node->root)
        umount2(node->root, MNT_DETACH);
}

int vc_node_enter(const struct vc_node_rt *node, vc_error **err)
{
    if (setns(node->mntns, CLONE_NEWNS) || setns(node->netns, CLONE_NEWNET) || setns(node->utsns, CLONE_NEWUTS) ||
        chdir("/"))
        return vc_fail(err, VC_EXIT_FAIL, errno, "entering node %s", node->plan->name);
    return 0;
}

static int redirect(const struct vc_spawn *spawn)
{
    int log = -1;

    if (spawn->log)
        log = open(spawn->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        int from = spawn->stdio[i] >= 0 ? spawn->stdio[i] : i && log >= 0 ? log : null;
        /* The client's descriptors are numbered above 2 by vc_lab, so no dup2 overwrites a later source. */
        if (from < 0 || dup2(from, i) < 0)
            return -1;
    }
    return 0;
}

static _Noreturn void exec_child(const struct vc_node_rt *node, const struct vc_spawn *spawn)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                                              "TERM=xterm-256color", NULL};
    struct sched_param priority = {.sched_priority = spawn->rt_priority};
    sigset_t none;

    if (vc_node_enter(node, NULL) || redirect(spawn))
        _exit(126);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (spawn->controlling_tty)
        ioctl(0, TIOCSCTTY, 0);
    if (spawn->rt_priority)
        sched_setscheduler(0, SCHED_RR, &priority); /* without the privilege the daemon runs at normal priority */
    syscall(SYS_close_range, 3U, ~0U, 0U);
    execvpe(spawn->argv[0], (char *const *)(uintptr_t)spawn->argv, (char *const *)(uintptr_t)environment);
    dprintf(2, "vclab: %s: cannot run %s: %s\n", node->plan->name, spawn->argv[0], strerror(errno));
    _exit(127);
}

pid_t vc_node_spawn(const struct vc_node_rt *node, const struct vc_spawn *spawn, vc_error **err)
{
    if (node->netns < 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "node %s is powered off", node->plan->name);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid)
        exec_child(node, spawn);
    if (pid < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "starting %s in %s", spawn->argv[0], node->plan->name);
    return pid;
}

int vc_node_connect(const struct vc_node_rt *node, const char *path, vc_error **err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    VC_AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || (size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s%s", node->root, path) >=
                      sizeof address.sun_path)
        return vc_fail(err, VC_EXIT_FAIL, errno, "connecting to %s in %s", path, node->plan->name);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        return vc_fail(err, VC_EXIT_FAIL, errno, "connecting to %s in %s", path, node->plan->name);
    return VC_STEAL_FD(fd);
}
