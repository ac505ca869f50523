"""Access tokens of one shop: issued, running out, renewed, killed."""

from __future__ import annotations

import msgspec

from adapters.sandbox import traits
from adapters.sandbox.wire import token_text

#: a token that the seller gave by hand works again this long after it was killed: he authorised the app once more
_AGAIN_S = 1800
_NEVER = 2**62


class Token(msgspec.Struct, kw_only=True):
    """An access token with its refresh token. `dead_until`: killed before its end, until then."""

    access: str
    refresh: str
    issued: int
    expires: int
    refresh_expires: int
    dead_until: int = 0
    #: it was killed once: it may be renewed before the time for that (jd)
    early: bool = False


class TokenBox(msgspec.Struct, kw_only=True):
    """All tokens a shop ever had; several may be alive at once."""

    platform: str
    seed: str
    tokens: list[Token] = []
    #: times of forced issues (wechat: at most 20 a day, 30 s apart)
    forced: list[int] = []

    def issue(self, now: int) -> Token:
        """Make a new token; older ones stay as they are."""
        n = len(self.tokens)
        lives = traits.find(self.platform)
        life, refresh_life = lives.token_s, lives.refresh_s
        token = Token(
            access=token_text(48, self.seed, self.platform, "access", n),
            refresh=token_text(48, self.seed, self.platform, "refresh", n) if refresh_life else "",
            issued=now,
            expires=now + life,
            refresh_expires=now + refresh_life,
        )
        self.tokens.append(token)
        return token

    @property
    def latest(self) -> Token | None:
        return self.tokens[-1] if self.tokens else None

    def alive(self, token: Token, now: int) -> bool:
        return token.dead_until <= now < token.expires

    def check(self, access: str, now: int) -> str:
        """``ok``, ``missing``, ``unknown`` or ``expired``."""
        if not access:
            return "missing"
        token = next((t for t in self.tokens if t.access == access), None)
        if token is None:
            return "unknown"
        return "ok" if self.alive(token, now) else "expired"

    def by_refresh(self, refresh: str) -> Token | None:
        return next((t for t in self.tokens if t.refresh and t.refresh == refresh), None)

    def kill(self, now: int) -> Token | None:
        """End every living access token at once; refresh tokens live on. Returns the latest one that was alive."""
        alive = [t for t in self.tokens if self.alive(t, now)]
        for token in alive:
            token.dead_until = now + _AGAIN_S if traits.find(self.platform).handed else _NEVER
            token.early = True
        return alive[-1] if alive else None
