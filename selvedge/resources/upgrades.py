"""Package lists, upgrades, and units that belong together."""

from __future__ import annotations

from dataclasses import dataclass

from selvedge.resources.base import Change, Resource
from selvedge.shell import words

DAY = 86_400


@dataclass(frozen=True)
class Upgraded(Resource):
    """Package lists no older than a day, and, with `upgrade`, no package left behind since they last changed."""

    upgrade: bool = True
    uses = ("apt",)

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
            uses=self.uses,
            remedy="Read apt's own message above; `apt-get update` on the server must work.",
        )


def _days(seconds: int) -> str:
    days = seconds // DAY
    return f"{days} day{'' if days == 1 else 's'}"


@dataclass(frozen=True)
class Enabled(Resource):
    """systemd units that are enabled and active, all read in one go."""

    units: tuple[str, ...]

    def __init__(self, *units: str) -> None:
        object.__setattr__(self, "units", tuple(units))

    def probe(self) -> str:
        # `systemctl is-enabled` reads every unit file of the server; its answer is whether such a link stands there.
        links = f"for unit in {words(*self.units)}; do ls -d /etc/systemd/system/*.wants/\"$unit\"; done"
        return f"{links}\necho\nsystemctl is-active {words(*self.units)}"

    def plan(self, fact: str) -> Change | None:
        links, _, states = f"\n{fact}".partition("\n\n")
        enabled = {link.rpartition("/")[2] for link in links.split()}
        active = {unit for unit, state in zip(self.units, states.split(), strict=False) if state == "active"}
        off = [unit for unit in self.units if unit not in enabled & active]
        return Change(f"enable {', '.join(off)}", f"systemctl enable --now {words(*off)}") if off else None
