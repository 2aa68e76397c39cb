"""Prints one line per Ethernet frame on a link: source MAC, 802.1Q VLAN (0 = untagged), ethertype. Ends on SIGTERM."""
import signal
import socket
import struct
import sys

PACKET_AUXDATA = 8
SOL_PACKET = 263
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    frame, control, _, _ = s.recvmsg(2048, socket.CMSG_SPACE(20))
    vlan, kind, rest = 0, frame[12:14], frame[14:]
    for level, what, data in control:
        if level == SOL_PACKET and what == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", data[:20])
            if status & 0x10:
                vlan = tci & 0xFFF
    if vlan == 0 and kind == b"\x81\x00":
        vlan, kind = struct.unpack("!H", rest[:2])[0] & 0xFFF, rest[2:4]
    print(frame[6:12].hex(":"), vlan, kind.hex(), flush=True)
