"""Step 9 of the tutorial: the certificate, its renewal, HTTPS."""

import selvedge as sv
from selvedge import operations
from selvedge.release import preconditions

REHEARSE = sv.Option("renew_dry_run", "Rehearse the renewal: certbot renew --dry-run.")


@sv.step(
    phase="switch",
    options=(REHEARSE,),
    instead={REHEARSE.name: lambda run: operations.renew.rehearse(run)},
    precondition=preconditions.certificates,
)
def certbot(app):
    """Get a certificate, have it renewed, serve HTTPS."""
    site, enabled = f"{app.paths.site}-tls", f"{app.paths.site_enabled}-tls"
    redirect = f"/etc/nginx/snippets/{app.name}-http.conf"
    tls_here = bool(app.domains) and not app.tls.upstream
    default = sv.template("nginx/default-tls.conf.j2")
    unknown = sv.Default(sv.Default.https, default, 443, tls_here and app.nginx.default_server, (enabled,))
    if not tls_here:
        yield unknown
        yield sv.PlainHttp((enabled, redirect, app.paths.certificate, site))
        return
    yield sv.Needs(app.paths.site, "nginx")
    yield sv.Port(443, "nginx")
    if app.tls.certificate:
        certificate = sv.OwnCertificate.of(app)
    else:
        yield from sv.client(app)
        certificate = sv.Certificate.of(app)
    listen = sv.Listen(sv.LISTEN_TLS)
    text = sv.template("nginx/tls.conf.j2", app=app, listen=listen.path, certificate=certificate)
    to_https = sv.template("nginx/redirect.conf.j2")
    loads = (certificate, listen, sv.File(site, text), sv.Link(enabled, to=site), sv.File(redirect, to_https), unknown)
    yield from loads
    yield sv.Https(loads=loads, stamp=f"nginx-tls-{app.name}", domain=app.domains[0], fullchain=certificate.fullchain)
    if not app.tls.certificate:
        # nginx has loaded another one: a key that nothing uses is only there to be stolen.
        yield sv.Absent(app.paths.certificate)
