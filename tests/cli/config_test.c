/* Configurations out and in, as far as no lab is needed: what is refused, what is written, what is told. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "customer.h"

TestSuite(config, .init = customer_folder, .fini = customer_teardown);

static struct command *import(void *ctx, const char *config, const char *order, const char *out)
{
    return RUN(ctx, "import", "--from", "ios-xe", config, "--topology", order, "--timers", "tuned", "-o", out);
}

static void export_to(void *ctx, const char *topology, const char *node, const char *form, const char *file)
{
    struct command *command =
        RUN(ctx, "export", node, "--topology", topology, "--as", form, "--no-secrets", "--out", in_top(ctx, file));
    EXITS(command, 0);
    cr_expect_str_eq(command->err, "");
}

/* Names in the test's folder. */
static size_t entries(void *ctx)
{
    DIR *folder = opendir(in_top(ctx, ""));
    size_t count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static const struct {
    const char *argv[14];
    const char *says;
} refused[] = {
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg"}, "Usage: vclab import"},
    {{"import", "--from", "junos", "x", "--topology", "two-cpe", "-o", "-"}, "Usage: vclab import"},
    {{"import", "--from", "ios-xe", "/nothing", "--topology", "two-cpe", "-o", "-"}, "cannot read /nothing"},
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg", "--topology", "two-cpe", "-o", "x.yml"},
     "a topology's file is NAME.yaml"},
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg", "--topology", "two-cpe", "--node", "cpe9", "-o", "-"},
     "no node cpe9 in topology two-cpe"},
    {{"import", "--from", "ios-xe", CONFIGS "inexpressible.cfg", "--topology", "one-cpe", "-o", "-"},
     "inexpressible.cfg:25: tunnel dc1: authentication rsa-sig"},
    {{"import", "--from", "strongswan-frr", "/tmp", "--topology", "two-cpe", "-o", "-"}, "needs --node, a CPE"},
    {{"import", "--from", "strongswan-frr", "/tmp", "--topology", "two-cpe", "-o", "-", "--node", "phone"},
     "needs --node, a CPE"},
    {{"import", "--from", "strongswan-frr", "/", "--topology", "two-cpe", "-o", "-", "--node", "cpe1", "--timers",
      "tuned"},
     "--timers is for ios-xe"},
    {{"import", "--from", "strongswan-frr", "/", "--topology", "two-cpe", "-o", "-", "--node", "cpe1", "--peer", "x"},
     "--peer is for ios-xe"},
    {{"import", "--from", "strongswan-frr", "/", "--topology", "two-cpe", "-o", "-", "--node", "cpe1"},
     "/ is not below the folder of -"},
    {{"import", "--from", "strongswan-frr", "/nothing", "--topology", "two-cpe", "-o", "-", "--node", "cpe1"},
     "cannot read /nothing"},
    {{"import", "--from", "ios-xe", CONFIGS "healthy-vti.cfg", "--topology", "two-cpe", "-o", "x/Own.yaml"},
     "NAME has small letters"},
    {{"export", "cpe1"}, "Usage: vclab export"},
    {{"export", "cpe1", "--as", "junos"}, "Usage: vclab export"},
    {{"export", "cpe9", "--as", "ios-xe"}, "no node cpe9 in topology two-cpe"},
    {{"export", "cpe1", "--as", "ios-xe", "--timers", "x"}, "no timers x in topology two-cpe"},
    {{"export", "cpe1", "--as", "ios-xe", "--out", "/nothing/x"}, "cannot write /nothing/x"},
};

Test(config, what_is_wrong_ends_with_one_line)
{
    for (size_t i = 0; i < VC_COUNT(refused); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *argv[16] = {VCLAB_BINARY};

        for (size_t k = 0; refused[i].argv[k]; k++)
            argv[k + 1] = refused[i].argv[k];
        struct command *command = vclab_run(ctx, argv);
        EXITS(command, 2);
        SAYS(command, refused[i].says);
        cr_expect_str_eq(command->out, "", "%s", command->out);
    }
}

/* `file` of the configurations in the test's folder, each `from` in it replaced; its path. */
static const char *edited(void *ctx, const char *file, const char *from, const char *to)
{
    VC_AUTO_FILE *in = fopen(talloc_asprintf(ctx, CONFIGS "%s", file), "re");
    char *text = talloc_strdup(ctx, ""), line[4096];
    size_t found = 0;

    cr_assert(in);
    while (fgets(line, sizeof line, in)) {
        const char *rest = line;
        for (const char *at; (at = strstr(rest, from)); rest = at + strlen(from), found++)
            text = talloc_asprintf_append(text, "%.*s%s", (int)(at - rest), rest, to);
        text = talloc_strdup_append(text, rest);
    }
    cr_assert(found, "%s in %s", from, file);
    const char *path = in_top(ctx, "edited.cfg");
    put_text(path, text);
    return path;
}

/* Two CPEs with addresses of their own between them: whose they are must be said. */
Test(config, a_neighbour_may_be_told)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *order = write_order(ctx, "two-cpe"), *out = in_top(ctx, "customer.yaml");
    const char *config = edited(ctx, "healthy-vti.cfg", "10.10.0.10", "10.99.0.2");
    static const struct {
        const char *peer, *says;
        int exits;
    } cases[] = {
        {"10.99.0.2=cpe2", "0 not understood", 0},
        {"10.99.0.2", "peer 10.99.0.2: allowed: ADDRESS=NODE", 2},
        {"10.99.0.2=cpe9", "peer 10.99.0.2=cpe9: allowed: ADDRESS=NODE", 2},
        {"10.10.0.2=cpe2", "peer 10.10.0.2=cpe2: in topology order that address is lan's", 2},
        {"10.99.0.3=cpe2", "say whose it is, --peer 10.99.0.2=NODE", 2},
    };

    struct command *unsaid = import(ctx, config, order, out);
    EXITS(unsaid, 2);
    SAYS(unsaid, "iBGP with 10.99.0.2, which the topology does not have: say whose it is, --peer 10.99.0.2=NODE");
    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        struct command *command =
            RUN(ctx, "import", "--from", "ios-xe", config, "--topology", order, "--node", "cpe1", "--timers", "tuned",
                "--peer", "10.98.0.1=lan", "--peer", cases[i].peer, "-o", out);
        EXITS(command, cases[i].exits);
        SAYS(command, cases[i].says);
        cr_expect(cases[i].exits || !strstr(command->err, "ibgp is"), "%s", command->err);
    }
}

/* A document that is no topology leaves the one before as it was. */
Test(config, a_bad_import_changes_no_file)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *order = write_order(ctx, "one-cpe"), *out = in_top(ctx, "customer.yaml");
    struct stat before, after;

    struct command *good = import(ctx, CONFIGS "broken-psk.cfg", order, out);
    EXITS(good, 0);
    cr_assert_eq(stat(out, &before), 0);
    cr_assert_eq(mkdir(in_top(ctx, "cp e1"), 0755), 0); /* a topology has no such path */
    put_text(in_top(ctx, "cp e1/frr.conf"), "router bgp 64512\n");
    size_t files = entries(ctx);
    struct command *command = RUN(ctx, "import", "--from", "strongswan-frr", in_top(ctx, "cp e1"), "--topology", order,
                                  "--node", "cpe1", "-o", out);
    EXITS(command, 2);
    SAYS(command, "what was read makes no topology");
    struct command *short_lived = /* less than a node can have */
        import(ctx, edited(ctx, "healthy-numbered-acl.cfg", "lifetime 14400", "lifetime 4"), order, out);
    EXITS(short_lived, 2);
    SAYS(short_lived, "of its lines can be expressed by no knob");
    cr_assert_eq(stat(out, &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino);
    cr_expect_eq(entries(ctx), files + 1, "nothing else is left but the configuration");
}

/* The order's own file, by whatever name, and the one that it is based on: there the keys are. */
Test(config, an_import_never_replaces_its_order)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *keys = write_order(ctx, "one-cpe"), *order = in_top(ctx, "second.yaml"), *link = in_top(ctx, "l.yaml");
    const char *const outs[] = {order, keys, link};

    put_text(order, "topology: second\nbase: order\ndescription: x\n");
    cr_assert_eq(symlink(keys, link), 0);
    for (size_t i = 0; i < VC_COUNT(outs); i++) {
        struct command *command = import(ctx, CONFIGS "broken-psk.cfg", order, outs[i]);
        EXITS(command, 2);
        SAYS(command, "topology second is made of that file; allowed: another name");
        struct command *checked = RUN(ctx, "check", order, keys);
        EXITS(checked, 0);
    }
}

/* A folder in which nothing can be made: what is there stays, and it is said that it could not be written. */
Test(config, what_cannot_be_written_leaves_the_old_document)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *order = write_order(ctx, "one-cpe"), *out = in_top(ctx, "customer.yaml");
    struct rlimit none = {16, 16};
    struct stat before, after;

    struct command *good = import(ctx, CONFIGS "broken-psk.cfg", order, out);
    EXITS(good, 0);
    cr_assert_eq(stat(out, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0); /* as a full disk: the write ends short */
    pid_t pid = fork();
    if (pid == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 2);
        execl(VCLAB_BINARY, VCLAB_BINARY, "import", "--from", "ios-xe", CONFIGS "broken-psk.cfg", "--topology", order,
              "-o", out, NULL);
        _exit(99);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 99, "%d", status);
    cr_assert_eq(stat(out, &after), 0);
    cr_expect(before.st_ino == after.st_ino && before.st_size == after.st_size);
}

/* An export's file is its owner's when there are keys in it. */
Test(config, an_export_with_keys_is_its_owners)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *with = in_top(ctx, "with.cfg"), *without = in_top(ctx, "without.cfg");
    struct stat st;

    struct command *one = RUN(ctx, "export", "cpe1", "--as", "ios-xe", "--out", with);
    struct command *other = RUN(ctx, "export", "cpe1", "--as", "ios-xe", "--no-secrets", "--out", without);
    EXITS(one, 0);
    SAYS(one, "names no key and no BGP password of tunnel dc1; what is exported is derived from seed 1");
    EXITS(other, 0);
    cr_expect_str_eq(other->err, "");
    cr_assert_eq(stat(with, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(stat(without, &st), 0);
    cr_expect_neq(st.st_mode & 0777, 0600);
}

/* What an order names is not derived, and goes to who asks for it without a word. */
Test(config, an_orders_keys_are_exported_without_a_word)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *command =
        RUN(ctx, "export", "cpe1", "--as", "ios-xe", "--topology", write_order(ctx, "one-cpe"), "--out", "/dev/stdout");

    EXITS(command, 0);
    cr_expect_str_eq(command->err, "");
    cr_expect(strstr(command->out, "pre-shared-key key-of-the-order"), "%s", command->out);
}

/* strongswan-frr: the node has the files as they are; a connection that has another name cannot be followed. */
Test(config, own_files_are_checked_and_named)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *folder = in_top(ctx, "cpe1"), *out = in_top(ctx, "own.yaml");

    cr_assert_eq(mkdir(folder, 0755), 0);
    struct command *none =
        RUN(ctx, "import", "--from", "strongswan-frr", folder, "--topology", "two-cpe", "--node", "cpe1", "-o", out);
    EXITS(none, 2);
    SAYS(none, "has neither a swanctl.conf nor a frr.conf");
    put_text(in_top(ctx, "cpe1/swanctl.conf"), "connections {\n    cisco-a {\n    }\n}\n");
    struct command *other =
        RUN(ctx, "import", "--from", "strongswan-frr", folder, "--topology", "two-cpe", "--node", "cpe1", "-o", out);
    EXITS(other, 2);
    SAYS(other, "no connection dc1 with a child dc1");
    export_to(ctx, "two-cpe", "cpe1", "strongswan", "cpe1/swanctl.conf");
    export_to(ctx, "two-cpe", "cpe1", "frr", "cpe1/frr.conf");
    struct command *good =
        RUN(ctx, "import", "--from", "strongswan-frr", folder, "--topology", "two-cpe", "--node", "cpe1", "-o", out);
    EXITS(good, 0);
    cr_expect_str_eq(good->err, "");
    struct command *checked = RUN(ctx, "check", out);
    EXITS(checked, 0);
}

/* The ways in which a shell completes or a user writes a folder. */
Test(config, own_files_are_found_however_their_folder_is_written)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    static const struct {
        const char *folder, *out;
    } ways[] = {{"cpe1", "own.yaml"},
                {"cpe1/", "own.yaml"},
                {"./cpe1", "own.yaml"},
                {"cpe1", "./own.yaml"},
                {"../cpe1", "x/../own.yaml"}};

    cr_assert_eq(mkdir(in_top(ctx, "cpe1"), 0755), 0);
    cr_assert_eq(mkdir(in_top(ctx, "x"), 0755), 0);
    export_to(ctx, "two-cpe", "cpe1", "frr", "cpe1/frr.conf");
    for (size_t i = 0; i < VC_COUNT(ways); i++) {
        cr_assert_eq(chdir(in_top(ctx, *ways[i].folder == '.' && ways[i].folder[1] == '.' ? "x" : "")), 0);
        const char *out = *ways[i].out == 'x' ? "../own.yaml" : ways[i].out;
        struct command *command = RUN(ctx, "import", "--from", "strongswan-frr", ways[i].folder, "--topology",
                                      "two-cpe", "--node", "cpe1", "-o", out);
        EXITS(command, 0);
        struct command *checked = RUN(ctx, "check", in_top(ctx, "own.yaml"));
        EXITS(checked, 0);
        cr_assert_eq(unlink(in_top(ctx, "own.yaml")), 0);
    }
}

/* What is otherwise than ordered, and what the lab does not use, with its lines; no key. */
Test(config, own_files_are_held_against_the_order)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *order = write_order(ctx, "one-cpe");

    cr_assert_eq(mkdir(in_top(ctx, "cpe1"), 0755), 0);
    put_text(in_top(ctx, "cpe1/swanctl.conf"),
             "connections {\n  dc1 {\n    remote_addrs = 203.0.113.9\n    proposals = aes128-sha256-modp2048\n"
             "    children { dc1 { local_ts = 10.200.0.1[47]\n  remote_ts = 192.0.2.1/24[gre] } }\n  }\n"
             "  dc2 { remote_addrs = 203.0.113.129\n children { dc2 { } } }\n}\n"
             "secrets { ike-a { secret = key-of-the-order } }\npools { a { addrs = 10.0.0.0/8 } }\n");
    put_text(in_top(ctx, "cpe1/frr.conf"),
             "router bgp 64513\n neighbor G peer-group\n neighbor G remote-as 64600\n"
             " neighbor 100.64.0.1 peer-group G\n neighbor 100.64.0.1 password a-typo-in-it\n"
             "ip route 10.0.0.0/8 10.1.1.1\ninterface eth0\n ip address 1.2.3.4/24\n ip ospf area 0\n"
             " ip rip authentication string another-typo\n!\n"
             "log syslog\nrouter ospf6\n ospf6 router-id 1.1.1.1\n");
    struct command *command = RUN(ctx, "import", "--from", "strongswan-frr", in_top(ctx, "cpe1"), "--topology", order,
                                  "--node", "cpe1", "-o", in_top(ctx, "own.yaml"), "--json");
    EXITS(command, 0);
    static const char *const said[] = {
        "swanctl.conf:3: tunnel dc1: remote_addrs is [\"203.0.113.9\"]; the order has [\"203.0.113.1\"] (R25)\n",
        "swanctl.conf:4: tunnel dc1: proposals is [\"aes128-sha256-modp2048\"]; the order has ",
        "swanctl.conf:6: tunnel dc1: remote_ts is [\"192.0.2.1/24[gre]\"]; the order has [\"192.0.2.1/32[gre]\"] "
        "(R21)\n",
        "swanctl.conf: tunnel dc2: local_ts is not there; the order has [\"10.200.0.2/32[gre]\"] (R21)\n",
        "swanctl.conf:12: not used: pools\n",
        "frr.conf:1: router bgp is 64513; the order has 64512 (R34)\n",
        "frr.conf:5: tunnel dc1: password is another; the order has the order's (R36)\n",
        "frr.conf: tunnel dc2: neighbor is not there; the order has 100.64.0.5 (R34)\n",
        "frr.conf:6: not used: ip route 10.0.0.0/8 10.1.1.1\n",
        "frr.conf:8: not used:  ip address 1.2.3.4/24\n",
        "frr.conf:12: not used: log syslog\n",
        "frr.conf:14: not used:  ospf6 router-id 1.1.1.1\n",
    };
    for (size_t i = 0; i < VC_COUNT(said); i++)
        cr_expect(strstr(command->err, said[i]), "\"%s\" is not said:\n%s", said[i], command->err);
    cr_expect(!strstr(command->err, "typo") && !strstr(command->err, "local_ts is [") &&
                  !strstr(command->err, "remote-as"),
              "%s", command->err);
    VC_AUTO_JSON *told = json_loads(command->out, 0, NULL);
    cr_assert(told, "%s", command->out);
    cr_expect_eq(json_array_size(json_object_get(told, "unused")), 8, "%s", command->out);
    cr_expect(!strstr(command->out, "typo"));
}
