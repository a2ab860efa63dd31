/* The workers: one epoll thread that listens in several network namespaces.
 *
 * server PORT CPU NAMESPACE...
 * The first byte of a message says what becomes of it: 'c' is answered and the connection closed, 'a' is answered, 's' and
 * all that follows is thrown away. An answer is a message whose first bytes are the address that was connected to.
 * Says "ready" when it listens.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64, MAX_FILES = 65536, LISTENER = 'l', SINK = 's', CLOSE = 'c' };

static char kind[MAX_FILES];
static char buffer[1 << 18];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static void listen_in(int epoll, const char *namespace, int port) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int file = open(path, O_RDONLY | O_CLOEXEC), yes = 1;
  if (file < 0 || setns(file, CLONE_NEWNET)) fail(path);
  close(file);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 65535)) fail("listen");
  kind[fd] = LISTENER;
  watch(epoll, fd);
}

static void accept_all(int epoll, int listener) {
  int yes = 1;
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    if (fd >= MAX_FILES) {
      close(fd);
      continue;
    }
    kind[fd] = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(epoll, fd);
  }
}

static void serve(int fd) {
  ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got <= 0) {
    close(fd);
    return;
  }
  if (kind[fd] == 0) kind[fd] = buffer[0];
  if (kind[fd] == SINK) return;
  struct sockaddr_in own;
  socklen_t length = sizeof own;
  char answer[MESSAGE] = "";
  getsockname(fd, (struct sockaddr *)&own, &length);
  inet_ntop(AF_INET, &own.sin_addr, answer, sizeof answer);
  if (send(fd, answer, MESSAGE, MSG_NOSIGNAL) < 0 || kind[fd] == CLOSE) close(fd);
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: see the source\n"), 2;
  struct rlimit files = {MAX_FILES, MAX_FILES};
  setrlimit(RLIMIT_NOFILE, &files);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(atoi(argv[2]), &cpus);
  sched_setaffinity(0, sizeof cpus, &cpus);
  int epoll = epoll_create1(0);
  for (int i = 3; i < argc; i++) listen_in(epoll, argv[i], atoi(argv[1]));
  puts("ready");
  fflush(stdout);
  struct epoll_event events[512];
  for (;;) {
    int count = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < count; i++)
      if (kind[events[i].data.fd] == LISTENER) accept_all(epoll, events[i].data.fd);
      else serve(events[i].data.fd);
  }
}
