"""Serve an ASGI app by uvicorn: a process of selvedge_parent.py. Arguments: see there."""

import os

import selvedge_parent


def serve(app, sock, options, beating):
    """Serve until TERM. Return the exit status."""
    import uvicorn

    headers = [("x-release", os.environ["RELEASE"])] if options.release_header else []
    config = uvicorn.Config(
        app,
        interface="asgi3",
        proxy_headers=True,
        forwarded_allow_ips="*",
        headers=headers,
        access_log=False,
        log_config=None,
        log_level=options.log_level,
    )
    # uvicorn before 0.22 does not have this as an argument, and waits until the parent process kills the worker.
    config.timeout_graceful_shutdown = options.stop_timeout
    server = uvicorn.Server(config)
    selvedge_parent.run_loop(server.serve(sockets=[sock]), beating)
    return 0 if server.started else selvedge_parent.BROKEN


if __name__ == "__main__":
    selvedge_parent.main(serve, ["uvicorn", "uvicorn.logging", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto"])
