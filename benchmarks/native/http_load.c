/* Load for an HTTP server.  With RATE 0 every connection sends DEPTH requests at once, waits for all
   their replies and starts again.  With a RATE (and DEPTH 1) requests are due at equal intervals,
   whatever the server does; a request that finds no free connection waits, and its latency counts
   from when it was due, so that a slow server cannot hide how long it lets others wait.
   Fails on a lost connection and on any reply but 200 with a Content-Length.
   Usage: http_load PORT PATH BODY_BYTES CONNECTIONS SECONDS DEPTH RATE */
#include "load.h"

#include <strings.h>

enum { BUFFER = 1 << 16 };

struct conn {
  int fd, writable_wanted, replies; /* of the requests that are under way */
  size_t sent, have, body_left;
  double since;
  char buffer[BUFFER];
};

static char *message; /* DEPTH requests */
static size_t size;
static int ep, depth;

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

static void begin(struct conn *c, double since) {
  c->since = since;
  c->sent = c->replies = 0;
  push(c);
}

/* The length of the body that follows this head. */
static size_t body_length(const char *head, const char *end) {
  static const char name[] = "\r\ncontent-length:";
  if (end - head < 15 || memcmp(head, "HTTP/1.1 200 ", 13)) fail("a reply is not 200");
  for (const char *p = head; (p = memchr(p, '\r', end - p)) && p + sizeof name < end; p++)
    if ((p[2] | 32) == 'c' && !strncasecmp(p, name, sizeof name - 1))
      return strtoul(p + sizeof name - 1, NULL, 10);
  fail("a reply has no Content-Length");
  return 0;
}

/* Count the replies that have come. */
static void count_replies(struct conn *c, double t) {
  size_t at = 0;
  for (;;) {
    size_t rest = c->have - at;
    if (c->body_left) {
      size_t k = rest < c->body_left ? rest : c->body_left;
      at += k, rest -= k, c->body_left -= k;
      if (c->body_left) break;
      c->replies++;
      count_latency(c->since, t);
    }
    char *head = c->buffer + at, *end = memmem(head, rest, "\r\n\r\n", 4);
    if (!end) break;
    c->body_left = body_length(head, end + 2);
    if (!c->body_left) fail("a reply is empty");
    at += end + 4 - head;
  }
  memmove(c->buffer, c->buffer + at, c->have -= at);
  if (c->replies > depth) fail("more replies than requests");
}

static void compose(const char *port, const char *path, size_t body) {
  char head[4096], length[64] = "";
  if (body) snprintf(length, sizeof length, "Content-Length: %zu\r\n", body);
  int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n%s\r\n",
                   body ? "POST" : "GET", path, port, length);
  message = malloc((n + body) * depth);
  for (int i = 0; i < depth; i++) {
    memcpy(message + size, head, n);
    memset(message + size + n, 'm', body);
    size += n + body;
  }
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  int count = atoi(argv[4]);
  double rate = atof(argv[7]);
  struct epoll_event ready[256];
  struct conn *conns = calloc(count, sizeof *conns);
  struct conn **idle = calloc(count, sizeof *idle); /* a ring: the longest idle one is next */
  unsigned long idle_in = 0, idle_out = 0, due = 0;
  depth = atoi(argv[6]);
  compose(argv[1], argv[2], strtoul(argv[3], NULL, 10));
  ep = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    struct conn *c = &conns[i];
    c->fd = dial(argv[1]);
    watch(c, EPOLL_CTL_ADD, 0);
  }
  double start = now(), end = start + atof(argv[5]), t = start, heard = start;
  unsigned long all = rate * atof(argv[5]);
  for (int i = 0; i < count; i++)
    if (rate) idle[idle_in++ % count] = &conns[i];
    else begin(&conns[i], t);
  while (rate ? timed < all : t < end) {
    for (; rate && due < all && idle_out < idle_in && start + due / rate <= t; due++)
      begin(idle[idle_out++ % count], start + due / rate);
    int n = epoll_wait(ep, ready, 256, rate ? 0 : 1000); /* no timer is exact enough: spin */
    if (n) heard = t;
    else if (t - heard > 1) fail("no answer within a second");
    for (int i = 0; i < n; i++) {
      struct conn *c = ready[i].data.ptr;
      if (ready[i].events & EPOLLOUT) push(c);
      if (ready[i].events & ~EPOLLOUT) {
        ssize_t k = recv(c->fd, c->buffer + c->have, BUFFER - c->have, MSG_DONTWAIT);
        if (k == 0) fail("connection closed by the server");
        if (k < 0) { if (errno == EAGAIN) continue; fail("recv"); }
        c->have += k;
        count_replies(c, now());
      }
      if (c->replies < depth || c->sent < size) continue; /* a reply may come early */
      if (rate) idle[idle_in++ % count] = c;
      else begin(c, now());
    }
    t = now();
  }
  report(timed, t - start);
  return 0;
}
