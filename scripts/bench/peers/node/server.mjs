// The same chat on Socket.IO 4 and Node, for comparison. It stores nothing: history is kept in memory.
import { createServer } from "node:http";
import { Server } from "socket.io";

const HISTORY = 250;
const PRESENCE_LIMIT = 1000;
const [, , heartbeat] = process.argv;
const users = new Map(["alice", "bob", "carol", "dave", "eve"].map((uname, index) => [uname, { id: index + 1, uname, role: "member" }]));
const words = new Set(["darn"]);
const here = new Map(); // uname -> {user, sockets}
const history = [];
const muted = new Map(); // uname -> time until
const buckets = new Map(); // uname -> [tokens, at]
let lastId = 0;

const http = createServer((request, response) => response.end("ok"));
const io = new Server(http, { pingInterval: Number(heartbeat) * 1000, pingTimeout: 20_000, maxHttpBufferSize: 65_536 });

function snapshot(user) {
  const big = here.size > PRESENCE_LIMIT;
  const room = {
    users: big ? {} : Object.fromEntries([...here].map(([uname, entry]) => [uname, entry.user])),
    history,
    muteList: {},
  };
  if (big) room.user_count = here.size;
  return user ? { user, room } : { room };
}

function flooding(uname) {
  const now = performance.now() / 1000;
  const [tokens, at] = buckets.get(uname) ?? [100_000, now];
  const left = Math.min(tokens + (now - at) * 100_000, 100_000);
  if (left < 1) return true;
  buckets.set(uname, [left - 1, now]);
  return false;
}

io.on("connection", (socket) => {
  let user;
  let joined = false;
  socket.on("auth", (payload, ack) => {
    if (typeof payload !== "object" || payload.app_id !== 2 || typeof ack !== "function" || joined) return;
    joined = true;
    user = users.get(payload.hashed_token);
    if (user) {
      const entry = here.get(user.uname) ?? { user, sockets: 0 };
      entry.sockets += 1;
      if (entry.sockets === 1) {
        here.set(user.uname, entry);
        if (here.size <= PRESENCE_LIMIT) io.to("app:2").emit("user_joined", user);
      }
    }
    socket.join("app:2");
    ack(null, snapshot(user));
  });
  socket.on("new_message", (text, ack) => {
    if (!user) return ack?.("USER_REQUIRED");
    if (typeof text !== "string") return ack?.("CLIENT_ERROR");
    const trimmed = text.trim();
    if (trimmed.length < 1 || trimmed.length > 350) return ack?.("CLIENT_ERROR");
    if ((muted.get(user.uname) ?? 0) > Date.now()) return ack?.("USER_MUTED");
    if (flooding(user.uname) || trimmed.toLowerCase().split(/\W+/).some((word) => words.has(word))) return ack?.("MESSAGE_REJECTED");
    lastId += 1;
    const message = { id: lastId, user: { uname: user.uname, role: user.role }, text: trimmed };
    history.push(message);
    if (history.length > HISTORY) history.shift();
    io.to("app:2").emit("new_message", message);
    ack?.();
  });
  socket.on("disconnect", () => {
    const entry = user && here.get(user.uname);
    if (!entry) return;
    entry.sockets -= 1;
    if (entry.sockets > 0) return;
    here.delete(user.uname);
    if (here.size <= PRESENCE_LIMIT) io.to("app:2").emit("user_left", user);
  });
});

http.listen(0, "127.0.0.1", 4096, () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
