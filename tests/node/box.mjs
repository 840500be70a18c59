// The chatbox's own client on Node, and what a page has for it.
import { EventEmitter } from "node:events";
import WebSocket from "ws";

const page = new EventTarget();
globalThis.WebSocket = WebSocket;
globalThis.addEventListener = page.addEventListener.bind(page);
globalThis.dispatchEvent = page.dispatchEvent.bind(page);
// A listener that fails ends the script, as with the official client.
globalThis.reportError = (error) => queueMicrotask(() => { throw error; });

// Returns the official client's `io`, as far as the scripts here use it.
export async function load(path) {
  const { Socket, webSocket, polling } = await import(path);
  const transports = { websocket: webSocket, polling };

  return function io(url, options) {
    const engine = new EventEmitter();
    const ways = options.transports.map((name) => (address, ear) => {
      const hear = (packet) => {
        if (packet === "2") engine.emit("pong");
        ear.packet(packet);
        if (packet.startsWith("42")) engine.emit("event", ...JSON.parse(packet.slice(2)));
      };
      const transport = transports[name](address, { packet: hear, closed: ear.closed });
      engine.transport = { name };
      engine.close = () => {
        transport.close();
        ear.closed();
      };
      return transport;
    });
    const socket = new Socket(url, { ways, delay: [0, options.reconnectionDelay ?? 0] });
    socket.io = { engine };
    socket.onAny = (handler) => engine.on("event", handler);
    socket.close = socket.disconnect;
    return socket.connect();
  };
}
