"""What the suites of conversations share: who is asked, what is asked, and
the tables in docs/providers.md."""

import base64
import os
from contextlib import contextmanager
from pathlib import Path

import pydantic
from services import running
from simulator import Simulator

DOCS = Path(__file__).resolve().parents[2] / "docs" / "providers.md"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
ASK = [{"role": "user", "content": "PROMPT-MARK-talk hello"}]
SAID = "You said: PROMPT-MARK-talk hello"
REPORT = [{"role": "user", "content": "SIM-REPORT"}]
FOREVER = 1000


class Capital(pydantic.BaseModel):
    model_config = {"extra": "forbid"}

    city: str
    inhabitants: int


def schema(member):
    return {
        "type": "object",
        "properties": {member: {"type": "string"}},
        "required": [member],
        "additionalProperties": False,
    }


def alias_of(name):
    return "".join(c if c.isalnum() else "-" for c in name)


# What both suites check, in this order; each has its own about reasoning.
CHECKS = [
    ("plain", "plain"),
    ("system_and_turns", "system, several turns"),
    ("image", "image"),
    ("one_tool", "one tool"),
    ("parallel_tools", "parallel tools"),
    ("forced_tool", "forced tool"),
    ("structured_output", "structured output"),
]
MORE_CHECKS = [
    ("stop_at_length", "stop at length"),
    ("refusal", "refusal"),
    ("errors", "errors"),
    ("error_in_the_middle", "error in the middle"),
]


class Words:
    """How tools are spoken of: those there are (weather and clock), the calls
    of an answer, the turns that follow them, and what a simulator reports of
    all that it was told."""

    def __init__(self, tools, calls, results, report):
        self.tools = tools
        self.calls = calls
        self.results = results
        self.report = report

    def check_one_tool(self, talk):
        tools = self.tools[:1]
        first = talk(messages=REPORT, tools=tools)
        assert self.calls(first) == [("weather", {"city": "Paris"})]
        second = talk(
            messages=[*REPORT, *self.results(first, "sunny")], tools=tools
        )
        assert self.report(second) == [
            "user: SIM-REPORT", 'assistant: call weather {"city":"Paris"}',
            "tool weather: sunny",
        ]

    def check_parallel_tools(self, talk):
        first = talk(messages=REPORT, tools=self.tools)
        assert self.calls(first) == [
            ("weather", {"city": "Paris"}), ("clock", {"zone": "Paris"}),
        ]
        second = talk(
            messages=[*REPORT, *self.results(first, "sunny", "noon")],
            tools=self.tools,
        )
        assert self.report(second) == [
            "user: SIM-REPORT", 'assistant: call weather {"city":"Paris"}',
            'assistant: call clock {"zone":"Paris"}',
            "tool weather: sunny", "tool clock: noon",
        ]

    def check_thoughtful_tool(self, talk, **effort):
        """What was thought before the call comes back with its result, for
        those who want it so."""
        tools = self.tools[:1]
        first = talk(messages=REPORT, tools=tools, **effort)
        assert self.calls(first) == [("weather", {"city": "Paris"})]
        second = talk(
            messages=[*REPORT, *self.results(first, "sunny")], tools=tools,
            **effort,
        )
        assert self.report(second)[-1] == "tool weather: sunny"


# Providers are: name -> endpoint option, simulator's provider, its model,
# options of the model, what else the suite wants to know


@contextmanager
def started(env, providers, arguments=lambda more: []):
    """The simulator of each, with one model; `arguments` of the program are
    made from what else is known."""
    sims = {
        name: Simulator(
            env.root / alias_of(name), [model], env.sim_key,
            *arguments(more), provider=provider,
        )
        for name, (_, provider, model, _, more) in providers.items()
    }
    env.services = sims
    with running(env, *sims.values()):
        yield sims


def configuration(env, providers):
    """One alias for each."""
    conf = env.conf().add("AzureLITCooldown off", "AzureLITRetry 0")
    for name, (dialect, _, model, options, _) in providers.items():
        alias = alias_of(name)
        conf.endpoint(alias, env.services[name].url, dialect)
        conf.model(alias, f"{alias}/{model}", f"base-model={model}", options)
    return conf


class Table:
    """What has passed: a column for each provider, a row for each check. In
    the document it stands between two marks."""

    def __init__(self, mark, providers, checks):
        self.mark = mark
        self.providers = providers
        self.checks = checks
        self.found = {}

    def note(self, node):
        """A test, or one of its parameters, has ended."""
        params = getattr(node, "callspec", None)
        if params and "name" in params.params:
            check = node.originalname.removeprefix("test_")
            key = (check, params.params["name"])
            self.found[key] = self.found.get(key, True) and getattr(
                node, "passed", False
            )

    def text(self):
        lines = [
            "| | " + " | ".join(self.providers) + " |",
            "|---" * (len(self.providers) + 1) + "|",
        ]
        for check, title in self.checks:
            cells = [
                "yes" if self.found.get((check, name)) else "no"
                for name in self.providers
            ]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def check(self):
        """The document says what was found. AZURELIT_WRITE_DOCS=1 writes
        it."""
        if len(self.found) < len(self.checks) * len(self.providers):
            return  # somebody runs a part of this
        begin, end = f"<!-- {self.mark} -->\n", f"<!-- /{self.mark} -->"
        text = DOCS.read_text()
        head, rest = text.split(begin)
        _, tail = rest.split(end)
        made = head + begin + self.text() + end + tail
        if os.environ.get("AZURELIT_WRITE_DOCS"):
            DOCS.write_text(made)
        else:
            assert made == text
