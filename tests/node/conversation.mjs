// Two users and a guest talk, mute, unmute, drop and reconnect, with the official client. argv: URL, the
// client's major version, transports.
// Every expectation is an assertion; the exit status is the result.
import assert from "node:assert/strict";
import { load, onAny } from "./client.mjs";

const [, , url, version, transports] = process.argv;
const io = await load(version);
const deadline = setTimeout(() => { throw new Error("the conversation didn't end in 30 s"); }, 30_000);

class Person {
  constructor(token) {
    this.token = token;
    this.events = [];
    this.waiting = [];
    this.socket = io(url, { forceNew: true, transports: transports.split(","), reconnectionDelay: 50 });
    onAny(this.socket, (name, payload) => {
      const index = this.waiting.findIndex((wait) => wait.name === name);
      if (index >= 0) this.waiting.splice(index, 1)[0].resolve(payload);
      else this.events.push({ name, payload });
    });
    // As every real front-end does: auth on every connect, after each reconnect too.
    this.socket.on("connect", () => {
      this.socket.emit("auth", { app_id: 2, hashed_token: this.token }, (error, data) => {
        assert.equal(error, null);
        this.data = data;
        this.joined();
      });
    });
  }

  async join() {
    await new Promise((resolve) => { this.joined = resolve; });
    return this;
  }

  next(name) {
    const index = this.events.findIndex((event) => event.name === name);
    if (index >= 0) return Promise.resolve(this.events.splice(index, 1)[0].payload);
    return new Promise((resolve) => this.waiting.push({ name, resolve }));
  }

  say(...args) {
    return new Promise((resolve) => this.socket.emit("new_message", ...args, (error) => resolve(error)));
  }
}

const alice = await new Person("token-alice").join();
const bob = await new Person("token-bob").join();
const guest = await new Person(undefined).join();

assert.deepEqual(bob.data.user, { id: 2, uname: "bob", role: "mod" });
assert.equal("user" in guest.data, false);
assert.deepEqual(Object.keys(guest.data.room.users).sort(), ["alice", "bob"]);
assert.deepEqual(await alice.next("user_joined"), { id: 2, uname: "bob", role: "mod" });

assert.equal(await alice.say("Hello, bob"), undefined);
const said = await alice.next("new_message");
const at = said.at;
assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const hello = { id: 1, at, user: { uname: "alice", role: "member" }, text: "Hello, bob" };
assert.deepEqual(said, hello);
for (const person of [bob, guest]) assert.deepEqual(await person.next("new_message"), hello);
assert.equal(await guest.say("me too"), "USER_REQUIRED");

assert.equal(await bob.say("/mute Alice 10"), undefined);
assert.equal(await bob.next("system_message"), "alice was muted for 10 min");
const muted = await guest.next("user_muted");
assert.equal(muted.uname, "alice");
assert.equal(muted.mins, 10);
assert.ok(Math.abs(Date.parse(muted.expires_at) - Date.now() - 600_000) < 60_000);
assert.equal(await alice.say("but"), "USER_MUTED");
assert.match(await alice.next("system_message"), /^You are muted for another (9 min \d+ s|10 min)$/);

// The connection breaks without a word, and comes back by itself.
const back = alice.join();
alice.socket.io.engine.close();
assert.equal((await bob.next("user_left")).uname, "alice");
await back;
assert.equal((await bob.next("user_joined")).uname, "alice");
assert.deepEqual(alice.data.room.history, [hello]);
assert.deepEqual(Object.keys(alice.data.room.muteList), ["alice"]);
assert.equal(await alice.say("still?"), "USER_MUTED");

assert.equal(await bob.say("/unmute alice"), undefined);
assert.deepEqual(await alice.next("user_unmuted"), { uname: "alice" });
assert.equal(await alice.say("Thanks"), undefined);
assert.equal((await bob.next("new_message")).text, "Thanks");

alice.socket.emit("new_message", "no callback");
assert.equal((await guest.next("new_message")).text, "Thanks");
assert.equal((await guest.next("new_message")).text, "no callback");
alice.socket.emit("new_message", "text", "no function");
assert.equal(await alice.next("client_error"), "`new_message` requires a callback");

// A burst: many messages before the first is answered, in one polling request where that is the transport.
const burst = await Promise.all(Array.from({ length: 40 }, (_, number) => alice.say(`burst ${number}`)));
assert.deepEqual(new Set(burst), new Set([undefined]));
for (let number = 0; number < 40; number += 1) {
  assert.equal((await guest.next("new_message")).text, `burst ${number}`);
}

// What is beyond ASCII arrives as it was sent, both ways.
const beyond = "é Ελλάδα 😀 \u2028 Ã©? \"\\\"";
assert.equal(await alice.say(beyond), undefined);
assert.equal((await bob.next("new_message")).text, "no callback");
for (let number = 0; number < 40; number += 1) await bob.next("new_message");
assert.equal((await bob.next("new_message")).text, beyond);
assert.equal((await guest.next("new_message")).text, beyond);

// It stays connected over some heartbeats, on the transport that it wants.
for (let number = 0; number < 2; number += 1) {
  await new Promise((resolve) => { bob.socket.io.engine.once("pong", resolve); });
}
assert.equal(bob.socket.io.engine.transport.name, transports.split(",").at(-1));
assert.equal(await bob.say("still here"), undefined);

for (const person of [alice, bob, guest]) person.socket.disconnect();
clearTimeout(deadline);
console.log("the conversation went as it should");
