"""Chat completions and completions: documents and chunks, as Azure sends."""

import json
import time
import uuid

from azure_sim.errors import ERRORS, openai
from azure_sim.quirks import QUIRKS
from simbase import text
from simbase.openai_ask import chat_ask
from simbase.plan import Plan

CREATED = 1776328843
RESULTS = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}
BROKEN = 500, {}, openai("The server had an error", "server_error")
DETECTED = {"detected": False, "filtered": False}


def dump(document):
    return json.dumps(
        document, separators=(",", ":"), ensure_ascii=False, sort_keys=True
    ).encode()


class Chat:
    """One request to chat/completions, ready to be answered either way."""

    def __init__(self, body, model, how, dialect, quirk=QUIRKS["none"]):
        self.body = body
        self.model = model
        self.how = how
        self.quirk = quirk
        self.azure = dialect == "azure"
        self.shape = how.get("shape", dialect)
        self.id = "chatcmpl-" + uuid.uuid4().hex[:29]
        if self.shape == "deepseek":
            self.id = uuid.uuid4().hex
        self.ask = chat_ask(body)
        self.plans = [
            Plan(self.ask, how, i) for i in range(body.get("n") or 1)
        ]
        self.choices = [
            self.choice(plan, i) for i, plan in enumerate(self.plans)
        ]

    def choice(self, plan, index):
        calls = [
            {
                "id": self.quirk.call_id(self, index, i),
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(given)},
            }
            for i, (name, given) in enumerate(plan.calls)
        ]
        return {"text": plan.text, "calls": calls, "finish": plan.finish}

    def usage(self):
        first = self.plans[0]
        reasoning = first.reasoning_tokens
        # The reasoning is not done again for each choice.
        out = sum(plan.output_tokens - reasoning for plan in self.plans)
        out += reasoning
        prompt = first.input_tokens
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": out,
            "total_tokens": prompt + out,
            "prompt_tokens_details": {
                "audio_tokens": 0,
                "cached_tokens": first.cached,
            },
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "audio_tokens": 0,
                "reasoning_tokens": reasoning,
                "rejected_prediction_tokens": 0,
            },
        }
        if first.cache_written:
            usage["prompt_tokens_details"]["cache_write_tokens"] = (
                first.cache_written
            )
        if self.shape == "deepseek":
            usage["prompt_tokens_details"] = None
            del usage["completion_tokens_details"]
            usage["reasoning_tokens"] = reasoning
        usage = self.quirk.counted(usage, self)
        usage.update(self.how.get("usage", {}))
        return usage

    def logprobs(self, words):
        if not self.body.get("logprobs") or words is None:
            return None
        top = self.body.get("top_logprobs") or 0
        content = []
        for token in text.pieces(words):
            one = {
                "token": token,
                "logprob": -0.25,
                "bytes": list(token.encode()),
            }
            content.append({**one, "top_logprobs": [one] * top})
        return {"content": content, "refusal": None}

    def document(self):
        choices = []
        for index, choice in enumerate(self.choices):
            message = {
                "role": "assistant",
                "content": choice["text"],
                "refusal": None,
                "annotations": [],
            }
            if choice["calls"]:
                message["tool_calls"] = choice["calls"]
            if self.quirk.reasoning and self.plans[index].reasoning:
                message[self.quirk.reasoning] = self.plans[index].reasoning
            one = {
                "index": index,
                "message": message,
                "finish_reason": choice["finish"],
                "logprobs": self.logprobs(choice["text"]),
            }
            if self.azure:
                one["content_filter_results"] = {
                    **RESULTS,
                    "protected_material_text": DETECTED,
                }
            choices.append(one)
        document = {
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": choices,
            "usage": self.usage(),
            "system_fingerprint": None,
        }
        if self.azure:
            document["prompt_filter_results"] = [
                {
                    "prompt_index": 0,
                    "content_filter_results": {
                        **RESULTS,
                        "jailbreak": DETECTED,
                    },
                }
            ]
        self.quirk.whole(document, self)
        return dump(document)

    # ------------------------------------------------------------- streaming

    def chunk(self, choices, **more):
        chunk = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "system_fingerprint": None,
            "choices": choices,
        }
        if self.asked_usage():
            chunk["usage"] = None
        options = self.body.get("stream_options") or {}
        if self.azure and options.get("include_obfuscation", True):
            chunk["obfuscation"] = "q7Zp"
        return {**chunk, **more}

    def asked_usage(self):
        return bool((self.body.get("stream_options") or {}).get(
            "include_usage"
        ))

    def one(self, index, delta, finish=None, logprobs=None):
        choice = {
            "index": index,
            "delta": delta,
            "finish_reason": finish,
            "logprobs": logprobs,
        }
        if self.shape == "azure":
            choice["content_filter_results"] = RESULTS if delta else {}
        if self.shape == "deepseek":
            choice["delta"] = {
                "role": None,
                "content": None,
                "tool_calls": None,
                "reasoning_content": None,
                **delta,
            }
            choice["matched_stop"] = None
        return self.chunk([choice])

    def annotation(self, index, finish=None):
        return {
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [
                {
                    "index": index,
                    "finish_reason": finish,
                    "content_filter_results": RESULTS,
                    "content_filter_offsets": {
                        "check_offset": 44,
                        "start_offset": 44,
                        "end_offset": 198,
                    },
                }
            ],
        }

    def call_chunks(self, index, calls):
        for number, call in enumerate(calls):
            function = call["function"]
            if self.quirk.whole_calls:
                yield self.one(index, {"tool_calls": [
                    {**call, "index": number}
                ]})
                continue
            yield self.one(index, {"tool_calls": [
                {
                    "index": number,
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": function["name"], "arguments": ""},
                }
            ]})
            given = function["arguments"]
            middle = len(given) // 2
            for part in (given[:middle], given[middle:]):
                yield self.one(index, {"tool_calls": [
                    {"index": number, "function": {"arguments": part}}
                ]})

    def chunks(self):
        if self.shape in ("azure", "async"):
            preamble = {
                "id": "",
                "object": "",
                "created": 0,
                "model": "",
                "choices": [],
                "prompt_filter_results": [
                    {"prompt_index": 0, "content_filter_results": RESULTS}
                ],
            }
            yield preamble
        for index, choice in enumerate(self.choices):
            first = {"role": "assistant", "content": "", "refusal": None}
            if choice["calls"]:
                first["content"] = None
            yield self.one(index, first)
        yield from self.thought()
        for index, choice in enumerate(self.choices):
            parts = text.pieces(choice["text"] or "")
            for part in parts:
                yield self.one(
                    index, {"content": part}, logprobs=self.logprobs(part)
                )
            yield from self.call_chunks(index, choice["calls"])
        for index, choice in enumerate(self.choices):
            if self.shape == "async" and choice["finish"] == "content_filter":
                yield self.annotation(index, "content_filter")
            else:
                chunk = self.one(index, {}, choice["finish"])
                if self.quirk.usage == "always":
                    chunk["usage"] = self.usage()
                yield chunk
        if self.shape == "async":
            for index in range(len(self.choices)):
                yield self.annotation(index)
        if self.asked_usage() and self.quirk.usage == "asked":
            yield self.chunk([], usage=self.usage())

    def thought(self):
        words = self.plans[0].reasoning
        if words and self.shape == "deepseek":
            yield self.one(0, {"reasoning_content": words})
        elif words and self.quirk is not QUIRKS["none"]:
            name = self.quirk.reasoning or "reasoning_content"
            for piece in text.pieces(words):
                yield self.one(0, {name: piece})

    def events(self):
        for number, chunk in enumerate(self.chunks()):
            self.quirk.chunk(chunk, self)
            if self.how.get("error_event") == number:
                name = self.how.get("event_error")
                status, _, broken = ERRORS[name] if name else BROKEN
                broken = self.quirk.error(status, broken["error"])
                yield None, dump(broken)
                return
            if self.how.get("malformed") == number:
                yield None, b'{"id":"chatcmpl-1","choices":[{"del'
            yield None, dump(chunk)
        if self.how.get("done", True):
            yield None, b"[DONE]"


class Completion(Chat):
    """The old completions: a prompt in place of messages."""

    def __init__(self, body, model, how, dialect, quirk=QUIRKS["none"]):
        prompt = body["prompt"]
        if isinstance(prompt, list):
            prompt = prompt[0]
        super().__init__(
            {**body, "messages": [{"role": "user", "content": prompt}]},
            model,
            how,
            dialect,
        )
        self.id = "cmpl-" + uuid.uuid4().hex[:29]

    def old(self, choices, **more):
        return {
            "id": self.id,
            "object": "text_completion",
            "created": int(time.time()),
            "model": self.model,
            "choices": choices,
            **more,
        }

    def document(self):
        return dump(
            self.old(
                [
                    {
                        "index": index,
                        "text": choice["text"],
                        "finish_reason": choice["finish"],
                        "logprobs": None,
                    }
                    for index, choice in enumerate(self.choices)
                ],
                usage=self.usage(),
            )
        )

    def chunks(self):
        for index, choice in enumerate(self.choices):
            for part in text.pieces(choice["text"]):
                yield self.old([{
                    "index": index,
                    "text": part,
                    "finish_reason": None,
                    "logprobs": None,
                }])
            yield self.old([{
                "index": index,
                "text": "",
                "finish_reason": choice["finish"],
                "logprobs": None,
            }])
        if self.asked_usage():
            yield self.old([], usage=self.usage())
