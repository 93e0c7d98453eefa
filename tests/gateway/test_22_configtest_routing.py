"""httpd -t finds mistakes in what is said of routing, times and fallbacks."""

import json
import re

import pytest
from env import TOP

ALIASES = [
    "AzureLITEndpoint e http://x credential=none",
    *(f"AzureLITModel {alias} e/{alias}" for alias in "abcd"),
]

# A line, and what the answer to it has in it.
MISTAKES = [
    ("AzureLITModel m e/d rpm=0", "1 or more"),
    ("AzureLITModel m e/d rpm=-5", "1 or more"),
    ("AzureLITModel m e/d tpm=lots", "tpm= must be"),
    ("AzureLITModel m e/d max-parallel=0", "max-parallel= must be"),
    ("AzureLITModel m e/d max-parallel=1000000", "max-parallel= must be"),
    ("AzureLITModel m e/d hard", "limits="),
    ("AzureLITModel m e/d limits=firm", "soft"),
    ("AzureLITModel m e/d spill=e", "endpoint/deployment"),
    ("AzureLITModel m e/d spill=/d", "endpoint/deployment"),
    ("AzureLITModel m e/d spill=e/", "endpoint/deployment"),
    ("AzureLITModel m e/d spill=e/d2 spill=e/d3", "twice"),
    ("AzureLITModel m e/d connect-timeout=601s", "1ms to 600s"),
    ("AzureLITModel m e/d first-token-timeout=0", "1ms to 86400s"),
    ("AzureLITModel m e/d idle-timeout=1h", "1ms to 86400s"),
    ("AzureLITModel m e/d timeout=86401", "1ms to 86400s"),
    ("AzureLITRouting fastest", "simple-shuffle"),
    ("AzureLITRouting a fastest", "cache-affinity"),
    ("AzureLITRouting a! least-busy", "letters"),
    ("AzureLITTimeout", "first-token-timeout="),
    ("AzureLITTimeout a", "at least one of"),
    ("AzureLITTimeout read-timeout=5", "allowed are: connect-timeout="),
    ("AzureLITTimeout a! timeout=5", "letters"),
    ("AzureLITTimeout timeout=5 timeout=6", "twice"),
    ("AzureLITTimeout timeout=", "no value"),
    ("AzureLITTimeout connect-timeout=0ms", "1ms to 600s"),
    ("AzureLITCooldown", "needs off"),
    ("AzureLITCooldown on", "allowed are: fails="),
    ("AzureLITCooldown off time=5", "unknown option 'off'"),
    ("AzureLITCooldown fails=-1", "from 0"),
    ("AzureLITCooldown window=0", "1s to 600s"),
    ("AzureLITCooldown time=1ms", "100ms to 3600s"),
    ("AzureLITCooldown percent=101", "to 100"),
    ("AzureLITFallback", "at least one other"),
    ("AzureLITFallback a", "at least one other"),
    ("AzureLITFallback a on=error", "at least one other"),
    ("AzureLITFallback a! b", "letters"),
    ("AzureLITFallback a b!", "'b!'"),
    ("AzureLITFallback a b on=timeout", "context-window"),
    ("AzureLITFallback a b on=error,error", "each once"),
    ("AzureLITFallback a b on=,", "each once"),
    ("AzureLITFallback a b on=error c", "unknown option 'c'"),
    ("AzureLITFallback a b for=error", "allowed are: on="),
    ("AzureLITFallback a b b", "named twice"),
    ("AzureLITFallback a b a", "another alias"),
    ("AzureLITFallback * *", "'*'"),
    ("AzureLITMaxInFlight 0", "off or a number"),
    ("AzureLITMaxInFlight none", "off or a number"),
    ("AzureLITBodyTimeout", "off, or a duration"),
    ("AzureLITBodyTimeout slow", "off, or a duration"),
    ("AzureLITBodyTimeout 2h", "1ms to 3600s"),
    ("AzureLITBodyTimeout 30s min-rate=0", "from 1 to 1G"),
    ("AzureLITBodyTimeout 30s rate=16k", "allowed are: min-rate="),
    ("AzureLITBodyTimeout off min-rate=16k", "off, or a duration"),
    ("AzureLITMidStream retry", "error or continue"),
    ("AzureLITKey k sha256:" + 64 * "0" + " max-parallel=0", "1 to 100000"),
    (
        "AzureLITEndpoint p http://x credential=none dialect=openai prefill=on",
        "none, vllm or prefix",
    ),
    (
        "AzureLITEndpoint p http://x credential=none prefill=vllm",
        "dialect=openai only",
    ),
]

# Lines that are good each for itself; the last one is at fault.
TOGETHER = [
    (["AzureLITModel m e/d spill=f/d"], "endpoint 'f' is not defined"),
    (["AzureLITModel m e/d spill=e/d"], "has no line of its own"),
    (
        ["AzureLITModel m e/d2", "AzureLITModel m e/d spill=e/d2"],
        "has no line of its own",
    ),
    (["AzureLITRouting nobody least-busy"], "defined are: a, b, c, d"),
    (["AzureLITTimeout nobody timeout=5"], "defined are: a, b, c, d"),
    (["AzureLITFallback nobody a"], "alias 'nobody' is not defined"),
    (["AzureLITFallback a b nobody"], "alias 'nobody' is not defined"),
    (["AzureLITFallback * nobody"], "alias 'nobody' is not defined"),
    (
        ["AzureLITRouting a least-busy", "AzureLITRouting a latency"],
        "has a line already",
    ),
    (
        ["AzureLITTimeout a timeout=5", "AzureLITTimeout a idle-timeout=5"],
        "has a line already",
    ),
    (["AzureLITFallback a b", "AzureLITFallback a c"], "on=error has a line"),
    (
        [
            "AzureLITFallback a b on=context-window",
            "AzureLITFallback a c on=error,context-window",
        ],
        "on=context-window has a line",
    ),
    (["AzureLITFallback * b", "AzureLITFallback * c"], "on=error has a line"),
]


def at_line(env, text, number):
    number = env.own_line(number)
    return f"line {number} " in text or f"check.conf:{number}" in text


@pytest.mark.parametrize("line, hint", MISTAKES)
def test_mistake(env, line, hint):
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, line, ""]))
    assert status != 0
    assert line.split()[0] in text
    assert hint in text
    assert at_line(env, text, 2 + len(ALIASES))


@pytest.mark.parametrize("lines, hint", TOGETHER)
def test_mistake_together(env, lines, hint):
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *lines, ""]))
    assert status != 0
    assert lines[-1].split()[0] in text
    assert hint in text
    assert at_line(env, text, 1 + len(ALIASES) + len(lines))


@pytest.mark.parametrize("spills", [
    ["AzureLITModel m e/d spill=e/d2", "AzureLITModel m e/d2"],
    ["AzureLITModel m e/d2", "AzureLITModel m e/d spill=e/d2"],
])
def test_spill_is_no_member_of_the_group(env, spills):
    """Whichever line comes first, the one with spill= is named."""
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *spills, ""]))
    assert status != 0
    line = next(n for n, text in enumerate(spills) if "spill=" in text)
    assert at_line(env, text, 2 + len(ALIASES) + line)


LOOPS = [
    (["a b", "b a"], "a -> b -> a"),
    (["a b", "b c", "c a"], "a -> b -> c -> a"),
    (["a d b", "b c", "c d b"], "b -> c -> b"),
    (["a b on=context-window", "b a on=error,context-window"], "a -> b -> a"),
]


@pytest.mark.parametrize("chains, named", LOOPS)
def test_loop(env, chains, named):
    lines = [f"AzureLITFallback {chain}" for chain in chains]
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *lines, ""]))
    assert status != 0
    assert f"{named} is a loop" in text
    first = named.split()[0]
    line = next(n for n, c in enumerate(chains) if c.split()[0] == first)
    assert at_line(env, text, 2 + len(ALIASES) + line)


NO_LOOPS = [
    ["a b on=error", "b a on=context-window"],
    ["a b c", "b d", "c d"],
    ["* b c"],
    ["a b", "* a"],
]


@pytest.mark.parametrize("chains", NO_LOOPS)
def test_no_loop(env, chains):
    lines = [f"AzureLITFallback {chain}" for chain in chains]
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *lines, ""]))
    assert status == 0, text


@pytest.mark.parametrize(
    "options",
    [
        "prefill=none",
        "dialect=openai prefill=none",
        "dialect=openai prefill=vllm",
        "prefill=prefix dialect=openai",
    ],
)
def test_prefill(env, options):
    line = f"AzureLITEndpoint p http://x credential=none {options}"
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, line, ""]))
    assert status == 0, text


def test_too_many_deployments(env):
    lines = [f"AzureLITModel m e/d{n}" for n in range(129)]
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *lines, ""]))
    assert status != 0
    assert "128 deployments at most" in text
    assert at_line(env, text, 1 + len(ALIASES) + 129)


def test_not_in_a_location(env):
    for line in (
        "AzureLITRouting least-busy",
        "AzureLITTimeout timeout=5",
        "AzureLITCooldown off",
        "AzureLITFallback a b",
        "AzureLITMaxInFlight 5",
        "AzureLITMidStream error",
    ):
        status, text = env.check(f"<Location />\n{line}\n</Location>\n")
        assert status != 0
        assert line.split()[0] in text and "<Location>" in text


# What the directives come to: `httpd -t -D DUMP_AZURELIT` prints it.


def dump(env, *lines):
    """The servers, each as {alias: lines}, and under "" its own line."""
    own = "\n".join(["AzureLIT on", *ALIASES, *lines, ""])
    status, text = env.check(own, "-D", "DUMP_AZURELIT")
    assert status == 0, text
    servers = []
    for line in text.splitlines():
        if line.startswith("AzureLIT "):
            servers.append({"": line})
        elif line.startswith("    "):
            servers[-1][alias].append(line.strip())
        elif line.startswith("  "):
            alias = line.split()[0]
            servers[-1][alias] = [line.strip()]
    return servers


def main_server(env, *lines):
    servers = dump(env, *lines)
    assert len(servers) == 1
    return servers[0]


def fallbacks(model):
    prefix = "fallback on="
    return {
        line.split()[1][len("on=") :]: line.split()[2:]
        for line in model
        if line.startswith(prefix)
    }


def test_defaults(env):
    server = main_server(env)
    assert "mid-stream=error" in server[""]
    assert "max-in-flight" not in server[""]
    assert "body-timeout=30s min-rate=16384" in server[""]
    assert "cooldown: fails=3 window=60s time=5s percent=50" in server[""]
    assert server["a"] == [
        "a simple-shuffle",
        "e/a weight=1 order=1 first-token-timeout=300s idle-timeout=120s",
    ]


def test_everything_said(env):
    server = main_server(
        env,
        "AzureLITModel m e/d rpm=60 tpm=100000 max-parallel=8 limits=hard "
        "connect-timeout=250ms first-token-timeout=20 idle-timeout=10s "
        "timeout=2min spill=e/d-spill",
        "AzureLITModel m e/d2 limits=soft spill=e/d-spill",
        "AzureLITRouting m cache-affinity",
        "AzureLITCooldown fails=5 time=500ms",
        "AzureLITMaxInFlight 900",
        "AzureLITMidStream continue",
    )
    assert "mid-stream=continue max-in-flight=900" in server[""]
    assert "fails=5 window=60s time=500ms percent=50" in server[""]
    times = (
        "connect-timeout=250ms first-token-timeout=20s idle-timeout=10s "
        "timeout=120s"
    )
    assert server["m"] == [
        "m cache-affinity",
        "e/d weight=1 order=1 rpm=60 tpm=100000 max-parallel=8 limits=hard "
        + times,
        f"spill e/d-spill {times}",
        "e/d2 weight=1 order=1 first-token-timeout=300s idle-timeout=120s",
        f"spill e/d-spill {times}",
    ]


def test_off(env):
    server = main_server(
        env,
        "AzureLITCooldown off",
        "AzureLITMaxInFlight off",
        "AzureLITMidStream error",
        "AzureLITBodyTimeout off",
    )
    assert "cooldown: off" in server[""]
    assert "body-timeout" not in server[""]
    assert "max-in-flight" not in server[""]


@pytest.mark.parametrize(
    "strategy",
    "simple-shuffle least-busy latency usage cost cache-affinity".split(),
)
def test_strategies(env, strategy):
    server = main_server(
        env, f"AzureLITRouting {strategy}", "AzureLITRouting b usage"
    )
    assert server["a"][0] == f"a {strategy}"
    assert server["b"][0] == "b usage"


def test_times_from_the_nearest(env):
    """Deployment, alias, server, default; each time for itself."""
    server = main_server(
        env,
        "AzureLITModel m e/d idle-timeout=1s timeout=4s",
        "AzureLITModel m e/d2",
        "AzureLITTimeout idle-timeout=3s connect-timeout=3s timeout=300s",
        "AzureLITTimeout m idle-timeout=2s timeout=200s",
    )
    assert server["m"] == [
        "m simple-shuffle timeout=200s",
        "e/d weight=1 order=1 connect-timeout=3s first-token-timeout=300s "
        "idle-timeout=1s timeout=4s",
        "e/d2 weight=1 order=1 connect-timeout=3s first-token-timeout=300s "
        "idle-timeout=2s timeout=200s",
    ]
    assert server["a"] == [
        "a simple-shuffle timeout=300s",
        "e/a weight=1 order=1 connect-timeout=3s first-token-timeout=300s "
        "idle-timeout=3s timeout=300s",
    ]


CHAINS = [
    # (lines, the chains of a, the chains of b)
    (["a b", "b c"], {"error": ["b", "c"]}, {"error": ["c"]}),
    (["a b c", "b d"], {"error": ["b", "d", "c"]}, {"error": ["d"]}),
    (["a b c", "b c d"], {"error": ["b", "c", "d"]}, {"error": ["c", "d"]}),
    # each reason has its own chain
    (
        ["a b on=error", "b c on=context-window"],
        {"error": ["b"]},
        {"context-window": ["c"]},
    ),
    (
        ["a b c on=error,content-filter", "a c b on=context-window"],
        {
            "error": ["b", "c"],
            "context-window": ["c", "b"],
            "content-filter": ["b", "c"],
        },
        {},
    ),
    (
        ["a b c", "a c d on=context-window"],
        {"error": ["b", "c"], "context-window": ["c", "d"]},
        {},
    ),
    # * is for those without a line, never for itself, never a loop
    (["* b c"], {"error": ["b", "c"]}, {"error": ["c"]}),
    (["* c", "a b"], {"error": ["b", "c"]}, {"error": ["c"]}),
    (["* a", "a b"], {"error": ["b"]}, {"error": ["a"]}),
    (
        ["* d on=error,context-window", "a b"],
        {"error": ["b", "d"], "context-window": ["d"]},
        {"error": ["d"], "context-window": ["d"]},
    ),
]


@pytest.mark.parametrize("lines, of_a, of_b", CHAINS)
def test_fallback_chains(env, lines, of_a, of_b):
    server = main_server(env, *(f"AzureLITFallback {line}" for line in lines))
    assert fallbacks(server["a"]) == of_a
    assert fallbacks(server["b"]) == of_b


# Said for the main server of which virtual hosts inherit.
OUTER = [
    "AzureLITRouting latency",
    "AzureLITRouting a cost",
    "AzureLITTimeout idle-timeout=30s timeout=50s",
    "AzureLITTimeout a timeout=40s connect-timeout=1s",
    "AzureLITCooldown fails=7",
    "AzureLITMaxInFlight 70",
    "AzureLITMidStream continue",
    "AzureLITBodyTimeout 20s min-rate=1k",
    "AzureLITFallback a b on=error,context-window",
    "AzureLITFallback * c",
]


def host(env, *lines):
    """A virtual host in a server that has OUTER."""
    servers = dump(env, *OUTER, "<VirtualHost *:1>", *lines, "</VirtualHost>")
    assert len(servers) == 2
    return next(one for one in servers if "check.conf:" in one[""])


def test_host_inherits(env):
    server = host(env, "ServerName other")
    assert "AzureLIT other" in server[""]
    assert "mid-stream=continue max-in-flight=70" in server[""]
    assert "body-timeout=20s min-rate=1024" in server[""]
    assert "fails=7" in server[""]
    assert server["a"][:2] == [
        "a cost timeout=40s",
        "e/a weight=1 order=1 connect-timeout=1s first-token-timeout=300s "
        "idle-timeout=30s timeout=40s",
    ]
    assert fallbacks(server["a"]) == {
        "error": ["b", "c"],
        "context-window": ["b"],
    }
    assert server["b"][0] == "b latency timeout=50s"
    assert fallbacks(server["b"]) == {"error": ["c"]}


def test_host_says_otherwise(env):
    server = host(
        env,
        "AzureLITRouting usage",
        "AzureLITRouting a least-busy",
        "AzureLITTimeout idle-timeout=20s",
        "AzureLITTimeout a timeout=25s",
        "AzureLITCooldown time=9s",
        "AzureLITMaxInFlight off",
        "AzureLITMidStream error",
        "AzureLITBodyTimeout 50ms",
        "AzureLITFallback a d",
        "AzureLITFallback d b",
    )
    assert "mid-stream=error" in server[""]
    assert "max-in-flight" not in server[""]
    # one directive, one value: what it does not name has its default
    assert "body-timeout=50ms min-rate=16384" in server[""]
    assert "fails=3 window=60s time=9s" in server[""]
    assert server["a"][:2] == [
        "a least-busy timeout=25s",
        "e/a weight=1 order=1 connect-timeout=1s first-token-timeout=300s "
        "idle-timeout=20s timeout=25s",
    ]
    assert server["b"][0] == "b usage timeout=50s"
    # only the reason it names; `*` holds on
    assert fallbacks(server["a"]) == {
        "error": ["d", "b", "c"],
        "context-window": ["b"],
    }


def test_host_with_models_of_its_own(env):
    """Lines on aliases stay with the models they are about."""
    server = host(
        env,
        "AzureLITModel a e/other",
        "AzureLITModel z e/z",
        "AzureLITFallback z a",
    )
    assert set(server) == {"", "a", "z"}
    assert server["a"][0] == "a latency timeout=50s"
    assert fallbacks(server["a"]) == {}
    assert fallbacks(server["z"]) == {"error": ["a"]}


def test_host_without_the_alias(env):
    """A line is checked with the models of its own server."""
    lines = [
        "<VirtualHost *:1>",
        "AzureLITModel z e/z",
        "AzureLITFallback z a",
        "</VirtualHost>",
    ]
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *lines, ""]))
    assert status != 0
    assert "alias 'a' is not defined" in text and "defined are: z" in text


def test_nothing_is_printed_unasked(env):
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, ""]))
    assert status == 0
    assert "simple-shuffle" not in text


def price_file(env, *names):
    path = env.tmp / "prices.json"
    models = [
        {
            "model": name,
            "input": "1",
            "output": "2",
            "source": "https://example.com/prices",
            "date": "2026-11",
        }
        for name in names
    ]
    path.write_text(
        json.dumps({"unit": "USD per million tokens", "models": models})
    )
    return f"AzureLITPriceFile {path}"


@pytest.mark.parametrize("options, warns", [
    ("base-model=gpt-x", False),
    ("base-model=gpt-y", True),
    ("", False),
    ("base-model=gpt-y input-price=1 output-price=2", False),
    ("base-model=gpt-y input-price=0 output-price=0 spill=e/p", True),
])
def test_base_model_without_a_price(env, options, warns):
    lines = [price_file(env, "gpt-x"), f"AzureLITModel m e/d {options}"]
    status, text = env.check("\n".join(["AzureLIT on", *ALIASES, *lines, ""]))
    assert status == 0, text
    assert ("AZL0050" in text) == warns
    if warns:
        assert "base-model=gpt-y" in text and "prices.json" in text
        assert at_line(env, text, 3 + len(ALIASES))


def test_base_model_without_a_price_file(env):
    status, text = env.check(
        "\n".join(
            ["AzureLIT on", *ALIASES, "AzureLITModel m e/d base-model=x", ""]
        )
    )
    assert status == 0 and "AZL0050" not in text


# What is shipped to be included.


def with_conf(name, *before):
    path = TOP / "conf" / f"azurelit-{name}.conf"
    return "\n".join([*before, f'Include "{path}"', ""])


@pytest.mark.parametrize(
    "streams, block", [(1000, "!AZURELIT_5000"), (5000, "AZURELIT_5000")]
)
def test_shipped_sizing(env, streams, block):
    """It holds so many streams, and httpd has nothing to correct in it."""
    status, text = env.check(with_conf("mpm", f"Define AZURELIT_{streams}"))
    assert status == 0
    assert text.strip() == "Syntax OK"
    whole = (TOP / "conf" / "azurelit-mpm.conf").read_text()
    part = whole.partition(f"<IfDefine {block}>")[2].partition("</IfDefine>")[0]
    said = dict(re.findall(r"^ *([A-Z]\w+) +(\d+)$", part, re.M))
    said = {name: int(value) for name, value in said.items()}
    threads = said["ThreadsPerChild"]
    assert said["MaxRequestWorkers"] == said["StartServers"] * threads
    assert said["MaxSpareThreads"] == said["MaxRequestWorkers"]
    assert said["ServerLimit"] == 2 * said["StartServers"]
    assert said["ThreadLimit"] == threads
    assert 1.25 * streams <= said["MaxRequestWorkers"] <= 1.35 * streams


def test_shipped_reqtimeout(env):
    status, text = env.check(with_conf("reqtimeout"))
    assert status == 0
    assert "Syntax OK" in text
