"""The site: nginx in front of the app."""

import selvedge as sv
from tasks.parts.bans import site_bans


@sv.step(phase="switch")
def nginx(app):
    """Configure nginx to serve the app."""
    paths = app.paths
    code = f"{paths.current}/{app.root}".rstrip("/")
    own = (paths.site_enabled, f"{paths.site_enabled}-tls")
    yield sv.Needs("/etc/nginx/nginx.conf", "install")
    yield sv.ServerNamesFree(tuple(app.domains), own)
    # After a rotation nginx's workers open the logs as www-data: they may enter the folder, but not list it.
    yield sv.Directory(paths.logs, "0710", group="www-data")
    yield sv.NginxLogs(tuple(f"{paths.logs}/nginx-{kind}.log" for kind in ("access", "error", "missed")))
    yield sv.Directory(paths.webroot)
    yield sv.NginxRestrictions("/etc/systemd/system/nginx.service.d/50-selvedge.conf", sv.template("nginx/box.conf.j2"))
    yield from sv.static_folders(app, paths.current)
    for folder in app.nginx.media.values():
        yield sv.MediaFolder(app.name, paths.shared, folder)
    shared = sv.File("/etc/nginx/conf.d/selvedge.conf", sv.template("nginx/shared.conf.j2", app=app))
    locations = sv.File(f"/etc/nginx/snippets/{app.name}.conf", sv.template("nginx/locations.conf.j2", app=app, code=code))
    site = sv.File(paths.site, sv.template("nginx/site.conf.j2", app=app))
    link = sv.Link(paths.site_enabled, to=paths.site)
    # An app without a domain answers for all names itself.
    wanted = bool(app.domains) and app.nginx.default_server
    default = sv.DefaultServer(80, sv.nginx_template("nginx/default.conf.j2"), wanted, own)
    loads = (sv.NginxConf(), sv.OpenFilesLimit(), shared, locations, site, link, sv.DebianDefaultSiteDisabled(), default)
    yield from loads
    yield sv.File(f"/etc/logrotate.d/{app.name}", sv.template("nginx/logrotate.j2", app=app))
    yield sv.Nginx(loads=loads, stamp=f"nginx-{app.name}")
    yield from site_bans(app)
