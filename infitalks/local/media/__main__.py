"""The media service's command: `python -m infitalks.local.media`. Only starts and stops it."""

import argparse
import errno
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from werkzeug.serving import WSGIRequestHandler, make_server

from infitalks.local.media.account import account_from_url
from infitalks.local.media.app import create_media_app
from infitalks.local.media.service import MediaService
from infitalks.local.media.store import FolderBusy
from infitalks.settings import SettingsError, load_settings

HOST = "127.0.0.1"
PORT_BUSY = 48  # exit code
PATIENCE = 30  # seconds for a client to send or take the next piece


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: delivery links are signed and never expire, so they are secrets."""


def main() -> int:
    """Run until told to stop; the exit code."""
    options = _options()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    os.umask(0o077)
    try:
        settings = load_settings(os.environ)
        account = account_from_url(settings.cloudinary_url)
        with _listen(options.port) as listening:
            largest = settings.largest_file_mb * 1024 * 1024
            _serve(listening, MediaService(account, options.data, largest_file=largest))
    except (SettingsError, ValueError) as error:
        return _fail(str(error), 2)
    except FolderBusy as error:
        return _fail(str(error), 1)
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        place = f"port {options.port} on {HOST}"
        return _fail(f"{place} is in use" if busy else str(error), PORT_BUSY if busy else 1)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "infitalks.local.media",
        description="A server of Cloudinary's protocol for one machine. CLOUDINARY_URL names its account.",
    )
    parser.add_argument("--port", type=int, required=True, help="0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder to store in")
    return parser.parse_args()


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((HOST, port))
    listening.listen(128)
    return listening


def _serve(listening: socket.socket, service: MediaService) -> None:
    app = create_media_app(service)
    port = listening.getsockname()[1]
    # Its own socket: werkzeug would end the process with its own words and code where the port is busy.
    server = make_server(HOST, port, app, threaded=True, request_handler=_Handler, fd=listening.fileno())
    sys.stdout.write(f"media service on http://{HOST}:{port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _stop(number: int, frame: object) -> NoReturn:
    # Requests in flight are cut: an upload is stored whole or not at all, and is sent again.
    sys.exit(0)


def _fail(reason: str, code: int) -> int:
    sys.stderr.write(f"media: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
