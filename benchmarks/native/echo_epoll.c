/* The floor: a TCP echo server with nothing but epoll, level triggered.  Usage: echo_epoll PORT */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct { char *data; size_t start, end; } unsent[65536]; /* by file descriptor */
static char scratch[65536];

int main(int argc, char **argv) {
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1, ep = epoll_create1(0), ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct epoll_event ev = {.events = EPOLLIN, .data.fd = ls}, ready[256];
  setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(ls, (struct sockaddr *) &addr, sizeof addr) || listen(ls, 4096)) return 1;
  epoll_ctl(ep, EPOLL_CTL_ADD, ls, &ev);
  for (;;) {
    int n = epoll_wait(ep, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == ls) {
        while ((fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          if (fd >= 65536) { close(fd); continue; }
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          ev = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
        }
      } else if (ready[i].events & EPOLLOUT) { /* the rest of an answer the socket did not take */
        ssize_t k = send(fd, unsent[fd].data + unsent[fd].start,
                         unsent[fd].end - unsent[fd].start, MSG_NOSIGNAL);
        if (k > 0) unsent[fd].start += k;
        if (unsent[fd].start < unsent[fd].end) continue;
        ev = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
      } else {
        ssize_t k = recv(fd, scratch, sizeof scratch, 0), sent = 0;
        if (k <= 0) { close(fd); continue; }
        if ((sent = send(fd, scratch, k, MSG_NOSIGNAL)) == k) continue;
        if (sent < 0) sent = 0;
        if (!unsent[fd].data) unsent[fd].data = malloc(sizeof scratch);
        memcpy(unsent[fd].data, scratch + sent, k - sent);
        unsent[fd].start = 0, unsent[fd].end = k - sent;
        ev = (struct epoll_event){.events = EPOLLOUT, .data.fd = fd};
        epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
      }
    }
  }
}
