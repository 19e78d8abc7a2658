"""A small FastAPI app to deploy. Its page shows which version, commit and release answers, and that its parts work."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

from fastapi import FastAPI, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware.base import RequestResponseEndpoint

from database import count_visit, database, visits
from settings import VERSION, Settings

HERE = Path(__file__).parent
log = logging.getLogger("uvicorn.error")  # the log that both gunicorn and uvicorn print


class State(TypedDict):
    """The attributes of `request.state`."""

    settings: Settings
    engine: Engine


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    """Read the settings and open the database, once per worker."""
    settings = Settings()
    engine = database(settings)
    log.info("hello %s: release %s, environment %s", VERSION, settings.release, settings.environment)
    yield State(settings=settings, engine=engine)
    engine.dispose()


app = FastAPI(title="hello", version=VERSION, lifespan=lifespan)

# The pages of this app load nothing from other sites, and have no script in the page itself.
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
DOCS = ("/docs", "/docs/oauth2-redirect", "/redoc")
# FastAPI's own pages have a script, and load Swagger UI and Redoc from a CDN.
DOCS_POLICY = (
    "default-src 'self'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; worker-src blob:; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com; font-src https://fonts.gstatic.com; "
    "img-src 'self' data: https://fastapi.tiangolo.com https://cdn.redoc.ly; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


@app.middleware("http")
async def send_policy(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Tell the browser what a page may load (Content-Security-Policy), so that injected HTML cannot run scripts."""
    docs = request.url.path.removeprefix(request.scope["root_path"]) in DOCS
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = DOCS_POLICY if docs else POLICY
    return response


app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
pages = Jinja2Templates(directory=HERE / "templates")


@app.head("/", include_in_schema=False)
@app.get("/")
def home(request: Request) -> Response:
    """Show the running release: a page for a browser, JSON for all other clients."""
    settings: Settings = request.state.settings
    facts: dict[str, Any] = {
        "message": settings.greeting,
        "version": VERSION,
        "commit": settings.commit,
        "release": settings.release,
        "environment": settings.environment,
        "api_token": "set" if settings.api_token else "not set",
        "visits": visit_number(request.state.engine),
        "tool": "Selvedge",
    }
    # Browsers must show a new release at once, and a cache must not serve the page to a program.
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        return pages.TemplateResponse(request, "home.html", facts, headers=headers)
    return JSONResponse(facts, headers=headers)


def visit_number(engine: Engine) -> int | None:
    """Count this visit. Return None if that fails, because the page should still show the running release."""
    try:
        return count_visit(engine)
    except SQLAlchemyError as error:
        log.warning("could not count the visit (%s); did `alembic upgrade head` run?", type(error).__name__)
        return None


@app.head("/health", include_in_schema=False)
@app.get("/health")
def health(request: Request) -> Response:
    """Answer 200 if the database can be read, else 503."""
    settings: Settings = request.state.settings
    facts = {"status": "ok", "database": "ok", "release": settings.release, "commit": settings.commit}
    try:
        visits(request.state.engine)
    except SQLAlchemyError as error:
        # Log only the error's name: its text may contain parts of the database URL.
        log.error("unhealthy: could not read the database (%s); did `alembic upgrade head` run?", type(error).__name__)
        return JSONResponse(facts | {"status": "failing", "database": type(error).__name__}, status_code=503)
    return JSONResponse(facts)


@app.get("/client")
async def client(request: Request) -> dict[str, str | None]:
    """Return the client's address and the scheme that the app sees; they are correct only if the proxy passes them on."""
    return {
        "client": request.client.host if request.client else None,
        "scheme": request.url.scheme,
        "host": request.headers.get("host"),
    }


@app.get("/slow")
async def slow(seconds: Annotated[float, Query(ge=0, le=30)] = 3) -> dict[str, float]:
    """Answer after some seconds, 30 at most: a request that runs during a deploy is still answered."""
    await asyncio.sleep(seconds)
    return {"slept": seconds}


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    """Send every message back unchanged, text or bytes."""
    await websocket.accept()
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])
