/* Load for an echo server: every connection sends one message, waits until all of it is back,
   notes the time, sends the next.  Fails on a lost connection or on more bytes than were sent.
   Usage: echo_load PORT SIZE CONNECTIONS SECONDS */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_US = 1 << 20 }; /* latencies above one second count as one second */

struct conn {
  int fd, writable_wanted;
  size_t sent, received;
  double since;
};

static unsigned histogram[LONGEST_US];
static char scratch[1 << 18];
static char *message;
static size_t size;
static int ep;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *why) {
  fprintf(stderr, "echo_load: %s (%s)\n", why, strerror(errno));
  exit(1);
}

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

static int percentile(unsigned long total, double p) {
  unsigned long seen = 0;
  for (int us = 0; us < LONGEST_US; us++)
    if ((seen += histogram[us]) > total * p) return us;
  return LONGEST_US;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int count = atoi(argv[3]), one = 1;
  struct conn *conns = calloc(count, sizeof *conns);
  struct epoll_event ready[256];
  unsigned long done = 0;
  size = strtoul(argv[2], NULL, 10);
  message = malloc(size);
  memset(message, 'm', size);
  ep = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    struct conn *c = &conns[i];
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *) &addr, sizeof addr)) fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
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
      long us = (t - c->since) * 1e6;
      histogram[us < LONGEST_US ? us : LONGEST_US - 1]++;
      done++;
      c->since = t;
      c->sent = c->received = 0;
      push(c);
    }
    t = now();
  }
  printf("{\"requests\": %lu, \"seconds\": %.6f, \"p50_us\": %d, \"p99_us\": %d, \"p999_us\": %d}\n",
         done, t - start, percentile(done, 0.50), percentile(done, 0.99), percentile(done, 0.999));
  return 0;
}
