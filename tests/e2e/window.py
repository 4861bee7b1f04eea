"""A browser window that remembers what went wrong in it."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response

# What moved without anybody having touched anything, for the sum that is called CLS.
OBSERVE = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const what = entry.sources.map((source) => source.node && (source.node.id || source.node.className)).join(", ");
    window.shifts.push([entry.value, what]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
WEIGHT = """
() => performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
  .filter((entry) => !["img", "video", "image", "input"].includes(entry.initiatorType))
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""
_OF_COLOURS = ("color-contrast", "link-in-text-block")
# Of a long table the first rows: the others look as they do, and to look at colours takes long.
_RUN_AXE = """
(rules) => axe.run(
  { exclude: [["tbody > tr:nth-child(n+16)"]] },
  { resultTypes: ["violations"], ...(rules && { runOnly: rules }) },
).then((told) => told.violations)
"""
_AXE = Axe()  # reads its script from disk


class Window:
    """A page, what its console said, and which answers it got that were errors."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("response", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        self.said.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _see(self, response: Response) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            self.said.append(f"{response.status}: {response.url}")

    def go(self, path: str) -> Page:
        """Load a page, and wait until nothing is under way. What was said before is forgotten."""
        self.said.clear()
        self.page.goto(path, wait_until="load")
        self.settle()
        return self.page

    def darken(self) -> None:
        """The other theme, as the server would have written it on the page."""
        self.page.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
        self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def leave(self) -> None:
        """Ask for nothing any more: a page that is live goes on asking while others are looked at."""
        self.page.goto("about:blank")

    def settle(self) -> None:
        """Let two frames be drawn, so that whatever moves has moved."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_timeout(150)

    def shifts(self) -> list[Any]:
        """What moved by itself since the page was loaded: how much, and which elements."""
        return list(self.page.evaluate("() => window.shifts"))

    def weight_bytes(self) -> int:
        """What the page takes over the wire, before any picture or clip, as if nothing were kept from before."""
        return int(self.page.evaluate(WEIGHT))

    def barriers(self, *, of_colours: bool = False) -> list[str]:
        """What axe finds, each with the first place where it is so.

        of_colours: by the rules that look at colours; nothing else is otherwise in another theme.
        """
        if not self.page.evaluate("() => 'axe' in window"):  # the page may have been looked at already
            self.page.evaluate(_AXE.axe_script)
        found = self.page.evaluate(_RUN_AXE, _OF_COLOURS if of_colours else None)
        return [f"{one['id']} x {len(one['nodes'])}: {one['nodes'][0]['html'][:200]}" for one in found]

    def is_wider_than_its_window(self) -> bool:
        """Whether the page can be scrolled sideways."""
        return bool(self.page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth"))
