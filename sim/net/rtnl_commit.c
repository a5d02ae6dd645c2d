/*
 * A commit gives the requests consecutive sequence numbers and sends them in one write; the kernel works them off
 * inside that write, so all answers are queued when it returns and nothing here ever waits. Where an interface's name
 * is still unknown, what precedes is sent first: it may create it. SIOCGIFINDEX works on the netlink socket itself, so
 * the lookup happens in the socket's namespace wherever the thread is.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/rtnl_private.h"

enum {
    BATCH_MAX = 512, /* messages in one write; well inside the send buffer and UIO_MAXIOV */
    ANSWER_MAX = 1024,
    ANSWERS_AT_ONCE = 32,
};

int vc_rtnl_index(struct vc_rtnl *rtnl, const char *ifname)
{
    struct ifreq request = {0};

    if (strlen(ifname) >= IFNAMSIZ)
        return 0;
    strcpy(request.ifr_name, ifname);
    return ioctl(nl_socket_get_fd(rtnl->sock), SIOCGIFINDEX, &request) < 0 ? 0 : request.ifr_ifindex;
}

struct commit {
    struct vc_rtnl *rtnl;
    enum vc_exit status;
    int errnum;
    char *problems; /* one line each */
};

static void problem(struct commit *commit, const struct vc_rtnl_request *request, int errnum, const char *detail)
{
    if (!commit->problems)
        commit->errnum = errnum;
    if (errnum == EPERM || errnum == EOPNOTSUPP)
        commit->status = VC_EXIT_HOST;
    commit->problems = talloc_asprintf_append(
        commit->problems ? commit->problems : talloc_strdup(NULL, ""), "%s%s: %s%s%s%s", commit->problems ? "\n" : "",
        request->what, strerror(errnum), detail ? " (" : "", detail ? detail : "", detail ? ")" : "");
}

/* The kernel's own sentence, where it gave one (NLMSGERR_ATTR_MSG). */
static const char *extended(const struct nlmsghdr *answer)
{
    const struct nlmsgerr *body = nlmsg_data(answer);
    struct nlattr *attribute;
    size_t skip = sizeof *body;

    if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
        return NULL;
    if (!(answer->nlmsg_flags & NLM_F_CAPPED))
        skip += body->msg.nlmsg_len - sizeof body->msg;
    if (skip >= (size_t)nlmsg_datalen(answer))
        return NULL;
    attribute = nla_find((struct nlattr *)(void *)((char *)nlmsg_data(answer) + skip),
                         nlmsg_datalen(answer) - (int)skip, NLMSGERR_ATTR_MSG);
    return attribute ? nla_get_string(attribute) : NULL;
}

static void judge(struct commit *commit, struct nlmsghdr *answer, struct vc_rtnl_request *first, size_t count,
                  size_t *answered)
{
    const struct nlmsgerr *body = nlmsg_data(answer);
    uint32_t index = answer->nlmsg_seq - commit->rtnl->seq;

    if (answer->nlmsg_type != NLMSG_ERROR || index >= count)
        return;
    ++*answered;
    if (body->error)
        problem(commit, &first[index], -body->error, extended(answer));
}

/* All answers are in the socket by now: a missing one was lost, and what its request did is unknown. */
static int read_answers(struct commit *commit, struct vc_rtnl_request *first, size_t count, vc_error **err)
{
    char buffers[ANSWERS_AT_ONCE][ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct iovec parts[ANSWERS_AT_ONCE];
    struct mmsghdr messages[ANSWERS_AT_ONCE] = {0};
    size_t answered = 0;

    for (size_t i = 0; i < ANSWERS_AT_ONCE; i++) {
        parts[i] = (struct iovec){buffers[i], ANSWER_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (answered < count) {
        int got = recvmmsg(nl_socket_get_fd(commit->rtnl->sock), messages, ANSWERS_AT_ONCE, MSG_DONTWAIT, NULL);
        if (got < 0)
            return vc_fail(err, VC_EXIT_FAIL, errno, "netlink: %zu of %zu answers came", answered, count);
        for (int i = 0; i < got; i++) {
            int left = (int)messages[i].msg_len;
            for (struct nlmsghdr *h = (void *)buffers[i]; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
                judge(commit, h, first, count, &answered);
        }
    }
    return 0;
}

static int send_part(struct commit *commit, struct vc_rtnl_request *first, size_t count, vc_error **err)
{
    struct iovec parts[BATCH_MAX];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct msghdr message = {.msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = parts, .msg_iovlen = count};

    for (size_t i = 0; i < count; i++) {
        struct nlmsghdr *header = nlmsg_hdr(first[i].msg);
        header->nlmsg_seq = commit->rtnl->seq + (uint32_t)i;
        parts[i] = (struct iovec){header, NLMSG_ALIGN(header->nlmsg_len)};
    }
    if (sendmsg(nl_socket_get_fd(commit->rtnl->sock), &message, 0) < 0)
        return vc_fail(err, VC_EXIT_HOST, errno, "netlink: send %zu requests, the first is \"%s\"", count, first->what);
    int status = read_answers(commit, first, count, err);
    commit->rtnl->seq += (uint32_t)count;
    return status;
}

/* True once the request can be sent. */
static bool resolve(struct vc_rtnl *rtnl, struct vc_rtnl_request *request)
{
    int index = request->ifname[0] ? vc_rtnl_index(rtnl, request->ifname) : 0;

    if (request->ifname[0] && !index)
        return false;
    if (index)
        memcpy((char *)nlmsg_hdr(request->msg) + request->index_at, &(uint32_t){(uint32_t)index}, sizeof(uint32_t));
    return true;
}

int vc_rtnl_commit(struct vc_rtnl *rtnl, vc_error **err)
{
    struct commit commit = {.rtnl = rtnl, .status = VC_EXIT_FAIL};
    int status = 0;

    for (size_t done = 0; done < rtnl->count && !status;) {
        struct vc_rtnl_request *first = &rtnl->requests[done];
        size_t count = 0, left = rtnl->count - done;
        while (count < left && count < BATCH_MAX && resolve(rtnl, &first[count]))
            count++;
        if (!count) { /* still unknown with nothing left before it that could create it */
            problem(&commit, first, ENODEV, NULL);
            count = 1;
        } else {
            status = send_part(&commit, first, count, err);
        }
        done += count;
    }
    vc_rtnl_forget(rtnl);
    if (!status && commit.problems)
        status = vc_fail(err, commit.status, 0, "%s", commit.problems);
    if (commit.problems && err && *err)
        (*err)->errnum = commit.errnum;
    talloc_free(commit.problems);
    return status;
}
