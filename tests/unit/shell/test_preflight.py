"""The programs that check on the server whether a release can start: its settings, and its ASGI app."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from selvedge.release.instance import LOADERS
from selvedge.release.live import PROGRAMS

pytestmark = pytest.mark.programs

Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Run the check of an app's files: check("import", {"main.py": …}). Return its status, its last line, and its output."""

    def run(
        what: str, files: Mapping[str, str], app: str = "main:app", settings: str = "", **env_vars: str
    ) -> tuple[int, str, str]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(text))
        (tmp_path / "instance").mkdir(exist_ok=True)
        for name, text in LOADERS.items():
            (tmp_path / "instance" / name).write_text(text)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "instance"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAMS["preflight"], what, app, settings],
            cwd=tmp_path, env={**environment, **env_vars}, text=True, stdout=-1, stderr=subprocess.STDOUT, timeout=30, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.splitlines()[-1] if done.stdout else "", done.stdout

    return run


ASGI = "async def app(scope, receive, send): ...\n"
FACTORY = "async def real(scope, receive, send): ...\ndef {}: return real\n"
FOUND = (
    "from pydantic_settings import BaseSettings, SettingsConfigDict\n"
    "from pydantic import Field, field_validator, model_validator\n"
)


class TestApps:
    @pytest.mark.parametrize(("module", "text"), [
        ("main:app", ASGI),
        ("main:site.app", f"class site:\n    @staticmethod\n    {ASGI}"),
        ("main:create_app()", FACTORY.format("create_app()")),
        ("main:create_app", FACTORY.format("create_app()")),
        ("main:create_app", FACTORY.format("create_app(config=None, *, debug=False)")),
        ("main:app", FACTORY.format("create_app()")),
        ("main:app", FACTORY.format("get_application()")),
        ("main:make", f"import functools\n{FACTORY.format('build(name)')}make = functools.partial(build, 'x')\n"),
        ("main:App", "class App:\n    async def __call__(self, scope, receive, send): ...\n"),
        ("main:app", "class App:\n    async def __call__(self, scope, receive, send): ...\napp = App()\n"),
        ("main:app", "class app:\n    def __init__(self, scope): ...\n    async def __call__(self, receive, send): ...\n"),
        ("main:app", "def app(*args): ...\n"),
        ("main:app", f"import functools\n{FACTORY.format('real_factory()')}create_app = functools.lru_cache(real_factory)\n"),
        ("main:create_app", f"import functools\n{FACTORY.format('create_app()')}create_app = functools.cache(create_app)\n"),
        ("main:create_app", FACTORY.format("create_app(a=1, b=2, c=3, d=4)")),
        ("main:app", FACTORY.format("create_app(*args, **options)")),
        ("main:create_app", FACTORY.format("create_app(*args, **options)")),
        ("main:App", "class App:\n    def __init__(self, debug=0): ...\n    async def __call__(self, scope, receive, send): ...\n"),
        ("main:app", f"import threading, time\n{ASGI}threading.Thread(target=time.sleep, args=[60]).start()\n"),
        ("main:app", f"import atexit, time\n{ASGI}atexit.register(time.sleep, 60)\n"),
    ])  # fmt: skip
    def test_an_app_or_a_factory_is_found(self, check: Check, module: str, text: str) -> None:
        status, _, output = check("import", {"main.py": text}, module)
        assert status == 0, output

    @pytest.mark.parametrize(("module", "text", "sentence"), [
        ("main:app", "x = 1\n", "The module main has no attribute app. Correct app.module in hosts.toml"),
        ("main:app", "class App:\n    routes = router = ()\n    def __call__(self): ...\nsite = App()\n",
         'The module main has no attribute app. Set app.module = "main:site" in hosts.toml'),
        ("main:app", FACTORY.format("create_app()") + "get_app = create_app\n",
         'Set, for example, app.module = "main:create_app()" in hosts.toml'),
        ("main:create_app()", FACTORY.format("create_app(name)"), "The factory main:create_app() needs arguments (name)."),
        ("main:create_app", FACTORY.format("create_app(name)"), "The factory main:create_app() needs arguments (name)."),
        ("main:create_app", FACTORY.format("create_app(name, *, db)"), "The factory main:create_app() needs arguments (name, db)."),
        ("main:create_app", FACTORY.format("create_app(name, db)"), "The factory main:create_app() needs arguments (name, db)."),
        ("main:create_app", FACTORY.format("create_app(*, db)"), "The factory main:create_app() needs arguments (db)."),
        ("main:app", "import json.decoder as app\n", 'main:app is a module. Set app.module = "json.decoder:app" in hosts.toml'),
        ("main:app", "class Site:\n    async def __call__(self, scope, receive, send): ...\napplication = Site()\n",
         'The module main has no attribute app. Set app.module = "main:application" in hosts.toml'),
        ("main:app", "import sys\nsys.exit('Set SECRET_KEY first')\n", "The app exits while it is imported (Set SECRET_KEY first)"),
        ("main:app", "import sys\nsys.stdout.close()\nsys.stderr.close()\n1 / 0\n", "cannot be imported: ZeroDivisionError"),
        ("main:app", "import atexit\natexit.register(print, 'bye')\n1 / 0\n", "The app cannot be imported: ZeroDivisionError"),
        ("main:create_app", "async def create_app(): ...\n", "The factory main:create_app() is an `async def`"),
        ("main:create_app()", "def create_app(): return 3\n", "main:create_app() returned int, which is not an ASGI app"),
        ("main:app", "app = 'x'\n", "main:app is not an ASGI app, because it cannot be called."),
        ("main:app", "def app(environ, start_response): ...\n", "main:app looks like a WSGI app"),
        ("main:app", "raise SystemExit(3)\n", "The app exits while it is imported (exit status 3)"),
        ("main:app", "import nosuch\n", "The app cannot be imported: ModuleNotFoundError: No module named 'nosuch'"),
        ("nosuch:app", "", "The app cannot be imported: ModuleNotFoundError: No module named 'nosuch'"),
        ("main:app", "def app(:\n", "The app cannot be imported: SyntaxError:"),
        ("main:create_app()", "def create_app(): raise RuntimeError('no warehouse')\n",
         "The app cannot be imported: RuntimeError: no warehouse"),
        ("main:app", "import os\nos.environ['SECRET_KEY']\n", "The app needs the variable 'SECRET_KEY'. Set it in app.env_file"),
        ("main:app", "{}['SECRET_KEY']\n", "The app cannot be imported: KeyError: 'SECRET_KEY'"),
    ])  # fmt: skip
    def test_the_last_line_says_what_is_wrong(self, check: Check, module: str, text: str, sentence: str) -> None:
        status, last, _ = check("import", {"main.py": text}, module)
        assert status == 1
        assert last.startswith(f"[selvedge] {sentence}") or sentence in last

    @pytest.mark.parametrize(("text", "said"), [
        (f"import uvicorn\n{ASGI}uvicorn.run('main:app', reload=True)\n",
         "The module main starts a server of its own while it is imported. Move the call of uvicorn.run() below `if __name__"),
        (f"from uvicorn import run\n{ASGI}run(app, host='0.0.0.0')\n", "The module main starts a server of its own"),
        ("import uvicorn\ndef main():\n    app = object()\n    uvicorn.run(app)\nif __name__ == '__main__':\n    main()\n",
         "The module main has no attribute app. It makes its app only when it is run as a program: make it at the top level"),
        # In a thread it stops nothing.
        (f"import threading, uvicorn\n{ASGI}each = threading.Thread(target=uvicorn.run)\neach.start()\neach.join()\n", "served"),
    ])  # fmt: skip
    def test_a_server_of_its_own(self, check: Check, text: str, said: str) -> None:
        """The import would never end."""
        status, last, output = check("import", {"main.py": text, "uvicorn.py": "def run(*args, **options): print('served')\n"})
        assert (status, said in last) == (0 if said == "served" else 1, True), output

    @pytest.mark.parametrize(("files", "words"), [
        ({"app/main.py": "app: FastAPI = FastAPI(\n    title='x',\n)\n"}, 'Set app.module = "app.main:app" in hosts.toml'),
        ({"src/blog/web.py": "api = fastapi.FastAPI()\n", "tests/main.py": "app = FastAPI()\n"}, 'Set app.module = "blog.web:api"'),
        ({"blog/__init__.py": "application = get_asgi_application()\n"}, 'Set app.module = "blog:application"'),
        ({"a.py": "app = FastAPI()\n", "b/c.py": "x = Quart(__name__)\n"}, "for example to one of a:app, b.c:x"),
        ({"a.py": "#app = FastAPI()\n    app = FastAPI()\n", ".venv/x.py": "app = FastAPI()\n"}, "Correct app.module"),
    ])  # fmt: skip
    def test_a_module_that_does_not_exist_is_told_from_those_that_do(
        self, check: Check, files: dict[str, str], words: str
    ) -> None:
        status, last, _ = check("import", files, "main:app")
        assert status == 1
        assert last.startswith("[selvedge] The app cannot be imported: ModuleNotFoundError: No module named 'main'. ")
        assert last.endswith(words) or f"{words} in hosts.toml" in last

    def test_the_paths_of_an_app_are_found_also_below_middleware(self, check: Check) -> None:
        text = """
            class Route:
                def __init__(self, path, *methods): self.path, self.methods = path, set(methods)
            class App:
                routes = [Route("/a", "GET"), Route("/b", "POST"), Route("/c/{id}", "GET"), Route("/health", "GET", "HEAD")]
                async def __call__(self, scope, receive, send): ...
            class Middleware:
                def __init__(self, app): self.app = app
                async def __call__(self, scope, receive, send): ...
            app = Middleware(Middleware(App()))
        """
        assert check("routes", {"main.py": text})[2].split() == ["/a", "/health"]


NEEDS = f"{FOUND}class Settings(BaseSettings):\n    payment_key: str\n"


class TestSettings:
    @pytest.mark.parametrize(("files", "app"), [
        ({"settings.py": NEEDS}, "main:app"),
        ({"config.py": NEEDS}, "main:app"),
        ({"app/core/__init__.py": "", "app/config.py": NEEDS}, "app.main:app"),
        # The module itself fails: the app may not use it.
        ({"config.py": "raise RuntimeError('only for development')\n"}, "main:app"),
        ({"config.py": f"{NEEDS}settings = Settings()\n"}, "main:app"),
    ])  # fmt: skip
    def test_a_class_that_was_found_raises_a_doubt(self, check: Check, files: dict[str, str], app: str) -> None:
        status, last, _ = check("settings", files, app)
        assert status == 3 and last
        assert check("settings", files, app, settings="false")[0] == 0

    def test_a_class_that_hosts_toml_names_decides(self, check: Check) -> None:
        files = {"conf/base.py": NEEDS, "conf/__init__.py": ""}
        status, last, _ = check("settings", files, settings="conf.base:Settings")
        assert (status, "does not match Settings: PAYMENT_KEY (missing). Set these variables" in last) == (1, True)
        assert check("settings", files, settings="conf.base:Settings", PAYMENT_KEY="x")[0] == 0
        assert check("settings", files, settings="conf.base:Nosuch")[1].startswith("The module conf.base has no Nosuch.")

    def test_a_base_class_of_the_one_in_use(self, check: Check) -> None:
        text = f"{NEEDS}class Production(Settings):\n    payment_key: str = 'of a vault'\n"
        files = {"config.py": text, "main.py": f"from config import Production\nsettings = Production()\n{ASGI}"}
        assert check("import", files)[0] == 3, "the app can be imported"

    @pytest.mark.parametrize(("fields", "env_vars", "words"), [
        ("secret_key: str = 'changethis'\n    @model_validator(mode='after')\n    def check(self):\n"
         "        raise ValueError('SECRET_KEY is still the default')", {}, ": SECRET_KEY is still the default. Set"),
        ("secret_key: str\n    @model_validator(mode='after')\n    def check(self):\n"
         "        raise ValueError(f'{self.secret_key} is too simple')", {"SECRET_KEY": "hunter22"}, ": ••• is too simple. Set"),
        ("secret_key: str\n    @field_validator('secret_key')\n    def check(cls, value):\n"
         "        assert value.islower(), f'{value.lower()} or {value} is no key'", {"SECRET_KEY": "Hunter22"},
         "SECRET_KEY: ••• or ••• is no key"),
        ("retries: int", {"RETRIES": "canary-value"}, "RETRIES: Input should be a valid integer"),
        ("level: int = Field(alias='LOG_LEVEL_NUMBER')", {}, "LOG_LEVEL_NUMBER (missing)"),
        ("model_config = SettingsConfigDict(env_prefix='SHOP_')\n    payment_key: str", {}, "SHOP_PAYMENT_KEY (missing)"),
        ("model_config = SettingsConfigDict(env_prefix='SHOP_')\n    level: int = Field(validation_alias='LOG_LEVEL_NUMBER')", {},
         "match Settings: LOG_LEVEL_NUMBER (missing)"),
        ("model_config = SettingsConfigDict(env_prefix='SHOP_', env_nested_delimiter='__')\n    database: dict[str, int]",
         {"SHOP_DATABASE__SIZE": "canary-value"}, "match Settings: SHOP_DATABASE__SIZE: Input should be a valid"),
        ("model_config = SettingsConfigDict(case_sensitive=True)\n    payment_key: str", {}, "Settings: payment_key (missing)"),
        ("model_config = SettingsConfigDict(env_prefix='SHOP_', title='The shop')\n    payment_key: str", {},
         "match The shop: SHOP_PAYMENT_KEY (missing)"),
        ("database: dict[str, int]", {"DATABASE": '{"password": "canary-value"}'}, "DATABASE.password: Input should be a valid"),
        ("database: dict[str, int]\n    @field_validator('database', mode='before')\n    def check(cls, value):\n"
         "        raise ValueError(f'cannot use {value[\"password\"]}')", {"DATABASE": '{"password": "canary-value"}'},
         "cannot use •••"),
        ("database: dict[str, int]", {"DATABASE": "not json"}, "does not match its settings: error parsing value for field"),
        ("mode: __import__('typing').Literal['dev', 'prod']", {"MODE": "canary-value"}, "MODE: Input should be 'dev' or 'prod'"),
    ])  # fmt: skip
    def test_the_validators_own_sentence_without_values(
        self, check: Check, fields: str, env_vars: dict[str, str], words: str
    ) -> None:
        text = f"{FOUND}class Settings(BaseSettings):\n    {fields}\n"
        status, last, output = check("settings", {"config.py": text}, settings="config:Settings", **env_vars)
        assert status == 1 and words in last
        assert not [each for each in env_vars.values() if len(each) > 5 and each in output]

    def test_words_that_are_also_names_of_users_stay(self, check: Check) -> None:
        """sudo sets such variables: their values are no secrets, and any sentence may have them."""
        code = "raise ValueError(f'set {values[\"key\"]} before you deploy')"
        check_it = f"    @model_validator(mode='before')\n    def check(cls, values):\n        {code}\n"
        text = f"{FOUND}class Settings(BaseSettings):\n    key: str\n{check_it}"
        public = {"SUDO_USER": "deploy", "LOGNAME": "before", "USER": "deploy"}
        (_, last, _) = check("settings", {"config.py": text}, settings="config:Settings", KEY="canary-value", **public)
        assert "set ••• before you deploy" in last

    def test_settings_of_pydantic_1(self, check: Check) -> None:
        text = "from pydantic.v1 import BaseSettings, root_validator\nclass Settings(BaseSettings):\n    payment_key: str\n"
        (_, last, _) = check("settings", {"config.py": text}, settings="config:Settings")
        assert "does not match Settings: PAYMENT_KEY (missing)" in last
        text += "    @root_validator\n    def check(cls, values):\n        raise ValueError('SECRET_KEY is still the default')\n"
        (_, last, _) = check("settings", {"config.py": text}, settings="config:Settings", PAYMENT_KEY="x")
        assert "does not match Settings: SECRET_KEY is still the default" in last

    def test_two_classes_of_the_same_name(self, check: Check) -> None:
        prefix = "    model_config = SettingsConfigDict(env_prefix='{}')\n"
        text = f"{FOUND}class Settings(BaseSettings):\n{prefix.format('SHOP_')}    payment_key: str\nShop = Settings\n"
        text += f"class Settings(BaseSettings):\n{prefix.format('MAIL_')}    host: str\n"
        (_, last, _) = check("settings", {"config.py": text}, settings="config:Shop")
        assert "does not match Settings: SHOP_PAYMENT_KEY (missing)" in last

    @pytest.mark.parametrize(("config", "name"), [
        ("env_prefix = 'SHOP_'", "SHOP_PAYMENT_KEY"),
        ("case_sensitive = True", "payment_key"),
    ])  # fmt: skip
    def test_variables_of_pydantic_1(self, check: Check, config: str, name: str) -> None:
        text = "from pydantic.v1 import BaseSettings\nclass Settings(BaseSettings):\n    payment_key: str\n"
        text += f"    class Config:\n        {config}\n"
        assert f"does not match Settings: {name} (missing)" in check("settings", {"config.py": text}, settings="config:Settings")[1]

    def test_a_settings_module_that_ends_the_process(self, check: Check) -> None:
        (status, last, _) = check("settings", {"config.py": "import sys\nsys.exit('Set SECRET_KEY first')\n"})
        assert (status, last) == (3, "A settings module ends the process: Set SECRET_KEY first")

    def test_settings_that_read_a_file(self, check: Check) -> None:
        text = f"{FOUND}from pathlib import Path\nclass Settings(BaseSettings):\n    key: str = Path('keys/app.pem').read_text()\n"
        (status, last, _) = check("settings", {"config.py": text}, settings="config:Settings")
        assert status == 1 and "FileNotFoundError: [Errno 2] No such file or directory: 'keys/app.pem'" in last

    def test_a_release_of_an_earlier_version_has_nothing_to_check(self, check: Check, tmp_path: Path) -> None:
        check("settings", {})
        (tmp_path / "instance/selvedge_app.py").unlink()
        command = [sys.executable, "-c", PROGRAMS["preflight"], "import", "x:y", ""]
        assert subprocess.run(command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=False).returncode == 0
