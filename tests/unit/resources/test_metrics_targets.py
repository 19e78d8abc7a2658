"""The places that Prometheus asks, on a server that several projects name differently."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from selvedge.config.target import Target
from selvedge.resources.metrics import MetricsTargets, metrics_targets

ON = {"metrics": {"enabled": True}, "services": {"postgres": True}}


def made(target: Callable[..., Target], name: str, host: str) -> Target:
    """Return the settings of an app of a project that names the server so."""
    app = target(name=name, **ON)
    return app.model_copy(update={"host": app.host.model_copy(update={"name": host})})


class Folder:
    """The folder with the targets, and the runs that write to it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def run(self, app: Target) -> bool:
        """Return whether the run changes the app's file."""
        resource = MetricsTargets(f"/etc/selvedge/metrics/targets/{app.name}.json", metrics_targets(app))
        own = self.texts.get(app.name)
        about = "absent\n" if own is None else f"file 644 root root\n{hashlib.sha256(own.encode()).hexdigest()}\n{own}"
        others = "".join(f"\n--- targets {name}\n{text}" for name, text in self.texts.items() if name != app.name)
        change = resource.plan(about + others)
        if change:
            self.texts[app.name] = change.shell.partition("<<'EOF'\n")[2].removesuffix("EOF")
        return change is not None

    def asked(self) -> dict[tuple[str, str, str], set[str]]:
        """Return the names of each place that Prometheus asks, by its job, its address and its app."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for text in self.texts.values():
            for group in json.loads(text):
                labels: dict[str, Any] = group["labels"]
                found.setdefault((labels["job"], group["targets"][0], labels.get("app", "")), set()).add(labels["instance"])
        return found


def test_two_projects_ask_a_server_once_by_the_first_name(target: Callable[..., Target]) -> None:
    folder, hello, shop = Folder(), made(target, "hello", "server"), made(target, "shop", "prod")
    assert folder.run(shop) and folder.run(hello)
    assert not folder.run(shop) and not folder.run(hello)
    for (job, _, app), names in folder.asked().items():
        # The app's own metrics have the name of its project.
        assert names == {"server" if app == "hello" else "prod"}, job
    assert folder.run(made(target, "shop", "live")) and folder.run(hello)
    assert all(names == {"live"} for (_, _, app), names in folder.asked().items() if not app)


def test_a_project_names_the_server_itself_when_the_other_one_has_gone(target: Callable[..., Target]) -> None:
    folder, hello = Folder(), made(target, "hello", "server")
    folder.run(made(target, "shop", "prod"))
    folder.run(hello)
    del folder.texts["shop"]
    assert folder.run(hello) and not folder.run(hello)
    assert {name for names in folder.asked().values() for name in names} == {"server"}


def names_of(folder: Folder) -> set[str]:
    """Return the names of the server in what all apps ask."""
    return {name for (_, _, app), names in folder.asked().items() if not app for name in names}


def test_a_name_stays_while_a_file_has_it(target: Callable[..., Target]) -> None:
    folder = Folder()
    first, second, third = made(target, "shop", "prod"), made(target, "blog", "server"), made(target, "hello", "web")
    for app in (first, second, third):
        assert folder.run(app) and names_of(folder) == {"prod"}
    del folder.texts["shop"]
    for app in (second, third):
        assert not folder.run(app) and names_of(folder) == {"prod"}
    # The last one names the server itself.
    del folder.texts["blog"]
    assert folder.run(third) and names_of(folder) == {"web"}


def test_a_changed_name_reaches_all_apps(target: Callable[..., Target]) -> None:
    folder = Folder()
    others = made(target, "blog", "server"), made(target, "hello", "web")
    for app in (made(target, "shop", "prod"), *others, made(target, "shop", "live"), *others):
        assert folder.run(app)
    assert names_of(folder) == {"live"} and not any(folder.run(app) for app in others)


def test_a_damaged_file_of_another_app_names_nothing(target: Callable[..., Target]) -> None:
    folder = Folder()
    for text in ("", "no json", "{}", '[1, {"labels": 2}, {"labels": {}}]'):
        folder.texts = {"shop": text}
        assert folder.run(made(target, "hello", "server"))
        assert {each["labels"]["instance"] for each in json.loads(folder.texts["hello"])} == {"server"}
