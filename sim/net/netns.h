/* Network namespaces, anonymous: held by a descriptor, never named in the file system. Source: setns(2),
 * network_namespaces(7). */
#pragma once

#include "base/error.h"

/* A new network namespace with lo up, or -1. The calling thread stays where it is. The caller owns the descriptor. */
int vc_netns_new(vc_error **err);

/* A descriptor of the namespace the calling thread is in, or -1. */
int vc_netns_current(vc_error **err);

/*
 * Enters `netns` until the scope ends: VC_NETNS_SCOPE(scope) = vc_netns_enter(fd, err); check scope.back >= 0. Leaving
 * aborts if it fails: a process in the wrong namespace must not go on.
 */
struct vc_netns_scope {
    int back; /* -1: not entered */
};
struct vc_netns_scope vc_netns_enter(int netns, vc_error **err);
void vc_netns_leave(struct vc_netns_scope *scope);
#define VC_NETNS_SCOPE(name) __attribute__((cleanup(vc_netns_leave))) struct vc_netns_scope name

/* Writes "net/ipv4/ip_forward=1" lines below /proc/sys in `netns`; NULL ends the array. A leading '-' ignores a missing
 * key. */
int vc_netns_sysctl(int netns, const char *const *assignments, vc_error **err);
