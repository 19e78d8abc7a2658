"""The hooks of hosts.toml around a release: before_build, after_build and after_switch. `Live` runs before_switch."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.release.instance import Instance
from selvedge.resources.code.hook import BuildHook, SwitchHook, server_commands


def hook_env_vars(app: Target, instance: str, commit: str, action: str) -> dict[str, str]:
    """Return the environment variables of a hook, without PREVIOUS. action: deploy, rollback, restart or revert."""
    return {"RELEASE": instance, "COMMIT": commit, "HOST": app.host.name, "ACTION": action}


def build_hook(app: Target, instance: Instance, name: str) -> Iterator[BuildHook]:
    """Yield the hook before_build or after_build, if hosts.toml has it."""
    commands = tuple(getattr(app.hooks, name))
    early = name == "before_build"
    if early and app.carry:
        # The commands for this machine make what the release is named by, and have run before.
        commands = server_commands(commands)
    mark = f"{instance.release}/.selvedge-{name}" if early else f"{instance.release}/.selvedge-{name}.{instance.id}"
    if commands:
        yield BuildHook(
            name=name,
            commands=commands,
            mark=mark,
            user=app.name,
            instance=instance.id,
            folder=instance.code,
            release=instance.release,
            live_link=app.paths.live_socket,
            env_vars=tuple(hook_env_vars(app, instance.id, instance.commit, "deploy").items()),
            run="" if early else f"{instance.folder}/run",
            build_env=app.paths.build_env if early else "",
        )


def after_switch(app: Target, instance: str, commit: str, action: str = "deploy") -> Iterator[SwitchHook]:
    """Yield the hook after_switch, if hosts.toml has it.

    instance: the release that is live by then. action: what makes it live, as for `hook_env_vars`.
    """
    release = app.paths.release_of(instance)
    again = "deploy" if action == "deploy" else "restart"
    if app.hooks.after_switch:
        yield SwitchHook(
            name="after_switch",
            commands=tuple(app.hooks.after_switch),
            mark=f"{app.paths.instances}/.after_switch",
            user=app.name,
            instance=instance,
            # The script `run` goes to app.root, which may have been another one for an earlier release.
            folder=release,
            release=release,
            live_link=app.paths.live_socket,
            env_vars=tuple(hook_env_vars(app, instance, commit, action).items()),
            run=f"{app.paths.instances}/{instance}/run",
            remedy=f"The release {instance} is live. Correct the command in [hooks] of hosts.toml, then run "
            f"`fab -H {app.host.name} {again}`: it runs the hook again.",
        )
