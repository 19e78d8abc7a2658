"""What `harden` does beside logins and ports, and nobody notices who does not look for it (docs/hardening.md)."""


def measures(app):
    """Kernel settings, the right time, no core dumps, no rare kernel modules, no word of the system's version before a login."""
    from selvedge.resources.files import File
    from selvedge.resources.kernel import Sysctl, TimeSync
    from selvedge.templates import template

    yield Sysctl("/etc/sysctl.d/90-selvedge.conf", template("harden/sysctl.conf.j2", app=app))
    yield TimeSync()
    files = {
        "/etc/security/limits.d/50-selvedge.conf": "limits.conf",
        "/etc/systemd/coredump.conf.d/50-selvedge.conf": "coredump.conf",
        "/etc/modprobe.d/50-selvedge.conf": "modules.conf",
        "/etc/issue": "issue",
        "/etc/issue.net": "issue",
    }
    for path, name in files.items():
        yield File(path, template(f"harden/{name}.j2", app=app))
