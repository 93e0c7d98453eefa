"""What providers have answered means the same to a client of the gateway."""

import json

import pytest
import said
from exchanges import come_back, needed, recorded

pytestmark = needed

CHAT = {"model": "any", "messages": [{"role": "user", "content": "Say it."}]}
KINDS = sorted(said.READERS)
# Only what was cut at a fair number of places was tried.
RUNS_MIN = 100


def same(got, expected):
    """Vertex gives calls no ids, a chat's must have them."""
    assert len(got.calls) == len(expected.calls)
    expected.calls = [
        (theirs[0] or ours[0], *theirs[1:])
        for ours, theirs in zip(got.calls, expected.calls)
    ]
    assert got == expected


def is_answer(exchange):
    """A Response may be no answer yet, or have a status nobody knows."""
    status = json.loads(exchange.answer).get("status", "completed")
    return status in ("completed", "incomplete")


@pytest.mark.parametrize("exchange", recorded(*KINDS, streamed=False))
def test_whole(exchange, tmp_path):
    told = come_back(exchange, tmp_path, CHAT)
    assert told.error is None
    assert told.whole == is_answer(exchange)
    if told.whole:
        same(said.of_chat(told.document()), said.of_recorded(exchange))


@pytest.mark.parametrize("exchange", recorded(*KINDS, streamed=True))
def test_streamed(exchange, tmp_path):
    told = come_back(exchange, tmp_path, {**CHAT, "stream": True})
    assert told.error is None
    assert told.whole
    assert told.differs == []
    assert told.runs > RUNS_MIN
    same(said.of_chunks(told.answer), said.of_recorded(exchange))
