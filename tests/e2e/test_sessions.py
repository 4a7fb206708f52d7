"""A machine that vanishes says no good-bye: what it holds in Postgres is given back."""

import pathlib
import re

from harness import Case

KEEPALIVE = "02"  # the timer of a socket that rests (proc(5), /proc/net/tcp)
LIMIT_S = 10


def sockets():
    """(local port, remote port, inode, what its timer is for, seconds until then)"""
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        local, remote = (int(end.split(":")[1], 16) for end in words[1:3])
        timer, ticks = words[5].split(":")
        yield local, remote, words[9], timer, int(ticks, 16) / 100


def inodes(pid):
    for fd in pathlib.Path("/proc", str(pid), "fd").iterdir():
        try:
            found = re.match(r"socket:\[(\d+)\]", str(fd.readlink()))
        except OSError:
            continue
        if found:
            yield found[1]


class Sessions(Case):
    def test_the_server_looks_after_every_session_that_may_hold_a_lock(self):
        port = int(self.system.env["STACK_POSTGRES_PORT"])
        for name in ("docuseal", "orchestrator", "capture"):
            with self.subTest(name):
                own = set(inodes(self.system[name].pid))
                ours = {row[0] for row in sockets() if row[2] in own and row[1] == port}
                self.assertGreaterEqual(len(ours), 1)
                for mine in ours:
                    self.until("the server's end of it rests, and is looked after",
                               lambda mine=mine: self.is_looked_after(port, mine))

    def is_looked_after(self, port, mine):
        """None while the server's own words are under way: another timer runs then."""
        for local, remote, _, timer, seconds in sockets():
            if (local, remote) == (port, mine) and timer == KEEPALIVE:
                self.assertLessEqual(seconds, LIMIT_S)
                return True
        return None
