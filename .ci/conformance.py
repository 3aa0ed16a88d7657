"""Serve a configuration on a free port, run the conformance suite against it, stop.

python .ci/conformance.py config.yml [argument of pytest ...]; exits as pytest does.
"""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
LOG_TAIL = 4000  # characters


def main(config: str, *arguments: str) -> int:
    """Run the suite with `arguments` and return pytest's exit status, 1 if the server does not start."""
    url = f"http://127.0.0.1:{free_port()}/"
    with tempfile.TemporaryFile("w+") as log, serve(config, url, log) as server:
        try:
            if not is_healthy(server, url):
                print(f"The server of {config} did not start:\n{tail(log)}", file=sys.stderr)
                return 1
            status = subprocess.call([sys.executable, "-m", "pytest", "conformance", "--url", url, *arguments])
            if server.poll() is not None:
                print(f"The server of {config} ended with {server.returncode}:\n{tail(log)}", file=sys.stderr)
                return status or 1
            return status
        finally:
            stop(server)


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def serve(config: str, url: str, log: IO[str]) -> subprocess.Popen[str]:
    """Start the server; all that it says goes to `log`."""
    port = url.rstrip("/").rsplit(":", 1)[1]
    program = Path(sys.executable).with_name("ogcapi")
    command = [str(program), "serve", config, "--host", "127.0.0.1", "--port", port]
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)


def is_healthy(server: subprocess.Popen[str], url: str) -> bool:
    """Wait until `/healthz` answers; False if the server ends or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}healthz", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    return False


def stop(server: subprocess.Popen[str]) -> None:
    """End the server, by force if it does not go."""
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()


def tail(log: IO[str]) -> str:
    """The end of what the server said."""
    log.seek(0)
    return log.read()[-LOG_TAIL:]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
