"""Ports that nobody else gets."""

import socket

held = []


def free_port():
    """One that stays ours until we end, also while nobody listens at it: it is
    bound, which who sets SO_REUSEADDR (as servers do) does not mind, and the
    system gives it to nobody who asks for any."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    held.append(sock)
    return sock.getsockname()[1]
