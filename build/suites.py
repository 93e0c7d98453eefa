"""The suites of build/test, and their sum.

Each suite says how many checks passed, failed and were skipped. A suite that
cannot start, or ends without saying, has failed: nothing is lost silently.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
WORK = TOP / "build-test"
PROCESSES = "2"
# Tests wait more than they work; with sanitizers each needs more memory.
TESTS_AT_ONCE = {"gcc": "5", "asan": "4"}


class Sum:
    passed = failed = skipped = 0

    def add(self, name, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        print(
            f"--- {name}: {passed} passed, {failed} failed, "
            f"{skipped} skipped ({seconds:.0f} s)",
            flush=True,
        )


total = Sum()


def suite(name):
    """Run a function that returns (passed, failed, skipped) as a suite."""

    def decorate(function):
        def wrapped(*arguments, **options):
            title = name.format(*arguments)
            print(f"=== {title}", flush=True)
            start = time.monotonic()
            try:
                counts = function(*arguments, **options)
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{title}: {error}", flush=True)
                counts = (0, 1, 0)
            total.add(title, *counts, time.monotonic() - start)
            return counts[1] == 0

        return wrapped

    return decorate


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def quiet(*command, **options):
    """Run a command whose output only matters when it fails."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-60:]), flush=True)
        raise subprocess.SubprocessError(f"{command[0]} failed")
    return done.stdout


# --------------------------------------------------------------------- tools


def packages(source, where):
    """A copy of what is there, with what npm has to install."""
    shutil.copytree(
        source,
        where,
        ignore=shutil.ignore_patterns("node_modules"),
        dirs_exist_ok=True,
    )
    lock = (source / "package-lock.json").read_text()
    stamp = where / ".installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    quiet("npm", "ci", "--no-audit", "--no-fund", cwd=where)
    stamp.write_text(lock)


@suite("tools")
def tools():
    venv = WORK / "venv"
    wanted = TOP / "tests" / "requirements.txt"
    stamp = venv / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        quiet(sys.executable, "-m", "venv", "--clear", venv)
        quiet(venv / "bin" / "pip", "install", "-q", "-r", wanted)
        shutil.copy(wanted, stamp)
    for name in ("sdk-node", "cli", "azurite"):
        packages(TOP / "tests" / name, WORK / name)
    return 1, 0, 0


@suite("build with {0} {1}")
def tree(directory, *arguments):
    run(TOP / "build" / "tree", f"build-test/{directory}", *arguments)
    # The test programs too, without running them.
    quiet("make", "-s", f"-j{PROCESSES}", "check", "TESTS=",
          cwd=WORK / directory)
    return 1, 0, 0


# --------------------------------------------------------------- make check


def make_variable(directory, name):
    makefile = f"include Makefile\nprint-it:\n\t@echo $({name})\n"
    return subprocess.run(
        ["make", "-s", "-f", "-", "print-it"],
        input=makefile,
        cwd=directory,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()


@suite("make check in {0}")
def make_check(directory):
    where = WORK / directory
    for old in where.rglob("*.trs"):
        old.unlink()
    log = where / "check.out"
    with log.open("w") as out:
        subprocess.run(
            ["make", "-k", f"-j{PROCESSES}", "check"],
            cwd=where,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    passed = failed = skipped = 0
    for test in make_variable(where, "TESTS"):
        stem = test[:-3] if test.endswith(".sh") else test
        report = where / f"{stem}.trs"
        if not report.exists():
            print(f"{test} did not run; see {log}")
            failed += 1
            continue
        results = re.findall(
            r"^:test-result: (\w+) ?(.*)$", report.read_text(), re.M
        )
        good = sum(result in ("PASS", "XFAIL") for result, _ in results)
        skip = sum(result == "SKIP" for result, _ in results)
        bad = len(results) - good - skip
        if not results:
            bad = 1
        if bad:
            print((where / f"{stem}.log").read_text(errors="replace")[-4000:])
            for result, name in results:
                if result not in ("PASS", "XFAIL", "SKIP"):
                    print(f"{test}: {result} {name}")
        passed += good
        failed += bad
        skipped += skip
    return passed, failed, skipped


# -------------------------------------------------------------------- pytest


@suite("pytest in {0}")
def gateway(directory, *arguments):
    where = WORK / directory
    report = where / "pytest.xml"
    report.unlink(missing_ok=True)
    # The httpd of this tree first: with sanitizers it is a wrapper.
    programs = where / "programs"
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    (programs / "httpd").symlink_to(make_variable(where, "HTTPD")[0])
    (programs / "apxs").symlink_to(make_variable(where, "APXS")[0])
    findings = where / "findings"
    shutil.rmtree(findings, ignore_errors=True)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "AZURELIT_BUILD": str(where),
        "AZURELIT_SDK_NODE": str(WORK / "sdk-node"),
        "AZURELIT_CLI": str(WORK / "cli"),
        "AZURELIT_AZURITE": str(WORK / "azurite"),
        "AZURELITCTL": str(where / "azurelitctl"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [
            WORK / "venv" / "bin" / "python",
            "-m",
            "pytest",
            "-q",
            "-n",
            TESTS_AT_ONCE[directory],
            "--dist",
            "worksteal",
            "-p",
            "no:cacheprovider",
            "--junitxml",
            report,
            *arguments,
            TOP / "tests",
        ],
        cwd=where,
        env=environment,
    )
    if not report.exists():
        print(f"pytest ended with {done.returncode} and no report")
        return 0, 1, 0
    tests = failed = skipped = 0
    for element in ElementTree.parse(report).getroot().iter("testsuite"):
        tests += int(element.get("tests"))
        failed += int(element.get("failures")) + int(element.get("errors"))
        skipped += int(element.get("skipped"))
    passed = tests - failed - skipped
    # 1 is "some failed", already counted; anything else but 0 went wrong in
    # another way.
    if done.returncode not in (0, 1) or tests == 0:
        failed += 1
    for finding in findings.glob("*"):
        print("".join(finding.read_text().splitlines(True)[:40]))
        failed += 1
    return passed, failed, skipped


# ------------------------------------------------------------------- release


@suite("the plain apxs way")
def apxs_way():
    where = WORK / "apxs"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    for name in ("mod_azurelit.c", "src", "include"):
        source = TOP / name
        if source.is_dir():
            shutil.copytree(
                source, where / name, ignore=shutil.ignore_patterns("*.o", "*.lo")
            )
        else:
            shutil.copy(source, where / name)
    apxs = make_variable(WORK / "gcc", "APXS")[0]
    # The line of README.md, as a user pastes it.
    line = next(
        line.strip()
        for line in (TOP / "README.md").read_text().splitlines()
        if line.strip().startswith("apxs -c ")
    )
    quiet("sh", "-c", line.replace("apxs", apxs, 1), cwd=where)
    module = where / ".libs" / "mod_azurelit.so"
    httpd = make_variable(WORK / "gcc", "HTTPD")[0]
    libexec = quiet(apxs, "-q", "LIBEXECDIR").strip()
    conf = where / "httpd.conf"
    loads = "".join(
        f'LoadModule {name}_module "{libexec}/mod_{name}.so"\n'
        for name in ("mpm_event", "authz_core", "proxy", "proxy_http")
        if Path(libexec, f"mod_{name}.so").exists()
    )
    conf.write_text(
        f'ServerRoot "{where}"\nErrorLog "{where}/error.log"\n'
        f"ServerName localhost\nListen 127.0.0.1:4199\n{loads}"
        f'LoadModule azurelit_module "{module}"\nAzureLIT on\n'
    )
    quiet(httpd, "-f", conf, "-t")
    return 1, 0, 0


@suite("make distcheck")
def distcheck():
    # Built, installed and removed again from a release; the tests themselves
    # ran before.
    quiet("make", "-s", f"-j{PROCESSES}", "distcheck", "TESTS=",
          cwd=WORK / "gcc")
    return 1, 0, 0


def main(arguments):
    quick = arguments == ["quick"]
    if arguments and not quick:
        sys.exit("usage: build/test [quick]")
    WORK.mkdir(exist_ok=True)
    have_tools = tools()
    if tree("gcc", "--enable-werror"):
        make_check("gcc")
        if have_tools:
            gateway("gcc")
        apxs_way()
    if not quick:
        # It is there for its warnings, which need no optimizing.
        tree("clang", "--enable-werror", "CC=clang", "CFLAGS=-O0")
        if tree("asan", "--enable-werror", "--enable-sanitizers"):
            make_check("asan")
            if have_tools:
                # There is no code of ours in the simulators' own tests, and
                # what the recordings go through is in the unit tests too.
                gateway(
                    "asan",
                    *(
                        f"--ignore={TOP}/tests/{name}"
                        for name in ("sim", "recordings")
                    ),
                )
        distcheck()
    print(
        f"{total.passed} passed, {total.failed} failed, "
        f"{total.skipped} skipped"
    )
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
