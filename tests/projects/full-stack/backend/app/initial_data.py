from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import engine
from app.models import Item

if __name__ == "__main__":
    with Session(engine) as session:
        if session.scalars(select(Item)).first() is None:
            session.add(Item(title="first item"))
            session.commit()
