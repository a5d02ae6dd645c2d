#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

#include "live.h"
#include "net/netns.h"
#include "net/rtnl.h"

static ino_t here(void)
{
    struct stat st;

    cr_assert_eq(stat("/proc/thread-self/ns/net", &st), 0);
    return st.st_ino;
}

Test(netns, a_new_one_has_only_lo_which_is_up_and_the_thread_stays_where_it_is)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_rtnl_state lo;
    struct stat st;

    NEED_ROOT();
    ino_t before = here();
    VC_AUTO_FD netns = vc_netns_new(&err);
    OK(netns, err);
    cr_assert_eq(here(), before);
    cr_assert_eq(fstat(netns, &st), 0);
    cr_assert_neq(st.st_ino, before);
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = vc_rtnl_open(NULL, netns, &err);
    GOT(rtnl, err);
    OK(vc_rtnl_state(rtnl, "lo", &lo, &err), err);
    cr_assert(lo.up && lo.carrier);
}

Test(netns, a_scope_enters_and_leaves)
{
    VC_AUTO_ERROR *err = NULL;
    struct stat st;

    NEED_ROOT();
    ino_t before = here();
    VC_AUTO_FD netns = vc_netns_new(&err);
    OK(netns, err);
    cr_assert_eq(fstat(netns, &st), 0);
    {
        VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, &err);
        cr_assert_geq(scope.back, 0);
        cr_assert_eq(here(), st.st_ino);
    }
    cr_assert_eq(here(), before);
}

Test(netns, what_is_not_a_namespace_is_refused_and_nothing_changes)
{
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    ino_t before = here();
    VC_AUTO_FD null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        VC_NETNS_SCOPE(scope) = vc_netns_enter(null, &err);
        cr_assert_eq(scope.back, -1);
        cr_assert_not_null(strstr(err->message, "enter the network namespace: Invalid argument"), "%s", err->message);
    }
    cr_assert_eq(here(), before);
}

static int read_sysctl(int netns, const char *path)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, NULL);
    VC_AUTO_FILE *file = fopen(path, "re");
    int value = -1;

    cr_assert(scope.back >= 0 && file && fscanf(file, "%d", &value) == 1);
    return value;
}

Test(netns, sysctls_go_to_that_namespace_alone)
{
    static const char *const good[] = {"net/ipv4/ip_forward=1", "-net/ipv4/there_is_no_such_key=1",
                                       "net/ipv4/conf/all/rp_filter=2", NULL};
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    VC_AUTO_FD netns = vc_netns_new(&err), other = vc_netns_new(&err);
    OK(netns, err);
    OK(vc_netns_sysctl(other, (const char *const[]){"net/ipv4/ip_forward=0", NULL}, &err), err);
    OK(vc_netns_sysctl(netns, good, &err), err);
    cr_assert_eq(read_sysctl(netns, "/proc/sys/net/ipv4/ip_forward"), 1);
    cr_assert_eq(read_sysctl(netns, "/proc/sys/net/ipv4/conf/all/rp_filter"), 2);
    cr_assert_eq(read_sysctl(other, "/proc/sys/net/ipv4/ip_forward"), 0);
}

Test(netns, bad_sysctls_are_refused)
{
    static const struct {
        const char *assignment, *message;
    } bad[] = {
        {"net/ipv4/there_is_no_such_key=1", "open /proc/sys/net/ipv4/there_is_no_such_key: No such file or directory"},
        {"net/ipv4/ip_forward=yes", "write \"yes\" to /proc/sys/net/ipv4/ip_forward: Invalid argument"},
        {"kernel/panic=1", "expected net/"},
        {"net/../kernel/panic=1", "expected net/"},
        {"net/ipv4/ip_forward", "expected net/"},
    };
    VC_AUTO_ERROR *err = NULL;

    NEED_ROOT();
    VC_AUTO_FD netns = vc_netns_new(&err);
    OK(netns, err);
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *problem = NULL;
        cr_assert_eq(vc_netns_sysctl(netns, (const char *const[]){bad[i].assignment, NULL}, &problem), -1);
        cr_assert_not_null(strstr(problem->message, bad[i].message), "%s", problem->message);
    }
}
