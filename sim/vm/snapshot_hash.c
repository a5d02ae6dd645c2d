#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "vm/snapshot_private.h"

enum { CHUNK = 64 * 1024, WINDOW = 1 << 20 };

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

struct hashing {
    int fd;
    XXH3_state_t *hash;
    uint8_t *window;
};

/* Read rather than mapped: a file that is cut meanwhile is an error then, and no signal. */
static int hash_window(struct hashing *h, off_t start, size_t size)
{
    ssize_t n = pread(h->fd, h->window, size, start);

    if (n != (ssize_t)size) {
        errno = n < 0 ? errno : EIO;
        return -1;
    }
    for (size_t at = 0; at < size; at += CHUNK) {
        size_t part = size - at < CHUNK ? size - at : CHUNK;
        uint64_t number = ((uint64_t)start + at) / CHUNK;

        if (is_zero(h->window + at, part))
            continue;
        XXH3_128bits_update(h->hash, &number, sizeof number);
        XXH3_128bits_update(h->hash, h->window + at, part);
    }
    return 0;
}

static int hash_file(struct hashing *h, off_t size)
{
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(h->fd, at, SEEK_DATA);
        if (data < 0)
            return errno == ENXIO ? 0 : -1; /* only a hole is left */
        off_t hole = lseek(h->fd, data, SEEK_HOLE);
        if (hole < 0)
            return -1;
        /* Whole chunks, but none twice. */
        data -= data % CHUNK;
        at = data > at ? data : at;
        hole += (CHUNK - hole % CHUNK) % CHUNK;
        hole = hole < size ? hole : size;
        for (; at < hole; at += WINDOW < hole - at ? WINDOW : hole - at)
            if (hash_window(h, at, WINDOW < hole - at ? WINDOW : (size_t)(hole - at)) < 0)
                return -1;
    }
    return 0;
}

json_t *vc_snapshot_hash(const char *path, vc_error **err)
{
    VC_AUTO_FREE void *window = malloc(WINDOW);
    struct hashing h = {.hash = XXH3_createState(), .window = window};
    struct stat st = {0};
    char text[33];
    XXH128_hash_t digest = {0};

    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    h.fd = fd;
    bool hashed = fd >= 0 && (errno = ENOMEM, h.hash && window) && XXH3_128bits_reset(h.hash) == XXH_OK &&
                  fstat(fd, &st) == 0 && hash_file(&h, st.st_size) == 0;
    if (hashed)
        digest = XXH3_128bits_digest(h.hash);
    int errnum = errno;
    XXH3_freeState(h.hash);
    if (!hashed) {
        vc_fail(err, VC_EXIT_HOST, errnum, "cannot read %s", path);
        return NULL;
    }
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, (uint64_t)digest.high64, (uint64_t)digest.low64);
    return json_pack("{s:I, s:s}", "size", (json_int_t)st.st_size, "xxh3", text);
}
