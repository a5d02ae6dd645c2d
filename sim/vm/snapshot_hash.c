#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "vm/snapshot_private.h"

enum { CHUNK = 64 * 1024, WINDOW = 4 << 20 };

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* The chunks of one window of the file, mapped rather than copied. */
static int hash_window(XXH3_state_t *hash, int fd, off_t start, size_t size)
{
    uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, start);

    if (bytes == MAP_FAILED)
        return -1;
    for (size_t at = 0; at < size; at += CHUNK) {
        size_t part = size - at < CHUNK ? size - at : CHUNK;
        uint64_t number = ((uint64_t)start + at) / CHUNK;

        if (is_zero(bytes + at, part))
            continue;
        XXH3_128bits_update(hash, &number, sizeof number);
        XXH3_128bits_update(hash, bytes + at, part);
    }
    return munmap(bytes, size);
}

static int hash_file(XXH3_state_t *hash, int fd, off_t size)
{
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(fd, at, SEEK_DATA);
        if (data < 0)
            return errno == ENXIO ? 0 : -1; /* only a hole is left */
        off_t hole = lseek(fd, data, SEEK_HOLE);
        if (hole < 0)
            return -1;
        /* Whole chunks, but none twice. */
        data -= data % CHUNK;
        at = data > at ? data : at;
        hole += (CHUNK - hole % CHUNK) % CHUNK;
        hole = hole < size ? hole : size;
        for (; at < hole; at += WINDOW < hole - at ? WINDOW : hole - at)
            if (hash_window(hash, fd, at, WINDOW < hole - at ? WINDOW : (size_t)(hole - at)) < 0)
                return -1;
    }
    return 0;
}

json_t *vc_snapshot_hash(const char *path, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    XXH3_state_t *hash = XXH3_createState();
    struct stat st;
    char text[33];

    if (fd < 0 || !hash || fstat(fd, &st) < 0) {
        int errnum = errno;
        XXH3_freeState(hash);
        vc_fail(err, VC_EXIT_HOST, errnum, "cannot read %s", path);
        return NULL;
    }
    XXH3_128bits_reset(hash);
    int failed = hash_file(hash, fd, st.st_size);
    XXH128_hash_t digest = XXH3_128bits_digest(hash);
    XXH3_freeState(hash);
    if (failed) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s", path);
        return NULL;
    }
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, (uint64_t)digest.high64, (uint64_t)digest.low64);
    return json_pack("{s:I, s:s}", "size", (json_int_t)st.st_size, "xxh3", text);
}
