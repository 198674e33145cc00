/* Load for a WebSocket server, without extensions.  Frames are masked, and what comes back is
   compared byte by byte.  Fails on a lost connection and on any other frame than the one expected.
   With SPEAKERS 0 the server echoes: every connection sends a message and waits for its echo.
   Else the server sends what it gets to all connections: each of the first SPEAKERS connections
   sends a message and waits until it has come back to itself, which is what latencies are of; what
   is counted is deliveries.
   Usage: ws_load PORT PAYLOAD_BYTES CONNECTIONS SECONDS SPEAKERS */
#include "load.h"

enum { LARGEST_HEAD = 14, ROOM = 1 << 16 };

struct conn {
  int fd, writable_wanted, waiting; /* for its own message */
  size_t sent, have, seen;          /* messages seen, when the server broadcasts */
  double since;
  unsigned char *message, *buffer; /* what it sends, masked; what has come */
};

static unsigned long done; /* messages that have come */
static unsigned char head[LARGEST_HEAD]; /* of each frame from the server */
static size_t head_size, size, message_size, room;
static struct conn *conns;
static int ep, count, speakers;

static void watch(struct conn *c, int op, int writable) {
  struct epoll_event ev = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = c};
  c->writable_wanted = writable;
  if (epoll_ctl(ep, op, c->fd, &ev)) fail("epoll_ctl");
}

static void push(struct conn *c) {
  ssize_t k = send(c->fd, c->message + c->sent, message_size - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (k < 0 && errno != EAGAIN) fail("send");
  if (k > 0) c->sent += k;
  if ((c->sent < message_size) != c->writable_wanted)
    watch(c, EPOLL_CTL_MOD, c->sent < message_size);
}

static void begin(struct conn *c, double t) {
  c->since = t;
  c->sent = 0;
  c->waiting = 1;
  push(c);
}

/* The head of a frame with a payload of `size` bytes, its mask left out: how long it is. */
static size_t compose(unsigned char *to, int opcode, size_t length) {
  size_t n = 2;
  to[0] = 0x80 | opcode;
  if (length < 126) to[1] = length;
  else {
    int bytes = length < 1 << 16 ? 2 : 8;
    to[1] = bytes == 2 ? 126 : 127;
    for (int i = bytes; i-- > 0;) to[n++] = length >> 8 * i;
  }
  return n;
}

/* A byte of what a connection sends: no two connections send the same. */
static unsigned char byte_of(int who, size_t at) {
  return at < 4 ? who >> 8 * (int) at : (int) (at * 7 + who) & 255;
}

static void make_message(struct conn *c, int who) {
  unsigned char key[4];
  for (int i = 0; i < 4; i++) key[i] = 1 + rand() % 255;
  size_t n = compose(c->message, 2, size);
  c->message[1] |= 0x80;
  memcpy(c->message + n, key, 4);
  for (size_t i = 0; i < size; i++) c->message[n + 4 + i] = byte_of(who, i) ^ key[i & 3];
}

static void receive(struct conn *c, void *to, size_t n) {
  for (size_t have = 0; have < n;) {
    ssize_t k = recv(c->fd, (char *) to + have, n - have, 0);
    if (k <= 0) fail("no answer");
    have += k;
  }
}

/* The opening handshake, and a ping: when its pong is there, the server knows the connection. */
static void shake_hands(struct conn *c, const char *port) {
  static const unsigned char ping[] = {0x89, 0x80, 1, 2, 3, 4};
  unsigned char pong[2];
  char text[4096];
  size_t n = snprintf(text, sizeof text,
                      "GET / HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", port);
  if (send(c->fd, text, n, 0) != (ssize_t) n) fail("send");
  for (n = 0; n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4); n++) {
    if (n == sizeof text) fail("the head of the reply is too long");
    receive(c, text + n, 1);
  }
  if (memcmp(text, "HTTP/1.1 101", 12)) fail("the handshake was refused");
  if (!memmem(text, n, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28)) fail("another key was accepted");
  if (send(c->fd, ping, sizeof ping, 0) != sizeof ping) fail("send");
  receive(c, pong, 2);
  if (pong[0] != 0x8A || pong[1] != 0) fail("a ping was not answered with a pong");
}

/* Whose message this is, whole and unchanged. */
static struct conn *sender(const unsigned char *payload, struct conn *c) {
  struct conn *from = c;
  if (speakers) {
    unsigned who = payload[0] | payload[1] << 8 | payload[2] << 16 | (unsigned) payload[3] << 24;
    if (who >= (unsigned) speakers) fail("a message from nobody");
    from = &conns[who];
  }
  const unsigned char *masked = from->message + head_size + 4, *key = masked - 4;
  unsigned long pattern, a, b;
  unsigned char four[8] = {key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]};
  size_t i = 0;
  memcpy(&pattern, four, 8);
  for (; i + 8 <= size; i += 8) {
    memcpy(&a, masked + i, 8);
    memcpy(&b, payload + i, 8);
    if ((a ^ pattern) != b) fail("a message has changed");
  }
  for (; i < size; i++)
    if ((masked[i] ^ key[i & 3]) != payload[i]) fail("a message has changed");
  return from;
}

static void count_messages(struct conn *c, double t) {
  size_t at = 0, frame = head_size + size;
  for (; c->have - at >= frame; at += frame) {
    if (memcmp(c->buffer + at, head, head_size)) fail("an unexpected frame");
    struct conn *from = sender(c->buffer + at + head_size, c);
    if (!from->waiting && !speakers) fail("a message that nobody has sent");
    done++;
    c->seen++;
    if (from != c) continue;
    count_latency(c->since, t);
    c->waiting = 0;
  }
  memmove(c->buffer, c->buffer + at, c->have -= at);
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  struct epoll_event ready[256];
  unsigned long spoken = 0;
  size = strtoul(argv[2], NULL, 10);
  count = atoi(argv[3]);
  speakers = atoi(argv[5]);
  if (size < 4 || speakers > count) return 2;
  head_size = compose(head, 2, size);
  message_size = head_size + 4 + size;
  room = head_size + size > ROOM ? head_size + size : ROOM;
  conns = calloc(count, sizeof *conns);
  ep = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    struct conn *c = &conns[i];
    c->message = malloc(message_size);
    c->buffer = malloc(room);
    make_message(c, i);
    c->fd = dial(argv[1]);
    shake_hands(c, argv[1]);
    watch(c, EPOLL_CTL_ADD, 0);
  }
  double start = now(), end = start + atof(argv[4]), t = start, heard = start;
  int talking = speakers ? speakers : count;
  for (int i = 0; i < talking; i++) begin(&conns[i], t);
  spoken = talking;
  /* When the time is up nobody begins anew, and everything that is under way has to come. */
  while (t < end || done < spoken * (speakers ? count : 1)) {
    int n = epoll_wait(ep, ready, 256, 1000);
    if (n) heard = t;
    else if (t - heard > 2) fail("messages are missing");
    for (int i = 0; i < n; i++) {
      struct conn *c = ready[i].data.ptr;
      if (ready[i].events & EPOLLOUT) push(c);
      if (!(ready[i].events & ~EPOLLOUT)) continue;
      ssize_t k = recv(c->fd, c->buffer + c->have, room - c->have, MSG_DONTWAIT);
      if (k == 0) fail("connection closed by the server");
      if (k < 0) { if (errno == EAGAIN) continue; fail("recv"); }
      c->have += k;
      int waited = c->waiting;
      t = now();
      count_messages(c, t);
      if (waited && !c->waiting && t < end) {
        begin(c, t);
        spoken++;
      }
    }
    t = now();
  }
  for (int i = 0; speakers && i < count; i++)
    if (conns[i].seen != spoken) fail("somebody did not get every message");
  report(done, t - start);
  return 0;
}
