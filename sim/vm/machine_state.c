/*
 * A machine's state to and from a file, by QEMU's migration to a descriptor. With x-ignore-shared the memory file stays
 * out of the stream: the file itself is the snapshot, which forks map copy on write.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "vm/machine.h"
#include "vm/qmp.h"

enum {
    STATE_LIMIT_MS = 30000,
    STATE_FDSET = 9, /* above those of the command line */
};
#define STATE_PATH "/dev/fdset/9"

static int prepare(const struct vc_machine *machine, int file, vc_error **err)
{
    json_t *capabilities = json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "events", "state", 1,
                                     "capability", "x-ignore-shared", "state", 1);

    if (vc_qmp_execute(machine->qmp, "migrate-set-capabilities", capabilities, -1, STATE_LIMIT_MS, NULL, err) < 0)
        return -1;
    return vc_qmp_execute(machine->qmp, "getfd", json_pack("{s:s}", "fdname", "state"), file, STATE_LIMIT_MS, NULL,
                          err);
}

/* QEMU tells the states it goes through: the last is "completed" or "failed". */
static int wait_migration(const struct vc_machine *machine, vc_error **err)
{
    for (;;) {
        VC_AUTO_JSON *data = NULL, *reply = NULL;

        if (vc_qmp_wait_event(machine->qmp, "MIGRATION", STATE_LIMIT_MS, &data, err) < 0)
            return -1;
        const char *status = json_string_value(json_object_get(data, "status"));
        if (status && !strcmp(status, "completed"))
            return 0;
        if (!status || (strcmp(status, "failed") != 0 && strcmp(status, "cancelled") != 0))
            continue;
        vc_qmp_execute(machine->qmp, "query-migrate", NULL, -1, STATE_LIMIT_MS, &reply, NULL);
        const char *words = json_string_value(json_object_get(reply, "error-desc"));
        return vc_fail(err, VC_EXIT_HOST, 0, "QEMU's migration %s: %s", status, words ? words : "it does not say why");
    }
}

/* The guest says that it pauses before it does; until then the state is not the one to save. */
static int wait_paused(const struct vc_machine *machine, vc_error **err)
{
    VC_AUTO_JSON *status = NULL;

    if (vc_qmp_execute(machine->qmp, "query-status", NULL, -1, STATE_LIMIT_MS, &status, err) < 0)
        return -1;
    if (!json_is_true(json_object_get(status, "running")))
        return 0;
    return vc_qmp_wait_event(machine->qmp, "STOP", STATE_LIMIT_MS, NULL, err);
}

/*
 * QEMU's command for machines whose memory somebody else keeps, as the memory file does here. Not "migrate": its thread
 * reads clocks without the lock that recording demands (rr=record in sim/vm/machine.c), and QEMU aborts.
 */
static int save(struct vc_machine *machine, int file, vc_error **err)
{
    if (wait_paused(machine, err) < 0 ||
        vc_qmp_execute(machine->qmp, "add-fd", json_pack("{s:i}", "fdset-id", STATE_FDSET), file, STATE_LIMIT_MS, NULL,
                       err) < 0)
        return -1;
    return vc_qmp_execute(machine->qmp, "xen-save-devices-state",
                          json_pack("{s:s, s:b}", "filename", STATE_PATH, "live", false), -1, STATE_LIMIT_MS, NULL,
                          err);
}

int vc_machine_save(struct vc_machine *machine, const char *path, vc_error **err)
{
    VC_AUTO_FD file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", path);
    if (save(machine, file, err) < 0)
        return vc_wrap(err, "saving the guest's state to %s", path);
    /* Migration itself does not notice a write that failed late. */
    if (fsync(file) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", path);
    return 0;
}

static int restore(struct vc_machine *machine, int file, vc_error **err)
{
    VC_AUTO_ERROR *why = NULL;

    if (prepare(machine, file, err) < 0 ||
        vc_qmp_execute(machine->qmp, "migrate-incoming", json_pack("{s:s}", "uri", "fd:state"), -1, STATE_LIMIT_MS,
                       NULL, err) < 0 ||
        wait_migration(machine, err) < 0)
        return -1;
    /* It was saved paused and is paused now. A guest with little left to do ends before QEMU answers. */
    if (vc_qmp_execute(machine->qmp, "cont", NULL, -1, STATE_LIMIT_MS, NULL, &why) == 0 || why->errnum == ECONNRESET)
        return 0;
    return vc_error_move(err, &why);
}

int vc_machine_restore(struct vc_machine *machine, const char *path, vc_error **err)
{
    VC_AUTO_FD file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);
    if (restore(machine, file, err) < 0)
        return vc_wrap(err, "loading the guest's state from %s", path);
    return 0;
}
