"""Step 1 of the tutorial: package lists, upgrades and automatic upgrades."""

import selvedge as sv

APT = "/etc/apt/apt.conf.d"


@sv.step(drains=True)
def update(app):
    """Upgrade packages and turn on automatic security updates."""
    mirror = sv.AptMirror(app.mirrors.apt_url)
    yield mirror
    yield sv.Upgraded(app.machine.upgrade, mirror)
    if app.machine.unattended_upgrades:
        yield sv.Packages("unattended-upgrades")
        yield sv.File(f"{APT}/20auto-upgrades", sv.template("update/20auto-upgrades.j2", app=app))
        yield sv.File(f"{APT}/52unattended-upgrades-selvedge", sv.template("update/52unattended-upgrades.j2", app=app))
        yield sv.Enabled("apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service")
