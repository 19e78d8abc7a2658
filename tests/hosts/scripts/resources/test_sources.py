"""Package sources that fail beside those of the distribution, with this machine's apt and repositories in folders."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from selvedge.engine.script import call_script
from selvedge.resources.packages import Upgraded
from selvedge.shell.library import call

LINES = "deb [trusted=yes] file:/srv/debian SUITE main\ndeb [trusted=yes] file:/srv/debian-security SUITE-security main\n"
PACKAGE = b"Package: demo\nVersion: 1\nArchitecture: all\nFilename: demo.deb\nSize: 1\n"
FETCHED = "/var/lib/selvedge/lists-fetched"


def codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2]
    return "bookworm"


def release(folder: Path, suite: str, origin: str, *lines: str) -> None:
    """Write a repository with one list."""
    place = folder / "dists" / suite
    (place / "main/binary-all").mkdir(parents=True)
    (place / "main/binary-all/Packages").write_bytes(PACKAGE)
    text = [f"Origin: {origin}", f"Label: {origin}", f"Suite: {suite}", f"Codename: {suite}", "Architectures: all"]
    text += ["Components: main", "Date: Mon, 01 Jan 2024 00:00:00 UTC", *lines]
    digest = f" {hashlib.sha256(PACKAGE).hexdigest()} {len(PACKAGE)} main/binary-all/Packages"
    (place / "Release").write_text("\n".join([*text, "SHA256:", digest]) + "\n")


@pytest.fixture
def apt(server: Any) -> Any:
    """A server with repositories of Debian, which needs no network."""
    (server.path("/etc/apt/sources.list.d")).mkdir(parents=True)
    for folder in ("apt.conf.d", "preferences.d", "trusted.gpg.d"):
        server.path(f"/etc/apt/{folder}").mkdir()
    server.path("/etc/apt/apt.conf.d/test").write_text('APT::Sandbox::User "root";\nAPT::Architecture "all";\n')
    server.path("/var/lib/dpkg").mkdir()
    server.path("/var/lib/dpkg/status").touch()
    server.program("dpkg", "exit 0")
    server.program("sleep", "exit 0")
    release(server.path("/srv/debian"), codename(), "Debian")
    release(server.path("/srv/debian-security"), f"{codename()}-security", "Debian")
    server.path("/etc/apt/sources.list").write_text(LINES.replace("SUITE", codename()))
    return server


def update(server: Any) -> Any:
    return server.apply(server.plan(Upgraded(upgrade=False)))


def test_lists_that_were_fetched_are_current(apt: Any) -> None:
    done = update(apt)
    assert done.error == "" and done.said == [], done
    assert not apt.plan(Upgraded(upgrade=False))


GONE = "deb http://127.0.0.1:9/x stable main"
OTHERS = {
    "a disc": ("cdrom.list", "deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - Official]/ SUITE main", "Please use apt-cdrom", "line 1"),
    "no listener": ("docker.list", f"# a comment\n{GONE}", "Could not connect to 127.0.0.1:9", "line 2"),
    "deb822": ("x.sources", "Types: deb\nURIs: http://127.0.0.1:9/y\nSuites: SUITE\nComponents: main\n", "connect", "entry 1"),
    "a missing folder": ("ppa.list", "deb [trusted=yes] file:/srv/gone SUITE main", "file:/srv/gone", "line 1"),
    "no signature": ("old.list", "deb file:/srv/third stable main", "is not signed", "line 1"),
    "a password": ("p.list", "deb http://me:hunter2@127.0.0.1:9/x stable main", "127.0.0.1:9", "line 1"),
    "no such method": ("m.list", "deb nosuch://x/y stable main", "nosuch", "line 1"),
    "backports": ("b.list", "deb [trusted=yes] file:/srv/debian SUITE-backports main", "File not found", "line 1"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_source_of_a_third_party_that_fails_is_named_and_does_not_stop_the_rest(apt: Any, kind: str) -> None:
    name, line, reason, place = OTHERS[kind]
    release(apt.path("/srv/third"), "stable", "Third")
    apt.path(f"/etc/apt/sources.list.d/{name}").write_text(line.replace("SUITE", codename()) + "\n")
    done = update(apt)
    assert done.error == "", done
    (said,) = done.said
    assert f"/etc/apt/sources.list.d/{name}, {place}: " in said and reason in said, said
    assert "All other sources are up to date." in said and "hunter2" not in said
    assert not apt.plan(Upgraded(upgrade=False))
    assert f"|/etc/apt/sources.list.d/{name}, {place}|" in apt.path(FETCHED).read_text()


@pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed")
def test_a_source_of_a_third_party_whose_key_has_expired(apt: Any, tmp_path: Path) -> None:
    third, home = apt.path("/srv/third"), tmp_path / "gpg"
    home.mkdir(mode=0o700)
    release(third, "stable", "Third")
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    then = [*gpg, "--faked-system-time", "20240101T000000!"]
    subprocess.run([*then, "--quick-gen-key", "third", "rsa2048", "sign", "1d"], check=True)
    place = third / "dists/stable"
    subprocess.run([*then, "--clearsign", "--output", str(place / "InRelease"), str(place / "Release")], check=True)
    subprocess.run([*gpg, "--output", str(apt.path("/etc/apt/third.gpg")), "--export", "third"], check=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    line = "deb [signed-by=/etc/apt/third.gpg] file:/srv/third stable main\n"
    apt.path("/etc/apt/sources.list.d/third.list").write_text(line)
    done = update(apt)
    assert done.error == "", done
    (said,) = done.said
    assert "/etc/apt/sources.list.d/third.list, line 1: file:/srv/third stable could not be fetched" in said, said
    assert "EXPKEYSIG" in said and "Install the source's current key, or delete the source." in said, said


def test_a_disc_in_the_file_of_the_distribution(apt: Any) -> None:
    path = apt.path("/etc/apt/sources.list")
    path.write_text(f"deb cdrom:[Debian GNU/Linux 12]/ {codename()} main\n" + path.read_text())
    done = update(apt)
    assert done.error == "" and "/etc/apt/sources.list, line 1: cdrom://[Debian GNU/Linux 12]" in done.said[0], done


@pytest.mark.parametrize("fetched", [False, True])
def test_a_source_of_the_distribution_that_fails_stops_the_update_each_time(apt: Any, fetched: bool) -> None:
    if fetched:
        update(apt)
        apt.run(f"touch -d '2 days ago' {FETCHED}")
    subprocess.run(["mv", str(apt.path("/srv/debian-security")), str(apt.path("/srv/away"))], check=True)
    apt.path("/etc/apt/sources.list.d/x.list").write_text(f"{GONE}\n")
    for _ in range(2):
        done = update(apt)
        assert done.error.startswith("apt-get update failed: ") and "/etc/apt/sources.list, line 2" in done.error, done
        assert f"{codename()}-security" in done.error
        assert apt.plan(Upgraded(upgrade=False)), "not done"
    subprocess.run(["mv", str(apt.path("/srv/away")), str(apt.path("/srv/debian-security"))], check=True)
    assert update(apt).error == "" and not apt.plan(Upgraded(upgrade=False))


def test_an_expired_release_of_the_distribution(apt: Any) -> None:
    release(apt.path("/srv/old/debian"), codename(), "Debian", "Valid-Until: Tue, 02 Jan 2024 00:00:00 UTC")
    apt.path("/etc/apt/sources.list").write_text(f"deb [trusted=yes] file:/srv/old/debian {codename()} main\n")
    done = update(apt)
    assert "is expired" in done.error and "timedatectl" in done.error and "/etc/apt/sources.list, line 1" in done.error, done


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("x.list", "deb http://x", "Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (Suite)"),
        ("x.list", "\nfoo http://x y z", "Type 'foo' is not known on line 2 in source list /etc/apt/sources.list.d/x.list"),
        ("x.sources", "Types: deb\nSuites: x", "Malformed entry 1 in sources file /etc/apt/sources.list.d/x.sources (URI)"),
        ("x.sources", "<html>", "Unable to parse package file /etc/apt/sources.list.d/x.sources (1)"),
    ],
)
def test_a_list_that_apt_cannot_read_is_named_at_once(apt: Any, name: str, line: str, reason: str) -> None:
    apt.path(f"/etc/apt/sources.list.d/{name}").write_text(f"{line}\n")
    done = update(apt)
    remedy = "apt reads no list while one of its files is wrong. Correct or delete that entry on the server."
    assert done.error == f"apt-get update failed: {reason}. {remedy}"
    assert done.said == [], "one attempt is enough"


def test_one_source_with_two_keys_names_its_files(apt: Any) -> None:
    for name, key in (("a", "/etc/a.gpg"), ("b", "/etc/b.gpg")):
        apt.path(f"/etc/apt/sources.list.d/{name}.list").write_text(f"deb [signed-by={key}] http://127.0.0.1:9/x stable main\n")
    error = update(apt).error
    assert "Conflicting values set for option Signed-By" in error
    assert "(/etc/apt/sources.list.d/a.list, /etc/apt/sources.list.d/b.list)" in error, error


def test_a_second_attempt_that_succeeds_leaves_no_failure(apt: Any) -> None:
    apt.program("sleep", "mv /srv/away /srv/debian-security")
    subprocess.run(["mv", str(apt.path("/srv/debian-security")), str(apt.path("/srv/away"))], check=True)
    done = update(apt)
    assert done.error == "" and done.said == ["apt-get update failed, attempt 1 of 3"], done
    assert len(apt.path(FETCHED).read_text().splitlines()) == 1


@pytest.mark.parametrize(("reason", "remedy"), [
    ("Failed to fetch http://x/dists/a/InRelease 403 Forbidden [IP: 192.0.2.1 80]", "The source refuses this server"),
    ("401  Unauthorized [IP: 192.0.2.1 443]", "in /etc/apt/auth.conf.d, or delete the source"),
    ("404  Not Found [IP: 192.0.2.1 80]", "The source has no such suite any longer"),
    ("Invalid response from proxy: HTTP/1.1 407 Proxy Authentication Required", "The proxy wants a login"),
    ("Certificate verification failed: The certificate is NOT trusted. The certificate issuer is unknown", "ca-certificates"),
    ("Repository 'http://x stable InRelease' changed its 'Codename' value from 'a' to 'b'", "--allow-releaseinfo-change"),
    ("Hash Sum mismatch", "The mirror is being updated"),
    ("File has unexpected size (1 != 2). Mirror sync in progress? [IP: 192.0.2.1 80]", "The mirror is being updated"),
    ("Could not connect to 192.0.2.1:80, connection timed out", "Check that the server can reach it"),
    ("Clearsigned file isn't valid, got 'NOSPLIT' (does the network require authentication?)",
     "its network, its firewall and its proxy"),
    ("Sub-process /usr/bin/sqv returned an error code (1), error message is: Missing key 9DC8, which is needed to verify signature",
     "Install the source's current key"),
])  # fmt: skip
def test_the_remedy_is_for_what_apt_said(apt: Any, reason: str, remedy: str) -> None:
    assert remedy in apt.run(call_script(call("sources_remedy", reason))).stdout.decode()


def test_an_update_that_was_killed_does_not_count(apt: Any) -> None:
    apt.run("mkdir -p /var/lib/apt/lists/partial && apt-get -q update")
    assert apt.plan(Upgraded(upgrade=False))
