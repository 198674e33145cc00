/* Full TLS 1.3 handshakes: every connection connects, shakes hands, says close_notify, waits until
   the server has closed, and starts again.  So a handshake counts when the server has finished its
   part as well.  Nothing is resumed; the certificate is not verified, its signature is.
   Usage: tls_load PORT CONNECTIONS SECONDS */
#include "load.h"

#include <openssl/ssl.h>

struct conn {
  int fd, shaken;
  SSL *tls;
  double since;
};

static struct sockaddr_in addr;
static SSL_CTX *context;
static int ep;

static int trust(X509_STORE_CTX *store, void *arg) { return 1; }

static void begin(struct conn *c) {
  int one = 1;
  struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  c->since = now();
  c->shaken = 0;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (struct sockaddr *) &addr, sizeof addr) && errno != EINPROGRESS)
    fail("connect");
  c->tls = SSL_new(context);
  SSL_set_fd(c->tls, c->fd);
  SSL_set_connect_state(c->tls);
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev)) fail("epoll_ctl");
}

/* The server has closed: so do we, with a reset, because ports that wait would soon be all used up. */
static void finish(struct conn *c) {
  struct linger none = {1, 0};
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  SSL_free(c->tls);
  close(c->fd);
}

/* Go on with a connection.  Returns whether it is over. */
static int step(struct conn *c) {
  char scratch[256];
  if (!c->shaken) {
    int n = SSL_do_handshake(c->tls);
    if (n != 1) {
      int why = SSL_get_error(c->tls, n);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
      fail("handshake failed");
    }
    if (SSL_session_reused(c->tls)) fail("a session was resumed");
    c->shaken = 1;
    SSL_shutdown(c->tls);
  }
  ssize_t k;
  while ((k = recv(c->fd, scratch, sizeof scratch, 0)) > 0) continue; /* its close_notify */
  if (k < 0 && errno == EAGAIN) return 0;
  if (k < 0 && errno != ECONNRESET) fail("recv");
  count_latency(c->since, now());
  finish(c);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int count = atoi(argv[2]);
  struct conn *conns = calloc(count, sizeof *conns);
  struct epoll_event ready[256];
  addr = loopback(argv[1]);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set1_groups_list(context, "X25519");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_cert_verify_callback(context, trust, NULL);
  ep = epoll_create1(0);
  double start = now(), end = start + atof(argv[3]), t = start;
  for (int i = 0; i < count; i++) begin(&conns[i]);
  while (t < end) {
    int n = epoll_wait(ep, ready, 256, 1000);
    if (n == 0) fail("no answer within a second");
    for (int i = 0; i < n; i++)
      if (step(ready[i].data.ptr)) begin(ready[i].data.ptr);
    t = now();
  }
  for (int i = 0; i < count; i++) finish(&conns[i]);
  report(timed, t - start);
  return 0;
}
