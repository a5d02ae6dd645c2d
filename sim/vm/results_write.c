/* The guest's side: a tar archive to the device, the same bytes for the same files. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "vm/results_format.h"

enum { BLOCK = 1 << 20 };

struct sink {
    int fd;
    uint8_t *block; /* aligned, BLOCK bytes: the device is written past the page cache, in whole pages */
    size_t fill;
    uint64_t offset;  /* of the block on the device */
    uint64_t written; /* bytes of the archive, whether they fitted or not */
    uint64_t device;
    XXH3_state_t *hash;
    int errnum;
};

static bool is_full(const struct sink *sink)
{
    return VC_RESULTS_HEADER + sink->written > sink->device;
}

static int flush_block(struct sink *sink)
{
    size_t size = (sink->fill + VC_RESULTS_HEADER - 1) / VC_RESULTS_HEADER * VC_RESULTS_HEADER;

    memset(sink->block + sink->fill, 0, size - sink->fill);
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(sink->fd, sink->block + done, size - done, (off_t)(sink->offset + done));

        if (n <= 0 && errno != EINTR) {
            sink->errnum = n < 0 ? errno : ENOSPC;
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    sink->offset += size;
    sink->fill = 0;
    return 0;
}

/* Past the device's end, bytes are only counted: the message says how many were needed. */
static la_ssize_t on_write(struct archive *archive, void *arg, const void *bytes, size_t size)
{
    struct sink *sink = arg;
    uint64_t room = is_full(sink) ? 0 : sink->device - VC_RESULTS_HEADER - sink->written;
    size_t left = size < room ? size : (size_t)room;

    sink->written += size;
    XXH3_128bits_update(sink->hash, bytes, left);
    for (const uint8_t *from = bytes; left;) {
        size_t part = BLOCK - sink->fill < left ? BLOCK - sink->fill : left;

        memcpy(sink->block + sink->fill, from, part);
        sink->fill += part;
        from += part;
        left -= part;
        if (sink->fill == BLOCK && flush_block(sink) < 0) {
            archive_set_error(archive, sink->errnum, "the results device");
            return -1;
        }
    }
    return (la_ssize_t)size;
}

static int add_file(struct archive *archive, const char *path, const char *name, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct archive_entry *entry = archive_entry_new();
    static const size_t block_size = 64 * 1024;
    VC_AUTO_FREE char *block = malloc(block_size);
    struct stat st;
    ssize_t n = 0;

    if (fd < 0 || !block || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        archive_entry_free(entry);
        return vc_fail(err, VC_EXIT_FAIL, errno, "packing %s", path);
    }
    /* No times, owners or modes: they are not the run's. */
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, st.st_size);
    archive_entry_set_mtime(entry, 0, 0);
    int status = archive_write_header(archive, entry);
    archive_entry_free(entry);
    for (off_t left = st.st_size; status == ARCHIVE_OK && left > 0; left -= n) {
        n = read(fd, block, left < (off_t)block_size ? (size_t)left : block_size);
        if (n <= 0) /* it became shorter: the archive is padded */
            break;
        if (archive_write_data(archive, block, (size_t)n) != n)
            status = ARCHIVE_FATAL;
    }
    if (status != ARCHIVE_OK || archive_write_finish_entry(archive) != ARCHIVE_OK)
        return vc_fail(err, VC_EXIT_FAIL, 0, "packing %s: %s", path, archive_error_string(archive));
    return n < 0 ? vc_fail(err, VC_EXIT_FAIL, errno, "packing %s", path) : 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void fts_cleanup(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

/* Every regular file below folder/part, sorted; links and sockets that daemons left are none of the results. */
static int add_folder(struct archive *archive, const char *folder, const char *part, vc_error **err)
{
    VC_AUTO_TALLOC char *top = talloc_asprintf(NULL, "%s/%s", folder, part);
    char *const tops[] = {top, NULL};
    __attribute__((cleanup(fts_cleanup))) FTS *walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    const FTSENT *found;

    if (!walk)
        return vc_fail(err, VC_EXIT_FAIL, errno, "packing %s", top);
    while ((found = fts_read(walk)))
        if (found->fts_info == FTS_F && S_ISREG(found->fts_statp->st_mode) &&
            add_file(archive, found->fts_path, found->fts_path + strlen(folder) + 1, err) < 0)
            return -1;
    return 0;
}

static int write_archive(struct sink *sink, const char *folder, vc_error **err)
{
    static const char *const parts[] = RESULTS_FOLDERS;
    struct archive *archive = archive_write_new();
    int failed = 0;

    archive_write_set_format_pax_restricted(archive);
    archive_write_set_bytes_per_block(archive, 64 * 1024);
    archive_write_set_bytes_in_last_block(archive, 1);
    if (archive_write_open(archive, sink, NULL, on_write, NULL) != ARCHIVE_OK)
        failed = vc_fail(err, VC_EXIT_FAIL, 0, "packing %s: %s", folder, archive_error_string(archive));
    for (size_t i = 0; !failed && i < VC_COUNT(parts); i++)
        failed = add_folder(archive, folder, parts[i], err);
    if (!failed && archive_write_close(archive) != ARCHIVE_OK)
        failed = vc_fail(err, VC_EXIT_FAIL, 0, "packing %s: %s", folder, archive_error_string(archive));
    archive_write_free(archive);
    if (!failed && sink->fill && flush_block(sink) < 0)
        failed = vc_fail(err, VC_EXIT_FAIL, sink->errnum, "writing the results device");
    return failed;
}

int vc_results_full(const struct results_header *header, vc_error **err)
{
    const uint64_t mib = 1 << 20;

    return vc_fail(err, VC_EXIT_FAIL, 0,
                   "the results device is full (%" PRIu64 " MiB): logs and captures of this run need %" PRIu64
                   " MiB, and some are missing; run it without captures or make it shorter",
                   header->device / mib, (header->needed + VC_RESULTS_HEADER + mib - 1) / mib);
}

static int write_header(struct sink *sink, vc_error **err)
{
    XXH128_hash_t hash = XXH3_128bits_digest(sink->hash);
    const uint64_t room = sink->device - VC_RESULTS_HEADER;
    struct results_header header = {.state = is_full(sink) ? RESULTS_FULL : RESULTS_WHOLE,
                                    .archive = is_full(sink) ? room : sink->written,
                                    .needed = sink->written,
                                    .device = sink->device,
                                    .xxh3 = {hash.low64, hash.high64}};

    memcpy(header.magic, VC_RESULTS_MAGIC, sizeof header.magic);
    memcpy(sink->block, &header, sizeof header);
    sink->fill = sizeof header;
    sink->offset = 0;
    if (fdatasync(sink->fd) < 0 || flush_block(sink) < 0 || fdatasync(sink->fd) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "writing the results device");
    return header.state == RESULTS_FULL ? vc_results_full(&header, err) : 0;
}

static int device_size(int fd, uint64_t *size)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    *size = (uint64_t)st.st_size;
    return S_ISBLK(st.st_mode) ? ioctl(fd, BLKGETSIZE64, size) : 0;
}

int vc_results_write(const char *device, const char *folder, vc_error **err)
{
    VC_AUTO_FD fd = open(device, O_WRONLY | O_DIRECT | O_CLOEXEC);
    VC_AUTO_FREE void *block = NULL;
    struct sink sink = {.errnum = 0};

    if (fd < 0 && errno == EINVAL) /* a file system without it */
        fd = open(device, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || device_size(fd, &sink.device) < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "opening the results device %s", device);
    if (sink.device < 2 * VC_RESULTS_HEADER || sink.device % VC_RESULTS_HEADER != 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "the results device %s is no whole number of pages", device);
    if (posix_memalign(&block, VC_RESULTS_HEADER, BLOCK) != 0 || !(sink.hash = XXH3_createState()))
        return vc_fail(err, VC_EXIT_FAIL, ENOMEM, "writing the results device");
    XXH3_128bits_reset(sink.hash);
    sink.fd = fd;
    sink.block = block;
    sink.offset = VC_RESULTS_HEADER;
    int failed = write_archive(&sink, folder, err);
    if (!failed)
        failed = write_header(&sink, err);
    XXH3_freeState(sink.hash);
    return failed;
}
