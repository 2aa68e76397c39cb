"""Pings an address at an interval (ms) until standard input ends; prints what was lost as one JSON object.

An outage is measured by the times of sending, so that a machine that is busy elsewhere is not mistaken for one: it is the
time between the last request that was answered and the next one that was, less the interval between these two if all is well.
"""
import json
import select
import socket
import struct
import sys
import time

address, interval = sys.argv[1], float(sys.argv[2]) / 1000
identifier = 0x7063


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(number: int) -> bytes:
    rest = struct.pack("!HHQ", identifier, number & 0xFFFF, number)
    return struct.pack("!BBH", 8, 0, checksum(b"\x08\x00\x00\x00" + rest)) + rest


sent: list[float] = []
answered: set[int] = set()

with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
    icmp.setblocking(False)
    icmp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def receive() -> None:
        try:
            while True:
                packet, (source, _) = icmp.recvfrom(256)
                header = (packet[0] & 15) * 4
                if source != address or len(packet) < header + 16 or packet[header] != 0:
                    continue
                found, _, number = struct.unpack("!HHQ", packet[header + 4 : header + 16])
                if found == identifier:
                    if not answered:
                        print("answers", flush=True)
                    answered.add(number)
        except BlockingIOError:
            return

    def wait(until: float, stop: object) -> bool:
        """True when standard input ended."""
        while (left := until - time.monotonic()) > 0:
            ready = select.select([icmp, stop], [], [], left)[0]
            if icmp in ready:
                receive()
            if stop in ready:
                return True
        return False

    due = time.monotonic()
    ended = False
    while not ended:
        sent.append(time.monotonic())
        try:
            icmp.sendto(request(len(sent) - 1), (address, 0))
        except OSError:
            pass  # counts as lost
        due = max(due + interval, time.monotonic())
        ended = wait(due, sys.stdin)
    deadline = time.monotonic() + 1
    while len(answered) < len(sent) and time.monotonic() < deadline:
        if select.select([icmp], [], [], 0.05)[0]:
            receive()

# What went before the first answer is not an outage: nothing was there yet. Nor is what was sent last and ended by us.
numbers = sorted(answered)
outages = [sent[after] - sent[before] for before, after in zip(numbers, numbers[1:]) if after > before + 1]
spans = range(numbers[0], numbers[-1] + 1) if numbers else range(0)
result = {
    "sent": len(spans),
    "lost": len(spans) - len(numbers),
    "outageMs": round(1000 * (max(outages) - interval), 1) if outages else 0,
}
print(json.dumps(result), flush=True)
