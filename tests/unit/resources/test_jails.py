"""fail2ban's jails of a site: written, loaded, removed."""

from __future__ import annotations

import hashlib
import re

from selvedge.resources.access.jails import Jails
from selvedge.resources.base import Resource
from selvedge.shell.library import library
from tests.support.tables import check, table

PATH = "/etc/fail2ban/jail.d/60-selvedge-hello.local"
TEXT = "[hello-bots]\nenabled = true\n"
SUM = hashlib.sha256(TEXT.encode()).hexdigest()
WRITTEN = f"file 644 root root\n{SUM}"


def seen(file: str = WRITTEN, loaded: str = SUM, state: str = "active") -> str:
    """Return the lines that the probe of jails prints."""
    unit = f"Id=fail2ban.service\nActiveState={state}\nUnitFileState=enabled"
    return f"\n--- unit\n{unit}\n\n--- loaded\n{loaded}\n\n--- file\n{file}\n"


JAILS = Jails(PATH, TEXT)
NONE = Jails(PATH, "")
READ = f"load {PATH} into fail2ban"
LOADED = f"""stamp_remove 60-selvedge-hello
bans_reload
stamp_write 60-selvedge-hello {SUM}"""
WRITTEN_AND_LOADED = LOADED.replace("\n", f"\nfile_put {PATH} 0644 root root <<'EOF'\n", 1)


@table(
    (JAILS, seen(), None),
    (JAILS, seen("absent", ""), READ, WRITTEN_AND_LOADED),
    (JAILS, seen("file 644 root root\nother\nedited\n"), READ, WRITTEN_AND_LOADED),
    (JAILS, seen(loaded=""), READ, LOADED),
    (JAILS, seen(loaded="another"), READ, LOADED),
    (JAILS, seen("absent", "", "inactive"), None),
    (JAILS, seen("absent", "", "failed"), None),
    (NONE, seen("absent", ""), None),
    (NONE, seen(), f"remove {PATH} and reload fail2ban", f"file_remove {PATH}\nbans_reload"),
    (NONE, seen(state="inactive"), None),
)
def test_jails(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """Nothing changes while fail2ban does not run."""
    check(resource, fact, summary, shell)


def test_the_configuration_is_tested_before_it_is_loaded() -> None:
    assert re.findall(r"^  (bans_test|fail2ban-client \S+)", library("bans"), re.MULTILINE) == [
        "bans_test", "fail2ban-client reload", "fail2ban-client --test",
    ]  # fmt: skip
