"""azurelitctl usage."""

import csv
import gzip
import io
import json
import subprocess
from decimal import Decimal

import pytest

HASH_A = "aaaaaaaaaaaaaaaa"
HASH_B = "bbbbbbbbbbbbbbbb"


def record(**members):
    """A usage record as the module writes it."""
    r = {
        "time": "2026-11-21T09:50:00.123Z",
        "request_id": "r1",
        "key_name": "team-a",
        "key_hash": HASH_A,
        "surface": "chat",
        "model": "gpt-4.1",
        "deployment": "swc/gpt-4.1",
        "endpoint": "swc",
        "status": 200,
        "error": None,
        "attempts": 1,
        "streamed": False,
        "prompt_tokens": 100,
        "cached_tokens": 25,
        "cache_write_tokens": 5,
        "completion_tokens": 10,
        "reasoning_tokens": 4,
        "audio_seconds": 0.0,
        "cost_usd": Decimal("0.00033"),
        "first_token_ms": 400.5,
        "total_ms": 1000.0,
        "bytes_in": 1000,
        "bytes_out": 600,
    }
    r.update(members)
    return r


def refused(**members):
    unknown = {
        name: None
        for name in record()
        if name.endswith("_tokens") or name in ("cost_usd", "audio_seconds")
    }
    return record(status=401, error="AuthenticationError", **{**unknown, **members})


def line(r):
    cost = r["cost_usd"]
    text = json.dumps({**r, "cost_usd": "@"}, separators=(",", ":"))
    return text.replace('"@"', "null" if cost is None else format(cost, "f")) + "\n"


def log(*records):
    return "".join(line(r) for r in records)


@pytest.fixture
def report(ctl):
    """The report over some text, as Python sees the JSON of it."""

    def run(text, *options):
        r = ctl("usage", "--format", "json", *options, "-", stdin=text)
        assert r.code == 0, r.err
        return json.loads(r.out, parse_float=Decimal)

    return run


def test_sums(report):
    total = report(log(record(), record(), refused()))["total"]
    assert total == {
        "requests": 3,
        "errors": 1,
        "unpriced": 0,
        "estimated": 0,
        "prompt_tokens": 200,
        "cached_tokens": 50,
        "cache_write_tokens": 10,
        "completion_tokens": 20,
        "reasoning_tokens": 8,
        "cached_share": Decimal("0.250"),
        "cost_usd": Decimal("0.00066"),
        "estimated_cost_usd": 0,
    }


def test_estimates(report):
    """How much of the sums is not the provider's word."""
    text = log(
        record(estimated=False),
        record(estimated=True),
        record(estimated=True, cost_usd=None),
        record(estimated=True, cost_usd=Decimal("1.5"), model="gpt-5.1"),
    )
    total = report(text)["total"]
    assert (total["estimated"], total["unpriced"]) == (3, 1)
    assert total["cost_usd"] == Decimal("1.50066")
    assert total["estimated_cost_usd"] == Decimal("1.50033")
    groups = report(text, "--group-by", "model")["groups"]
    assert [one["estimated"] for one in groups] == [1, 2]
    assert groups[1]["estimated_cost_usd"] == Decimal("0.00033")


def test_made_in_the_background(report):
    """Told later, perhaps by several instances: the tokens count once, and
    the telling is no request."""
    told = {"surface": "responses.get", "response": "0123456789abcdef"}
    made = {**refused(), "status": 200, "error": None,
            "surface": "responses", "response": "0123456789abcdef"}
    other = {"surface": "responses.cancel", "response": "fedcba9876543210"}
    total = report(log(made, record(**told), record(**told), record(**other),
                       record(), record(response=None)))["total"]
    assert total["requests"] == 3
    assert total["prompt_tokens"] == 400
    assert total["cost_usd"] == 4 * Decimal("0.00033")


def test_cost_is_exact(report):
    # Ten times 0.1 is no 1 in binary; and a sum beyond 63 bits of pico-dollars.
    assert report(log(*[record(cost_usd=Decimal("0.1"))] * 10))["total"]["cost_usd"] == 1
    big = Decimal("999999.999999999999")
    total = report(log(*[record(cost_usd=big)] * 20))["total"]
    assert total["cost_usd"] == big * 20


def test_errors_are_counted_once(report):
    total = report(
        log(
            record(),
            record(status=429, error="RateLimit"),
            record(status=200, error="Truncated"),
            record(status=500, error=None),
        )
    )["total"]
    assert total["errors"] == 3


def test_unpriced(report):
    total = report(log(record(cost_usd=None), record(), refused()))["total"]
    assert total["unpriced"] == 1
    assert total["cost_usd"] == Decimal("0.00033")


def test_no_lines(report):
    r = report("")
    assert r["total"]["requests"] == 0
    assert r["total"]["cached_share"] is None
    assert r["total"]["cost_usd"] == 0
    assert r["groups"] == []
    assert r["group_by"] is None
    assert r["broken_lines"] == 0


# ---- groups


def test_group_by_key(report):
    r = report(
        log(
            record(),
            record(key_name="team-b", key_hash=HASH_B, cost_usd=Decimal("7")),
            record(),
            refused(key_name=None, key_hash=None),
        ),
        "--group-by",
        "key",
    )
    assert r["group_by"] == "key"
    # the most expensive first
    assert [(g["key"], g["key_hash"], g["requests"]) for g in r["groups"]] == [
        ("team-b", HASH_B, 1),
        ("team-a", HASH_A, 2),
        ("(none)", None, 1),
    ]
    assert r["total"]["requests"] == 4


def test_group_by_key_tells_keys_of_one_name_apart(report):
    r = report(log(record(), record(key_hash=HASH_B)), "--group-by=key")
    assert [(g["key"], g["key_hash"]) for g in r["groups"]] == [
        ("team-a", HASH_A),
        ("team-a", HASH_B),
    ]


def test_group_by_model(report):
    r = report(
        log(
            record(model="b"),
            record(model="a"),
            record(model="c", cost_usd=Decimal("1")),
            refused(model=None),
        ),
        "--group-by",
        "model",
    )
    assert [g["model"] for g in r["groups"]] == ["c", "a", "b", "(none)"]


def test_group_by_day_in_utc(report):
    r = report(
        log(
            record(time="2026-11-22T00:00:00.000Z", cost_usd=Decimal("0")),
            record(time="2026-11-21T23:59:59.999Z"),
            record(time="2026-11-22T00:30:00+01:00"),
            record(time="2026-11-01T12:00:00Z"),
        ),
        "--group-by",
        "day",
    )
    assert [(g["day"], g["requests"]) for g in r["groups"]] == [
        ("2026-11-01", 1),
        ("2026-11-21", 2),
        ("2026-11-22", 1),
    ]


def test_groups_have_a_limit(report):
    text = "".join(line(record(model=f"m{n}")) for n in range(20010))
    r = report(text, "--group-by", "model")
    assert len(r["groups"]) == 20001
    assert r["groups"][-1]["model"] == "(other)"
    assert r["groups"][-1]["requests"] == 10
    assert r["total"]["requests"] == 20010


# ---- what counts


TIMES = [
    "2026-11-20T23:59:59.999Z",
    "2026-11-21T00:00:00.000Z",
    "2026-11-21T10:00:00.000Z",
    "2026-11-21T23:59:59.999Z",
    "2026-11-22T00:00:00.000Z",
]


@pytest.mark.parametrize(
    "options, expected",
    [
        ([], 5),
        (["--date", "2026-11-21"], 3),
        (["--from", "2026-11-21"], 4),
        (["--to", "2026-11-21"], 4),
        (["--from", "2026-11-21", "--to", "2026-11-21"], 3),
        (["--from", "2026-11-21T10:00:00Z"], 3),
        (["--to", "2026-11-21T10:00:00Z"], 2),
        (["--from", "2026-11-21T11:00:00+01:00"], 3),
        (["--from", "2026-11-23"], 0),
    ],
)
def test_time(report, options, expected):
    text = log(*[record(time=t) for t in TIMES])
    assert report(text, *options)["total"]["requests"] == expected


@pytest.mark.parametrize(
    "status, expected",
    [("200", 2), ("429", 1), ("4xx", 2), ("2xx", 3), ("5xx", 1), ("404", 0)],
)
def test_status(report, status, expected):
    text = log(*[record(status=s) for s in (200, 200, 204, 401, 429, 502)])
    assert report(text, "--status", status)["total"]["requests"] == expected


@pytest.mark.parametrize(
    "wanted, expected",
    [
        (HASH_A, 2),
        (HASH_A.upper(), 2),
        (HASH_B, 1),
        ("sha256:" + HASH_B + "0" * 48, 1),
        ("0" * 16, 0),
    ],
)
def test_key_hash(report, wanted, expected):
    text = log(record(), record(), record(key_hash=HASH_B), refused(key_hash=None))
    assert report(text, "--key-hash", wanted)["total"]["requests"] == expected


def test_filters_go_together(report):
    text = log(
        record(),
        record(status=429),
        record(status=429, key_hash=HASH_B),
        record(status=429, time="2026-11-22T00:00:00Z"),
    )
    r = report(text, "--status", "429", "--key-hash", HASH_A, "--date", "2026-11-21")
    assert r["total"]["requests"] == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--date", "21.11.2026"],
        ["--date", "2026-11-21T10:00:00Z"],
        ["--date", "2026-02-30"],
        ["--date", "2026-11-21", "--from", "2026-11-21"],
        ["--date", "2026-11-21", "--to", "2026-11-21"],
        ["--from", "yesterday"],
        ["--to", "2026-11"],
        ["--group-by", "team"],
        ["--format", "xml"],
        ["--status", "4"],
        ["--status", "4x"],
        ["--status", "4x1"],
        ["--status", "xxx"],
        ["--status", "40x"],
        ["--status", "4001"],
        ["--key-hash", "abc"],
        ["--key-hash", "g" * 16],
        ["--key-hash", "sha256:" + HASH_A],
        ["--nonsense", "x"],
    ],
)
def test_wrong_options(ctl, options):
    r = ctl("usage", *options, "-", stdin=log(record()))
    assert r.code == 2
    assert r.out == ""
    assert r.err.startswith("azurelitctl: ")


# ---- lines that are none


BROKEN = [
    "nonsense",
    "{}",
    "[]",
    "null",
    '{"time":"2026-11-21T09:50:00Z"}',
    '{"status":200}',
    '{"time":"2026-11-21","status":200}',
    '{"time":null,"status":200}',
    '{"time":5,"status":200}',
    '{"time":"soon","status":200}',
    '{"time":"1969-12-31T00:00:00Z","status":200}',
    '{"time":"2026-11-21T09:50:00Z","status":"200"}',
    '{"time":"2026-11-21T09:50:00Z","status":-1}',
    '{"time":"2026-11-21T09:50:00Z","status":1000}',
    '{"time":"2026-11-21T09:50:00Z","status":200}}',
    '{"time":"2026-11-21T09:50:00Z","status":200',
    '{"time":"2026-11-21T09:50:00Z","status":200,"model":5}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"model":"\\ud800"}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"prompt_tokens":-1}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"prompt_tokens":1.5}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"prompt_tokens":"1"}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"prompt_tokens":1000000000001}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"cost_usd":"1"}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"cost_usd":1e-05}',
    '{"time":"2026-11-21T09:50:00Z","status":200,"cost_usd":-1}',
]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_line(ctl, text):
    r = ctl("usage", "--format", "json", "-", stdin=log(record()) + text + "\n" + log(record()))
    assert r.code == 0
    report = json.loads(r.out)
    assert report["broken_lines"] == 1
    assert report["total"]["requests"] == 2
    assert r.err.startswith("azurelitctl: lines skipped") and "1" in r.err


def test_least_record(report):
    """Other members may be missing, null, or new."""
    r = report(
        '{"time":"2026-11-21T09:50:00Z","status":200}\n'
        '{"time":"2026-11-21T09:50:00Z","status":200,"new":{"a":[1]},"model":null}\n'
    )
    assert r["broken_lines"] == 0
    assert r["total"]["requests"] == 2


def test_empty_lines_and_line_ends(report):
    text = "\n" + line(record()).replace("\n", "\r\n") + "\r\n\n" + line(record()).rstrip("\n")
    r = report(text)
    assert r["total"]["requests"] == 2
    assert r["broken_lines"] == 0


def test_a_cut_off_last_line_is_broken(report):
    r = report(log(record()) + line(record())[:-20])
    assert (r["total"]["requests"], r["broken_lines"]) == (1, 1)


@pytest.mark.parametrize("length", [65534, 65535, 65536, 65537, 131072, 1000000])
def test_long_lines_are_skipped(report, length):
    padded = line(record(request_id="x" * 10))
    padded = padded.replace("x" * 10, "x" * (length - len(padded) + 11))
    assert len(padded) == length + 1
    fits = length < 65536
    r = report(log(record()) + padded + log(record()))
    assert (r["total"]["requests"], r["broken_lines"]) == (2 + fits, 1 - fits)
    r = report(log(record()) + padded.rstrip("\n"))
    assert (r["total"]["requests"], r["broken_lines"]) == (1 + fits, 1 - fits)


def test_lines_at_every_offset_of_the_buffer(report):
    """65536 is no multiple of a line's length: each border comes up."""
    n = 2000
    r = report(log(*[record(request_id="x" * (i % 97)) for i in range(n)]))
    assert (r["total"]["requests"], r["broken_lines"]) == (n, 0)


# ---- files


def test_several_files(ctl, tmp_path):
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    a.write_text(log(record()))
    b.write_text(log(record(), record()))
    r = ctl("usage", a, "--format=json", b, "-", stdin=log(record()))
    assert json.loads(r.out)["total"]["requests"] == 4


def test_a_file_whose_name_looks_like_an_option(binary, tmp_path):
    (tmp_path / "--date").write_text(log(record()))
    done = subprocess.run(
        [binary, "usage", "--", "--date"], cwd=tmp_path, stdout=subprocess.PIPE, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].split()[:2] == [b"total", b"1"]


def test_files_that_cannot_be_read(ctl, tmp_path):
    good = tmp_path / "good.jsonl"
    good.write_text(log(record()))
    r = ctl("usage", "--format", "json", tmp_path / "missing", tmp_path, good)
    assert r.code == 1
    assert f"cannot read {tmp_path / 'missing'}: " in r.err
    assert f"cannot read {tmp_path}: " in r.err
    # the others are reported all the same
    assert json.loads(r.out)["total"]["requests"] == 1


def test_compressed_files_are_refused_with_a_way_out(ctl, tmp_path):
    path = tmp_path / "old.jsonl.gz"
    path.write_bytes(gzip.compress(log(record()).encode()))
    r = ctl("usage", path)
    assert r.code == 1
    assert f"zcat {path} | azurelitctl usage -" in r.err
    assert "skipped" not in r.err


# ---- forms


def test_table(ctl):
    text = log(
        record(estimated=True),
        record(key_name="team-b", key_hash=HASH_B, cost_usd=Decimal("12.5")),
        refused(key_name=None, key_hash=None),
    )
    r = ctl("usage", "--group-by", "key", "-", stdin=text)
    assert r.code == 0
    rows = r.out.splitlines()
    assert len({len(row) for row in rows}) == 1  # columns line up
    assert rows[0].split() == (
        "key requests errors unpriced estimated prompt cached cache write "
        "completion reasoning cached % cost USD estimated USD".split()
    )
    assert rows[1].split() == ["team-b", HASH_B, *"1 0 0 0 100 25 5 10 4 25.0% 12.5 0".split()]
    assert rows[2].split() == ["team-a", HASH_A, *"1 0 0 1 100 25 5 10 4 25.0% 0.00033 0.00033".split()]
    assert rows[3].split() == ["(none)", *"1 1 0 0 0 0 0 0 0 - 0 0".split()]
    assert rows[4].split() == ["total", *"3 1 0 1 200 50 10 20 8 25.0% 12.50033 0.00033".split()]


def test_table_without_groups_is_the_total(ctl):
    rows = ctl("usage", "-", stdin=log(record())).out.splitlines()
    assert len(rows) == 2
    assert rows[1].split()[0] == "total"


def test_table_lets_no_control_character_out(ctl):
    text = log(record(model="a\x1b[31m\nb\x7f"))
    r = ctl("usage", "--group-by", "model", "-", stdin=text)
    assert "a?[31m?b?" in r.out
    assert "\x1b" not in r.out


def test_csv(ctl):
    text = log(record(model='a,"b"'), record(model="c", cost_usd=Decimal("2"), estimated=True),
               refused(model="d"))
    r = ctl("usage", "--group-by", "model", "--format", "csv", "-", stdin=text)
    rows = list(csv.reader(io.StringIO(r.out, newline="")))
    assert rows[0] == [
        "model", "requests", "errors", "unpriced", "estimated",
        "prompt_tokens", "cached_tokens", "cache_write_tokens",
        "completion_tokens", "reasoning_tokens", "cached_share",
        "cost_usd", "estimated_cost_usd",
    ]
    assert rows[1] == ["c", *"1 0 0 1 100 25 5 10 4 0.250 2 2".split()]
    assert rows[2] == [
        'a,"b"', *"1 0 0 0 100 25 5 10 4 0.250 0.00033 0".split()
    ]
    assert rows[3] == ["d", *"1 1 0 0 0 0 0 0 0".split(), "", "0", "0"]
    assert len(rows) == 4
    assert r.out.count("\r\n") == 4


def test_csv_by_key_has_the_hash(ctl):
    r = ctl("usage", "--group-by=key", "--format=csv", "-",
            stdin=log(record(), refused(key_name=None, key_hash=None)))
    rows = list(csv.reader(io.StringIO(r.out, newline="")))
    assert rows[0][:2] == ["key", "key_hash"]
    assert [row[:2] for row in rows[1:]] == [["team-a", HASH_A], ["(none)", ""]]


def test_csv_without_groups_is_the_total(ctl):
    r = ctl("usage", "--format", "csv", "-", stdin=log(record()))
    rows = list(csv.reader(io.StringIO(r.out, newline="")))
    assert rows[0][0] == "requests"
    assert rows[1] == "1 0 0 0 100 25 5 10 4 0.250 0.00033 0".split()


def test_cached_share_is_rounded(report):
    for cached, share in [(0, "0.000"), (1, "0.333"), (2, "0.667"), (3, "1.000")]:
        total = report(log(record(prompt_tokens=3, cached_tokens=cached)))["total"]
        assert str(total["cached_share"]) == share
