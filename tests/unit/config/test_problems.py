"""The messages for a hosts.toml that is refused: file, key, and a correct example."""

from __future__ import annotations

from pathlib import Path

import pytest

from selvedge.config.load import load
from selvedge.errors import ConfigError
from tests.unit.config.conftest import Problems
from tests.unit.config.examples import APP

WORDS: list[tuple[str, str]] = [
    ("workers = 'many'", "app.workers: must be a whole number from 1 to 512, not 'many'. Write e.g. workers = 3."),
    ("workers = '3'", "app.workers: must be a whole number from 1 to 512, not '3'. Write e.g. workers = 3."),
    ("workers = 0", "app.workers: must be a whole number from 1 to 512, not 0. Write e.g. workers = 3."),
    ("workers = 2.5", "app.workers: must be a whole number from 1 to 512, not 2.5. Write e.g. workers = 3."),
    (
        "health_timeout = 0",
        "app.health_timeout: must be a number above 0 and at most 300, not 0. Write e.g. health_timeout = 10.0.",
    ),
    ("settle = nan", "app.settle: must be a number from 0 to 600, not nan. Write e.g. settle = 10.0."),
    (
        "release_header = 'yes'",
        "app.release_header: must be true or false, not 'yes'. Write e.g. release_header = false.",
    ),
    ("branch = 3", 'app.branch: must be text, not 3. Write e.g. branch = "main".'),
    ("branch = true", 'app.branch: must be text, not true. Write e.g. branch = "main".'),
    (
        "manager = 'runit'",
        'app.manager: must be one of "supervisor", "systemd", not \'runit\'. Write e.g. manager = "systemd".',
    ),
    (
        "domains = 'a.example'",
        "app.domains: must be a list of text, not 'a.example'. "
        'Write e.g. domains = ["hello.example.com", "www.hello.example.com"].',
    ),
    (
        "domains = ['a.example', 3]",
        'app.domains[1]: must be text, not 3. Write e.g. domains = ["hello.example.com", "www.hello.example.com"].',
    ),
    ("health_status = []", 'app.health_status: must be a list of text. Write e.g. health_status = [200, "300-308"].'),
    ("wrokers = 3", "app.wrokers: is not a setting. Did you mean workers?"),
    ("email = 'a@b.c'", "app.email: is not a setting. It belongs to [tls]."),
    (
        "module = 'main:create_app()'",
        "app.module: must name an object, not call a factory: write `app = create_app()` in the module and name it. "
        'Write e.g. module = "main:app".',
    ),
    (
        'migrate = "a\\nb"',
        "app.migrate: must not contain control characters such as a line break (here '\\n'). "
        'Write e.g. migrate = "alembic upgrade head".',
    ),
    ("[tls]\ncertificate = 'a.pem'", "tls: certificate and certificate_key belong together: set both or none."),
    (
        "[nginx.static]\n'/a;b' = 'x'",
        "nginx.static./a;b: must be the beginning of a path such as /static, not / itself",
    ),
    ("[nginx.static]\n'/a' = '../x'", "nginx.static./a: must be a path inside the repository"),
    ("[nginx]\nstatic = { '/a' = 'x' }\nmedia = { '/a/' = 'y' }", "nginx: /a stands in static and in media"),
    ("[tls]\nstaging = true\nacme_server = 'https://a.example/'", "tls: staging and acme_server exclude each other"),
    (
        "[tls]\nupstream = true\ncertificate = 'a'\ncertificate_key = 'b'",
        "tls: upstream and certificate exclude each other",
    ),
    ("[nginx]\nstatic = 'x'", "nginx.static: must be a table, not 'x'. Write e.g. static = "),
    ("[nginx]\nstatic = { '/a' = 3 }", "nginx.static./a: must be text, not 3."),
    ("[hosts.s]\nadress = 'x'", "hosts.s.adress: is not a setting. Did you mean address?"),
    ("[hosts.s]\nname = 'x'", "hosts.s.name: is not a setting. The host is called as its table is."),
    ("[hosts.s]\nuser = 'root'", "hosts.s.user: must not be root, whose login `harden` ends"),
    (
        "[hosts.s]\nport = '22'",
        "hosts.s.port: must be a whole number from 1 to 65535, not '22'. Write e.g. port = 2222.",
    ),
    (
        "[hosts.s]\nport = 70000",
        "hosts.s.port: must be a whole number from 1 to 65535, not 70000. Write e.g. port = 2222.",
    ),
    ("[hosts]\ns = 3", "hosts.s: must be a table, not 3."),
    ("[hosts.'a b']", "hosts.a b: must be a name of letters, digits and any of . _ -"),
    ("[hosts.s.app]\nbrnach = 'x'", "hosts.s.app.brnach: is not a setting. Did you mean branch?"),
    ("[hosts.s.app]\ncommit = 'x'", "hosts.s.app.commit: is not a setting."),
    ("[hosts.s.app]\nhost = 'x'", "hosts.s.app.host: is not a setting."),
    ("[hosts.s.app]\ntimeout = 0", "hosts.s.app.timeout: must be a whole number from 1 to 3600, not 0."),
    ("[hosts.s.tls]\ncertificate = 'a.pem'", "hosts.s.tls: certificate and certificate_key belong together"),
    ("[hosts.s.rollout]\nbatch = 2", "hosts.s.rollout: is not a setting. Known: "),
    (
        "[hosts.s]\nuser = 'hello'",
        "hosts.s: app.name must not be the login user hello too: the app runs as a user without sudo.",
    ),
    (
        "[hosts.s]\nbootstrap_user = 'hello'",
        "hosts.s: app.name must not be the login user hello too: the app runs as a user without sudo.",
    ),
    ("[hosts.web]\n[groups]\nall = ['wbe']", "groups.all: there is no host 'wbe'. Did you mean web?"),
    ("[groups]\nall = ['x']", "groups.all: there is no host 'x'. Known: none yet."),
    ("[hosts.all]\n[groups]\nall = ['all']", "groups.all: is the name of a host too. Give the group another name."),
    ("[serve]\nx = 1", "serve: is not a setting. Did you mean server?"),
    ("[zzz]", "zzz: is not a setting. Known: app, tls, server, nginx, hooks, rollout, hosts, groups."),
    (
        "[rollout]\nbatch = '5'",
        "rollout.batch: must be a number of servers or a share of them from 1% to 100%, not '5'.",
    ),
    ("[hooks]\nafter_build = [3]", "hooks.after_build[0]: must be text, not 3."),
    ("[server]\nopen_ports = [0]", "server.open_ports[0]: must be a whole number from 1 to 65535, not 0."),
    ("[server]\nopen_ports = ['80']", "server.open_ports[0]: must be a whole number from 1 to 65535, not '80'."),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_the_message_for_a_wrong_value(problems: Problems, text: str, words: str) -> None:
    (line,) = problems(APP + text + "\n")
    assert line.startswith(f"hosts.toml: {words}")


def test_the_message_for_a_missing_key(problems: Problems) -> None:
    assert problems("") == ["hosts.toml: app: is missing. Begin with [app] and its keys name and repository."]
    assert problems("[app]\n") == [
        'hosts.toml: app.name: is missing. Write e.g. name = "hello".',
        'hosts.toml: app.repository: is missing. Write e.g. repository = "https://git.example.com/me/hello.git".',
    ]
    assert problems("app = 3\n") == ["hosts.toml: app: must be a table, not 3."]


def test_all_problems_are_reported_at_once(problems: Problems) -> None:
    text = APP + "workers = 0\nx = 1\n[tls]\nemail = 'x'\n[hosts.s]\nport = 0\n"
    text += "[hosts.s.app]\ntimeout = 0\n[groups]\na = ['t']\n"
    keys = [line.split(": ")[1] for line in problems(text, {"SELVEDGE_APP__DRAIN": "x"})]
    assert sorted(keys) == sorted(
        ["app.workers", "app.x", "SELVEDGE_APP__DRAIN", "tls.email", "hosts.s.port", "hosts.s.app.timeout", "groups.a"]
    )


@pytest.mark.parametrize("own", ["timeout = 99", "branch = 'x'"])
def test_a_problem_of_the_general_table_is_reported_once(problems: Problems, own: str) -> None:
    assert len(problems(f"{APP}workers = 0\n[hosts.a.app]\n{own}\n[hosts.b.app]\n{own}\n")) == 1


def test_a_single_problem_has_a_remedy_and_several_have_lines(problems: Problems) -> None:
    with pytest.raises(ConfigError) as one:
        problems(APP)
        load(overrides={"app": {"workers": 0}}, environ={"SELVEDGE_SANDBOX_DIR": "none"})
    assert one.value.message == "command line: app.workers: must be a whole number from 1 to 512, not 0."
    assert (one.value.file, one.value.key, one.value.remedy) == (
        "command line",
        "app.workers",
        "Write e.g. workers = 3.",
    )
    with pytest.raises(ConfigError) as two:
        load(overrides={"app": {"workers": 0, "drain": -1}}, environ={"SELVEDGE_SANDBOX_DIR": "none"})
    assert (two.value.message.count("\n"), two.value.remedy) == (1, "")
    assert str(two.value) == "\n".join(str(each) for each in two.value.problems)


def test_syntax_errors_show_the_line(problems: Problems) -> None:
    assert problems("[app]\nname = hello\n") == [
        "hosts.toml: line 2, column 8: Invalid value: name = hello. "
        'Text stands in quotes: key = "value"; a table begins with [name] on a line of its own.'
    ]
    (line,) = problems('[app]\nname = "hello\n')
    assert line.startswith('hosts.toml: line 2, column 14: the line ends within the quotes: name = "hello')
    (line,) = problems("[app]\nname = [1,\n")
    assert line.startswith("hosts.toml: line 2")
    assert problems("[app]\nname = 'a'\nname = 'b'\n")[0].startswith("hosts.toml: line 3")


def test_files_that_are_not_text(tmp_path: Path, problems: Problems) -> None:
    problems(APP)
    (tmp_path / "hosts.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"hosts\.toml: is not UTF-8 text"):
        load(tmp_path / "hosts.toml", environ={})
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "none.toml", environ={})
    (tmp_path / ".env").write_bytes(b"\xff")
    assert problems(APP)[0].endswith(".env: is not UTF-8 text. Save it as UTF-8.")
