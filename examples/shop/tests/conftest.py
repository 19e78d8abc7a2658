"""A folder and a database for the tests. The app's modules are beside this folder."""

import os
import sys
import tempfile
from pathlib import Path

FOLDER = tempfile.mkdtemp(prefix="shop-")
os.environ.setdefault("DATABASE_URL", f"sqlite+aiosqlite:///{FOLDER}/shop.sqlite3")
os.environ["APP_SHARED"] = FOLDER
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
