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

    /* Datagrams that came together, and the answers that go out together. */
    #define GALIDIA_MANY 32
    struct galidia_batch {
        struct sockaddr_storage from[GALIDIA_MANY];
        socklen_t from_size[GALIDIA_MANY];
        Py_ssize_t size[GALIDIA_MANY]; /* -1: it was longer than its room */
        const char *answer[GALIDIA_MANY];
        Py_ssize_t answer_size[GALIDIA_MANY];
        int to[GALIDIA_MANY]; /* the number of the datagram that it answers */
    };

    static inline int galidia_receive_many(int fd, struct galidia_batch *b, char *room, Py_ssize_t each) {
        int n = 0;
    #ifdef __linux__
        struct mmsghdr messages[GALIDIA_MANY];
        struct iovec parts[GALIDIA_MANY];
        int i;
        memset(messages, 0, sizeof(messages));
        for (i = 0; i < GALIDIA_MANY; i++) {
            parts[i].iov_base = room + i * each;
            parts[i].iov_len = each;
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            messages[i].msg_hdr.msg_name = &b->from[i];
            messages[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
        }
        n = recvmmsg(fd, messages, GALIDIA_MANY, MSG_DONTWAIT, NULL);
        for (i = 0; i < n; i++) {
            b->from_size[i] = messages[i].msg_hdr.msg_namelen;
            b->size[i] = messages[i].msg_hdr.msg_flags & MSG_TRUNC ? -1 : (Py_ssize_t)messages[i].msg_len;
        }
    #else
        for (; n < GALIDIA_MANY; n++) {
            struct iovec part = {room + n * each, each};
            struct msghdr message = {0};
            ssize_t size;
            message.msg_iov = &part;
            message.msg_iovlen = 1;
            message.msg_name = &b->from[n];
            message.msg_namelen = sizeof(b->from[n]);
            size = recvmsg(fd, &message, 0);
            if (size < 0) return n ? n : -1;
            b->from_size[n] = message.msg_namelen;
            b->size[n] = message.msg_flags & MSG_TRUNC ? -1 : size;
        }
    #endif
        return n;
    }

    /* How many of the first n answers the socket has taken. */
    static inline int galidia_send_many(int fd, struct galidia_batch *b, int n) {
        int sent = 0, i;
    #ifdef __linux__
        struct mmsghdr messages[GALIDIA_MANY];
        struct iovec parts[GALIDIA_MANY];
        memset(messages, 0, sizeof(messages));
        for (i = 0; i < n; i++) {
            parts[i].iov_base = (void *)b->answer[i];
            parts[i].iov_len = b->answer_size[i];
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            messages[i].msg_hdr.msg_name = &b->from[b->to[i]];
            messages[i].msg_hdr.msg_namelen = b->from_size[b->to[i]];
        }
        for (i = 0; i < n;) {
            int some = sendmmsg(fd, messages + i, n - i, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (some > 0) sent += some;
            i += some > 0 ? some : 1; /* the first one cannot be sent: on to the next */
        }
    #else
        for (i = 0; i < n; i++)
            sent += sendto(fd, b->answer[i], b->answer_size[i], MSG_NOSIGNAL,
                           (struct sockaddr *)&b->from[b->to[i]], b->from_size[b->to[i]]) >= 0;
    #endif
        return sent;
    }

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
    struct galidia_batch:
        Py_ssize_t *size
        const char **answer
        Py_ssize_t *answer_size
        int *to
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
    int galidia_receive_many(int, galidia_batch *, char *, Py_ssize_t) nogil
    int galidia_send_many(int, galidia_batch *, int) nogil
    int galidia_errno() nogil
