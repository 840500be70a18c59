// Runs the seed's "full example" (seed_example.html, word for word) with the official client against the server at
// argv[2]: the URL is the one thing that a site changes. argv[3] is the client's major version, argv[4] its transports.
// Prints what the example logs, one JSON array per line.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { load } from "./client.mjs";

const page = readFileSync(new URL("seed_example.html", import.meta.url), "utf8");
const script = page.match(/<script[^>]*>([\s\S]*)<\/script>/)[1];
const changed = script.replace("https://a-chat-server.herokuapp.com", process.argv[2]);
if (changed === script) throw new Error("the example has another URL than the seed's");

const [, , , version, transports] = process.argv;
const io = await load(version);
let socket;
const log = (...line) => {
  console.log(JSON.stringify(line));
  // The example's last word: its own message came back, and its callback was called.
  if (String(line[0]).startsWith("[socket] err when sending message:")) socket.disconnect();
};
vm.runInNewContext(changed, {
  io: (url) => (socket = io(url, { forceNew: true, transports: transports.split(",") })),
  console: { log, warn: log },
});
