"""Clients of the APIs that the gateway speaks besides OpenAI's chat get what
the provider has answered, and what they ask means the same when it comes back
from being a chat."""

import json

import asked
import pytest
import said
from exchanges import (
    UPSTREAMS,
    come_back,
    needed,
    recorded,
    translate,
    upstream_of,
)

pytestmark = needed

CHAT_ONLY = {**UPSTREAMS["openai-chat"], "surface": "chat"}
SAY = [{"role": "user", "content": "Say it."}]
CHAT = {"model": "any", "messages": SAY}
RESPONSES_KINDS = ["azure", "bedrock-mantle", "openai-responses"]
FOREIGN = sorted(set(said.READERS) - set(RESPONSES_KINDS))


class Made:
    """What the gateway made, to be read or translated as a recorded answer."""

    model = "any"

    def __init__(self, text, streamed, path=None):
        self.answer = text.encode()
        self.streamed = streamed
        self.answer_path = path
        if path:
            path.write_bytes(self.answer)


class Client:
    """op        the operation
    request   the least it may ask
    read      who reads what it gets
    ask       who reads what it asks
    upstream  who speaks its language
    """

    def __init__(self, op, request, read, ask, upstream):
        self.op = op
        self.request = request
        self.read = read
        self.ask = ask
        self.upstream = upstream

    def get(self, exchange, tmp_path, upstream):
        """What an upstream's answer says to this client."""
        request = tmp_path / "request.json"
        request.write_text(
            json.dumps({**self.request, "stream": exchange.streamed})
        )
        way = "stream" if exchange.streamed else "answer"
        told = translate(
            op=self.op,
            request=request,
            **upstream,
            **{way: exchange.answer_path},
        )
        assert told.error is None
        assert told.whole
        assert told.differs == []
        return self.read(Made(told.answer, exchange.streamed))


OF_RESPONSES = Client(
    "responses",
    {"model": "any", "input": "Say it."},
    said.of_response,
    asked.of_responses,
    UPSTREAMS["openai-responses"],
)
OF_MESSAGES = Client(
    "messages",
    {"model": "any", "max_tokens": 1000, "messages": SAY},
    said.of_message,
    asked.of_messages,
    UPSTREAMS["anthropic-messages"],
)


def same(got, expected):
    assert len(got.calls) == len(expected.calls)
    expected.calls = [
        (theirs[0] or ours[0], *theirs[1:])
        for ours, theirs in zip(got.calls, expected.calls)
    ]
    assert got == expected


def is_answer(exchange):
    if exchange.streamed:
        return True
    status = json.loads(exchange.answer).get("status", "completed")
    return status in ("completed", "incomplete")


# ------------------------------------------------------------------- answers


@pytest.mark.parametrize("exchange", recorded(*FOREIGN))
def test_answer_as_response(exchange, tmp_path):
    got = OF_RESPONSES.get(exchange, tmp_path, upstream_of(exchange))
    same(got, said.of_recorded(exchange))


@pytest.mark.parametrize("exchange", recorded(*FOREIGN))
def test_answer_as_message(exchange, tmp_path):
    got = OF_MESSAGES.get(exchange, tmp_path, upstream_of(exchange))
    same(got, said.of_recorded(exchange))


def there_and_back(client, exchange, tmp_path):
    """As a chat's answer, and again in the language it was recorded in."""
    chat = {**CHAT, "stream": exchange.streamed}
    told = come_back(exchange, tmp_path, chat)
    assert told.whole == is_answer(exchange)
    if told.whole:
        made = Made(told.answer, exchange.streamed, tmp_path / "chat")
        got = client.get(made, tmp_path, CHAT_ONLY)
        same(got, said.of_recorded(exchange))


@pytest.mark.parametrize("exchange", recorded(*RESPONSES_KINDS))
def test_response(exchange, tmp_path):
    there_and_back(OF_RESPONSES, exchange, tmp_path)


@pytest.mark.parametrize("exchange", recorded("anthropic-messages"))
def test_message(exchange, tmp_path):
    there_and_back(OF_MESSAGES, exchange, tmp_path)


# ------------------------------------------------------------------ requests


def round_trip(client, exchange, tmp_path):
    told = translate(
        op=client.op, request=exchange.request_path, model="any", **CHAT_ONLY
    )
    if told.error:
        refused(told.error, exchange.request)
        return
    expected = in_words(client.ask(exchange.request))
    assert asked.of_chat(json.loads(told.upstream)) == expected
    chat = tmp_path / "chat.json"
    chat.write_text(told.upstream)
    again = translate(
        op="chat",
        request=chat,
        family=exchange.model,
        model=exchange.model,
        **client.upstream,
    )
    assert again.error is None
    assert client.ask(json.loads(again.upstream)) == expected


def in_words(expected):
    """A chat has no files of plain text: their text is said."""
    items, expected.items = expected.items, []
    for item in items:
        if item[0] == "media" and item[1].startswith("text/plain:"):
            expected.add("user", asked.text_of(item[1]))
        elif item[0] in ("user", "assistant"):
            expected.add(*item)
        else:
            expected.items.append(item)
    return expected


def refused(error, body):
    """What needs a state, or tools that a provider runs itself."""
    assert error["status"] == 400
    assert error["message"]
    member = error["param"].split("[")[0]
    assert member in REFUSABLE
    assert member in body


REFUSABLE = {
    "background",
    "context_management",
    "conversation",
    "input",
    "messages",
    "previous_response_id",
    "system",
    "tools",
}


@pytest.mark.parametrize("exchange", recorded(*RESPONSES_KINDS))
def test_request_of_responses(exchange, tmp_path):
    round_trip(OF_RESPONSES, exchange, tmp_path)


@pytest.mark.parametrize("exchange", recorded("anthropic-messages"))
def test_request_of_messages(exchange, tmp_path):
    round_trip(OF_MESSAGES, exchange, tmp_path)
