/* The kernel's notifications, made by hand, become a tunnel's SAs. */
#include <criterion/criterion.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>

#include "net/xfrm_watch.h"

#define LOCAL  "198.51.100.10"
#define REMOTE "203.0.113.1"
#define OTHER  "203.0.113.129"

static char said[4096]; /* "up dc1 00000001/00000002 rekeyed;" of each event */

static const char *text_of(const json_t *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event, member));

    return text ? text : "?";
}

static void on_event(void *arg VC_UNUSED, json_t *event)
{
    size_t used = strlen(said);

    cr_assert_str_eq(text_of(event, "layer"), "ipsec");
    cr_assert_str_eq(text_of(event, "what"), "sa");
    cr_assert_str_eq(text_of(event, "node"), "cpe1");
    snprintf(said + used, sizeof said - used, "%s %s %s/%s%s%s;", text_of(event, "state"), text_of(event, "tunnel"),
             text_of(event, "spi_in"), text_of(event, "spi_out"),
             json_is_true(json_object_get(event, "rekeyed")) ? " rekeyed" : "",
             json_is_integer(json_object_get(event, "rekey_ns")) ? " foretold" : "");
}

static in_addr_t address(const char *text)
{
    struct in_addr out;

    cr_assert(vc_addr_parse(text, &out));
    return out.s_addr;
}

static struct vc_xfrm_watch *watch_new(void *ctx)
{
    struct vc_events *events = vc_events_new(ctx);
    const struct vc_xfrm_tunnel tunnels[] = {
        {"dc1", {address(LOCAL)}, {address(REMOTE)}, 3240 * VC_NS_PER_S},
        {"dc2", {address(LOCAL)}, {address(OTHER)}, 3240 * VC_NS_PER_S},
    };

    vc_events_subscribe(events, on_event, NULL);
    return vc_xfrm_watch_new(ctx, events, "cpe1", tunnels, VC_COUNT(tunnels));
}

/* One message of that type, its body at the end of a header. */
#define FEED(watch, type, body) feed(watch, type, &(body), sizeof(body))
static void feed(struct vc_xfrm_watch *watch, uint16_t type, const void *body, size_t size)
{
    _Alignas(struct nlmsghdr) char buffer[1024] = {0};
    struct nlmsghdr header = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size), .nlmsg_type = type};

    memcpy(buffer, &header, sizeof header);
    memcpy(buffer + NLMSG_HDRLEN, body, size);
    vc_xfrm_watch_feed(watch, buffer, NLMSG_ALIGN(NLMSG_HDRLEN + size));
}

static struct xfrm_usersa_info sa(const char *from, const char *to, uint32_t spi)
{
    return (struct xfrm_usersa_info){.saddr.a4 = address(from),
                                     .id = {.daddr.a4 = address(to), .spi = htonl(spi), .proto = IPPROTO_ESP},
                                     .family = AF_INET};
}

static void installed(struct vc_xfrm_watch *watch, const char *from, const char *to, uint32_t spi)
{
    struct xfrm_usersa_info info = sa(from, to, spi);

    FEED(watch, XFRM_MSG_NEWSA, info);
}

static void deleted(struct vc_xfrm_watch *watch, const char *to, uint32_t spi)
{
    struct xfrm_usersa_id id = {.daddr.a4 = address(to), .spi = htonl(spi), .family = AF_INET, .proto = IPPROTO_ESP};

    FEED(watch, XFRM_MSG_DELSA, id);
}

static void expect_said(const char *expected)
{
    cr_expect_str_eq(said, expected);
    *said = '\0';
}

Test(xfrm_watch, a_pair_is_up_when_both_directions_are)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);

    installed(watch, LOCAL, REMOTE, 2);
    expect_said("");
    installed(watch, REMOTE, LOCAL, 1);
    expect_said("up dc1 00000001/00000002 foretold;");
    installed(watch, OTHER, LOCAL, 0xc0ffee);
    installed(watch, LOCAL, OTHER, 0xc0ffee);
    expect_said("up dc2 00c0ffee/00c0ffee foretold;");
    deleted(watch, REMOTE, 2);
    expect_said("");
    deleted(watch, LOCAL, 1);
    expect_said("down dc1 00000001/00000002;");
}

Test(xfrm_watch, its_status_is_the_newest_pair)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);
    VC_AUTO_JSON *none = vc_xfrm_watch_status(watch), *empty = json_array();

    cr_expect(json_equal(none, empty));
    for (uint32_t spi = 1; spi <= 3; spi += 2) {
        installed(watch, REMOTE, LOCAL, spi);
        installed(watch, LOCAL, REMOTE, spi + 1);
    }
    VC_AUTO_JSON *status = vc_xfrm_watch_status(watch);
    VC_AUTO_JSON *wanted = json_loads("[{\"dc1\": {\"state\": \"not told\", \"child-sas\": {\"dc1\": {\"state\": "
                                      "\"INSTALLED\", \"spi-in\": \"00000003\", \"spi-out\": \"00000004\"}}}}]",
                                      0, NULL);
    cr_expect(wanted && json_equal(status, wanted));
}

Test(xfrm_watch, a_rekey_takes_nothing_down)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);

    installed(watch, REMOTE, LOCAL, 1);
    installed(watch, LOCAL, REMOTE, 2);
    installed(watch, REMOTE, LOCAL, 3);
    installed(watch, LOCAL, REMOTE, 4);
    expect_said("up dc1 00000001/00000002 foretold;up dc1 00000003/00000004 rekeyed foretold;");
    deleted(watch, LOCAL, 1);
    deleted(watch, REMOTE, 2);
    expect_said("");
    vc_xfrm_watch_gone(watch);
    expect_said("down dc1 00000003/00000004;");
}

/* pluto sets an SA again when it learns more of it. */
Test(xfrm_watch, an_sa_that_is_updated_is_no_new_one)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);
    struct xfrm_usersa_info again = sa(REMOTE, LOCAL, 1);

    installed(watch, REMOTE, LOCAL, 1);
    FEED(watch, XFRM_MSG_UPDSA, again);
    installed(watch, LOCAL, REMOTE, 2);
    FEED(watch, XFRM_MSG_UPDSA, again);
    installed(watch, LOCAL, REMOTE, 6);
    expect_said("up dc1 00000001/00000002 foretold;");
}

Test(xfrm_watch, only_a_hard_expiry_ends_an_sa)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);
    struct xfrm_user_expire expire = {.state = sa(REMOTE, LOCAL, 1)};

    installed(watch, REMOTE, LOCAL, 1);
    installed(watch, LOCAL, REMOTE, 2);
    *said = '\0';
    FEED(watch, XFRM_MSG_EXPIRE, expire);
    expect_said("");
    expire.hard = 1;
    FEED(watch, XFRM_MSG_EXPIRE, expire);
    expect_said("down dc1 00000001/00000002;");
}

/* An SA of which the other direction never came: nothing was up, nothing goes down. */
Test(xfrm_watch, half_a_pair_is_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);

    installed(watch, REMOTE, LOCAL, 1);
    deleted(watch, LOCAL, 1);
    installed(watch, LOCAL, REMOTE, 2);
    expect_said("");
    deleted(watch, REMOTE, 2);
    installed(watch, REMOTE, LOCAL, 3);
    expect_said("");
}

Test(xfrm_watch, what_is_not_of_a_tunnel_is_passed_over)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);
    struct xfrm_usersa_info ah = sa(REMOTE, LOCAL, 1), six = sa(REMOTE, LOCAL, 1);

    ah.id.proto = IPPROTO_AH;
    six.family = AF_INET6;
    FEED(watch, XFRM_MSG_NEWSA, ah);
    FEED(watch, XFRM_MSG_NEWSA, six);
    installed(watch, LOCAL, REMOTE, 2);
    installed(watch, "192.0.2.7", LOCAL, 1);
    deleted(watch, LOCAL, 77);
    expect_said("");
}

/* Whatever comes from the kernel, nothing is read beyond it. */
Test(xfrm_watch, cut_messages_are_passed_over)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_xfrm_watch *watch = watch_new(ctx);
    struct xfrm_usersa_info info = sa(REMOTE, LOCAL, 1);
    size_t whole = NLMSG_HDRLEN + sizeof info;
    struct nlmsghdr header = {.nlmsg_len = (uint32_t)whole, .nlmsg_type = XFRM_MSG_NEWSA};

    for (size_t size = 0; size < whole; size++) {
        VC_AUTO_TALLOC char *cut = talloc_size(NULL, size ? size : 1);
        char message[1024];
        memcpy(message, &header, sizeof header);
        memcpy(message + NLMSG_HDRLEN, &info, sizeof info);
        memcpy(cut, message, size);
        vc_xfrm_watch_feed(watch, cut, size);
    }
    header.nlmsg_len = 3;
    vc_xfrm_watch_feed(watch, &header, sizeof header);
    header.nlmsg_len = sizeof header; /* a message without its body */
    vc_xfrm_watch_feed(watch, &header, sizeof header);
    installed(watch, LOCAL, REMOTE, 2);
    expect_said("");
}
