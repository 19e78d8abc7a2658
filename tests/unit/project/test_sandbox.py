"""The sandbox without servers: names, addresses, settings that it hands on, its files."""

from __future__ import annotations

import contextlib
import json
import sys
import tarfile
import threading
import tomllib
from configparser import RawConfigParser
from ipaddress import IPv4Network
from pathlib import Path

import pytest

import sandbox
from sandbox import docker, images, kernel, machine, network, nspawn, state
from sandbox.state import Record

pytestmark = pytest.mark.programs

KEY = "ssh-ed25519 AAAA"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of the sandbox, which does not exist yet."""
    monkeypatch.setenv("SELVEDGE_SANDBOX_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def record(name: str = "web", port: int = 22, driver: str = "nspawn") -> Record:
    """Return the record of a server that does not exist."""
    where = "127.0.0.1" if driver == "docker" else "10.1.2.3"
    return Record(name, "bookworm", "ready", driver, where, port, 8080, 8443, state.home() / "servers" / name, (KEY,))


@pytest.mark.parametrize("name", ["", "Web", "1web", "a b", "../x", "a" * 32, "web\n", "wéb"])
def test_an_invalid_name_is_refused_first(name: str, place: Path) -> None:
    with pytest.raises(sandbox.SandboxError, match="not a valid server name"):
        sandbox.up(name)
    assert not place.exists()


def test_the_subnet_is_the_first_free_one() -> None:
    taken = [IPv4Network("10.0.0.0/23"), IPv4Network("10.0.2.255/32"), IPv4Network("192.168.0.0/16")]
    assert network.pick_subnet(taken, 0) == IPv4Network("10.0.3.0/24")
    assert network.pick_subnet([], 0xFFFFFFFF) == IPv4Network("10.255.255.0/24")
    with pytest.raises(sandbox.SandboxError, match="Could not find a free private subnet"):
        network.pick_subnet([IPv4Network("10.0.0.0/8")], 7)


def test_a_released_address_is_reused_last(place: Path) -> None:
    subnet = IPv4Network("10.9.8.0/29")
    state.write(place / "network.json", json.dumps({"subnet": str(subnet)}))
    assert network.new_address(subnet, []) == "10.9.8.2"
    assert network.new_address(subnet, []) == "10.9.8.3"
    assert network.new_address(subnet, ["10.9.8.4"]) == "10.9.8.5"
    assert [network.new_address(subnet, ["10.9.8.5"]) for _ in range(2)] == ["10.9.8.6", "10.9.8.2"]
    with pytest.raises(sandbox.SandboxError, match="are in use"):
        network.new_address(subnet, [f"10.9.8.{number}" for number in range(2, 7)])


@pytest.fixture
def machine_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Forwarding and the limit of inotify instances of a machine with one network card and no rules."""
    for name in ("SETTINGS", "MEMORY"):
        monkeypatch.setattr(kernel, name, tmp_path)
    monkeypatch.setattr(kernel, "INTERFACES", tmp_path / "net")
    monkeypatch.setattr(kernel, "_output", lambda _argv: [])
    monkeypatch.setattr(kernel, "_inotify_instances", lambda: 20)
    for name in ("lo", "eth0", "slv-0123"):
        (tmp_path / "net" / name).mkdir(parents=True)
    forward, watchers = (tmp_path / name for name in kernel.LEAST)
    for setting, value in ((forward, "0\n"), (watchers, "4096\n")):
        setting.parent.mkdir(parents=True)
        setting.write_text(value)
    return forward, watchers


def test_kernel_settings_are_raised_and_restored_where_too_low(machine_settings: tuple[Path, Path], tmp_path: Path) -> None:
    forward, watchers = machine_settings
    kernel.ensure()
    kernel.ensure()
    assert (int(forward.read_text()), int(watchers.read_text())) == (1, 4096)
    watchers.write_text("8192\n")  # the user's own setting
    assert kernel.restore() == []
    assert (int(forward.read_text()), int(watchers.read_text())) == (0, 8192)
    assert kernel.restore() == [] and not list(tmp_path.glob("selvedge-*"))


@pytest.mark.parametrize(
    "newer", ["docker0", "wg0", "tun0", "-A POSTROUTING -s 10.1.0.0/24 -j MASQUERADE", "-A FORWARD -i x -j ACCEPT"]
)
def test_forwarding_stays_on_for_a_network_that_came_later(
    machine_settings: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: str
) -> None:
    forward, _ = machine_settings
    rules = {"nat": ["-A POSTROUTING -s 10.9.9.0/24 ! -o slv-0123 -j MASQUERADE"], "filter": ["-A INPUT -j ACCEPT"]}
    monkeypatch.setattr(kernel, "_output", lambda argv: rules.get(argv[-1], []))
    kernel.ensure()
    if newer.startswith("-A"):
        rules["filter" if "FORWARD" in newer else "nat"].append(newer)
    else:
        (tmp_path / "net" / newer).mkdir()
    (sentence,) = kernel.restore()
    assert int(forward.read_text()) == 1
    assert sentence == (
        "The kernel setting net.ipv4.ip_forward was not set back to 0, because this machine has a network that is newer than the "
        f"sandbox: {newer}. To do so: `sudo sysctl net.ipv4.ip_forward=0`."
    )
    assert not list(tmp_path.glob("selvedge-*")), "the setting is the machine's own from now on"


def test_a_limit_that_others_use_or_have_changed_stays(
    machine_settings: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, watchers = machine_settings
    for used, changed in ((200, "1024"), (20, "8192")):
        watchers.write_text("128\n")
        kernel.ensure()
        watchers.write_text(changed)
        monkeypatch.setattr(kernel, "_inotify_instances", lambda used=used: used)
        (sentence,) = kernel.restore()
        assert watchers.read_text() == changed and "max_user_instances was not set back to 128" in sentence


def test_a_bridge_with_another_member_stays(
    machine_settings: tuple[Path, Path], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, _ = machine_settings
    ran: list[object] = []
    monkeypatch.setattr(network, "attempt", ran.append)
    kernel.ensure()
    state.write(place / "network.json", json.dumps({"subnet": "10.9.8.0/24"}))
    (tmp_path / "net" / network.bridge() / "brif/vnet7").mkdir(parents=True)
    (tmp_path / "net" / network.bridge() / "brif/vb-web").mkdir()
    (sentence,) = network.remove()
    assert "because vnet7 of this machine use it" in sentence and not ran and int(forward.read_text()) == 1
    state.clear(network_remains=network.exists())
    assert (place / "network.json").is_file()


def test_ssh_and_a_project_can_read_the_hosts(place: Path) -> None:
    state.save(record("web"))
    state.save(record("box", port=2222, driver="docker"))
    assert (place / "known_hosts").read_text() == f"[127.0.0.1]:2222 {KEY}\n10.1.2.3 {KEY}\n"
    assert tomllib.loads((place / "hosts.toml").read_text())["hosts"]["box"]["port"] == 2222
    assert state.find("web") == record("web")
    state.forget(record("web"))
    assert (state.find("web"), [each.name for each in state.records()]) == (None, ["box"])
    assert "10.1.2.3" not in (place / "known_hosts").read_text()


def test_clear_removes_only_its_own_files(place: Path) -> None:
    state.save(record())
    (place / "other.txt").write_text("mine")
    state.forget(record())
    state.clear()
    assert [path.name for path in place.iterdir()] == ["other.txt"]


def test_a_removed_lock_file_still_locks(tmp_path: Path) -> None:
    """A process may wait for a lock file that its holder deletes."""
    lock, inside, seen = tmp_path / "place" / "lock", [], []

    def hold() -> None:
        for _ in range(50):
            with state.locked(lock):
                inside.append(1)
                seen.append(len(inside))
                inside.pop()
                lock.unlink()
                with contextlib.suppress(OSError):  # the next one has made its file in it already
                    lock.parent.rmdir()

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert seen == [1] * 200


def test_servers_get_pips_network_settings_without_local_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://in-a-file.example/simple\nfind-links = /opt/wheels\ntimeout = 7\n")
    for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///opt/simple https://more.example/simple")
    settings = machine.pip_settings()
    assert settings["index-url"] == ["https://index.example/simple"], "a variable wins over a file"
    assert settings["extra-index-url"] == ["https://more.example/simple"]
    assert settings["timeout"] == ["7"]
    assert "find-links" not in settings
    parser = RawConfigParser()
    parser.read_string(machine.pip_conf(settings))
    assert parser["global"]["extra-index-url"] == "https://more.example/simple"
    assert parser["global"]["cert"] == "/etc/ssl/certs/ca-certificates.crt"
    uv = tomllib.loads(machine.uv_toml(settings))
    assert uv["system-certs"] is True
    assert uv["index"] == [
        {"url": "https://more.example/simple"},
        {"url": "https://index.example/simple", "default": True},
    ]


def test_only_missing_certificate_authorities_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pem(body: str) -> str:
        return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"

    (tmp_path / "bundle.pem").write_text(f"# a comment\n{pem('public')}\n{pem('company')}\n{pem('company')}\n")
    monkeypatch.setattr(machine, "CA_FILES", (str(tmp_path / "bundle.pem"), str(tmp_path / "absent.pem")))
    for name in machine.CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert machine.missing_certificates(f"{pem('public')}\n") == [pem("company")]


def test_apt_and_the_servers_environment_get_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "pip_settings", dict)
    for name in machine.PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert "etc/environment" not in machine.files()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setattr(machine.shutil, "which", lambda _name: None)
    assert machine.apt_options() == ['Acquire::https::Proxy "http://proxy.example:3128";']
    assert "https_proxy=" in machine.files()["etc/environment"]


def test_without_a_driver_the_message_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nspawn.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(docker.shutil, "which", lambda _name: None)
    with pytest.raises(sandbox.SandboxError) as caught:
        sandbox.choose()
    if nspawn.sys.platform == "linux":
        assert "With nspawn: you are not root (run the same command with sudo)" in str(caught.value)
    assert "With docker: Docker is not installed." in str(caught.value)


def test_unknown_image_and_release_are_refused() -> None:
    for release, kind in (("sid", "bare"), ("bookworm", "fat")):
        with pytest.raises(sandbox.SandboxError, match=r"Images: bare, ready\. Releases: bookworm, trixie\."):
            images.check(release, kind)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake `docker` that logs each command as a JSON list and stores the copied files as `log.tar`. Its container runs."""
    log, program = tmp_path / "log", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable} -IS\nimport json, sys\nprint(json.dumps(sys.argv[1:]), file=open({str(log)!r}, 'a'))\n"
        "if sys.argv[1] == 'inspect': print('4242')\n"
        f"if sys.argv[1] == 'cp': open({str(log) + '.tar'!r}, 'wb').write(sys.stdin.buffer.read())\n"
        "if sys.argv[1:3] == ['image', 'ls']: print('aa\\naa\\nbb')\n"
        "sys.exit(1 if sys.argv[1:3] == ['image', 'inspect'] else 0)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(machine, "pip_settings", dict)  # to ask pip takes long, and has tests of its own
    return log


def commands(log: Path) -> list[list[str]]:
    """Return the commands that `docker` got."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_docker_makes_a_privileged_container_with_systemd_and_ports_on_loopback(engine: Path, place: Path) -> None:
    place.mkdir()
    made = docker.create("web", "trixie", "bare", place / "servers/web")
    name = docker.container("web")
    create = next(words for words in commands(engine) if words[0] == "create")
    assert {f"--name={name}", "--hostname=web", "--privileged", "--cgroupns=private", "--tmpfs=/run"} < set(create)
    assert f"--publish=127.0.0.1:{made.port}:22" in create
    assert f"--publish=127.0.0.1:{made.http_port}:80" in create
    assert f"--publish=127.0.0.1:{made.https_port}:443" in create
    assert create[-1].startswith("selvedge-sandbox:trixie-bare-")
    assert len({made.port, made.http_port, made.https_port}) == 3
    assert any(key.startswith("ssh-ed25519 ") for key in made.host_keys)
    assert commands(engine)[-1][0] == "cp"
    assert commands(engine)[-1][2] == f"{name}:/"


def test_root_owns_the_files_that_docker_copies(engine: Path, place: Path) -> None:
    place.mkdir()
    docker.create("web", "trixie", "bare", place / "servers/web")
    with tarfile.open(f"{engine}.tar") as tar:
        copied = {entry.name: entry for entry in tar}
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in copied.values()} == {(0, 0, "root", "root")}
    modes = {name: oct(copied[f"./{name}"].mode) for name in ("root/.ssh", "root/.ssh/authorized_keys")}
    assert modes == {"root/.ssh": "0o700", "root/.ssh/authorized_keys": "0o600"}
    assert copied["./etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert copied["."].mode == 0o755, "the server's / would be closed to all but root"


def test_docker_starts_stops_and_removes_a_server(engine: Path) -> None:
    box = record(driver="docker")
    name = docker.container("web")
    docker.start(box)
    assert docker.leader(box) == 4242
    assert docker.exec_argv(box, "id; echo $HOME") == ["docker", "exec", name, "/bin/sh", "-c", "id; echo $HOME"]
    docker.kill(box)
    docker.remove(box)
    docker.remove_images()
    made = [words for words in commands(engine) if words[0] not in ("inspect", "version", "image")]
    assert made == [["start", name], ["kill", name], ["rm", "--force", "--volumes", name], ["rmi", "aa", "bb"]]


def test_docker_builds_the_image_once(engine: Path) -> None:
    said: list[str] = []
    docker.prepare("bookworm", "ready", said.append)
    build = commands(engine)[-1]
    assert build[:3] == ["build", "--quiet", "--tag"]
    assert build[3].startswith("selvedge-sandbox:bookworm-ready-")
    assert len(said) == 1


def test_dockerfile_holds_the_same_debian_as_the_other_driver() -> None:
    bare, ready = docker.dockerfile("trixie", "bare"), docker.dockerfile("trixie", "ready")
    assert bare.startswith("FROM debian:trixie-slim\n")
    assert " ".join(images.BARE) in bare
    assert "STOPSIGNAL SIGRTMIN+3\n" in bare
    assert "nginx" not in bare
    assert '"nginx"' in ready
    assert "--download-only" in ready
    runs = [line.removeprefix("RUN ") for line in ready.splitlines() if line.startswith("RUN [")]
    assert [json.loads(line)[:2] for line in runs] == [["/bin/sh", "-c"]] * 2
