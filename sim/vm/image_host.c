/* The host's part of the image: vclab as /init, with this host's loader and libraries, and the folders it mounts on. */
#include "vm/image_private.h"

#include <string.h>
#include <sys/stat.h>

#include "vm/elf.h"

/* Where /bin, /sbin, /lib and /lib64 are links into /usr, programs and loaders are named by the links. */
void image_add_links(struct image_tree *tree, const char *root, const char *dest)
{
    static const char *const names[] = {"bin", "sbin", "lib", "lib64"};

    for (size_t i = 0; i < VC_COUNT(names); i++) {
        VC_AUTO_TALLOC char *from = talloc_asprintf(NULL, "%s/%s", root, names[i]);
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s%s", dest, names[i]);
        char target[256];
        ssize_t n = readlink(from, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        image_tree_link(tree, path, target);
        if (*target != '/') {
            VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s%s", dest, target);
            image_tree_folder(tree, folder);
        }
    }
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/*
 * A library goes beside libc, which is always in one of the folders that the loader knows without a cache; on the host
 * it may lie wherever ldconfig looks.
 */
int image_add_host(struct image_tree *tree, const struct vc_image_inputs *inputs, vc_error **err)
{
    static const char *const folders[] = {"dev", "newroot", "proc", "results", "run", "sys", "tmp"};
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    VC_AUTO_JSON *files = json_object();
    const json_t *value VC_UNUSED;
    const char *path, *libc = NULL;

    for (size_t i = 0; i < VC_COUNT(folders); i++)
        image_tree_folder(tree, folders[i]);
    image_add_links(tree, "", "");
    if (image_tree_file(tree, "init", "", inputs->binary, err) || vc_elf_closure("", inputs->binary, files, err))
        return vc_wrap(err, "vclab itself cannot go into the guest image");
    json_object_foreach(files, path, value) if (!strcmp(base_name(path), "libc.so.6")) libc = path;
    json_object_foreach(files, path, value)
    {
        bool loader = !strncmp(base_name(path), "ld-", 3) || !strncmp(base_name(path), "ld64", 4);
        const char *dest = loader || !libc ? path + 1
                                           : talloc_asprintf(scratch, "%.*s%s", (int)(base_name(libc) - libc - 1),
                                                             libc + 1, base_name(path));
        if (image_tree_file(tree, dest, "", path, err))
            return vc_wrap(err, "vclab itself cannot go into the guest image");
    }
    return 0;
}
