/* The kernel's answer to a question for all SAs, made by hand. */
#include <criterion/criterion.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>

#include "base/ip.h"
#include "net/xfrm.h"

enum { NOW_S = 1000 };

struct datagram {
    _Alignas(struct nlmsghdr) char bytes[4096];
    size_t size;
};

static void add(struct datagram *d, uint16_t type, const void *body, size_t size)
{
    struct nlmsghdr header = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size), .nlmsg_type = type};

    memcpy(d->bytes + d->size, &header, sizeof header);
    memcpy(d->bytes + d->size + NLMSG_HDRLEN, body, size);
    d->size += NLMSG_ALIGN(header.nlmsg_len);
}

/* An SA that carried `packets`, the last at used_s; 0: the kernel does not say. */
static void add_sa(struct datagram *d, uint8_t protocol, uint32_t spi, uint64_t packets, uint64_t used_s)
{
    struct in_addr to;
    struct {
        struct xfrm_usersa_info info;
        _Alignas(NLA_ALIGNTO) struct nlattr mark, used;
        char used_at[8];
    } sa = {.mark = {NLA_HDRLEN, XFRMA_MARK}, .used = {NLA_HDRLEN + sizeof used_s, XFRMA_LASTUSED}};

    cr_assert(vc_addr_parse("203.0.113.1", &to));
    sa.info = (struct xfrm_usersa_info){.id = {.daddr.a4 = to.s_addr, .spi = htonl(spi), .proto = protocol},
                                        .curlft.packets = packets,
                                        .family = AF_INET};
    memcpy(sa.used_at, &used_s, sizeof used_s);
    add(d, XFRM_MSG_NEWSA, &sa, used_s ? sizeof sa : sizeof sa.info);
}

static char *read_all(const struct datagram *d, size_t size, bool *last)
{
    VC_AUTO_JSON *list = json_array();

    *last = vc_xfrm_list_read(list, d->bytes, size, NOW_S);
    return json_dumps(list, JSON_COMPACT);
}

#define TWO                                                                                                            \
    "[{\"spi\":\"c0ffee01\",\"to\":\"203.0.113.1\",\"packets\":30,\"idle_s\":50},"                                     \
    "{\"spi\":\"00000002\",\"to\":\"203.0.113.1\",\"packets\":0}]"

Test(xfrm, sas_are_listed_with_what_they_carried)
{
    struct datagram d = {.size = 0};
    int none = 0;
    bool last;

    add_sa(&d, IPPROTO_ESP, 0xc0ffee01, 30, NOW_S - 50);
    add_sa(&d, IPPROTO_AH, 7, 1, 0);
    add_sa(&d, IPPROTO_ESP, 2, 0, 0);
    VC_AUTO_FREE char *some = read_all(&d, d.size, &last);
    cr_expect_str_eq(some, TWO);
    cr_expect_not(last, "there is more to come");
    add(&d, NLMSG_DONE, &none, sizeof none);
    VC_AUTO_FREE char *all = read_all(&d, d.size, &last);
    cr_expect_str_eq(all, TWO);
    cr_expect(last);
}

Test(xfrm, an_answer_that_is_cut_short_is_read_as_far_as_it_goes)
{
    struct datagram d = {.size = 0};
    bool last;

    add_sa(&d, IPPROTO_ESP, 0xc0ffee01, 30, NOW_S - 50);
    add_sa(&d, IPPROTO_ESP, 2, 0, 0);
    for (size_t size = 0; size < d.size; size++) {
        VC_AUTO_FREE char *read = read_all(&d, size, &last);
        cr_expect(strlen(read) < strlen(TWO), "of %zu bytes: %s", size, read);
    }
}

/* Not those that came twice: the kernel counts these apart. */
Test(xfrm, packets_too_late_for_the_window_are_counted)
{
    struct datagram d = {.size = 0};
    struct xfrm_usersa_info info = {
        .id = {.proto = IPPROTO_ESP}, .family = AF_INET, .stats = {.replay_window = 7, .replay = 3}};
    VC_AUTO_JSON *list = json_array();

    add(&d, XFRM_MSG_NEWSA, &info, sizeof info);
    vc_xfrm_list_read(list, d.bytes, d.size, NOW_S);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 0), "late")), 7);
}
