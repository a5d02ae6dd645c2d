#include "probe/echo.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "net/netns.h"

enum { ECHO_MAX = 9000, IP_HEADER = 20 };

struct run {
    struct vc_echo *echoes;
    struct pollfd *polls;
    size_t count;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / VC_NS_PER_MS;
}

static int close_sockets(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->polls[i].fd >= 0)
            close(run->polls[i].fd);
    return 0;
}

/* -1 in *fd: nothing can be sent from that address. */
static int open_socket(const struct vc_echo *echo, int *fd, vc_error **err)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = echo->from};
    int discover = echo->whole ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
    VC_NETNS_SCOPE(scope) = vc_netns_enter(echo->netns, err);

    if (scope.back < 0)
        return -1;
    VC_AUTO_FD made = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
    if (made < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "opening a socket for ICMP");
    if (setsockopt(made, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover))
        return vc_fail(err, VC_EXIT_HOST, errno, "setting up a socket for ICMP");
    *fd = bind(made, (struct sockaddr *)&from, sizeof from) ? -1 : VC_STEAL_FD(made);
    return 0;
}

static uint16_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void send_one(struct run *run, size_t i, unsigned sequence)
{
    struct vc_echo *echo = &run->echoes[i];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = echo->to};
    uint8_t packet[ECHO_MAX] = {0};
    size_t len =
        echo->ip_bytes > IP_HEADER + sizeof(struct icmphdr) ? echo->ip_bytes - IP_HEADER : sizeof(struct icmphdr);
    struct icmphdr header = {
        .type = ICMP_ECHO,
        .un.echo = {.id = htons((uint16_t)(getpid() + (int)i)), .sequence = htons((uint16_t)sequence)}};

    len = len < sizeof packet ? len : sizeof packet;
    memcpy(packet, &header, sizeof header);
    header.checksum = checksum(packet, len);
    memcpy(packet, &header, sizeof header);
    echo->sent++;
    if (sendto(run->polls[i].fd, packet, len, 0, (struct sockaddr *)&to, sizeof to) < 0)
        echo->too_large |= errno == EMSGSIZE;
}

/* The socket gets every ICMP packet of its namespace. */
static void read_answers(struct run *run, size_t i)
{
    uint8_t packet[ECHO_MAX];
    struct sockaddr_in from = {0};
    socklen_t from_len = sizeof from;
    ssize_t n;

    while ((n = recvfrom(run->polls[i].fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &from_len)) > 0) {
        size_t at = (size_t)(packet[0] & 15) * 4;
        struct icmphdr header;

        if ((size_t)n < at + sizeof header)
            continue;
        memcpy(&header, packet + at, sizeof header);
        if (header.type == ICMP_ECHOREPLY && ntohs(header.un.echo.id) == (uint16_t)(getpid() + (int)i) &&
            from.sin_addr.s_addr == run->echoes[i].to.s_addr)
            run->echoes[i].received++;
    }
}

static bool all_answered(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->echoes[i].sent && !run->echoes[i].received)
            return false;
    return true;
}

static void wait_until(struct run *run, int64_t until_ms)
{
    for (int64_t left; (left = until_ms - now_ms()) > 0 && !all_answered(run);) {
        if (poll(run->polls, run->count, (int)left) <= 0)
            continue;
        for (size_t i = 0; i < run->count; i++)
            if (run->polls[i].revents)
                read_answers(run, i);
    }
}

int vc_echo_run(struct vc_echo *echoes, size_t count, unsigned tries, unsigned gap_ms, unsigned limit_ms,
                vc_error **err)
{
    VC_AUTO_TALLOC struct run *run = talloc_zero(NULL, struct run);

    *run = (struct run){echoes, talloc_zero_array(run, struct pollfd, count + 1), count};
    for (size_t i = 0; i < count; i++)
        run->polls[i] = (struct pollfd){-1, POLLIN, 0};
    talloc_set_destructor(run, close_sockets);
    for (size_t i = 0; i < count; i++)
        if (open_socket(&echoes[i], &run->polls[i].fd, err))
            return -1;
    for (unsigned try = 0; try < tries; try++) {
        for (size_t i = 0; i < count; i++)
            if (run->polls[i].fd >= 0 && !echoes[i].received)
                send_one(run, i, try);
        wait_until(run, now_ms() + (try + 1 == tries ? limit_ms : gap_ms));
    }
    return 0;
}
