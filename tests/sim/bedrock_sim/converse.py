"""The answer to Converse, whole or as frames."""

import itertools
import json
import secrets
import string

from anthropic_sim.ask import ask_of
from anthropic_sim.families import family
from bedrock_sim import claude, frames
from bedrock_sim.errors import ERRORS, EVENTS
from simbase import signature, text
from simbase.plan import Plan

STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}
# Padding, so that no length tells anything.
PAD = string.ascii_letters + string.digits
PADS = (8, 52, 2, 14, 47, 29, 21, 36)
DELTA = 9  # letters of the arguments in each event
LATENCY = 660


def packed(document):
    return json.dumps(
        document, separators=(",", ":"), sort_keys=True, ensure_ascii=False
    ).encode()


def asked(body, model):
    """What is asked; who reasons how is in fields of each family."""
    made = claude.body_of(body, model)
    if "anthropic." in model:
        claude.check(made)
        return ask_of(made, family(model))
    ask = ask_of(made, family("claude-3"))
    more = body.get("additionalModelRequestFields", {})
    config = more.get("reasoningConfig", {})
    ask.reasoning = (
        "deepseek.r1" in model
        or more.get("reasoning_effort", "none") != "none"
        or config.get("type") == "enabled"
    )
    if "maxTokens" not in body.get("inferenceConfig", {}):
        ask.limit = None
    return ask


class Answer:
    def __init__(self, body, model, how):
        self.how = how
        self.model = model
        self.plan = Plan(asked(body, model), how)
        self.blocks = self.made()

    def made(self):
        plan = self.plan
        blocks = []
        if plan.reasoning:
            words = {"text": plan.reasoning}
            if "anthropic." in self.model:
                words["signature"] = signature.sign(plan.reasoning)
            blocks.append({"reasoningContent": {"reasoningText": words}})
        if self.how.get("redacted"):
            secret = signature.sign("redacted")
            blocks.append({"reasoningContent": {"redactedContent": secret}})
        if plan.text:
            blocks.append({"text": plan.text})
        for name, arguments in plan.calls:
            blocks.append({
                "toolUse": {
                    "toolUseId": self.new_id(),
                    "name": name,
                    "input": arguments,
                }
            })
        return blocks

    def new_id(self):
        if "mistral." in self.model:
            return secrets.token_hex(5)[:9]
        return "tooluse_" + secrets.token_urlsafe(16)

    def stop_reason(self):
        if self.plan.stop and self.plan.finish == "stop":
            return "stop_sequence"
        return STOPS.get(self.plan.finish, self.plan.finish)

    def usage(self):
        plan = self.plan
        total = plan.ask.tokens + plan.cached + plan.cache_written
        usage = {
            "inputTokens": plan.ask.tokens,
            "outputTokens": plan.output_tokens,
            "totalTokens": total + plan.output_tokens,
            "serverToolUsage": {},
        }
        if plan.cached or plan.cache_written:
            usage["cacheReadInputTokens"] = plan.cached
            usage["cacheWriteInputTokens"] = plan.cache_written
        usage.update(self.how.get("usage", {}))
        return usage

    def counts(self):
        usage = self.usage()
        cached = (
            usage.get("cacheReadInputTokens", 0)
            + usage.get("cacheWriteInputTokens", 0)
        )
        return {
            "prompt_tokens": usage["inputTokens"] + cached,
            "completion_tokens": usage["outputTokens"],
        }

    def broken_off(self, block):
        """The limit came in the middle of this call."""
        return self.plan.finish == "length" and block is self.blocks[-1]

    def document(self):
        return {
            "metrics": {"latencyMs": LATENCY},
            "output": {
                "message": {"role": "assistant", "content": self.blocks}
            },
            "stopReason": self.stop_reason(),
            "usage": self.usage(),
        }

    # ----------------------------------------------------------------- stream

    def deltas(self, block):
        kind = next(iter(block))
        if kind == "text":
            for piece in text.pieces(block["text"]):
                yield {"text": piece}
        elif kind == "toolUse":
            # One without arguments says nothing at all.
            given = text.dump(block["toolUse"]["input"])
            given = "" if given == "{}" else given
            if self.broken_off(block):
                given = given[: len(given) // 2]
            for at in range(0, len(given), DELTA):
                yield {"toolUse": {"input": given[at : at + DELTA]}}
        elif "redactedContent" in block["reasoningContent"]:
            yield block
        else:
            words = block["reasoningContent"]["reasoningText"]
            for piece in text.pieces(words["text"]):
                yield {"reasoningContent": {"text": piece}}
            if "signature" in words:
                yield {"reasoningContent": {"signature": words["signature"]}}

    def steps(self):
        """(type of the event, document) in order."""
        yield "messageStart", {"role": "assistant"}
        for at, block in enumerate(self.blocks):
            if "toolUse" in block:
                use = dict(block["toolUse"])
                del use["input"]
                yield "contentBlockStart", {
                    "contentBlockIndex": at,
                    "start": {"toolUse": use},
                }
            for delta in self.deltas(block):
                yield "contentBlockDelta", {
                    "contentBlockIndex": at,
                    "delta": delta,
                }
            yield "contentBlockStop", {"contentBlockIndex": at}
        if self.how.get("unknown"):
            yield "glimmer", {"soon": True}
        yield "messageStop", {"stopReason": self.stop_reason()}
        yield "metadata", {
            "metrics": {"latencyMs": LATENCY},
            "usage": self.usage(),
        }


def stream(steps, how):
    """The frames of (type, document), spoilt as the script says."""
    pads = itertools.cycle(PADS)
    for number, (name, document) in enumerate(steps):
        if how.get("error_event") == number:
            known = how.get("event_error", "server")
            kind = EVENTS.get(known, "modelStreamErrorException")
            yield frames.exception(kind, packed(ERRORS[known][2]))
            return
        if how.get("error_frame") == number:
            yield frames.error("InternalError", "Something is wrong.")
            return
        payload = packed({**document, "p": PAD[: next(pads)]})
        if how.get("malformed") == number:
            payload = payload[:-2]
        frame = frames.event(name, payload, how.get("rare_headers"))
        if how.get("bad_crc") == number:
            frame = frames.flipped(frame, -1)
        if how.get("bad_prelude") == number:
            frame = frames.flipped(frame, 8)
        if how.get("bad_payload") == number:
            frame = frames.flipped(frame, -8)
        if how.get("truncated") == number:
            yield frame[: len(frame) // 2]
            return
        yield frame
