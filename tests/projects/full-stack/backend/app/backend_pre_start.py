import logging

from sqlalchemy import text
from tenacity import retry, stop_after_attempt, wait_fixed

from app.core.db import engine

logging.basicConfig(level=logging.INFO)


@retry(stop=stop_after_attempt(30), wait=wait_fixed(1))
def main() -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


if __name__ == "__main__":
    main()
