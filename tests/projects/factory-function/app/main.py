from fastapi import FastAPI
from loguru import logger

from app.api.routes import router
from app.core.config import get_app_settings


def get_application() -> FastAPI:
    settings = get_app_settings()
    settings.configure_logging()
    application = FastAPI(title=settings.title)
    application.add_event_handler("startup", lambda: logger.info("connected to the database"))
    application.include_router(router, prefix=settings.api_prefix)
    return application


app = get_application()
