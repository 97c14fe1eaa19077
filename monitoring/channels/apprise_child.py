"""The process in which Apprise sends one message: JSON on standard input, one word on standard output.

sent, failed, unknown (no such kind of address) or refused (it leads to an internal address).
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
from collections.abc import Callable
from typing import Any

from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES


def internal(address: str) -> bool:
    """Whether an address is none of the public internet; the rule of `leadscoring.common.http`.

    >>> [internal(one) for one in ("127.0.0.1", "10.1.2.3", "::ffff:10.0.0.1", "169.254.169.254", "8.8.8.8")]
    [True, True, True, True, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    blocked = any(ip in network for network in EXTRA_BLOCKED_NET_RANGES)
    return blocked or ip.is_private or ip.is_multicast or ip.is_unspecified


def literal(host: str) -> bool:
    """Whether it is an address already, not a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class Guard:
    """Looks at every address before a socket goes there."""

    def __init__(self, allow: list[tuple[str, int]]) -> None:
        self.allow = allow
        self.refused = False

    def check(self, address: Any) -> None:
        """Raises OSError for an internal address that is not allowed, and for everything that is no network."""
        # Names are looked up before a socket is used; whoever hands one over here would look it up a second time.
        if isinstance(address, tuple) and len(address) >= 2 and literal(str(address[0])):
            host, port = str(address[0]), int(address[1])
            if not internal(host) or (host, port) in self.allow or (host, 0) in self.allow:
                return
        self.refused = True
        raise OSError("an internal address, which is not called")

    def wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of a socket whose last argument is the address."""

        def guarded(sock: socket.socket, *args: Any) -> Any:
            self.check(args[-1])
            return method(sock, *args)

        return guarded


def main() -> None:
    """Send the one message."""
    asked = json.load(sys.stdin)
    guard = Guard([(host, port) for host, port in asked["allow"]])
    import apprise

    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, guard.wrap(getattr(socket.socket, name)))
    sender = apprise.Apprise()
    if not sender.add(asked["url"]):
        sys.stdout.write("unknown")
        return
    sent = sender.notify(title=asked["title"], body=asked["body"], body_format=apprise.NotifyFormat.TEXT)
    sys.stdout.write("sent" if sent else "refused" if guard.refused else "failed")


if __name__ == "__main__":
    main()
