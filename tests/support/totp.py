"""The codes of an authenticator app, as RFC 6238 has them."""

import base64
import hmac
import struct
import time

PERIOD = 30  # seconds


def code_of(secret: str, *, periods: int = 0) -> str:
    """Return the code that an app shows now, or some periods later."""
    counter = int(time.time()) // PERIOD + periods
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", counter), "sha1")
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
