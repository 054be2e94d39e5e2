"""A witness on the network: plain HTTP, for a machine of its own or behind a TLS proxy.

Bounded in every direction: connections, bytes of a request, seconds of a request.

Source: C2SP tlog-witness v1.0.0.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, Final

from regesta.audit.witness import NOT_FOUND, TEXT, Answer, Witness
from regesta.audit.witness_protocol import ADD_CHECKPOINT, MAX_REQUEST_BYTES

#: A connection that says nothing for as long is closed, in seconds.
IDLE_SECONDS: Final = 10
#: A request takes no longer, in seconds, however slowly it drips in.
REQUEST_SECONDS: Final = 30
MAX_CONNECTIONS: Final = 64

_POLL_SECONDS = 0.25
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

#: Takes what happened, a line each.
Report = Callable[[str], None]


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness until `shutdown`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], witness: Witness, report: Report) -> None:
        """Bind an address; port 0 takes a free one.

        Raises:
            OSError: The address cannot be bound.
        """
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.witness = witness
        self.report = report
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._began: dict[socket.socket, float] = {}

    def run(self) -> None:
        """Serve until another thread calls `shutdown`."""
        self.serve_forever(_POLL_SECONDS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread of its own, or turn it away."""
        if not self._slots.acquire(blocking=False):
            request.settimeout(1)
            request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        self.mark(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._began.pop(request, None)
            self._slots.release()

    def mark(self, connection: socket.socket) -> None:
        """Note that a request begins."""
        self._began[connection] = monotonic()

    def service_actions(self) -> None:
        """Cut off connections whose request takes too long; called a few times a second."""
        for connection, began in list(self._began.items()):
            if monotonic() - began > REQUEST_SECONDS:
                self._began.pop(connection, None)
                with suppress(OSError):  # it ended by itself
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a connection that broke: the standard library would print a trace."""


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    # So that what cannot be read is answered with a status, and not as to a client of 1991.
    default_request_version = "HTTP/1.1"
    error_message_format = "%(message)s\n"
    error_content_type = TEXT
    server_version = "regesta-witness"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.server.mark(self.connection)
        body = self._body()
        if body is None:
            return
        if self.path != f"/{ADD_CHECKPOINT}":
            self._answer(Answer(NOT_FOUND, "there is no such call\n"))
            return
        try:
            answer = self.server.witness.add_checkpoint(body)
        except OSError as error:
            self.server.report(f"the state cannot be written: {error}")
            answer = Answer(500, "the witness cannot keep its state\n")
        if answer.alarm:
            self.server.report(answer.alarm)
        self._answer(answer)

    def do_GET(self) -> None:
        self.server.mark(self.connection)
        match self.path.split("/"):
            case ["", hashed_origin, "checkpoint"]:
                self._answer(self.server.witness.latest(hashed_origin))
            case _:
                self._answer(Answer(NOT_FOUND, "there is no such page\n"))

    def _body(self) -> bytes | None:
        """Return the body of the request; None if it was refused."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            self._refuse(411, "the length of the request is wanted\n")
            return None
        # Compared as text first: a number of a million digits takes long to read.
        if len(length) > len(str(MAX_REQUEST_BYTES)) or int(length) > MAX_REQUEST_BYTES:
            self._refuse(413, f"a request has at most {MAX_REQUEST_BYTES} bytes\n")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: int, text: str) -> None:
        """Answer without having read the body, so nothing more can be read after it."""
        self.close_connection = True
        self._answer(Answer(status, text))

    def _answer(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        self.server.report(format % args)
