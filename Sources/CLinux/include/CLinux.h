// Linux calls that the Glibc module of Swift does not import.
#pragma once
#include <malloc.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

// accept4 is declared only under _GNU_SOURCE, so CLinux.c defines that and wraps it.
// Accepts one connection, non-blocking and closed on exec; -1 and errno on failure.
int linux_accept_nonblocking(int listener);

// A 64-bit token instead of the anonymous union in epoll_event.
static inline int linux_epoll_control(int poller, int operation, int descriptor,
                                      uint32_t interest, uint64_t token) {
  struct epoll_event event = {.events = interest, .data = {.u64 = token}};
  return epoll_ctl(poller, operation, descriptor, &event);
}
