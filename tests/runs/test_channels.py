"""Channels by their files: read at use, apart from each other, modes checked, secrets never shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from jobs import doctor
from jobs.env import Env
from jobs.errors import BadSettings, UnknownThing
from tests.factories import open_env

CANARY = "canary-api-v3-key-0123456789abcd"


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def folder(tmp_path: Path, key: str) -> Path:
    made = tmp_path / "channels"
    made.mkdir(mode=0o700)
    (made / "key.pem").write_text(key)
    (made / "key.pem").chmod(0o600)
    return made


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def wechat(**changes: str) -> str:
    values = {
        "channel": '"wechatpay"', "merchant_id": '"1900000109"', "app_id": '"wx1"', "serial": '"5157F09EFDC096DE15EBE81A47057A72"',
        "private_key": '"file:key.pem"', "api_v3_key": f'"{CANARY}"', "notify_url": '"https://pay.example/pay/wx-main"',
        "public_keys": '{ PUB_KEY_ID_0119000001 = "file:pub.pem" }', **changes,
    }  # fmt: skip
    return "\n".join(f"{name} = {value}" for name, value in values.items() if value) + "\n"


def put(folder: Path, alias: str, text: str, mode: int = 0o600) -> Path:
    path = folder / f"{alias}.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_channel_is_what_its_file_says(env: Env, folder: Path) -> None:
    put(folder, "wx-main", wechat())
    channel = env.channels.get("wx-main")
    assert (channel.name, channel.alias, channel.connection.merchant_id) == ("wechatpay", "wx-main", "1900000109")
    assert channel.connection.secret("api_v3_key") == CANARY
    assert env.channels.get("wx-main") is channel


def test_a_changed_file_is_read_at_the_next_use_and_a_changed_key_file_at_once(env: Env, folder: Path) -> None:
    put(folder, "wx-main", wechat(api_v3_key='"file:v3.key"'))
    (folder / "v3.key").write_text("first")
    channel = env.channels.get("wx-main")
    assert channel.connection.secret("api_v3_key") == "first"
    (folder / "v3.key").write_text("second")
    assert channel.connection.secret("api_v3_key") == "second"
    put(folder, "wx-main", wechat(merchant_id='"1900000110"'))
    assert env.channels.get("wx-main").connection.merchant_id == "1900000110"


def test_one_broken_file_stops_only_its_channel(env: Env, folder: Path) -> None:
    put(folder, "wx-main", wechat())
    put(folder, "bad", "channel = ")
    assert env.channels.names() == ["bad", "wx-main"]
    assert env.channels.get("wx-main").alias == "wx-main"
    with pytest.raises(BadSettings, match=r"bad\.toml"):
        env.channels.get("bad")
    put(folder, "bad", wechat())
    assert env.channels.get("bad").alias == "bad"


@pytest.mark.parametrize("name", ["nobody", "../oms", "WX", "", "a" * 40, "wx/main", "."])
def test_an_alias_names_a_file_of_the_folder_and_nothing_else(env: Env, folder: Path, name: str) -> None:
    (folder.parent / "oms.toml").write_text("")
    with pytest.raises(UnknownThing):
        env.channels.get(name)


def test_a_disabled_channel_is_not_used(env: Env, folder: Path) -> None:
    put(folder, "wx-main", wechat(enabled="false"))
    with pytest.raises(BadSettings, match="disabled"):
        env.channels.get("wx-main")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"merchant_id": ""}, "merchant_id: is missing"),
        ({"private_key": ""}, "private_key: is missing"),
        ({"channel": '"wechatpya"'}, "did you mean wechatpay?"),
        ({"merchant": '"x"'}, "did you mean merchant_id?"),
        ({"merchant_id": "1900000109"}, "merchant_id: is no text"),
        ({"api_v3_key": "7"}, "api_v3_key: is no text"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_what_to_write_instead(
    env: Env, folder: Path, changes: dict[str, str], said: str
) -> None:
    put(folder, "wx-main", wechat(**changes))
    found = [str(p) for p in env.channels.problems()]
    assert any(said in text for text in found), found
    assert all(CANARY not in text for text in found)
    with pytest.raises(BadSettings):
        env.channels.get("wx-main")


def test_a_file_that_others_may_write_is_refused(env: Env, folder: Path) -> None:
    path = put(folder, "wx-main", wechat(), mode=0o620)
    with pytest.raises(BadSettings, match="others may write"):
        env.channels.get("wx-main")
    path.chmod(0o600)
    assert env.channels.get("wx-main")
    folder.chmod(0o777)
    os.utime(path, ns=(1, 1))
    with pytest.raises(BadSettings, match="others may write"):
        env.channels.get("wx-main")
    folder.chmod(0o700)


def rows(env: Env) -> dict[str, tuple[bool, str]]:
    return {r["name"]: (r["ok"], r["what"]) for r in doctor.doctor(env) if r["name"].startswith("channel")}


def test_the_doctor_reads_every_key_and_tells_none(env: Env, folder: Path) -> None:
    assert rows(env) == {"channels": (True, "no payment channel in channels/")}
    put(folder, "wx-main", wechat(), mode=0o644)
    found = rows(env)
    assert found["channel wx-main"][0] is False and "pub.pem" in found["channel wx-main"][1]
    assert found["channel wx-main mode"] == (False, "others may read the secrets in wx-main.toml")
    (folder / "pub.pem").write_text("x")
    put(folder, "wx-main", wechat())
    assert rows(env)["channel wx-main"][0] is True
    assert CANARY not in repr(rows(env)) and CANARY not in repr(env.channels.get("wx-main").connection)


def test_the_check_of_the_settings_lists_what_is_wrong_with_channels(folder: Path) -> None:
    (folder.parent / "oms.toml").write_text("[warehouses.main]\n")
    put(folder, "wx-main", wechat(private_key=""))
    [found] = doctor.settings_problems(folder.parent / "oms.toml", {})
    assert (found.origin, found.key) == ("channels/wx-main.toml", "private_key")
