/* For forked children that go on without exec. */
#pragma once

#include <stddef.h>

/*
 * Closes every descriptor from 3 on but those of `keep`, which it sorts; what is negative in it is nothing. What the
 * parent closes later is then closed for the kernel, too: entries of epoll sets go, peers see the end, namespaces die.
 */
void vc_close_others(int *keep, size_t count);
