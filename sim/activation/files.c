/* An order's folder: what is in it, who may read it, and whose it is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "activation/activation.h"
#include "base/caller.h"

static int write_all(int fd, const char *text)
{
    uid_t uid;
    gid_t gid;

    if (vc_caller(&uid, &gid) && fchown(fd, uid, gid) < 0) {
        /* A file system without owners (a share, say) is no reason to refuse it. */
    }
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
int vc_activation_put(const char *out, const char *name, const char *text, mode_t mode, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", out, name);
    VC_AUTO_TALLOC char *draft = talloc_asprintf(NULL, "%s/.%s.new", out, name);

    unlink(draft); /* of one that was killed */
    VC_AUTO_FD fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd >= 0 && write_all(fd, text) == 0 && rename(draft, path) == 0)
        return 0;
    int errnum = errno;
    if (fd >= 0)
        unlink(draft);
    return vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s (make room or choose another folder with --out)", path);
}

/* What holds keys must not get into anybody's repository. A file of the user's own stays as it is. */
static int put_ignore(const char *out, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/.gitignore", out);

    if (access(path, F_OK) == 0)
        return 0;
    return vc_activation_put(out, ".gitignore", "# keys: yours alone\n*-keys.yaml\n*.settings\n.*.new\n", 0644, err);
}

/* Makes the folder and locks it until the descriptor is closed: the same form may be activated twice at once. -1 with
 * *err. */
static int open_folder(const char *out, vc_error **err)
{
    if (mkdir(out, 0755) == 0)
        vc_caller_give(out);
    else if (errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the folder %s (choose another with --out)", out);
    VC_AUTO_FD fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot use the folder %s (choose another with --out)", out);
    return VC_STEAL_FD(fd);
}

static int close_folder(int folder, const char *out, vc_error **err)
{
    /* What was renamed is on the disk with its name before the ledger says that it is. */
    return fsync(folder) == 0
               ? 0
               : vc_fail(err, VC_EXIT_HOST, errno, "cannot write the folder %s (choose another with --out)", out);
}

/* ---- whose files they are ---- */

/* Both documents begin so, and nobody else's do: form hub of one customer must not replace form hub of another. */
static char *signature(void *ctx, const struct vc_order *order)
{
    return talloc_asprintf(ctx, "Order %s of customer %s ", order->number, order->customer);
}

static bool is_orders(const char *path, const struct vc_order *order)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_doc *doc = vc_doc_load(scratch, path, vc_problems_new(scratch));
    const struct vc_doc *description = doc ? vc_doc_member(doc, "description") : NULL;
    const char *own = signature(scratch, order);

    return description && description->type == VC_DOC_SCALAR && !strncmp(description->text, own, strlen(own));
}

static bool is_form(const char *path, const struct vc_form *form)
{
    struct stat a, b;

    return *form->file && stat(path, &a) == 0 && stat(form->file, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int vc_activation_check_out(const struct vc_order *order, const char *out, vc_error **err)
{
    static const char *const endings[] = {".yaml", "-keys.yaml"};

    for (size_t i = 0; i < VC_COUNT(endings); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s%s", out, order->form->name, endings[i]);

        if (is_form(path, order->form))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "the topology would take the place of the form %s: choose another folder with --out",
                           order->form->file);
        if (access(path, F_OK) == 0 && !is_orders(path, order))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s is there and is not of order %s of %s: choose another folder with --out, or remove it",
                           path, order->number, order->customer);
    }
    return 0;
}

/* ---- writing ---- */

char *vc_activation_folder(void *ctx, const struct vc_form *form)
{
    return talloc_asprintf(ctx, "%s.order", form->name);
}

static char *view_name(void *ctx, const struct vc_order *order, enum vc_view view)
{
    return talloc_asprintf(ctx, "%s%s", order->form->name, view == VC_VIEW_SETTINGS ? ".settings" : ".export");
}

static int put_view(const struct vc_order *order, const char *out, enum vc_view view, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *document = vc_activation_document(order, view);

    return vc_activation_put(out, view_name(scratch, order, view), vc_activation_text(scratch, document),
                             view == VC_VIEW_SETTINGS ? 0600 : 0644, err);
}

int vc_activation_write(const struct vc_order *order, const char *out, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_problems *problems = vc_problems_new(scratch);
    const char *topology = vc_activation_topology(scratch, order, problems);

    if (!topology)
        return vc_problems_finish(problems, err);
    VC_AUTO_FD folder = open_folder(out, err);
    if (folder < 0 || vc_activation_check_out(order, out, err) || put_ignore(out, err) ||
        vc_activation_put(out, talloc_asprintf(scratch, "%s.yaml", order->form->name), topology, 0644, err) ||
        vc_activation_put(out, talloc_asprintf(scratch, "%s-keys.yaml", order->form->name),
                          vc_activation_keys(scratch, order), 0600, err) ||
        put_view(order, out, VC_VIEW_SETTINGS, err) || put_view(order, out, VC_VIEW_EXPORT, err))
        return -1;
    return close_folder(folder, out, err);
}

int vc_activation_write_settings(const struct vc_order *order, const char *out, vc_error **err)
{
    VC_AUTO_FD folder = open_folder(out, err);

    if (folder < 0 || vc_activation_check_out(order, out, err) || put_ignore(out, err) ||
        put_view(order, out, VC_VIEW_SETTINGS, err))
        return -1;
    return close_folder(folder, out, err);
}

void vc_activation_remove_views(const struct vc_order *order, const char *out)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);

    for (enum vc_view view = VC_VIEW_EXPORT; view <= VC_VIEW_SETTINGS; view++)
        unlink(talloc_asprintf(scratch, "%s/%s", out, view_name(scratch, order, view)));
}
