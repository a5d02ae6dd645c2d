/* The subcommands: one cmd_<name>.c each; main.c only dispatches. argv[0] is the subcommand's own name; the return
 * value is the exit status (base/error.h). */
#pragma once

int vc_cmd_activate(int argc, char **argv);
int vc_cmd_bench(int argc, char **argv);
int vc_cmd_capture(int argc, char **argv);
int vc_cmd_check(int argc, char **argv);
int vc_cmd_doctor(int argc, char **argv);
int vc_cmd_down(int argc, char **argv);
int vc_cmd_exec(int argc, char **argv);
int vc_cmd_export(int argc, char **argv);
int vc_cmd_fault(int argc, char **argv);
int vc_cmd_heal(int argc, char **argv);
int vc_cmd_import(int argc, char **argv);
int vc_cmd_list(int argc, char **argv);
int vc_cmd_onboard(int argc, char **argv);
int vc_cmd_plan(int argc, char **argv);
int vc_cmd_preflight(int argc, char **argv);
int vc_cmd_replay(int argc, char **argv);
int vc_cmd_report(int argc, char **argv);
int vc_cmd_run(int argc, char **argv);
int vc_cmd_shell(int argc, char **argv);
int vc_cmd_status(int argc, char **argv);
int vc_cmd_sweep(int argc, char **argv);
int vc_cmd_up(int argc, char **argv);
