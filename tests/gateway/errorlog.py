"""httpd's error log: nothing at warn or above that was not expected."""

import re

LEVELS = ("emerg", "alert", "crit", "error", "warn")
LINE = re.compile(r"^\[[^]]+\] \[(?:\w+):(\w+)\] ")


class ErrorLog:
    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.expected = []

    def expect(self, *patterns):
        """Lines that match may appear until the end of this test."""
        self.expected += [re.compile(pattern) for pattern in patterns]

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def text(self):
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read().decode(errors="surrogateescape")

    def unexpected(self):
        """The lines nobody expected; the log counts as read afterwards."""
        text = self.text()
        # The last line may still be written.
        text = text[: text.rfind("\n") + 1]
        self.offset += len(text.encode(errors="surrogateescape"))
        expected, self.expected = self.expected, []
        return [
            line
            for line in text.splitlines()
            if (found := LINE.match(line))
            and found.group(1) in LEVELS
            and not any(pattern.search(line) for pattern in expected)
        ]
