/* Activation forms: any bytes give an order with a lab or an error, never a crash, a leak or a ledger that contradicts
 * itself. */
#include <fcntl.h>
#include <stdlib.h>

#include "activation/activation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A form's name is its file's, so the bytes need a file called form.yaml: in memory, and the same for all of them. */
static char folder[] = "/dev/shm/vclab-form-fuzz-XXXXXX", file[sizeof folder + 16];

static void leave_nothing(void)
{
    unlink(file);
    rmdir(folder);
}

static const char *form_file(void)
{
    if (!*file && mkdtemp(folder)) {
        setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
        snprintf(file, sizeof file, "%s/form.yaml", folder);
        atexit(leave_nothing);
    }
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FD fd = open(form_file(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const uint64_t seed = 1;
    unsigned orders = 0;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    const struct vc_form *form = vc_form_load(ctx, form_file(), NULL, &err);
    if (!form)
        return 0;
    struct vc_ledger *ledger = vc_ledger_open(ctx, VC_LEDGER_MEMORY, VC_LEDGER_WRITE, &err);
    const struct vc_order *made = ledger ? vc_allocate(ctx, ledger, form, &seed, &err) : NULL;
    if (!ledger || vc_ledger_check(ledger, &orders, &err) || orders != (made != NULL))
        abort();
    /* What was allocated has a lab, and what has none is refused for the form's sake. */
    if (made ? !vc_activation_lab(ctx, made, vc_problems_new(ctx), &err) : err->status != VC_EXIT_USAGE)
        abort();
    return 0;
}
