"""Debian packages: installed, and upgraded."""

from __future__ import annotations

from dataclasses import replace

from selvedge.resources.apt_mirror import AptMirror, mirror_remedy
from selvedge.resources.base import Change, Loader, Resource
from selvedge.shell.quoting import words

DAY = 86_400


class Packages(Resource):
    """These packages are installed."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", tuple(names))

    def packages(self) -> tuple[str, ...]:
        return self.names

    def probe(self) -> str:
        return f"probe_packages {words(*self.names)}"

    def plan(self, fact: str) -> Change | None:
        installed = {line.split()[0] for line in fact.splitlines() if line.endswith(" installed")}
        missing = [name for name in self.names if name not in installed]
        if not missing:
            return None
        return Change(f"install {', '.join(missing)}", f"apt_install {words(*missing)}")


class OwnPackages(Packages):
    """The packages of server.packages in hosts.toml are installed."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        if change is None:
            return None
        shell = change.shell.replace("apt_install", "packages_install", 1)
        remedy = "Correct server.packages in hosts.toml. `apt-cache search WORD` on the server lists packages."
        return replace(change, shell=shell, remedy=remedy)


class NginxModules(Packages):
    """These modules of the distribution are installed. It may lack them, and they need its nginx.

    setting: the key of [nginx] that needs them.
    """

    setting: str

    def __init__(self, setting: str, *names: str) -> None:
        super().__init__(*names)
        object.__setattr__(self, "setting", setting)

    def plan(self, fact: str) -> Change | None:
        change = super().plan(fact)
        if change is None:
            return None
        return replace(change, shell=change.shell.replace("apt_install", f"packages_nginx {words(self.setting)}", 1))


class Upgraded(Loader):
    """The package lists are at most a day old. With `upgrade`, all packages were upgraded since the lists changed.

    mirror: the lists are fetched again when it changes.
    """

    upgrade: bool = True
    mirror: AptMirror | None = None

    def loaded(self) -> tuple[Resource, ...]:
        return (self.mirror,) if self.mirror else ()

    def before_loads(self) -> str:
        return ""

    def reload(self) -> Change:
        return self._change("fetch the package lists", "apt_update")

    def probe(self) -> str:
        return "apt_fact"

    def plan(self, fact: str) -> Change | None:
        lists, changed = [*fact.splitlines(), "", ""][:2]
        word, _, age = lists.partition(" ")
        if word != "lists" or int(age) >= DAY:
            old = "" if word != "lists" else f", which are {_days(int(age))} old"
            return self._change(f"fetch the package lists{old}", "apt_update")
        if changed and self.upgrade:
            return self._change("", "")
        return None

    def _change(self, fetch: str, shell: str) -> Change:
        upgrade = "upgrade the installed packages" if self.upgrade else ""
        return Change(
            (", and " if "," in fetch else " and ").join(filter(None, [fetch, upgrade])),
            "\n".join(filter(None, [shell, "apt_upgrade" if upgrade else ""])),
            remedy=mirror_remedy(self.mirror.url) if self.mirror and self.mirror.url else "",
        )


def _days(seconds: int) -> str:
    days = seconds // DAY
    return f"{days} day{'' if days == 1 else 's'}"
