#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/labroot.h"

static char top[] = "/tmp/vclab-labroot-XXXXXX";
static const char *const programs[] = {
    "usr/lib/ipsec/charon",      "usr/libexec/ipsec/pluto", "usr/lib/frr/zebra", "usr/lib/frr/bgpd",
    "usr/lib/frr/bfdd",          "usr/lib/frr/ospfd",       "usr/sbin/bird",     "bin/bash",
    "lib64/ld-linux-x86-64.so.2"};

static void put(const char *name, const char *text, mode_t mode)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", top, name);

    for (char *slash = path + strlen(top); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    VC_AUTO_FILE *file = fopen(path, "we");
    cr_assert(file && fputs(text, file) >= 0 && fchmod(fileno(file), mode) == 0);
}

static void setup(void)
{
    cr_assert(mkdtemp(top) != NULL);
    setenv("VCLAB_LABROOT", top, 1);
    for (size_t i = 0; i < VC_COUNT(programs); i++)
        put(programs[i], "", 0755);
    put("versions.json", "{\"frr\": \"10.3-3\"}", 0644);
}

static void teardown(void)
{
    pid_t pid = fork();

    if (pid == 0)
        execlp("rm", "rm", "-rf", top, (char *)NULL);
    waitpid(pid, NULL, 0);
}

TestSuite(labroot, .init = setup, .fini = teardown);

static void refused_because(const char *what)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!vc_labroot_open(NULL, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, what) != NULL, "%s", err->message);
    cr_assert(strstr(err->message, "./vclab") != NULL, "says how to get one: %s", err->message);
}

Test(labroot, a_whole_one_is_opened_with_its_versions)
{
    VC_AUTO_TALLOC struct vc_labroot *root = vc_labroot_open(NULL, NULL);
    struct stat by_fd, by_path;

    cr_assert(root != NULL);
    cr_assert_str_eq(json_string_value(json_object_get(root->versions, "frr")), "10.3-3");
    cr_assert(fstat(root->fd, &by_fd) == 0 && stat(top, &by_path) == 0 && by_fd.st_ino == by_path.st_ino);
}

Test(labroot, none_is_named)
{
    unsetenv("VCLAB_LABROOT");
    refused_because("no lab root");
}

Test(labroot, the_folder_is_not_there)
{
    setenv("VCLAB_LABROOT", "/nonexistent/root", 1);
    refused_because("/nonexistent/root");
}

Test(labroot, a_program_is_missing)
{
    for (size_t i = 0; i < VC_COUNT(programs); i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", top, programs[i]);
        unlink(path);
        refused_because(programs[i]);
        put(programs[i], "", 0755);
    }
}

Test(labroot, its_versions_are_no_json)
{
    put("versions.json", "{\"frr\"", 0644);
    refused_because("versions.json:1");
}
