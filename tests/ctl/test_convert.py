"""azurelitctl convert, check: configurations of LiteLLM."""

import pytest

GOOD = """\
model_list:
  - model_name: gpt-4.1
    litellm_params:
      model: azure/gpt-4.1
      api_base: https://swc.openai.azure.com
      api_key: os.environ/SWC_KEY
"""
LITERAL = GOOD.replace("os.environ/SWC_KEY", "sk-SECRET")
UNSUPPORTED = GOOD + "litellm_settings:\n  cache: true\n"
WRONG = GOOD + "router_settings:\n  num_retries: many\n"


@pytest.fixture
def config(tmp_path):
    def write(text, name="litellm.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("command", ["convert", "check"])
def test_help(ctl, command):
    r = ctl(command, "--help")
    assert r.code == 0
    assert r.out.startswith(f"usage: azurelitctl {command} [--strict] FILE")


@pytest.mark.parametrize("command", ["convert", "check"])
@pytest.mark.parametrize("words", [[], ["--strict"], ["--nonsense", "x"], ["--strict=1", "x"]])
def test_wrong_usage(ctl, command, words):
    r = ctl(command, *words)
    assert r.code == 2
    assert r.out == ""
    assert r.err.startswith("azurelitctl: ")


def test_convert_takes_one_file(ctl, config):
    path = config(GOOD)
    assert ctl("convert", path, path).code == 2


def test_convert(ctl, config):
    path = config(GOOD)
    r = ctl("convert", path)
    assert r.code == 0
    assert r.err == ""
    assert r.out.splitlines() == [
        f"# Made of {path} by azurelitctl convert.",
        "# line 2",
        "AzureLITEndpoint swc https://swc.openai.azure.com dialect=azure credential=env:SWC_KEY",
        "AzureLITModel gpt-4.1 swc/gpt-4.1",
    ]


def test_convert_prints_no_secret(ctl, config):
    path = config(LITERAL)
    r = ctl("convert", path)
    assert r.code == 0
    assert "credential=env:AZURELIT_SWC_SECRET" in r.out
    assert r.err.startswith(f"{path}:6: warning: api_key")
    assert "AZURELIT_SWC_SECRET" in r.err
    assert "sk-SECRET" not in r.out + r.err


def test_convert_tells_what_is_left_out(ctl, config):
    path = config(UNSUPPORTED)
    r = ctl("convert", path)
    assert r.code == 0
    assert r.err.startswith(f"{path}:8: unsupported: litellm_settings.cache ")
    assert "AzureLITModel" in r.out


@pytest.mark.parametrize("text, words", [(UNSUPPORTED, ["--strict"]), (WRONG, [])])
def test_convert_fails_whole(ctl, config, text, words):
    r = ctl("convert", *words, config(text))
    assert r.code == 1
    assert r.out == ""
    assert ":8: " in r.err


@pytest.mark.parametrize("command", ["convert", "check"])
def test_no_file(ctl, tmp_path, command):
    r = ctl(command, tmp_path / "none.yaml")
    assert r.code == 1
    assert "cannot read" in r.err


@pytest.mark.parametrize(
    "text, words, code, counts",
    [
        (GOOD, [], 0, "0 errors, 0 not supported, 0 warnings"),
        (LITERAL, ["--strict"], 0, "0 errors, 0 not supported, 1 warnings"),
        (UNSUPPORTED, [], 0, "0 errors, 1 not supported, 0 warnings"),
        (UNSUPPORTED, ["--strict"], 1, "0 errors, 1 not supported, 0 warnings"),
        (WRONG, [], 1, "1 errors, 0 not supported, 0 warnings"),
    ],
)
def test_check(ctl, config, text, words, code, counts):
    path = config(text)
    r = ctl("check", *words, path)
    assert r.code == code
    assert r.out == f"{path}: 1 deployments at 1 endpoints, {counts}\n"
    assert r.err.count(f"{path}:") == (text != GOOD)


def test_check_several(ctl, config):
    good, wrong = config(GOOD), config(WRONG, "wrong.yaml")
    r = ctl("check", wrong, good)
    assert r.code == 1
    assert [line.split(":")[0] for line in r.out.splitlines()] == [str(wrong), str(good)]


def test_check_leaves_directives_to_httpd(ctl, config):
    r = ctl("check", config("AzureLIT on\n", "own.conf"))
    assert r.code == 2
    assert "httpd -t" in r.err
