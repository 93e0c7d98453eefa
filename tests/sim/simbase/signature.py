"""Signatures of what a client must bring back: whoever changes the text
cannot make one."""

import base64
import hashlib
import hmac
import os

# The same in every process: what one has signed, another takes.
SECRET = b"only the simulator knows this"
NONCE = 12


def mark(nonce, words):
    return hmac.new(SECRET, nonce + words.encode(), hashlib.sha256).digest()


def sign(words):
    nonce = os.urandom(NONCE)
    return base64.b64encode(b"\x12" + nonce + mark(nonce, words)).decode()


def good(signature, words):
    try:
        data = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    nonce = data[1 : 1 + NONCE]
    return hmac.compare_digest(data[1 + NONCE :], mark(nonce, words))
