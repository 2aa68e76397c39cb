"""A file system whose power can fail: `power-fs.py MOUNTPOINT`, controlled by lines on standard input.

Files are kept in memory twice: as programs see them, and as they would be on the disk after a power cut, which is what the
last fsync left and any part of what was written since. Commands, each answered with one line:
  crash drop|keep|tear SEED  what was not synced is lost, kept, or kept page by page at random and the last page torn
  fail N ERROR               the Nth writing call from now on fails: EIO, ENOSPC, or `short` (half is written, then ENOSPC)
  stick                      the failure stays until `heal`
  heal                       no failures any more
  count                      how many writing calls there were since the last `fail` or `count`
"""
import errno
import random
import stat
import sys
import threading

import fusepy

PAGE = 4096


class File:
    def __init__(self, mode):
        self.now = bytearray()
        self.disk = b""
        self.writes = []  # (offset, data) since the last fsync; data None: truncated to offset
        self.mode = mode


class PowerFS(fusepy.Operations):
    def __init__(self):
        self.files = {}
        self.guard = threading.RLock()
        self.calls = 0
        self.fail_at = 0
        self.error = ""
        self.sticky = False

    def _fault(self):
        """Counts a writing call; returns the error that it is to have."""
        self.calls += 1
        if self.fail_at and (self.calls == self.fail_at or (self.sticky and self.calls > self.fail_at)):
            return self.error
        return ""

    def _refuse(self):
        error = self._fault()
        if error:
            raise fusepy.FuseOSError(errno.EIO if error == "EIO" else errno.ENOSPC)

    def _file(self, path):
        if path not in self.files:
            raise fusepy.FuseOSError(errno.ENOENT)
        return self.files[path]

    def getattr(self, path, fh=None):
        with self.guard:
            if path == "/":
                return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
            file = self._file(path)
            return {"st_mode": stat.S_IFREG | file.mode, "st_nlink": 1, "st_size": len(file.now)}

    def readdir(self, path, fh):
        return [".", ".."] + [name[1:] for name in self.files]

    def chmod(self, path, mode):
        self._file(path).mode = mode & 0o777

    def chown(self, path, uid, gid):
        pass

    def utimens(self, path, times=None):
        pass

    def create(self, path, mode, fi=None):
        with self.guard:
            self._refuse()
            self.files[path] = File(mode & 0o777)
            return 0

    def open(self, path, flags):
        self._file(path)
        return 0

    def read(self, path, size, offset, fh):
        with self.guard:
            return bytes(self._file(path).now[offset : offset + size])

    def write(self, path, data, offset, fh):
        with self.guard:
            file = self._file(path)
            error = self._fault()
            if error == "short" and len(data) > 1:
                data = data[: len(data) // 2]
                self.sticky = True
            elif error:
                raise fusepy.FuseOSError(errno.EIO if error == "EIO" else errno.ENOSPC)
            if len(file.now) < offset:
                file.now.extend(bytes(offset - len(file.now)))
            file.now[offset : offset + len(data)] = data
            file.writes.append((offset, data))
            return len(data)

    def truncate(self, path, length, fh=None):
        with self.guard:
            self._refuse()
            file = self._file(path)
            del file.now[length:]
            file.now.extend(bytes(length - len(file.now)))
            file.writes.append((length, None))

    def fsync(self, path, datasync, fh):
        with self.guard:
            self._refuse()
            file = self._file(path)
            file.disk = bytes(file.now)
            file.writes = []

    def unlink(self, path):
        with self.guard:
            self._file(path)
            del self.files[path]

    def rename(self, old, new):
        with self.guard:
            self.files[new] = self._file(old)
            del self.files[old]

    def statfs(self, path):
        return {"f_bsize": PAGE, "f_blocks": 1 << 20, "f_bavail": 1 << 20, "f_bfree": 1 << 20}

    def crash(self, how, chance):
        with self.guard:
            for file in self.files.values():
                if how == "keep":
                    file.disk = bytes(file.now)
                elif how == "tear":
                    file.disk = torn(file, chance)
                file.now = bytearray(file.disk)
                file.writes = []


def torn(file, chance):
    """The disk after the cut: pages written since the last fsync reached it in no order, one of them in part."""
    disk = bytearray(file.disk)
    for offset, data in file.writes:
        if data is None:
            if chance.random() < 0.5:
                del disk[offset:]
                disk.extend(bytes(offset - len(disk)))
            continue
        for at in range(0, len(data), PAGE):
            fate = chance.random()
            if fate < 0.4:
                continue
            page = data[at : at + PAGE]
            if fate < 0.6:
                page = page[: chance.randrange(len(page) + 1)]
            if len(disk) < offset + at:
                disk.extend(bytes(offset + at - len(disk)))
            disk[offset + at : offset + at + len(page)] = page
    return bytes(disk)


def obey(fs):
    for line in sys.stdin:
        words = line.split()
        if words[0] == "crash":
            fs.crash(words[1], random.Random(int(words[2])))
        elif words[0] == "fail":
            fs.calls, fs.fail_at, fs.error, fs.sticky = 0, int(words[1]), words[2], False
        elif words[0] == "stick":
            fs.sticky = True
        elif words[0] == "heal":
            fs.fail_at, fs.sticky = 0, False
        elif words[0] == "count":
            print("calls", fs.calls, flush=True)
            fs.calls = 0
            continue
        print("done", flush=True)


if __name__ == "__main__":
    power = PowerFS()
    threading.Thread(target=obey, args=(power,), daemon=True).start()
    fusepy.FUSE(power, sys.argv[1], foreground=True, nothreads=True, direct_io=False, attr_timeout=0, entry_timeout=0)
