"""What an answer says, read with the types of the one whose API it is.

Nothing here knows how the gateway reads an answer: each provider's own SDK
reads what it sent, OpenAI's what the client gets.
"""

import base64
import json
from dataclasses import dataclass, field

import anthropic
import boto3
import httpx
import httpx2
import openai
from botocore.awsrequest import AWSResponse
from google.genai.types import GenerateContentResponse
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk


@dataclass
class Said:
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    # (id or None, name, arguments as a value)
    calls: list = field(default_factory=list)
    # (media type, bytes)
    images: list = field(default_factory=list)
    finish: str = "stop"
    prompt: int = 0
    cached: int = 0
    written: int = 0
    completion: int = 0
    thought: int = 0


# ------------------------------------------------------------- a chat client


def of_usage(said, usage):
    said.prompt = usage.prompt_tokens
    said.completion = usage.completion_tokens
    assert usage.total_tokens == said.prompt + said.completion
    given = usage.prompt_tokens_details
    said.cached = given.cached_tokens or 0
    said.written = (given.model_extra or {}).get(
        "cache_write_tokens", getattr(given, "cache_write_tokens", None)
    ) or 0
    said.thought = usage.completion_tokens_details.reasoning_tokens or 0
    return said


def image_of(url):
    head, data = url.split(";base64,")
    return head.removeprefix("data:"), base64.b64decode(data, validate=True)


def of_chat(document):
    """Of a chat completion."""
    # passed on as it was, and older than the type
    document.pop("moderation", None)
    chat = ChatCompletion.model_validate(document)
    (choice,) = chat.choices
    message = choice.message
    extra = message.model_extra or {}
    ids = [call.id for call in message.tool_calls or []]
    assert all(ids) and len(set(ids)) == len(ids)
    said = Said(
        text=message.content or "",
        reasoning=extra.get("reasoning_content") or "",
        refusal=message.refusal or "",
        calls=[
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or []
        ],
        images=[
            image_of(one["image_url"]["url"])
            for one in extra.get("images") or []
        ],
        finish=choice.finish_reason,
    )
    return of_usage(said, chat.usage) if chat.usage else said


def events_of(text):
    """The data of each event; nothing but what an SSE stream may have."""
    events = []
    for block in text.split("\n\n")[:-1]:
        lines = block.split("\n")
        if all(line.startswith(":") for line in lines):
            continue
        (line,) = [one for one in lines if one.startswith("data:")]
        events.append(line.removeprefix("data:").strip())
    assert text.endswith("\n\n")
    return events


def of_chunks(text):
    """Of a stream of chunks, as OpenAI's helper puts it together."""
    *events, last = events_of(text)
    assert last == "[DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(one) for one in events]
    assert len({chunk.id for chunk in chunks}) == 1
    assert sum(chunk.usage is not None for chunk in chunks) == 1
    state = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(chunk)
    return of_chat(state.get_final_completion().to_dict())


# ----------------------------------------------------------------- Anthropic

ANTHROPIC_ENDS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def replay(library, exchange):
    """A client below the SDK that answers with what was recorded."""
    kind = "text/event-stream" if exchange.streamed else "application/json"
    answer = library.Response(
        200, content=exchange.answer, headers={"content-type": kind}
    )
    return library.Client(transport=library.MockTransport(lambda _: answer))


def of_message(exchange):
    """Of a Message, put together by Anthropic's own client."""
    client = anthropic.Anthropic(
        api_key="none", http_client=replay(httpx2, exchange)
    )
    asked = {"model": exchange.model, "max_tokens": 1, "messages": []}
    if exchange.streamed:
        with client.beta.messages.stream(**asked) as events:
            message = events.get_final_message()
    else:
        message = client.beta.messages.create(**asked)
    return message_said(message)


def message_said(message):
    def joined(kind, member):
        blocks = [one for one in message.content if one.type == kind]
        return "".join(getattr(one, member) for one in blocks)

    usage = message.usage
    # What the totals leave out.
    beside = [
        one
        for one in usage.model_dump().get("iterations") or []
        if one["type"] in ("advisor_message", "compaction")
    ]

    def counted(member):
        parts = [usage.model_dump(), *beside]
        return sum(one.get(member) or 0 for one in parts)

    read = counted("cache_read_input_tokens")
    written = counted("cache_creation_input_tokens")
    details = getattr(usage, "output_tokens_details", None)
    return Said(
        text=joined("text", "text"),
        reasoning=joined("thinking", "thinking"),
        calls=[
            (one.id, one.name, one.input)
            for one in message.content
            if one.type == "tool_use"
        ],
        finish=ANTHROPIC_ENDS.get(message.stop_reason, "stop"),
        prompt=counted("input_tokens") + read + written,
        cached=read,
        written=written,
        completion=counted("output_tokens"),
        thought=getattr(details, "thinking_tokens", None) or 0,
    )


# -------------------------------------------------------------------- Google

FILTERED = {"SAFETY", "RECITATION", "MODEL_ARMOR", "PROHIBITED_CONTENT"}


def google_events(exchange):
    if not exchange.streamed:
        return [json.loads(exchange.answer)]
    text = exchange.answer.decode().replace("\r\n", "\n")
    return [json.loads(one) for one in events_of(text)]


def of_google(exchange):
    """Of one GenerateContentResponse, or of all of a stream."""
    said = Said()
    reason = None
    for event in google_events(exchange):
        answer = GenerateContentResponse.model_validate(event, extra="ignore")
        for candidate in answer.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                google_part(said, part)
            if candidate.finish_reason:
                reason = candidate.finish_reason.value
        if answer.usage_metadata:
            google_usage(said, answer.usage_metadata)
    if reason == "MAX_TOKENS":
        said.finish = "length"
    elif reason in FILTERED:
        said.finish = "content_filter"
    elif said.calls:
        said.finish = "tool_calls"
    return said


def google_part(said, part):
    if part.function_call:
        call = part.function_call
        said.calls.append((call.id, call.name, call.args or {}))
    elif part.inline_data:
        said.images.append((part.inline_data.mime_type, part.inline_data.data))
    elif part.thought:
        said.reasoning += part.text or ""
    else:
        said.text += part.text or ""


def google_usage(said, usage):
    said.prompt = (usage.prompt_token_count or 0) + (
        usage.tool_use_prompt_token_count or 0
    )
    said.cached = usage.cached_content_token_count or 0
    said.thought = usage.thoughts_token_count or 0
    said.completion = (usage.candidates_token_count or 0) + said.thought


# -------------------------------------------------------------------- Amazon

BEDROCK_ENDS = {
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}


class Raw:
    """What urllib3 would have for AWS's client to read."""

    def __init__(self, data):
        self.data = data

    def stream(self, amount=None, **options):
        # not where the frames end
        for at in range(0, len(self.data), 100):
            yield self.data[at : at + 100]

    def close(self):
        pass


def ask_aws(exchange):
    """What AWS's own client makes of the answer."""
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    kind = (
        "application/vnd.amazon.eventstream"
        if exchange.streamed
        else "application/json"
    )

    def before_send(**given):
        answer = AWSResponse(
            exchange.url, 200, {"content-type": kind}, Raw(exchange.answer)
        )
        if not exchange.streamed:
            answer._content = exchange.answer
        return answer

    client.meta.events.register("before-send", before_send)
    asked = {
        "modelId": "any",
        "messages": [{"role": "user", "content": [{"text": "x"}]}],
    }
    if exchange.streamed:
        return client.converse_stream(**asked)
    return client.converse(**asked)


def of_converse(exchange):
    told = ask_aws(exchange)
    if exchange.streamed:
        return converse_events(list(told["stream"]))
    said = Said()
    for block in told["output"]["message"]["content"]:
        if "toolUse" in block:
            use = block["toolUse"]
            said.calls.append((use["toolUseId"], use["name"], use["input"]))
        said.text += block.get("text", "")
        thought = block.get("reasoningContent", {}).get("reasoningText", {})
        said.reasoning += thought.get("text", "")
    return converse_end(said, told["stopReason"], told["usage"])


def converse_events(events):
    said = Said()
    inputs = {}
    for event in events:
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            use = start["start"]["toolUse"]
            inputs[start["contentBlockIndex"]] = ""
            said.calls.append((use["toolUseId"], use["name"], None))
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]["delta"]
            at = event["contentBlockDelta"]["contentBlockIndex"]
            said.text += delta.get("text", "")
            thought = delta.get("reasoningContent", {})
            said.reasoning += thought.get("text", "")
            if "toolUse" in delta:
                inputs[at] += delta["toolUse"]["input"]
        if "messageStop" in event:
            reason = event["messageStop"]["stopReason"]
        if "metadata" in event:
            usage = event["metadata"]["usage"]
    said.calls = [
        (one, name, json.loads(text or "{}"))
        for (one, name, _), text in zip(said.calls, inputs.values())
    ]
    return converse_end(said, reason, usage)


def converse_end(said, reason, usage):
    said.finish = BEDROCK_ENDS.get(reason, "stop")
    said.cached = usage.get("cacheReadInputTokens", 0)
    said.written = usage.get("cacheWriteInputTokens", 0)
    said.prompt = usage["inputTokens"] + said.cached + said.written
    said.completion = usage["outputTokens"]
    return said


# ----------------------------------------------------------------- Responses


def of_response(exchange):
    """Of a Response; a stream has it whole in its last event."""
    client = openai.OpenAI(api_key="none", http_client=replay(httpx, exchange))
    if not exchange.streamed:
        return response_said(client.responses.create(model="any", input=""))
    said = Said()
    for event in client.responses.create(model="any", input="", stream=True):
        # put together from its pieces, and not only believed
        if event.type == "response.output_text.delta":
            said.text += event.delta
        if event.type in ("response.completed", "response.incomplete"):
            last = response_said(event.response)
    assert last.text == said.text
    return last


def response_said(response):
    said = Said()
    thoughts = []
    for item in response.output:
        if item.type == "message":
            for part in item.content:
                said.text += getattr(part, "text", "")
                said.refusal += getattr(part, "refusal", "")
        if item.type == "reasoning":
            parts = item.summary or item.content or []
            thoughts += [part.text for part in parts]
        if item.type == "function_call":
            said.calls.append(
                (item.call_id, item.name, json.loads(item.arguments))
            )
    said.reasoning = "\n\n".join(thoughts)
    if said.calls:
        said.finish = "tool_calls"
    if response.status == "incomplete":
        reason = response.incomplete_details.reason
        said.finish = "length" if reason == "max_output_tokens" else reason
    usage = response.usage
    if usage:
        said.prompt = usage.input_tokens
        said.completion = usage.output_tokens
        given = usage.input_tokens_details
        said.cached = given.cached_tokens
        said.written = getattr(given, "cache_write_tokens", None) or 0
        said.thought = usage.output_tokens_details.reasoning_tokens
    return said


READERS = {
    "anthropic-messages": of_message,
    "gemini-generate": of_google,
    "gemini-stream": of_google,
    "bedrock-converse": of_converse,
    "bedrock-converse-stream": of_converse,
    "openai-responses": of_response,
    "bedrock-mantle": of_response,
    "azure": of_response,
}


def of_recorded(exchange):
    return READERS[exchange.kind](exchange)
