"""A browser without a window, steered through Chromium's protocol of its developers' tools."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it opens pages of these tests alone
    "--no-first-run",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_TIMEOUT_S = 60


class Browser:
    """One page, with the size of the picture that is wanted."""

    def __init__(self, out: int, back: int) -> None:
        self._out, self._back = out, back
        self._rest = b""
        self._last = 0
        self._said: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    _session: str | None = None

    @classmethod
    @contextmanager
    def started(cls, program: str, profile: Path) -> Iterator[Browser]:
        """A browser that ends with the block."""
        to_read, out = os.pipe()
        back, to_write = os.pipe()
        # it reads from file 3 and writes to file 4
        command = [
            "bash",
            "-c",
            f'exec "$@" 3<&{to_read} 4>&{to_write}',
            "bash",
            program,
            *_OPTIONS,
            f"--user-data-dir={profile}",
        ]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, pass_fds=(to_read, to_write), stdout=quiet, stderr=quiet) as process:
            os.close(to_read)
            os.close(to_write)
            try:
                yield cls(out, back)
            finally:
                process.terminate()
                os.close(out)
                os.close(back)

    def picture(self, url: str, size: tuple[int, int]) -> Image.Image:
        """What a page looks like once its promise `ready` is kept. Raises `AssertionError` with what the page said."""
        width, height = size
        self._said.clear()
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Page.navigate", url=url)
        wait = "new Promise((go) => { (function look() { window.ready ? go(window.ready) : setTimeout(look, 20) })() })"
        answer = self._call(
            "Runtime.evaluate",
            expression=f"{wait}.then(() => new Promise(requestAnimationFrame)).then(() => 'ready')",
            awaitPromise=True,
            returnByValue=True,
        )
        assert answer["result"].get("value") == "ready", (answer, self._said)
        shot = self._call("Page.captureScreenshot", format="png")["data"]
        return Image.open(io.BytesIO(base64.b64decode(shot))).convert("RGB")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            for told in self._received():
                if told.get("id") == self._last:
                    assert "error" not in told, (method, told["error"])
                    return dict(told["result"])
                if told.get("method") in {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}:
                    self._said.append(json.dumps(told["params"])[:500])
        raise AssertionError(f"{method} took more than {_TIMEOUT_S} s; the page said {self._said}")

    def _received(self) -> Iterator[dict[str, Any]]:
        ready, _, _ = select.select([self._back], [], [], 1)
        if not ready:
            return
        *messages, self._rest = (self._rest + os.read(self._back, 1 << 20)).split(b"\0")
        for message in messages:
            yield json.loads(message)
