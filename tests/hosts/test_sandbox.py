"""The sandbox itself, which the demo and all other tests on servers use."""

from __future__ import annotations

import concurrent.futures
import ipaddress
import os
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import network, state
from sandbox.server import Server

pytestmark = pytest.mark.hosts
ROOT = Path(__file__).resolve().parents[2]
TRIXIE = pytest.param("three", marks=pytest.mark.thorough)


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Use a separate sandbox, so that `down` can remove its last server."""
    path = tmp_path_factory.mktemp("sandbox") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELVEDGE_SANDBOX_DIR", str(path))
        yield path
        sandbox.down_all()


@pytest.fixture(scope="module")
def trio() -> dict[str, Server]:
    """Make two servers with Debian 12 and one with Debian 13 in parallel, in separate processes."""
    wanted = {"one": "bookworm", "two": "bookworm", "three": "trixie"}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda item: make(*item), wanted.items()))
    assert [done.returncode for done in made] == [0, 0, 0], [done.stderr for done in made]
    return {server.name: server for server in sandbox.servers()}


def make(name: str, release: str) -> subprocess.CompletedProcess[str]:
    """Run `sandbox.up` in another process."""
    code = f"import sandbox; print(sandbox.up({name!r}, {release!r}, image='ready').address)"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def over_ssh(server: Server, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a command over ssh with the key and the known_hosts file of the sandbox."""
    ssh, *words = server.ssh_argv()
    return subprocess.run(
        [ssh, "-o", "BatchMode=yes", *options, *words, command],
        capture_output=True, text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)  # fmt: skip


def test_servers_can_be_made_in_parallel(trio: dict[str, Server]) -> None:
    assert len({server.address for server in trio.values()}) == 3
    for name, version in {"one": "12.", "two": "12.", "three": "13."}.items():
        done = over_ssh(trio[name], "hostname; cat /etc/debian_version; systemctl is-system-running --wait")
        hostname, debian, running = done.stdout.split()
        assert (hostname, running) == (name, "running"), done
        assert debian.startswith(version)


@pytest.mark.usefixtures("trio")
def test_parallel_calls_of_up_make_one_server() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: make("four", "bookworm"), range(3)))
    assert {done.stdout for done in made} == {f"{sandbox.up('four').address}\n"}, made
    assert sandbox.down("four")


def test_up_returns_a_running_server(trio: dict[str, Server]) -> None:
    before = trio["one"].pid
    assert sandbox.up("one", "bookworm") == trio["one"]
    assert trio["one"].pid == before


@pytest.mark.usefixtures("trio")
def test_up_refuses_another_release() -> None:
    with pytest.raises(sandbox.SandboxError, match=r"server one already exists, with bookworm.*sandbox\.down one"):
        sandbox.up("one", "trixie")


def test_the_hosts_file_lists_each_server(trio: dict[str, Server], place: Path) -> None:
    hosts = tomllib.loads((place / "hosts.toml").read_text())["hosts"]
    assert set(hosts) == set(trio)
    assert hosts["two"] == {
        "address": trio["two"].address, "port": 22, "user": "deploy", "bootstrap_user": "root",
        "key": str(place / "id_ed25519"), "known_hosts": str(place / "known_hosts")}  # fmt: skip
    assert (place / "id_ed25519").stat().st_mode & 0o777 == 0o600


def test_the_host_key_of_another_server_is_refused(trio: dict[str, Server], tmp_path: Path) -> None:
    lines = (trio["one"].known_hosts).read_text().splitlines()
    other = [line for line in lines if line.startswith(f"{trio['two'].address} ")]
    swapped = tmp_path / "known_hosts"
    swapped.write_text("\n".join(line.replace(trio["two"].address, trio["one"].address) for line in other) + "\n")
    done = over_ssh(trio["one"], "true", "-o", f"UserKnownHostsFile={swapped}")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_only_the_key_logs_in_as_root(trio: dict[str, Server], tmp_path: Path) -> None:
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    stranger = [word if word != str(trio["one"].key) else str(key) for word in trio["one"].ssh_argv()]
    done = subprocess.run([*stranger, "-o", "BatchMode=yes", "true"], capture_output=True, text=True, check=False)
    assert "Permission denied" in done.stderr
    assert trio["one"].run("passwd --status root").stdout.split()[1] in ("L", "NP")
    assert "permitrootlogin without-password" in trio["one"].run("sshd -T").stdout


def test_stopping_a_unit_affects_one_server(trio: dict[str, Server]) -> None:
    trio["one"].run("systemctl stop ssh")
    assert over_ssh(trio["one"], "true", "-o", "ConnectTimeout=2").returncode == 255
    assert over_ssh(trio["two"], "true").returncode == 0
    assert "one" in trio["one"].run("hostname").stdout, "run() does not need sshd"
    trio["one"].run("systemctl start ssh")
    trio["one"].wait()


def test_a_failing_script_raises_with_its_output(trio: dict[str, Server]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        trio["one"].run("echo out; echo err >&2; exit 3")
    assert (caught.value.returncode, caught.value.output, caught.value.stderr) == (3, "out\n", "err\n")
    assert trio["one"].run("exit 3", check=False).returncode == 3


@pytest.mark.parametrize("name", ["two", TRIXIE])
def test_nginx_inside_a_server_is_reachable(trio: dict[str, Server], name: str) -> None:
    server = trio[name]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=5)
    server.run("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-download nginx")
    with urllib.request.urlopen(server.url, timeout=5) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("name", ["two", TRIXIE])
def test_servers_reach_package_registries(trio: dict[str, Server], name: str) -> None:
    server = trio[name]
    script = """
    set -e
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y python3-venv curl git
    cd /root && python3 -m venv x && x/bin/pip install uv
    python3 -m venv --without-pip y && x/bin/uv pip install --python y/bin/python fastapi
    y/bin/python -c 'import fastapi'
    """
    assert "deprecated" not in server.run(script).stderr, "uv's configuration"
    index = server.run("/root/x/bin/python -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)'")
    url = f"{index.stdout.strip()}/uv/"
    assert server.run(f"curl --silent --output /dev/null --write-out '%{{http_code}}' {url}").stdout == "200"
    refused = server.run(f"git ls-remote {url}", check=False).stderr
    assert "not found" in refused, "git connects and accepts the certificate"


def test_the_disk_survives_poweroff_and_a_power_cut(trio: dict[str, Server]) -> None:
    server = trio["one"]
    server.run("echo kept > /root/clean")
    server.poweroff()
    assert not server.running
    with pytest.raises(sandbox.SandboxError, match="is off"):
        server.run("true")
    server.boot()
    server.run("echo kept > /root/cut; sync")
    server.kill()
    assert not server.running
    server.boot()
    assert server.run("cat /root/clean /root/cut").stdout == "kept\nkept\n"
    assert over_ssh(server, "true").returncode == 0, "the host keys are the same"


@pytest.mark.parametrize("name", ["one", TRIXIE])
def test_a_reboot_keeps_the_disk(trio: dict[str, Server], name: str) -> None:
    server = trio[name]
    read = "cat /etc/machine-id; systemctl show --property=UserspaceTimestampMonotonic"
    identity, started = server.run(read).stdout.split()
    server.reboot()
    again, restarted = server.run(read).stdout.split()
    assert identity == again
    assert started != restarted
    assert over_ssh(server, "true").returncode == 0


def test_a_server_that_reboots_itself_runs_again(trio: dict[str, Server]) -> None:
    server = trio["one"]
    before = server.pid
    over_ssh(server, "systemctl reboot")
    deadline = time.monotonic() + 30
    while (now := server.driver_module.leader(server)) in (before, None) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert now not in (before, None)
    server.wait()
    assert over_ssh(server, "true").returncode == 0


def test_the_bare_image_has_only_sshd() -> None:
    said: list[str] = []
    server = sandbox.up("bare", say=said.append)
    for program in ("python3", "git", "nginx", "supervisorctl", "curl"):
        assert server.run(f"command -v {program}", check=False).returncode != 0, program
    assert server.run("ls /var/lib/apt/lists/*Packages* /var/cache/apt/archives/*.deb", check=False).stdout == ""
    assert server.run("ls /etc/ssh/ssh_host_ed25519_key; systemctl --failed --no-legend").stdout.split() == [
        "/etc/ssh/ssh_host_ed25519_key"
    ]
    assert said[-1] == f"The server bare (Debian 12 (bookworm)) is running at {server.address}, SSH port 22."
    assert sandbox.down("bare")
    assert not sandbox.down("bare")


@pytest.mark.usefixtures("trio")
def test_the_fab_tasks_list_and_remove_servers(tmp_path: Path) -> None:
    (tmp_path / "fabfile.py").write_text(
        "from invoke.collection import Collection\nfrom tasks import sandbox\n"
        "namespace = Collection(sandbox=Collection.from_module(sandbox))\n"
    )

    def fab(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "fabric", *words]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    sandbox.up("extra", image="ready")
    lines = fab("sandbox.list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["extra", "one", "three", "two"]
    wrong = fab("sandbox.down", "extra,nothing")
    assert wrong.returncode == 2
    assert "no sandbox server nothing. Existing servers: extra, one, three, two" in wrong.stderr
    assert fab("sandbox.down", "extra").stdout == "extra: deleted.\n"
    assert fab("sandbox.up", "--name", "Bad").returncode == 2
    assert "Traceback" not in fab("sandbox.up", "--name", "Bad").stderr


def test_down_removes_everything(trio: dict[str, Server], place: Path) -> None:
    bridge, subnet = network.bridge(), str(ipaddress.ip_network(f"{trio['one'].address}/24", strict=False))
    assert traces(place, bridge, subnet) == {"process", "mount", "link", "rule", "cgroup", "directory"}
    trio["two"].poweroff()
    assert sorted(sandbox.down_all()) == ["one", "three", "two"]
    assert traces(place, bridge, subnet) == set()
    assert sandbox.servers() == []


def traces(place: Path, bridge: str, subnet: str) -> set[str]:
    """Return the kinds of traces of our servers that are on this machine."""

    def told(*argv: str) -> str:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    machine = f"{state.tag()[:4]}-"
    cgroups = [path for path in Path("/sys/fs/cgroup").glob("**/selvedge-*") if machine in path.name]
    rules = told("iptables-save")
    signs = {
        "process": str(place) in told("ps", "-eww", "-o", "args="),
        "mount": str(place) in Path("/proc/self/mounts").read_text(),
        "link": bridge in told("ip", "link") or f"vb-{machine}" in told("ip", "link"),
        "rule": bridge in rules or subnet in rules,
        "cgroup": bool(cgroups),
        "directory": place.exists() or any(Path("/run/systemd/nspawn").glob(f"*/{machine}*")),
    }
    return {sign for sign, seen in signs.items() if seen}
