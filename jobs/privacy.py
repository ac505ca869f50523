"""Opens the keys for personal data from the settings, or from the key file in the data folder."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import BadSettings
from jobs.vault import secret
from stores.errors import KeyMissing

if TYPE_CHECKING:
    from jobs.env import Env
    from stores.privacy import Privacy

KEY_FILE = Path("keys", "pii.key")
KEY_BYTES = 32


def open_privacy(env: Env) -> Privacy:
    """The keys of this office: the first encrypts, all decrypt, the last one's derived key makes the search hashes.

    Without keys in the settings they are in the data folder's key file, one per line. It is made on first use only
    while nothing is stored here yet: a new key beside old data would hide that the old key is lost.

    Raises:
        KeyMissing: there is no key file and there may be data. BadSettings: a key is not 32 bytes of base64.
    """
    from stores.privacy import Privacy

    given = env.settings.privacy.keys
    if given:
        return Privacy([_decode(secret(text, env.root)(), f"privacy.keys.{n}") for n, text in enumerate(given)])
    path = env.data / KEY_FILE
    if not path.exists():
        if _may_hold_data(env):
            missing = KeyMissing(f"{path} is not there; bring it back from a backup, or name keys in [privacy] keys")
            missing.hint = "oms config show privacy --origin"
            raise missing
        make_key_file(path)
    return Privacy(read_key_file(path))


def read_key_file(path: Path) -> list[bytes]:
    """Keys of a key file, the encrypting one first.

    Raises:
        KeyMissing: it cannot be read or is empty. BadSettings: a line is no key.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMissing(f"{path}: {error}") from error
    if not lines:
        raise KeyMissing(f"{path} is empty")
    return [_decode(line, f"{path}, line {n}") for n, line in enumerate(lines, 1)]


def make_key_file(path: Path) -> bool:
    """Make a key file with a fresh key, readable by its owner only; False when there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # a link never replaces: of two processes that start together one wins and both read the same key
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadSettings(f"{where}: a key is {KEY_BYTES} bytes as base64") from error
    if len(key) != KEY_BYTES:
        raise BadSettings(f"{where}: a key is {KEY_BYTES} bytes as base64, this one has {len(key)}")
    return key


def _may_hold_data(env: Env) -> bool:
    """Whether a store with encrypted columns may hold something: one elsewhere may, one here if its file is there."""
    return any(
        getattr(env.settings.stores, name) or (env.data / f"{name}.db").exists()
        for name in ("orders", "inbox", "ledger")
    )
