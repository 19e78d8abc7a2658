"""Docker, for apps with `manager = "docker"`."""

import selvedge as sv

LOGS = "/etc/systemd/system/docker.service.d/50-selvedge.conf"


def container_engine():
    """Install the engine. Its containers keep running while it is restarted, and what they log reaches the journal whole."""
    settings = sv.EngineSettings()
    logs = sv.File(LOGS, sv.template("docker/docker.conf.j2"))
    yield sv.Directory("/etc/docker")
    yield settings
    yield logs
    yield sv.DockerInstalled()
    yield sv.Service("docker", (settings, logs), reload_command="dockerengine_load")
