/* Blocks and options are those of draft-ietf-opsawg-pcapng, in this machine's byte order, as the format provides for.
 */
#include "net/pcapng.h"

#include <errno.h>
#include <string.h>

enum block { SECTION = 0x0A0D0D0A, INTERFACE = 1, INTERFACE_STATISTICS = 5, ENHANCED_PACKET = 6 };

enum option {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_DESCRIPTION = 3,
    IF_TSRESOL = 9,
    EPB_FLAGS = 2,
};

enum {
    BUFFER = 64 << 10,
    NANOSECONDS = 9, /* if_tsresol: 10^-9 */
    INBOUND = 1,
    OUTBOUND = 2,
    OPTION_MAX = 65532,
};

struct vc_pcapng {
    int fd, errnum; /* the first write error; nothing is written after it */
    uint8_t *data;  /* talloc; blocks not yet written */
    size_t size;
    size_t block;    /* where the open block starts */
    char **comments; /* for the next packet */
    size_t comment_count;
};

/* ---- building ---- */

static void put(struct vc_pcapng *file, const void *bytes, size_t count)
{
    size_t padded = (count + 3) & ~(size_t)3, capacity = talloc_get_size(file->data);

    if (file->size + padded > capacity)
        file->data = talloc_realloc(file, file->data, uint8_t, 2 * (file->size + padded));
    memcpy(file->data + file->size, bytes, count);
    memset(file->data + file->size + count, 0, padded - count);
    file->size += padded;
}

static void put32(struct vc_pcapng *file, uint32_t value)
{
    put(file, &value, sizeof value);
}

static void put_option(struct vc_pcapng *file, enum option code, const void *value, size_t length)
{
    size_t fits = length < OPTION_MAX ? length : OPTION_MAX;

    put(file, (uint16_t[]){(uint16_t)code, (uint16_t)fits}, 2 * sizeof(uint16_t));
    put(file, value, fits);
}

static void put_text(struct vc_pcapng *file, enum option code, const char *text)
{
    if (text)
        put_option(file, code, text, strlen(text));
}

static void put_time(struct vc_pcapng *file, struct timespec time)
{
    uint64_t ns = (uint64_t)time.tv_sec * VC_NS_PER_S + (uint64_t)time.tv_nsec;

    put32(file, (uint32_t)(ns >> 32));
    put32(file, (uint32_t)ns);
}

static void put_comments(struct vc_pcapng *file)
{
    for (size_t i = 0; i < file->comment_count; i++)
        put_text(file, OPT_COMMENT, file->comments[i]);
    file->comment_count = 0;
    TALLOC_FREE(file->comments);
}

static void begin(struct vc_pcapng *file, enum block type)
{
    file->block = file->size;
    put32(file, (uint32_t)type);
    put32(file, 0);
}

static void end(struct vc_pcapng *file)
{
    uint32_t length;

    put_option(file, OPT_END, "", 0);
    length = (uint32_t)(file->size - file->block + sizeof length);
    put32(file, length);
    memcpy(file->data + file->block + sizeof(uint32_t), &length, sizeof length);
}

/* ---- writing ---- */

static void flush(struct vc_pcapng *file)
{
    const uint8_t *at = file->data, *stop = at + file->size;

    while (at < stop && !file->errnum) {
        ssize_t written = write(file->fd, at, (size_t)(stop - at));
        if (written >= 0)
            at += written;
        else if (errno != EINTR)
            file->errnum = errno;
    }
    file->size = 0;
}

int vc_pcapng_flush(struct vc_pcapng *file, vc_error **err)
{
    flush(file);
    return file->errnum ? vc_fail(err, VC_EXIT_HOST, file->errnum, "write the capture") : 0;
}

/* Comments that no packet followed still belong into the file: they go into a closing statistics block. */
static int destroy(struct vc_pcapng *file)
{
    struct timespec now;

    if (file->comment_count) {
        clock_gettime(CLOCK_REALTIME, &now);
        begin(file, INTERFACE_STATISTICS);
        put32(file, 0);
        put_time(file, now);
        put_comments(file);
        end(file);
    }
    flush(file);
    close(file->fd);
    return 0;
}

static void put_section(struct vc_pcapng *file)
{
    begin(file, SECTION);
    put32(file, 0x1A2B3C4D);
    put(file, (uint16_t[]){1, 0}, 2 * sizeof(uint16_t)); /* version */
    put(file, &(int64_t){-1}, sizeof(int64_t));          /* length: not given */
    put_text(file, SHB_USERAPPL, "vclab");
    end(file);
}

static void put_interface(struct vc_pcapng *file, int linktype, const char *name, const char *description)
{
    begin(file, INTERFACE);
    put(file, (uint16_t[]){(uint16_t)linktype, 0}, 2 * sizeof(uint16_t));
    put32(file, 0); /* snaplen: no limit */
    put_text(file, IF_NAME, name);
    put_text(file, IF_DESCRIPTION, description);
    put_option(file, IF_TSRESOL, &(uint8_t){NANOSECONDS}, 1);
    end(file);
}

struct vc_pcapng *vc_pcapng_new(void *ctx, int fd, int linktype, const char *name, const char *description,
                                vc_error **err)
{
    struct vc_pcapng *file = talloc_zero(ctx, struct vc_pcapng);

    file->fd = fd;
    file->data = talloc_array(file, uint8_t, BUFFER + BUFFER / 4);
    talloc_set_destructor(file, destroy);
    put_section(file);
    put_interface(file, linktype, name, description);
    if (vc_pcapng_flush(file, err) < 0) {
        talloc_free(file);
        return NULL;
    }
    return file;
}

void vc_pcapng_comment(struct vc_pcapng *file, const char *text)
{
    file->comments = talloc_realloc(file, file->comments, char *, file->comment_count + 1);
    file->comments[file->comment_count++] = talloc_strdup(file->comments, text);
}

void vc_pcapng_packet(struct vc_pcapng *file, const struct vc_tap_packet *packet)
{
    if (file->errnum)
        return;
    begin(file, ENHANCED_PACKET);
    put32(file, 0); /* interface */
    put_time(file, packet->time);
    put32(file, (uint32_t)packet->captured);
    put32(file, (uint32_t)packet->length);
    put(file, packet->data, packet->captured);
    put_option(file, EPB_FLAGS, &(uint32_t){packet->outgoing ? OUTBOUND : INBOUND}, sizeof(uint32_t));
    put_comments(file);
    end(file);
    if (file->size >= BUFFER)
        flush(file);
}
