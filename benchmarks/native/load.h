/* What the load generators share: the address, the clock, the latencies, and what is said at the
   end. It comes before all other includes. */
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

static unsigned histogram[LONGEST_US];
static unsigned long timed;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *why) {
  fprintf(stderr, "%s: %s (%s)\n", program_invocation_short_name, why, strerror(errno));
  exit(1);
}

static struct sockaddr_in loopback(const char *port) {
  return (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons(atoi(port)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A connected socket. */
static inline int dial(const char *port) {
  struct sockaddr_in addr = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (connect(fd, (struct sockaddr *) &addr, sizeof addr)) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void count_latency(double since, double t) {
  long us = (t - since) * 1e6;
  histogram[us < LONGEST_US ? us : LONGEST_US - 1]++;
  timed++;
}

static int percentile(double p) {
  unsigned long seen = 0;
  for (int us = 0; us < LONGEST_US; us++)
    if ((seen += histogram[us]) > timed * p) return us;
  return LONGEST_US;
}

static void report(unsigned long requests, double seconds) {
  printf("{\"requests\": %lu, \"seconds\": %.6f, \"p50_us\": %d, \"p99_us\": %d, \"p999_us\": %d}\n",
         requests, seconds, percentile(0.50), percentile(0.99), percentile(0.999));
}
