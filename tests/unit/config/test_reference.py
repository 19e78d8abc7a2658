"""The reference page of hosts.toml, and the descriptions that it consists of."""

from __future__ import annotations

import re
import tomllib

from selvedge.config.processes import Process
from selvedge.config.schema import to_toml
from selvedge.config.settings import Settings
from selvedge.config.timers import Timer
from tests.support.paths import ROOT
from tests.unit.config.conftest import Load

APP = {"name": "hello", "repository": "."}
BALANCED = '[hosts.lb]\naddress = "10.0.0.1"\n[hosts.web-1]\naddress = "10.0.0.2"\n[groups]\nweb = ["web-1"]\n'
"""What [balancer] needs."""
SHARED = '[hosts.server]\naddress = "10.0.0.1"\n[hosts.web-1]\naddress = "10.0.0.2"\n[groups]\nweb = ["web-1"]\n'
"""What services.clients needs."""


def test_the_reference_page_is_current() -> None:
    from selvedge.config.reference import reference

    page = (ROOT / "docs/reference/hosts-toml.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m selvedge.config.reference > docs/reference/hosts-toml.md"


def test_each_setting_is_in_one_part_of_its_section() -> None:
    from selvedge.config.reference import GROUPS
    from selvedge.config.schema import section_model

    for section, groups in GROUPS.items():
        model = section_model(Settings.model_fields[section].annotation)
        assert model
        assert sorted(key for keys in groups.values() for key in keys) == sorted(model.model_fields)


SERVER = '[hosts.server]\naddress = "203.0.113.10"\n'


def test_every_example_of_the_page_can_be_copied(settings: Load) -> None:
    from selvedge.config.reference import reference

    examples = re.findall(r"^```toml\n(.*?)^```", reference(), re.MULTILINE | re.DOTALL)
    assert len(examples) > 20
    for example in examples:
        tables = tomllib.loads(example)
        missing = [name for names in tables.get("groups", {}).values() for name in names]
        entries = [*tables.get("processes", {}).values(), *tables.get("timers", {}).values()]
        missing += [name for each in entries for name in each.get("hosts", ())]
        head = "".join(f'{key} = "{value}"\n' for key, value in APP.items() if key not in tables.get("app", {}))
        text = example.replace("[app]\n", f"[app]\n{head}") if "app" in tables else f"[app]\n{head}{example}"
        text += SERVER if "metrics" in tables else ""
        more = BALANCED if "balancer" in tables else SHARED if "clients" in tables.get("services", {}) else ""
        settings(text + more + "".join(f"[hosts.{name}]\n" for name in missing))


def test_every_setting_of_a_process_has_a_description_and_a_valid_example(settings: Load) -> None:
    for key, field in Process.model_fields.items():
        assert field.description and field.description.endswith(".") and field.examples, key
        for example in field.examples:
            tables = {"command": "x", key: example}
            lines = "".join(f"{name} = {to_toml(value)}\n" for name, value in tables.items())
            settings(f"[app]\nname = 'hello'\nrepository = '.'\n[hosts.web-1]\n[processes.worker]\n{lines}")


def test_every_setting_of_a_timer_has_a_description_and_a_valid_example(settings: Load) -> None:
    for key, field in Timer.model_fields.items():
        assert field.description and field.description.endswith(".") and field.examples, key
        for example in field.examples:
            tables = {"command": "x", "schedule": "daily", key: example}
            lines = "".join(f"{name} = {to_toml(value)}\n" for name, value in tables.items())
            settings(f"[app]\nname = 'hello'\nrepository = '.'\n[hosts.web-1]\n[timers.cleanup]\n{lines}")


def test_every_setting_has_a_description_and_a_valid_example(settings: Load) -> None:
    from selvedge.config.schema import section_model, to_toml

    for section, field in Settings.model_fields.items():
        model = section_model(field.annotation)
        for key, each in model.model_fields.items() if model else ():
            assert each.description and each.description.endswith((".", ")")), f"{section}.{key}"
            assert each.examples, f"{section}.{key}"
            for example in each.examples:
                tables = {"app": {"name": "hello", "repository": "."}}
                tables.setdefault(section, {})[key] = example
                if key == "eab_kid":
                    tables[section]["acme_server"] = "https://acme.example.com/directory"
                if key == "challenge" or key.startswith("dns_"):
                    tables[section] |= {"challenge": "dns", "dns_plugin": "cloudflare"}
                if (section, key) == ("backup", "to"):
                    tables[section]["key"] = "backup_key"
                if key.startswith("certificate"):
                    tables[section] |= {"certificate": "a.pem", "certificate_key": "a.key"}
                if section == "balancer":
                    tables[section] = {"hosts": ["lb"], "backends": "web", key: example}
                if (section, key) == ("services", "hosts"):
                    tables["hosts.server"] = {}
                if (section, key) == ("services", "clients"):
                    tables[section] |= {"postgres": True, "hosts": ["server"]}
                text = "".join(
                    f"[{name}]\n" + "".join(f"{key} = {to_toml(value)}\n" for key, value in table.items())
                    for name, table in tables.items()
                )
                text += SERVER if (section, key) == ("metrics", "server") else ""
                more = BALANCED if section == "balancer" else SHARED if (section, key) == ("services", "clients") else ""
                settings(text + more)
