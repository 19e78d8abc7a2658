"""The reference page of hosts.toml, and the descriptions that it consists of."""

from __future__ import annotations

from selvedge.config.settings import Settings
from tests.support.paths import ROOT
from tests.unit.config.conftest import Load


def test_the_reference_page_is_current() -> None:
    from selvedge.config.reference import reference

    page = (ROOT / "docs/hosts-toml.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m selvedge.config.reference > docs/hosts-toml.md"


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
                if key.startswith("certificate"):
                    tables[section] |= {"certificate": "a.pem", "certificate_key": "a.key"}
                text = "".join(
                    f"[{name}]\n" + "".join(f"{key} = {to_toml(value)}\n" for key, value in table.items())
                    for name, table in tables.items()
                )
                settings(text)
