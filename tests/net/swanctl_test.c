#include <criterion/criterion.h>
#include <string.h>

#include "net/vici.h"

static void same(const char *text, const char *expected)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *parsed = vc_swanctl_parse(text, &err), *wanted = json_loads(expected, 0, NULL);

    cr_assert_not_null(parsed, "%s", err ? err->message : "?");
    cr_assert_not_null(wanted, "%s", expected);
    VC_AUTO_FREE char *shown = json_dumps(parsed, JSON_COMPACT);
    cr_assert(json_equal(parsed, wanted), "%s", shown);
}

Test(swanctl, a_whole_configuration)
{
    same(
        "# a comment\n"
        "connections {\n"
        "    dc1 {\n"
        "        version = 2\n"
        "        local_addrs = 198.51.100.10\n"
        "        proposals = aes256gcm16-prfsha384-ecp384, aes256-sha256-modp2048 # more\n"
        "        local {\n"
        "            auth = psk\n"
        "            id = 198.51.100.10\n"
        "        }\n"
        "        remote { auth = psk }\n"
        "        children { dc1 { local_ts = 10.200.0.1/32[gre]\n start_action = trap } }\n"
        "    }\n"
        "}\n"
        "secrets {\n"
        "    ike-dc1 {\n"
        "        id-1 = 198.51.100.10\n"
        "        secret = \"a } \\\"secret\\\" # of\\\\n \\t\"\n"
        "    }\n"
        "}\n",
        "{\"connections\": {\"dc1\": {\"version\": \"2\", \"local_addrs\": [\"198.51.100.10\"],"
        "\"proposals\": [\"aes256gcm16-prfsha384-ecp384\", \"aes256-sha256-modp2048\"],"
        "\"local\": {\"auth\": \"psk\", \"id\": \"198.51.100.10\"}, \"remote\": {\"auth\": \"psk\"},"
        "\"children\": {\"dc1\": {\"local_ts\": [\"10.200.0.1/32[gre]\"], \"start_action\": \"trap\"}}}},"
        "\"secrets\": {\"ike-dc1\": {\"id-1\": \"198.51.100.10\", \"secret\": \"a } \\\"secret\\\" # of\\\\n \\t\"}}}");
}

Test(swanctl, values_end_where_strongswan_ends_them)
{
    same("a = one   two\tthree # four\n", "{\"a\": \"one two three\"}");
    same("a = C=CH, O={x\n", "{\"a\": \"C=CH, O={x\"}");
    same("a {b=c}d=e", "{\"a\": {\"b\": \"c\"}, \"d\": \"e\"}");
    same("a = \"one\ntwo\" three", "{\"a\": \"one\\ntwo three\"}");
    same("a = \"one\\\ntwo\"", "{\"a\": \"onetwo\"}");
    same("a = \"\"\nb =\n", "{\"a\": \"\"}");
    same("a {\r\n  b = c\r\n}\r\n", "{\"a\": {\"b\": \"c\"}}");
    same("", "{}");
}

Test(swanctl, lists_are_split_and_trimmed)
{
    same("pools = a,b , c,\n", "{\"pools\": [\"a\", \"b\", \"c\"]}");
    same("vips = \"\"\n", "{\"vips\": []}");
}

Test(swanctl, a_section_that_appears_again_is_continued_and_a_key_replaced)
{
    same("a { b = 1\n c = 2 }\n a { c = 3 }", "{\"a\": {\"b\": \"1\", \"c\": \"3\"}}");
}

Test(swanctl, errors_name_the_line)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"a {\n b = c\n", "swanctl.conf:1: a section without its closing brace"},
        {"\n\na = \"x\n\n", "swanctl.conf:3: a string without its closing quote"},
        {"a = \"x\\", "swanctl.conf:1: a string without its closing quote"},
        {"\na\n", "swanctl.conf:3: expected '=' or '{' after \"a\""},
        {"}", "swanctl.conf:1: expected a name, found '}'"},
        {"= b", "swanctl.conf:1: expected a name, found '='"},
        {"include /etc/x\n", "swanctl.conf:1: include is not supported here"},
        {"a : b { }", "expected '=' or '{' after \"a\""},
        {"a = 1\na { }", "swanctl.conf:2: \"a\" is a key and a section"},
        {"a = \xff\n", "is not UTF-8"},
        {"a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{", "nested too deeply"},
    };

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *parsed = vc_swanctl_parse(bad[i].text, &err);
        cr_assert_null(parsed, "%s", bad[i].text);
        cr_assert_eq(err->status, VC_EXIT_USAGE);
        cr_assert_not_null(strstr(err->message, bad[i].message), "%s: %s", bad[i].text, err->message);
    }
}
