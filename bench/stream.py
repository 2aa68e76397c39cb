"""Bytes and round trips over one TCP connection.

stream.py serve PORT                  answers one kind of client after the other until it is killed
stream.py send ADDRESS PORT SECONDS   prints bits per second that arrived, as the receiver counted them
stream.py trip ADDRESS PORT SECONDS   prints the median round trip of one byte, in microseconds
"""
import socket
import statistics
import struct
import sys
import time

BLOCK = 128 * 1024


def serve(port: int) -> None:
    listener = socket.create_server(("0.0.0.0", port))
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if connection.recv(1) == b"s":
                count = 0
                start = time.monotonic()
                while received := connection.recv(BLOCK):
                    count += len(received)
                connection.sendall(struct.pack("!d", count * 8 / (time.monotonic() - start)))
            else:
                while byte := connection.recv(1):
                    connection.sendall(byte)


def send(address: str, port: int, seconds: float) -> float:
    block = bytes(BLOCK)
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.sendall(b"s")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        return struct.unpack("!d", connection.recv(8, socket.MSG_WAITALL))[0]


def trip(address: str, port: int, seconds: float) -> float:
    times = []
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"t")
        end = time.monotonic() + seconds
        while (start := time.monotonic()) < end:
            connection.sendall(b"x")
            connection.recv(1)
            times.append(time.monotonic() - start)
    return statistics.median(times) * 1e6


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    run = send if sys.argv[1] == "send" else trip
    print(run(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
