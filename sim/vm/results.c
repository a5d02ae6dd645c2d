/* The host's side. The guest is not trusted: nothing is written but plain files below logs/ and captures/. */
#include "vm/results.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "vm/blob_path.h"
#include "vm/results_format.h"

enum { BLOCK = 64 * 1024 };

struct source {
    int fd;
    uint64_t offset, end; /* on the device */
    XXH3_state_t *hash;
    uint8_t block[BLOCK];
};

struct unpacking {
    const char *folder;
    uint64_t left; /* bytes that may still be written: a sparse file in an archive can claim any size */
};

int vc_results_create(const char *path, size_t size, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the results device %s", path);
    return 0;
}

static la_ssize_t on_read(struct archive *archive, void *arg, const void **bytes)
{
    struct source *source = arg;
    uint64_t left = source->end - source->offset;
    ssize_t n = pread(source->fd, source->block, left < BLOCK ? (size_t)left : BLOCK, (off_t)source->offset);

    if (n < 0) {
        archive_set_error(archive, errno, "reading the results device");
        return -1;
    }
    XXH3_128bits_update(source->hash, source->block, (size_t)n);
    source->offset += (uint64_t)n;
    *bytes = source->block;
    return n;
}

/* What is wanted may also be quoted in messages as it is. */
static bool is_wanted(const char *name)
{
    static const char *const folders[] = RESULTS_FOLDERS;

    for (size_t i = 0; name && i < VC_COUNT(folders); i++) {
        size_t length = strlen(folders[i]);

        if (!strncmp(name, folders[i], length) && name[length] == '/')
            return vc_path_is_plain(name);
    }
    return false;
}

static int copy_out(struct archive *archive, int fd, struct unpacking *to, const char *name, vc_error **err)
{
    VC_AUTO_FREE char *block = malloc(BLOCK);
    la_ssize_t n;

    while (block && (n = archive_read_data(archive, block, BLOCK)) > 0) {
        if ((uint64_t)n > to->left)
            return vc_fail(err, VC_EXIT_FAIL, 0, "the guest's results are refused: %s is larger than its archive",
                           name);
        to->left -= (uint64_t)n;
        for (la_ssize_t done = 0; done < n;) {
            ssize_t written = write(fd, block + done, (size_t)(n - done));

            if (written < 0 && errno != EINTR)
                return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s/%s", to->folder, name);
            done += written > 0 ? written : 0;
        }
    }
    if (!block || n < 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "the guest's results are damaged at %s: %s", name,
                       block ? archive_error_string(archive) : "no memory");
    return 0;
}

static int unpack_entry(struct archive *archive, struct archive_entry *entry, struct unpacking *to, vc_error **err)
{
    const char *name = archive_entry_pathname(entry);

    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || !is_wanted(name)) {
        VC_AUTO_TALLOC char *text = vc_path_text(NULL, name ? name : "");
        return vc_fail(err, VC_EXIT_FAIL, 0,
                       "the guest's results are refused: \"%s\" is no plain file below logs/ or captures/", text);
    }
    if (archive_entry_size(entry) < 0 || (uint64_t)archive_entry_size(entry) > to->left)
        return vc_fail(err, VC_EXIT_FAIL, 0, "the guest's results are refused: %s is larger than its archive", name);
    VC_AUTO_FD fd = vc_path_create(to->folder, name, err);
    if (fd < 0)
        return -1;
    if (copy_out(archive, fd, to, name, err) == 0)
        return 0;
    vc_path_remove(to->folder, name); /* half a file passes for a whole one */
    return -1;
}

static int unpack(struct source *source, const char *folder, vc_error **err)
{
    struct unpacking to = {.folder = folder, .left = source->end - source->offset};
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    int status, failed = 0;

    archive_read_support_format_tar(archive);
    status = archive_read_open(archive, source, NULL, on_read, NULL);
    while (status == ARCHIVE_OK && !failed && (status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
        failed = unpack_entry(archive, entry, &to, err);
    if (!failed && status != ARCHIVE_EOF)
        failed = vc_fail(err, VC_EXIT_FAIL, 0, "the guest's results are damaged: %s", archive_error_string(archive));
    archive_read_free(archive);
    return failed;
}

static int read_header(int fd, const char *path, struct results_header *header, vc_error **err)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || pread(fd, header, sizeof *header, 0) != sizeof *header)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read the results device %s", path);
    if (memcmp(header->magic, VC_RESULTS_MAGIC, sizeof header->magic) != 0)
        return vc_fail(err, VC_EXIT_FAIL, 0, "the guest wrote no results: it ended before it could");
    uint64_t room = (uint64_t)st.st_size - VC_RESULTS_HEADER;
    if (st.st_size < VC_RESULTS_HEADER || header->archive > room || header->device > (uint64_t)st.st_size ||
        (header->state != RESULTS_WHOLE && header->state != RESULTS_FULL))
        return vc_fail(err, VC_EXIT_FAIL, 0, "the guest's results are refused: their header is damaged");
    return 0;
}

/* An empty archive is two empty records; nothing at all is too little. */
static bool hash_differs(struct source *source, const struct results_header *header)
{
    const void *bytes;

    while (source->offset < source->end && on_read(NULL, source, &bytes) > 0) /* what no entry needed */
        continue;
    XXH128_hash_t hash = XXH3_128bits_digest(source->hash);
    return source->offset < source->end || hash.low64 != header->xxh3[0] || hash.high64 != header->xxh3[1];
}

static int read_archive(int fd, const struct results_header *header, const char *folder, vc_error **err)
{
    VC_AUTO_FREE struct source *source = malloc(sizeof *source);
    VC_AUTO_ERROR *why = NULL;

    if (!source || !(source->hash = XXH3_createState()))
        return vc_fail(err, VC_EXIT_HOST, ENOMEM, "unpacking the guest's results");
    XXH3_128bits_reset(source->hash);
    source->fd = fd;
    source->offset = VC_RESULTS_HEADER;
    source->end = VC_RESULTS_HEADER + header->archive;
    int failed = unpack(source, folder, &why);
    /* The end of an archive that did not fit is missing: that is said first. */
    bool full = header->state == RESULTS_FULL && (!failed || why->status != VC_EXIT_HOST);
    bool damaged = !failed && !full && hash_differs(source, header);
    XXH3_freeState(source->hash);
    if (full)
        return vc_results_full(header, err);
    if (damaged)
        return vc_fail(err, VC_EXIT_FAIL, 0, "the guest's results are damaged: they are not the bytes it wrote");
    return failed ? vc_error_move(err, &why) : 0;
}

int vc_results_read(const char *path, const char *folder, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct results_header header;

    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot read the results device %s", path);
    if (read_header(fd, path, &header, err) < 0)
        return -1;
    return read_archive(fd, &header, folder, err);
}
