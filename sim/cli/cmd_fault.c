/* vclab fault, vclab heal: the faults of scenarios, by hand. */
#include <string.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/session.h"
#include "model/configure.h"
#include "model/scenario.h"

static const char fault_usage[] =
    "Usage: vclab fault [--lab ID] KIND [name=NAME] [MEMBER=VALUE...]\n"
    "\n"
    "Puts a fault into a running lab and waits until its effect is proved, e.g.\n"
    "  vclab fault drop link=inet-dc1 select=esp\n"
    "  vclab fault power-off node=cpe1 name=outage\n"
    "NAME (default: KIND) is what vclab heal takes. Kinds and members: vclab list.\n"
    "\n"
    "       vclab fault [--lab ID] --misconfigure SCENARIO[:FAULT]\n"
    "\n"
    "Starts each node anew that this scenario configures otherwise (a file, or a name of\n"
    "scenarios/misconfiguration), or that its fault FAULT does, so configured; heal it with: vclab heal NODE.\n";

static const char heal_usage[] =
    "Usage: vclab heal [--lab ID] NAME\n\nTakes a fault away again and waits until it is proved to be gone.\n";

static int member_of(json_t *spec, const char *argument)
{
    const char *equals = strchr(argument, '=');

    if (!equals || equals == argument) {
        fprintf(stderr, "vclab fault: %s: MEMBER=VALUE is wanted\n", argument);
        return -1;
    }
    VC_AUTO_TALLOC char *key = talloc_strndup(NULL, argument, (size_t)(equals - argument));
    json_object_set_new(spec, key, json_string(equals + 1));
    return 0;
}

static int ask(const struct lab_options *options, json_t *request)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *answer = lab_ask(options, request, NULL, 0, NULL, &err);

    return answer ? 0 : print_error(err);
}

/* Takes "--misconfigure NAME" out of the arguments; NULL: it is not there. */
static const char *take_misconfigure(int *argc, char **argv)
{
    for (int i = 1; i + 1 < *argc; i++)
        if (!strcmp(argv[i], "--misconfigure")) {
            const char *name = argv[i + 1];
            memmove(argv + i, argv + i + 2, (size_t)(*argc - i - 1) * sizeof *argv);
            *argc -= 2;
            return name;
        }
    return NULL;
}

static int misconfigure(const struct lab_options *options, const char *name)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *folder = session_folder(scratch, "scenarios/misconfiguration");
    const char *colon = strrchr(name, ':'), *fault = colon ? colon + 1 : NULL;
    char *scenario = colon ? talloc_strndup(scratch, name, (size_t)(colon - name)) : talloc_strdup(scratch, name);
    bool path = strchr(scenario, '/') || strstr(scenario, ".yaml");
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *nodes =
        vc_configure_written(path ? scenario : talloc_asprintf(scratch, "%s/%s.yaml", folder, scenario), fault, &err);
    const char *node;
    json_t *knobs;
    int status = 0;

    if (!nodes)
        return print_error(err);
    json_object_foreach(nodes, node, knobs)
    {
        VC_AUTO_JSON *request = json_pack("{s:s, s:{s:s, s:s, s:s, s:O}}", "do", "fault", "spec", "name", node, "kind",
                                          "misconfigure", "node", node, "configure", knobs);
        if (!status && !(status = ask(options, request)))
            printf("%s is configured otherwise (heal it with: vclab heal %s)\n", node, node);
    }
    return status;
}

int vc_cmd_fault(int argc, char **argv)
{
    const char *misconfigured = take_misconfigure(&argc, argv);
    struct lab_options options = {0};
    int parsed = lab_options_parse(argc, argv, fault_usage, &options);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (misconfigured)
        return misconfigure(&options, misconfigured);
    if (options.first == argc) {
        fputs(fault_usage, stderr);
        return VC_EXIT_USAGE;
    }
    json_t *spec = json_pack("{s:s, s:s}", "name", argv[options.first], "kind", argv[options.first]);
    VC_AUTO_JSON *request = json_pack("{s:s, s:o}", "do", "fault", "spec", spec);
    for (int i = options.first + 1; i < argc; i++)
        if (member_of(spec, argv[i]))
            return VC_EXIT_USAGE;
    int status = ask(&options, request);
    if (!status && !strcmp(argv[options.first], "daemon-restart"))
        puts("restarted");
    else if (!status)
        printf("fault %s is in effect (heal it with: vclab heal %s)\n", argv[options.first],
               json_string_value(json_object_get(spec, "name")));
    return status;
}

int vc_cmd_heal(int argc, char **argv)
{
    struct lab_options options = {0};
    int parsed = lab_options_parse(argc, argv, heal_usage, &options);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (options.first + 1 != argc) {
        fputs(heal_usage, stderr);
        return VC_EXIT_USAGE;
    }
    VC_AUTO_JSON *request = json_pack("{s:s, s:s}", "do", "heal", "name", argv[options.first]);
    int status = ask(&options, request);
    if (!status)
        printf("fault %s is gone\n", argv[options.first]);
    return status;
}
