/* Sends SYNs, each of another client, on a virtual cable whose other end is a load balancer. The receive, NAT and forward
 * path of the other end runs within this thread's system call: the time of a packet is the sender's and the load balancer's.
 *
 * inject INTERFACE MAC SOURCE TARGET PORT COUNT SECONDS CPU
 * Clients are SOURCE, SOURCE + 1, ... of 60,000 ports each. Ends after COUNT packets or SECONDS.
 * Prints JSON: packets sent, and nanoseconds a packet of this thread's CPU time and of the wall's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, PORTS = 60000, FIRST_PORT = 1024 };

struct packet {
  struct ether_header ether;
  struct iphdr ip;
  struct tcphdr tcp;
} __attribute__((packed));

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static unsigned sum(const void *data, int length) {
  const unsigned char *byte = data;
  unsigned total = 0;
  for (int i = 0; i < length; i += 2) total += byte[i] << 8 | byte[i + 1];
  return total;
}

static unsigned short fold(unsigned total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return htons(~total);
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_socket(const char *interface) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(interface)};
  if (fd < 0) fail("socket");
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes)) fail("setsockopt");
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind");
  return fd;
}

static void address_to(struct packet *packet, unsigned source, int port) {
  packet->ip.saddr = htonl(source);
  packet->tcp.source = htons(port);
  packet->ip.check = packet->tcp.check = 0;
  packet->ip.check = fold(sum(&packet->ip, 20));
  packet->tcp.check = fold(sum(&packet->tcp, 20) + sum(&packet->ip.saddr, 8) + IPPROTO_TCP + 20);
}

int main(int argc, char **argv) {
  if (argc != 9) return fprintf(stderr, "usage: see the source\n"), 2;
  int fd = open_socket(argv[1]);
  unsigned source = ntohl(inet_addr(argv[3]));
  long count = atol(argv[6]), sent = 0;
  double limit = atof(argv[7]);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(atoi(argv[8]), &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus)) fail("sched_setaffinity");
  struct sched_param priority = {.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &priority); /* may be forbidden: noisier then */

  static struct packet packets[BATCH];
  struct mmsghdr messages[BATCH] = {0};
  struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    struct packet *p = &packets[i];
    *p = (struct packet){.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP},
                         .tcp = {.doff = 5, .syn = 1, .window = 0xffff}};
    ether_aton_r(argv[2], (struct ether_addr *)p->ether.ether_dhost);
    p->ether.ether_shost[0] = 2;
    p->ether.ether_type = htons(ETHERTYPE_IP);
    p->ip.tot_len = htons(40);
    p->ip.daddr = inet_addr(argv[4]);
    p->tcp.dest = htons(atoi(argv[5]));
    parts[i] = (struct iovec){p, sizeof *p};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }

  double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID), wall = 0;
  while (sent < count && wall < limit) {
    int batch = count - sent < BATCH ? count - sent : BATCH;
    for (int i = 0; i < batch; i++)
      address_to(&packets[i], source + (sent + i) / PORTS, FIRST_PORT + (sent + i) % PORTS);
    for (int done = 0, got; done < batch; done += got)
      if ((got = sendmmsg(fd, messages + done, batch - done, 0)) < 0) fail("sendmmsg");
    sent += batch;
    wall = now(CLOCK_MONOTONIC) - start;
  }
  cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
  printf("{\"sent\":%ld,\"cpu\":%.1f,\"wall\":%.1f}\n", sent, cpu / sent * 1e9, wall / sent * 1e9);
}
