/* Load for an echo server: every connection sends one message, waits until all of it is back,
   notes the time, sends the next.  Fails on a lost connection or on more bytes than were sent.
   Usage: echo_load PORT SIZE CONNECTIONS SECONDS */
#include "load.h"

struct conn {
  int fd, writable_wanted;
  size_t sent, received;
  double since;
};

static char scratch[1 << 18];
static char *message;
static size_t size;
static int ep;

static void watch(struct conn *c, int op, int writable) {
  struct epoll_event ev = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = c};
  c->writable_wanted = writable;
  if (epoll_ctl(ep, op, c->fd, &ev)) fail("epoll_ctl");
}

static void push(struct conn *c) {
  ssize_t k = send(c->fd, message + c->sent, size - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (k < 0 && errno != EAGAIN) fail("send");
  if (k > 0) c->sent += k;
  if ((c->sent < size) != c->writable_wanted) watch(c, EPOLL_CTL_MOD, c->sent < size);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int count = atoi(argv[3]);
  struct conn *conns = calloc(count, sizeof *conns);
  struct epoll_event ready[256];
  size = strtoul(argv[2], NULL, 10);
  message = malloc(size);
  memset(message, 'm', size);
  ep = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    struct conn *c = &conns[i];
    c->fd = dial(argv[1]);
    watch(c, EPOLL_CTL_ADD, 0);
  }
  double start = now(), end = start + atof(argv[4]), t = start;
  for (int i = 0; i < count; i++) {
    conns[i].since = t;
    push(&conns[i]);
  }
  while (t < end) {
    int n = epoll_wait(ep, ready, 256, 1000);
    if (n == 0) fail("no answer within a second");
    for (int i = 0; i < n; i++) {
      struct conn *c = ready[i].data.ptr;
      if (ready[i].events & EPOLLOUT) push(c);
      if (!(ready[i].events & ~EPOLLOUT)) continue;
      ssize_t k = recv(c->fd, scratch, sizeof scratch, MSG_DONTWAIT);
      if (k == 0) fail("connection closed by the server");
      if (k < 0) { if (errno == EAGAIN) continue; fail("recv"); }
      c->received += k;
      if (c->received > c->sent) fail("more bytes came back than were sent");
      if (c->received < size) continue;
      t = now();
      count_latency(c->since, t);
      c->since = t;
      c->sent = c->received = 0;
      push(c);
    }
    t = now();
  }
  report(timed, t - start);
  return 0;
}
