"""Parts of the step `metrics`."""

import selvedge as sv

UNITS = "/etc/systemd/system"
RELOAD = "systemctl daemon-reload"


def server_files(app):
    """Yield the folders, nginx's part and the log of requests. All apps of the server share them."""
    yield sv.Directory("/etc/selvedge/metrics")
    yield sv.Directory("/etc/selvedge/metrics/apps", "0700")
    yield sv.Directory("/etc/selvedge/metrics/targets")
    yield sv.Directory("/var/lib/selvedge/metrics")
    yield sv.Directory("/etc/nginx/selvedge")
    yield sv.Directory("/etc/nginx/selvedge/metrics")
    yield sv.Directory("/var/log/selvedge-metrics")
    yield sv.NginxLogs((sv.METRICS_LOG,))
    yield sv.File("/etc/logrotate.d/selvedge-metrics", sv.template("metrics/logrotate.j2", log=sv.METRICS_LOG))


def collected(app):
    """Yield the scripts that collect the metrics of the app and of the balancer's site, and remove one that is no longer wanted."""
    sites = {site.name: site for site in (app, app.balancer_site) if site}
    own = app.name.removesuffix(".balancer")
    for name in (own, f"{own}.balancer"):
        script, written = f"/etc/selvedge/metrics/apps/{name}.sh", f"/var/lib/selvedge/metrics/{name}.prom"
        if name in sites:
            yield sv.CollectScript(script, sv.collect_script(sites[name]), "0600", written=written)
        else:
            yield sv.Absent(script)
            yield sv.Absent(written)


def log_formats(app):
    """Yield the formats of the log of requests for the app and for the balancer's site."""
    sites = {site.paths.metrics_format: site for site in (app, app.balancer_site) if site}
    for path, site in sites.items():
        # One that is no longer wanted stays, because a site may have it until the step `nginx`.
        yield sv.File(path, sv.template("metrics/log.conf.j2", app=site))


def app_files(app):
    """Yield what Prometheus asks for this app, and have nginx pass it on."""
    server = sv.File("/etc/nginx/conf.d/selvedge-metrics.conf", sv.template("metrics/server.conf.j2", port=sv.METRICS_PORT))
    loads = [server, *log_formats(app)]
    path = f"/etc/nginx/selvedge/metrics/{app.name}.conf"
    yield from collected(app)
    if sv.app_has_metrics(app):
        loads.append(sv.File(path, sv.template("metrics/app.conf.j2", app=app)))
    else:
        loads.append(sv.Absent(path))
    yield from loads
    if app.nginx.http_port != 80 or app.has_only_database:
        # Debian's default site listens on port 80, and nginx may not run yet. A server with only the database has no site.
        yield sv.DebianDefaultSiteDisabled()
    yield sv.Nginx(loads=tuple(loads), stamp=f"nginx-metrics-{app.name}")


def exporters(app, programs):
    """Yield the programs with their settings, which are there before the packages start them."""
    loads = {name: drop_ins(app, name, package) for name, package in programs.items()}
    counts = sv.File("/etc/selvedge/metrics/requests.mtail", sv.template("metrics/requests.mtail.j2"))
    loads["mtail"].append(counts)
    if "prometheus" in loads:
        loads["prometheus"] += prometheus_files(app)
    for files in loads.values():
        yield from files
    yield sv.MetricsInstalled(tuple(programs.values()))
    if "postgres" in programs:
        yield sv.MetricsRole()
    for name, package in programs.items():
        restart = f"service_run restart {package}"
        if name == "prometheus":
            # A change of the rules needs no restart.
            restart = "metrics_load_prometheus"
        stamp = f"{package}-{app.name}" if name in sv.METRICS_SERVICES else ""
        yield sv.Service(package, tuple(loads[name]), check=RELOAD, reload_command=restart, stamp=stamp)
    for name, package in sv.METRICS_SERVICES.items():
        if name not in programs:
            yield sv.ExporterRemoved(package, app.name)
    yield from timer("selvedge-metrics", "collect")
    yield from private(app)


def drop_ins(app, name, package):
    """Return the settings of a program's unit."""
    folder = f"{UNITS}/{package}.service.d"
    found = [sv.File(f"{folder}/50-selvedge.conf", sv.template(f"metrics/{name}.conf.j2", log=sv.METRICS_LOG))]
    if name in sv.METRICS_SERVICES:
        found.append(sv.File(f"{folder}/60-{app.name}.conf", sv.template(f"metrics/{name}-app.conf.j2", app=app)))
    return found


def prometheus_files(app):
    """Return the settings and rules of Prometheus. It finds a changed list of targets itself."""
    folder = "/etc/selvedge/metrics"
    rules = sv.template("metrics/rules.yml.j2", **sv.alert_limits())
    return [
        sv.File(f"{folder}/prometheus.yml", sv.template("metrics/prometheus.yml.j2")),
        sv.File(f"{folder}/rules.yml", rules),
    ]


def prometheus(app):
    """Yield the places that Prometheus asks, and the messages about its alerts."""
    yield sv.MetricsTargets(f"/etc/selvedge/metrics/targets/{app.name}.json", sv.metrics_targets(app))
    yield sv.Directory("/usr/local/lib/selvedge")
    yield sv.File("/usr/local/lib/selvedge/alerts.py", sv.alerts_program())
    yield from timer("selvedge-alerts", "alerts")


def timer(unit, name):
    """Yield a timer and its service."""
    loads = tuple(sv.File(f"{UNITS}/{unit}.{kind}", sv.template(f"metrics/{name}.{kind}.j2")) for kind in ("service", "timer"))
    yield from loads
    yield sv.Service(f"{unit}.timer", loads, check=RELOAD, reload_command=f"service_run restart {unit}.timer")


def private(app):
    """Let the Prometheus of another server ask this one, or no one."""
    name = app.name.removesuffix(".balancer")
    unit = "selvedge-metrics-private.socket"
    if app.machine.firewall:
        yield sv.FormerMonitorsShutOut(sv.METRICS_PORT, name, app.asked_by)
    if not app.asked_by:
        yield sv.PrivateSocketRemoved(name)
        return
    address = sv.private_address(app.host)
    values = {"address": f"[{address}]" if ":" in address else address, "port": sv.METRICS_PORT, "source": app.asked_by}
    loads = (
        sv.File(f"{UNITS}/{unit}", sv.template("metrics/private.socket.j2")),
        sv.File(f"{UNITS}/selvedge-metrics-private.service", sv.template("metrics/private.service.j2", **values)),
        sv.File(f"{UNITS}/{unit}.d/60-{name}.conf", sv.template("metrics/private-app.conf.j2", app=name, **values)),
    )
    yield from loads
    yield sv.Service(unit, loads, check=RELOAD, reload_command="metricsoff_private_restart", stamp=f"{unit}-{name}")
