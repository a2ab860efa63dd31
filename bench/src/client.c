/* A client of many connections: one epoll thread.
 *
 * client MODE TARGET PORT SOURCE CONNECTIONS COUNT SECONDS CPU
 *   connect  COUNT connections, CONNECTIONS at a time: each sends a message, gets its answer, and the server closes it
 *   ask      CONNECTIONS are open; on each a message goes back and forth without a pause
 *   hold     the same with a pause of 50 ms, until SIGTERM
 *   send     CONNECTIONS send as fast as they can
 * Each connection has a source port of its own choice, in as many addresses from SOURCE on as it takes. What is not answered
 * within two seconds is lost. All end after SECONDS. Prints JSON; times are in microseconds. The first 100 ms of `ask` and
 * `send` do not count.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, SLOTS = 1024, PORTS = 60000, ADDRESSES = 200, TIMES = 1 << 21 };
enum state { FREE, CONNECTING, WAITING, ANSWERED, PAUSING, SENDING };

static struct { int fd; enum state state; double since; } slots[SLOTS];
static float times[TIMES];
static long ntimes, ok, bytes, refused, lost, resets, opened, started;
static char buffer[1 << 18];
static struct sockaddr_in target = {.sin_family = AF_INET};
static unsigned source;
static long sequence;
static char mode;
static int epoll, stopped;
static double start, warm;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static void end(int i, long *counter) {
  close(slots[i].fd);
  slots[i].state = FREE;
  ++*counter;
}

static void failed(int i) { end(i, errno == ECONNREFUSED || errno == EHOSTUNREACH ? &refused : &resets); }

static void begin(int i) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(1024 + sequence % PORTS)};
  own.sin_addr.s_addr = htonl(source + sequence / PORTS % ADDRESSES);
  sequence++;
  started++;
  slots[i].fd = fd;
  slots[i].state = CONNECTING;
  slots[i].since = now();
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i};
  if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
    perror("client");
    exit(1);
  }
  if (connect(fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS) failed(i);
}

static void ask(int i) {
  char message[MESSAGE] = {mode == 'c' ? 'c' : 'a'};
  if (mode != 'c') slots[i].since = now();
  slots[i].state = WAITING;
  if (send(slots[i].fd, message, MESSAGE, MSG_NOSIGNAL) < 0) failed(i);
}

static void connected(int i) {
  socklen_t length = sizeof errno;
  int error = 0;
  getsockopt(slots[i].fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if ((errno = error)) return failed(i);
  opened++;
  if (mode != 's') return ask(i);
  slots[i].state = SENDING;
}

static void pour(int i) {
  ssize_t sent;
  int rounds = 16;
  memset(buffer, 's', 1);
  while (rounds-- > 0 && (sent = send(slots[i].fd, buffer, sizeof buffer, MSG_NOSIGNAL)) > 0)
    if (now() > warm) bytes += sent;
  if (rounds >= 0 && errno != EAGAIN) failed(i);
  else if (rounds < 0) { /* there is room: be told again */
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u32 = i};
    epoll_ctl(epoll, EPOLL_CTL_MOD, slots[i].fd, &event);
  }
}

static void answered(int i) {
  double t = now();
  if (mode == 'c' || t > warm) {
    ok++;
    if (ntimes < TIMES) times[ntimes++] = (t - slots[i].since) * 1e6;
  }
  if (mode == 'a') ask(i);
  if (mode == 'h') slots[i].state = PAUSING;
}

static void readable(int i) {
  ssize_t got;
  while ((got = recv(slots[i].fd, buffer, sizeof buffer, 0)) > 0) {
    if (mode == 'c') slots[i].state = ANSWERED;
    else answered(i);
    if (slots[i].state == FREE) return;
  }
  if (got < 0 && errno == EAGAIN) return;
  if (got == 0 && slots[i].state == ANSWERED) {
    answered(i);
    close(slots[i].fd);
    slots[i].state = FREE;
  } else
    end(i, &resets);
}

/* What is late is lost; what has paused asks again. */
static void tick(int size) {
  double t = now();
  for (int i = 0; i < size; i++) {
    if (slots[i].state == PAUSING && t - slots[i].since > .05) ask(i);
    else if (slots[i].state != FREE && slots[i].state != SENDING && slots[i].state != PAUSING && t - slots[i].since > 2) end(i, &lost);
  }
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double quantile(double share) { return ntimes ? times[(long)(share * (ntimes - 1))] : 0; }

static void report(int size, double seconds) {
  struct rusage usage;
  int open = 0;
  for (int i = 0; i < size; i++) open += slots[i].state != FREE && slots[i].state != CONNECTING;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  qsort(times, ntimes, sizeof *times, compare);
  printf("{\"ok\":%ld,\"seconds\":%.6f,\"bytes\":%ld,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f,\"refused\":%ld,\"lost\":%ld,"
         "\"resets\":%ld,\"opened\":%ld,\"open\":%d,\"cpu\":%.6f}\n",
         ok, seconds, bytes, quantile(.5), quantile(.99), quantile(1), refused, lost, resets, opened, open, cpu);
}

int main(int argc, char **argv) {
  if (argc != 9) return fprintf(stderr, "usage: see the source\n"), 2;
  mode = argv[1][0];
  target.sin_addr.s_addr = inet_addr(argv[2]);
  target.sin_port = htons(atoi(argv[3]));
  source = ntohl(inet_addr(argv[4]));
  int size = atoi(argv[5]) < SLOTS ? atoi(argv[5]) : SLOTS;
  long count = mode == 'c' ? atol(argv[6]) : size;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(atoi(argv[8]), &cpus);
  sched_setaffinity(0, sizeof cpus, &cpus);
  signal(SIGTERM, stop);
  start = now();
  /* Not the ports of the client before, nor those of the one beside it. */
  sequence = (long)(start * 1e6 + (mode == 'h' ? PORTS * ADDRESSES / 2 : 0)) % (PORTS * ADDRESSES);
  warm = start + .1;
  epoll = epoll_create1(0);
  double limit = start + atof(argv[7]), last = start;
  struct epoll_event events[256];
  for (int busy = 1; !stopped && (busy || (started < count && now() < limit));) {
    double t = now();
    if (t > limit && (mode != 'c' || t > limit + 2)) break;
    for (int i = 0; i < size; i++)
      if (slots[i].state == FREE && started < count && t < limit) begin(i);
    int n = epoll_wait(epoll, events, 256, 10);
    for (int e = 0; e < n; e++) {
      int i = events[e].data.u32;
      if (slots[i].state == CONNECTING) connected(i);
      if (slots[i].state == SENDING && events[e].events & EPOLLOUT) pour(i);
      else if (slots[i].state > CONNECTING && slots[i].state != SENDING && events[e].events & (EPOLLIN | EPOLLHUP)) readable(i);
      else if (slots[i].state == SENDING && events[e].events & (EPOLLERR | EPOLLHUP)) end(i, &resets);
    }
    if ((t = now()) - last > .01) tick(size), last = t;
    busy = 0;
    for (int i = 0; i < size; i++) busy |= slots[i].state != FREE;
  }
  report(size, now() - (mode == 'c' ? start : warm));
}
