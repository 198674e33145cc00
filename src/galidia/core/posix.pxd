# The system calls of the hot path. Elsewhere than on Linux the epoll ones fail and are not used.
from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <string.h>
    #include <unistd.h>
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <sys/socket.h>
    #ifdef __linux__
      #include <sys/epoll.h>
      #include <sys/sendfile.h>
    #else
      #include <stdint.h>
      typedef union { uint64_t u64; } epoll_data_t;
      struct epoll_event { uint32_t events; epoll_data_t data; };
      enum { EPOLLIN = 1, EPOLLOUT = 4, EPOLLERR = 8, EPOLLHUP = 16, EPOLLRDHUP = 0x2000 };
      #define EPOLLET (1u << 31)
      #define EPOLL_CTL_ADD 1
      #define EPOLL_CTL_DEL 2
      #define EPOLL_CTL_MOD 3
      static inline int epoll_ctl(int a, int b, int c, struct epoll_event *d) { errno = ENOSYS; return -1; }
      static inline int epoll_wait(int a, struct epoll_event *b, int c, int d) { errno = ENOSYS; return -1; }
      static inline ssize_t sendfile(int a, int b, off_t *c, size_t d) { errno = ENOSYS; return -1; }
    #endif
    #ifndef MSG_NOSIGNAL
      #define MSG_NOSIGNAL 0
    #endif
    #ifndef MSG_MORE
      #define MSG_MORE 0
    #endif

    static inline int galidia_accept(int fd, struct sockaddr_storage *from) {
        socklen_t size = sizeof(*from);
        int got;
        memset(from, 0, sizeof(*from));
    #ifdef __linux__
        got = accept4(fd, (struct sockaddr *)from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    #else
        got = accept(fd, (struct sockaddr *)from, &size);
        if (got >= 0) {
            fcntl(got, F_SETFL, O_NONBLOCK);
            fcntl(got, F_SETFD, FD_CLOEXEC);
        }
    #endif
        return got;
    }

    static inline int galidia_errno(void) { return errno; }

    /* The text and the port of an IPv4 or IPv6 address; -1 for another family. */
    static inline int galidia_address(const struct sockaddr_storage *from, char *text, int size) {
        if (from->ss_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)from;
            inet_ntop(AF_INET, &in->sin_addr, text, size);
            return ntohs(in->sin_port);
        }
        if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
            const unsigned char *raw = (const unsigned char *)&in6->sin6_addr;
            if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) inet_ntop(AF_INET, raw + 12, text, size);
            else inet_ntop(AF_INET6, raw, text, size);
            return ntohs(in6->sin6_port);
        }
        return -1;
    }
    """
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    struct sockaddr_storage:
        pass
    uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLET
    enum: EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD
    enum: MSG_NOSIGNAL, MSG_MORE

    int epoll_ctl(int, int, int, epoll_event *) nogil
    int epoll_wait(int, epoll_event *, int, int) nogil
    ssize_t c_recv "recv"(int, void *, size_t, int) nogil
    ssize_t c_send "send"(int, const void *, size_t, int) nogil
    ssize_t c_sendfile "sendfile"(int, int, long *, size_t) nogil
    int c_close "close"(int) nogil
    int galidia_accept(int, sockaddr_storage *) nogil
    int galidia_address(const sockaddr_storage *, char *, int) nogil
    int galidia_errno() nogil
