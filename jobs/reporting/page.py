"""The report page: one HTML file with its data, style, script and Apache ECharts inside, under a policy that loads nothing.

What runs is named by its digest in the policy; the data is no script. So the file does the same wherever it is opened.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jobs.errors import BadRequest
from jobs.sheets import replacing

if TYPE_CHECKING:
    from jobs.reporting.documents import Report

_PLACE = re.compile(r"@([A-Z]+)@")


def words(lang: str) -> dict[str, Any]:
    """The page's words in a language, its code among them.

    Raises:
        BadRequest: there are none in it.
    """
    known: dict[str, dict[str, Any]] = msgspec.json.decode(_text("words.json"))
    if lang not in known:
        raise BadRequest(f"no words in {lang!r}; there are {', '.join(known)}")
    return {"lang": lang, **known[lang]}


def write(path: Path, report: Report, said: dict[str, Any]) -> int:
    """Write the page whole or not at all; returns its bytes."""
    made = document(report, said).encode()
    with replacing(path) as part:
        part.write_bytes(made)
    return len(made)


def document(report: Report, said: dict[str, Any]) -> str:
    """The page as text."""
    style, script, charts = _text("page.css"), _text("page.js"), _text("echarts/echarts.common.min.js")
    when = str(report.since) if report.since == report.until else f"{report.since} {said['to']} {report.until}"
    parts = {
        "LANG": {"zh": "zh-CN"}.get(said["lang"], said["lang"]),
        "POLICY": policy(scripts=(charts, script), styles=(style,)),
        "TITLE": html.escape(f"{said[report.kind]} {when}"),
        "NOSCRIPT": html.escape(said["noscript"]),
        "STYLE": style,
        "DATA": _data({"report": report, "words": said}),
        "ECHARTS": charts,
        "SCRIPT": script,
    }
    return _PLACE.sub(lambda found: parts[found[1]], _text("page.html"))


def policy(*, scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """Content-Security-Policy that lets these texts run and nothing be loaded."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_digest, scripts))}",
            f"style-src {' '.join(map(_digest, styles))}",
            "img-src data:",
            "font-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(value: object) -> str:
    """JSON that cannot end the element it stands in."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c").replace("&", "\\u0026")


def _text(name: str) -> str:
    """A file of `jobs/pages`, without the line ends of other systems: the digests are over what a browser reads."""
    return files("jobs.pages").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
