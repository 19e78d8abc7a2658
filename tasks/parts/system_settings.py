"""The settings of `harden` other than logins and ports."""

import selvedge as sv

LOGGED = (("net/ipv4/conf/all/log_martians", "1"), ("net/ipv4/conf/default/log_martians", "1"))
ROUNDS = (("SHA_CRYPT_MIN_ROUNDS", "65536"), ("SHA_CRYPT_MAX_ROUNDS", "65536"))
COST = (("YESCRYPT_COST_FACTOR", "7"),)


def system_settings(app):
    """Set the kernel's settings, the clock, password hashing, core dumps, kernel modules, idle logins and the login banner."""
    yield sv.Sysctl("/etc/sysctl.d/90-selvedge.conf", sv.template("harden/sysctl.conf.j2", app=app))
    if app.machine.firewall:
        # ufw sets these two each time it starts, which overrides the file above.
        yield sv.FileValues("/etc/ufw/sysctl.conf", LOGGED, if_contains="log_martians", separator="=")
    yield sv.TimeSync()
    yield sv.FileValues("/etc/login.defs", ROUNDS, if_contains="ENCRYPT_METHOD")
    yield sv.FileValues("/etc/login.defs", COST, if_contains="YESCRYPT")
    files = {
        "/etc/security/limits.d/50-selvedge.conf": "limits.conf",
        "/etc/systemd/coredump.conf.d/50-selvedge.conf": "coredump.conf",
        "/etc/modprobe.d/50-selvedge.conf": "modules.conf",
        "/etc/profile.d/50-selvedge.sh": "profile.sh",
        "/etc/issue": "issue",
        "/etc/issue.net": "issue",
    }
    for path, name in files.items():
        yield sv.File(path, sv.template(f"harden/{name}.j2", app=app))
