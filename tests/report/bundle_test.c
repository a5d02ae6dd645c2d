/* Bundles: what goes in comes out, no secret goes in, and nothing hostile comes through. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>

#include "folder.h"
#include "model/scenario.h"
#include "report/bundle.h"
#include "report/bundle_private.h"
#include "vm/blob.h"

TestSuite(bundle, .init = folder_open, .fini = folder_close);

#define KINDS VCLAB_SOURCE_DIR "/nodes"

static const char events_text[] = "{\"t_ns\":1,\"layer\":\"check\",\"what\":\"plan\"}\n"
                                  "{\"t_ns\":2,\"layer\":\"check\",\"what\":\"end\"}\n";

/* ---- a bundle as vclab writes it ---- */

static json_t *plain_documents(void)
{
    return json("{\"scenario\": \"scenarios/hub.yaml\", \"topology\": \"topologies/two.yaml\", \"timers\": \"bfd\","
                " \"documents\": {\"scenarios/hub.yaml\": \"scenario: hub\\n\", \"topologies/two.yaml\": \"topology: "
                "two\\n\"}}");
}

/* top/result, finished; its run.json is `run` and the digest. */
static void put_result(void)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    put("result/events.jsonl", events_text);
    VC_AUTO_JSON *header = json("{\"scenario\": \"hub\", \"seed\": 7, \"image\": \"ab12\", \"captured\": true,"
                                " \"start\": \"cold\", \"versions\": {\"frr\": \"10.3\"}, \"files\": {}}");
    VC_AUTO_JSON *judged = json("{\"verdict\": \"pass\", \"reason\": \"\"}");
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *run = vc_result_finish(in_top(ctx, "result"), header, judged, &err);
    cr_assert(run, "%s", err ? err->message : "");
}

static char *write_plain(void *ctx)
{
    VC_AUTO_JSON *documents = plain_documents();
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_ERROR *err = NULL;
    char *file = in_top(ctx, "x.bundle");

    put_result();
    cr_assert_eq(vc_bundle_write(file, in_top(ctx, "result"), documents, replaced, &err), 0, "%s",
                 err ? err->message : "");
    return file;
}

Test(bundle, comes_back_as_it_was_written)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *documents = plain_documents();
    struct vc_bundle *bundle = vc_bundle_read(ctx, write_plain(ctx), &err);

    cr_assert(bundle, "%s", err ? err->message : "");
    cr_assert_str_eq(bundle->events, events_text);
    cr_assert(json_equal(bundle->documents, documents));
    cr_assert_str_eq(vc_member_text(bundle->manifest, "schema"), "vclab.bundle/1");
    cr_assert_eq(vc_member_int(bundle->manifest, "seed"), 7);
    cr_assert_str_eq(vc_member_text(bundle->manifest, "image"), "ab12");
    cr_assert_str_eq(vc_member_text(bundle->manifest, "verdict"), "pass");
    cr_assert_str_eq(vc_member_text(bundle->manifest, "digest"), vc_member_text(bundle->run, "digest"));
    cr_assert_eq(vc_bundle_unpack_result(bundle, top, &err), 0);
    size_t size;
    cr_assert_str_eq(get_bytes(ctx, "events.jsonl", &size), events_text);
}

Test(bundle, is_the_same_bytes_twice)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *documents = plain_documents();
    VC_AUTO_JSON *replaced = json_array();
    size_t first_size, second_size;

    write_plain(ctx);
    const char *first = get_bytes(ctx, "x.bundle", &first_size);
    cr_assert_eq(vc_bundle_write(in_top(ctx, "x.bundle"), in_top(ctx, "result"), documents, replaced, NULL), 0);
    const char *second = get_bytes(ctx, "x.bundle", &second_size);
    cr_assert(first_size == second_size && !memcmp(first, second, first_size));
}

Test(bundle, that_cannot_be_written_leaves_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *documents = plain_documents();
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_ERROR *err = NULL;

    put_result();
    cr_assert_eq(vc_bundle_write(in_top(ctx, "none/x"), in_top(ctx, "result"), documents, replaced, &err), -1);
    cr_assert_eq((int)err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, "none/x"), "%s", err->message);
}

/* ---- refusals ---- */

static void refused(const char *file, const char *text)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    cr_assert(!vc_bundle_read(ctx, file, &err), "taken, though \"%s\"", text);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE, "%s", err->message);
    cr_assert(strstr(err->message, text), "\"%s\" is not said: %s", text, err->message);
}

Test(bundle, cut_off_anywhere_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t size;
    const char *bytes = get_bytes(ctx, (write_plain(ctx), "x.bundle"), &size);

    for (size_t part = 0; part < 10; part++) {
        put_bytes("cut", bytes, size * part / 10);
        refused(in_top(ctx, "cut"), "bundle");
    }
}

/* A flipped bit is either found, or it is in bytes that nothing depends on (the archive's padding). */
Test(bundle, damaged_anywhere_is_refused_or_harmless)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *documents = plain_documents();
    size_t size, refusals = 0;
    char *bytes = get_bytes(ctx, (write_plain(ctx), "x.bundle"), &size);

    for (size_t at = 0; at < size; at++) {
        VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
        bytes[at] = (char)(bytes[at] ^ 0x10);
        put_bytes("flipped", bytes, size);
        bytes[at] = (char)(bytes[at] ^ 0x10);
        const struct vc_bundle *bundle = vc_bundle_read(scratch, in_top(scratch, "flipped"), NULL);
        refusals += !bundle;
        cr_assert(!bundle || (json_equal(bundle->documents, documents) && !strcmp(bundle->events, events_text)),
                  "byte %zu", at);
    }
    cr_assert(refusals > size / 2, "%zu of %zu", refusals, size);
}

Test(bundle, what_is_no_bundle_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    refused("/nowhere/x", "No such file");
    refused(top, "not a file");
    cr_assert(!mkfifo(in_top(ctx, "fifo"), 0600));
    refused(in_top(ctx, "fifo"), "not a file");
    put("text", "scenario: hub\n");
    refused(in_top(ctx, "text"), "not a bundle");
    put("empty", "");
    refused(in_top(ctx, "empty"), "not a bundle");
}

Test(bundle, larger_than_allowed_is_refused_unread)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    put("large", "");
    cr_assert_eq(truncate(in_top(ctx, "large"), (64 << 20) + 1), 0);
    refused(in_top(ctx, "large"), "larger than 64 MiB");
}

/* ---- archives that others made ---- */

struct forged {
    const char *name, *text;
    size_t size; /* 0: strlen(text) */
    unsigned type;
    const char *link;
};

static void forge(const char *file, const struct forged *members, size_t count)
{
    struct archive *archive = archive_write_new();

    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_zstd(archive);
    cr_assert(archive_write_open_filename(archive, file) == ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        size_t size = members[i].size ? members[i].size : members[i].text ? strlen(members[i].text) : 0;
        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_filetype(entry, members[i].type ? members[i].type : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        if (members[i].link)
            archive_entry_set_symlink(entry, members[i].link);
        archive_entry_set_size(entry, (la_int64_t)size);
        cr_assert(archive_write_header(archive, entry) == ARCHIVE_OK);
        static const char zeros[1 << 16];
        for (size_t done = 0; members[i].text && done < size;) {
            bool fill = members[i].size;
            size_t part = !fill ? size : size - done < sizeof zeros ? size - done : sizeof zeros;
            cr_assert(archive_write_data(archive, fill ? zeros : members[i].text, part) == (la_ssize_t)part);
            done += part;
        }
        archive_entry_free(entry);
    }
    cr_assert(archive_write_close(archive) == ARCHIVE_OK);
    archive_write_free(archive);
}

#define REFUSED(why, ...)                                                                                              \
    do {                                                                                                               \
        const struct forged members[] = {__VA_ARGS__};                                                                 \
        forge(in_top(ctx, "forged"), members, VC_COUNT(members));                                                      \
        refused(in_top(ctx, "forged"), why);                                                                           \
    } while (0)

Test(bundle, unknown_names_links_and_doubles_are_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    REFUSED("no part of a bundle", {"../../etc/passwd", "x"});
    REFUSED("no part of a bundle", {"/etc/passwd", "x"});
    REFUSED("no part of a bundle", {"./manifest.json", "{}"});
    REFUSED("no part of a bundle", {"manifest.json/x", "{}"});
    REFUSED("is no file", {"manifest.json", .type = AE_IFLNK, .link = "/etc/passwd"});
    REFUSED("no part of a bundle", {"manifest.json", .type = AE_IFDIR});
    REFUSED("twice", {"events.jsonl", "x"}, {"events.jsonl", "y"});
    REFUSED("cut off", {"events.jsonl", "x"});
}

Test(bundle, that_unpacks_to_too_much_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    REFUSED("more than 256 MiB", {"events.jsonl", "", ((size_t)256 << 20) + 1});
}

/* The members of a whole bundle, and any of them changed, with every digest made right again: ill will, not damage. */
struct edit {
    const char *manifest, *documents, *run; /* JSON to put over the members' own; NULL none */
};

static void reforge(void *ctx, const struct edit *edit)
{
    VC_AUTO_JSON *documents = plain_documents();
    VC_AUTO_JSON *manifest =
        json("{\"schema\": \"vclab.bundle/1\", \"scenario\": \"hub\", \"seed\": 7, \"image\": \"ab\","
             " \"captured\": true, \"versions\": {}, \"members\": {}}");
    VC_AUTO_JSON *run = json("{\"schema\": \"vclab.run/1\", \"files\": {}}");
    json_t *const parts[] = {manifest, documents, run};
    const char *const edits[] = {edit->manifest, edit->documents, edit->run};

    for (size_t i = 1; i < VC_COUNT(parts); i++)
        if (edits[i])
            json_object_update_new(parts[i], json(edits[i]));
    char *documents_text = json_dumps(documents, 0), *run_text = json_dumps(run, 0);
    json_t *members = json_object_get(manifest, "members");
    const char *events_digest = vc_digest_bytes(ctx, events_text, strlen(events_text));
    json_object_set_new(members, "events.jsonl", json_string(events_digest));
    json_object_set_new(manifest, "digest", json_string(events_digest));
    json_object_set_new(members, "documents.json",
                        json_string(vc_digest_bytes(ctx, documents_text, strlen(documents_text))));
    json_object_set_new(members, "run.json", json_string(vc_digest_bytes(ctx, run_text, strlen(run_text))));
    if (edit->manifest)
        json_object_update_new(manifest, json(edit->manifest));
    json_object_set_new(manifest, "checksum", json_string(vc_bundle_checksum(ctx, manifest)));
    char *manifest_text = json_dumps(manifest, 0);
    forge(in_top(ctx, "forged"),
          (struct forged[]){{"manifest.json", manifest_text},
                            {"documents.json", documents_text},
                            {"events.jsonl", events_text},
                            {"run.json", run_text}},
          4);
    free(manifest_text);
    free(documents_text);
    free(run_text);
}

Test(bundle, a_forged_one_without_a_fault_is_taken)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    reforge(ctx, &(struct edit){0}); /* or the refusals below would show nothing */
    cr_assert(vc_bundle_read(ctx, in_top(ctx, "forged"), &err), "%s", err ? err->message : "");
}

/* A customer with files of his own for two CPEs: more documents than most, and such as are none. */
Test(bundle, files_of_nodes_are_taken)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;

    reforge(ctx, &(struct edit){.documents =
                                    "{\"documents\": {\"scenarios/hub.yaml\": \"scenario: hub\","
                                    " \"topologies/own.yaml\": \"base: order/keys\\nnodes: {cpe1: {files: {frr.conf: "
                                    "own/frr.conf, swanctl.conf: own/ike}}, cpe2: {files: {bird.conf: b.conf, "
                                    "ipsec.conf: i, ipsec.secrets: s}}}\", \"topologies/order/keys.yaml\": \"{}\","
                                    " \"topologies/order/order.yaml\": \"{}\", \"topologies/own/frr.conf\": \"!\","
                                    " \"topologies/own/ike\": \"a {}\", \"topologies/b.conf\": \"#\","
                                    " \"topologies/i\": \"conn a\", \"topologies/s\": \"#\"}}"});
    cr_assert(vc_bundle_read(ctx, in_top(ctx, "forged"), &err), "%s", err ? err->message : "");
}

Test(bundle, hostile_contents_are_refused)
{
    static const struct {
        struct edit edit;
        const char *why;
    } cases[] = {
        {{.manifest = "{\"schema\": \"vclab.bundle/2\"}"}, "newer vclab"},
        {{.manifest = "{\"schema\": \"vclab.run/1\"}"}, "not a bundle"},
        {{.manifest = "{\"scenario\": \"../x\"}"}, "wrong form"},
        {{.manifest = "{\"scenario\": \"a/b\"}"}, "wrong form"},
        {{.manifest = "{\"scenario\": \"\"}"}, "wrong form"},
        {{.manifest = "{\"seed\": -1}"}, "wrong form"},
        {{.manifest = "{\"seed\": \"1\"}"}, "wrong form"},
        {{.manifest = "{\"captured\": 1}"}, "wrong form"},
        {{.manifest = "{\"versions\": {\"frr\": 10}}"}, "wrong form"},
        {{.manifest = "{\"versions\": []}"}, "wrong form"},
        {{.manifest = "{\"digest\": \"sha256:00\"}"}, "damaged"},
        {{.manifest = "{\"members\": {}}"}, "damaged"},
        {{.run = "{\"schema\": \"vclab.run/9\"}"}, "wrong form"},
        {{.run = "{\"files\": 5}"}, "wrong form"},
        {{.documents = "{\"documents\": {}}"}, "no texts"},
        {{.documents = "{\"documents\": {\"scenarios/hub.yaml\": 5}}"}, "no texts"},
        {{.documents = "{\"documents\": {\"../hub.yaml\": \"\"}}"}, "refused"},
        {{.documents = "{\"documents\": {\"/etc/hub.yaml\": \"\"}}"}, "refused"},
        {{.documents = "{\"documents\": {\"a/../../hub.yaml\": \"\"}}"}, "refused"},
        {{.documents = "{\"documents\": {\"scenarios//hub.yaml\": \"\"}}"}, "refused"},
        {{.documents = "{\"documents\": {\"nodes/cpe/kind.yaml\": \"\"}}"}, "refused"},
        {{.documents = "{\"documents\": {\"scenarios/hub.sh\": \"\"}}"}, "refused"},
        {{.documents = "{\"documents\": {\"topologies/own.yaml\": \"nodes: {cpe1: {files: {frr.conf: a}}}\","
                       " \"topologies/b\": \"\"}}"},
         "none of its documents names it"},
        {{.documents = "{\"documents\": {\"topologies/own.yaml\": \"nodes: {cpe1: {files: {frr.conf: a}}}\","
                       " \"nodes/a\": \"\"}}"},
         "refused"},
        {{.documents = "{\"documents\": {\"hub\\n.yaml\": \"\"}}"}, "refused"},
        {{.documents = "{\"scenario\": \"scenarios/other.yaml\"}"}, "lack its scenario"},
        {{.documents = "{\"scenario\": 5}"}, "lack its scenario"},
    };

    for (size_t i = 0; i < VC_COUNT(cases); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        reforge(ctx, &cases[i].edit);
        refused(in_top(ctx, "forged"), cases[i].why);
    }
}

Test(bundle, documents_larger_than_a_guest_takes_are_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *text = talloc_zero_size(ctx, VC_BLOB_SIZE + 2);

    memset(text, '#', VC_BLOB_SIZE + 1);
    reforge(ctx, &(struct edit){.documents = talloc_asprintf(ctx, "{\"documents\": {\"a.yaml\": \"%s\"}}", text)});
    refused(in_top(ctx, "forged"), "larger than a guest takes");
}

/* ---- secrets ---- */

/* The repository's two-CPE hub with secrets, in a home of its own; and a scenario on it. */
static struct vc_scenario *secret_scenario(void *ctx, const char *extra)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_FILE *from = fopen(VCLAB_SOURCE_DIR "/tests/model/flat/two-cpe.yaml", "re");
    char line[4096];
    char *text = talloc_strdup(ctx, "# the key is tomato-7-secret, ask Ann\n");

    cr_assert(from);
    while (fgets(line, sizeof line, from)) {
        text = talloc_strdup_append(text, line);
        if (!strcmp(line, "  dc1:\n")) /* the tunnel: the DC is on one line */
            text = talloc_strdup_append(text, "    psk: tomato-7-secret\n    bgp_password: 'swordfish-9'\n");
    }
    put("topologies/two-cpe.yaml", text);
    put("scenarios/hub.yaml",
        talloc_asprintf(ctx,
                        "scenario: hub\ndescription: A hub. %s\ntopology: two-cpe\ntimers: bfd\nrequirements: [R1]\n"
                        "flows:\n  voice-dc1: {from: phone, to: dc1-srv}\nsteps:\n  - expect:\n      - converged: "
                        "{within: 20s}\n",
                        extra));
    setenv("VCLAB_HOME", top, 1);
    struct vc_scenario *scenario =
        vc_scenario_load(ctx, in_top(ctx, "scenarios/hub.yaml"), in_top(ctx, "topologies"), KINDS, &err);
    cr_assert(scenario, "%s", err ? err->message : "");
    cr_assert_str_eq(scenario->topology->tunnels[0].psk, "tomato-7-secret");
    return scenario;
}

Test(bundle, secrets_leave_the_documents_and_the_rest_stays)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_JSON *documents = vc_blob_documents(secret_scenario(ctx, ""), &err);
    const json_t *texts = json_object_get(documents, "documents");
    VC_AUTO_TALLOC char *untouched = talloc_strdup(NULL, vc_member_text(texts, "scenarios/hub.yaml"));

    cr_assert(documents, "%s", err ? err->message : "");
    cr_assert_eq(vc_redact(documents, replaced, &err), 0, "%s", err ? err->message : "");
    VC_AUTO_FREE char *all = json_dumps(documents, 0);
    cr_assert(!strstr(all, "tomato") && !strstr(all, "swordfish"), "%s", all);
    cr_assert_eq(json_array_size(replaced), 2);
    cr_assert_str_eq(json_string_value(json_array_get(replaced, 0)), "topologies/two-cpe.yaml:47: psk");
    texts = json_object_get(documents, "documents");
    cr_assert_str_eq(vc_member_text(texts, "scenarios/hub.yaml"), untouched, "no secret there: every byte stays");

    char *home = in_top(ctx, "staged");
    mkdir(home, 0755);
    cr_assert_eq(vc_blob_write_documents(documents, home, &err), 0);
    const struct vc_scenario *scenario =
        vc_scenario_load(ctx, in_top(ctx, "staged/scenarios/hub.yaml"), in_top(ctx, "staged/topologies"), KINDS, &err);
    cr_assert(scenario, "%s", err ? err->message : "");
    cr_assert_eq(scenario->topology->tunnels[0].psk, NULL);
    cr_assert_eq(scenario->topology->tunnels[0].bgp_password, NULL);
    cr_assert_eq(scenario->topology->link_count, 13);
    cr_assert_eq(scenario->topology->tunnel_count, 2);
}

Test(bundle, documents_without_secrets_keep_every_byte)
{
    VC_AUTO_JSON *documents = plain_documents();
    VC_AUTO_JSON *same = plain_documents();
    VC_AUTO_JSON *replaced = json_array();

    cr_assert_eq(vc_redact(documents, replaced, NULL), 0);
    cr_assert(json_equal(documents, same));
    cr_assert_eq(json_array_size(replaced), 0);
}

Test(bundle, a_secret_that_stands_elsewhere_is_refused_and_not_repeated)
{
    static const char *const places[] = {"The key is tomato-7-secret.", "# tomato-7-secret", "x swordfish-9 x"};

    for (size_t i = 0; i < VC_COUNT(places); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *replaced = json_array();
        VC_AUTO_JSON *documents = vc_blob_documents(secret_scenario(ctx, ""), &err);
        json_t *texts = json_object_get(documents, "documents");
        json_object_set_new(texts, "scenarios/hub.yaml", json_sprintf("description: \"%s\"\n", places[i]));
        cr_assert_eq(vc_redact(documents, replaced, &err), -1, "%s", places[i]);
        cr_assert(strstr(err->message, "scenarios/hub.yaml"), "%s", err->message);
        cr_assert(!strstr(err->message, "tomato") && !strstr(err->message, "swordfish"), "%s", err->message);
    }
}

/* ---- a customer's own ---- */

static json_t *customer_documents(const char *order, const char *own, const char *swanctl)
{
    return json_pack("{s:{s:s, s:s, s:s}}", "documents", "topologies/order.yaml", order, "topologies/own.yaml", own,
                     "topologies/cpe1/swanctl.conf", swanctl);
}

static void add_file(json_t *documents, const char *path, const char *text)
{
    json_object_set_new(json_object_get(documents, "documents"), path, json_string(text));
}

static const char *clean(const json_t *documents, const char *path)
{
    return vc_member_text(json_object_get(documents, "documents"), path);
}

/* Keys that were the same still are, and others still are others. */
Test(bundle, what_is_the_same_key_stays_the_same)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_JSON *documents = customer_documents(
        "topology: order\ntunnels:\n  dc1: {psk: key-of-dc1, bgp_password: word-of-dc1}\n  dc2: {psk: key-of-dc2, "
        "bgp_password: word-of-dc1}\n",
        "topology: own\nconfigure:\n  cpe1:\n    psk: key-of-dc2\n    bgp_password: none\n    tunnels: {dc1: {psk: "
        "mistyped-1}, dc2: {bgp_password: word-of-dc1}}\n  dc1-headend: {psk: mistyped-1}\n  dc2-headend: {psk: "
        "mistyped-2}\n",
        "connections { }\nsecrets {\n    ike-a {\n        secret = \"key-of-dc1\"\n    }\n    ike-b { "
        "secret=mistyped-1 }\n}\n");
    add_file(
        documents, "topologies/cpe1/frr.conf",
        "neighbor 1.2.3.4 password 8 word-of-dc1\nset community 65000:1\nsnmp-server community public-planted RO\n");
    add_file(documents, "topologies/cpe2/ipsec.secrets", "1.1.1.1 2.2.2.2 : PSK 'only-here-planted'\n");

    cr_assert_eq(vc_redact(documents, replaced, &err), 0, "%s", err ? err->message : "");
    VC_AUTO_FREE char *all = json_dumps(documents, 0);
    static const char *const gone[] = {"key-of-", "word-of-", "mistyped", "planted"};
    for (size_t i = 0; i < VC_COUNT(gone); i++)
        cr_expect(!strstr(all, gone[i]), "%s in %s", gone[i], all);
    VC_AUTO_JSON *order = json_loads(clean(documents, "topologies/order.yaml"), 0, NULL);
    VC_AUTO_JSON *own = json_loads(clean(documents, "topologies/own.yaml"), 0, NULL);
    VC_AUTO_JSON *wanted_order = json_pack("{s:s, s:{s:{}, s:{s:s}}}", "topology", "order", "tunnels", "dc1", "dc2",
                                           "bgp_password", "<BGP-PW-dc1>");
    VC_AUTO_JSON *wanted_own = json_pack("{s:s, s:{s:{s:s, s:s, s:{s:{s:s}, s:{s:s}}}, s:{s:s}, s:{s:s}}}", "topology",
                                         "own", "configure", "cpe1", "psk", "<PSK-dc2>", "bgp_password", "none",
                                         "tunnels", "dc1", "psk", "other-key-1", "dc2", "bgp_password", "<BGP-PW-dc1>",
                                         "dc1-headend", "psk", "other-key-1", "dc2-headend", "psk", "other-key-2");
    cr_expect(json_equal(order, wanted_order), "%s", clean(documents, "topologies/order.yaml"));
    cr_expect(json_equal(own, wanted_own), "%s", clean(documents, "topologies/own.yaml"));
    cr_expect_str_eq(clean(documents, "topologies/cpe1/swanctl.conf"),
                     "connections { }\nsecrets {\n    ike-a {\n        secret = \"<PSK-dc1>\"\n    }\n    ike-b { "
                     "secret=other-key-1 }\n}\n");
    cr_expect_str_eq(
        clean(documents, "topologies/cpe1/frr.conf"),
        "neighbor 1.2.3.4 password 8 <BGP-PW-dc1>\nset community 65000:1\nsnmp-server community other-key-3 RO\n");
    cr_expect_str_eq(clean(documents, "topologies/cpe2/ipsec.secrets"), "1.1.1.1 2.2.2.2 : PSK 'other-key-4'\n");
    cr_expect_eq(json_array_size(replaced), 14);
}

Test(bundle, a_file_without_secrets_keeps_every_byte)
{
    static const char text[] = "neighbor 1.2.3.4 password <BGP-PW-dc1>\r\n description no word of them\n\tlast",
                      swanctl[] = "secrets { ike-a {\tsecret = \"<PSK-dc1>\"\r\n } }";
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_JSON *documents = customer_documents("topology: order\n", "topology: own\n", swanctl);

    add_file(documents, "topologies/cpe1/frr.conf", text);
    cr_assert_eq(vc_redact(documents, replaced, NULL), 0);
    cr_expect_str_eq(clean(documents, "topologies/cpe1/swanctl.conf"), swanctl);
    cr_expect_str_eq(clean(documents, "topologies/cpe1/frr.conf"), text);
    cr_expect_eq(json_array_size(replaced), 0);
}

/* What says already whose key it is stays, so a bundle can be recorded of a bundle's documents. */
Test(bundle, marks_are_no_secrets)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *replaced = json_array();
    VC_AUTO_JSON *documents = customer_documents(
        "topology: order\ntunnels: {dc1: {psk: abcdefgh}, dc2: {psk: <PSK-dc1>}}\n",
        "topology: own\nconfigure: {cpe1: {psk: <PSK-dc2>, bgp_password: <looks-like-one>}}\n", "x = y\n");

    cr_assert_eq(vc_redact(documents, replaced, &err), 0, "%s", err ? err->message : "");
    cr_expect(strstr(clean(documents, "topologies/order.yaml"), "\"dc2\": {\n   \"psk\": \"<PSK-dc1>\""), "%s",
              clean(documents, "topologies/order.yaml"));
    cr_expect(strstr(clean(documents, "topologies/own.yaml"), "\"psk\": \"<PSK-dc2>\""));
    cr_expect(strstr(clean(documents, "topologies/own.yaml"), "\"bgp_password\": \"other-key-1\""));
    cr_expect_eq(json_array_size(replaced), 2);
}

Test(bundle, what_nothing_can_stand_for_is_refused)
{
    static const struct {
        const char *text, *message;
    } bad[] = {{"-----BEGIN RSA PRIVATE KEY-----\n", "topologies/cpe1/swanctl.conf: it has a private key in it"},
               {"secrets {\n", "topologies/cpe1/swanctl.conf: swanctl.conf:1: a section without its closing brace"},
               {"a { key-of-dc1 = x }\n", "topologies/cpe1/swanctl.conf: a secret of the topology also stands here"}};

    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_ERROR *err = NULL;
        VC_AUTO_JSON *replaced = json_array();
        VC_AUTO_JSON *documents =
            customer_documents("topology: order\ntunnels: {dc1: {psk: key-of-dc1}}\n", "topology: own\n", bad[i].text);

        cr_assert_eq(vc_redact(documents, replaced, &err), -1);
        cr_expect(strstr(err->message, bad[i].message) && !strstr(err->message, "key-of-dc1"), "%s", err->message);
    }
}
