"""httpd -t finds mistakes in what is said of routing, times and fallbacks."""

import pytest

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
