"""A connection that is kept is not closed under a request when httpd restarts
for a new configuration."""

import http.client
import os
import shutil
import threading
import time

import h2client
import pytest
from ask import chat
from sources import (
    LIVE,
    RESTARTS,
    alone,
    checks,
    folder,
    kill,
    live,
    nothing,
    put,
    source,
    yaml,
)

configure = nothing


class Kept:
    """A client that keeps its connection as long as it may, looks whether it
    is still there before it asks, and never asks twice."""

    def __init__(self, env):
        self.env = env
        self.closed = False  # by the last answer
        self.connect()

    def connect(self):
        self.http = http.client.HTTPConnection("127.0.0.1", self.env.port, 30)
        self.http.connect()
        self.closed = False

    def is_gone(self):
        self.http.sock.setblocking(False)
        try:
            return not self.http.sock.recv(1, 2)  # MSG_PEEK
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.http.sock.settimeout(30)

    def begin(self, document=None, path="/v1/chat/completions", key=None):
        """The answer, of which the head has been read."""
        self.http.request(
            "POST" if document else "GET",
            path,
            document and h2client.json.dumps(document),
            {
                "Authorization": f"Bearer {key or self.env.key}",
                "Content-Type": "application/json",
            },
        )
        answer = self.http.getresponse()
        self.closed = "close" in answer.getheader("connection", "")
        return answer

    def ask(self, *what, **more):
        answer = self.begin(*what, **more)
        answer.text = answer.read().decode()
        return answer


@pytest.fixture
def served(restart, gateway, sim, log):
    """Lets a test change what is served, and how it is checked."""
    log.expect(*RESTARTS)
    number = len(list((gateway.root / "source").glob("notice*")))
    where = folder(gateway, f"notice{number}")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, copy.read_text())

    class Served:
        gate = where / "gate"
        document = where / "config.yaml"

        def start(self, *more):
            conf = source(
                gateway, f"file:{document}", copy, "check-limit=3600s"
            )
            more = ["StartServers 2", "KeepAliveTimeout 60", *more]
            restart(conf.add(*more))
            live(gateway, "kept")

        def gated(self):
            """The check waits until somebody opens it, and refuses it."""
            os.mkfifo(self.gate)
            self.start(
                f"<IfDefine AZURELIT_CANDIDATE:{copy}>",
                f"Include {self.gate}",
                "</IfDefine>",
                "Protocols h2c http/1.1",
            )

        def change(self, *aliases):
            put(document, yaml(sim, "kept", *aliases))

        def until_checked(self):
            gateway.until(lambda: checks(copy), LIVE)

    return Served()


def test_last_answer(gateway, served, log):
    """As long as there is something new, each answer is the connection's
    last; its end is still marked. What is refused changes nothing."""
    log.expect("AZL0152")
    served.gated()
    first = Kept(gateway)
    assert first.ask(chat("kept")).status == 200
    assert not first.closed
    with h2client.Connection(gateway.port, gateway.key) as multiplexed:
        served.change("new")
        served.until_checked()
        assert first.ask(chat("kept")).status == 200
        assert first.closed
        for what, key, status in (
            ((chat("kept"),), None, 200),
            ((chat("kept", stream=True),), None, 200),
            ((chat("none"),), None, 404),
            ((chat("kept"),), "sk-nobody", 401),
            ((None, "/v1/models"), None, 200),
            ((None, "/v1/nothing"), None, 404),
        ):
            client = Kept(gateway)
            answer = client.ask(*what, key=key)
            assert answer.status == status
            assert client.closed, what
            marks = (
                answer.getheader("content-length"),
                answer.getheader("transfer-encoding"),
            )
            assert marks.count(None) == 1, (what, marks)
        # it has a word for the end of a connection, and it is not said yet
        for _ in range(2):
            stream = multiplexed.post(chat("kept"))
            found = multiplexed.answer(stream)
            assert found["headers"][":status"] == "200"
            assert "connection" not in found["headers"]
        served.gate.open("w").close()
        gateway.until(lambda: "AZL0152" in log.text(), LIVE)
    client = Kept(gateway)
    for _ in range(2):
        assert client.ask(chat("kept")).status == 200
        assert not client.closed


def test_stream_over_a_restart(gateway, served, sim):
    """Its head said that the connection stays, before anything was known: who
    asks at its end is answered once more, who does not is not waited for."""
    served.start()
    for number in range(2):
        sim.script({"hold": 3})
        client = Kept(gateway)
        answer = client.begin(chat("kept", stream=True))
        assert not client.closed
        served.change(f"new-{number}")
        live(gateway, f"new-{number}")
        sim.release()
        assert "[DONE]" in answer.read().decode()
        if number == 0:
            assert client.ask(chat("kept")).status == 200
            assert client.closed
        else:
            gateway.until(client.is_gone)


def test_stream_before_a_restart(gateway, served, sim, log):
    """It ends between the decision and the restart: its connection is not
    among those that are closed."""
    served.start()
    sim.script({"hold": 3})
    client = Kept(gateway)
    answer = client.begin(chat("kept", stream=True))
    assert not client.closed
    served.change("new")
    gateway.until(lambda: "AZL0154" in log.text(), LIVE)
    sim.release()
    assert "[DONE]" in answer.read().decode()
    gateway.until(lambda: "AH00493" in log.text())
    assert client.ask(chat("kept")).status == 200
    assert client.closed


def test_nobody_will_look(restart, gateway, served, log):
    """Where a source is given up, nothing is to come either."""
    log.expect("AZL0160", "AZL0156")
    served.start()
    put(served.document, "model_list: [\n")
    gateway.until(lambda: "AZL0160" in log.text(), LIVE)
    staging = served.gate.parent / "copy.yaml.staging"
    shutil.rmtree(staging)
    staging.write_text("")
    gateway.graceful()
    gateway.until(lambda: "AZL0156" in log.text())

    def kept():
        client = Kept(gateway)
        return client.ask(chat("kept")).status == 200 and not client.closed

    gateway.until(kept)
    staging.unlink()


def test_nobody_gives_notice(gateway, served, log):
    """Whoever is killed, the change is made."""
    log.expect("AH00052")
    served.start()
    killed = []
    for number in range(3):
        begun = log.text().count("AZL0154")
        served.change(f"new-{number}")
        gateway.until(lambda: log.text().count("AZL0154") > begun, LIVE)
        victims = alone(gateway)
        kill(*victims)
        killed += victims
        live(gateway, f"new-{number}")
    assert killed


class Asking(threading.Thread):
    """Keeps a connection and asks all the time."""

    def __init__(self, env, over, **more):
        super().__init__(daemon=True)
        self.client = Kept(env)
        self.over = over
        self.document = chat("kept", **more)
        self.answers = 0
        self.hints = 0  # that the connection ends
        self.wrong = []

    def run(self):
        while not self.over.is_set():
            try:
                if self.client.closed or self.client.is_gone():
                    self.client.connect()
                answer = self.client.ask(self.document)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                self.client.closed = True
                continue
            if answer.status != 200:
                self.wrong.append(answer.text)
            self.answers += 1
            self.hints += self.client.closed


def test_no_request_fails(gateway, served, sim):
    served.start()
    # streams of about a second, which end at any time
    sim.script({"delay": 0.01, "chunk_delay": 0.1, "times": 1000000})
    over = threading.Event()
    load = [
        Asking(gateway, over, stream=number % 2 == 1) for number in range(6)
    ]
    for one in load:
        one.start()
    changes = 4
    for number in range(changes):
        served.change(f"new-{number}")
        live(gateway, f"new-{number}")
    time.sleep(0.5)
    over.set()
    for one in load:
        one.join(60)
        assert not one.is_alive()
    assert [one.wrong for one in load if one.wrong] == []
    assert all(one.answers > changes and one.hints for one in load)
