"""A headless Chromium that looks at the report page, and what it sees there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

#: as Debian, Ubuntu, Fedora and Google call it
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "apt-get install chromium fonts-wqy-microhei"


class Missing(Exception):
    """What the tests of the page want is not on this machine."""


def chromium() -> str:
    """The browser's program.

    Raises:
        Missing: there is none.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise Missing(f"no Chromium on this machine: {INSTALL}")
    return found


def check_chinese_font() -> None:
    """Raises Missing when no font of this machine has Chinese glyphs."""
    if not shutil.which("fc-list"):
        return
    listed = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=False)
    if not listed.stdout.strip():
        raise Missing(f"no font with Chinese glyphs on this machine: {INSTALL}")


class Seen(NamedTuple):
    """An open page, and what was said and asked for while it was opened and after."""

    page: Any
    said: list[str]
    asked: list[str]

    def run(self, script: str, *args: Any) -> Any:
        """The value of a script in the page."""
        return self.page.evaluate(script, *args)

    def until(self, script: str) -> None:
        """Wait until a script in the page gives true; asked from outside, since the page's policy lets nothing else in."""
        for _ in range(100):
            if self.page.evaluate(script):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {script}")


@contextmanager
def browser() -> Iterator[Any]:
    """One browser; as root it runs without its sandbox, and sees only files that the tests wrote."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        )
        try:
            yield made
        finally:
            made.close()


@contextmanager
def looking(browser: Any, path: Path, *, width: int = 1440, scheme: str = "light") -> Iterator[Seen]:
    """Open a file as a person with that width of window and that preference of theme."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen = Seen(context.new_page(), [], [])
    seen.page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    try:
        seen.page.goto(path.as_uri())
        yield seen
    finally:
        context.close()


#: chart → series name → its values (what is not there left out); the labels at the ends of rows are no data
CHARTS = """() => Object.fromEntries([...document.querySelectorAll("[data-chart]")].map((place) => [
  place.dataset.chart,
  Object.fromEntries(echarts.getInstanceByDom(place).getOption().series.filter((s) => s.id !== "ends" && s.name !== "ends")
    .map((s) => [s.name, s.data.filter((v) => v !== null && v !== undefined)])),
]))"""

#: (field, currency, text) of every printed total
TOTALS = """() => [...document.querySelectorAll("[data-total]")].map((x) => [x.dataset.total, x.dataset.currency, x.textContent])"""

#: labels of one chart whose boxes lie over each other, as texts
OVERLAPS = """() => [...document.querySelectorAll("[data-chart]")].flatMap((place) => {
  const boxes = [...place.querySelectorAll("svg text")].map((t) => ({ t: t.textContent, b: t.getBoundingClientRect() }))
    .filter((x) => x.t.trim() && x.b.width);
  const found = [];
  for (let i = 0; i < boxes.length; i++) for (let k = i + 1; k < boxes.length; k++) {
    const a = boxes[i].b, z = boxes[k].b;
    const wide = Math.min(a.right, z.right) - Math.max(a.left, z.left), high = Math.min(a.bottom, z.bottom) - Math.max(a.top, z.top);
    // the box of a line of text is higher than its letters
    if (wide > 1 && high > 4) found.push(`${place.dataset.chart}: ${boxes[i].t} | ${boxes[k].t}`);
  }
  return found;
})"""

#: what reaches out of the window or out of its card, as texts
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((x) => {
  const box = x.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 0.5 || box.left < -0.5) && !x.closest("defs");
}).map((x) => `${x.tagName} ${x.className.baseVal ?? x.className} ${x.textContent.slice(0, 40)}`).concat(
  [...document.querySelectorAll(".card, .tile, main, header")].filter((x) => x.scrollWidth > x.clientWidth + 1).map((x) => `scrolls: ${x.id || x.className}`)
)"""

#: (contrast, text, what) of every text that can be seen: its colour against what lies behind it, as the browser computed them
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => { const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x); return (hi + 0.05) / (lo + 0.05); };
  const behind = (x) => { for (let at = x; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || parent.closest("script, noscript, style, title") || !parent.getClientRects().length) continue;
    const style = getComputedStyle(parent);
    const colour = parent instanceof SVGElement ? rgb(style.fill) : rgb(style.color);
    found.push([contrast(colour, behind(parent)), walk.currentNode.data.trim(), parent.tagName]);
  }
  return found;
}"""

#: contrast of every colour that a chart draws bars with, against its card
MARKS = """() => [...document.querySelectorAll("[data-chart]")].flatMap((place) => echarts.getInstanceByDom(place).getOption().series
  .filter((s) => s.name !== "ends").map((s) => [place.dataset.chart, s.itemStyle.color, getComputedStyle(place.closest(".card")).backgroundColor]))"""

#: pixels of each letter as the page's font draws it; the last one is in no font
GLYPHS = """(letters) => {
  const font = getComputedStyle(document.body).fontFamily;
  const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  c.canvas.width = c.canvas.height = 64;
  return [...letters, "\\u{E123}"].map((letter) => {
    c.clearRect(0, 0, 64, 64);
    c.font = `40px ${font}`;
    c.fillText(letter, 8, 48);
    return [...c.getImageData(0, 0, 64, 64).data].filter((_, i) => i % 4 === 3).map((v) => (v > 100 ? 1 : 0)).join("");
  });
}"""

#: what each try to load or run something from elsewhere was answered, by the directive that denied it
LOADS = """async () => {
  const denied = [];
  document.addEventListener("securitypolicyviolation", (e) => denied.push(e.effectiveDirective));
  const add = (tag, set) => { const x = document.createElement(tag); Object.assign(x, set); document.body.append(x); };
  add("img", { src: "http://127.0.0.1:9/x.png" });
  add("script", { src: "http://127.0.0.1:9/x.js" });
  add("script", { textContent: "window.ran = true" });
  add("link", { rel: "stylesheet", href: "http://127.0.0.1:9/x.css" });
  add("style", { textContent: "body { color: red }" });
  add("iframe", { src: "http://127.0.0.1:9/" });
  add("object", { data: "http://127.0.0.1:9/x.swf" });
  add("audio", { src: "http://127.0.0.1:9/x.mp3" });
  document.fonts.add(new FontFace("x", "url(http://127.0.0.1:9/x.woff2)"));
  await Promise.allSettled([fetch("http://127.0.0.1:9/"), document.fonts.load("12px x")]);
  try { new WebSocket("ws://127.0.0.1:9/"); } catch { /* told by the event */ }
  try { new Worker(URL.createObjectURL(new Blob(["1"]))); } catch { /* told by the event */ }
  await new Promise((done) => setTimeout(done, 200));
  return [denied.sort(), window.ran === true];
}"""
