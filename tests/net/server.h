/*
 * The far end of a socket, for protocols whose daemon a unit test must not need: it waits for exact bytes and answers
 * with exact bytes, in a thread, then closes. What arrived instead of the expected is kept for the test to show.
 */
#pragma once

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

struct step {
    const void *expect;
    size_t expect_size;
    const void *answer;
    size_t answer_size;
};
/* String literals with their NULs inside, without the one at the end. */
#define STEP(expected, answered)                                                                                       \
    {                                                                                                                  \
        (expected), sizeof(expected) - 1, (answered), sizeof(answered) - 1                                             \
    }

struct server {
    pthread_t thread;
    int fd;
    int ended; /* eventfd, readable once the far end is closed: for a test that reads in a loop meanwhile */
    const struct step *steps;
    size_t count;
    bool byte_by_byte; /* answers arrive in the smallest pieces */
    bool ok;
};

static inline bool read_exactly(int fd, const void *expected, size_t size)
{
    VC_AUTO_FREE char *got = malloc(size + 1);
    size_t have = 0;
    ssize_t n;

    while (have < size && (n = read(fd, got + have, size - have)) > 0)
        have += (size_t)n;
    return have == size && !memcmp(got, expected, size);
}

static inline bool write_all(const struct server *server, const char *data, size_t size)
{
    size_t piece = server->byte_by_byte ? 1 : size;

    for (size_t at = 0; at < size; at += piece) {
        if (send(server->fd, data + at, piece, MSG_NOSIGNAL) != (ssize_t)piece)
            return false;
    }
    return true;
}

static inline void *serve(void *arg)
{
    struct server *server = arg;

    server->ok = true;
    for (size_t i = 0; i < server->count && server->ok; i++) {
        const struct step *step = &server->steps[i];
        server->ok = read_exactly(server->fd, step->expect, step->expect_size) &&
                     write_all(server, step->answer, step->answer_size);
    }
    close(server->fd);
    eventfd_write(server->ended, 1);
    return NULL;
}

/* Returns the client's end. */
static inline int server_start(struct server *server, const struct step *steps, size_t count)
{
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    server->fd = pair[1];
    server->ended = eventfd(0, EFD_CLOEXEC);
    cr_assert_geq(server->ended, 0);
    server->steps = steps;
    server->count = count;
    cr_assert_eq(pthread_create(&server->thread, NULL, serve, server), 0);
    return pair[0];
}

static inline bool server_join(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->ended);
    return server->ok;
}
