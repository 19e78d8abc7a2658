"""The site: nginx in front of the app."""

from selvedge.task import step
from tasks.bans import site_bans


@step(phase="switch")
def nginx(app):
    """Serve the app behind nginx."""
    from selvedge.resources.files import Directory, File, Link
    from selvedge.resources.need import Needs
    from selvedge.resources.nginx import Box, Logs, MainFile, Nginx, OpenFiles
    from selvedge.resources.site import Default, Media, Names, NotDebians, static
    from selvedge.templates import template

    paths = app.paths
    code = f"{paths.current}/{app.root}".rstrip("/")
    own = (paths.site_enabled, f"{paths.site_enabled}-tls")
    yield Needs("/etc/nginx/nginx.conf", "install")
    yield Names(tuple(app.domains), own)
    # nginx's processes open their logs anew after a rotation, as www-data: they pass through, and list nothing.
    yield Directory(paths.logs, "0710", group="www-data")
    yield Logs(tuple(f"{paths.logs}/nginx-{kind}.log" for kind in ("access", "error", "missed")))
    yield Directory(paths.webroot)
    yield Box("/etc/systemd/system/nginx.service.d/50-selvedge.conf", template("nginx/box.conf.j2"))
    yield from static(app, paths.current)
    for folder in app.nginx.media.values():
        yield Media(app.name, paths.shared, folder)
    shared = File("/etc/nginx/conf.d/selvedge.conf", template("nginx/shared.conf.j2", app=app))
    locations = File(f"/etc/nginx/snippets/{app.name}.conf", template("nginx/locations.conf.j2", app=app, code=code))
    site = File(paths.site, template("nginx/site.conf.j2", app=app))
    link = Link(paths.site_enabled, to=paths.site)
    # An app without a domain answers for all names itself.
    wanted = bool(app.domains) and app.nginx.default_server
    unknown = Default(Default.http, template("nginx/default.conf.j2"), 80, wanted, own)
    loads = (MainFile(), OpenFiles(), shared, locations, site, link, NotDebians(), unknown)
    yield from loads
    yield File(f"/etc/logrotate.d/{app.name}", template("nginx/logrotate.j2", app=app))
    yield Nginx(loads=loads, stamp=f"nginx-{app.name}")
    yield from site_bans(app)
