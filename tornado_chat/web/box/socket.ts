// Socket.IO 5 (https://socket.io/docs/v4/socket-io-protocol/) from a client's side: the main namespace, text only.

import { Engine, type Reason as Loss, polling, type Way, webSocket } from "./engine";

export { polling, webSocket };

/** Why a connection ended. The socket comes back by itself after the first two. */
export type Reason = Loss | "io server disconnect" | "io client disconnect";

type Listener = (...args: never[]) => void;
type Ack = (...answer: unknown[]) => void;
type Range = readonly [number, number];

const OWN = new Set(["connect", "connect_error", "disconnect"]); // no server sends events of these names
const PATIENCE = 20_000; // ms until an attempt to connect has failed
const LAST_DELAY = 30_000; // ms, the longest between two attempts
const STEADY = 30_000; // ms after which a connection was a good one

export interface Options {
  /** The ways to connect, the best first. */
  ways?: readonly Way[];
  delay?: Range;
  /** How long an attempt to connect may take, in ms; a way that isn't the last one has a third of it. */
  patience?: number;
}

/**
 * A connection that comes back by itself, with the names and meanings of socket.io-client. It tells `connect`,
 * `connect_error` (Error), `disconnect` (Reason), and the server's events. What a listener throws is reported, and
 * keeps nobody else from hearing of it.
 */
export class Socket {
  connected = false;
  /** When the first attempt is made after the connection is lost: between these two, in ms. Doubled for each next. */
  delay: Range;
  readonly #url: string;
  readonly #ways: readonly Way[];
  readonly #patience: number;
  readonly #listeners = new Map<string, Map<Listener, boolean>>(); // by event; true for once
  readonly #acks = new Map<number, Ack>();
  #engine: Engine | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined; // until an attempt begins, or has failed
  #wanted = false; // the page wants to be connected
  #hidden = false; // the page is away, and may come back
  #failures = 0;
  #since = 0; // when it connected
  #packets = 0; // that asked for an ack

  constructor(url: string, { ways = [webSocket, polling], delay = [500, 1500], patience = PATIENCE }: Options = {}) {
    this.#url = url;
    this.#ways = ways;
    this.delay = delay;
    this.#patience = patience;
    addEventListener("online", () => {
      this.#failures = 0;
      this.#retry();
    });
    addEventListener("offline", () => {
      if (this.#engine) this.#end("transport close");
    });
    // A page that is kept for the way back must have no connection.
    addEventListener("pagehide", () => {
      this.#hidden = true;
      this.#end("transport close", true);
    });
    addEventListener("pageshow", () => {
      if (!this.#hidden) return;
      this.#hidden = false;
      this.#retry();
    });
  }

  /** Be connected from now on. Does nothing where it is, or is about to be; one that waits tries at once. */
  connect(): this {
    this.#wanted = true;
    this.#retry();
    return this;
  }

  /** Be not connected, from now on. */
  disconnect(): this {
    this.#wanted = false;
    this.#end("io client disconnect", true);
    return this;
  }

  on(name: string, listener: Listener): this {
    return this.#listen(name, listener, false);
  }

  once(name: string, listener: Listener): this {
    return this.#listen(name, listener, true);
  }

  off(name: string, listener: Listener): this {
    this.#listeners.get(name)?.delete(listener);
    return this;
  }

  /**
   * Send an event. Where the last argument is a function, it is called with the arguments of the server's ack, once
   * or, where the connection ends before, never. Without a connection nothing is sent, then or later.
   */
  emit(name: string, ...args: unknown[]): this {
    if (!this.connected) return this;
    const ack = typeof args.at(-1) === "function" ? (args.pop() as Ack) : null;
    const event = JSON.stringify([name, ...args]);
    if (ack) this.#acks.set(++this.#packets, ack);
    this.#engine?.send(`2${ack ? this.#packets : ""}${event}`);
    return this;
  }

  #listen(name: string, listener: Listener, once: boolean): this {
    const listeners = this.#listeners.get(name) ?? new Map();
    this.#listeners.set(name, listeners.set(listener, once));
    return this;
  }

  #tell(name: string, ...args: unknown[]): void {
    const listeners = this.#listeners.get(name);
    for (const [listener, once] of [...(listeners ?? [])]) {
      if (once) listeners?.delete(listener);
      call(listener as Ack, args);
    }
  }

  #retry(): void {
    if (!this.#wanted || this.#hidden || this.#engine) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end("transport close"), this.#patience);
    const engine = new Engine(this.#url, this.#patience / 3, {
      opened: () => engine.send("0"),
      message: (text) => {
        if (!this.#received(text)) this.#end("transport close");
      },
      closed: (reason) => {
        if (this.#engine === engine) this.#end(reason);
      },
    });
    this.#engine = engine;
    engine.open(this.#ways);
  }

  /** End what there is, connected or about to be, and come back later where that is wanted. */
  #end(reason: Reason, says = false): void {
    const engine = this.#engine;
    const { connected } = this;
    this.#engine = undefined;
    this.connected = false;
    this.#acks.clear();
    clearTimeout(this.#timer);
    if (connected && says) engine?.send("1");
    engine?.close();
    if (connected && Date.now() - this.#since > STEADY) this.#failures = 0;
    if (this.#wanted && !this.#hidden) this.#timer = setTimeout(() => this.#retry(), this.#wait());
    if (connected) this.#tell("disconnect", reason);
    else if (engine && this.#wanted) this.#tell("connect_error", new Error(reason));
  }

  #wait(): number {
    const [soonest, latest] = this.delay;
    const factor = Math.min(2 ** this.#failures++, LAST_DELAY / latest);
    return factor * (soonest + Math.random() * (latest - soonest));
  }

  /** Take a packet; tells whether it is one. */
  #received(packet: string): boolean {
    const [, type, id, json] = /^([0-4])(\d*)(.*)$/s.exec(packet) ?? [];
    const data = parse(json);
    if (type === "0" && !id && !this.connected && typeof (data as { sid?: unknown } | null)?.sid === "string") {
      clearTimeout(this.#timer);
      this.connected = true;
      this.#since = Date.now();
      this.#tell("connect");
    } else if (packet === "1" && this.connected) {
      this.#wanted = false;
      this.#end("io server disconnect");
    } else if (type === "2" && Array.isArray(data) && typeof data[0] === "string" && !OWN.has(data[0])) {
      // One that comes before its turn, as what all are told may, is for nobody.
      if (this.connected) this.#tell(...(data as [string]));
    } else if (type === "3" && id && Array.isArray(data)) {
      const ack = this.#acks.get(Number(id));
      this.#acks.delete(Number(id));
      if (ack) call(ack, data);
    } else {
      return false;
    }
    return true;
  }
}

function parse(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? "");
  } catch {
    return null;
  }
}

function call(listener: Ack, args: unknown[]): void {
  try {
    listener(...args);
  } catch (error) {
    reportError(error);
  }
}
