"""SM2 signatures (GB/T 32918.2) over the hash SM3, as `SecurityData` uses them. Draws no random numbers.

The arithmetic on the curve is a small :class:`Sm2Engine`; the default one is snowland-smx. What an engine does not look
at is looked at here, before it is asked: that a point lies on the curve and that r and s lie in range. SM3 comes from
`cryptography`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from zhengming.core.errors import InvalidInputError

USER_ID: Final = b"1234567812345678"
P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_G: Final = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
_WORD: Final = 32
_MAX_USER_ID: Final = 8191  # its length in bits is written in 16 bits

# SubjectPublicKeyInfo of a key on the SM2 curve (id-ecPublicKey, 1.2.156.10197.1.301), up to the point itself.
_SPKI_FULL: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_SPKI_COMPRESSED: Final = bytes.fromhex("3039301306072a8648ce3d020106082a811ccf5501822d032200")
_HEX_64 = re.compile(r"[0-9a-fA-F]{64}")


class Point(NamedTuple):
    """A point of the curve in affine coordinates."""

    x: int
    y: int


class Sm2Engine(Protocol):
    """Arithmetic on the SM2 curve. Callers have checked ranges and that `public` lies on the curve."""

    def public_of(self, secret: int) -> Point:
        """Return `secret` times the base point."""
        ...

    def sign(self, secret: int, digest: bytes, nonce: int) -> tuple[int, int] | None:
        """Return (r, s) over the 32-byte digest, or None when this nonce cannot be used and another is needed."""
        ...

    def verify(self, public: Point, digest: bytes, r: int, s: int) -> bool:
        """Whether (r, s) is a signature over the 32-byte digest by the owner of `public`."""
        ...


class SnowlandEngine:
    """The engine on snowland-smx: pure Python, about 2 ms to sign and 3 ms to verify, not constant in time."""

    def public_of(self, secret: int) -> Point:
        """See :class:`Sm2Engine`."""
        from pysmx.SM2 import kG, sm2_G  # type: ignore[import-untyped]  # noqa: PLC0415 - loads in a quarter second

        point: str = kG(secret, sm2_G, 64)
        return Point(int(point[:64], 16), int(point[64:], 16))

    def sign(self, secret: int, digest: bytes, nonce: int) -> tuple[int, int] | None:
        """See :class:`Sm2Engine`."""
        from pysmx.SM2 import Sign  # noqa: PLC0415 - see above

        try:
            made: bytes | None = Sign(digest.hex(), f"{secret:064x}", f"{nonce:064x}", 64, Hexstr=1)
        except TypeError:
            return None  # its answer to s = 0
        if made is None:
            return None
        return int.from_bytes(made[:_WORD], "big"), int.from_bytes(made[_WORD:], "big")

    def verify(self, public: Point, digest: bytes, r: int, s: int) -> bool:
        """See :class:`Sm2Engine`."""
        from pysmx.SM2 import Verify  # noqa: PLC0415 - see above

        try:
            return bool(Verify(f"{r:064x}{s:064x}", digest.hex(), f"{public.x:064x}{public.y:064x}", 64, Hexstr=1))
        except TypeError:
            return False  # its answer to a sum at infinity, which no honest signature has


DEFAULT_ENGINE: Final[Sm2Engine] = SnowlandEngine()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that lies on the curve; equal keys compare equal however they were spelled."""

    point: Point

    def __post_init__(self) -> None:
        x, y = self.point
        if not (0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0):
            message = "The SM2 public key is not a point of the curve."
            raise InvalidInputError(message, next_step="Give the key as it was exported: 04, X and Y, 65 bytes.")

    def uncompressed(self) -> bytes:
        """Return 04, X and Y: 65 bytes."""
        return b"\x04" + self.point.x.to_bytes(_WORD, "big") + self.point.y.to_bytes(_WORD, "big")

    def spki(self) -> bytes:
        """Return the SubjectPublicKeyInfo in DER: 91 bytes."""
        return _SPKI_FULL + self.uncompressed()


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key; it never shows in a representation."""

    secret: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.secret <= N - 2:
            message = "The SM2 private key lies outside its range."
            raise InvalidInputError(message, next_step="Give 32 bytes that an SM2 key generator has made.")

    @classmethod
    def from_hex(cls, text: str) -> PrivateKey:
        """Read 64 hexadecimal digits; raises InvalidInputError, which never repeats what was given."""
        if not _HEX_64.fullmatch(text.strip()):
            message = "The SM2 private key is not 64 hexadecimal digits."
            raise InvalidInputError(message, next_step="Give the 32 bytes of the key in hexadecimal.")
        return cls(int(text, 16))

    def public(self, engine: Sm2Engine = DEFAULT_ENGINE) -> PublicKey:
        """Return the public half."""
        return PublicKey(engine.public_of(self.secret))


def sm3(data: bytes | bytearray | memoryview) -> bytes:
    """Return the SM3 hash: 32 bytes."""
    made = hashes.Hash(hashes.SM3())
    made.update(data)
    return made.finalize()


def message_digest(public: PublicKey, message: bytes, user_id: bytes = USER_ID) -> bytes:
    """Return e = SM3(ZA || message), which an SM2 signature is made over; ZA binds the user id and the key."""
    if len(user_id) > _MAX_USER_ID:
        raise InvalidInputError(
            f"The SM2 user id is {len(user_id)} bytes long.", next_step=f"Keep it within {_MAX_USER_ID} bytes."
        )
    numbers = b"".join(number.to_bytes(_WORD, "big") for number in (A, B, *_G, *public.point))
    return sm3(sm3((len(user_id) * 8).to_bytes(2, "big") + user_id + numbers) + message)


def sign(
    key: PrivateKey, message: bytes, *, user_id: bytes = USER_ID, extra: bytes = b"", engine: Sm2Engine = DEFAULT_ENGINE
) -> bytes:
    """Return the signature as DER of (r, s).

    The nonce follows from key and message as in RFC 6979, with HMAC over SM3: the same call gives the same bytes.
    Random bytes in `extra` (RFC 6979, 3.6) make it differ from call to call, where a server may be watched as it signs.
    """
    digest = message_digest(key.public(engine), message, user_id)
    for nonce in _nonces(key.secret, digest, extra):
        made = engine.sign(key.secret, digest, nonce)
        if made is not None:
            return encode_dss_signature(*made)
    raise AssertionError  # the row of nonces has no end


def verify(
    key: PublicKey, message: bytes, signature: bytes, *, user_id: bytes = USER_ID, engine: Sm2Engine = DEFAULT_ENGINE
) -> bool:
    """Whether the DER signature is one over `message` by the owner of `key`; False for what is no signature at all."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return False
    if not (1 <= r < N and 1 <= s < N) or (r + s) % N == 0:
        return False
    return engine.verify(key.point, message_digest(key, message, user_id), r, s)


def points_of_x(x: int) -> tuple[PublicKey, ...]:
    """Return the two keys with this x, or none when no point of the curve has it; the even y comes first."""
    if not 0 <= x < P:
        return ()
    square = (x * x * x + A * x + B) % P
    root = pow(square, (P + 1) // 4, P)  # P is 3 modulo 4
    if root * root % P != square:
        return ()
    even = root if root % 2 == 0 else P - root
    return PublicKey(Point(x, even)), PublicKey(Point(x, P - even))


def point_from(data: bytes) -> PublicKey | None:
    """Read 04||X||Y, 02||X, 03||X, or the SubjectPublicKeyInfo of one; None for anything else, never raises."""
    for prefix in (_SPKI_FULL, _SPKI_COMPRESSED):
        if data.startswith(prefix):
            data = data[len(prefix) :]
            break
    if len(data) == 1 + 2 * _WORD and data[0] == 4:  # noqa: PLR2004 - the mark of an uncompressed point
        try:
            return PublicKey(
                Point(int.from_bytes(data[1 : 1 + _WORD], "big"), int.from_bytes(data[1 + _WORD :], "big"))
            )
        except InvalidInputError:
            return None
    if len(data) == 1 + _WORD and data[0] in (2, 3):
        both = points_of_x(int.from_bytes(data[1:], "big"))
        return both[data[0] - 2] if both else None
    return None


def point_in_certificate(data: bytes) -> PublicKey | None:
    """Return the first SM2 key inside a DER certificate; nothing else of the certificate is looked at."""
    for prefix, length in ((_SPKI_FULL, 1 + 2 * _WORD), (_SPKI_COMPRESSED, 1 + _WORD)):
        at = data.find(prefix)
        if at >= 0:
            return point_from(data[at : at + len(prefix) + length])
    return None


def _mac(key: bytes, *parts: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SM3())
    for part in parts:
        made.update(part)
    return made.finalize()


def _nonces(secret: int, digest: bytes, extra: bytes) -> Iterator[int]:
    """Yield nonces as RFC 6979, 3.2 makes them, with SM3 in place of SHA-256."""
    seed = secret.to_bytes(_WORD, "big") + (int.from_bytes(digest, "big") % N).to_bytes(_WORD, "big") + extra
    key, value = bytes(_WORD), b"\x01" * _WORD
    for mark in (b"\x00", b"\x01"):
        key = _mac(key, value, mark, seed)
        value = _mac(key, value)
    while True:
        value = _mac(key, value)
        nonce = int.from_bytes(value, "big")
        if 1 <= nonce < N:
            yield nonce
        key = _mac(key, value, b"\x00")
        value = _mac(key, value)
