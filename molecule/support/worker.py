"""worker.py NAME PORT: answers each line of a connection with its name and the address that the connection is from."""

import socket
import socketserver
import sys


class Worker(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 512


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        peer = self.client_address[0].removeprefix("::ffff:")
        answer = f"{sys.argv[1]} {peer}\n".encode()
        self.wfile.write(answer)
        for _ in self.rfile:
            self.wfile.write(answer)


Worker(("::", int(sys.argv[2])), Handler).serve_forever()
