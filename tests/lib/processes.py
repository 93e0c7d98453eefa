"""What the processes of a server hold: memory and open files."""

import contextlib
import os
from pathlib import Path

PROC = Path("/proc")


def parents():
    """{pid: parent} of every process there is."""
    found = {}
    for path in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            # The name in parentheses may hold anything.
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                found[int(path.name)] = int(fields[1])
    return found


def told(argument):
    """Who was started with that for an argument."""
    found = []
    for pid in parents():
        with contextlib.suppress(OSError):
            line = (PROC / str(pid) / "cmdline").read_text()
            if argument in line.split("\0"):
                found.append(pid)
    return found


def tree(pid):
    """The process and all that descend from it, except zombies."""
    known = parents()
    found = [pid]
    for one in found:
        found += [child for child, parent in known.items() if parent == one]
    return found


def rollup(pid, field):
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(field)


def memory(pid, field="Pss"):
    """Bytes of the tree: Pss counts shared pages once, Rss in each process."""
    total = 0
    for one in tree(pid):
        # A child may end while we look; one that is left out makes the figure
        # smaller, never larger.
        with contextlib.suppress(OSError, ValueError):
            total += rollup(one, field)
    return total


def open_files(pid):
    """How many descriptors the one process has."""
    return len(list((PROC / str(pid) / "fd").iterdir()))


def owners(pid, port, socks):
    """Which descendant of a server that listens at `port` has the other end
    of each of these connections: {socket: pid}."""
    inodes = {}
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(fields[i].split(":")[1], 16) for i in (1, 2))
        if local == port:
            inodes[f"socket:[{fields[9]}]"] = remote
    holders = {}
    for one in tree(pid)[1:]:
        for file in (PROC / str(one) / "fd").iterdir():
            with contextlib.suppress(OSError):
                holders[inodes.get(os.readlink(file))] = one
    return {sock: holders[sock.getsockname()[1]] for sock in socks}
