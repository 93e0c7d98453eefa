"""What the families of models can do."""

LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
# Flash models that think a little at least.
NO_MINIMAL = ("gemini-3.7-flash", "gemini-flash-latest")


class Model:
    def __init__(self, name):
        self.name = name
        latest = name in ("gemini-flash-latest", "gemini-pro-latest")
        self.third = name.startswith("gemini-3") or latest
        self.second = name.startswith("gemini-2.5")
        draws = "-image" in name or "-tts" in name
        self.thinks = self.third or (self.second and not draws)
        self.pro = "-pro" in name
        self.lite = "-lite" in name
        self.gemma = name.startswith("gemma")

    def levels(self):
        """The thinking levels it knows; none before Gemini 3."""
        if not self.third:
            return ()
        if self.name.startswith("gemini-3-pro"):
            return ("LOW", "HIGH")
        if self.pro or self.name.startswith(NO_MINIMAL):
            return LEVELS[1:]
        return LEVELS

    def budget(self, number):
        """Why this many tokens to think are wrong, or None."""
        low, high = (128, 32768) if self.pro else (1, 24576)
        if self.lite:
            low = 512
        if number == -1 or low <= number <= high:
            return None
        if number == 0:
            if not self.pro:
                return None
            return (
                "Budget 0 is invalid. This model only works in thinking mode."
            )
        return (
            f"The thinking budget {number} is invalid. Please choose a value "
            f"between {low} and {high}."
        )
