// Sending again and coming back, with the official client. argv: URL, the client's major version, transports.
// Every expectation is an assertion; the exit status is the result.
import assert from "node:assert/strict";
import { load } from "./client.mjs";

const [, , url, version, transports] = process.argv;
const io = await load(version);
const deadline = setTimeout(() => { throw new Error("it didn't end in 30 s"); }, 30_000);

function connect() {
  return io(url, { forceNew: true, transports: transports.split(","), reconnection: false });
}

function emit(socket, ...event) {
  return new Promise((resolve) => socket.emit(...event, (...answer) => resolve(answer)));
}

async function join(token, since) {
  const socket = connect();
  const heard = [];
  socket.on("new_message", (message) => heard.push(message.text));
  await new Promise((resolve) => socket.on("connect", resolve));
  const [error, data] = await emit(socket, "auth", { app_id: 2, hashed_token: token, since });
  assert.equal(error, null);
  return { socket, heard, data };
}

const alice = await join("token-alice");
const eve = await join("token-eve");
for (const text of ["one", "two"]) {
  assert.deepEqual(await emit(alice.socket, "new_message", text, { cid: text }), []);
}
eve.socket.close();
assert.deepEqual(await emit(alice.socket, "new_message", "two", { cid: "two" }), []);
assert.deepEqual(await emit(alice.socket, "new_message", "three", { cid: "three" }), []);
assert.deepEqual(alice.heard, ["one", "two", "three"]);

const seen = 2;
const back = await join("token-eve", seen);
assert.equal(back.data.reload, false);
assert.deepEqual(back.data.room.history.map((message) => message.text), ["three"]);
assert.deepEqual(back.data.room.deleted, []);
const late = await join("token-eve", 99);
assert.equal(late.data.reload, true);
assert.equal(late.data.room.history.length, 3);

const [fault, page] = await emit(late.socket, "history_before", { before: 3, limit: 1 });
assert.equal(fault, null);
assert.deepEqual([page.messages.map((message) => message.text), page.more], [["two"], true]);
assert.deepEqual(page.messages[0], late.data.room.history[1]);
assert.deepEqual(await emit(late.socket, "history_before", { before: 1 }), [null, { messages: [], more: false }]);
assert.deepEqual(await emit(late.socket, "history_before", { before: 2 ** 53 }), ["CLIENT_ERROR"]);

[alice, back, late].forEach(({ socket }) => socket.close());
clearTimeout(deadline);
console.log("as it should");
