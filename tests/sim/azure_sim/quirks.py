"""Servers that resemble OpenAI, each in its own way.

  vllm        `reasoning`, members that are null, whole numbers as codes of
              errors, "stop" after a call that was forced by its name
  ollama      `reasoning`, a role in each delta, calls whole and all of them
              with index 0, embeddings always as floats
  mistral     422 for members it does not know, and no stream_options; ids
              of calls are 9 letters or digits; calls whole and without a
              type; thinking as parts of the content
  deepseek    `reasoning_content`, no JSON schema, no developer; the tokens
              come with the end; comments between events; reasoning is wanted
              back with the calls it has led to, and refused elsewhere
  xai         `reasoning_content`, calls whole; reasoning tokens beside the
              completion's; "end_turn"; errors that are a text
  openrouter  `reasoning` and `reasoning_details`, a role in each delta,
              comments, codes that are numbers, members of its own; a choice
              may be an error ("choice_error": the number of the event, in a
              whole answer any)
  bare        no names, no role, no ids and no index of calls or choices, null
              for lists, arguments that are objects, "stop" after calls,
              reasoning tokens at the top of the usage
"""

import json
import re
import secrets

from azure_sim.check import bad
from azure_sim.errors import openai
from simbase.service import Refused

ID = re.compile(r"^[a-zA-Z0-9]{9}$")


class Quirk:
    """api.openai.com itself, and what the others change."""

    # The member of message and delta that has the reasoning, if any.
    reasoning = None
    # A call is one delta.
    whole_calls = False
    # The tokens: "asked" for, or "always", with the last choice.
    usage = "asked"
    comment = None
    # Embeddings come as floats, whatever is asked for.
    floats = False

    def check(self, body):
        """Refuse what this server does not take in chat."""

    def call_id(self, chat, index, number):
        return f"call_{chat.id[-8:]}_{index}_{number}"

    def counted(self, usage, chat):
        """The usage as it is told here."""
        return usage

    def whole(self, document, chat):
        """Change a whole answer."""

    def chunk(self, chunk, chat):
        """Change a chunk."""

    def error(self, status, error):
        """The document of an error, from the member `error` of OpenAI's."""
        return {"error": error}


def deltas(chunk):
    for choice in chunk["choices"]:
        yield choice["delta"]


def named(body):
    choice = body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") == "function"


class VLLM(Quirk):
    reasoning = "reasoning"

    def call_id(self, chat, index, number):
        return "chatcmpl-tool-" + secrets.token_hex(16)

    def counted(self, usage, chat):
        del usage["completion_tokens_details"]
        usage["prompt_tokens_details"] = None
        return usage

    def end(self, choice, chat):
        choice["stop_reason"] = None
        choice["token_ids"] = None
        if named(chat.body) and choice["finish_reason"] == "tool_calls":
            choice["finish_reason"] = "stop"

    def whole(self, document, chat):
        document.update(prompt_logprobs=None, kv_transfer_params=None,
                        service_tier=None)
        for choice in document["choices"]:
            self.end(choice, chat)
            message = choice["message"]
            message.setdefault("tool_calls", [])
            message.update(audio=None, function_call=None, annotations=None)

    def chunk(self, chunk, chat):
        for choice in chunk["choices"]:
            self.end(choice, chat)
            if choice["finish_reason"]:
                choice["delta"] = {"content": ""}

    def error(self, status, error):
        if status == 401:
            return {"error": "Unauthorized"}
        kind = "NotFoundError" if status == 404 else "BadRequestError"
        return {"error": {
            "message": error.get("message"),
            "type": kind,
            "param": None,
            "code": status,
        }}


class Ollama(Quirk):
    reasoning = "reasoning"
    whole_calls = True
    floats = True

    def call_id(self, chat, index, number):
        return "call_" + secrets.token_hex(4)

    def counted(self, usage, chat):
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        return {name: usage[name] for name in names}

    def whole(self, document, chat):
        document["system_fingerprint"] = "fp_ollama"
        for choice in document["choices"]:
            message = choice["message"]
            for name in ("refusal", "annotations"):
                del message[name]
            del choice["logprobs"]
            if message["content"] is None:
                message["content"] = ""

    def chunk(self, chunk, chat):
        chunk["system_fingerprint"] = "fp_ollama"
        for choice in chunk["choices"]:
            del choice["logprobs"]
            delta = choice["delta"]
            delta.pop("refusal", None)
            delta["role"] = "assistant"
            if delta.get("content") is None:
                delta["content"] = ""
            for call in delta.get("tool_calls", []):
                call["index"] = 0

    def error(self, status, error):
        return {"error": {**error, "type": "api_error"}}


class Mistral(Quirk):
    whole_calls = True
    usage = "always"
    floats = True
    members = set(
        "model messages temperature top_p max_tokens stream stop random_seed "
        "response_format tools tool_choice presence_penalty "
        "frequency_penalty n prediction parallel_tool_calls prompt_mode "
        "reasoning_effort safe_prompt metadata".split()
    )
    inner = {
        "system": {"role", "content"},
        "user": {"role", "content"},
        "assistant": {"role", "content", "tool_calls", "prefix"},
        "tool": {"role", "content", "tool_call_id", "name"},
    }

    def extra(self, *where):
        raise Refused(422, {
            "error": {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", *where],
                        "msg": "Extra inputs are not permitted",
                    }
                ]
            }
        })

    def check(self, body):
        for name in body:
            if name not in self.members:
                self.extra(name)
        for number, message in enumerate(body["messages"]):
            role = message.get("role")
            if role not in self.inner:
                self.extra("messages", number, "role")
            for name in message:
                if name not in self.inner[role]:
                    self.extra("messages", number, role, name)
            for call in message.get("tool_calls") or []:
                self.nine(call["id"])
            if role == "tool":
                self.nine(message["tool_call_id"])
        if body["messages"][-1]["role"] == "assistant":
            raise bad("Expected last role User or Tool (or Assistant with "
                      "prefix True) for serving but got assistant")

    @staticmethod
    def nine(number):
        if not ID.match(number):
            raise bad(
                f"Tool call id was {number} but must be a-z, A-Z, 0-9, with a "
                "length of 9."
            )

    def call_id(self, chat, index, number):
        return secrets.token_hex(5)[:9]

    def counted(self, usage, chat):
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        return {name: usage[name] for name in names}

    @staticmethod
    def thinking(words):
        return {
            "type": "thinking",
            "thinking": [{"type": "text", "text": words}],
        }

    def whole(self, document, chat):
        del document["system_fingerprint"]
        for choice in document["choices"]:
            message = choice["message"]
            for name in ("refusal", "annotations"):
                del message[name]
            message.setdefault("tool_calls", None)
            for call in message["tool_calls"] or []:
                del call["type"]
            if chat.plans[0].reasoning:
                content = [self.thinking(chat.plans[0].reasoning)]
                if message["content"]:
                    content.append(
                        {"type": "text", "text": message["content"]}
                    )
                message["content"] = content

    def chunk(self, chunk, chat):
        del chunk["system_fingerprint"]
        for delta in deltas(chunk):
            delta.pop("refusal", None)
            words = delta.pop("reasoning_content", None)
            if words is not None:
                delta["content"] = [self.thinking(words)]
            for call in delta.get("tool_calls", []):
                call.pop("type", None)

    def error(self, status, error):
        if status == 401:
            return {"detail": "Unauthorized"}
        if "detail" in error:
            error = {"message": error, "type": "invalid_request_error"}
        return {
            "object": "error",
            "message": error["message"],
            "type": error.get("type") or "invalid_request_error",
            "param": None,
            "code": "1300" if status == 429 else None,
            "raw_status_code": status,
        }


class DeepSeek(Quirk):
    reasoning = "reasoning_content"
    comment = "keep-alive"
    usage = "always"

    def __init__(self):
        # Ids of calls that were made after some thought.
        self.thoughtful = set()

    def call_id(self, chat, index, number):
        made = f"call_{number}_{secrets.token_hex(8)}"
        if chat.plans[index].reasoning:
            self.thoughtful.add(made)
        return made

    def thoughts(self, message):
        """What R1 has refused, and what V3.2 and later want."""
        calls = [call["id"] for call in message.get("tool_calls") or []]
        given = message.get("reasoning_content")
        if given is not None and not calls:
            raise bad("reasoning_content is not allowed in the messages")
        if given is None and self.thoughtful.intersection(calls):
            raise bad(
                "The `reasoning_content` in the thinking mode must be passed "
                "back to the API.",
                None,
                "invalid_request_error",
            )

    def check(self, body):
        for number, message in enumerate(body["messages"]):
            if message.get("role") == "developer":
                raise Refused(422, openai(
                    "Failed to deserialize the JSON body into the target "
                    f"type: messages[{number}].role: unknown variant "
                    "`developer`, expected one of `system`, `user`, "
                    "`assistant`, `tool`",
                    "invalid_request_error",
                    None,
                    "invalid_request_error",
                ))
            self.thoughts(message)
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            raise bad("This response_format type is unavailable now",
                      None, "invalid_request_error")

    def counted(self, usage, chat):
        cached = chat.plans[0].cached
        usage["prompt_cache_hit_tokens"] = cached
        usage["prompt_cache_miss_tokens"] = usage["prompt_tokens"] - cached
        return usage

    def whole(self, document, chat):
        for choice in document["choices"]:
            for name in ("refusal", "annotations"):
                del choice["message"][name]

    def chunk(self, chunk, chat):
        for delta in deltas(chunk):
            delta.pop("refusal", None)
            if "reasoning_content" in delta:
                delta["content"] = None
            elif "content" in delta:
                delta["reasoning_content"] = None


class XAI(Quirk):
    reasoning = "reasoning_content"
    whole_calls = True

    def end(self, choice):
        if choice["finish_reason"] == "stop":
            choice["finish_reason"] = "end_turn"

    def whole(self, document, chat):
        for choice in document["choices"]:
            self.end(choice)

    def chunk(self, chunk, chat):
        for choice in chunk["choices"]:
            self.end(choice)

    def check(self, body):
        for name in ("stop", "presence_penalty", "frequency_penalty"):
            if body.get("reasoning_effort") and body.get(name) is not None:
                raise bad(f"Argument not supported on this model: {name}")

    def counted(self, usage, chat):
        thought = chat.plans[0].reasoning_tokens
        usage["completion_tokens"] -= thought
        usage["num_sources_used"] = 0
        return usage

    def error(self, status, error):
        return {
            "code": "Client specified an invalid argument",
            "error": error.get("message"),
        }


class OpenRouter(Quirk):
    reasoning = "reasoning"
    comment = "OPENROUTER PROCESSING"

    @staticmethod
    def broken(choice):
        choice["finish_reason"] = "error"
        choice["error"] = {
            "code": 502,
            "message": "Provider returned error",
            "metadata": {"provider_name": "Sim"},
        }

    def counted(self, usage, chat):
        usage["cost"] = 0.00012
        usage["is_byok"] = False
        usage["cost_details"] = {"upstream_inference_cost": None}
        return usage

    @staticmethod
    def details(words):
        return [
            {
                "type": "reasoning.text",
                "text": words,
                "format": "unknown",
                "index": 0,
            }
        ]

    def whole(self, document, chat):
        document["provider"] = "Sim"
        for choice in document["choices"]:
            choice["native_finish_reason"] = choice["finish_reason"]
            message = choice["message"]
            message["reasoning"] = words = message.get("reasoning")
            if words:
                message["reasoning_details"] = self.details(words)
            if "choice_error" in chat.how:
                self.broken(choice)

    def chunk(self, chunk, chat):
        chunk["provider"] = "Sim"
        chat.told = getattr(chat, "told", -1) + 1
        for choice in chunk["choices"]:
            if chat.how.get("choice_error") == chat.told:
                self.broken(choice)
            choice["native_finish_reason"] = choice["finish_reason"]
            delta = choice["delta"]
            delta["role"] = "assistant"
            delta.setdefault("content", "")
            if delta.get("reasoning"):
                delta["reasoning_details"] = self.details(delta["reasoning"])
        if not chunk["choices"]:
            chunk["choices"] = [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": ""},
                    "finish_reason": None,
                    "native_finish_reason": None,
                }
            ]

    def error(self, status, error):
        return {
            "error": {"message": error.get("message"), "code": status},
            "user_id": "user_sim",
        }


class Bare(Quirk):
    reasoning = "reasoning_content"
    whole_calls = True

    def counted(self, usage, chat):
        del usage["completion_tokens_details"]
        del usage["prompt_tokens_details"]
        usage["reasoning_tokens"] = chat.plans[0].reasoning_tokens
        return usage

    @staticmethod
    def strip(choice, message, chat):
        message.pop("role", None)
        for name in ("refusal", "annotations"):
            message.pop(name, None)
        choice.pop("logprobs", None)
        if not chat.body.get("n"):
            choice.pop("index")
        if choice["finish_reason"] == "tool_calls":
            choice["finish_reason"] = "stop"
        calls = message.setdefault("tool_calls", None)
        for call in calls or []:
            call.pop("id", None)
            call.pop("index", None)
            call.pop("type", None)
            function = call["function"]
            call["function"] = {
                **function,
                "arguments": json.loads(function["arguments"]),
            }

    def whole(self, document, chat):
        for name in ("id", "object", "created", "system_fingerprint"):
            del document[name]
        for choice in document["choices"]:
            self.strip(choice, choice["message"], chat)

    def chunk(self, chunk, chat):
        for name in ("id", "object", "created", "system_fingerprint"):
            del chunk[name]
        for choice in chunk["choices"]:
            self.strip(choice, choice["delta"], chat)


QUIRKS = {
    "none": Quirk(),
    "vllm": VLLM(),
    "ollama": Ollama(),
    "mistral": Mistral(),
    "deepseek": DeepSeek(),
    "xai": XAI(),
    "openrouter": OpenRouter(),
    "bare": Bare(),
}
