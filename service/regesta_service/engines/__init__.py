"""Engines: what carries calls between a socket and the guard.

`grpcio` is gRPC's own server and the default. `native` is pygrpc-native, whose HTTP/2 runs
in Rust at a fraction of the cost, and which does less: docs/security.md says what it does
not bound. Both hand every call of ours to the same guard, and both serve health and
reflection with grpcio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from regesta_service.api.guard import Guard
    from regesta_service.config import EngineName, Tls

#: Largest request. The longest field is a card of a million characters.
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024

#: Calls that one connection may have under way. Unlimited, a rapid reset cancels half of the
#: polite calls.
MAX_STREAMS: Final = 64

#: Largest metadata of a call: above the first, grpcio refuses some, above the second, all.
METADATA_BYTES: Final = (8_192, 16_384)


class AddressInUse(RuntimeError):
    """The address to listen on cannot be had."""

    def __init__(self, listen: str) -> None:
        super().__init__(f"cannot listen on {listen}; is another server there?")


class EngineMissing(RuntimeError):
    """The engine that is configured is not installed; the message says how it is."""


class Engine(Protocol):
    """Carries calls; listens once, starts once, stops once."""

    #: A grpc.aio server to add generated servicers to: health and reflection.
    beside: Any

    def listen(self, listen: str) -> int:
        """Take an address.

        Args:
            listen: `host:port` or `unix:` and a path.

        Returns:
            The port, also the one that port 0 became.

        Raises:
            AddressInUse: It cannot be had.
        """

    async def start(self) -> None:
        """Begin to carry calls."""

    async def stop(self, grace: float) -> None:
        """Let calls under way finish for some seconds, cancel the others, close."""


def require(name: EngineName) -> None:
    """Return if an engine is installed.

    Raises:
        EngineMissing: It is not.
    """
    if name == "native":
        try:
            import pygrpc_native  # noqa: F401, PLC0415 - an extra
        except ImportError:
            raise EngineMissing(
                "the native engine is not installed: pip install 'regesta[server,native]', "
                "or leave engine at grpcio"
            ) from None


def made(name: EngineName, guard: Guard, tls: Tls | None, *, share_port: bool) -> Engine:
    """Return an engine that hands calls to a guard.

    Args:
        name: Which; `require` has found it.
        guard: Serves every method of ours.
        tls: Certificate and key; None serves in the clear. Only grpcio has TLS, and the
            settings see to it.
        share_port: Let other processes listen on the same port (SO_REUSEPORT).
    """
    if name == "native":
        from regesta_service.engines.native import NativeEngine  # noqa: PLC0415 - an extra

        return NativeEngine(guard, share_port=share_port)
    from regesta_service.engines.grpcio import GrpcioEngine  # noqa: PLC0415 - as the other

    return GrpcioEngine(guard, tls, share_port=share_port)
