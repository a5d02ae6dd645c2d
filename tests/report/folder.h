/* A temporary folder for a test, and files in it. */
#pragma once

#include <criterion/criterion.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "report/report_private.h"

static char top[] = "/tmp/vclab-report-XXXXXX";

static inline int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                               struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static inline void folder_open(void)
{
    cr_assert(mkdtemp(top));
}

static inline void folder_close(void)
{
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* top/name; talloc child of ctx. */
static inline char *in_top(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", top, name);
}

static inline void put_bytes(const char *name, const void *data, size_t size)
{
    VC_AUTO_TALLOC char *path = in_top(NULL, name);

    for (char *slash = path + strlen(top); (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
    VC_AUTO_FILE *file = fopen(path, "we");
    cr_assert(file && fwrite(data, 1, size, file) == size, "%s", path);
}

static inline void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

static inline char *get_bytes(void *ctx, const char *name, size_t *size)
{
    VC_AUTO_TALLOC char *path = in_top(NULL, name);
    VC_AUTO_FILE *file = fopen(path, "re");
    struct stat st;

    cr_assert(file && !fstat(fileno(file), &st), "%s", path);
    char *data = talloc_zero_size(ctx, (size_t)st.st_size + 1);
    *size = fread(data, 1, (size_t)st.st_size, file);
    return data;
}

static inline json_t *json(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);

    cr_assert(value, "%s: %s", error.text, text);
    return value;
}
