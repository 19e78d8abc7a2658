"""What is refused, and in which words: every problem at once, each with its file, its key and what would be right."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from selvedge.fields import kinds, section_of
from selvedge.hosts import OVERRIDES, Host
from selvedge.load import load
from selvedge.settings import Settings

from selvedge.errors import ConfigError, SelvedgeError

APP = '[app]\nname = "hello"\nrepository = "https://git.example.com/me/hello.git"\n'
Problems = Callable[..., list[str]]


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Problems:
    """The lines of the error for a hosts.toml of this text; none if it loads."""
    monkeypatch.chdir(tmp_path)

    def of(text: str, environ: Mapping[str, str] | None = None, **more: Any) -> list[str]:
        (tmp_path / "hosts.toml").write_text(text, encoding="utf-8")
        around = {"SELVEDGE_SANDBOX_DIR": str(tmp_path / "sandbox"), **(environ or {})}
        try:
            load(environ=around, **more)
        except ConfigError as error:
            assert error.status == 2
            return str(error).splitlines()
        return []

    return of


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
def test_the_words(problems: Problems, text: str, words: str) -> None:
    (line,) = problems(APP + text + "\n")
    assert line.startswith(f"hosts.toml: {words}")


def test_what_is_missing(problems: Problems) -> None:
    assert problems("") == ["hosts.toml: app: is missing. Begin with [app] and its keys name and repository."]
    assert problems("[app]\n") == [
        'hosts.toml: app.name: is missing. Write e.g. name = "hello".',
        'hosts.toml: app.repository: is missing. Write e.g. repository = "https://git.example.com/me/hello.git".',
    ]
    assert problems("app = 3\n") == ["hosts.toml: app: must be a table, not 3."]


def test_all_problems_at_once(problems: Problems) -> None:
    text = APP + "workers = 0\nx = 1\n[tls]\nemail = 'x'\n[hosts.s]\nport = 0\n"
    text += "[hosts.s.app]\ntimeout = 0\n[groups]\na = ['t']\n"
    keys = [line.split(": ")[1] for line in problems(text, {"SELVEDGE_APP__DRAIN": "x"})]
    assert sorted(keys) == sorted(
        ["app.workers", "app.x", "SELVEDGE_APP__DRAIN", "tls.email", "hosts.s.port", "hosts.s.app.timeout", "groups.a"]
    )


@pytest.mark.parametrize("own", ["timeout = 99", "branch = 'x'"])
def test_a_problem_of_the_general_table_is_told_once(problems: Problems, own: str) -> None:
    assert len(problems(f"{APP}workers = 0\n[hosts.a.app]\n{own}\n[hosts.b.app]\n{own}\n")) == 1


def test_one_problem_has_its_remedy_apart_and_several_in_their_lines(problems: Problems) -> None:
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


def test_files_that_are_no_text(tmp_path: Path, problems: Problems) -> None:
    problems(APP)
    (tmp_path / "hosts.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"hosts\.toml: is not UTF-8 text"):
        load(tmp_path / "hosts.toml", environ={})
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "none.toml", environ={})
    (tmp_path / ".env").write_bytes(b"\xff")
    assert problems(APP)[0].endswith(".env: is not UTF-8 text. Save it as UTF-8.")


# Variables


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SELVEDGE_APP__BRNACH", "hunter2", "SELVEDGE_APP__BRNACH: is not a setting. Did you mean branch?"),
        ("SELVEDGE_APPP__BRANCH", "hunter2", "SELVEDGE_APPP__BRANCH: is not a setting. Did you mean SELVEDGE_APP__…?"),
        ("SELVEDGE_HOST_FILE", "hunter2", "SELVEDGE_HOST_FILE: is not a setting. Did you mean SELVEDGE_HOSTS_FILE?"),
        ("SELVEDGE_XYZ", "hunter2", "SELVEDGE_XYZ: is not a setting. Settings are SELVEDGE_TABLE__KEY."),
        (
            "SELVEDGE_HOSTS__S__APP__BRNACH",
            "hunter2",
            "SELVEDGE_HOSTS__S__APP__BRNACH: is not a setting. Did you mean branch?",
        ),
        ("SELVEDGE_APP__WORKERS", "many", "SELVEDGE_APP__WORKERS: must be a whole number from 1 to 512, not 'many'. "),
        (
            "SELVEDGE_APP__DOMAINS",
            "a.example",
            "SELVEDGE_APP__DOMAINS: must be a list of text, not 'a.example'. "
            'Write e.g. SELVEDGE_APP__DOMAINS=\'["hello.example.com", "www.hello.example.com"]\'.',
        ),
        (
            "SELVEDGE_APP__DOMAINS",
            '["a b"]',
            "SELVEDGE_APP__DOMAINS: must be a host name such as app.example.com, not 'a b'.",
        ),
        (
            "SELVEDGE_SERVER__OPEN_PORTS",
            "80,81",
            "SELVEDGE_SERVER__OPEN_PORTS: must be a list of whole numbers, not '80,81'.",
        ),
        ("SELVEDGE_APP", "x", "SELVEDGE_APP: must be a table, not 'x'."),
        ("SELVEDGE_HOSTS__S__PORT", "x", "SELVEDGE_HOSTS__S__PORT: must be a whole number from 1 to 65535, not 'x'."),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_not_where_it_is_unknown(
    tmp_path: Path, problems: Problems, name: str, value: str, words: str
) -> None:
    text = APP + "[hosts.s]\n"
    (line,) = problems(text, {name: value})
    assert line.startswith(f"environment: {words}")
    assert "hunter2" not in line
    (tmp_path / ".env").write_text(f"{name}='{value}'\n")
    (line,) = problems(text)
    assert line.startswith(f".env: {words}")
    assert "hunter2" not in line


def test_a_value_of_the_command_line_is_called_that(problems: Problems) -> None:
    (line,) = problems(APP, overrides={"app": {"branch": "-x"}})
    assert line.startswith("command line: app.branch: must be a branch name")


def test_variables_of_other_programs_are_left_alone(tmp_path: Path, problems: Problems) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=x\nDEBUG\nSELVEDGE_SUDO_PASSWORD=x\n=\n'\n")
    around = {"SELVEDGE_DEBUG": "1", "SELVEDGE_SUDO_PASSWORD": "x", "SELVEDGES": "x"}
    assert problems(APP, around) == []


# Secrets


def test_a_token_in_the_file_is_refused_and_not_shown(problems: Problems) -> None:
    secret = 'repository = "https://me:hunter2@git.example.com/x"'
    text = APP.replace('repository = "https://git.example.com/me/hello.git"', secret)
    (line,) = problems(text)
    assert line.startswith(
        "hosts.toml: app.repository: holds a password or token, and this file is meant to be shared."
    )
    (own,) = problems(f"{APP}[hosts.s.app]\n{secret}\n")
    assert own.startswith("hosts.toml: hosts.s.app.repository: holds a password or token")
    assert "hunter2" not in line + own
    assert problems(APP, {"SELVEDGE_APP__REPOSITORY": "https://me:hunter2@git.example.com/x"}) == []


@pytest.mark.parametrize(
    "source", ["https://me:hunter2@git.example.com/a b", "https://me:hunter2 @h/x", "ftp://hunter2@h/x"]
)
def test_a_wrong_address_is_shown_without_its_token(problems: Problems, source: str) -> None:
    (line,) = problems(APP, {"SELVEDGE_APP__REPOSITORY": source})
    assert "must be a git address" in line
    assert "hunter2" not in line


# Hostile values in every place that takes text

HOSTILE = [
    "x; touch /tmp/pwn",
    "$(touch /tmp/pwn)",
    "`touch /tmp/pwn`",
    "a\n[program:x]",
    "a\r\nb",
    "a\0b",
    "a\x1b[2J",
    "a.test; } server {",
    "--upload-pack=touch /tmp/pwn",
    "-oProxyCommand=touch",
    "../../etc",
    "/etc/passwd;",
    "a b",
    "a'b",
    'a"b',
    "100%(x)s",
    "{{ app }}",
    "{x}",
    "a|b",
    "a&b",
    "a>b",
    "a\\b",
    "~root/x;",
    "日本 x",
    "\u202ea;b",
    "é;",
]
# Kept character for character (unless a control character or, for a path, a '-' at the front makes them refused).
FREE = {
    "app.migrate",
    "app.env_file",
    "app.repository",
    "tls.acme_ca",
    "tls.certificate",
    "tls.certificate_key",
    "server.authorized_keys[]",
    "hosts.s.key",
    "hosts.s.known_hosts",
    *(f"hooks.{name}[]" for name in ("before_build", "after_build", "before_switch", "after_switch", "on_failure")),
}


def _places() -> Iterator[tuple[str, Callable[[str], dict[str, Any]], Callable[[Settings], Any]]]:
    """Each setting that takes text: its name, tables with a text in it, and how to get it back."""
    models = {name: section_of(field.annotation) for name, field in Settings.model_fields.items()}
    for section, model in [*models.items(), ("hosts", Host)]:
        for key, field in model.model_fields.items() if model else ():
            if section == "hosts" and (key in OVERRIDES or key == "name"):
                continue
            name = f"hosts.s.{key}" if section == "hosts" else f"{section}.{key}"
            for suffix, wrap, unwrap in _shapes(field.annotation):
                yield f"{name}{suffix}", _writer(section, key, wrap), _reader(section, key, unwrap)
    yield "hosts", lambda text: {"hosts": {text: {"address": "203.0.113.1"}}}, lambda found: next(iter(found.hosts))
    yield "groups", lambda text: {"hosts": {"s": {}}, "groups": {text: ["s"]}}, lambda found: next(iter(found.groups))
    yield "groups[]", lambda text: {"groups": {"g": [text]}}, lambda found: found.groups["g"][0]


def _shapes(annotation: Any) -> Iterator[tuple[str, Callable[[str], Any], Callable[[Any], Any]]]:
    if get_origin(annotation) is dict:
        yield "{key}", lambda text: {text: "x"}, lambda value: next(iter(value))
        yield "{value}", lambda text: {"/x": text}, lambda value: value["/x"]
    elif get_origin(annotation) is list and str in kinds(get_args(annotation)[0]):
        yield "[]", lambda text: [text], lambda value: value[0]
    elif str in kinds(annotation) and get_origin(annotation) is not Literal:
        yield "", lambda text: text, lambda value: value


def _writer(section: str, key: str, wrap: Callable[[str], Any]) -> Callable[[str], dict[str, Any]]:
    def tables(text: str) -> dict[str, Any]:
        pair = {"certificate": "c", "certificate_key": "k"} if key.startswith("certificate") else {}
        table = {**pair, key: wrap(text)}
        return {"hosts": {"s": table}} if section == "hosts" else {section: table}

    return tables


def _reader(section: str, key: str, unwrap: Callable[[Any], Any]) -> Callable[[Settings], Any]:
    def read(found: Settings) -> Any:
        return unwrap(getattr(found.hosts["s"] if section == "hosts" else getattr(found, section), key))

    return read


PLACES = list(_places())


def test_the_places_are_all_there() -> None:
    found = {name for name, *_ in PLACES}
    assert found >= FREE
    assert {
        "app.name",
        "app.domains[]",
        "nginx.static{key}",
        "nginx.media{value}",
        "hosts.s.address",
        "groups[]",
    } <= found
    assert len(found) > 40


@pytest.mark.parametrize("name", [name for name, *_ in PLACES])
def test_hostile_text_is_refused_or_kept_exactly(name: str, tmp_path: Path) -> None:
    """Where text is free it is kept; everywhere else each of these is refused before anything is contacted."""
    write, read = next((write, read) for place, write, read in PLACES if place == name)
    file = tmp_path / "hosts.toml"
    for text in HOSTILE:
        tables = {"app": {"name": "hello", "repository": "."}, **write(text)}
        tables["app"] = {"name": "hello", "repository": ".", **tables["app"]}
        file.write_text("".join(f"{key} = {_inline(value)}\n" for key, value in tables.items()), encoding="utf-8")
        try:
            kept = read(load(file, environ={"SELVEDGE_SANDBOX_DIR": str(tmp_path)}))
        except SelvedgeError as error:
            assert isinstance(error, ConfigError)
            assert name not in FREE or _may_be_refused(name, text), f"{name} refuses {text!r}"
            continue
        assert name in FREE, f"{name} takes {text!r}"
        wanted = str(tmp_path / Path(text).expanduser()) if name.startswith("hosts.s.") else text
        assert kept == wanted


def _may_be_refused(name: str, text: str) -> bool:
    control = any(ord(char) < 32 for char in text)
    dash = text.startswith("-") and name != "app.migrate" and not name.startswith("hooks.")
    return control or dash or (name == "app.repository" and not text.startswith(("./", "../", "/", "~/")))


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(each)}" for key, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_hostile_text_from_the_environment_is_refused_as_well(problems: Problems, text: str) -> None:
    for key in ("APP__NAME", "APP__BRANCH", "APP__HEALTH", "APP__MODULE", "HOSTS__S__ADDRESS", "HOSTS__S__USER"):
        (line,) = problems(APP + "[hosts.s]\n", {f"SELVEDGE_{key}": text})
        assert line.startswith(f"environment: SELVEDGE_{key}: ")


def test_bytes_that_are_no_text_are_refused(problems: Problems) -> None:
    (line,) = problems(APP, {"SELVEDGE_APP__MIGRATE": "a\udcffb"})
    assert "control characters" in line
