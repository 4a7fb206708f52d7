"""A session with Postgres over its socket, for questions that a test asks again and again:
a psql for each would take more of the machine than what is tested."""
import socket
import struct


class PgError(Exception):
    pass


class PgClient:
    def __init__(self, folder, user="postgres", database="postgres"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{folder}/.s.PGSQL.5432")
        self.stream = self.socket.makefile("rb")
        words = f"user\0{user}\0database\0{database}\0\0".encode()
        self.socket.sendall(struct.pack("!II", len(words) + 8, 3 << 16) + words)
        self._answer()

    def close(self):
        self.stream.close()
        self.socket.close()

    def run(self, sql):
        """Rows of text; NULL is \"\"."""
        text = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(text) + 4) + text)
        return self._answer()

    def _message(self):
        head = self.stream.read(5)
        if len(head) < 5:
            raise ConnectionError("Postgres has gone")
        length, = struct.unpack("!I", head[1:])
        return head[:1], self.stream.read(length - 4)

    def _answer(self):
        """Rows until the server is ready for the next question."""
        rows, error = [], None
        while True:
            kind, body = self._message()
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"E":
                error = b" ".join(f[1:] for f in body.split(b"\0") if f[:1] in b"SM")
            elif kind == b"Z":
                if error:
                    raise PgError(error.decode(errors="replace"))
                return rows

    @staticmethod
    def _row(body):
        count, = struct.unpack_from("!H", body)
        row, at = [], 2
        for _ in range(count):
            length, = struct.unpack_from("!i", body, at)
            at += 4
            row.append(body[at:at + max(length, 0)].decode(errors="replace"))
            at += max(length, 0)
        return row
