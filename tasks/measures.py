"""What `harden` does beside logins and ports (docs/hardening.md)."""

import selvedge as sv

LOGGED = (("net/ipv4/conf/all/log_martians", "1"), ("net/ipv4/conf/default/log_martians", "1"))
ROUNDS = (("SHA_CRYPT_MIN_ROUNDS", "65536"), ("SHA_CRYPT_MAX_ROUNDS", "65536"))
COST = (("YESCRYPT_COST_FACTOR", "7"),)


def measures(app):
    """Kernel settings, the right time, no core dumps, no rare kernel modules, no word of the system's version before a login,
    passwords that are slow to guess, and an end to logins that somebody forgot."""
    yield sv.Sysctl("/etc/sysctl.d/90-selvedge.conf", sv.template("harden/sysctl.conf.j2", app=app))
    if app.server.firewall:
        # ufw sets them, too, and later than the kernel's own file whenever it starts.
        yield sv.Entries("/etc/ufw/sysctl.conf", LOGGED, where="log_martians", between="=")
    yield sv.TimeSync()
    yield sv.Entries("/etc/login.defs", ROUNDS, where="ENCRYPT_METHOD")
    yield sv.Entries("/etc/login.defs", COST, where="YESCRYPT")
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
