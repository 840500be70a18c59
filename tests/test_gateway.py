"""The wire: `auth`, `new_message`, acks and `client_error`, by a raw client on a real socket."""

from __future__ import annotations

from typing import Any

import pytest

AUTH_PAYLOAD = "must send data object with `auth` event"


@pytest.mark.gen_test
async def test_guest_gets_the_room_without_user(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()))
    assert await client.auth() == [None, {"room": {"users": {}, "history": [], "muteList": {}}}]
