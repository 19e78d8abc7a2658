"""Step 1 of the tutorial: package lists, upgrades, and upgrades that install themselves."""

from selvedge.task import step

APT = "/etc/apt/apt.conf.d"


@step
def update(app):
    """Upgrade packages; have security updates install themselves."""
    from selvedge.resources.files import File
    from selvedge.resources.system import Packages
    from selvedge.resources.upgrades import Enabled, Upgraded
    from selvedge.templates import template

    yield Upgraded(app.server.upgrade)
    if app.server.unattended_upgrades:
        yield Packages("unattended-upgrades")
        yield File(f"{APT}/20auto-upgrades", template("update/20auto-upgrades.j2", app=app))
        yield File(f"{APT}/52unattended-upgrades-selvedge", template("update/52unattended-upgrades.j2", app=app))
        yield Enabled("apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service")
