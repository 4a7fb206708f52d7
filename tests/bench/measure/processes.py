"""Memory and CPU time of processes, from /proc."""

import os
import pathlib
import re

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def stat_of(pid):
    """Fields of /proc/<pid>/stat behind the name: parent is 1, CPU times 11 to 14."""
    text = pathlib.Path("/proc/%d/stat" % pid).read_text()
    return text.rsplit(")", 1)[1].split()


def family(pid):
    """The process and all below it that live now."""
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents.setdefault(int(stat_of(int(entry.name))[1]), []).append(
                int(entry.name))
        except OSError:
            pass
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def anonymous_mib(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) / 1024


def cpu_ms(pid):
    """Its own time and that of its children that have ended."""
    return sum(int(field) for field in stat_of(pid)[11:15]) * TICK_MS


def total(measure, pid):
    """Of the process and all below it; one that ends meanwhile counts nothing."""
    found = 0
    for one in family(pid):
        try:
            found += measure(one)
        except (OSError, AttributeError):
            pass
    return found
