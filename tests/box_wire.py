"""What the chatbox sends, kept back for a while: what is seen and done while an answer is awaited."""

from __future__ import annotations

from tests.box import Box


async def hold_back(box: Box, words: str) -> None:
    """Keep what the page sends with those words, until `let_go`."""
    await box.page.evaluate(
        """words => {
          const { send } = WebSocket.prototype;
          const kept = [];
          WebSocket.prototype.send = function (data) {
            if (data.includes(words)) kept.push([this, data]);
            else send.call(this, data);
          };
          window.isHeldBack = () => kept.length > 0;
          window.letGo = (instead) => {
            WebSocket.prototype.send = send;
            for (const [socket, data] of kept) send.call(socket, data.replace(words, instead));
          };
        }""",
        words,
    )


async def let_go(box: Box, instead: str) -> None:
    """Send what was kept, once there is something, with other words in the place of those."""
    await box.page.wait_for_function("() => window.isHeldBack()")
    await box.page.evaluate("instead => window.letGo(instead)", instead)
