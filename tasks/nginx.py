"""The site: nginx in front of the app."""

from selvedge.resources.files import Absent, Directory, File, Link
from selvedge.resources.need import Needs
from selvedge.resources.system import Service
from selvedge.step import step


@step(phase="switch")
def nginx(app):
    """Serve the app behind nginx."""
    from selvedge.templates import template

    paths = app.paths
    code = f"{paths.current}/{app.root}".rstrip("/")
    yield Needs("/etc/nginx/nginx.conf", "install")
    yield Directory(paths.logs, "0750", group="adm")
    yield Directory(paths.webroot)
    shared = File("/etc/nginx/conf.d/selvedge.conf", template("nginx/shared.conf.j2", app=app))
    locations = File(f"/etc/nginx/snippets/{app.name}.conf", template("nginx/locations.conf.j2", app=app, code=code))
    site = File(paths.site, template("nginx/site.conf.j2", app=app))
    link = Link(paths.site_enabled, to=paths.site)
    default = Absent("/etc/nginx/sites-enabled/default")
    loads = (shared, locations, site, link, default)
    yield from loads
    yield File(f"/etc/logrotate.d/{app.name}", template("nginx/logrotate.j2", app=app))
    yield Service(
        "nginx", loads, check="nginx -t", reload_command="systemctl reload nginx", stamp=f"nginx-{app.name}"
    )
