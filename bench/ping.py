"""Sends an ICMP echo request every 5 ms and prints the time (ns since the epoch) of the first reply, then ends."""
import select
import socket
import struct
import sys
import time

address = sys.argv[1]
identifier = 0x7062


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
    icmp.setblocking(False)
    sequence = 0
    while True:
        sequence = (sequence + 1) & 0xFFFF
        rest = struct.pack("!HH", identifier, sequence) + b"patchbay"
        sent = struct.pack("!BBH", 8, 0, checksum(b"\x08\x00\x00\x00" + rest)) + rest
        try:
            icmp.sendto(sent, (address, 0))
        except OSError:
            pass  # No route yet, or the kernel's word that nobody has the address: both end when the guest is there.
        deadline = time.monotonic() + 0.005
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([icmp], [], [], left)[0]:
                break
            try:
                packet, (source, _) = icmp.recvfrom(256)
            except OSError:
                continue
            header = (packet[0] & 15) * 4
            kind, _, _, found = struct.unpack("!BBHH", packet[header : header + 6])
            if source == address and kind == 0 and found == identifier:
                print(time.time_ns(), flush=True)
                sys.exit()
