// Wraps the calls that need _GNU_SOURCE before the first system header.
#define _GNU_SOURCE
#include "CLinux.h"

int linux_accept_nonblocking(int listener) {
  return accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
