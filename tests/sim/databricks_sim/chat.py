"""Chat answers, in the shapes that differ from OpenAI's.

Behaviours of this provider alone:

  parts   true: texts of a stream come as arrays too
"""

import secrets

from azure_sim.chat import CREATED, dump
from databricks_sim.errors import ERRORS
from simbase import signature, text
from simbase.openai_ask import chat_ask
from simbase.plan import Plan

DELTA = 9


def asks(body):
    ask = chat_ask(body)
    kind = (body.get("thinking") or {}).get("type")
    ask.reasoning = ask.reasoning or kind in ("enabled", "adaptive")
    return ask


class Chat:
    def __init__(self, body, base, how):
        self.how = how
        ask = asks(body)
        self.plans = [Plan(ask, how, i) for i in range(body.get("n") or 1)]
        self.model = base
        self.id = "chatcmpl_" + secrets.token_hex(12)
        self.claude = "claude" in base
        if self.claude:
            self.model = f"us.anthropic.{base.replace('databricks-', '')}-v1:0"
            self.id = "msg_bdrk_" + secrets.token_hex(12)

    def usage(self):
        first = self.plans[0]
        out = sum(plan.output_tokens for plan in self.plans)
        usage = {
            "prompt_tokens": first.input_tokens,
            "completion_tokens": out,
            "total_tokens": first.input_tokens + out,
        }
        if self.claude:
            usage["cache_read_input_tokens"] = first.cached
            usage["cache_creation_input_tokens"] = first.cache_written
        usage.update(self.how.get("usage", {}))
        return usage

    def reasoning(self, words, signed):
        summary = {"type": "summary_text", "text": words}
        if self.claude:
            summary["signature"] = signed
        return {"type": "reasoning", "summary": [summary]}

    def calls(self, plan):
        return [
            {
                "id": "toolu_bdrk_" + secrets.token_hex(10),
                "type": "function",
                "function": {"name": name, "arguments": text.dump(given)},
            }
            for name, given in plan.calls
        ]

    def choice(self, index, plan):
        message = {"role": "assistant", "content": plan.text}
        if plan.reasoning:
            content = [
                self.reasoning(plan.reasoning, signature.sign(plan.reasoning))
            ]
            if plan.text:
                content.append({"type": "text", "text": plan.text})
            message["content"] = content
        if plan.calls:
            message["tool_calls"] = self.calls(plan)
        return {
            "index": index,
            "message": message,
            "finish_reason": plan.finish,
            "logprobs": None,
        }

    def outer(self, kind, choices, **more):
        return {
            "model": self.model,
            "choices": choices,
            "object": kind,
            "id": self.id,
            "created": CREATED,
            **more,
        }

    def document(self):
        choices = [self.choice(i, plan) for i, plan in enumerate(self.plans)]
        return dump(
            self.outer("chat.completion", choices, usage=self.usage())
        )

    # ------------------------------------------------------------- streaming

    def deltas(self, plan):
        first = {"role": "assistant"}
        if plan.reasoning:
            for piece in text.pieces(plan.reasoning):
                part = self.reasoning(piece, "")
                yield {**first, "content": [part]}
            if self.claude:
                signed = signature.sign(plan.reasoning)
                yield {**first, "content": [self.reasoning("", signed)]}
        for piece in text.pieces(plan.text or ""):
            if self.how.get("parts"):
                piece = [{"type": "text", "text": piece}]
            yield {**first, "content": piece}
        for number, call in enumerate(self.calls(plan)):
            function = call["function"]
            # The whole input of a call begins as an empty object.
            begun = {"name": function["name"], "arguments": "{}"}
            yield {**first, "content": None, "tool_calls": [
                {**call, "index": number, "function": begun}
            ]}
            given = function["arguments"]
            if given == "{}":
                continue
            for at in range(0, len(given), DELTA):
                yield {**first, "tool_calls": [
                    {
                        "index": number,
                        "function": {"arguments": given[at : at + DELTA]},
                    }
                ]}

    def chunks(self):
        for index, plan in enumerate(self.plans):
            for delta in self.deltas(plan):
                yield self.outer("chat.completion.chunk", [
                    {"index": index, "delta": delta, "finish_reason": None}
                ])
        for index, plan in enumerate(self.plans):
            last = index == len(self.plans) - 1
            # The tokens come with the end, asked for or not.
            more = {"usage": self.usage()} if last else {}
            yield self.outer("chat.completion.chunk", [
                {
                    "index": index,
                    "delta": {"role": "assistant", "content": ""},
                    "finish_reason": plan.finish,
                }
            ], **more)

    def events(self):
        for number, chunk in enumerate(self.chunks()):
            if self.how.get("error_event") == number:
                name = self.how.get("event_error", "server")
                yield None, dump(ERRORS[name][2])
                return
            if self.how.get("malformed") == number:
                yield None, b'{"id":"chatcmpl_1","choices":[{"del'
            yield None, dump(chunk)
        if self.how.get("done", True):
            yield None, b"[DONE]"
