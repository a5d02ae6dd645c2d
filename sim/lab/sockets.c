/*
 * charon reads ESP from a raw socket whose buffer it never sets, and the limits that would set it for all belong to the
 * host. The engine reaches the sockets themselves (pidfd_getfd(2)) and enlarges them by force.
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lab/private.h"

#define RECEIVE_BUFFER (8 << 20)

static void enlarge(int pidfd, int number)
{
    VC_AUTO_FD fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    int domain = 0, size = RECEIVE_BUFFER;
    socklen_t len = sizeof domain;

    if (fd >= 0 && !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_INET)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
}

/* What cannot be enlarged stays as it is: throughput suffers, nothing else. */
void lab_enlarge_sockets(pid_t pid)
{
    VC_AUTO_FD pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = pidfd < 0 ? NULL : opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            enlarge(pidfd, atoi(entry->d_name));
    if (dir)
        closedir(dir);
}
