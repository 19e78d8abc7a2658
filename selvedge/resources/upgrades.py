"""Package lists, upgrades, and units that belong together."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words

DAY = 86_400


class Upgraded(Resource):
    """Package lists no older than a day, and, with `upgrade`, no package left behind since they last changed."""

    upgrade: bool = True

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
            ", and ".join(filter(None, [fetch, upgrade])),
            "\n".join(filter(None, [shell, "apt_upgrade" if upgrade else ""])),
            remedy="Read apt's own message above; `apt-get update` on the server must work.",
        )


def _days(seconds: int) -> str:
    days = seconds // DAY
    return f"{days} day{'' if days == 1 else 's'}"


class Enabled(Resource):
    """systemd units that are enabled and active, all read in one go."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", tuple(names))

    def units(self) -> tuple[str, ...]:
        return self.names

    def probe(self) -> str:
        return "\n".join(f"probe_unit {quote(name)}\necho" for name in self.names)

    def plan(self, fact: str) -> Change | None:
        blocks = [set(block.split()) for block in fact.split("\n\n")]
        on = {"ActiveState=active", "UnitFileState=enabled"}
        off = [name for name, block in zip(self.names, [*blocks, *[set()] * len(self.names)], strict=False) if not on <= block]
        return Change(f"enable {', '.join(off)}", f"systemctl enable --now {words(*off)}") if off else None
