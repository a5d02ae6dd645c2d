/* Secrets of nodes' own files: found where each daemon finds them, whole, and nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "config/redact_file.h"
#include "config/redact_find.h"

static char *redacted(void *ctx, const char *form, const char *text, json_t *replaced)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_secrets *secrets = vc_secrets_new(ctx);

    vc_secrets_note(secrets, "key of dc1", "<PSK-dc1>");
    VC_AUTO_JSON *out = vc_redact_file(secrets, form, "F", text, replaced, &err);
    cr_assert(out, "%s", err ? err->message : "");
    return talloc_strdup(ctx, json_string_value(out));
}

#define SWANCTL(value) "secrets { ike-1 { secret = " value "\n} }\n"

/* What stays of it, to the byte. */
static const struct {
    const char *form, *text, *left;
} shapes[] = {
    /* an unquoted value of swanctl.conf runs to the end of its line */
    {"swanctl.conf", SWANCTL("correct horse battery"), SWANCTL("other-key-1")},
    {"swanctl.conf", SWANCTL("key   of dc1"), SWANCTL("<PSK-dc1>")},
    {"swanctl.conf", SWANCTL("ab\"c d\"ef # was: old-one"), SWANCTL("other-key-1 #")},
    {"swanctl.conf", SWANCTL("\"ab\\\"cdefgh\""), SWANCTL("\"other-key-1\"")},
    {"swanctl.conf", SWANCTL("\"two\nlines\""), SWANCTL("\"other-key-1\"")},
    {"swanctl.conf", SWANCTL("\"one\" two"), SWANCTL("\"other-key-1\"")},
    {"swanctl.conf", SWANCTL("\"# no comment\""), SWANCTL("\"other-key-1\"")},
    {"swanctl.conf", "secrets{ike{secret=a;b}token{pin=1234}}",
     "secrets{ike{secret=other-key-1}token{pin=other-key-2}}"},
    {"swanctl.conf", "a { auth = psk } # the psk is xyz\n#\n", "a { auth = psk } #\n#\n"},
    /* a key of FRR's ends with its line */
    {"frr.conf", " neighbor 1.2.3.4 password ab#cdef\r\n", " neighbor 1.2.3.4 password other-key-1\r\n"},
    {"frr.conf", " neighbor 1.2.3.4 password a;b{c}d e  \n", " neighbor 1.2.3.4 password other-key-1  \n"},
    {"frr.conf", " neighbor X password \"a b\"\n neighbor Y password \"a\"b\n",
     " neighbor X password \"other-key-1\"\n neighbor Y password other-key-2\n"},
    {"frr.conf", "enable secret 9 $9$abc/def.ghi\n", "enable secret 9 other-key-1\n"},
    {"frr.conf", "enable secret 4 abcdefghijk\nenable password 7 094F471A1A0A\n",
     "enable secret 4 other-key-1\nenable password 7 other-key-2\n"},
    {"frr.conf", "username ann privilege 15 secret 5 $1$abc\nservice password-encryption\n",
     "username ann privilege 15 secret 5 other-key-1\nservice password-encryption\n"},
    {"frr.conf", " isis password md5 KEYKEY\n area-password md5 KEYKEY\n",
     " isis password md5 other-key-1\n area-password md5 other-key-1\n"},
    {"frr.conf", " x md5 password \"KEYKEY\"\n", " x md5 password \"other-key-1\"\n"},
    {"frr.conf", " ip ospf message-digest-key 1 md5 KEYKEY\n ip ospf authentication message-digest\n",
     " ip ospf message-digest-key 1 md5 other-key-1\n ip ospf authentication message-digest\n"},
    {"frr.conf", " ip ospf authentication-key KEYKEY\n ip rip authentication string KEYKEY\n",
     " ip ospf authentication-key other-key-1\n ip rip authentication string other-key-1\n"},
    {"frr.conf", " ip rip authentication mode md5 auth-length rfc\n ip rip authentication key-chain K\n",
     " ip rip authentication mode md5 auth-length rfc\n ip rip authentication key-chain K\n"},
    {"frr.conf", "key chain K\n key 1\n  key-string a b c\n", "key chain K\n key 1\n  key-string other-key-1\n"},
    {"frr.conf", "ntp authentication-key 1 md5 0822455D0A16 7\n", "ntp authentication-key 1 md5 other-key-1 7\n"},
    {"frr.conf", "snmp-server community s3cr3t RO 10\nset community 65000:1 additive\nmatch community X\n",
     "snmp-server community other-key-1 RO 10\nset community 65000:1 additive\nmatch community X\n"},
    {"frr.conf", "snmp-server community public\n", "snmp-server community other-community\n"},
    {"frr.conf", "snmp-server host 10.0.0.1 version 2c s3cr3t\n", "snmp-server host 10.0.0.1 other-key-1\n"},
    {"frr.conf", "snmp-server user u g v3 auth sha AAAAAA priv aes 256 BBBBBB\n",
     "snmp-server user u g v3 auth sha other-key-1 priv aes 256 other-key-2\n"},
    {"frr.conf", "crypto isakmp key KEYKEY address 1.2.3.4\ncrypto key generate rsa\n",
     "crypto isakmp key other-key-1 address 1.2.3.4\ncrypto key generate rsa\n"},
    {"frr.conf", " pre-shared-key local 6 abcDEF\n", " pre-shared-key local 6 other-key-1\n"},
    /* words in what nobody reads announce nothing */
    {"frr.conf", "! the password belongs to NOC\n # psk x\n", "!\n #\n"},
    {"frr.conf", " description to the NOC\n neighbor X description Password: belongs to NOC\n",
     " description to the NOC\n neighbor X description left-out\n"},
    {"frr.conf", " neighbor X password\n neighbor Y password <BGP-PW-dc1>\n",
     " neighbor X password\n neighbor Y password <BGP-PW-dc1>\n"},
    /* ipsec.secrets: whatever stands behind the kind of a secret */
    {"ipsec.secrets", "# old: xyz\n1.1.1.1 2.2.2.2 : PSK \"a b # c\"\n", "#\n1.1.1.1 2.2.2.2 : PSK \"other-key-1\"\n"},
    {"ipsec.secrets", ": PSK 0sABCDEF==\n@x : XAUTH 'a\"b'\n", ": PSK other-key-1\n@x : XAUTH 'other-key-2'\n"},
    {"ipsec.secrets", "1.1.1.1 %any :PSK\n\t\"a b\" # old\n @y @z : PSK \"c\"\n",
     "1.1.1.1 %any :PSK\n\t\"other-key-1\" #\n @y @z : PSK \"other-key-2\"\n"},
    {"ipsec.conf", "conn a\n\tauthby=secret\n #c\n xauthpassword = a b \nconn b\n# ipsec.secrets\n: PSK \"k\"\n",
     "conn a\n\tauthby=secret\n #\n xauthpassword = other-key-1 \nconn b\n# ipsec.secrets\n: PSK \"other-key-2\"\n"},
    /* bird.conf: strings, constants, bytes */
    {"bird.conf", "protocol bgp a { password \"a;b #c\"; } # was old\n",
     "protocol bgp a { password \"other-key-1\"; } #\n"},
    {"bird.conf", "define K = \"keykey\"; define F = \"file\";\nprotocol bgp a {\n password K;\n}\n",
     "define K = \"other-key-1\"; define F = \"file\";\nprotocol bgp a {\n password K;\n}\n"},
    {"bird.conf", "passwords { password\n/* \"x\" */ 01:02:ab { id 1; }; password \"b\" {}; }\n",
     "passwords { password\n/**/ \"other-key-1\" { id 1; }; password \"other-key-2\" {}; }\n"},
    {"bird.conf", "description \"the password is x\"; bgp_community.add((1,2));\n",
     "description \"left-out\"; bgp_community.add((1,2));\n"},
};

Test(redact, every_shape_loses_its_secret_and_nothing_else)
{
    for (size_t i = 0; i < VC_COUNT(shapes); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_JSON *replaced = json_array();

        cr_expect_str_eq(redacted(ctx, shapes[i].form, shapes[i].text, replaced), shapes[i].left);
    }
}

Test(redact, it_is_told_where)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_JSON *wanted = json_pack("[s, s]", "F:2: a key", "F:4: a description");

    redacted(ctx, "frr.conf", "! psk\nneighbor X password K\n!\nneighbor X description the PSK\n", replaced);
    VC_AUTO_FREE char *told = json_dumps(replaced, 0);
    cr_expect(json_equal(replaced, wanted), "%s", told);
}

Test(redact, what_nothing_can_stand_for_is_refused)
{
    static const struct {
        const char *form, *text;
    } bad[] = {{"ipsec.secrets", ": RSA {\n Modulus: 0x12\n PrivateExponent: 0x34\n }\n"},
               {"ipsec.secrets", "@a : ECDSA\t{ x }\n"},
               {"ipsec.conf", "# ipsec.secrets\n: RSA { x }\n"},
               {"frr.conf", "-----BEGIN PRIVATE KEY-----\n"}};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *replaced = json_array();

        cr_assert_null(vc_redact_file(vc_secrets_new(ctx), bad[i].form, "F", bad[i].text, replaced, &err), "%s",
                       bad[i].text);
        cr_expect(strstr(err->message, "F: it has a private key in it"), "%s", err->message);
        cr_expect_eq(err->status, VC_EXIT_USAGE);
    }
}

/* A key cut off anywhere leaves none of itself, whatever the form. */
Test(redact, no_text_of_a_key_is_left_whatever_stands_in_it)
{
    static const char *const odd[] = {"#", ";", "{", "}", "'", "!", "=", ":", "<", "%", "\\\\", "  "};
    static const struct {
        const char *form, *before, *after;
    } files[] = {{"swanctl.conf", "secrets { a { secret = \"", "\"\n} }\n"},
                 {"frr.conf", " neighbor 1.2.3.4 password ", "\n"},
                 {"ipsec.secrets", "%any : PSK \"", "\"\n"},
                 {"bird.conf", "password \"", "\";\n"}};

    for (size_t i = 0; i < VC_COUNT(files); i++)
        for (size_t k = 0; k < VC_COUNT(odd); k++) {
            VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
            VC_AUTO_JSON *replaced = json_array();
            const char *text = talloc_asprintf(ctx, "%splanted%splanted%s", files[i].before, odd[k], files[i].after);
            const char *left = redacted(ctx, files[i].form, text, replaced);

            cr_expect(!strstr(left, "planted"), "%s became %s", text, left);
        }
}

/* Whatever stands in a file: what is found lies in it, one behind the other, and its lines are counted. */
Test(redact, spans_of_any_text_are_in_order)
{
    static const char *const forms[] = {"swanctl.conf", "frr.conf", "bird.conf", "ipsec.conf", "ipsec.secrets", "x"};
    static const char *const parts[] = {"secret",
                                        "password",
                                        " ",
                                        "\n",
                                        "\t",
                                        "\"",
                                        "'",
                                        "#",
                                        "!",
                                        "/*",
                                        "*/",
                                        "=",
                                        ":",
                                        "{",
                                        "}",
                                        "\\",
                                        "md5",
                                        "7",
                                        "define K",
                                        "PSK",
                                        ";",
                                        "a",
                                        "\r\n",
                                        " key ",
                                        "<PSK-a>",
                                        "!x",
                                        "no ",
                                        "aes 256",
                                        "host",
                                        "snmp-server ",
                                        "description ",
                                        "# ipsec.secrets",
                                        "K"};
    uint64_t state = 1;

    for (unsigned n = 0; n < 30000; n++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        char *text = talloc_strdup(ctx, "");
        for (unsigned i = 0; i < 3 + n % 20; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            text = talloc_strdup_append_buffer(text, parts[(state >> 33) % VC_COUNT(parts)]);
        }
        const struct vc_redact_spans *spans = vc_redact_find(ctx, forms[n % VC_COUNT(forms)], text, NULL);
        size_t at = 0;
        for (size_t i = 0; spans && i < spans->count; i++) {
            const struct vc_redact_span *span = &spans->items[i];
            cr_assert(span->begin >= at && span->end > span->begin && span->end <= strlen(text), "%s: %s",
                      forms[n % VC_COUNT(forms)], text);
            cr_assert((span->what == VC_REDACT_KEY) == (span->secret && *span->secret));
            at = span->end;
        }
    }
}
