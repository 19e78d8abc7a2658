"""The messages for a hosts.toml that is refused: file, key, and a correct example."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.files import sandbox_file
from selvedge.config.load import load
from selvedge.errors import ConfigError
from tests.unit.config.conftest import Problems
from tests.unit.config.examples import APP

WORDS: list[tuple[str, str]] = [
    ("workers = 'many'", "app.workers: must be an integer from 1 to 512, not 'many'. Write, for example, `workers = 3`."),
    ("workers = '3'", "app.workers: must be an integer from 1 to 512, not '3'. Write, for example, `workers = 3`."),
    ("workers = 0", "app.workers: must be an integer from 1 to 512, not 0. Write, for example, `workers = 3`."),
    ("workers = 2.5", "app.workers: must be an integer from 1 to 512, not 2.5. Write, for example, `workers = 3`."),
    (
        "health_timeout = 0",
        "app.health_timeout: must be a number above 0 and at most 300, not 0. Write, for example, `health_timeout = 10.0`.",
    ),
    ("settle = nan", "app.settle: must be a number from 0 to 600, not nan. Write, for example, `settle = 10.0`."),
    (
        "release_header = 'yes'",
        "app.release_header: must be true or false, not 'yes'. Write, for example, `release_header = true`.",
    ),
    (
        "release_header = 'always'",
        "app.release_header: must be true or false, not 'always'. Write, for example, `release_header = false`.",
    ),
    (
        "[processes.beat]\ncommand = 'x'\noverlap = 'false'",
        "processes.beat.overlap: must be true or false, not 'false'. Write, for example, `overlap = false`.",
    ),
    (
        "[backup]\nrehearse = true",
        'backup.rehearse: must be a schedule in quotation marks, or "" for none, not true. '
        'Write, for example, `rehearse = "Sun 05:00"`.',
    ),
    ("branch = 3", 'app.branch: must be a string, not 3. Write, for example, `branch = "main"`.'),
    ("branch = true", 'app.branch: must be a string, not true. Write, for example, `branch = "main"`.'),
    (
        "manager = 'runit'",
        'app.manager: must be one of "supervisor", "systemd", "docker", not \'runit\'. Write, for example, `manager = "systemd"`.',
    ),
    (
        "domains = 'a.example'",
        "app.domains: must be a list of strings, not 'a.example'. "
        'Write, for example, `domains = ["hello.example.com", "www.hello.example.com"]`.',
    ),
    (
        "domains = ['a.example', 3]",
        'app.domains[1]: must be a string, not 3. '
        'Write, for example, `domains = ["hello.example.com", "www.hello.example.com"]`.',
    ),
    ("health_status = []", 'app.health_status: must not be empty. Write, for example, `health_status = [200, "300-308"]`.'),
    ("wrokers = 3", "app.wrokers: is not a setting. Did you mean `workers`?"),
    ("email = 'a@b.c'", "app.email: is not a setting. Move it to the table [tls]."),
    (
        "module = 'main:create_app(1)'",
        "app.module: must call a factory without arguments, as in main:create_app(). "
        'Write, for example, `module = "main:app"`.',
    ),
    (
        'migrate = "a\\nb"',
        "app.migrate: must not contain control characters such as a line break (here '\\n'). "
        'Write, for example, `migrate = "alembic upgrade head"`.',
    ),
    (
        "[tls]\ncertificate = 'a.pem'",
        "tls: certificate_key is missing: certificate and certificate_key need each other, so set both or neither.",
    ),
    (
        "[nginx.static]\n'/a;b' = 'x'",
        "nginx.static./a;b: must be a URL prefix of letters, digits and any of . _ ~ - / such as /static, not '/a;b'. "
        'Write, for example, `static = { "/static" = "static" }`.',
    ),
    ("[nginx.static]\n'/a' = '../x'", "nginx.static./a: must be a path inside the repository"),
    (
        "[nginx]\nstatic = { '/a' = 'x' }\nmedia = { '/a/' = 'y' }",
        "nginx: /a is in both static and media: remove it from one of them.",
    ),
    ("[tls]\nstaging = true\nacme_server = 'https://a.example/'", "tls: staging and acme_server cannot both be set: "),
    (
        "[tls]\nupstream = true\ncertificate = 'a'\ncertificate_key = 'b'",
        "tls: upstream and certificate cannot both be set: ",
    ),
    ("[nginx]\nstatic = 'x'", "nginx.static: must be a table, not 'x'. Write, for example, `static = "),
    ("[nginx]\nstatic = { '/a' = 3 }", "nginx.static./a: must be a string, not 3."),
    ("[hosts.s]\nadress = 'x'", "hosts.s.adress: is not a setting. Did you mean `address`?"),
    ("[hosts.s]\nname = 'x'", "hosts.s.name: is not a setting. Delete it: the NAME in [hosts.NAME] is the host's name."),
    ("[hosts.s]\nuser = 'root'", "hosts.s.user: must not be root, because `harden` disables root's login: "),
    (
        "[hosts.s]\nport = '22'",
        "hosts.s.port: must be an integer from 1 to 65535, not '22'. Write, for example, `port = 2222`.",
    ),
    (
        "[hosts.s]\nport = 70000",
        "hosts.s.port: must be an integer from 1 to 65535, not 70000. Write, for example, `port = 2222`.",
    ),
    ("[hosts]\ns = 3", "hosts.s: must be a table, not 3. Write a line `[hosts.s]`, and the settings of the table below it."),
    ("[hosts]\naddress = 'x'", "hosts.address: must be a table, not 'x'. Name the table above it: `[hosts.NAME]`,"),
    ("[processes]\ncommand = 'x'", "processes.command: must be a table, not 'x'. Name the table above it: `[processes.NAME]`,"),
    (
        "[timers.a]\ncommand = 'x'\nschedule = '12:00 Europe/Berln'",
        "timers.a.schedule: must be systemd's calendar form, such as \"*-*-* 03:00\", or cron's five fields, such as "
        "\"0 3 * * *\", not '12:00 Europe/Berln': 'Europe/Berln' is neither a weekday nor a time zone; did you mean Europe/Berlin?",
    ),
    ("tls = 'x'", "app.tls: is not a setting."),
    ("[hosts.s]\ntls = 3", "hosts.s.tls: must be a table, not 3. Write a line `[hosts.s.tls]`, and the settings"),
    ("[groups]\ng = 'x'", "groups.g: must be a list of strings, not 'x'. Write, for example, `production = [\"server\"]` below"),
    (
        "[hosts.'a b']",
        "hosts.a b: must be a name of at most 63 letters, digits, '.', '_' and '-', beginning with a letter or digit, not 'a b'.",
    ),
    ("[hosts.s.app]\nbrnach = 'x'", "hosts.s.app.brnach: is not a setting. Did you mean `branch`?"),
    ("[hosts.s.app]\ncommit = 'x'", "hosts.s.app.commit: is not a setting."),
    ("[hosts.s.app]\nhost = 'x'", "hosts.s.app.host: is not a setting."),
    ("[hosts.s.app]\ntimeout = 0", "hosts.s.app.timeout: must be an integer from 1 to 3600, not 0."),
    ("[hosts.s.tls]\ncertificate = 'a.pem'", "hosts.s.tls: certificate_key is missing: certificate and"),
    ("[hosts.s.rollout]\nbatch = 2", "hosts.s.rollout: is not a setting. Known settings: "),
    (
        "[hosts.s]\nuser = 'hello'",
        "hosts.s: app.name must not be the login user hello, because the app runs as its own user without sudo: change one.",
    ),
    (
        "[hosts.s]\nbootstrap_user = 'hello'",
        "hosts.s: app.name must not be the login user hello, because the app runs as its own user without sudo: change one.",
    ),
    ("[hosts.web]\n[groups]\nall = ['wbe']", "groups.all: no host is named 'wbe'. Did you mean `web`?"),
    ("[groups]\nall = ['x']", "groups.all: no host is named 'x'. Add a table [hosts.x]."),
    ("[hosts.all]\n[groups]\nall = ['all']", "groups.all: is also the name of a host. Rename the group."),
    ("[serve]\nx = 1", "serve: is not a setting. Did you mean `server`?"),
    (
        "[zzz]",
        "zzz: is not a setting. Known tables: app, tls, server, mirrors, nginx, maintenance, hooks, box, docker, services, ",
    ),
    (
        "[rollout]\nbatch = '5'",
        "rollout.batch: must be a number of servers, or a share of them from '1%' to '100%', not '5'.",
    ),
    ("[hooks]\nafter_build = [3]", "hooks.after_build[0]: must be a string, not 3."),
    ("[server]\nopen_ports = [0]", "server.open_ports[0]: must be an integer from 1 to 65535, not 0."),
    ("[server]\nopen_ports = ['80']", "server.open_ports[0]: must be an integer from 1 to 65535, not '80'."),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_the_message_for_a_wrong_value(problems: Problems, text: str, words: str) -> None:
    (line,) = problems(APP + text + "\n")
    assert line.startswith(f"hosts.toml: {words}")


def test_the_message_for_a_missing_key(problems: Problems) -> None:
    assert problems("") == ["hosts.toml: app: is missing. Add a table [app] with the keys name and repository."]
    assert problems("[app]\n") == [
        'hosts.toml: app.name: is missing. Write, for example, `name = "hello"`.',
        'hosts.toml: app.repository: is missing. Write, for example, `repository = "https://git.example.com/me/hello.git"`.',
    ]
    (line,) = problems("app = 3\n")
    assert line == "hosts.toml: app: must be a table, not 3. Write a line `[app]`, and the settings of the table below it."


@pytest.mark.parametrize(
    ("value", "problem"),
    [("[" * 5000, "too many tables or lists inside each other"), ("9" * 6000, "a number has too many digits")],
)
def test_toml_that_python_cannot_read(problems: Problems, value: str, problem: str) -> None:
    (line,) = problems(f"{APP}x = {value}\n")
    assert line.startswith("hosts.toml: ") and problem in line


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
    assert one.value.message == "command line: app.workers: must be an integer from 1 to 512, not 0."
    assert (one.value.file, one.value.key, one.value.remedy) == (
        "command line",
        "app.workers",
        "Write, for example, `workers = 3`.",
    )
    with pytest.raises(ConfigError) as two:
        load(overrides={"app": {"workers": 0, "drain": -1}}, environ={"SELVEDGE_SANDBOX_DIR": "none"})
    assert (two.value.message.count("\n"), two.value.remedy) == (1, "")
    assert str(two.value) == "\n".join(str(each) for each in two.value.problems)


def test_syntax_errors_show_the_line(problems: Problems) -> None:
    assert problems("[app]\nname = hello\n") == [
        "hosts.toml: line 2, column 8: Invalid value: `name = hello`. "
        'Put text in quotes: `key = "value"`. Begin a table with its name in brackets, on its own line: `[app]`.'
    ]
    (line,) = problems('[app]\nname = "hello\n')
    assert line.startswith('hosts.toml: line 2, column 14: A closing quote is missing: `name = "hello')
    (line,) = problems("[app]\nname = 'a'\n[services]\npostgres = True\n")
    assert line.endswith("Invalid value: `postgres = True`. Write `true` or `false`, in small letters."), line
    (line,) = problems("[app]\nname = [1,\n")
    assert line.startswith("hosts.toml: line 2")
    assert problems("[app]\nname = 'a'\nname = 'b'\n")[0].startswith("hosts.toml: line 3")


@pytest.mark.parametrize(
    "text",
    [
        "[app]\nrepository = https://me:hunter2@git.example.com/x.git\n",
        "[app]\nAPI_TOKEN=hunter2\n",
        "[app]\npassword = 'hunter2\n",
        '[app]\nname = "x"\n[nginx]\nbasic_auth = ["me:hunter2"]\n',
        "[app]\nname = 'x'\n[tls]\nacme_server = 'https://me:hunter2@ca.example.com/directory'\n",
        "[app]\nname = 'x'\n[nginx]\nredirects = { '/a' = 'https://me:hunter2@x.example.com/' }\n",
        "[app]\nname = 'x'\nhealth = 'https://me:hunter2@x.example.com/'\n",
        "[app]\nname = 'x'\nrepository = 'gopher://me:hunter2@x.example.com/'\n",
        "[app]\nname = 'x'\n[hosts.s]\naddress = 'root:hunter2@203.0.113.1'\n",
        "[app]\nname = 'x'\napi_token = 'hunter2'\n",
    ],
)
def test_a_secret_by_mistake_is_not_shown(problems: Problems, text: str) -> None:
    lines = problems(text)
    assert lines and "hunter2" not in "\n".join(lines), lines


@pytest.mark.parametrize(
    "content", ["API_TOKEN=hunter2\n", "DEBUG=hunter2\n", "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n", "hunter2\n"]
)
def test_another_file_in_place_of_hosts_toml_is_not_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "production.env").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(environ={"SELVEDGE_HOSTS_FILE": str(tmp_path / "production.env")})
    assert "production.env: " in str(caught.value) and "hunter2" not in str(caught.value)


def test_files_that_are_not_text(tmp_path: Path, problems: Problems) -> None:
    problems(APP)
    (tmp_path / "hosts.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"hosts\.toml: the file is not UTF-8 text"):
        load(tmp_path / "hosts.toml", environ={})
    with pytest.raises(ConfigError, match="the file is missing"):
        load(tmp_path / "none.toml", environ={})
    (tmp_path / ".env").write_bytes(b"\xff")
    assert problems(APP)[0].endswith(".env: the file is not UTF-8 text. Save it as UTF-8.")


@pytest.mark.parametrize("name", [".env", "hosts.toml"])
@pytest.mark.parametrize(("make", "problem"), [(os.mkfifo, "is a pipe"), (Path.mkdir, "is a folder")])
def test_a_file_of_settings_that_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], object], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if name == ".env":
        (tmp_path / "hosts.toml").write_text('[app]\nname = "hello"\nrepository = "."\n')
    make(tmp_path / name)
    with pytest.raises(ConfigError, match=f"{name}: the file {problem}"):
        load(environ={})


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("/dev/zero", "/dev/zero: the file is a device"),
        ("/tmp", "/tmp: the file is a folder"),
        ("~nosuch/hosts.toml", "environment: SELVEDGE_HOSTS_FILE: begins with ~nosuch"),
        ("none.toml", "none.toml: the file is missing"),
    ],
)
def test_a_variable_that_names_no_hosts_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, problem: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load(environ={"SELVEDGE_HOSTS_FILE": named})
    with pytest.raises(ConfigError, match="SELVEDGE_SANDBOX_DIR: begins with ~nosuch"):
        sandbox_file({"SELVEDGE_SANDBOX_DIR": "~nosuch/x"})
