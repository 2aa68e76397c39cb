"""Prints the time (ns since the epoch) at which a program's file is opened, as each execve of it does, one line each."""
import ctypes
import os
import sys
import time

IN_OPEN = 0x20
libc = ctypes.CDLL(None, use_errno=True)
inotify = libc.inotify_init1(os.O_CLOEXEC)
if inotify < 0 or libc.inotify_add_watch(inotify, os.fsencode(sys.argv[1]), IN_OPEN) < 0:
    sys.exit(f"{sys.argv[1]} cannot be watched: {os.strerror(ctypes.get_errno())}")
print("watching", flush=True)
while os.read(inotify, 4096):
    print(time.time_ns(), flush=True)
