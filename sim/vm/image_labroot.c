/*
 * The lab root's part of the image: the programs that kinds of nodes run, what these open by name, and a shell for
 * people. A table row says why it is there; whatever a program is linked with comes by itself.
 */
#include "vm/image_private.h"

#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "model/files.h"
#include "plan/kind.h"
#include "vm/elf.h"

static const struct {
    const char *path, *why;
    bool required;
} extras[] = {
    {"etc/passwd", "users by name: FRR's -u root", true},
    {"etc/group", "groups by name: FRR's -g root", true},
    {"etc/nsswitch.conf", "libc's look-ups go to these files only", true},
    {"etc/protocols", "getprotobyname", true},
    {"etc/services", "getservbyname", true},
    {"etc/ld.so.cache", "libraries found by one look-up instead of a dozen", false},
    {"usr/bin/env", "daemons with an environment of their own", true},
    {"usr/bin/bash", "vclab shell", true},
    {"etc/bash.bashrc", "bash's prompt", false},
    {"usr/bin/ip", "shell", true},
    {"usr/sbin/tc", "shell", false},
    {"usr/bin/ss", "shell", false},
    {"usr/bin/ping", "shell", true},
    {"usr/bin/tcpdump", "shell", false},
    {"usr/bin/ps", "shell", false},
    {"usr/bin/ls", "shell", false},
    {"usr/bin/cat", "shell", false},
    {"usr/bin/tail", "shell", false},
    {"usr/bin/grep", "shell", false},
    {"usr/bin/stty", "shell: the size of the terminal", false},
    {"usr/sbin/birdcl", "shell: BIRD's state", false},
    {"usr/sbin/swanctl", "shell: charon's state", false},
};

/* Opened by name: iproute2's names of protocols and tables. */
static const char *const folders[] = {"etc/iproute2", "usr/share/iproute2"};

/* What nodes mount on or write to. */
static const char *const skeleton[] = {"dev", "home", "mnt", "proc", "root", "run", "sys", "tmp", "var/log", "var/tmp"};

struct labroot {
    struct image_tree *tree;
    const char *path;
    void *scratch;
    json_t *files; /* the closure */
};

static const char advice[] = "remove the folder and run ./vclab again";

/* In the lab root folders may be links: the file goes where its path leads. */
static char *place(const struct labroot *root, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *folder = vc_root_folder(root->scratch, root->path,
                                        slash ? talloc_strndup(root->scratch, path, (size_t)(slash - path)) : "/");

    return folder ? talloc_asprintf(root->scratch, "labroot%s/%s", folder, slash ? slash + 1 : path) : NULL;
}

static int add_program(struct labroot *root, const char *path, bool required, const char *why, vc_error **err)
{
    VC_AUTO_ERROR *reason = NULL;
    const char *at = place(root, path);

    VC_AUTO_FD there = at ? vc_root_open(root->path, path, O_PATH) : -1;
    if (there < 0 && !required)
        return 0;
    if (there < 0)
        return vc_fail(err, VC_EXIT_HOST, 0, "the lab root %s is not whole: %s is missing (%s); %s", root->path, path,
                       why, advice);
    if (image_tree_file(root->tree, at, root->path, path, err))
        return -1;
    if (!vc_elf_closure(root->path, path, root->files, &reason))
        return 0;
    vc_error_move(err, &reason);
    return vc_wrap(err, "the lab root %s is not whole (%s)", root->path, advice);
}

/*
 * Words of the line "load = …" with the template's tags taken out: both planes' plugins. One that this strongSwan does
 * not have (6 has kdf in openssl) is passed over here as charon does it.
 */
static int add_plugins(struct labroot *root, const char *text, const char *where, vc_error **err)
{
    char *line = NULL, *rest = NULL;

    for (const char *at = text; at && *at && !line; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        at += strspn(at, " \t");
        if (!strncmp(at, "load ", 5) || !strncmp(at, "load=", 5))
            line = talloc_strndup(root->scratch, at, strcspn(at, "\n"));
    }
    if (!line)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s has no line \"load = …\", by which the image gets charon's plugins",
                       where);
    for (char *tag; (tag = strstr(line, "{{"));) {
        char *end = strstr(tag, "}}");
        memset(tag, ' ', end ? (size_t)(end + 2 - tag) : strlen(tag));
    }
    for (char *word = strtok_r(strchr(line, '=') + 1, " \t!", &rest); word; word = strtok_r(NULL, " \t!", &rest))
        if (add_program(root, talloc_asprintf(root->scratch, "usr/lib/ipsec/plugins/libstrongswan-%s.so", word), false,
                        "charon loads it", err))
            return -1;
    return 0;
}

static bool is_wanted(const struct vc_image_inputs *inputs, const struct vc_kind_daemon *daemon)
{
    for (const char *const *name = inputs->rare; daemon->rare && name && *name; name++)
        if (!strcmp(*name, daemon->name))
            return true;
    return !daemon->rare;
}

static int add_daemon(struct labroot *root, const char *nodes, const struct vc_kind *kind,
                      const struct vc_kind_daemon *daemon, vc_error **err)
{
    const char *program = daemon->argv[0];

    if (!program || *program != '/')
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s/daemons.yaml: %s's program must be an absolute path", nodes,
                       daemon->name);
    if (add_program(root, program + 1, true, talloc_asprintf(root->scratch, "the daemon %s", daemon->name), err))
        return -1;
    for (const char *const *path = daemon->opens; *path; path++)
        if (add_program(root, *path, true, talloc_asprintf(root->scratch, "%s opens it", daemon->name), err))
            return -1;
    for (size_t i = 0; i < daemon->files.count; i++) {
        const char *where, *text;
        if (strcmp(daemon->files.items[i].path, "/etc/strongswan.conf") != 0)
            continue;
        text = vc_kind_template(root->scratch, kind, daemon->files.items[i].template, &where, err);
        if (!text || add_plugins(root, text, where, err))
            return -1;
    }
    return 0;
}

static int add_daemons(struct labroot *root, const struct vc_image_inputs *inputs, vc_error **err)
{
    const char *nodes = inputs->nodes;
    struct vc_names kinds = vc_folders(root->scratch, nodes);

    if (!kinds.count)
        return vc_fail(err, VC_EXIT_HOST, 0, "there are no kinds of nodes in %s (VCLAB_HOME names the folder above)",
                       nodes);
    for (size_t i = 0; i < kinds.count; i++) {
        const struct vc_kind *kind = vc_kind_load(root->scratch, nodes, vc_names_at(kinds, i), err);
        if (!kind)
            return -1;
        for (size_t d = 0; d < kind->daemon_count; d++)
            if (is_wanted(inputs, &kind->daemons[d]) && add_daemon(root, nodes, kind, &kind->daemons[d], err))
                return -1;
    }
    return 0;
}

static int add_tree(struct image_tree *tree, const char *dest, const char *folder, vc_error **err)
{
    VC_AUTO_FREE char *copy = strdup(folder);
    FTS *fts = fts_open((char *const[]){copy, NULL}, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    int failed = 0;

    for (const FTSENT *entry; fts && !failed && (entry = fts_read(fts));) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", dest, entry->fts_path + strlen(folder));
        if (entry->fts_info == FTS_D) {
            image_tree_note(tree, entry->fts_path);
            image_tree_folder(tree, path);
        } else if (entry->fts_info == FTS_F) {
            failed = image_tree_file(tree, path, "", entry->fts_path, err);
        }
    }
    if (fts)
        fts_close(fts);
    return failed;
}

/* Terminals that people have; ncurses looks in both folders. */
static int add_terminals(struct labroot *root, vc_error **err)
{
    static const char *const places[] = {"usr/share/terminfo", "usr/lib/terminfo"};
    static const char *const names[] = {"d/dumb",          "l/linux", "s/screen", "s/screen-256color",
                                        "t/tmux-256color", "v/vt220", "x/xterm",  "x/xterm-256color"};

    for (size_t p = 0; p < VC_COUNT(places); p++)
        for (size_t n = 0; n < VC_COUNT(names); n++)
            if (add_program(root, talloc_asprintf(root->scratch, "%s/%s", places[p], names[n]), false, "shell", err))
                return -1;
    return 0;
}

/* glibc opens it by name when a thread ends, and stops the program when it is not there. */
static int add_unwinder(struct labroot *root, vc_error **err)
{
    static const char libc[] = "/libc.so.6";
    const char *path;
    const json_t *value VC_UNUSED;

    json_object_foreach(root->files, path, value)
    {
        size_t length = strlen(path);
        if (length > sizeof libc && !strcmp(path + length - (sizeof libc - 1), libc))
            return add_program(
                root, talloc_asprintf(root->scratch, "%.*s/libgcc_s.so.1", (int)(length - sizeof libc), path + 1), true,
                "charon's threads", err);
    }
    return 0;
}

static int add_closure(struct labroot *root, vc_error **err)
{
    const char *path;
    const json_t *value VC_UNUSED;

    json_object_foreach(root->files, path,
                        value) if (image_tree_file(root->tree, talloc_asprintf(root->scratch, "labroot%s", path),
                                                   root->path, path, err)) return -1;
    return 0;
}

int image_add_labroot(struct image_tree *tree, const struct vc_image_inputs *inputs, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *files = json_object();
    struct labroot root = {.tree = tree, .path = inputs->labroot, .scratch = scratch, .files = files};

    image_add_links(tree, inputs->labroot, "labroot/");
    image_tree_link(tree, "labroot/var/run", "/run");
    for (size_t i = 0; i < VC_COUNT(skeleton); i++)
        image_tree_folder(tree, talloc_asprintf(scratch, "labroot/%s", skeleton[i]));
    if (add_daemons(&root, inputs, err))
        return -1;
    for (size_t i = 0; i < VC_COUNT(extras); i++)
        if (add_program(&root, extras[i].path, extras[i].required, extras[i].why, err))
            return -1;
    for (size_t i = 0; i < VC_COUNT(folders); i++)
        if (add_tree(tree, talloc_asprintf(scratch, "labroot/%s", folders[i]),
                     talloc_asprintf(scratch, "%s/%s", inputs->labroot, folders[i]), err))
            return -1;
    return add_terminals(&root, err) || add_unwinder(&root, err) || add_closure(&root, err) ||
                   add_tree(tree, "vclab/nodes", inputs->nodes, err)
               ? -1
               : 0;
}
