"""Codex and Claude Code, headless, finish a task with two tools through the
gateway: they read a file, write another and say that they are done. The
simulator says what to do; that the result of one tool is in the next request
shows that both directions work."""

import json

import pytest
from cli import Desk
from simulator import Simulator

CLAUDE = "claude-sonnet-4-5"
NEWEST = "claude-opus-5"
# An alias that Claude Code takes for one of its own, and so asks otherwise.
NAMED = "claude-haiku-5-5"
# Names that Codex knows: it gives those models other tools, in namespaces and
# in the input, and has them write programs.
KNOWN = "gpt-5.6-sol"
KNOWN_TOO = "gpt-6-astra"
# name: base model
DEPLOYMENTS = {
    "agent": "gpt-5.5", "plain": "qwen-4", "codex": "gpt-5.1-codex",
    "thinker": "gpt-5-mini",
}
FOUND = "PROMPT-MARK-found 42"
DONE = "Copied it."


@pytest.fixture(scope="module", autouse=True)
def services(env):
    names = [f"{name}={base}" for name, base in DEPLOYMENTS.items()]
    env.azure = Simulator(env.root / "azure", names, env.sim_key)
    env.anthropic = Simulator(
        env.root / "anthropic", [CLAUDE, NEWEST], env.sim_key,
        provider="anthropic",
    )
    sims = [env.azure, env.anthropic]
    env.simulators += sims
    yield
    for sim in sims:
        env.simulators.remove(sim)
        sim.stop()


def configure(env, sim):
    return (
        env.conf()
        .add("AzureLITCooldown off", 'CustomLog logs/asked.log "%>s %U"')
        .endpoint("v1", env.azure.url)
        .endpoint("claude", env.anthropic.url, "dialect=anthropic")
        .model("gpt-5.5", "v1/agent")
        .model("house", "v1/plain", "surface=chat")
        .model(KNOWN, "v1/thinker", "surface=chat base-model=gpt-5-mini")
        .model(KNOWN_TOO, f"claude/{CLAUDE}", f"base-model={CLAUDE}")
        .model(
            "codex", "v1/codex", "surface=responses base-model=gpt-5.1-codex"
        )
        .model(NAMED, "v1/thinker", "base-model=gpt-5-mini")
        .model(CLAUDE, f"claude/{CLAUDE}", f"base-model={CLAUDE}")
        .model(NEWEST, f"claude/{NEWEST}", f"base-model={NEWEST}")
    )


@pytest.fixture
def desk(gateway, tmp_path):
    gateway.azure.reset()
    gateway.anthropic.reset()
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


def responses_results(body):
    """Likewise in a request for Responses."""
    calls = {
        item["call_id"]: item
        for item in body["input"]
        if item["type"] == "function_call"
    }
    return [
        (
            calls[item["call_id"]]["name"],
            json.loads(calls[item["call_id"]]["arguments"]),
            json.dumps(item["output"]),
        )
        for item in body["input"]
        if item["type"] == "function_call_output"
    ]


def blocks(body, kind):
    """Those of one kind in a request for a Message."""
    return [
        block
        for message in body["messages"]
        if not isinstance(message["content"], str)
        for block in message["content"]
        if block["type"] == kind
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


def program(call):
    """The same as a program, which is text: a custom tool takes it. At a chat
    that is a function of one string."""
    command = json.dumps(call["arguments"])
    return {
        "name": "functions__exec",
        "arguments": {
            "input": f"const done = await tools.{call['name']}({command});\n"
            "text(done.output);"
        },
    }


@pytest.mark.parametrize("model", ["house", KNOWN])
def test_codex_at_a_chat(gateway, desk, model):
    read, write = READ, WRITE
    if model == KNOWN:
        read, write = program(READ), program(WRITE)
    plan(gateway.azure, read, write)
    assert desk.codex(model, "PROMPT-MARK copy") == DONE + "\n"
    assert written(desk) == FOUND + "\n"
    first, second, third = bodies(
        gateway.azure, "/openai/v1/chat/completions"
    )
    assert {tool["type"] for tool in first["tools"]} == {"function"}
    assert first["messages"][-1]["role"] == "user"
    assert chat_results(first) == []
    (found,) = chat_results(second)
    assert found[:2] == (read["name"], read["arguments"])
    assert FOUND in found[2]
    assert chat_results(third)[0] == found
    assert chat_results(third)[1][:2] == (write["name"], write["arguments"])
    assert "out.txt" in chat_results(third)[1][2]


@pytest.mark.parametrize("model", [CLAUDE, KNOWN_TOO])
def test_codex_at_anthropic(gateway, desk, model):
    read, write = READ, WRITE
    if model == KNOWN_TOO:
        read, write = program(READ), program(WRITE)
    plan(gateway.anthropic, read, write)
    assert desk.codex(model, "PROMPT-MARK copy") == DONE + "\n"
    assert written(desk) == FOUND + "\n"
    third = bodies(gateway.anthropic, "/v1/messages")[2]
    results = blocks(third, "tool_result")
    assert FOUND in json.dumps(results[0])
    assert "out.txt" in json.dumps(results[1])


def test_codex_has_other_agents(gateway, desk):
    """They are called in a namespace, and their messages are the user's."""
    task = {"task_name": "sub", "message": "PROMPT-MARK-sub"}
    gateway.azure.script(
        {"calls": [
            {"name": "collaboration__spawn_agent", "arguments": task}
        ]},
        *[{"content": DONE, "times": 9}],
    )
    desk.codex(KNOWN, "PROMPT-MARK delegate")
    asked = [entry["json"] for entry in gateway.azure.journal()]
    results = [result for body in asked for result in chat_results(body)]
    assert results[0][:2] == ("collaboration__spawn_agent", task)
    # In what the other agent is told of the talk so far, and it may ask first,
    # the call has no result yet.
    assert any("/root/sub" in result[2] for result in results)
    told = [
        body["messages"][-1] for body in asked
        if "PROMPT-MARK-sub" in json.dumps(body["messages"][-1])
    ]
    assert [message["role"] for message in told] == ["user"]


# ------------------------------------------------------------- Claude Code


def task(desk):
    read = {"file_path": str(desk.project / "in.txt")}
    write = {
        "file_path": str(desk.project / "out.txt"), "content": FOUND + "\n",
    }
    return (
        {"name": "Read", "arguments": read},
        {"name": "Write", "arguments": write},
    )


@pytest.mark.parametrize("model", [CLAUDE, NEWEST])
def test_claude(gateway, desk, model):
    """As it is, at Anthropic."""
    plan(gateway.anthropic, *task(desk))
    said = desk.claude("PROMPT-MARK copy", "--model", model)
    assert said == DONE + "\n"
    assert written(desk) == FOUND + "\n"
    journal = gateway.anthropic.journal()
    for number, body in enumerate(bodies(gateway.anthropic, "/v1/messages")):
        # What is in one is announced in the other.
        assert "claude-code" in journal[number]["fields"]["anthropic-beta"]
        assert body["context_management"]
        results = blocks(body, "tool_result")
        assert len(results) == number
        thoughts = blocks(body, "thinking")
        assert len(thoughts) == number
        assert all(thought["signature"] for thought in thoughts)
    assert FOUND in json.dumps(results[0])
    assert "out.txt" in json.dumps(results[1])


@pytest.mark.parametrize("model", ["house", "codex", "gpt-5.5", NAMED])
def test_claude_at_azure(gateway, desk, model):
    """Over /responses if the model thinks with tools only there."""
    read, write = task(desk)
    plan(gateway.azure, read, write)
    said = desk.claude("PROMPT-MARK copy", "--model", model)
    assert said == DONE + "\n"
    assert written(desk) == FOUND + "\n"
    if model in ("codex", "gpt-5.5"):
        first, second, third = bodies(gateway.azure, "/openai/v1/responses")
        found = responses_results
    else:
        first, second, third = bodies(
            gateway.azure, "/openai/v1/chat/completions"
        )
        found = chat_results
    assert found(first) == []
    assert found(second)[0][:2] == (read["name"], read["arguments"])
    assert FOUND in found(second)[0][2]
    assert found(third)[0] == found(second)[0]
    assert found(third)[1][:2] == (write["name"], write["arguments"])
    assert "out.txt" in found(third)[1][2]
    # It differs from one conversation to the next: no cache would hold.
    assert "x-anthropic-billing-header" not in json.dumps(third)


def test_names_claude_asks_for(gateway, desk):
    """Its names of models are whatever its user says."""
    names = {"opus": "house", "sonnet": "codex", "haiku": NAMED}
    variables = {
        f"ANTHROPIC_DEFAULT_{tier.upper()}_MODEL": name
        for tier, name in names.items()
    }
    for tier, name in names.items():
        said = desk.claude(
            "PROMPT-MARK say", "--model", tier, "--tools", "", **variables
        )
        assert "PROMPT-MARK say" in said
        (record,) = gateway.records(1)
        assert record["model"] == name
        gateway.forget_records()


@pytest.mark.parametrize("model", [CLAUDE, "house"])
def test_claude_counts(gateway, desk, model):
    """It asks how many tokens each part of its context is. Of models it does
    not know it believes what it is told."""
    asked = gateway.logs / "asked.log"
    asked.write_text("")
    said = desk.claude(
        "/context", "--model", model, CLAUDE_CODE_MAX_CONTEXT_TOKENS="180000"
    )
    assert "Context Usage" in said
    assert set(asked.read_text().splitlines()) == {
        "200 /v1/messages/count_tokens"
    }
    assert model != "house" or "/ 180k" in said
    assert gateway.azure.journal() == []
