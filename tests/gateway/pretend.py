"""A server that is told another time, or another address of a name."""

import contextlib
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

LAYOUT = "qq64s64s"
SOURCE = Path(__file__).with_suffix(".c")


class Pretence:
    """Put environment() into that of a server, then say what it sees."""

    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.library = where / "pretend.so"
        subprocess.run(
            [shutil.which("cc") or shutil.which("gcc"), "-shared", "-fPIC",
             "-O1", "-o", self.library, SOURCE, "-ldl"],
            check=True,
        )
        self.file = where / "pretence"
        self.seconds = 0
        self.asleep = False
        self.name = self.address = ""
        self.write()

    def environment(self):
        return {
            "LD_PRELOAD": str(self.library),
            "AZURELIT_PRETEND": str(self.file),
        }

    def write(self):
        data = struct.pack(
            LAYOUT, self.seconds, self.asleep, self.name.encode(),
            self.address.encode(),
        )
        # In place: the server has the file itself in its memory.
        file = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o644)
        os.pwrite(file, data, 0)
        os.close(file)

    def advance(self, seconds):
        """So much later; less than 0: the clock is set back."""
        self.seconds += seconds
        self.write()

    @contextlib.contextmanager
    def sleep(self):
        """Who lies down for a moment sleeps on."""
        self.asleep = True
        self.write()
        try:
            yield
        finally:
            self.asleep = False
            self.write()

    def now(self):
        return time.time() + self.seconds

    def new_minute(self):
        """What is counted by the minute begins anew, with the whole of it
        ahead."""
        self.advance(61 - int(self.now()) % 60)

    def point(self, name, address):
        """The name has this address."""
        self.name, self.address = name, address
        self.write()
