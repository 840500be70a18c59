import { byPolling, type Handshake, overWebSocket, type Transport } from "./engine";

type Listener = (...args: never[]) => void;

const FIRST_DELAY = 1000; // ms
const LAST_DELAY = 30_000;

/**
 * A Socket.IO 5 client, small: text packets of the main namespace, nothing else. It has the official one's names and
 * meanings for what it does. It comes back by itself, but not where either side said that it is over.
 */
export class Socket {
  connected = false;
  /** When the server asked to come back, in ms after the connection ends; once. */
  asked: number | null = null;
  #delay = FIRST_DELAY;
  readonly #url: string;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #acks = new Map<number, Listener>();
  #transport: Transport | null = null;
  #polls = false; // the last WebSocket could not be opened
  #wanted = false;
  #lastId = 0;
  #alive = 0; // ms without a ping after which the server is gone
  #watch: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `url` is the server's origin. */
  constructor(url: string) {
    this.#url = url;
    if (typeof window === "undefined") return;
    addEventListener("online", () => this.#retry !== undefined && this.#open());
    addEventListener("pagehide", () => this.#transport?.close());
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  connect(): this {
    this.#wanted = true;
    if (!this.#transport) this.#open();
    return this;
  }

  disconnect(): this {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.connected) this.#transport?.send("41");
    this.#end("io client disconnect");
    return this;
  }

  /** Send an event; a function at the end is called with the answer. While there is no connection nothing is sent. */
  emit(name: string, ...args: unknown[]): void {
    if (!this.connected) return;
    let id = "";
    if (typeof args.at(-1) === "function") {
      this.#lastId += 1;
      this.#acks.set(this.#lastId, args.pop() as Listener);
      id = String(this.#lastId);
    }
    this.#transport?.send(`42${id}${JSON.stringify([name, ...args])}`);
  }

  #open(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const polls = this.#polls;
    const transport: Transport = (polls ? byPolling : overWebSocket)(this.#url, {
      packet: (packet) => {
        if (this.#transport === transport) this.#heard(packet);
      },
      closed: (opened) => {
        if (this.#transport !== transport) return;
        // Polling is for where WebSockets don't come through; whether they do is tried again each second time.
        this.#polls = !polls && !opened;
        const first = this.#polls && !this.connected;
        this.#end("transport close");
        if (!opened) this.#tell("connect_error");
        if (this.#wanted) this.#comeBack(first ? 0 : this.#nextDelay());
      },
    });
    this.#transport = transport;
  }

  #nextDelay(): number {
    const asked = this.asked;
    this.asked = null;
    if (asked !== null) return asked;
    const wait = this.#delay * (0.5 + Math.random());
    this.#delay = Math.min(this.#delay * 2, LAST_DELAY);
    return wait;
  }

  #comeBack(wait: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  /** End this connection; nobody is asked for anything any more. */
  #end(reason: string): void {
    const transport = this.#transport;
    this.#transport = null;
    clearTimeout(this.#watch);
    this.#acks.clear();
    transport?.close();
    if (!this.connected) return;
    this.connected = false;
    this.#tell("disconnect", reason);
  }

  #heard(packet: string): void {
    try {
      if (packet === "2") this.#transport?.send("3");
      else if (packet[0] === "0") {
        const { pingInterval, pingTimeout } = JSON.parse(packet.slice(1)) as Handshake;
        this.#alive = pingInterval + pingTimeout;
        this.#transport?.send("40");
      } else if (packet[0] === "4") this.#said(packet.slice(1));
      else if (packet !== "6") throw new SyntaxError(packet);
    } catch {
      this.#lost("transport error");
      return;
    }
    clearTimeout(this.#watch);
    if (this.#transport) this.#watch = setTimeout(() => this.#lost("ping timeout"), this.#alive);
  }

  #lost(reason: string): void {
    this.#end(reason);
    if (this.#wanted) this.#comeBack(this.#nextDelay());
  }

  #said(packet: string): void {
    if (packet[0] === "0") {
      this.connected = true;
      this.#delay = FIRST_DELAY;
      this.#tell("connect");
      return;
    }
    if (packet[0] === "1") {
      this.#wanted = false;
      this.#end("io server disconnect");
      return;
    }
    const [, type, id, json] = /^([23])(\d*)(\[.*)$/s.exec(packet) ?? [];
    const args = JSON.parse(json ?? "") as unknown[];
    if (type === "3") {
      const answered = this.#acks.get(Number(id));
      this.#acks.delete(Number(id));
      answered?.(...(args as never[]));
    } else if (typeof args[0] === "string") this.#tell(args[0], ...args.slice(1));
  }

  #tell(name: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...(args as never[]));
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}
