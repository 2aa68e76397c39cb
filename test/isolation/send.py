"""Sends frames as a guest or pod would: one line of hex per frame on standard input. Prints `out` for each line `wait`, and at the
end how many were sent.

send.py link NAME        on a link of this network namespace, by a packet socket
send.py tap NAME PID     into the tap that process PID (a virtual machine) has open, as if its card had sent them
"""
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import sys

TUNGETVNETHDRSZ = 0x800454D7
TUNGETIFF = 0x800454D2
IFF_VNET_HDR = 0x4000
SYS_PIDFD_GETFD = 438


def tap_of(name, pid):
    """The descriptor of a tap that a process has open."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            with open(f"/proc/{pid}/fdinfo/{number}") as info:
                if f"iff:\t{name}\n" in info.read():
                    pidfd = os.pidfd_open(pid)
                    return ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
        except FileNotFoundError:
            continue
    raise SystemExit(f"process {pid} has no tap {name} open")


def writer():
    if sys.argv[1] == "link":
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.bind((sys.argv[2], 0))
        return s.detach(), b""
    fd = tap_of(sys.argv[2], int(sys.argv[3]))
    flags = struct.unpack("16sH", fcntl.ioctl(fd, TUNGETIFF, bytes(40))[:18])[1]
    size = struct.unpack("i", fcntl.ioctl(fd, TUNGETVNETHDRSZ, bytes(4)))[0] if flags & IFF_VNET_HDR else 0
    return fd, bytes(size)


fd, header = writer()
sent = 0
for line in sys.stdin:
    if line == "wait\n":
        print("out", flush=True)
        continue
    frame = header + bytes.fromhex(line)
    for _ in range(2):
        try:
            os.write(fd, frame)
            break
        except OSError as error:
            # A full queue, or a filter of the link that refuses the frame: only the former gives way.
            if error.errno not in (errno.ENOBUFS, errno.EAGAIN, errno.EPERM):
                raise
            select.select([], [], [], 0.002)
    sent += 1
print(sent)
