"""Counts marked frames on every link of a network namespace, by direction, link, outermost VLAN and mark, until SIGTERM; prints JSON.

A mark is c5 'PBI', a name, ';' anywhere in the frame: it is found inside of tunnels too. Where one named `end` goes out is told
at once.
"""
import json
import re
import select
import signal
import socket
import struct

SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA = 263, 6, 8
VLAN_VALID = 0x10
PACKET_OUTGOING = 4
mark = re.compile(rb"\xc5PBI([^;]{1,20});")
counts, samples = {}, {}
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
s.setblocking(False)
woken, wake = socket.socketpair()
wake.setblocking(False)
signal.set_wakeup_fd(wake.fileno())
signal.signal(signal.SIGTERM, lambda *_: None)


def vlan_of(frame, control):
    for level, what, data in control:
        if level == SOL_PACKET and what == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", data[:20])
            if status & VLAN_VALID:
                return tci & 0xFFF
    return struct.unpack("!H", frame[14:16])[0] & 0xFFF if frame[12:14] in (b"\x81\x00", b"\x88\xa8") else 0


def drain():
    while True:
        try:
            frame, control, _, (link, _, kind, *_) = s.recvmsg(65536, socket.CMSG_SPACE(20))
        except BlockingIOError:
            return
        found = mark.search(frame)
        if found:
            way = "out" if kind == PACKET_OUTGOING else "in"
            key = f"{way} {link} {vlan_of(frame, control)} {found.group(1).decode('latin1')}"
            counts[key] = counts.get(key, 0) + 1
            samples.setdefault(key, frame[:160].hex())
            if found.group(1) == b"end" and way == "out":
                print(f"end {link}", flush=True)


print("ready", flush=True)
while True:
    ready, _, _ = select.select([s, woken], [], [])
    drain()
    if woken in ready:
        break
lost = struct.unpack("II", s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
print(json.dumps({"counts": counts, "samples": samples, "lost": lost}), flush=True)
