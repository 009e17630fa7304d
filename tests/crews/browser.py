"""A real headless Chromium, driven over its debugging pipe: the width of a phone, pictures, measurements."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.waiting import PATIENCE_S, wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser() -> str:
    """Return the path of Chromium. Raises: AssertionError saying how to get one."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, "Chromium is not installed: apt-get install chromium"
    return found


class Browser:
    """One page in a headless Chromium; use as a context manager."""

    def __init__(self, width: int, *, scale: int = 2, scripts: bool = False, profile: Path | None = None) -> None:
        """Start the browser with a page of `width` CSS pixels, drawn `scale` times as fine.

        scripts: whether the page's own scripts run
        profile: where the browser keeps what pages store; None: nowhere after it stops
        """
        self._own_profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._scripts = scripts
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        def wire() -> None:
            high = [os.dup(to_browser), os.dup(from_browser)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [
                find_browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                "--disable-component-update", "--no-first-run", "--disable-dev-shm-usage", "--remote-debugging-pipe",
                f"--user-data-dir={profile or self._own_profile.name}", "about:blank",
            ],
            preexec_fn=wire,  # noqa: PLW1509  it only wires two descriptors
            close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=scale, mobile=width < 600
        )
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._width = width

    def __enter__(self) -> Self:
        """Return the browser itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the browser that was started; what pages have stored is on disk then."""
        self._session = None
        os.write(self._out, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE_S)
        os.close(self._out)
        os.close(self._in)
        self._own_profile.cleanup()

    def _message(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._in], [], [], patience_s)[0]:
                raise TimeoutError
            chunk = os.read(self._in, 1 << 16)
            assert chunk, "Chromium ended"
            self._rest += chunk
        one, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(one)
        return message

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer to one command of the DevTools protocol."""
        message = self._ask(method, **params)
        assert "error" not in message, f"{method}: {message.get('error')}"
        result: dict[str, Any] = message["result"]
        return result

    def _ask(self, method: str, patience_s: float = PATIENCE_S, **params: Any) -> dict[str, Any]:
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message(patience_s)
            if message.get("id") == self._number:
                return message

    def open(self, url: str) -> None:
        """Go to `url` and wait until the page has loaded."""
        self.call("Page.navigate", url=url)
        while self._message().get("method") != "Page.loadEventFired":
            pass

    def measure(self, expression: str) -> Any:
        """Return the JSON value of a JavaScript expression about the page; scripts that are off stay off."""
        if not self._scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=False)
        answer = self.call("Runtime.evaluate", expression=f"JSON.stringify({expression})", returnByValue=True)
        if not self._scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        assert "exceptionDetails" not in answer, answer
        return json.loads(answer["result"]["value"])

    def wait_for(self, condition: str) -> None:
        """Return when a JavaScript condition holds, over as many pages as the browser goes through until then."""

        def holds() -> bool:
            try:
                answer = self._ask("Runtime.evaluate", patience_s=2, expression=condition, awaitPromise=True)
            except TimeoutError:  # A page that goes takes its answers with it.
                return False
            return bool(answer.get("result", {}).get("result", {}).get("value"))

        wait_until(holds, condition)

    def choose_file(self, selector: str, file: Path) -> None:
        """Choose a file in the field that a CSS selector names."""
        field = self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", files=[str(file)], objectId=field["result"]["objectId"])

    def picture(self, file: Path, most_height: int = 12_000) -> None:
        """Write a PNG of the whole page."""
        height = min(int(self.measure("document.documentElement.scrollHeight")), most_height)
        clip = {"x": 0, "y": 0, "width": self._width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, file: Path) -> None:
        """Write the page as it prints on A4."""
        shot = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        file.write_bytes(base64.b64decode(shot["data"]))
