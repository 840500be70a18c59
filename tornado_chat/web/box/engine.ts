// Engine.IO 4 (https://socket.io/docs/v4/engine-io-protocol/) from a client's side, text only.

export type Reason = "transport close" | "ping timeout";

/** Who hears what a transport brings; `closed` is said when it broke, or was closed by the server. */
export interface Ear {
  packet(packet: unknown): void;
  closed(): void;
}

/** What carries packets. */
export interface Transport {
  /** Take note of what the server said of the session; `maxPayload` is in bytes. */
  opened(sid: string, maxPayload: number): void;
  send(packets: string[]): void;
  /** End the session, after what was sent so far; or at once, where the server is gone, and would answer nothing. */
  close(atOnce: boolean): void;
}

/** Begins a session at the server's address. */
export type Way = (url: URL, ear: Ear) => Transport;

export const webSocket: Way = (url, ear) => {
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("transport", "websocket");
  const socket = new WebSocket(url);
  socket.onmessage = (event) => ear.packet(event.data);
  socket.onclose = socket.onerror = () => ear.closed();
  return {
    opened() {},
    send(packets) {
      for (const packet of packets) socket.send(packet);
    },
    close: () => socket.close(),
  };
};

const SEPARATOR = "\x1e";

export const polling: Way = (url, ear) => {
  url.searchParams.set("transport", "polling");
  const stop = new AbortController();
  const waiting: string[] = [];
  let most = 0; // bytes that a request may have; 0 while the session isn't open
  let posting = false;
  let ends = false;
  let broken = false;

  const request = async (init: RequestInit): Promise<string> => {
    const answer = await fetch(url, { cache: "no-store", credentials: "omit", ...init });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  };
  const fail = () => {
    broken = true;
    waiting.length = 0;
    ear.closed();
  };
  const poll = async () => {
    while (!ends) for (const packet of (await request({ signal: stop.signal })).split(SEPARATOR)) ear.packet(packet);
  };
  const take = () => {
    let size = 0;
    const next = waiting.findIndex((packet, index) => {
      size += new TextEncoder().encode(packet).length + 1;
      return index > 0 && size > most;
    });
    return waiting.splice(0, next < 0 ? waiting.length : next).join(SEPARATOR);
  };
  // One request at a time, as the protocol wants it.
  const post = async () => {
    if (posting) return;
    posting = true;
    try {
      // The last one is carried out even where the page goes.
      while (waiting.length) await request({ method: "POST", body: take(), keepalive: ends, signal: stop.signal });
    } catch {
      fail();
    }
    posting = false;
    if (ends) stop.abort();
  };

  poll().catch(fail);
  return {
    opened(sid, maxPayload) {
      most = maxPayload;
      url.searchParams.set("sid", sid);
    },
    send(packets) {
      waiting.push(...packets);
      void post();
    },
    close(atOnce) {
      ends = true;
      if (atOnce) {
        // A browser has few connections to a server, and the next session needs them.
        stop.abort();
        return;
      }
      if (most && !broken) waiting.push("1");
      void post();
    },
  };
};

interface Opened {
  sid: string;
  pingInterval: number;
  pingTimeout: number;
  maxPayload: number;
}

const LONGEST = 2 ** 31 - 1; // ms that a timer can wait; a longer one would be over at once

/** Return what is in an open packet, null where it isn't one. */
function parseOpen(packet: unknown): Opened | null {
  if (typeof packet !== "string" || packet[0] !== "0") return null;
  try {
    const opened = JSON.parse(packet.slice(1)) as Opened;
    const { sid, pingInterval, pingTimeout, maxPayload } = opened;
    const sound =
      sid &&
      typeof sid === "string" &&
      [pingInterval, pingTimeout, maxPayload].every((number) => Number.isFinite(number) && number > 0) &&
      pingInterval + pingTimeout <= LONGEST;
    return sound ? opened : null;
  } catch {
    return null;
  }
}

/** Who hears of a session. Each is told `closed` once at most, and nothing after it, or after Engine.close(). */
export interface SessionEar {
  opened(): void;
  message(text: string): void;
  closed(reason: Reason): void;
}

/**
 * One session, over the first of the ways that opens. What the protocol doesn't have at its place, and whatever is
 * binary, ends it like a connection that broke.
 */
export class Engine {
  readonly #url: string;
  readonly #patience: number;
  readonly #ear: SessionEar;
  #transport: Transport | undefined;
  #current: Ear | undefined; // of the way that is being tried, or is open
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence = 0; // ms without a ping after which the server is gone
  #aliveUntil = 0;

  /** `patience` is how long a way may take, in ms, before the next one is tried. */
  constructor(url: string, patience: number, ear: SessionEar) {
    this.#url = url;
    this.#patience = patience;
    this.#ear = ear;
  }

  /** Try the ways, one after the other. The last one has as long as it takes. */
  open([way, ...others]: readonly Way[]): void {
    if (!way) {
      this.#ear.closed("transport close");
      return;
    }
    const next = () => {
      this.close(true);
      this.open(others);
    };
    const ear: Ear = {
      packet: (packet) => {
        if (this.#current === ear && !this.#received(packet)) ear.closed();
      },
      closed: () => {
        if (this.#current !== ear) return;
        if (this.#silence) this.#end("transport close");
        else next();
      },
    };
    this.#current = ear;
    if (others.length) this.#timer = setTimeout(next, this.#patience);
    try {
      this.#transport = way(new URL("/socket.io/?EIO=4", this.#url), ear);
    } catch {
      next(); // as where a page may not open a WebSocket
    }
  }

  send(message: string): void {
    // While a computer sleeps its timers may stand still.
    if (Date.now() > this.#aliveUntil) this.#end("ping timeout");
    else this.#transport?.send([`4${message}`]);
  }

  close(atOnce = false): void {
    clearTimeout(this.#timer);
    this.#current = undefined;
    this.#transport?.close(atOnce);
    this.#transport = undefined;
  }

  #end(reason: Reason): void {
    this.close(reason === "ping timeout");
    this.#ear.closed(reason);
  }

  /** Take a packet; tells whether it is one. */
  #received(packet: unknown): boolean {
    if (!this.#silence) {
      const opened = parseOpen(packet);
      if (!opened) return false;
      this.#silence = opened.pingInterval + opened.pingTimeout;
      this.#transport?.opened(opened.sid, opened.maxPayload);
      this.#alive();
      this.#ear.opened();
    } else if (packet === "2") {
      this.#alive();
      this.#transport?.send(["3"]);
    } else if (typeof packet === "string" && packet[0] === "4") {
      this.#ear.message(packet.slice(1));
    } else {
      return packet === "6";
    }
    return true;
  }

  #alive(): void {
    clearTimeout(this.#timer);
    this.#aliveUntil = Date.now() + this.#silence;
    this.#timer = setTimeout(() => this.#end("ping timeout"), this.#silence);
  }
}
