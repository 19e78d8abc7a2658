from fastapi import FastAPI

from app.api.routes import router
from app.core.choice import settings_of_stage
from app.db.events import connect, disconnect


def build() -> FastAPI:
    settings = settings_of_stage()
    made = FastAPI(title=settings.title, debug=settings.debug)
    made.add_event_handler("startup", lambda: connect(made, settings))
    made.add_event_handler("shutdown", lambda: disconnect(made))
    made.include_router(router, prefix=settings.api_prefix)
    return made


app = build()
