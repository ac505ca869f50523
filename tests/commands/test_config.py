"""oms config, and the settings it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import BadSettings
from jobs.settings import key_lines, load
from tests.commands.conftest import SETTINGS, Shell


def test_show_lists_every_value_and_hides_secrets(oms: Shell) -> None:
    said = oms("config", "show", "--json")
    rows = {r["key"]: r for r in said.lines}
    assert said.code == 0
    assert rows["sync.threads"] == {"key": "sync.threads", "value": 4, "origin": "default"}
    assert rows["shops.jd-one.app_secret"]["value"] == "***"
    assert rows["shops.tmall-one.app_secret"]["value"] == "env:TMALL_SECRET"
    assert rows["shops.jd-one.app_key"]["value"] == "jdkey"
    assert "canary" not in said.out + said.err


def test_origin_names_the_line_the_variable_or_the_flag(oms: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS__RETRY__TIMEOUT", "5s")
    said = oms("--set", "log.level=debug", "config", "show", "--json")
    rows = {r["key"]: (r["value"], r["origin"]) for r in said.lines}
    line = SETTINGS.splitlines().index('every = "5m"') + 1
    assert rows["shops.jd-one.every"] == (300.0, f"oms.toml:{line}")
    assert rows["retry.timeout"] == (5.0, "env OMS__RETRY__TIMEOUT")
    assert rows["log.level"] == ("debug", "flag")


def test_show_can_be_narrowed_to_a_section(oms: Shell) -> None:
    keys = {r["key"] for r in oms("config", "show", "warehouses.main", "--json").lines}
    assert keys and all(k.startswith("warehouses.main.") for k in keys)


def test_the_table_in_a_pipe_is_tab_separated_with_a_header(oms: Shell) -> None:
    lines = oms("config", "show", "merge", "--origin").out.splitlines()
    assert lines[0] == "key\tvalue\torigin"
    assert "merge.window\t1800.0\tdefault" in lines


def test_check_is_quiet_when_all_is_well(oms: Shell) -> None:
    assert oms("config", "check") == (0, "", "")


def test_check_lists_everything_that_is_wrong_at_once(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.settings('dat = "x"\n[sync]\nwindow = "1x"\noverlapp = "3m"\n[shops.a]\nplatform = "taobao"\n')
    monkeypatch.setenv("OMS__SYNCC__X", "1")
    said = shell("config", "check", "--json")
    found = {r["key"]: r for r in said.lines}
    assert said.code == 2
    assert found["sync.overlapp"] == {
        "origin": "oms.toml:4", "key": "sync.overlapp", "what": "unknown key", "instead": "did you mean overlap?",
    }  # fmt: skip
    assert found["dat"]["instead"] == "did you mean data?"
    assert found["syncc"]["origin"] == "env OMS__SYNCC__X"
    assert "45s, 10m" in found["sync.window"]["what"]
    assert {"shops.a.seller_id", "shops.a.app_key", "shops.a.app_secret"} <= set(found)


def test_check_knows_the_platforms_and_their_options(shell: Shell) -> None:
    shop = '[shops.a]\nplatform = "{}"\nseller_id = "1"\napp_key = "k"\napp_secret = "s"\n{}\n'
    shell.settings(shop.format("taobaoo", ""))
    assert shell("config", "check", "--json").lines[0]["instead"] == "did you mean taobao?"
    shell.settings(shop.format("taobao", "options = { page_sise = 5 }"))
    said = shell("config", "check", "--json")
    assert (said.code, said.lines[0]["key"]) == (2, "shops.a.options.page_sise")


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ('[business]\nzone = "Asia/Nowhere"', "business.zone", "no time zone"),
        ('[business]\ncurrency = "yuan"', "business.currency", "ISO 4217"),
        ('[clock]\nstart = "2024-03-01T08:00:00"', "clock.start", "offset"),
        ('[audit]\nremark_patterns = ["("]', "audit.remark_patterns.0", "regular expression"),
        ('[refunds]\nreturns_to = "mian"\n[warehouses.main]', "refunds.returns_to", "did you mean main?"),
        ("[sync]\nthreads = 99", "sync.threads", "less than or equal to 32"),
        ("[sync\n", "", "not TOML"),
    ],
)
def test_a_value_no_job_could_work_with_is_refused(shell: Shell, text: str, key: str, what: str) -> None:
    path = shell.settings(text)
    with pytest.raises(BadSettings) as caught:
        load(path)
    assert key in str(caught.value)
    assert what in str(caught.value)
    assert "oms.toml" in str(caught.value)


def test_two_aliases_for_one_seller_are_refused(shell: Shell) -> None:
    shop = 'platform = "jd"\nseller_id = "1"\napp_key = "k"\napp_secret = "s"\n'
    path = shell.settings(f"[shops.a]\n{shop}[shops.b]\n{shop}")
    with pytest.raises(BadSettings, match="one seller has one alias"):
        load(path)


def test_a_command_secret_is_refused_in_a_file_that_others_may_write(shell: Shell) -> None:
    text = SETTINGS.replace("env:TMALL_SECRET", "cmd:echo s")
    path = shell.settings(text)
    assert load(path).settings.shops["tmall-one"].app_secret == "cmd:echo s"
    path.chmod(0o620)
    with pytest.raises(BadSettings, match="others may write"):
        load(path)


def test_a_wrong_secret_is_never_shown(shell: Shell) -> None:
    shell.settings(SETTINGS.replace('"canary-secret-jd"', "[12, 34567]"))
    said = shell("config", "check")
    assert said.code == 2
    assert "shops.jd-one.app_secret" in said.out
    assert "34567" not in said.out + said.err


def test_environment_reaches_a_shop_whose_name_no_variable_can_have(
    oms: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMS__SHOPS__TMALL_ONE__EVERY", "2m")
    monkeypatch.setenv("OMS__AUDIT__REMARK_PATTERNS", '["gift"]')
    settings = load().settings
    assert settings.shops["tmall-one"].every == 120.0
    assert settings.audit.remark_patterns == ("gift",)


def test_the_file_is_found_upward_or_named(oms: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert load().path == tmp_path / "oms.toml"
    other = tmp_path / "deep" / "other.toml"
    other.write_text('data = "elsewhere"')
    monkeypatch.setenv("OMS_CONFIG", str(other))
    assert load().settings.data == "elsewhere"
    assert load(tmp_path / "oms.toml").settings.data == "data"


def test_a_named_file_that_is_missing_is_an_error_and_none_at_all_is_not(shell: Shell) -> None:
    assert load().path is None
    said = shell("--config", "nowhere.toml", "config", "show")
    assert said.code == 2
    assert "nowhere.toml" in said.err and "next:  oms init" in said.err


def test_lines_of_keys_are_found_in_tables_arrays_and_dotted_keys() -> None:
    text = 'a = 1\n[b."c.d"]\ne = 2 # x\nf.g = 3\n[[n.t]]\nk = 1\n'
    assert key_lines(text) == {
        ("a",): 1, ("b", "c.d"): 2, ("b", "c.d", "e"): 3, ("b", "c.d", "f", "g"): 4, ("n", "t"): 5, ("n", "t", "k"): 6,
    }  # fmt: skip
