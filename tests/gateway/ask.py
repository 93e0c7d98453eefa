"""Requests that tests make, and readings of the answers."""

import json
import socket
import struct

PROMPT = "PROMPT-MARK-tell me"
WORDS = "You said: " + PROMPT


def chat(model="m1", **more):
    return {
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
        **more,
    }


def events(answer):
    """The data of each event of a stream, JSON understood."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    data = []
    for block in answer.text.split("\n\n"):
        lines = [line for line in block.split("\n") if line]
        for line in lines:
            if line.startswith("data: "):
                text = line[len("data: ") :]
                data.append(text if text == "[DONE]" else json.loads(text))
    return data


def said(chunks, index=0):
    """The text of one choice of a stream."""
    text = ""
    for chunk in chunks:
        if chunk == "[DONE]":
            continue
        for choice in chunk.get("choices", []):
            if choice["index"] == index:
                text += choice["delta"].get("content") or ""
    return text


def error_of(answer, status, code):
    """The error of an answer, in OpenAI's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert isinstance(error["code"], str)
    assert isinstance(error["message"], str) and error["message"]
    assert error["code"] == code, error
    assert answer.headers["x-request-id"]
    return error


def request(env, document, path="/v1/chat/completions"):
    """The bytes of a request: its head and its body."""
    body = json.dumps(document).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {env.key}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def dial(env, document, path="/v1/chat/completions", sent=None):
    """A connection on which the request has been sent, or the first `sent`
    bytes of its body."""
    head, body = request(env, document, path)
    sock = socket.create_connection(("127.0.0.1", env.port), 30)
    sock.sendall(head + body[:sent])
    return sock


def hang_up(sock):
    """Close it at once, whatever is under way: the other side gets a reset,
    not the end of a file."""
    sock.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    sock.close()
