"""`fab run --command`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.run_command import run_command
from tests.hosts.scripts.operations.fakes import Fake, instance, live
from tests.support.releases import OLD


class TestRun:
    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        found = fake("one")
        server = found.servers["one"]
        instance(server, OLD, "good")
        live(server, OLD)
        script = server.path(f"/srv/hello/instances/{OLD}/run")
        script.write_text('#!/bin/sh\nSECRET=shh\nexport SECRET\nexec "$@"\n')
        script.chmod(0o755)
        server.program("setpriv", 'echo "$*" >/var/log/asked; while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
        server.program("id", "echo 999")
        return found

    @pytest.mark.parametrize(
        ("command", "output"),
        [
            ("echo a; echo b >&2", ["a", "b"]),
            ("printf '%s|' 'a b' '$(id)' \"it's\" '\\' '*'", ["a b|$(id)|it's|\\|*|"]),
            ("echo 张伟\necho two", ["张伟", "two"]),
            ("printf 'a\\n\\nb'", ["a", "", "b"]),
            ("cat", []),
            ("echo; echo", ["", ""]),
            ("printf '\\033[31mred\\033[0m\\a\\n'", ["red�"]),
            ("exit 0", []),
        ],
    )
    def test_the_command_reaches_the_shell_unchanged(self, one: Fake, command: str, output: list[str]) -> None:
        run_command(one.run, command)
        assert one.text.splitlines() == output

    def test_it_runs_as_the_app(self, one: Fake) -> None:
        run_command(one.run, "true")
        asked = one.servers["one"].path("/var/log/asked").read_text()
        rights = "--reuid=hello --regid=999 --init-groups --no-new-privs --bounding-set=-all"
        env = "env -i USER=hello LOGNAME=hello LANG=C.UTF-8"
        assert asked.startswith(f"{rights} -- {env} /srv/hello/instances/")

    def test_a_failing_command_is_reported_with_status_1(self, one: Fake) -> None:
        with pytest.raises(SelvedgeError, match="one: the command ended with exit status 7") as caught:
            run_command(one.run, "echo out; exit 7")
        assert caught.value.status == 1
        assert one.text == "out\n"

    def test_exit_status_3_does_not_mean_no_release(self, one: Fake) -> None:
        with pytest.raises(SelvedgeError, match="ended with exit status 3"):
            run_command(one.run, "exit 3")

    def test_nothing_live(self, fake: Callable[..., Fake]) -> None:
        with pytest.raises(SelvedgeError, match="one: no release is live"):
            run_command(fake("one").run, "true")

    @pytest.mark.parametrize("command", ["", "  ", "a\0b"])
    def test_no_command_is_wrong_usage(self, one: Fake, command: str) -> None:
        with pytest.raises(UsageError):
            run_command(one.run, command)
