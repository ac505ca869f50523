"""A refusal of Alipay's gateway: code, sub_code and words."""

from __future__ import annotations

_MSG = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40005": "Call Limited",
}


class No(Exception):
    """The request is refused."""

    def __init__(self, code: str, sub_code: str, sub_msg: str) -> None:
        super().__init__(f"{code} {sub_code} {sub_msg}")
        self.code, self.sub_code, self.sub_msg = code, sub_code, sub_msg

    def tree(self) -> dict[str, str]:
        link = f"https://opensupport.alipay.com/support/helpcenter/89?q={self.sub_code}"
        return {
            "code": self.code,
            "msg": _MSG[self.code],
            "sub_code": self.sub_code,
            "sub_msg": f"{self.sub_msg}，{link}",
        }
