"""What goes with a request to the operator's own server, so that it can tell it from others."""

from __future__ import annotations

import hashlib
import hmac

from tests.manual_clock import START
from tornado_chat import Secret, signed_headers


def test_the_signature_is_of_the_time_and_the_body() -> None:
    headers = signed_headers(b'{"a": 1}', Secret("s3cret"), START)
    timestamp = str(int(START.timestamp()))
    expected = hmac.new(b"s3cret", timestamp.encode() + b'.{"a": 1}', hashlib.sha256).hexdigest()
    assert headers["X-Tornado-Chat-Signature"] == f"sha256={expected}"
    assert headers["X-Tornado-Chat-Timestamp"] == timestamp
    assert headers["Content-Type"] == "application/json"
    assert signed_headers(b"{}", Secret("s3cret"), START)["X-Tornado-Chat-Signature"] != f"sha256={expected}"


def test_a_delivery_has_a_new_id_unless_it_is_sent_again() -> None:
    made = [signed_headers(b"", Secret(""), START)["X-Tornado-Chat-Delivery"] for _ in range(2)]
    assert made[0] != made[1]
    assert signed_headers(b"", Secret(""), START, "again")["X-Tornado-Chat-Delivery"] == "again"


def test_without_a_secret_nothing_is_signed() -> None:
    assert "X-Tornado-Chat-Signature" not in signed_headers(b"", Secret(""), START)
