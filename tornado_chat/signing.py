"""How plugins sign what they send to the operator's own server, so that it knows who asks."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import datetime

from tornado_chat.secret import Secret


def signed_headers(body: bytes, secret: Secret, at: datetime, delivery: str = "") -> dict[str, str]:
    """Return the headers of a POST of `body`, which is JSON and sent at the time `at`.

    `delivery` is its id, which stays the same where it is tried again; a new one where it is left out. The signature is
    the HMAC-SHA256 of "<timestamp>.<body>"; with an empty secret there is none.
    """
    timestamp = str(int(at.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "X-Tornado-Chat-Delivery": delivery or str(uuid.uuid4()),
        "X-Tornado-Chat-Timestamp": timestamp,
    }
    if secret:
        signed = hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        headers["X-Tornado-Chat-Signature"] = f"sha256={signed.hexdigest()}"
    return headers
