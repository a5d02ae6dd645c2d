/* The folder of a run: made before anything starts, filled as events arrive, finished with run.json and junit.xml. */
#include "report/report_private.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

struct vc_result_writer {
    FILE *file;
    char *path;
    int errnum; /* of the first write that failed */
};

/* Under sudo the results belong to who called it, so that they can be removed without root. */
static bool caller(uid_t *uid, gid_t *gid)
{
    const char *user = getenv("SUDO_UID"), *group = getenv("SUDO_GID");

    if (geteuid() != 0 || !user || !group)
        return false;
    *uid = (uid_t)strtoul(user, NULL, 10);
    *gid = (gid_t)strtoul(group, NULL, 10);
    return *uid != 0;
}

static void give_to_caller(const char *path)
{
    uid_t uid;
    gid_t gid;

    if (caller(&uid, &gid) && lchown(path, uid, gid) < 0) {
        /* A file system without owners (a share, say) is no reason to refuse it. */
    }
}

void vc_result_give(const char *path)
{
    uid_t uid;
    gid_t gid;

    if (!caller(&uid, &gid))
        return;
    VC_AUTO_FREE char *root = strdup(path);
    FTS *tree = fts_open((char *const[]){root, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return;
    for (FTSENT *entry; (entry = fts_read(tree));)
        if (entry->fts_info != FTS_DP)
            give_to_caller(entry->fts_accpath);
    fts_close(tree);
}

static int make_dir(const char *path, vc_error **err)
{
    if (mkdir(path, 0755) == 0)
        give_to_caller(path);
    else if (errno != EEXIST)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot make the results folder %s (choose another with --results)",
                       path);
    return 0;
}

/* results_dir with its missing parents. */
static int make_parents(const char *results_dir, vc_error **err)
{
    VC_AUTO_FREE char *path = strdup(results_dir);

    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (make_dir(path, err) < 0)
            return -1;
        *slash = '/';
    }
    return make_dir(path, err);
}

static int check_room(const char *path, vc_error **err)
{
    static const char block[1 << 16];
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s/.room", path);
    VC_AUTO_FD fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int failed = fd < 0 ? errno : 0;

    for (size_t written = 0; !failed && written < 1 << 20;) {
        ssize_t n = write(fd, block, sizeof block);
        if (n < 0)
            failed = errno;
        else
            written += (size_t)n;
    }
    if (fd >= 0 && close(VC_STEAL_FD(fd)) < 0 && !failed)
        failed = errno;
    unlink(name);
    if (failed)
        return vc_fail(err, VC_EXIT_HOST, failed,
                       "cannot write results to %s (make room or choose another folder with --results)", path);
    return 0;
}

/* results_dir/<UTC time><middle>-<random><end> */
static char *new_folder(void *ctx, const char *results_dir, const char *middle, const char *end, vc_error **err)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;

    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    for (;;) {
        uint16_t suffix;
        if (getrandom(&suffix, sizeof suffix, 0) != sizeof suffix)
            suffix = (uint16_t)getpid();
        char *path = talloc_asprintf(ctx, "%s/%s%s-%04x%s", results_dir, stamp, middle, suffix, end);
        if (mkdir(path, 0755) == 0) {
            give_to_caller(path);
            return path;
        }
        int errnum = errno;
        if (errnum != EEXIST) {
            vc_fail(err, VC_EXIT_HOST, errnum, "cannot make the results folder %s (choose another with --results)",
                    path);
            talloc_free(path);
            return NULL;
        }
        talloc_free(path);
    }
}

char *vc_result_create(void *ctx, const char *results_dir, const char *scenario, vc_error **err)
{
    static const char *const folders[] = {"captures", "logs"};

    if (make_parents(results_dir, err) < 0)
        return NULL;
    VC_AUTO_TALLOC char *middle = talloc_asprintf(NULL, "-%s", scenario);
    VC_AUTO_TALLOC char *path = new_folder(ctx, results_dir, middle, "", err);
    if (!path)
        return NULL;
    bool ok = check_room(path, err) == 0;
    for (size_t i = 0; ok && i < VC_COUNT(folders); i++) {
        VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/%s", path, folders[i]);
        ok = make_dir(folder, err) == 0;
    }
    if (ok)
        return VC_STEAL_PTR(path);
    for (size_t i = 0; i < VC_COUNT(folders); i++) {
        VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/%s", path, folders[i]);
        rmdir(folder);
    }
    rmdir(path);
    return NULL;
}

char *vc_result_create_suite(void *ctx, const char *results_dir, vc_error **err)
{
    return make_parents(results_dir, err) < 0 ? NULL : new_folder(ctx, results_dir, "", "-suite", err);
}

static int writer_free(struct vc_result_writer *writer)
{
    if (writer->file)
        fclose(writer->file);
    return 0;
}

struct vc_result_writer *vc_result_writer_new(void *ctx, const char *path, vc_error **err)
{
    struct vc_result_writer *writer = talloc_zero(ctx, struct vc_result_writer);

    talloc_set_destructor(writer, writer_free);
    writer->path = talloc_asprintf(writer, "%s/events.jsonl", path);
    writer->file = fopen(writer->path, "wxe");
    if (writer->file)
        return writer;
    vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", writer->path);
    talloc_free(writer);
    return NULL;
}

void vc_result_event(void *arg, json_t *event)
{
    struct vc_result_writer *writer = arg;

    /* After a failed write nothing more is written: a gap in the middle would look like a quiet lab, a cut stream is
     * seen for what it is. */
    if (writer->errnum || !writer->file)
        return;
    errno = 0;
    if (json_dumpf(event, writer->file, JSON_COMPACT) < 0 || putc('\n', writer->file) == EOF || fflush(writer->file))
        writer->errnum = errno ? errno : EIO;
}

int vc_result_writer_close(struct vc_result_writer *writer, vc_error **err)
{
    FILE *file = VC_STEAL_PTR(writer->file);
    int errnum = writer->errnum;

    writer->errnum = 0;
    if (file && fclose(file) == EOF && !errnum)
        errnum = errno;
    if (errnum)
        return vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s (make room or choose another folder with --results)",
                       writer->path);
    return 0;
}

int vc_result_replace(const char *result_path, const char *name, const char *data, size_t size, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", result_path, name);
    VC_AUTO_TALLOC char *temporary = talloc_asprintf(NULL, "%s/.%s.new", result_path, name);
    VC_AUTO_FILE *file = fopen(temporary, "we");

    if (!file)
        return vc_fail(err, VC_EXIT_HOST, errno, "cannot write %s", path);
    errno = 0;
    bool written = fwrite(data, 1, size, file) == size && fflush(file) == 0;
    int errnum = errno;
    if (fclose(VC_STEAL_PTR(file)) == EOF && written) {
        written = false;
        errnum = errno;
    }
    if (written && rename(temporary, path) == 0)
        return 0;
    if (written)
        errnum = errno;
    unlink(temporary);
    return vc_fail(err, VC_EXIT_HOST, errnum, "cannot write %s (make room or choose another folder with --results)",
                   path);
}

json_t *vc_result_finish(const char *path, json_t *header, json_t *judged, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *run = json_pack("{s:s}", "schema", "vclab.run/1");
    const char *digest = vc_result_digest(ctx, path, err);

    if (!digest)
        return NULL;
    json_object_update(run, header);
    json_object_update(run, judged);
    json_object_set_new(run, "digest", json_string(digest));
    VC_AUTO_FREE char *text = json_dumps(run, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    const char *junit = vc_junit_text(ctx, run);
    if (vc_result_replace(path, "run.json", text, strlen(text), err) < 0 ||
        vc_result_replace(path, "junit.xml", junit, strlen(junit), err) < 0)
        return NULL;
    vc_result_give(path);
    return VC_STEAL_PTR(run);
}
