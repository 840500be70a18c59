// The official client of each major version, and the chatbox's own, behind one face.
const PACKAGES = { 1: "socket.io-client-1", 2: "socket.io-client-2", 3: "socket.io-client-3", 4: "socket.io-client" };

// Returns the `io` of a major version, or of the chatbox's client: then `version` is its bundle's path.
export async function load(version) {
  if (!(version in PACKAGES)) return (await import("./box.mjs")).load(version);
  const module = await import(PACKAGES[version]);
  return module.io ?? module.default;
}

// Calls handler(name, payload) for every event; versions 1 and 2 have no onAny.
export function onAny(socket, handler) {
  if (socket.onAny) {
    socket.onAny(handler);
    return;
  }
  const onevent = socket.onevent;
  socket.onevent = function (packet) {
    handler(...packet.data);
    onevent.call(this, packet);
  };
}
