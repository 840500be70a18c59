// Engine.IO 4, as this server speaks it: one session over a WebSocket or, where none comes through, by polling.

export interface Handshake {
  sid: string;
  pingInterval: number;
  pingTimeout: number;
}

/** What a transport tells: packets as they come, and once that it is over. */
export interface Ears {
  packet(packet: string): void;
  /** `opened` is false where it never came to a first packet. */
  closed(opened: boolean): void;
}

export interface Transport {
  send(packet: string): void;
  close(): void;
}

const SEPARATOR = "\x1e";
const MOST_PACKETS = 16; // of one POST
const OPEN_SECONDS = 5; // then something on the way swallows WebSockets, and polling is tried

export function overWebSocket(url: string, ears: Ears): Transport {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`);
  let opened = false;
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    socket.close();
    ears.closed(opened);
  };
  const timer = setTimeout(end, OPEN_SECONDS * 1000);
  socket.onmessage = ({ data }) => {
    clearTimeout(timer);
    opened = true;
    if (typeof data === "string" && !over) ears.packet(data);
    else end();
  };
  socket.onclose = end;
  return {
    send: (packet) => socket.readyState === WebSocket.OPEN && socket.send(packet),
    close: end,
  };
}

export function byPolling(url: string, ears: Ears): Transport {
  const queue: string[] = [];
  const abort = new AbortController();
  let address = `${url}/socket.io/?EIO=4&transport=polling`;
  let opened = false;
  let posting = false;
  const end = () => {
    if (abort.signal.aborted) return;
    abort.abort();
    ears.closed(opened);
  };
  const request = async (init: RequestInit) => {
    const answer = await fetch(address, { ...init, cache: "no-store", credentials: "omit", signal: abort.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  };
  const poll = async () => {
    try {
      while (!abort.signal.aborted) {
        for (const packet of (await request({})).split(SEPARATOR)) {
          if (!opened) address += `&sid=${encodeURIComponent(JSON.parse(packet.slice(1)).sid)}`;
          opened = true;
          if (!abort.signal.aborted) ears.packet(packet);
        }
      }
    } catch {
      end();
    }
  };
  const post = async () => {
    if (posting) return;
    posting = true;
    try {
      while (queue.length) await request({ method: "POST", body: queue.splice(0, MOST_PACKETS).join(SEPARATOR) });
    } catch {
      end();
    }
    posting = false;
  };
  void poll();
  return {
    send: (packet) => {
      queue.push(packet);
      // What is said in one turn goes together.
      queueMicrotask(() => void post());
    },
    // The server takes a poll that breaks off for the end.
    close: end,
  };
}
