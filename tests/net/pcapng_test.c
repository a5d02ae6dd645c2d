/* Files are read back by libpcap and, where a field is not libpcap's business, byte by byte. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>

#include "net/pcapng.h"

static struct vc_tap_packet packet(const char *data, size_t captured, size_t length, bool outgoing)
{
    return (struct vc_tap_packet){.time = {1700000000, 123456789},
                                  .outgoing = outgoing,
                                  .data = (const uint8_t *)data,
                                  .captured = captured,
                                  .length = length};
}

/* The whole file; freed by the caller. */
static char *contents(int fd, size_t *size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    char *data = malloc((size_t)end);

    *size = (size_t)end;
    cr_assert_eq(pread(fd, data, (size_t)end, 0), end);
    return data;
}

/* The option's text inside the block at `at`, or NULL. */
static bool has_option(const char *data, size_t size, uint16_t code, const char *text)
{
    char option[256];
    uint16_t length = (uint16_t)strlen(text);

    memcpy(option, &code, 2);
    memcpy(option + 2, &length, 2);
    memcpy(option + 4, text, length);
    return memmem(data, size, option, 4U + length);
}

Test(pcapng, libpcap_reads_what_was_written)
{
    VC_AUTO_ERROR *err = NULL;
    char text[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    VC_AUTO_FD fd = memfd_create("pcapng", MFD_CLOEXEC);
    struct vc_pcapng *file = vc_pcapng_new(NULL, dup(fd), 101, "wan", "link inet-cpe1 at cpe1", &err);
    struct vc_tap_packet one = packet("abcde", 5, 5, false), two = packet("xyz", 3, 1500, true);

    cr_assert_not_null(file);
    vc_pcapng_packet(file, &one);
    vc_pcapng_comment(file, "fault cut: applied");
    vc_pcapng_comment(file, "second");
    vc_pcapng_packet(file, &two);
    cr_assert_eq(vc_pcapng_flush(file, &err), 0);
    talloc_free(file);

    lseek(fd, 0, SEEK_SET);
    pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(fdopen(dup(fd), "r"), PCAP_TSTAMP_PRECISION_NANO, text);
    cr_assert_not_null(pcap, "%s", text);
    cr_assert_eq(pcap_datalink(pcap), DLT_RAW);
    cr_assert_eq(pcap_next_ex(pcap, &header, &data), 1);
    cr_assert(header->caplen == 5 && header->len == 5 && !memcmp(data, "abcde", 5));
    cr_assert(header->ts.tv_sec == 1700000000 && header->ts.tv_usec == 123456789, "nanoseconds");
    cr_assert_eq(pcap_next_ex(pcap, &header, &data), 1);
    cr_assert(header->caplen == 3 && header->len == 1500 && !memcmp(data, "xyz", 3));
    cr_assert_eq(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK, "%s", pcap_geterr(pcap));
    pcap_close(pcap);

    size_t size;
    VC_AUTO_FREE char *raw = contents(fd, &size);
    cr_assert(has_option(raw, size, 2, "wan"), "if_name");
    cr_assert(has_option(raw, size, 3, "link inet-cpe1 at cpe1"), "if_description");
    cr_assert(has_option(raw, size, 1, "fault cut: applied"));
    cr_assert(has_option(raw, size, 1, "second"));
    cr_assert_not_null(memmem(raw, size, "\2\0\4\0\2\0\0\0", 8), "outbound");
    cr_assert_not_null(memmem(raw, size, "\2\0\4\0\1\0\0\0", 8), "inbound");
    cr_assert_eq(size % 4, 0);
}

Test(pcapng, a_comment_that_no_packet_follows_is_kept)
{
    VC_AUTO_ERROR *err = NULL;
    char text[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    size_t size;
    VC_AUTO_FD fd = memfd_create("pcapng", MFD_CLOEXEC);
    struct vc_pcapng *file = vc_pcapng_new(NULL, dup(fd), 1, "wan", NULL, &err);

    vc_pcapng_comment(file, "the end");
    talloc_free(file);
    VC_AUTO_FREE char *raw = contents(fd, &size);
    cr_assert(has_option(raw, size, 1, "the end"));
    lseek(fd, 0, SEEK_SET);
    pcap_t *pcap = pcap_fopen_offline(fdopen(dup(fd), "r"), text);
    cr_assert_not_null(pcap, "%s", text);
    cr_assert_eq(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK, "%s", pcap_geterr(pcap));
    pcap_close(pcap);
}

Test(pcapng, a_full_disk_is_reported_once_and_the_rest_dropped)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_tap_packet one = packet("abcde", 5, 5, false);
    VC_AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    cr_assert_null(vc_pcapng_new(NULL, dup(full), 1, "wan", NULL, &err));
    cr_assert_eq(err->errnum, ENOSPC);

    /* One that fills up later. */
    VC_AUTO_FD fd = memfd_create("pcapng", MFD_CLOEXEC);
    struct vc_pcapng *file = vc_pcapng_new(NULL, dup(fd), 1, "wan", NULL, &err);
    struct rlimit limit = {1024, 1024};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 5000; i++)
        vc_pcapng_packet(file, &one);
    cr_assert_eq(vc_pcapng_flush(file, &err), -1);
    cr_assert_eq(err->errnum, EFBIG, "%s", err->message);
    off_t size = lseek(fd, 0, SEEK_END);
    vc_pcapng_packet(file, &one);
    cr_assert_eq(vc_pcapng_flush(file, &err), -1);
    talloc_free(file);
    cr_assert_eq(lseek(fd, 0, SEEK_END), size);
}
