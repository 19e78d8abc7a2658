"""The messages from servers: what the steps declare for them, and what they need on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.release import preconditions
from selvedge.resources.code.tools import Tool
from selvedge.resources.files import File
from selvedge.resources.messages import APPRISE, MessagesRemoved, check_messages
from tests.support.declared import BACKEND, SETTINGS, every, file, of
from tests.support.tables import check

URLS = "SELVEDGE_NOTIFY__URLS"
BALANCER = {**BACKEND, "groups": {"web": ["web-2"]}, "balancer": {"hosts": ["server"], "backends": "web"}}
MONITOR = {"metrics": {"enabled": True, "server": "server"}}
OTHER = {"hosts": {"web-2": {"address": "10.0.0.3"}}, "groups": {"web": ["web-2"]}}
DATABASE = {**OTHER, "services": {"postgres": True, "hosts": ["server"], "clients": "web"}}
"""The server has the database of web-2, and does not run the app."""


def test_removal() -> None:
    check(MessagesRemoved("hello"), "", None, "")
    summary = "remove the messages from this server"
    check(MessagesRemoved("hello"), "/etc/selvedge/hello/notify-urls\n", summary, "app=hello\nmessages_remove")


@pytest.mark.parametrize("name", [name for name in SETTINGS if not name.startswith("messages") and name != "metrics"])
def test_without_the_setting_nothing_is_on_a_server(app: Callable[..., Target], name: str) -> None:
    settings = app(name, passwords={**SETTINGS[name].get("passwords", {}), URLS: "json://a.test/c4nary"})
    found = list(every(settings))
    assert [each for _, each in found if isinstance(each, MessagesRemoved)]
    assert not [each for _, each in found if isinstance(each, Tool) and each.name == "apprise"]
    texts = [each.text for _, each in found if isinstance(each, File)]
    assert not [text for text in texts if "local/lib/selvedge" in text or "json://a.test/c4nary" in text]


class TestFiles:
    @pytest.mark.parametrize(
        ("urls", "lines"),
        [
            ("json://a.test/%25%20$HOME", "json://a.test/%25%20$HOME\n"),
            (" json://a/'\"`id`\\n \n\tslack://b ", "json://a/'\"`id`\\n\nslack://b\n"),
        ],
    )
    def test_the_addresses_are_in_a_file_of_root_alone(self, app: Callable[..., Target], urls: str, lines: str) -> None:
        settings = app("messages", passwords={URLS: urls})
        found = file("supervisor", settings, "/etc/selvedge/hello/notify-urls")
        assert (found.text, found.mode, found.owner, found.secret) == (lines, "0600", "root", True)
        change = found.plan("absent\n")
        assert change and change.diff == "" and "a.test" not in change.shell and lines.encode() == change.payload

    def test_the_program_is_told_of_the_app(self, app: Callable[..., Target]) -> None:
        settings = app("messages", notify={"from_servers": True, "only_failures": True})
        found = file("supervisor", settings, "/etc/selvedge/hello/notify.json")
        assert json.loads(found.text) == {"app": "hello", "host": "server", "only_failures": True}
        measured = app("messages", metrics={"enabled": True, "backup_hours": 170}, backup={"to": "/mnt/backups"})
        assert json.loads(file("supervisor", measured, "/etc/selvedge/hello/notify.json").text)["backup_hours"] == 170
        of_balancer = file("balancer", app("messages", **BALANCER), "/etc/selvedge/hello.balancer/notify.json")
        assert json.loads(of_balancer.text)["app"] == "hello"

    def test_other_programs_call_one_path_as_root(self, app: Callable[..., Target]) -> None:
        found = file("supervisor", app("messages"), "/usr/local/lib/selvedge/notify")
        assert found.mode == "0700" and found.text.startswith("#!/bin/sh\n") and found.text.endswith(' notify "$@"\n')

    def test_apprise_runs_as_a_temporary_user_and_reads_the_addresses_as_input(self, app: Callable[..., Target]) -> None:
        text = file("supervisor", app("messages"), "/etc/systemd/system/selvedge-notify@.service").text
        assert "\nDynamicUser=yes\n" in text and "\nStandardInput=file:/run/selvedge/messages/%i\n" in text
        assert f"\nExecStart={APPRISE} -BI /usr/local/lib/selvedge/messages send\n" in text

    def test_apprise_comes_from_the_mirror(self, app: Callable[..., Target]) -> None:
        found = app("messages")
        settings = found.model_copy(update={"mirrors": found.mirrors.model_copy(update={"pypi": "https://m.test/s"})})
        (tool,) = (each for each in of("install", settings, Tool) if each.name == "apprise")
        assert (tool.requirement, tool.index) == ("apprise>=1.9,<3", "https://m.test/s")

    def test_timers_and_backups_call_the_program_only_with_the_setting(self, app: Callable[..., Target]) -> None:
        paths = {
            "/srv/hello/timers/record": 'ended timer hello "$name"',
            "/etc/systemd/system/selvedge-hello-backup.service": "messages ended backup hello\n",
            "/etc/systemd/system/selvedge-hello-rehearsal.service": "messages ended rehearsal hello\n",
        }
        for path, call in paths.items():
            assert call in file("supervisor", app("messages"), path).text
            assert "/usr/local/lib" not in file("supervisor", app("messages", notify={}), path).text


@pytest.mark.parametrize(("step", "more"), [("balancer", BALANCER), ("metrics", MONITOR), ("postgres", DATABASE)])
def test_a_server_without_a_release_declares_the_same_files(app: Callable[..., Target], step: str, more: dict[str, Any]) -> None:
    places = ("/usr/local/lib/selvedge/messages/", "/usr/local/lib/selvedge/notify", "/etc/systemd/system/selvedge-notify")
    shared = [
        {each.path: each for each in of(name, settings, File) if each.path.startswith(places)}
        for name, settings in (("supervisor", app("messages")), (step, app("messages", **more)))
    ]
    assert shared[0] == shared[1] and len(shared[0]) > 10
    settings = app("messages", **more)
    assert [each.name for each in of("install", settings, Tool) if each.name == "apprise"] == ["apprise"]
    assert file(step, settings, settings.paths.notify_urls).secret and file(step, settings, settings.paths.notify_settings)
    assert [each for each in of(step, app("messages", notify={}, **more)) if isinstance(each, MessagesRemoved)]


def test_the_database_s_server_gets_apprise_with_the_setting_only(app: Callable[..., Target]) -> None:
    assert of("install", app("messages", notify={}, **DATABASE)) == []


def test_the_messages_are_there_before_what_calls_their_program(app: Callable[..., Target]) -> None:
    for step, more, caller in (
        ("metrics", MONITOR, "selvedge-alerts.timer"), ("postgres", DATABASE, "selvedge-hello-backup.timer"),
    ):  # fmt: skip
        names = [getattr(each, "path", getattr(each, "name", "")) for each in of(step, app("messages", **more))]
        assert names.index("/usr/local/lib/selvedge/notify") < names.index(caller)


def test_a_server_that_another_one_asks_has_no_alerts_to_tell(app: Callable[..., Target]) -> None:
    asked = app("messages", hosts={"monitor": {"address": "10.0.0.1"}}, metrics={"enabled": True, "server": "monitor"})
    assert not [each for each in of("metrics", asked, File) if "notify" in each.path]


class TestMissingAddresses:
    @pytest.mark.parametrize("urls", [{}, {URLS: " \n"}])
    def test_they_are_asked_for_before_a_server_is_contacted(self, app: Callable[..., Target], urls: dict[str, str]) -> None:
        for step, more in (
            (preconditions.switch, {}), (preconditions.balancer, BALANCER), (preconditions.metrics, MONITOR),
            (preconditions.postgres, DATABASE),
        ):  # fmt: skip
            settings = app("messages", passwords={"SELVEDGE_BACKUP__PASSWORD": "a long password", **urls}, **more)
            with pytest.raises(ConfigError, match="the addresses of the messages are missing") as caught:
                step(settings)
            assert caught.value.key == URLS and "`SELVEDGE_NOTIFY__URLS=" in caught.value.remedy

    def test_without_the_setting_they_are_not(self, app: Callable[..., Target]) -> None:
        check_messages(app("nothing set"))

    def test_a_removal_needs_none(self, app: Callable[..., Target]) -> None:
        assert file("supervisor", app("messages", passwords={}), "/etc/selvedge/hello/notify-urls").text == ""
