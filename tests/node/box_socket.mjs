// Drives the chatbox's own client, or its Connection, by lines of JSON. argv: the path of its bundle, the URL, {ways, delay, holds, names}.
// Takes commands on stdin: ["connect"], ["disconnect"], ["emit", name, ...], ["ask", id, name, ...], ["delay", range],
// ["page", event], ["fire", most], ["echo"]. Tells ["connect"], ["connect_error", text], ["disconnect", reason],
// ["event", name, ...], ["ack", id, ...], ["way", name], ["timer", ms], ["trouble", text],
// ["echo"], ["state", state] of a Connection.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import "./box.mjs";

const [, , path, url, given] = process.argv;
const { ways, delay, holds, names } = JSON.parse(given);
const tell = (...line) => console.log(JSON.stringify(line));
globalThis.reportError = (error) => tell("trouble", String(error));
process.on("uncaughtException", (error) => tell("trouble", `uncaught ${error}`));

// Where `holds`, the client's timers wait until a test fires them.
const held = new Map();
globalThis.timers = {
  setTimeout(run, ms) {
    tell("timer", ms);
    if (!holds) return setTimeout(run, ms);
    const timer = {};
    held.set(timer, { run, ms });
    return timer;
  },
  clearTimeout(timer) {
    if (!held.delete(timer)) clearTimeout(timer);
  },
};

const source = `const { setTimeout, clearTimeout } = globalThis.timers;\n${readFileSync(path, "utf8")}`;
const { Connection, Socket, webSocket, polling } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
const known = { websocket: webSocket, polling };

function connection() {
  const made = new Connection(url, 2, null, () => null);
  made.on("state", (state) => tell("state", state));
  return { on() {}, connect: () => made.start() };
}

function plain() {
  const watch = (name) => (address, ear) => {
    tell("way", name);
    return known[name](address, ear);
  };
  return new Socket(url, { delay, ways: ways.map(watch) });
}

const socket = Connection ? connection() : plain();
socket.on("connect", () => tell("connect"));
socket.on("connect_error", (error) => tell("connect_error", error.message));
socket.on("disconnect", (reason) => tell("disconnect", reason));
for (const name of names) socket.on(name, (...args) => tell("event", name, ...args));
socket.on("fail", () => { throw new Error("a listener failed"); });
socket.on("leave", () => socket.disconnect());

const commands = {
  connect: () => socket.connect(),
  disconnect: () => socket.disconnect(),
  emit: (...event) => socket.emit(...event),
  ask: (id, ...event) => socket.emit(...event, (...answer) => tell("ack", id, ...answer)),
  delay: (range) => { socket.delay = range; },
  echo: () => tell("echo"),
  page: (event) => dispatchEvent(new Event(event)),
  fire(most) {
    for (const [timer, { run, ms }] of [...held]) {
      if (ms <= most) {
        held.delete(timer);
        run();
      }
    }
  },
};
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name, ...args] = JSON.parse(line);
    commands[name](...args);
  })
  .on("close", () => process.exit());
