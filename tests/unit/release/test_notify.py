"""Messages about releases: their text, where they go, and what happens if they do not arrive."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from selvedge.config.secret_names import NOTIFY_URLS
from selvedge.config.target import Target
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Planned
from selvedge.engine.workstation import who
from selvedge.errors import ConfigError, SelvedgeError, StepError
from selvedge.release import notify
from selvedge.release.notify import Message, Switched
from selvedge.release.record import Record
from selvedge.task import Step
from tests.support.runs import run_over
from tests.support.webhook import webhook

MESSAGE = Message("blog: it is live", "All *commits* & <tags>\n$(id)", "success")
NEW = Record("7ad3ba2da8d1-55421e", "good", subject="Faster lists", author="Ada")
ON_TWO = [Switched("web-1", "0123456789ab-1", NEW), Switched("web-2", "", NEW)]


def given(urls: str) -> dict[str, SecretStr]:
    return {NOTIFY_URLS: SecretStr(urls)}


@pytest.fixture
def fleet(target) -> Fleet:
    return run_over(target(), {"web-1": None}, io.StringIO()).fleet


class TestAddresses:
    def test_none_are_given_and_apprise_is_not_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "apprise", None)
        notify.check({})

    def test_apprise_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "apprise", None)
        with pytest.raises(ConfigError, match="needs the Python package apprise") as caught:
            notify.check(given("json://127.0.0.1/secret-token"))
        assert "pip install 'apprise" in caught.value.remedy
        assert "secret-token" not in str(caught.value)

    @pytest.mark.parametrize(
        "wrong",
        [
            "slak://secret-token/b/c", "secret-token", "://", "json://", "https://example.com/secret-token",
            "json://127.0.0.1/a,JSON://127.0.0.1/secret-token",
        ],
    )  # fmt: skip
    def test_a_wrong_one_is_named_by_its_place(self, wrong: str) -> None:
        with pytest.raises(ConfigError) as caught:
            notify.check(given(f"json://127.0.0.1/x\n {wrong}"))
        error = caught.value
        assert "the second of its 2 addresses is none that apprise knows" in str(error)
        assert "secret-token" not in str(error) + error.remedy

    def test_a_single_one_has_no_number(self) -> None:
        with pytest.raises(ConfigError, match="its address is none that apprise knows"):
            notify.check(given("slak://secret-token/b/c"))

    @pytest.mark.parametrize(
        "url",
        [
            "slack://TAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnl",
            "discord://123456789/abcdefghij", "https://discord.com/api/webhooks/123456789/abcdefghij",
            "feishu://0123abcd-0123-4567", "dingtalk://secret@token1234", "wecombot://0123abcd-0123-4567", "mailtos://me:pass@example.com",
            "tgram://123456789:abcdefg_hijklmnop/12315544/", "jsons://example.com/hook", "ntfy://topic",
        ],
    )  # fmt: skip
    def test_the_forms_of_the_page_are_known(self, url: str) -> None:
        notify.check(given(url))


class TestMessages:
    def test_a_deploy_lists_its_commits(self) -> None:
        found = notify.success("blog", "deploy", ON_TWO, ["Faster lists (Ada)", "Fix (Bob)"], "https://blog.example.com/")
        assert found.title == "blog: 7ad3ba2da8d1 is live"
        assert found.body.splitlines() == [
            "Faster lists (Ada)", "Fix (Bob)", f"web-1, web-2: fab deploy by {who()}", "https://blog.example.com/",
        ]  # fmt: skip

    def test_many_commits_are_cut(self) -> None:
        found = notify.success("blog", "deploy", ON_TWO, [f"Commit {number} (Ada)" for number in range(11)], "")
        assert found.body.splitlines()[9:11] == ["Commit 9 (Ada)", "…"]

    @pytest.mark.parametrize("action", ["deploy", "rollback"])
    def test_without_commits_it_names_that_of_the_release(self, action: str) -> None:
        found = notify.success("blog", action, ON_TWO, [], "")
        assert found.body.splitlines()[0] == "Faster lists (Ada)"
        assert found.title.startswith("blog: rolled back to 7ad3ba2da8d1") == (action == "rollback")

    def test_a_failure_has_its_cause_and_remedy(self) -> None:
        found = notify.failure("blog", "deploy", ["web-1"], SelvedgeError("web-1: no \x1b[31manswer.", "Correct it."))
        assert (found.title, found.kind) == ("blog: deploy failed", "failure")
        assert found.body.splitlines() == ["web-1: no answer.", "Correct it.", f"web-1: fab deploy by {who()}"]

    @pytest.mark.parametrize("letter", ["x", "工"])
    def test_a_chat_service_takes_it_however_long_its_parts_are(self, letter: str) -> None:
        """Discord takes 2,000 characters."""
        long = letter * 5000
        hosts = [f"web-{number}" for number in range(400)]
        release = [Switched(host, "", Record("7ad3ba2da8d1-1", "good", subject=long, author=long)) for host in hosts]
        found = notify.failure("blog", "deploy", ["web-1"], SelvedgeError(long, "Run `fab logs`."))
        assert found.body.splitlines()[1:] == ["Run `fab logs`.", f"web-1: fab deploy by {who()}"]
        all_found = [found, notify.failure("a" * 30, "deploy", hosts, SelvedgeError(long, long))]
        for commits in ([], [long] * 11, ["<@" * 60] * 11):
            all_found.append(notify.success("a" * 30, "rollback", release, commits, f"https://{'a' * 253}/"))
            assert all_found[-1].body.endswith(f"…: fab rollback by {who()}\nhttps://{'a' * 253}/")
        assert [each for each in all_found if len(f"{each.title}\n{each.body}".encode()) > 1950] == []

    def test_texts_of_others_have_no_mention_and_addresses_stay(self) -> None:
        commits = ["fix @everyone (<!channel>)"]
        for new in (NEW, Record(NEW.id, "good", subject="fix @everyone", author="<!channel>")):
            found = notify.success("blog", "deploy", [Switched("web-1", "", new)], commits if new is NEW else [], "")
            assert found.body.splitlines()[0] == "fix @\u200beveryone (<\u200b!channel>)"
        body = notify.failure("blog", "deploy", ["web-1"], SelvedgeError("said @all", "Run `ssh deploy@10.0.0.1 id`.")).body
        assert body.splitlines()[:2] == ["said @\u200ball", "Run `ssh deploy@10.0.0.1 id`."]


def test_a_message_has_the_letters_that_a_terminal_lacks_and_mentions_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    monkeypatch.setattr(notify, "who", lambda: "ada@here")
    body = notify.failure("shop", "deploy", ["web"], SelvedgeError("提交 <!here>", "")).body
    assert "提交" in body and "@here" not in body and "<!here>" not in body and "ada@" in body


class TestSending:
    def sent(self, fleet: Fleet, capsys: pytest.CaptureFixture[str], *urls: str) -> str:
        notify._send(fleet, urls, MESSAGE)
        return capsys.readouterr().err

    def test_all_addresses_get_the_text_unchanged(self, fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
        with webhook() as (first, got), webhook() as (second, also):
            assert self.sent(fleet, capsys, f"json://{first}/a", f"json://{second}/b") == ""
        assert got == also
        assert [(each["title"], each["message"], each["type"]) for each in got] == [(MESSAGE.title, MESSAGE.body, "success")]

    def test_one_that_fails_is_a_warning_and_the_others_get_it(self, fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
        with webhook(500) as (wrong, _), webhook() as (right, got):
            said = self.sent(fleet, capsys, f"json://{wrong}/secret-token", f"json://{right}/x")
        assert said.startswith(f"Warning: No message was sent to the first of the 2 addresses in {NOTIFY_URLS}: ")
        assert "500" in said and "secret-token" not in said
        assert len(got) == 1

    def test_one_that_does_not_answer_is_a_warning(self, fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
        with webhook() as (closed, _):
            pass
        said = self.sent(fleet, capsys, f"json://user:secret-token@{closed}/x")
        assert said.startswith(f"Warning: No message was sent to {NOTIFY_URLS}") and "secret-token" not in said

    @pytest.mark.parametrize(("url", "words", "shown"), [
        ("json://example.com/secret-token", "cannot reach /secret-token/", False),
        ("json://example.com/secret-token", "cannot reach it", True),
        # The service may show a part decoded, as it is, or encoded in another way.
        ("mailtos://ada:pa%40ss%2Fword@example.com", "login as x with pa@ss/word", False),
        ("mailtos://ada:pa%40ss%2Fword@example.com", "login as x with pa%40ss%2fword", False),
        ("mailtos://ada:pa%24ss@example.com", "login as x with pa%24ss", False),
        ("jsons://example.com/x?password=a+b+c", "login with a b c", False),
        # A user's name and a password may be short.
        ("mailtos://ada:1234@example.com", "login with 1234", False),
        ("mailtos://ada:1234@example.com", "login as Ada", False),
        ("mailtos://ada:a%2Fb@example.com", "login with a/b", False),
        ("mailtos://me@example.com?pass=1234", "login with 1234", False),
        ("jsons://1234@example.com/x?to=y@z", "login with 1234", False),
        ("jsons://example.com/1234?format=text", "no text in 1234", True),
        ("jsons://ada:1234@example.com?verify=no", "no answer", True),
    ])  # fmt: skip
    def test_words_of_the_service_with_a_part_of_the_address_are_not_shown(
        self, fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, words: str, shown: bool
    ) -> None:
        class Service:
            def notify(self, **_message: str) -> bool:
                raise OSError(words)

        monkeypatch.setattr(notify, "_apprise", lambda _urls: [Service()])
        said = f": OSError: {words}" if shown else ""
        assert self.sent(fleet, capsys, url) == f"Warning: No message was sent to {NOTIFY_URLS}{said}.\n"


def test_hosts_that_switch_to_other_commits_have_a_message_of_their_own(
    target: Callable[..., Target], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """[hosts.staging.app] branch. Each names its hosts, commits and address. The same commit with other settings needs only one."""
    other = Record("0fe1dc2ba3a4-55421e", "good", subject="Wild ideas", author="Bob")
    hosts = [*ON_TWO, Switched("staging", "0123456789ab-1", other)]
    hosts[1] = Switched("web-2", "", Record("7ad3ba2da8d1-aaaaaa", "good", subject="Faster lists", author="Ada"))
    monkeypatch.setattr(notify, "_switched", lambda *_: hosts)
    monkeypatch.setattr(notify, "_commits", lambda _, switched: [f"to {switched.new.id}"])
    with webhook() as (address, got):
        app = target(passwords={NOTIFY_URLS: f"json://{address}/x"})
        fleet = run_over(app, {"web-1": None, "web-2": None, "staging": None}, io.StringIO()).fleet
        staging = fleet.sessions[2]
        staging.target = staging.target.model_copy(update={"domains": ["staging.example.com"]})
        notify._tell_of_release(fleet, [f"json://{address}/x"], "deploy", {})
    told = [(each["title"], each["message"].splitlines()[:2]) for each in got]
    by = f"fab deploy by {who()}"
    assert told == [
        (f"{app.name}: 7ad3ba2da8d1 is live", [f"to {NEW.id}", f"web-1, web-2: {by}"]),
        (f"{app.name}: 0fe1dc2ba3a4 is live", [f"to {other.id}", f"staging: {by}"]),
    ]
    assert "staging.example.com" in got[1]["message"] and capsys.readouterr().err == ""


@pytest.mark.parametrize("waits", [("web-1",), ("lb", "web-1")], ids=["the app", "the app and the balancer"])
def test_a_failure_behind_a_balancer_has_the_name_of_the_app(
    target: Callable[..., Target], capsys: pytest.CaptureFixture[str], waits: tuple[str, ...]
) -> None:
    """The balancer's site, on the first host of the run, has another name. At a first deploy its steps wait for others, too."""
    with webhook() as (address, got):
        app = target(passwords={NOTIFY_URLS: f"json://{address}/x"})
        fleet = run_over(app, {"lb": None, "web-1": None}, io.StringIO()).fleet
        site = {"name": f"{app.name}.balancer", "backends": {"web-1": "10.0.0.2:80"}}
        fleet.sessions[0].target = app.model_copy(update=site)
        waiting = Planned(Step(lambda _: iter(()), name="supervisor", phase="switch"), [], pending="the commit is unknown")
        plans = {name: [waiting] if name in waits else [] for name in ("lb", "web-1")}
        with pytest.raises(StepError), notify.notified(fleet, plans):
            raise StepError("web-1: it does not start.", "Correct it.")
    assert [each["title"] for each in got] == [f"{app.name}: deploy failed"] and capsys.readouterr().err == ""
    assert f"\nweb-1: fab deploy by {who()}" in got[0]["message"]
