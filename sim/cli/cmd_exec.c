/* vclab exec: a program of the lab root in a node. */
#include <string.h>

#include "cli/commands.h"
#include "cli/labs.h"
#include "cli/session.h"

static const char exec_usage[] =
    "Usage: vclab exec [--lab ID] NODE -- COMMAND [ARGUMENT...]\n\n"
    "Runs a program of the lab root in a node, e.g. vclab exec cpe1 -- ip route. Exit status: the command's.\n";

int lab_command_status(const json_t *answer)
{
    int status = (int)json_integer_value(json_object_get(answer, "status"));

    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vc_cmd_exec(int argc, char **argv)
{
    struct lab_options options = {0};
    VC_AUTO_ERROR *err = NULL;
    int parsed = lab_options_parse(argc, argv, exec_usage, &options);
    int command = options.first + 1;
    int fds[3] = {0, 1, 2};

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    if (command < argc && !strcmp(argv[command], "--"))
        command++;
    if (command >= argc) {
        fputs(exec_usage, stderr);
        return VC_EXIT_USAGE;
    }
    json_t *words = json_array();
    for (int i = command; i < argc; i++)
        json_array_append_new(words, json_string(argv[i]));
    VC_AUTO_JSON *request = json_pack("{s:s, s:s, s:o}", "do", "exec", "node", argv[options.first], "argv", words);
    VC_AUTO_JSON *answer = lab_ask(&options, request, fds, 3, NULL, &err);
    return answer ? lab_command_status(answer) : print_error(err);
}
