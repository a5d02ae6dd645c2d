#include "activation/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* ---- files ---- */

static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left;) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno != EINTR)
            return -1;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

/* Whole or not at all; a secret never has another mode than 0600, not for a moment. */
static int put(const char *out, const char *name, const char *ending, const char *text, mode_t mode, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s%s", out, name, ending);
    VC_AUTO_TALLOC char *draft = talloc_asprintf(NULL, "%s/.%s%s.new", out, name, ending);

    unlink(draft); /* of one that was killed */
    VC_AUTO_FD fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd >= 0 && write_all(fd, text) == 0 && rename(draft, path) == 0)
        return 0;
    int errnum = errno;
    if (fd >= 0)
        unlink(draft);
    return vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s (make room or choose another folder with --out)", path);
}

/* Makes the folder and locks it until the descriptor is closed: the same form may be activated twice at once. -1 with
 * *err. */
static int open_folder(const char *out, vc_error **err)
{
    if (mkdir(out, 0755) < 0 && errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the folder %s (choose another with --out)", out);
    VC_AUTO_FD fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot use the folder %s (choose another with --out)", out);
    return VC_STEAL_FD(fd);
}

static int put_view(const struct vc_order *order, const char *out, enum vc_view view, vc_error **err)
{
    VC_AUTO_JSON *document = vc_activation_document(order, view);
    VC_AUTO_TALLOC char *text = vc_activation_text(NULL, document);
    bool secret = view == VC_VIEW_SETTINGS;

    return put(out, order->form->name, secret ? ".settings" : ".export", text, secret ? 0600 : 0644, err);
}

int vc_activation_write(const struct vc_order *order, const char *out, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_problems *problems = vc_problems_new(NULL);
    VC_AUTO_TALLOC char *topology = vc_activation_topology(NULL, order, problems);
    VC_AUTO_TALLOC char *keys = vc_activation_keys(NULL, order);

    if (!topology)
        return vc_problems_finish(problems, err);
    VC_AUTO_FD folder = open_folder(out, err);
    if (folder < 0 || put(out, order->form->name, ".yaml", topology, 0644, err) ||
        put(out, order->form->name, "-keys.yaml", keys, 0600, err) || put_view(order, out, VC_VIEW_SETTINGS, err) ||
        put_view(order, out, VC_VIEW_EXPORT, err))
        return -1;
    return 0;
}

/* A form in OUT with the topology's name would be replaced by it. */
static int check_out(const struct vc_form *form, const char *out, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s.yaml", out, form->name);
    struct stat a, b;

    if (stat(path, &a) == 0 && stat(form->file, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return vc_fail(err, VC_EXIT_USAGE, 0,
                       "the topology would take the place of the form %s: choose another folder "
                       "with --out",
                       form->file);
    return 0;
}

/* ---- orders ---- */

static bool is(const struct vc_order *order, const char *status)
{
    return !strcmp(order->status, status);
}

static bool same_form(const struct vc_order *order, const struct vc_form *form)
{
    VC_AUTO_JSON *a = vc_form_json(order->form), *b = vc_form_json(form);

    return json_equal(a, b);
}

/* An order of that number that the form goes on with; NULL without *err when there is none. */
static struct vc_order *begun(void *ctx, struct vc_ledger *ledger, const struct vc_form *form, bool again,
                              vc_error **err)
{
    VC_AUTO_TALLOC struct vc_order *order = vc_ledger_order(ctx, ledger, form->order, err);

    if (!order || is(order, VC_ORDER_DEACTIVATED))
        return NULL;
    if (!same_form(order, form))
        vc_fail(err, VC_EXIT_USAGE, 0,
                "%s: order %s of %s is there with another form (%s since %s); deactivate it first, or correct the "
                "order's number",
                form->file, order->number, order->customer, order->status, order->since);
    else if (is(order, VC_ORDER_ACTIVATED) && !again)
        vc_fail(err, VC_EXIT_USAGE, 0,
                "%s: order %s is activated since %s; vclab activate --files %s writes its files again", form->file,
                order->number, order->since, order->number);
    else
        return VC_STEAL_PTR(order);
    return NULL;
}

/* Allocated and In-Progress, or further. Looked for and allocated in one transaction: the same form may be activated
 * twice at once. */
static struct vc_order *allocated(void *ctx, struct vc_ledger *ledger, const struct vc_form *form,
                                  const struct vc_activation_options *options, vc_error **err)
{
    vc_error *why = NULL;

    if (vc_ledger_begin(ledger, err))
        return NULL;
    struct vc_order *order = begun(ctx, ledger, form, options->again, &why);
    if (!order && !why)
        return vc_allocate_begun(ctx, ledger, form, options->seed, err);
    vc_ledger_rollback(ledger);
    if (why)
        vc_error_move(err, &why);
    return order;
}

static int set_activated(struct vc_ledger *ledger, const char *number, vc_error **err)
{
    if (vc_ledger_begin(ledger, err))
        return -1;
    if (!vc_ledger_activated(ledger, number, err))
        return vc_ledger_commit(ledger, err);
    vc_ledger_rollback(ledger);
    return -1;
}

struct vc_order *vc_activate(void *ctx, struct vc_ledger *ledger, const char *file,
                             const struct vc_activation_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_form *form = vc_form_load(scratch, file, options->role, err);

    if (!form || (options->out && check_out(form, options->out, err)))
        return NULL;
    const struct vc_order *order = allocated(scratch, ledger, form, options, err);
    if (!order)
        return NULL;
    if (options->out && vc_activation_write(order, options->out, err)) {
        vc_wrap(err, "order %s stays In-Progress, and the same form again goes on with it", order->number);
        return NULL;
    }
    return set_activated(ledger, order->number, err) ? NULL : vc_ledger_order(ctx, ledger, form->order, err);
}

struct vc_order *vc_order_live(void *ctx, struct vc_ledger *ledger, const char *number, vc_error **err)
{
    vc_error *why = NULL;
    VC_AUTO_TALLOC struct vc_order *order = vc_ledger_order(ctx, ledger, number, &why);

    if (why)
        vc_error_move(err, &why);
    else if (!order)
        vc_fail(err, VC_EXIT_USAGE, 0, "there is no order %s; vclab activate --status lists those there are", number);
    else if (is(order, VC_ORDER_DEACTIVATED))
        vc_fail(err, VC_EXIT_USAGE, 0, "order %s was deactivated at %s and has nothing any more", number, order->since);
    else
        return VC_STEAL_PTR(order);
    return NULL;
}

int vc_deactivate(struct vc_ledger *ledger, const char *number, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    if (vc_ledger_begin(ledger, err))
        return -1;
    if (vc_order_live(scratch, ledger, number, err) && !vc_ledger_return(ledger, number, err))
        return vc_ledger_commit(ledger, err);
    vc_ledger_rollback(ledger);
    return -1;
}
