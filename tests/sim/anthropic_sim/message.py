"""The answer: a message, whole or as events.

Behaviours of this provider alone:

  redacted        true: a block of redacted thinking
  unknown         true: a block, a delta and an event that nobody knows
  pings           true: a ping after each delta
  input           "start": the input of a call whole where its block begins
  input_late      true: the input tokens are 0 at first and right at the end
  message_deltas  how many there are (default 1)
"""

import itertools
import secrets

from anthropic_sim.errors import ERRORS
from simbase import signature, text
from simbase.plan import Plan

STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
REFUSAL = {
    "type": "refusal",
    "category": "cyber",
    "explanation": "This request is not one for this model.",
}
# What no client knows yet.
UNKNOWN_BLOCK = {"type": "glimmer", "glimmer": "soon"}
UNKNOWN_DELTA = {"type": "glimmer_delta", "glimmer": "er"}
DELTA = 9


def new_id(prefix):
    return f"{prefix}_01{secrets.token_hex(11)}"


class Message:
    def __init__(self, body, model, how, ask, family):
        self.how = how
        self.model = model
        self.plan = Plan(ask, how)
        self.id = new_id("msg")
        thinking = body.get("thinking") or {}
        shown = "summarized" if family.sampling else "omitted"
        self.shown = thinking.get("display", shown) == "summarized"
        self.newest = family.adaptive
        self.blocks = self.make_blocks()

    def make_blocks(self):
        blocks = []
        if self.how.get("unknown"):
            blocks.append(UNKNOWN_BLOCK)
        if self.plan.reasoning:
            words = self.plan.reasoning if self.shown else ""
            blocks.append({
                "type": "thinking",
                "thinking": words,
                "signature": signature.sign(words),
            })
        if self.how.get("redacted"):
            blocks.append({
                "type": "redacted_thinking",
                "data": signature.sign("redacted"),
            })
        if self.plan.text:
            blocks.append({"type": "text", "text": self.plan.text})
        for name, arguments in self.plan.calls:
            blocks.append({
                "type": "tool_use",
                "id": new_id("toolu"),
                "name": name,
                "input": arguments,
                "caller": {"type": "direct"},
            })
        return blocks

    def broken_off(self, block):
        """The limit came in the middle of this call."""
        return self.plan.finish == "length" and block is self.blocks[-1]

    def end(self):
        reason = STOPS.get(self.plan.finish, self.plan.finish)
        if reason == "end_turn" and self.plan.stop:
            reason = "stop_sequence"
        end = {"stop_reason": reason, "stop_sequence": self.plan.stop}
        refused = reason == "refusal"
        if refused or self.newest:
            end["stop_details"] = REFUSAL if refused else None
        return end

    def counts(self):
        """What is told at the start and again at the end."""
        return {
            "input_tokens": self.plan.ask.tokens,
            "cache_creation_input_tokens": self.plan.cache_written,
            "cache_read_input_tokens": self.plan.cached,
        }

    def usage(self):
        usage = {
            **self.counts(),
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.plan.cache_written,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": self.plan.output_tokens,
            "service_tier": "standard",
            "inference_geo": "not_available",
        }
        usage.update(self.thought())
        usage.update(self.how.get("usage", {}))
        return usage

    def total(self):
        """The usage as others count it."""
        usage = self.usage()
        return {
            "prompt_tokens": sum(usage[name] for name in self.counts()),
            "completion_tokens": usage["output_tokens"],
        }

    def thought(self):
        if not (self.newest or self.plan.reasoning):
            return {}
        return {
            "output_tokens_details": {
                "thinking_tokens": self.plan.reasoning_tokens
            }
        }

    def head(self, content, end, usage):
        return {
            "model": self.model,
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "content": content,
            **end,
            "usage": usage,
        }

    def document(self):
        blocks = [
            {**block, "input": {}}
            if block["type"] == "tool_use" and self.broken_off(block)
            else block
            for block in self.blocks
        ]
        return self.head(blocks, self.end(), self.usage())

    # ------------------------------------------------------------- streaming

    def steps(self):
        """(event name, members) in order."""
        usage = {**self.usage(), "output_tokens": 1}
        usage.pop("output_tokens_details", None)
        if self.how.get("input_late"):
            usage.update(dict.fromkeys(self.counts(), 0))
        end = {"stop_reason": None, "stop_sequence": None}
        yield "message_start", {"message": self.head([], end, usage)}
        ping = True
        for index, block in enumerate(self.blocks):
            yield from self.block_steps(index, block, ping)
            ping = self.how.get("pings")
        if ping:
            yield "ping", {}
        if self.how.get("unknown"):
            yield "glimmer", {"glimmer": {"error": None}}
        yield from self.last_steps()

    def block_steps(self, index, block, ping):
        deltas = list(self.deltas(block))
        yield "content_block_start", {
            "index": index,
            "content_block": self.begun(block),
        }
        if ping:
            yield "ping", {}
        for delta in deltas:
            yield "content_block_delta", {"index": index, "delta": delta}
            if self.how.get("pings"):
                yield "ping", {}
        yield "content_block_stop", {"index": index}

    def begun(self, block):
        kind = block["type"]
        if kind == "text":
            return {"type": "text", "text": ""}
        if kind == "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        if kind == "tool_use" and self.how.get("input") != "start":
            return {**block, "input": {}}
        return block

    def deltas(self, block):
        kind = block["type"]
        if kind == "text":
            for piece in text.pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}
        elif kind == "thinking":
            for piece in text.pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        elif kind == "tool_use" and self.how.get("input") != "start":
            given = text.dump(block["input"])
            if self.broken_off(block):
                given = given[: len(given) // 2]
            yield {"type": "input_json_delta", "partial_json": ""}
            # One without arguments may say nothing at all.
            for at in range(0, len(given) if block["input"] else 0, DELTA):
                yield {
                    "type": "input_json_delta",
                    "partial_json": given[at : at + DELTA],
                }
        elif kind == "glimmer":
            yield UNKNOWN_DELTA

    def last_steps(self):
        usage = {
            **self.counts(),
            "output_tokens": self.plan.output_tokens,
            **self.thought(),
            **self.how.get("usage", {}),
        }
        more = self.how.get("message_deltas", 1) - 1
        for number in range(more):
            yield "message_delta", {
                "delta": {},
                "usage": {"output_tokens": 1 + number},
            }
        yield "message_delta", {"delta": self.end(), "usage": usage}
        yield "message_stop", {}

    def events(self, request_id):
        pads = itertools.cycle((4, 0, 13, 7, 1, 10))
        for number, (name, members) in enumerate(self.steps()):
            if self.how.get("error_event") == number:
                error = ERRORS[self.how.get("event_error", "overloaded")][2]
                yield "error", text.dump(
                    {**error, "request_id": request_id}
                ).encode()
                return
            if self.how.get("malformed") == number:
                yield name, b'{"type":"content_bl'
            data = text.dump({"type": name, **members})
            # As the real one does, so that no length tells anything.
            data = data[:-1] + " " * next(pads) + "}"
            yield name, data.encode()
