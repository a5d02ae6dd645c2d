#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "vm/blob_path.h"
#include "vm/results_format.h"

enum { DEVICE_SIZE = 1 << 20 };

static char top[] = "/tmp/vclab-results-XXXXXX";
static char *device, *from, *to;

static void folder(const char *parent, const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", parent, name);

    cr_assert_eq(mkdir(path, 0755), 0);
}

static void setup(void)
{
    cr_assert(mkdtemp(top));
    device = talloc_asprintf(NULL, "%s/device", top);
    from = talloc_asprintf(NULL, "%s/from", top);
    to = talloc_asprintf(NULL, "%s/to", top);
    folder(top, "from");
    folder(top, "to");
    folder(from, "logs");
    folder(from, "captures");
    cr_assert_eq(vc_results_create(device, DEVICE_SIZE, NULL), 0);
}

static int drop(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED, struct FTW *at VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, drop, 16, FTW_DEPTH | FTW_PHYS);
    talloc_free(device);
    talloc_free(from);
    talloc_free(to);
}

TestSuite(results, .init = setup, .fini = teardown);

static void put(const char *name, const void *bytes, size_t size)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", from, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && (size == 0 || fwrite(bytes, size, 1, file) == 1));
}

static char *came_out(void *ctx, const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", to, name);
    VC_AUTO_FILE *file = fopen(path, "re");
    char *text = talloc_zero_size(ctx, DEVICE_SIZE + 1);

    if (!file)
        return NULL;
    return talloc_realloc_size(ctx, text, fread(text, 1, DEVICE_SIZE, file) + 1);
}

static void pack(void)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_results_write(device, from, &err), 0, "%s", err ? err->message : "");
}

/* Reads, and expects a failure that says `part`. */
static void refused(const char *part)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_results_read(device, to, &err), -1, "came out without \"%s\"", part);
    cr_assert(strstr(err->message, part), "%s", err->message);
    cr_assert(!strpbrk(err->message, "\n\x1b"), "a name reaches the terminal as it is");
}

Test(results, files_come_out_as_they_went_in)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    static char large[300 * 1000];

    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7);
    folder(from, "logs/cpe1");
    put("logs/cpe1/charon.log", "negotiated\n", 11);
    put("logs/empty", "", 0);
    put("captures/inet-dc1.pcap", large, sizeof large);
    put("elsewhere", "no", 2);
    pack();
    cr_assert_eq(vc_results_read(device, to, &err), 0, "%s", err ? err->message : "");
    cr_assert_str_eq(came_out(ctx, "logs/cpe1/charon.log"), "negotiated\n");
    cr_assert_str_eq(came_out(ctx, "logs/empty"), "");
    const char *pcap = came_out(ctx, "captures/inet-dc1.pcap");
    cr_assert_eq(talloc_get_size(pcap), sizeof large + 1);
    cr_assert_arr_eq(pcap, large, sizeof large);
    cr_assert_null(came_out(ctx, "elsewhere"));
}

Test(results, same_files_are_the_same_bytes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_TALLOC char *first = talloc_asprintf(NULL, "%s/first", top);
    const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    put("logs/b", "2", 1);
    put("logs/a", "1", 1);
    pack();
    cr_assert_eq(rename(device, first), 0);
    cr_assert_eq(vc_results_create(device, DEVICE_SIZE, NULL), 0);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/logs/a", from);
    cr_assert_eq(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    cr_assert_eq(chmod(path, 0600), 0);
    pack();
    VC_AUTO_FILE *one = fopen(first, "re"), *two = fopen(device, "re");
    char *a = talloc_size(ctx, DEVICE_SIZE), *b = talloc_size(ctx, DEVICE_SIZE);
    cr_assert(one && two && fread(a, DEVICE_SIZE, 1, one) == 1 && fread(b, DEVICE_SIZE, 1, two) == 1);
    cr_assert_eq(memcmp(a, b, DEVICE_SIZE), 0);
}

Test(results, nothing_to_say_is_not_nothing_said)
{
    VC_AUTO_ERROR *err = NULL;

    refused("wrote no results");
    pack();
    cr_assert_eq(vc_results_read(device, to, &err), 0, "%s", err ? err->message : "");
}

Test(results, full_device_says_how_much_was_needed)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    char *large = talloc_zero_size(ctx, 3 << 20);

    put("logs/small", "still here", 10);
    put("captures/large.pcap", large, 3 << 20);
    cr_assert_eq(vc_results_write(device, from, &err), -1);
    cr_assert_eq(err->status, VC_EXIT_FAIL);
    cr_assert(strstr(err->message, "full (1 MiB)") && strstr(err->message, "need 4 MiB"), "%s", err->message);
    refused(err->message);
    cr_assert_str_eq(came_out(ctx, "logs/small"), "still here");
    cr_assert_null(came_out(ctx, "captures/large.pcap"), "half a capture passes for a whole one");
}

/* Whether the archive just fits or misses by one byte is decided rightly: a padded archive ends at a record of 512. */
Test(results, device_may_be_filled_to_the_last_page)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    /* one record for the file's head, two for the archive's end */
    const size_t fits = DEVICE_SIZE - VC_RESULTS_HEADER - 3 * 512;
    char *bytes = talloc_size(ctx, fits + 1);

    memset(bytes, 'x', fits + 1);
    put("logs/a", bytes, fits);
    pack();
    cr_assert_eq(vc_results_read(device, to, &err), 0, "%s", err ? err->message : "");
    cr_assert_eq(talloc_get_size(came_out(ctx, "logs/a")), fits + 1);
    put("logs/a", bytes, fits + 1);
    cr_assert_eq(vc_results_write(device, from, NULL), -1);
}

Test(results, device_of_odd_size_is_refused)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_results_create(device, 100, NULL), 0);
    cr_assert_eq(vc_results_write(device, from, &err), -1);
    cr_assert(strstr(err->message, device));
}

/* ---- what a hostile guest may write ---- */

/* A device with a header of our making around `archive`. */
static void forge(const void *archive, size_t size, const struct results_header *changes)
{
    XXH128_hash_t hash = XXH3_128bits(archive, size);
    struct results_header header = *changes;
    VC_AUTO_FD fd = open(device, O_WRONLY | O_CLOEXEC);

    memcpy(header.magic, VC_RESULTS_MAGIC, sizeof header.magic);
    header.state = header.state ? header.state : RESULTS_WHOLE;
    header.archive = header.archive ? header.archive : size;
    header.xxh3[0] = hash.low64;
    header.xxh3[1] = hash.high64;
    cr_assert(pwrite(fd, &header, sizeof header, 0) > 0 && pwrite(fd, archive, size, VC_RESULTS_HEADER) >= 0);
}

/* An archive of one harmless file, then one entry of the kind and name given, then another harmless file. */
static size_t hostile(char *bytes, const char *name, unsigned type, const char *link, bool hard)
{
    struct archive *a = archive_write_new();
    const struct {
        const char *name;
        unsigned type;
    } entries[] = {{"logs/before", AE_IFREG}, {name, type}, {"logs/after", AE_IFREG}};
    size_t used = 0;

    archive_write_set_format_pax_restricted(a);
    cr_assert_eq(archive_write_open_memory(a, bytes, DEVICE_SIZE, &used), ARCHIVE_OK);
    for (size_t i = 0; i < VC_COUNT(entries); i++) {
        struct archive_entry *entry = archive_entry_new();
        bool file = entries[i].type == AE_IFREG && !(i == 1 && link);

        archive_entry_set_pathname(entry, entries[i].name);
        archive_entry_set_filetype(entry, entries[i].type);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, file ? 2 : 0);
        if (i == 1 && link && hard)
            archive_entry_set_hardlink(entry, link);
        else if (i == 1 && link)
            archive_entry_set_symlink(entry, link);
        cr_assert_eq(archive_write_header(a, entry), ARCHIVE_OK, "%s", archive_error_string(a));
        if (file)
            cr_assert_eq(archive_write_data(a, "hi", 2), 2);
        archive_entry_free(entry);
    }
    archive_write_close(a);
    archive_write_free(a);
    return used;
}

static size_t entries_of(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);

    while (dir && readdir(dir))
        count++;
    cr_assert(dir);
    closedir(dir);
    return count - 2;
}

Test(results, only_files_below_logs_and_captures_come_out)
{
    static const struct {
        const char *name;
        const char *link;
        unsigned type;
        bool hard;
    } cases[] = {
        {"../escaped", NULL, AE_IFREG},
        {"logs/../../escaped", NULL, AE_IFREG},
        {"/tmp/vclab-results-escaped", NULL, AE_IFREG},
        {"logs/./escaped", NULL, AE_IFREG},
        {"logs//escaped", NULL, AE_IFREG},
        {"run.json", NULL, AE_IFREG},
        {"logs", NULL, AE_IFREG},
        {"logs-escaped/file", NULL, AE_IFREG},
        {"logs/line\nbreak", NULL, AE_IFREG},
        {"logs/\x1b[2J", NULL, AE_IFREG},
        {"logs/link", "/etc/passwd", AE_IFLNK},
        {"logs/hard", "logs/before", AE_IFREG, true},
        {"logs/hard", "/etc/passwd", AE_IFREG, true},
        {"logs/device", NULL, AE_IFCHR},
        {"logs/fifo", NULL, AE_IFIFO},
        {"logs/folder", NULL, AE_IFDIR},
    };
    VC_AUTO_TALLOC char *bytes = talloc_zero_size(NULL, DEVICE_SIZE);

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

        forge(bytes, hostile(bytes, cases[i].name, cases[i].type, cases[i].link, cases[i].hard),
              &(struct results_header){0});
        refused("is no plain file");
        cr_assert_str_eq(came_out(ctx, "logs/before"), "hi"); /* what came before stays */
        cr_assert_null(came_out(ctx, "logs/after"), "%s", cases[i].name);
        cr_assert_eq(entries_of(to), 1, "%s", cases[i].name);
        cr_assert_eq(entries_of(top), 3, "%s", cases[i].name);
    }
}

Test(results, links_in_the_result_folder_are_not_followed)
{
    VC_AUTO_TALLOC char *bytes = talloc_zero_size(NULL, DEVICE_SIZE);
    VC_AUTO_TALLOC char *link = talloc_asprintf(NULL, "%s/logs", to);

    cr_assert_eq(symlink(from, link), 0);
    forge(bytes, hostile(bytes, "logs/x", AE_IFREG, NULL, false), &(struct results_header){0});
    refused("refused");
    cr_assert_eq(entries_of(from), 2);
}

Test(results, lying_headers_are_refused)
{
    static const struct results_header lies[] = {
        {.archive = DEVICE_SIZE}, {.archive = UINT64_MAX}, {.device = 1ULL << 40}, {.state = 77}};
    VC_AUTO_TALLOC char *bytes = talloc_zero_size(NULL, DEVICE_SIZE);
    size_t size = hostile(bytes, "logs/x", AE_IFREG, NULL, false);

    for (size_t i = 0; i < VC_COUNT(lies); i++) {
        forge(bytes, size, &lies[i]);
        refused("header is damaged");
    }
    forge(bytes, size, &(struct results_header){.archive = size - 600}); /* and one that says less than there is */
    refused("damaged");
    forge(bytes, size, &(struct results_header){.archive = 1});
    refused("damaged");
}

Test(results, changed_bytes_are_noticed)
{
    VC_AUTO_FD fd = open(device, O_WRONLY | O_CLOEXEC);

    put("logs/a", "text", 4);
    pack();
    cr_assert_eq(pwrite(fd, "T", 1, VC_RESULTS_HEADER + 512), 1);
    refused("not the bytes it wrote");
}

/* Changes the size in the head of a tar entry, and its checksum. */
static void claim(char *head, const char *octal_size)
{
    unsigned sum = 0;

    memcpy(head + 124, octal_size, 11);
    memset(head + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 8, "%06o", sum);
}

Test(results, entries_that_claim_more_than_there_is_are_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *bytes = talloc_zero_size(ctx, DEVICE_SIZE);
    size_t size = hostile(bytes, "logs/x", AE_IFREG, NULL, false);
    char *head = bytes + 1024; /* head and data of the entry before have a record each */

    cr_assert_str_eq(head, "logs/x");
    claim(head, "77777777777");
    forge(bytes, size, &(struct results_header){0});
    refused("larger than its archive");
    claim(head, "00000005670"); /* 3000: not more than the archive, but more than is left of it */
    cr_assert_eq(size, 4096);
    forge(bytes, size, &(struct results_header){0});
    refused("damaged at logs/x");
    cr_assert_null(came_out(ctx, "logs/x"));
}

Test(results, noise_is_refused)
{
    VC_AUTO_TALLOC char *bytes = talloc_size(NULL, 8192);
    uint32_t state = 1;

    for (size_t i = 0; i < 8192; i++)
        bytes[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
    forge(bytes, 8192, &(struct results_header){0});
    refused("damaged");
}

Test(results, plain_paths)
{
    static const char *const plain[] = {"a", "a/b", "a..b/.c", "..a", "a/...", "topologies/two-cpe.yaml"};
    static const char *const others[] = {"",   "/",    "/a",   "a/",    "a//b", ".",
                                         "..", "a/..", "../a", "a/./b", "a\tb", "\x7f"};
    VC_AUTO_TALLOC char *path = talloc_zero_size(NULL, 2000);

    for (size_t i = 0; i < VC_COUNT(plain); i++)
        cr_assert(vc_path_is_plain(plain[i]), "%s", plain[i]);
    for (size_t i = 0; i < VC_COUNT(others); i++)
        cr_assert(!vc_path_is_plain(others[i]), "%s", others[i]);
    memset(path, 'a', 256);
    cr_assert(!vc_path_is_plain(path));
    for (size_t i = 1; i < 1500; i += 2)
        memcpy(path + i - 1, "a/", 2);
    path[1499] = 0;
    cr_assert(!vc_path_is_plain(path));
}
