"""Parts of the site that only some apps have."""

import selvedge as sv


def passwords(app):
    """Ask visitors for a password ([nginx] basic_auth)."""
    if app.nginx.basic_auth:
        yield sv.Directory("/etc/nginx/selvedge")
        yield sv.BasicAuth.of(app)
    else:
        yield sv.Absent(app.paths.htpasswd)
        yield sv.Absent(app.paths.site_login)


def boot_order(app):
    """Start nginx at boot when the app listens. Under systemd the app's socket is open from the beginning."""
    unit = f"/etc/systemd/system/selvedge-{app.name}-boot.service"
    enabled = f"/etc/systemd/system/multi-user.target.wants/selvedge-{app.name}-boot.service"
    if sv.process_manager(app).app_listens:
        yield sv.File(unit, sv.template("nginx/boot.service.j2", app=app))
        yield sv.Link(enabled, to=unit)
    else:
        yield sv.Absent(enabled)
        yield sv.Absent(unit)
