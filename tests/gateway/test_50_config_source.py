"""A configuration that lies elsewhere, here in a file. What changes there is
live within the interval and five seconds more, and what is wrong changes
nothing."""

import os
import re
import time

import pytest
from ask import chat
from sources import (
    INTERVAL,
    LIVE,
    RESTARTS,
    checks,
    folder,
    line,
    live,
    models,
    nothing,
    put,
    source,
    start,
    yaml,
)

configure = nothing


def test_live_without_a_restart_of_ours(restart, gateway, sim, log):
    log.expect(*RESTARTS)
    where = folder(gateway, "file")
    document, copy = where / "config.yaml", where / "copy.yaml"
    put(document, yaml(sim, "first"))
    start(restart, gateway, sim, f"file:{document}", copy)
    # there was no copy: the agent brings it at once
    live(gateway, "first")
    put(document, yaml(sim, "first", "second"))
    live(gateway, "second")
    assert copy.read_text() == document.read_text()

    def answers():
        # a process of before may still take a connection
        with gateway.client() as fresh:
            answer = fresh.post("/v1/chat/completions", json=chat("second"))
        return answer.status_code == 200

    gateway.until(answers)
    put(document, yaml(sim, "second"))

    def gone():
        with gateway.client() as fresh:
            return models(fresh) == ["second"]

    gateway.until(gone, LIVE)


def test_readiness_until_there_is_one(restart, gateway, sim, client, log):
    log.expect("AZL015[78]", *RESTARTS)
    where = folder(gateway, "late")
    document, copy = where / "config.yaml", where / "copy.yaml"
    start(restart, gateway, sim, f"file:{document}", copy)
    assert client.get("/health/readiness").status_code == 503
    assert client.get("/health/liveness").status_code == 200
    gateway.until(lambda: "AZL0157" in log.text())
    put(document, yaml(sim, "m1"))

    def ready():
        with gateway.client() as fresh:
            return fresh.get("/health/readiness").status_code == 200

    gateway.until(ready, LIVE)


def test_copy_when_the_source_is_away(restart, gateway, sim, log):
    log.expect("AZL0157")
    where = folder(gateway, "away")
    copy = where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    start(
        restart, gateway, sim, "http://127.0.0.1:9/config/gateway.yaml", copy
    )
    live(gateway, "kept")
    gateway.until(lambda: "AZL0157" in log.text())


def model(*parameters):
    return "\n".join(
        ["model_list:", "  - model_name: x", "    litellm_params:"]
        + [f"      {one}" for one in parameters]
    ) + "\n"


NOWHERE = "api_base: http://127.0.0.1:9"
BY_ITSELF = {
    "syntax": "model_list: [\n",
    "member": "model_list:\n  - model_name: x\n",
    "secret": model("model: azure/d1", NOWHERE, "api_key: WRITTEN-HERE"),
    "unread secret": "model_list: []\n"
    "litellm_settings: {cache_params: {password: WRITTEN-HERE}}\n",
    "broken secret": model("api_key: WRITTEN-HERE", "model: ["),
    "strict": "model_list: []\nguardrails: [x]\n",
}
# What looks as a certificate does, and is none.
PEM = (
    "-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n"
)
BY_HTTPD = {
    "authority": "litellm_settings: {ssl_verify: FOLDER/ca.pem}\n"
    + model(
        "model: azure/d1", "api_base: https://127.0.0.1:9",
        "api_key: os.environ/SIM_KEY",
    ),
    "environment": model(
        "model: azure/d1", NOWHERE, "api_key: os.environ/NOBODY_HAS_SET_THIS"
    ),
    "url": model(
        "model: azure/d1", "api_base: 'ftp://nowhere'",
        "api_key: os.environ/SIM_KEY",
    ),
}


def begin_refusing(restart, env, sim, log, name, text):
    """What was right stays, and once it is told is enough."""
    where = folder(env, name.replace(" ", "-"))
    (where / "ca.pem").write_text(PEM)
    text = text.replace("FOLDER", str(where))
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, text)
    options = ["strict=on"] if name == "strict" else []
    start(restart, env, sim, f"file:{document}", copy, *options)
    env.until(lambda: refusals(log), LIVE)
    with env.client() as client:
        assert models(client) == ["kept"]
    assert copy.read_text() == yaml(sim, "kept")
    return where, text


def refusals(log):
    return re.findall("AZL0152|AZL0160", log.text())


@pytest.mark.parametrize("name", BY_HTTPD)
def test_refused_by_httpd(restart, gateway, sim, log, name):
    log.expect("AZL0152")
    where, text = begin_refusing(
        restart, gateway, sim, log, name, BY_HTTPD[name]
    )
    assert (where / "copy.yaml.refused").read_text() == text
    if name == "url":
        # once is enough
        time.sleep(INTERVAL + 2)
    assert refusals(log) == ["AZL0152"]
    # it is told first
    gateway.until(lambda: not (where / "copy.yaml.check").exists())


@pytest.mark.parametrize("name", BY_ITSELF)
def test_refused_by_itself(restart, gateway, sim, log, name):
    """It may hold a secret: it is not even written down."""
    log.expect("AZL0160")
    where, _ = begin_refusing(
        restart, gateway, sim, log, name, BY_ITSELF[name]
    )
    assert sorted(path.name for path in where.rglob("*")) == [
        "ca.pem", "config.yaml", "copy.yaml", "copy.yaml.staging",
    ]
    assert "WRITTEN-HERE" not in log.text()
    assert refusals(log) == ["AZL0160"]


def test_told_again(restart, gateway, sim, log):
    """Not after a restart for another source, but after the operator's, who
    may have mended what was wrong."""
    log.expect("AZL0160", *RESTARTS)
    where = folder(gateway, "told")
    names = ["wrong", "right"]
    put(where / "wrong.yaml", "model_list: [\n")
    put(where / "right.yaml", yaml(sim, "right"))
    conf = gateway.conf().add("AzureLITProbe off", "AzureLITMetrics open")
    for name in names:
        (where / f"{name}.copy").write_text(yaml(sim, name))
        document = where / f"{name}.yaml"
        conf.add(line(f"file:{document}", where / f"{name}.copy"))
    restart(conf.add("ServerLimit 32"))
    gateway.until(lambda: refusals(log), LIVE)
    put(where / "right.yaml", yaml(sim, "new"))
    live(gateway, "wrong", "new")
    now = time.time()

    def looked():
        with gateway.client() as client:
            return counted(client, "read_timestamp_seconds") > now

    gateway.until(looked, LIVE)
    assert refusals(log) == ["AZL0160"]
    gateway.graceful()
    gateway.until(lambda: len(refusals(log)) == 2, LIVE)


def test_mended_by_the_operator(restart, gateway, sim, log):
    """What httpd.conf was to blame for is taken with the restart that mends
    it, however seldom the source is read."""
    log.expect("AZL0152", *RESTARTS)
    where = folder(gateway, "mended")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, yaml(sim, "new"))
    rule = where / "rule.conf"
    # nobody may have the new one
    rule.write_text(f"<IfDefine AZURELIT_CANDIDATE:{copy}>\nNo\n</IfDefine>")
    conf = gateway.conf().add("AzureLITProbe off", "ServerLimit 32")
    conf.add(f"Include {rule}")
    restart(conf.add(line(f"file:{document}", copy, interval=3600)))
    gateway.until(lambda: refusals(log), LIVE)
    rule.write_text("")
    gateway.graceful()
    live(gateway, "new")


def test_check_without_end(restart, gateway, sim, log):
    """What httpd waits for in vain is refused; all goes on as before."""
    log.expect("AZL0164", "AZL0160")
    where = folder(gateway, "endless")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, yaml(sim, "new"))
    # who opens it waits for somebody at the other end
    gate = where / "gate"
    os.mkfifo(gate)
    restart(
        source(gateway, f"file:{document}", copy, "check-limit=1s").add(
            f"<IfDefine AZURELIT_CANDIDATE:{copy}>",
            f"Include {gate}",
            "</IfDefine>",
            "AzureLITMetrics open",
        )
    )
    gateway.until(lambda: "AZL0164" in log.text(), LIVE)
    assert "not done with it in 1 seconds (check-limit=)" in log.text()
    gateway.until(lambda: not checks(copy))
    with gateway.client() as client:
        assert models(client) == ["kept"]
        assert counted(client, "refused_total") == 1
        assert counted(client, "changes_total") == 0
    assert (where / "copy.yaml.refused").read_text() == yaml(sim, "new")
    assert copy.read_text() == yaml(sim, "kept")
    gateway.until(lambda: not (where / "copy.yaml.check").exists())
    # somebody is there to see what comes next, and once was enough
    put(document, "model_list: [\n")
    gateway.until(lambda: "AZL0160" in log.text(), LIVE)
    assert log.text().count("AZL0164") == 1


def test_after_a_refusal(restart, gateway, sim, log):
    log.expect("AZL0160", *RESTARTS)
    where = folder(gateway, "again")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    put(document, "model_list: [\n")
    start(restart, gateway, sim, f"file:{document}", copy)
    gateway.until(lambda: refusals(log), LIVE)
    put(document, yaml(sim, "right"))
    live(gateway, "right")


def test_cannot_be_written(restart, gateway, sim, log):
    log.expect("AZL015[78]", *RESTARTS)
    where = folder(gateway, "closed")
    document, copy = where / "config.yaml", where / "copy.yaml"
    put(document, yaml(sim, "kept"))
    copy.write_text(document.read_text())
    start(restart, gateway, sim, f"file:{document}", copy)
    staging = where / "copy.yaml.staging"
    owner = staging.stat()
    # as if it were full
    os.chown(staging, os.geteuid(), os.getegid())
    staging.chmod(0o500)
    put(document, yaml(sim, "new"))
    gateway.until(lambda: "cannot be written" in log.text(), LIVE)
    live(gateway, "kept")
    os.chown(staging, owner.st_uid, owner.st_gid)
    staging.chmod(0o700)
    live(gateway, "new")


@pytest.mark.parametrize(
    "what, number",
    [("copy.yaml.new.tmp", "AZL0159"), ("copy.yaml", "AZL0153")],
)
def test_cannot_be_kept(restart, gateway, sim, log, what, number):
    """By the parent, which is root as a rule: something is in its way."""
    log.expect(number, *RESTARTS)
    where = folder(gateway, number)
    document, copy = where / "config.yaml", where / "copy.yaml"
    put(document, yaml(sim, "kept"))
    copy.write_text(document.read_text())
    start(restart, gateway, sim, f"file:{document}", copy)
    live(gateway, "kept")
    obstacle = where / what
    obstacle.unlink(missing_ok=True)
    (obstacle / "something").mkdir(parents=True)
    put(document, yaml(sim, "new"))
    gateway.until(lambda: number in log.text(), LIVE)
    live(gateway, "kept")
    (obstacle / "something").rmdir()
    obstacle.rmdir()
    live(gateway, "new")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "needs a URL"),
        ("https://host/x", "copy=/path is missing"),
        ("ftp://host/x copy=c", "https://host/path"),
        ("https://host copy=c", "no host or no path"),
        ("https://me@host/x copy=c", "may not name a user"),
        ("file:x copy=c", "absolute path"),
        ("file:/x copy=c credential=sas:env:SIM_KEY", "needs no credential"),
        ("https://host/x copy=c credential=secret", "connection-string:env:"),
        ("https://host/x copy=c credential=sas:sig=1", "must be a reference"),
        ("https://host/x copy=c credential=sas:env:SIM_KEY", "sig="),
        (
            "https://host/x copy=c credential=connection-string:env:SIM_KEY",
            "AccountName",
        ),
        ("https://host/x copy=c interval=0s", "1s to 86400s"),
        ("https://host/x copy=c check-limit=0s", "1s to 3600s"),
        ("https://host/x copy=c check-limit=1500ms", "whole seconds"),
        ("https://host/x copy=c strict=yes", "on or off"),
        ("https://host/x copy=c every=1s", "interval="),
        ("https://host/x copy=/nobody/has/this", "folder of copy="),
        ("https://host/x copy=/dev/null/this", "folder of copy="),
    ],
)
def test_mistakes(gateway, text, said):
    code, text = gateway.check(
        source(gateway, "file:/nothing", "other").add(
            f"AzureLITConfigSource {text}"
        )
    )
    assert code == 1
    assert said in text and gateway.sim_key not in text


def test_two_with_one_copy(gateway):
    code, text = gateway.check(
        source(gateway, "file:/a", "c").add(
            "AzureLITConfigSource file:/b copy=c"
        )
    )
    assert code == 1 and "the same copy=" in text


def test_one_of_two_is_away(restart, gateway, sim, log):
    """Each has an interval of its own, and none waits for the other's."""
    log.expect("AZL015[78]", *RESTARTS)
    where = folder(gateway, "lines")
    first, second = where / "first.yaml", where / "second.yaml"
    put(first, yaml(sim, "first"))
    conf = gateway.conf().add("AzureLITProbe off", "ServerLimit 32")
    for document in (first, second):
        copy = document.with_suffix(".copy")
        conf.add(line(f"file:{document}", copy, interval=3600))
    restart(conf)
    live(gateway, "first")
    put(second, yaml(sim, "second"))
    live(gateway, "first", "second")


def test_candidates_of_others(gateway, sim):
    """httpd -t reads what it is told to, not what lies beside it."""
    where = folder(gateway, "candidates")
    conf = gateway.conf()
    copies = [where / name for name in ("a.yaml", "b.yaml")]
    for copy in copies:
        copy.write_text(yaml(sim, copy.stem))
        conf.add(line(f"file:{where}/nothing", copy))
    (where / "b.yaml.new").write_text("model_list: [\n")

    def check(*defines):
        words = [word for one in defines for word in ("-D", one)]
        return gateway.check(conf, *words)[0]

    candidate = "AZURELIT_CANDIDATE"
    assert check() == 0
    assert check(f"{candidate}:{copies[0]}") == 0
    assert check(f"{candidate}:{copies[1]}") == 1
    assert check(candidate) == 1


# -------------------------------------------------------------------- metrics


def counted(client, name):
    """The value for the first source."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    values = [
        line.rsplit(" ", 1)[1] for line in answer.text.splitlines()
        if line.startswith(f"azurelit_config_source_{name}{{")
    ]
    return float(values[0]) if values else None


def test_metrics(restart, gateway, sim, log):
    log.expect("AZL015[78]", "AZL0160", *RESTARTS)
    where = folder(gateway, "metrics")
    document, copy = where / "config.yaml", where / "copy.yaml"
    copy.write_text(yaml(sim, "kept"))
    begun = time.time()
    conf = source(gateway, f"file:{document}", copy)
    restart(conf.add("AzureLITMetrics open"))
    with gateway.client() as client:
        gateway.until(lambda: counted(client, "failed_total"))
        assert counted(client, "read_timestamp_seconds") is None
    put(document, "model_list: [\n")
    gateway.until(lambda: refusals(log), LIVE)
    put(document, yaml(sim, "new"))
    live(gateway, "new")
    with gateway.client() as client:
        assert counted(client, "refused_total") == 1
        assert counted(client, "changes_total") == 1
        assert begun <= counted(client, "read_timestamp_seconds")


def test_metrics_of_one_source_twice(restart, gateway, sim, log):
    """Two servers may read the same; no sample may be there twice."""
    log.expect("AZL0157")
    where = folder(gateway, "twice")
    conf = gateway.conf().add("AzureLITProbe off", "AzureLITMetrics open")
    for name in ("a", "b"):
        (where / name).write_text(yaml(sim, name))
        conf.add(line(f"file:{where}/nothing", where / name))
    restart(conf)
    with gateway.client() as client:
        samples = [
            one.rpartition(" ")[0]
            for one in client.get("/metrics").text.splitlines()
            if one.startswith("azurelit_config_source_failed_total{")
        ]
    assert len(samples) == 2
    assert len(set(samples)) == 2


def test_many_lines(restart, gateway, log):
    """What a line says is there for as long as the server runs."""
    log.expect("AZL0157")
    where = folder(gateway, "lines-" + "x" * 150)
    copies = [where / f"copy-{number}.yaml" for number in range(40)]
    conf = gateway.conf().add("AzureLITProbe off", "AzureLITMetrics open")
    for copy in copies:
        conf.add(line(f"file:{where}/nothing", copy, interval=3600))
    restart(conf)
    with gateway.client() as client:
        text = client.get("/metrics").text
    shown = re.findall('source_failed_total{.*copy="(.*)"}', text)
    assert shown == [str(copy) for copy in copies]
