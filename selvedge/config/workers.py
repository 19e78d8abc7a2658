"""The settings of `[app]` for its app server and the workers."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from selvedge.config.build import Build
from selvedge.config.types import DottedName, Switch, Whole

GUNICORN_WORKER = "uvicorn_worker.UvicornWorker"


class Workers(Build):
    """What runs the app, and in how many processes."""

    server: Literal["gunicorn", "uvicorn", "hypercorn"] = Field(
        "gunicorn",
        description="The app server. `gunicorn` runs uvicorn's workers. `uvicorn` does without gunicorn, and `hypercorn` without "
        "both. A release with another one starts beside the live one, as any other release does.",
        examples=["uvicorn"],
    )
    workers: Whole | None = Field(
        None,
        ge=1,
        le=512,
        description="The number of worker processes. Set fewer if memory is short, and 1 if the app has its own scheduler or "
        "keeps state in memory, because each worker is a copy of the app. Default: CPU cores + 1.",
        examples=[3],
    )
    worker_class: DottedName = Field(
        GUNICORN_WORKER,
        description="The class of gunicorn's workers. If you set another one, add its package to the app's requirements. "
        "Other app servers have none.",
        examples=["uvicorn_worker.UvicornWorker"],
    )
    timeout: Whole = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds after which a worker that does not respond is replaced. Raise it if the app blocks its "
        "event loop for longer. It does not count while a worker starts: see `start_timeout`.",
        examples=[60],
    )
    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        "info", description="The lowest level of messages that the app server logs.", examples=["warning"]
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="The form of the app server's log and of nginx's access log. `json`: one object a line, in both with the same "
        "keys and with the request's id, which the app gets in the header `X-Request-ID`. The records of the app's own loggers "
        "have that form, too, unless the app has a handler for them.",
        examples=["json"],
    )
    access_log: Switch = Field(
        False,
        description="Let the app server log each request, with its status and duration. nginx logs all requests in any case.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _check_worker_class(self) -> Self:
        if self.server != "gunicorn" and self.worker_class != GUNICORN_WORKER:
            raise ValueError(
                f'worker_class = "{self.worker_class}" is a class of gunicorn\'s workers, and server = "{self.server}" has none: '
                "delete worker_class, or set server = \"gunicorn\""
            )
        return self
