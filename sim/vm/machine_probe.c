/* What this host's QEMU and KVM are. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "vm/image.h"
#include "vm/machine_spawn.h"

#define HELLO "hello\n"

/* The program as the cache knows it: another path, size or time of change is another program. */
static char *version_key(void *ctx, const char *qemu)
{
    struct stat st;

    if (stat(qemu, &st) < 0)
        return NULL;
    return talloc_asprintf(ctx, "%s %jd %jd.%09ld", qemu, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
                           st.st_mtim.tv_nsec);
}

static char *version_text(void *ctx, const json_t *greeting)
{
    const json_t *version = json_object_get(greeting, "version"), *qemu = json_object_get(version, "qemu");
    const char *package = json_string_value(json_object_get(version, "package"));

    return talloc_asprintf(ctx, "%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT "%s%s%s",
                           json_integer_value(json_object_get(qemu, "major")),
                           json_integer_value(json_object_get(qemu, "minor")),
                           json_integer_value(json_object_get(qemu, "micro")), package && *package ? " (" : "",
                           package ? package : "", package && *package ? ")" : "");
}

static char *ask_version(void *ctx, const char *qemu, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    char *const argv[] = {
        talloc_strdup(scratch, qemu),
        talloc_strdup(scratch, "-no-user-config"),
        talloc_strdup(scratch, "-nodefaults"),
        talloc_strdup(scratch, "-display"),
        talloc_strdup(scratch, "none"),
        talloc_strdup(scratch, "-M"),
        talloc_strdup(scratch, "none"),
        talloc_strdup(scratch, "-S"),
        talloc_strdup(scratch, "-chardev"),
        talloc_asprintf(scratch, "socket,id=qmp,fd=%d", VC_MACHINE_CHILD_FDS.qmp),
        talloc_strdup(scratch, "-mon"),
        talloc_strdup(scratch, "chardev=qmp,mode=control"),
        NULL,
    };
    VC_AUTO_MACHINE machine = {.pid = -1};
    VC_AUTO_JSON *greeting = NULL;

    return vc_machine_spawn(argv, -1, &machine, &greeting, err) < 0 ? NULL : version_text(ctx, greeting);
}

/* A cache that cannot be written only costs time. */
static void remember(const char *path, json_t *versions, const char *key, const char *text)
{
    VC_AUTO_TALLOC char *fresh = talloc_asprintf(NULL, "%s.%d", path, (int)getpid());

    json_object_set_new(versions, key, json_string(text));
    if (json_dump_file(versions, fresh, JSON_SORT_KEYS | JSON_INDENT(1)) < 0 || rename(fresh, path) < 0)
        unlink(fresh);
}

char *vc_machine_version(void *ctx, const char *qemu, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *program = vc_machine_find(scratch, qemu, err);
    const char *cache = program ? vc_cache_dir(scratch, err) : NULL;

    if (!cache)
        return NULL;
    const char *path = talloc_asprintf(scratch, "%s/qemu-versions.json", cache), *key = version_key(scratch, program);
    VC_AUTO_JSON *versions = json_load_file(path, 0, NULL);
    if (!json_is_object(versions)) {
        json_decref(versions);
        versions = json_object();
    }
    const char *known = key ? json_string_value(json_object_get(versions, key)) : NULL;
    if (known)
        return talloc_strdup(ctx, known);
    char *text = ask_version(ctx, program, err);
    if (text && key)
        remember(path, versions, key, text);
    return text;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits until the machine ended, reading what it says on the events port. 0 at the limit. */
static int listen_until_end(const struct vc_machine *machine, int limit_ms, char *heard, size_t size)
{
    int64_t deadline = now_ms() + limit_ms, left;
    size_t length = 0;
    bool ended = false;

    while (!ended && (left = deadline - now_ms()) > 0) {
        struct pollfd pfds[] = {{machine->pidfd, POLLIN, 0}, {machine->events, POLLIN, 0}};
        ssize_t n;

        if (poll(pfds, length < size - 1 ? 2 : 1, (int)left) < 0 && errno != EINTR)
            break;
        ended = pfds[0].revents != 0; /* and read below what came before its end */
        while (length < size - 1 && (n = read(machine->events, heard + length, size - 1 - length)) > 0)
            length += (size_t)n;
    }
    heard[length] = 0;
    return ended;
}

static int open_kvm(vc_error **err)
{
    VC_AUTO_FD kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (kvm >= 0)
        return 0;
    if (errno == EACCES || errno == EPERM)
        return vc_fail(err, VC_EXIT_HOST, errno,
                       "KVM cannot be used: /dev/kvm may not be opened by this user; join the group kvm");
    return vc_fail(err, VC_EXIT_HOST, errno,
                   "KVM cannot be used: no /dev/kvm; load kvm_intel or kvm_amd, or let the hypervisor nest");
}

static int hello_blob(char *path, vc_error **err)
{
    static const char text[] = "{\"hello\": true}\n";
    VC_AUTO_FD fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0 || write(fd, text, sizeof text - 1) != sizeof text - 1)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", path);
    return 0;
}

int vc_machine_probe_kvm(const char *kernel, const char *initrd, int limit_ms, vc_error **err)
{
    VC_AUTO_MACHINE machine = {.pid = -1};
    char blob[] = "/tmp/vclab-hello-XXXXXX", heard[sizeof HELLO] = "";
    const struct vc_machine_config config = {
        .kernel = kernel, .initrd = initrd, .blob = blob, .ram_size = 512UL << 20, .accel = VC_ACCEL_KVM};

    if (open_kvm(err) < 0 || hello_blob(blob, err) < 0)
        return -1;
    int failed = vc_machine_start(&config, &machine, err);
    unlink(blob); /* QEMU has read it */
    if (failed)
        return vc_wrap(err, "KVM cannot be used");
    if (!listen_until_end(&machine, limit_ms, heard, sizeof heard))
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "KVM cannot be used: /dev/kvm is there, but a guest said nothing within %d ms", limit_ms);
    int status = vc_machine_wait(&machine);
    if (strcmp(heard, HELLO) != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 1)
        return vc_fail(err, VC_EXIT_HOST, 0, "KVM cannot be used: a guest ended before it came up (QEMU's status %d)",
                       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return 0;
}
