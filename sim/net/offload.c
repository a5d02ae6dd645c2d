#include "net/offload.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/netns.h"

static int ask(int fd, const char *ifname, void *question)
{
    struct ifreq request = {.ifr_data = question};

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", ifname);
    return ioctl(fd, SIOCETHTOOL, &request);
}

/* How many offloads the kernel has names for. */
static unsigned count(int fd, const char *ifname)
{
    /* It ends in an array of as many lengths as sets were asked for: one. */
    VC_AUTO_TALLOC struct ethtool_sset_info *info = talloc_zero_size(NULL, sizeof *info + sizeof info->data[0]);

    *info = (struct ethtool_sset_info){.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES};
    return ask(fd, ifname, info) == 0 && info->sset_mask ? info->data[0] : 0;
}

/* The offload's number, or `total` when there is none of that name. */
static unsigned number_of(int fd, const char *ifname, const char *offload, unsigned total)
{
    VC_AUTO_TALLOC struct ethtool_gstrings *names =
        talloc_zero_size(NULL, sizeof *names + (size_t)total * ETH_GSTRING_LEN);

    *names = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = total};
    if (ask(fd, ifname, names))
        return total;
    for (unsigned i = 0; i < total; i++)
        if (!strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, offload, ETH_GSTRING_LEN))
            return i;
    return total;
}

int vc_offload_set(int netns, const char *ifname, const char *offload, bool on, vc_error **err)
{
    VC_NETNS_SCOPE(scope) = vc_netns_enter(netns, err);

    if (scope.back < 0)
        return -1;
    VC_AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "offloads of %s", ifname);
    struct ifreq there = {0};
    snprintf(there.ifr_name, sizeof there.ifr_name, "%s", ifname);
    if (ioctl(fd, SIOCGIFINDEX, &there))
        return vc_fail(err, VC_EXIT_FAIL, errno, "offloads of %s", ifname);
    unsigned total = count(fd, ifname), number = number_of(fd, ifname, offload, total);
    if (number == total)
        return 0;
    size_t blocks = (total + 31) / 32;
    VC_AUTO_TALLOC struct ethtool_sfeatures *set =
        talloc_zero_size(NULL, sizeof *set + blocks * sizeof(struct ethtool_set_features_block));
    set->cmd = ETHTOOL_SFEATURES;
    set->size = (uint32_t)blocks;
    set->features[number / 32].valid = 1U << (number % 32);
    set->features[number / 32].requested = on ? 1U << (number % 32) : 0;
    return ask(fd, ifname, set) == 0;
}
