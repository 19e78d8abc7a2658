"""Commands of your own around a release ([hooks] in hosts.toml)."""

import selvedge as sv


def hook(app, instance, name, *, builds=False, local_only=False):
    """Run the hook `name` of hosts.toml, if it has one: before_build, after_build, before_switch or after_switch."""
    commands = [each for each in getattr(app.hooks, name) if each.startswith(sv.LOCAL_PREFIX) or not local_only]
    if not commands:
        return
    env_vars = {"RELEASE": instance.id, "COMMIT": instance.commit, "HOST": app.host.name}
    before = name == "before_build"
    yield sv.Hook(
        name=name,
        commands=tuple(commands),
        mark=f"{instance.release}/.selvedge.{name}" if before else f"{instance.folder}/hook.{name}",
        user=app.name,
        folder=instance.code,
        release=instance.release,
        live_link=app.paths.live_socket,
        env_vars=tuple(env_vars.items()),
        run="" if before else f"{instance.folder}/run",
        builds=builds,
        build_env=app.paths.build_env if before else "",
    )
