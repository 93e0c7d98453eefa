"""Codex, headless, finishes a task with two tools through the gateway: reads
a file, writes another and says that it is done. The simulator says what to do;
that the result of one tool is in the next request shows that both directions
work."""

import json

import pytest
from cli import CODEX_AT_A_CHAT, Desk
from simulator import Simulator

# name: base model
DEPLOYMENTS = {"agent": "gpt-5.5", "plain": "gpt-4.1"}
FOUND = "PROMPT-MARK-found 42"
DONE = "Copied it."


@pytest.fixture(scope="module", autouse=True)
def services(env):
    names = [f"{name}={base}" for name, base in DEPLOYMENTS.items()]
    env.azure = Simulator(env.root / "azure", names, env.sim_key)
    env.simulators.append(env.azure)
    yield
    env.simulators.remove(env.azure)
    env.azure.stop()


def configure(env, sim):
    return (
        env.conf()
        .add("AzureLITCooldown off")
        .endpoint("v1", env.azure.url)
        .model("gpt-5.5", "v1/agent")
        .model("house", "v1/plain", "surface=chat")
    )


@pytest.fixture
def desk(gateway, tmp_path):
    gateway.azure.reset()
    desk = Desk(tmp_path, gateway)
    (desk.project / "in.txt").write_text(FOUND + "\n")
    yield desk
    desk.close()
    assert desk.nowhere.asked == []


def plan(sim, read, write):
    """Three turns: a tool each, the second with a word before, and the end."""
    sim.script(
        {"calls": [read]},
        {"content": "Now the other.", "calls": [write]},
        {"content": DONE},
    )


def bodies(sim, path):
    """What the three turns asked."""
    journal = sim.journal()
    assert [entry["path"].split("?")[0] for entry in journal] == [path] * 3
    return [entry["json"] for entry in journal]


def written(desk):
    return (desk.project / "out.txt").read_text()


def chat_results(body):
    """(tool, arguments, its result) of each call in a chat."""
    calls = {
        call["id"]: call["function"]
        for message in body["messages"]
        for call in message.get("tool_calls") or []
    }
    return [
        (
            calls[message["tool_call_id"]]["name"],
            json.loads(calls[message["tool_call_id"]]["arguments"]),
            json.dumps(message["content"]),
        )
        for message in body["messages"]
        if message["role"] == "tool"
    ]


# ------------------------------------------------------------------- Codex

READ = {"name": "exec_command", "arguments": {"cmd": "cat in.txt"}}
PATCH = f"""apply_patch <<'EOF'
*** Begin Patch
*** Add File: out.txt
+{FOUND}
*** End Patch
EOF"""
WRITE = {"name": "exec_command", "arguments": {"cmd": PATCH}}


def test_codex(gateway, desk):
    """As it is, at a deployment that has /responses."""
    plan(gateway.azure, READ, WRITE)
    assert desk.codex("gpt-5.5", "PROMPT-MARK copy") == DONE + "\n"
    assert written(desk) == FOUND + "\n"
    first, second, third = bodies(gateway.azure, "/openai/v1/responses")
    # Nothing has become of what only Responses has.
    assert {tool["type"] for tool in first["tools"]} > {"function", "custom"}
    assert first["store"] is False and first["client_metadata"]
    for body, results in ((first, 0), (second, 1), (third, 2)):
        outputs = [
            item for item in body["input"]
            if item["type"] == "function_call_output"
        ]
        assert len(outputs) == results
        assert body["model"] == "agent"
    assert FOUND in outputs[0]["output"]
    assert "out.txt" in outputs[1]["output"]
    # Reasoning, which is kept by nobody else.
    thought = [item for item in third["input"] if item["type"] == "reasoning"]
    assert all(item["encrypted_content"] for item in thought) and thought


def test_codex_at_a_chat(gateway, desk):
    plan(gateway.azure, READ, WRITE)
    said = desk.codex("house", "PROMPT-MARK copy", CODEX_AT_A_CHAT)
    assert said == DONE + "\n"
    assert written(desk) == FOUND + "\n"
    first, second, third = bodies(
        gateway.azure, "/openai/v1/chat/completions"
    )
    assert first["messages"][-1]["role"] == "user"
    assert chat_results(first) == []
    (read,) = chat_results(second)
    assert read[:2] == (READ["name"], READ["arguments"])
    assert FOUND in read[2]
    assert chat_results(third)[0] == read
    assert chat_results(third)[1][:2] == (WRITE["name"], WRITE["arguments"])
    assert "out.txt" in chat_results(third)[1][2]


def test_codex_is_told_what_a_chat_cannot_do(gateway, desk):
    """Not a tool less without a word."""
    with pytest.raises(AssertionError, match="is of type function or custom"):
        desk.codex("house", "PROMPT-MARK copy")
    assert gateway.azure.journal() == []
