"""Step 9 of the tutorial: the certificate, its renewal, HTTPS."""

import selvedge as sv
from selvedge import operations
from selvedge.release import preconditions

from .parts.site_parts import site_port

REHEARSE = sv.Option("renew_dry_run", "Test the renewal with `certbot renew --dry-run`.")


@sv.step(
    phase="switch",
    options=(REHEARSE,),
    instead={REHEARSE.name: lambda run: operations.renew.rehearse(run)},
    precondition=preconditions.certificates,
)
def certbot(app):
    """Get a certificate, schedule its renewal, serve HTTPS."""
    site, enabled = f"{app.paths.site}-tls", f"{app.paths.site_enabled}-tls"
    redirect = f"/etc/nginx/snippets/{app.name}-http.conf"
    wanted = app.has_tls and app.nginx.default_server
    port = app.nginx.https_port
    default = sv.DefaultServer(port, sv.nginx_template("nginx/default-tls.conf.j2", port=port), wanted, (enabled,), tls=True)
    if not app.has_tls:
        yield default
        yield sv.HttpsRemoved((enabled, redirect, app.paths.certificate, site))
        return
    yield sv.Needs(app.paths.site, "balancer" if app.backends else "nginx")
    yield from site_port(app, port, (app.paths.site_enabled, enabled, app.paths.path_site), tls=True)
    if app.tls.certificate:
        certificate = sv.OwnCertificate.of(app)
    else:
        yield from sv.certbot_client(app)
        certificate = sv.certbot_certificate(app)
    listen = sv.ListenTls(sv.listen_tls_path(port), sv.nginx_template("nginx/listen-tls.conf.j2", port=port))
    text = sv.template("nginx/tls.conf.j2", app=app, listen=listen.path, certificate=certificate)
    to_https = sv.template("nginx/redirect.conf.j2", app=app)
    former = (*(sv.Absent(path) for path in app.app_sites[1:]), sv.FormerNamesDropped(sv.Site.of(app)))
    site_file, http = sv.tls_site(site, text, certificate), sv.File(redirect, to_https)
    yield from (loads := (certificate, listen, site_file, sv.Link(enabled, to=site), http, *former, default))
    yield sv.NginxHttps(
        loads=loads, stamp=f"nginx-tls-{app.name}", domain=app.served_names[0], fullchain=certificate.fullchain, port=port,
        folder=app.path_folder, check_site=sv.site_check(app),
    )  # fmt: skip
    if not app.tls.certificate:
        # Delete your own certificate: nginx no longer uses it, and an unused key could only be stolen.
        yield sv.Absent(app.paths.certificate)
    if app.nginx.path:
        yield sv.LeftCertificates(sv.PROGRAMS[app.tls.certbot], app.paths.webroot)
