"""An upstream that writes what it is given, byte for byte."""

import select
import socket
import struct
import threading

END = "end"  # of the connection, behind what was written
RESET = "reset"
KEEP = "keep"  # the connection is for the next request, too
HOLD = "hold"  # until release(), or the other side leaves


def stop(listener):
    """Nobody waits for a connection any more: who still did, on a number that
    another socket may have by now, could take what is not for it."""
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


class Canned:
    """Answers are lists of bytes and of the words above, one for each
    request; the last of them is for all that follow."""

    def __init__(self, backlog=64):
        self.listener = socket.create_server(
            ("127.0.0.1", 0), backlog=backlog
        )
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.serve, daemon=True).start()

    def reset(self):
        with self.lock:
            self.answers = []
            self.requests = []  # (head, body)
            self.left = []  # numbers of those whose asker has left
            self.gate = threading.Event()

    def answer(self, *answers):
        self.reset()
        self.answers = list(answers)

    def release(self):
        self.gate.set()

    def close(self):
        self.gate.set()
        stop(self.listener)

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self.connection, args=(sock,), daemon=True
            ).start()

    def connection(self, sock):
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while self.exchange(sock):
                    pass
            except OSError:
                pass

    def exchange(self, sock):
        """1: the connection goes on."""
        request = self.read(sock)
        if not request:
            return False
        with self.lock:
            number = len(self.requests)
            self.requests.append(request)
            answers = self.answers
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            gate, left = self.gate, self.left
        try:
            return self.write(sock, answer, gate)
        except (BrokenPipeError, ConnectionResetError):
            left.append(number)
            return False

    def read(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        pieces = [body]
        have = len(body)
        while have < length:
            more = sock.recv(1 << 20)
            if not more:
                return None
            pieces.append(more)
            have += len(more)
        return head.decode("latin-1"), b"".join(pieces)

    def write(self, sock, answer, gate):
        for piece in answer:
            if isinstance(piece, bytes):
                sock.sendall(piece)
            elif piece == HOLD:
                self.hold(sock, gate)
            elif piece == KEEP:
                return True
            elif piece == RESET:
                sock.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0),
                )
                return False
        return False

    def hold(self, sock, gate):
        """BrokenPipeError: the other side has left."""
        while not gate.is_set():
            if select.select([sock], [], [], 0.02)[0] and not sock.recv(
                1, socket.MSG_PEEK
            ):
                raise BrokenPipeError
