"""What each family of models takes."""


class Family:
    """limit      the most tokens it answers
    budget      thinking with budget_tokens
    adaptive    adaptive thinking
    thinks      thinks unless told not to
    efforts     levels of output_config.effort
    sampling    temperature, top_p, top_k
    structured  output_config.format and strict tools
    forced      tool_choice any and tool
    prefill     the last message may be the assistant's
    inline      messages of role system
    """

    def __init__(self, limit, budget=True, adaptive=False, thinks=False,
                 efforts=(), sampling=True, structured=True, forced=True,
                 prefill=True, inline=False):
        self.limit = limit
        self.budget = budget
        self.adaptive = adaptive
        self.thinks = thinks
        self.efforts = efforts
        self.sampling = sampling
        self.structured = structured
        self.forced = forced
        self.prefill = prefill
        self.inline = inline


ALL = ("low", "medium", "high", "xhigh", "max")


def newest(**more):
    return Family(
        128000, budget=False, adaptive=True, efforts=ALL, sampling=False,
        prefill=False, inline=True, **more
    )


def middle():
    return Family(
        128000, adaptive=True, efforts=("low", "medium", "high", "max"),
        prefill=False,
    )


# The first name that is in the model's.
FAMILIES = (
    ("opus-4-8", newest()),
    ("opus-4-7", newest()),
    ("opus-4-6", middle()),
    ("sonnet-4-6", middle()),
    ("opus-4-5", Family(64000, efforts=("low", "medium", "high"))),
    ("sonnet-4-5", Family(64000)),
    ("haiku-4-5", Family(64000)),
    ("opus-4-1", Family(32000)),
    ("opus-5", newest(thinks=True)),
    ("sonnet-5", newest(thinks=True)),
    ("fable-5", newest(forced=False)),
    ("mythos-5", newest(forced=False)),
    ("sonnet-4", Family(64000, structured=False)),
    ("opus-4", Family(32000, structured=False)),
    ("claude-3", Family(4096, budget=False, structured=False)),
)
UNKNOWN = newest()


def family(model):
    for name, found in FAMILIES:
        if name in model:
            return found
    return UNKNOWN
