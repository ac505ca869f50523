"""A refusal of WeChat Pay: HTTP status, code and words."""

from __future__ import annotations


class Fault(Exception):
    """The request is refused; `field` where one field is to blame."""

    def __init__(
        self, status: int, code: str, text: str, *, field: str = "", value: object = None, location: str = "body"
    ) -> None:
        super().__init__(f"{status} {code} {text}")
        self.status, self.code, self.text = status, code, text
        self.field, self.value, self.location = field, value, location
