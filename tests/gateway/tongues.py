"""How each upstream tells an answer, as bytes to be spoilt, and how each
client is told one, read strictly."""

import json
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sim"))

from bedrock_sim import frames  # noqa: E402

ID = "PROMPT-MARK-1"  # ids of upstreams have no business in logs either
PROMPT = "PROMPT-MARK-tell me"
WORDS = ["Once ", "upon ", "a time"]
TEXT = "".join(WORDS)
# What an upstream's error may quote; the client may read it, nobody else.
QUOTE = "PROMPT-MARK-quoted"


def dump(document):
    return json.dumps(document, separators=(",", ":")).encode()


def sse(document, name=None):
    data = document if isinstance(document, bytes) else dump(document)
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"


def head(kind, *more, status="200 OK", length=None, version="1.1"):
    lines = [f"HTTP/{version} {status}", f"Content-Type: {kind}", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunked(data, size=None):
    """The body's chunks, without the last."""
    size = size or len(data) or 1
    return b"".join(
        b"%x\r\n%s\r\n" % (len(data[at : at + size]), data[at : at + size])
        for at in range(0, len(data), size)
    )


# --------------------------------------------------------------- upstreams


class Upstream:
    """The events of a stream are those of begin(), one of text() for each
    word, and those of end()."""

    kind = "text/event-stream"
    options = ""  # of the endpoint
    model = ""  # ... and of the model
    tokens = (7, 3)

    def stream(self, words=WORDS):
        return [*self.begin(), *map(self.text, words), *self.end()]

    def junk(self, data):
        """An event whose JSON is this; of a kind that is read."""
        return sse(data)


class Chat(Upstream):
    def __init__(self, options="", model="surface=chat"):
        self.options = options
        self.model = model

    def chunk(self, delta, finish=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({
            "id": ID,
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "up",
            "choices": [choice],
            **more,
        })

    def begin(self):
        return [self.chunk({"role": "assistant", "content": ""})]

    def text(self, words):
        return self.chunk({"content": words})

    def end(self):
        return [
            self.chunk({}, "stop"),
            self.chunk({}, usage=self.usage()).replace(
                dump([{"index": 0, "delta": {}, "finish_reason": None}]),
                b"[]",
            ),
            sse(b"[DONE]"),
        ]

    def usage(self):
        given, out = self.tokens
        return {
            "prompt_tokens": given,
            "completion_tokens": out,
            "total_tokens": given + out,
        }

    def error(self):
        return sse({"error": {
            "message": QUOTE, "type": "server_error", "code": "overloaded"
        }})

    def content(self, words):
        return words

    def whole(self, words=TEXT, **more):
        return {
            "id": ID,
            "object": "chat.completion",
            "created": 1,
            "model": "up",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant",
                            "content": self.content(words), **more},
                "finish_reason": "stop",
            }],
            "usage": self.usage(),
        }


class Databricks(Chat):
    def __init__(self):
        super().__init__("dialect=databricks", "base-model=claude-sonnet-4-5")

    def text(self, words):
        return self.chunk({"content": [{"type": "text", "text": words}]})


class Responses(Upstream):
    model = "surface=responses base-model=gpt-5.1-codex"

    def event(self, name, **members):
        return sse({"type": name, "sequence_number": 0, **members}, name)

    def response(self, status, output, **more):
        return {
            "id": "resp_" + ID,
            "object": "response",
            "created_at": 1,
            "status": status,
            "model": "up",
            "output": output,
            **more,
        }

    def item(self, words):
        part = {"type": "output_text", "text": words, "annotations": []}
        return {
            "id": "msg_" + ID,
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }

    def begin(self):
        running = self.response("in_progress", [])
        return [
            self.event("response.created", response=running),
            self.event("response.output_item.added", output_index=0,
                       item={**self.item(""), "content": []}),
        ]

    def text(self, words):
        return self.event(
            "response.output_text.delta", item_id="msg_" + ID,
            output_index=0, content_index=0, delta=words,
        )

    def end(self):
        return [
            self.event("response.output_item.done", output_index=0,
                       item=self.item(TEXT)),
            self.event("response.completed", response=self.whole()),
        ]

    def error(self):
        return self.event("error", error={
            "message": QUOTE, "type": "server_error", "code": "overloaded"
        })

    def whole(self, words=TEXT, **more):
        given, out = self.tokens
        usage = {
            "input_tokens": given,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": given + out,
        }
        return self.response(
            "completed", [{**self.item(words), **more}], usage=usage
        )


class Anthropic(Upstream):
    options = "dialect=anthropic"
    model = "base-model=claude-opus-4-6"

    def event(self, name, **members):
        return sse({"type": name, **members}, name)

    def message(self, content, reason, out):
        return {
            "id": "msg_" + ID,
            "type": "message",
            "role": "assistant",
            "model": "up",
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": self.tokens[0], "output_tokens": out},
        }

    def begin(self):
        return [
            self.event("message_start", message=self.message([], None, 1)),
            self.event("content_block_start", index=0,
                       content_block={"type": "text", "text": ""}),
        ]

    def text(self, words):
        return self.event("content_block_delta", index=0,
                          delta={"type": "text_delta", "text": words})

    def end(self):
        return [
            self.event("content_block_stop", index=0),
            self.event("message_delta",
                       delta={"stop_reason": "end_turn",
                              "stop_sequence": None},
                       usage={"output_tokens": self.tokens[1]}),
            self.event("message_stop"),
        ]

    def error(self):
        error = {"type": "overloaded_error", "message": QUOTE}
        return self.event("error", error=error)

    def whole(self, words=TEXT, **more):
        block = {"type": "text", "text": words, **more}
        return self.message([block], "end_turn", self.tokens[1])

    def junk(self, data):
        return sse(data, "content_block_delta")


class Gemini(Upstream):
    options = "dialect=gemini"
    model = "base-model=gemini-2.5-flash"

    def answer(self, words, finish=None):
        candidate = {
            "content": {"role": "model", "parts": [{"text": words}]},
            "index": 0,
        }
        if finish:
            candidate["finishReason"] = finish
        given, out = self.tokens
        return {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": given,
                "candidatesTokenCount": out,
                "totalTokenCount": given + out,
            },
            "modelVersion": "up",
            "responseId": ID,
        }

    def begin(self):
        return []

    def text(self, words):
        return sse(self.answer(words))

    def end(self):
        return [sse(self.answer("", "STOP"))]

    def error(self):
        return sse({"error": {
            "code": 503, "message": QUOTE, "status": "UNAVAILABLE"
        }})

    def whole(self, words=TEXT, **more):
        answer = self.answer(words, "STOP")
        answer["candidates"][0]["content"]["parts"][0].update(more)
        return answer


class Bedrock(Upstream):
    kind = "application/vnd.amazon.eventstream"
    options = "dialect=bedrock"
    model = "base-model=claude-sonnet-4-5"

    def event(self, name, **members):
        return frames.event(name, dump(members))

    def begin(self):
        return [self.event("messageStart", role="assistant")]

    def text(self, words):
        return self.event("contentBlockDelta", contentBlockIndex=0,
                          delta={"text": words})

    def end(self):
        return [
            self.event("contentBlockStop", contentBlockIndex=0),
            self.event("messageStop", stopReason="end_turn"),
            self.event("metadata", usage=self.usage(),
                       metrics={"latencyMs": 1}),
        ]

    def usage(self):
        given, out = self.tokens
        return {
            "inputTokens": given,
            "outputTokens": out,
            "totalTokens": given + out,
        }

    def error(self):
        return frames.exception("serviceUnavailableException",
                                dump({"message": QUOTE}))

    def whole(self, words=TEXT, **more):
        message = {"role": "assistant", "content": [{"text": words, **more}]}
        return {
            "output": {"message": message},
            "stopReason": "end_turn",
            "usage": self.usage(),
            "metrics": {"latencyMs": 1},
        }

    def junk(self, data):
        return frames.event("contentBlockDelta", data)


UPSTREAMS = {
    "azure": Chat(),
    "responses": Responses(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
    "bedrock": Bedrock(),
    "databricks": Databricks(),
}

# ----------------------------------------------------------------- clients


class Outcome:
    """What a client has been told."""

    def __init__(self, status):
        self.status = status
        self.text = ""
        self.whole = False  # it ended as an answer ends
        self.error = None  # the error's object; `code` is the client's word
        self.code = None
        self.tokens = None  # (prompt, completion)
        self.failed = False  # a Response said so
        self.events = 0

    def __repr__(self):
        return repr({**self.__dict__, "text": self.text[-200:]})

    def fail(self, error, code):
        assert self.error is None and not self.whole, self
        assert isinstance(error["message"], str) and error["message"]
        self.error = error
        self.code = error[code]


def parsed(body):
    """(name or None, data) of each event; what is no event is refused."""
    text = body.decode()
    assert text == "" or text.endswith("\n\n"), text[-200:]
    for block in text.split("\n\n")[:-1]:
        name, data = None, None
        for line in block.split("\n"):
            if line.startswith("event: "):
                name = line[len("event: ") :]
            elif line.startswith("data: "):
                assert data is None
                data = line[len("data: ") :]
            else:
                assert line.startswith(":"), block
        if data is not None:
            yield name, data
        else:
            assert name is None, block


class Client:
    def ask(self, model, stream=True, prompt=PROMPT):
        return {"model": model, **self.body(prompt),
                **({"stream": True} if stream else {})}

    def read(self, status, kind, body):
        """The answer to a stream or not, whatever it is."""
        out = Outcome(status)
        kind = kind.split(";")[0]
        if kind == "text/event-stream":
            assert status == 200
            for name, data in parsed(body):
                assert not out.whole and (out.error is None or self.after), (
                    "behind the end", name, data[:200], out
                )
                out.events += 1
                self.event(out, name, data)
            assert out.whole or out.error, (out, body[-300:])
            return out
        assert kind == "application/json", (kind, body[:200])
        document = json.loads(body)
        if status == 200:
            self.document(out, document)
            out.whole = True
        else:
            self.error(out, document)
        return out

    after = False  # is an error followed by something?


class ChatClient(Client):
    path = "/v1/chat/completions"

    def body(self, prompt):
        return {"messages": [{"role": "user", "content": prompt}]}

    def ask(self, model, stream=True, prompt=PROMPT):
        body = super().ask(model, stream, prompt)
        if stream:
            body["stream_options"] = {"include_usage": True}
        return body

    def event(self, out, name, data):
        assert name is None
        if data == "[DONE]":
            out.whole = True
            return
        chunk = json.loads(data)
        if "error" in chunk:
            out.fail(chunk["error"], "code")
            assert set(chunk["error"]) >= {"message", "type", "param", "code"}
            return
        assert chunk["object"] == "chat.completion.chunk"
        for choice in chunk["choices"]:
            out.text += choice["delta"].get("content") or ""
        self.count(out, chunk)

    def document(self, out, document):
        (choice,) = document["choices"]
        out.text = choice["message"]["content"]
        self.count(out, document)

    @staticmethod
    def count(out, document):
        usage = document.get("usage")
        if usage:
            out.tokens = usage["prompt_tokens"], usage["completion_tokens"]

    def error(self, out, document):
        assert set(document) == {"error"}
        error = document["error"]
        assert set(error) >= {"message", "type", "param", "code"}
        out.fail(error, "code")


class MessagesClient(Client):
    path = "/v1/messages"

    def body(self, prompt):
        return {
            "max_tokens": 1000,
            "messages": [{"role": "user", "content": prompt}],
        }

    def event(self, out, name, data):
        event = json.loads(data)
        assert event["type"] == name
        if name == "content_block_delta":
            out.text += event["delta"].get("text", "")
        elif name == "message_delta":
            usage = event["usage"]
            given = usage.get("input_tokens", out.tokens and out.tokens[0])
            out.tokens = given, usage["output_tokens"]
        elif name == "message_start":
            usage = event["message"]["usage"]
            out.tokens = usage["input_tokens"], usage["output_tokens"]
        elif name == "message_stop":
            out.whole = True
        elif name == "error":
            self.error(out, event)

    def document(self, out, document):
        assert document["type"] == "message"
        out.text = "".join(block["text"] for block in document["content"])
        usage = document["usage"]
        out.tokens = usage["input_tokens"], usage["output_tokens"]

    def error(self, out, document):
        assert document["type"] == "error"
        out.fail(document["error"], "type")


class ResponsesClient(Client):
    path = "/v1/responses"
    after = True  # response.failed

    def body(self, prompt):
        return {"input": prompt, "store": False}

    def event(self, out, name, data):
        event = json.loads(data)
        assert event["type"] == name
        if name == "response.output_text.delta":
            out.text += event["delta"]
        elif name in ("response.completed", "response.incomplete"):
            assert out.error is None
            out.whole = True
            usage = event["response"]["usage"]
            out.tokens = usage["input_tokens"], usage["output_tokens"]
        elif name == "error":
            out.fail(event["error"], "code")
        elif name == "response.failed":
            response = event["response"]
            assert response["status"] == "failed"
            assert response["error"]["message"]
            if out.error is None:
                out.fail(response["error"], "code")
            out.failed = True
        else:
            assert out.error is None

    def document(self, out, document):
        assert document["status"] == "completed"
        for item in document["output"]:
            for part in item.get("content", []):
                out.text += part["text"]
        usage = document["usage"]
        out.tokens = usage["input_tokens"], usage["output_tokens"]

    def error(self, out, document):
        assert set(document) == {"error"}
        out.fail(document["error"], "code")


CLIENTS = {
    "chat": ChatClient(),
    "messages": MessagesClient(),
    "responses": ResponsesClient(),
}
