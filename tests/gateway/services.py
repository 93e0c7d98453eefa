"""Simulators that a test module starts for itself."""

from contextlib import contextmanager

from simulator import Simulator

# A Claude as Bedrock names it.
HOSTED = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@contextmanager
def running(env, *sims):
    """What each test leaves behind in them is cleared up; they end here."""
    env.simulators += sims
    yield
    for sim in sims:
        env.simulators.remove(sim)
        sim.stop()


@contextmanager
def claudes(env, name, models):
    """Anthropic with these models, which is given, and Bedrock."""
    env.anthropic = Simulator(
        env.root / name, models, env.sim_key, provider="anthropic"
    )
    env.bedrock = Simulator(
        env.root / f"{name}-bedrock", [HOSTED], env.sim_key,
        provider="bedrock",
    )
    with running(env, env.anthropic, env.bedrock):
        yield env.anthropic
