// Commands and what they answer, with the official client. argv: URL, the client's major version, transports.
// Prints what each callback got, a line each.
import { load } from "./client.mjs";

const [, , url, version, transports] = process.argv;
const io = await load(version);
const deadline = setTimeout(() => { throw new Error("it didn't end in 30 s"); }, 30_000);

const socket = io(url, { forceNew: true, transports: transports.split(","), reconnection: false });

function emit(...event) {
  return new Promise((resolve) => socket.emit(...event, (...answer) => resolve(answer)));
}

await new Promise((resolve) => socket.on("connect", resolve));
await emit("auth", { app_id: 2, hashed_token: "token-bob" });
socket.on("system_message", (text) => { throw new Error(`not only the callback is told: ${text}`); });
const commands = [["/mute eve 10m", { cid: "m" }], ["/unmute alice"], ["/mutes"], ["hello"]];
for (const command of commands) {
  console.log(JSON.stringify(await emit("command", ...command)));
}
socket.close();
clearTimeout(deadline);
