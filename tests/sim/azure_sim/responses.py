"""The Responses API, with what it remembers."""

import json
import time
import uuid

from azure_sim import check
from azure_sim.chat import RESULTS, dump
from azure_sim.errors import ERRORS
from simbase import signature, text
from simbase.openai_ask import responses_ask
from simbase.plan import Plan

ENCRYPTED = "reasoning.encrypted_content"
# Why an answer is not complete.
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def new_id(prefix):
    return f"{prefix}_{uuid.uuid4().hex}"


def input_items(given):
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    items = []
    for item in given:
        item = dict(item)
        item.setdefault("type", "message")
        item.setdefault("id", new_id("msg"))
        if item["type"] == "message" and isinstance(item["content"], str):
            kind = "input_text"
            if item.get("role") == "assistant":
                kind = "output_text"
            item["content"] = [{"type": kind, "text": item["content"]}]
        items.append(item)
    return items


class Response:
    def __init__(self, body, how, stored):
        self.body = body
        self.how = how
        self.items = input_items(body.get("input", ""))
        self.id = new_id("resp")
        self.history = []
        previous = stored.get(body.get("previous_response_id"))
        self.prompts = []
        if previous:
            self.history = previous.history + previous.items + previous.output
            self.prompts += previous.prompts
        check.items(self.items, self.history, "conversation" in body)
        ask = responses_ask(body, self.history + self.items)
        # What an earlier response has been asked is repeated too.
        asked = responses_ask({}, self.items).prompt
        self.prompts += [asked] if asked else []
        ask.prompt = " / ".join(self.prompts)
        self.plan = Plan(ask, how)
        self.output = self.make_output()
        self.final = self.object(self.outcome(), self.output)
        if body.get("store", True):
            stored[self.id] = self

    def outcome(self):
        ended = "completed"
        if self.plan.finish in REASONS:
            ended = "incomplete"
        outcome = self.how.get("outcome", ended)
        if self.body.get("background") and outcome == "completed":
            return "queued"
        return outcome

    def work(self):
        """One made in the background gets on each time somebody looks."""
        status = self.final["status"]
        if status == "queued":
            self.final = self.object("in_progress", [])
        elif status == "in_progress":
            self.final = self.object("completed", self.output)

    def make_output(self):
        plan = self.plan
        output = []
        if plan.reasoning:
            output.append(self.thought())
        if plan.text:
            output.append(
                {
                    "id": new_id("msg"),
                    "type": "message",
                    "role": "assistant",
                    "status": "completed",
                    "content": [
                        {
                            "type": "output_text",
                            "text": plan.text,
                            "annotations": [],
                            "logprobs": [],
                        }
                    ],
                }
            )
        for name, arguments in plan.calls:
            output.append(
                {
                    "id": new_id("fc"),
                    "type": "function_call",
                    "status": "completed",
                    "call_id": new_id("call"),
                    "name": name,
                    "arguments": json.dumps(arguments),
                }
            )
        return output

    def thought(self):
        """It is told in a summary if there is to be one."""
        asked = (self.body.get("reasoning") or {}).get("summary")
        words = self.plan.reasoning
        summary = [{"type": "summary_text", "text": words}]
        if self.plan.ask.reasoning and not asked:
            summary = []
        item = {"id": new_id("rs"), "type": "reasoning", "summary": summary}
        if ENCRYPTED in (self.body.get("include") or []):
            item["encrypted_content"] = signature.sign("reasoning")
        return item

    def usage(self):
        plan = self.plan
        prompt, out = plan.input_tokens, plan.output_tokens
        usage = {
            "input_tokens": prompt,
            "input_tokens_details": {
                "cached_tokens": plan.cached,
                "cache_write_tokens": plan.cache_written,
            },
            "output_tokens": out,
            "output_tokens_details": {
                "reasoning_tokens": plan.reasoning_tokens
            },
            "total_tokens": prompt + out,
        }
        usage.update(self.how.get("usage", {}))
        return usage

    def object(self, status, output):
        body = self.body
        ended = status in ("completed", "incomplete", "failed")
        error = None
        if status == "failed":
            error = {"code": "server_error", "message": "It did not work."}
        incomplete = None
        if status == "incomplete":
            reason = REASONS.get(self.plan.finish, "max_output_tokens")
            incomplete = {"reason": reason}
        filters = [
            {
                "blocked": False,
                "source_type": source,
                "content_filter_raw": [],
                "content_filter_results": RESULTS,
            }
            for source in ("prompt", "completion")
        ]
        return {
            "id": self.id,
            "object": "response",
            "created_at": int(time.time()),
            "completed_at": int(time.time()) if ended else None,
            "status": status,
            "background": bool(body.get("background")),
            "content_filters": filters if ended else None,
            "error": error,
            "incomplete_details": incomplete,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "metadata": body.get("metadata") or {},
            "model": body["model"],
            "output": output,
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "previous_response_id": body.get("previous_response_id"),
            "reasoning": {"effort": "medium", "summary": None},
            "service_tier": "default",
            "store": body.get("store", True),
            "temperature": 1.0,
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": body.get("tools") or [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": self.usage() if ended else None,
            "user": None,
        }

    # ------------------------------------------------------------- streaming

    def steps(self):
        """(event name, members) in order."""
        running = self.object("in_progress", [])
        yield "response.created", {"response": running}
        yield "response.in_progress", {"response": running}
        for index, item in enumerate(self.output):
            where = {"output_index": index}
            inside = {**where, "item_id": item["id"]}
            begun = {**item, "status": "in_progress"}
            if item["type"] == "message":
                begun["content"] = []
                yield "response.output_item.added", {**where, "item": begun}
                yield from self.text_steps(item, inside)
            elif item["type"] == "function_call":
                begun["arguments"] = ""
                yield "response.output_item.added", {**where, "item": begun}
                given = item["arguments"]
                for at in range(0, len(given), 9):
                    yield "response.function_call_arguments.delta", {
                        **inside,
                        "delta": given[at : at + 9],
                    }
                yield "response.function_call_arguments.done", {
                    **inside,
                    "name": item["name"],
                    "arguments": given,
                }
            else:
                begun = {**item, "summary": []}
                yield "response.output_item.added", {**where, "item": begun}
                yield from self.summary_steps(item, inside)
            yield "response.output_item.done", {**where, "item": item}
        yield self.last_step()

    def text_steps(self, item, inside):
        part = item["content"][0]
        at = {**inside, "content_index": 0}
        empty = {**part, "text": ""}
        yield "response.content_part.added", {**at, "part": empty}
        for piece in text.pieces(part["text"]):
            delta = {**at, "delta": piece, "logprobs": []}
            delta["obfuscation"] = "h2Kd"
            yield "response.output_text.delta", delta
        done = {**at, "text": part["text"], "logprobs": []}
        yield "response.output_text.done", done
        yield "response.content_part.done", {**at, "part": part}

    def summary_steps(self, item, inside):
        if not item["summary"]:
            return
        part = item["summary"][0]
        at = {**inside, "summary_index": 0}
        yield "response.reasoning_summary_part.added", {
            **at,
            "part": {**part, "text": ""},
        }
        for piece in text.pieces(part["text"]):
            yield "response.reasoning_summary_text.delta", {
                **at,
                "delta": piece,
            }
        yield "response.reasoning_summary_text.done", {
            **at,
            "text": part["text"],
        }
        yield "response.reasoning_summary_part.done", {**at, "part": part}

    def last_step(self):
        status = self.how.get("outcome", self.final["status"])
        if status == "queued":
            status = "completed"
        if status == "error":
            return "error", {
                "code": "rate_limit_exceeded",
                "message": "Too many tokens.",
                "param": None,
            }
        return f"response.{status}", {
            "response": self.object(status, self.output)
        }

    def events(self):
        for number, (name, members) in enumerate(self.steps()):
            if self.how.get("error_event") == number:
                yield "error", dump(self.broken(number))
                return
            if self.how.get("malformed") == number:
                yield name, b'{"type":"response.out'
            yield name, dump(
                {"type": name, "sequence_number": number, **members}
            )

    def broken(self, number):
        """As recorded: the error is a member of the event."""
        name = self.how.get("event_error", "server")
        error = ERRORS[name][2]["error"]
        return {"type": "error", "sequence_number": number, "error": error}

    def document(self):
        return dump(self.final)
