"""Step 9 of the tutorial: the certificate, its renewal, HTTPS."""

from selvedge.renewal import rehearse
from selvedge.resources.files import File, Link
from selvedge.resources.need import Needs
from selvedge.resources.ports import Port
from selvedge.step import Option, step

REHEARSE = Option("renew_dry_run", "Rehearse the renewal: certbot renew --dry-run.")


@step(phase="switch", options=(REHEARSE,), instead={REHEARSE.name: rehearse})
def certbot(app):
    """Get a certificate, have it renewed, serve HTTPS."""
    from selvedge.resources.certbot import client
    from selvedge.resources.certificate import Certificate, Https, Listen, OwnCertificate, PlainHttp
    from selvedge.templates import template

    site, enabled = f"{app.paths.site}-tls", f"{app.paths.site_enabled}-tls"
    redirect = f"/etc/nginx/snippets/{app.name}-http.conf"
    if not app.domains or app.tls.upstream:
        yield PlainHttp((enabled, redirect, site))
        return
    yield Needs(app.paths.site, "nginx")
    yield Port(443, "nginx")
    if app.tls.certificate:
        certificate = OwnCertificate.of(app)
    else:
        yield from client(app)
        certificate = Certificate.of(app)
    listen = Listen("/etc/nginx/snippets/selvedge-listen-tls.conf")
    text = template("nginx/tls.conf.j2", app=app, listen=listen.path, certificate=certificate)
    to_https = template("nginx/redirect.conf.j2")
    loads = (certificate, listen, File(site, text), Link(enabled, to=site), File(redirect, to_https))
    yield from loads
    yield Https(
        "nginx",
        loads,
        check="nginx -t",
        reload_command="systemctl reload nginx",
        stamp=f"nginx-tls-{app.name}",
        domain=app.domains[0],
        chain=certificate.chain,
    )
