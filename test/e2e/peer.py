"""Answers every TCP connection on a port, in both families, with the address it came from. Says `ready` once it listens."""
import socket
import sys

server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    connection, peer = server.accept()
    with connection:
        # What was not read when a connection is closed resets it, and the answer may be lost.
        connection.recv(1024)
        connection.sendall(peer[0].removeprefix("::ffff:").encode() + b"\n")
