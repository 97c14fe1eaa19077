"""A mail server on this machine that takes mails and keeps them."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(slots=True)
class Mail:
    """What one transaction handed over."""

    recipients: list[str] = field(default_factory=list)
    data: bytes = b""


class MailServer:
    """Speaks as much SMTP as a client needs; `mails` holds what came."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def say(self, words: str) -> None:
                self.wfile.write(words.encode() + b"\r\n")

            def handle(self) -> None:
                self.say("220 here")
                mail = Mail()
                for raw in self.rfile:
                    line = raw.decode("utf-8").strip()
                    verb = line[:4].upper()
                    if verb == "RCPT":
                        mail.recipients.append(line)
                    if verb == "DATA":
                        self.say("354 go on")
                        mail.data = self.body()
                        mails.append(mail)
                        mail = Mail()
                    self.say("221 bye" if verb == "QUIT" else "250 ok")
                    if verb == "QUIT":
                        return

            def body(self) -> bytes:
                lines = []
                for raw in self.rfile:
                    if raw == b".\r\n":
                        break
                    lines.append(raw[1:] if raw.startswith(b"..") else raw)
                return b"".join(lines)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.server.server_address[:2]
        return str(host), int(port)

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
