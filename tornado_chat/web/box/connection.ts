import { Emitter } from "./emitter";
import type {
  CommandInfo,
  HeldMessage,
  Joined,
  Message,
  Mode,
  Mute,
  PluginEvent,
  Reply,
  RoleName,
  User,
} from "./protocol";
import { type Reason, Socket } from "./socket";

/** How the connection is. `refused` is for good: the server said no, and said why. */
export type State = "connecting" | "joined" | "offline" | "refused";

export interface Events {
  state: State;
  joined: Joined;
  new_message: Message;
  message_deleted: { id: number };
  messages_purged: { uname?: string; ids: number[] };
  user_joined: User;
  user_left: User;
  user_updated: User;
  users: { users: Record<string, User> };
  user_count: { count: number };
  user_muted: Mute;
  user_unmuted: { uname: string };
  mode_changed: { name: string; on: boolean } & Partial<Mode>;
  plugin_event: PluginEvent;
  message_held: HeldMessage;
  message_reviewed: { id: number; approved: boolean; by: string };
  system_message: string;
  client_error: string;
}

const FORWARDED = [
  "new_message",
  "message_deleted",
  "messages_purged",
  "user_joined",
  "user_left",
  "user_updated",
  "users",
  "user_count",
  "user_muted",
  "user_unmuted",
  "mode_changed",
  "plugin_event",
  "message_held",
  "message_reviewed",
  "system_message",
  "client_error",
] as const;

const ANSWER_SECONDS = 15; // longer than any wait of the server's; then the answer was lost
const FIRST_RETRY = 1000; // ms
const LAST_RETRY = 30_000;
const COMES_BACK = new Set(["INTERNAL_ERROR", "KICKED"]); // others that `auth` answers are a refusal

export class Lost extends Error {
  constructor() {
    super("the connection was lost before the answer came");
  }
}

/** One app's Socket.IO connection: joins each time that it comes up, and comes back by itself. */
export class Connection extends Emitter<Events> {
  state: State = "connecting";
  /** Why it is `refused`: a code, such as BANNED. */
  refusal = "";
  readonly #socket: Socket;
  readonly #delay: Socket["delay"]; // where the server asks for no other
  readonly #appId: number;
  #token: string | null;
  #since: () => number | null;
  #refuse = () => {};
  #retries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `url` is the server's; `since` tells the newest message that is known, null to begin anew. */
  constructor(url: string, appId: number, token: string | null, since: () => number | null) {
    super();
    this.#appId = appId;
    this.#token = token;
    this.#since = since;
    this.#socket = new Socket(url);
    this.#delay = this.#socket.delay;
    this.#socket.on("connect", () => void this.#join());
    this.#socket.on("connect_error", () => this.#become("offline"));
    this.#socket.on("disconnect", (reason: Reason) => {
      if (reason === "io client disconnect") return;
      this.#become("offline");
      // The client doesn't come back by itself where the server closed: a kick, or a ban, which `auth` then tells.
      if (reason === "io server disconnect") this.#comeBack();
    });
    this.#socket.on("server_closing", (data: { come_back_in?: unknown } | null) => {
      const range = data?.come_back_in;
      if (isRange(range)) this.#socket.delay = range;
    });
    for (const name of FORWARDED) {
      this.#socket.on(name, (data) => {
        // So the server answers `auth` where there is no such app any more; that text is a developer's to read.
        if (name === "client_error" && this.state !== "joined") this.#refuse();
        else this.emit(name, data);
      });
    }
  }

  start(): void {
    this.#socket.connect();
  }

  /** Be somebody else, or nobody (null): connects anew. */
  become(token: string | null): void {
    this.#token = token;
    this.#retries = 0;
    this.refusal = "";
    clearTimeout(this.#timer);
    this.#socket.disconnect();
    this.#become("connecting");
    this.start();
  }

  /** Try at once, instead of when it is time. */
  retryNow(): void {
    if (this.state === "joined") return;
    this.become(this.#token);
  }

  /** Emit an event and return what its callback gets. Rejects with Lost where no answer comes. */
  async ask(name: string, ...args: unknown[]): Promise<unknown[]> {
    if (this.state !== "joined") throw new Lost();
    return this.#ask(name, ...args);
  }

  /** Send a message under an id of its own; returns the ack: null, or a code. */
  async say(text: string, cid: string): Promise<string | null> {
    const [error] = await this.ask("new_message", text, { cid });
    return typeof error === "string" ? error : null;
  }

  /** Run a command, such as "/bans". What it says comes back, and is shown to nobody. */
  async command(text: string, cid: string): Promise<Reply> {
    const [error, reply] = await this.ask("command", text, { cid });
    const answer = (reply ?? {}) as { text?: string | null; data?: unknown };
    return { error: typeof error === "string" ? error : null, text: answer.text ?? null, data: answer.data ?? null };
  }

  /** What this user may use. */
  async commands(): Promise<CommandInfo[]> {
    const [error, commands] = await this.ask("commands");
    return error ? [] : (commands as CommandInfo[]);
  }

  /** Up to `limit` messages before the one with the id `before`, oldest first. */
  async before(before: number, limit: number): Promise<{ messages: Message[]; more: boolean }> {
    const [error, page] = await this.ask("history_before", { before, limit });
    if (error) throw new Error(String(error));
    return page as { messages: Message[]; more: boolean };
  }

  async #ask(name: string, ...args: unknown[]): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const lost = () => {
        clearTimeout(timer);
        this.#socket.off("disconnect", lost);
        reject(new Lost());
      };
      const timer = setTimeout(lost, ANSWER_SECONDS * 1000);
      this.#socket.once("disconnect", lost);
      this.#socket.emit(name, ...args, (...answer: unknown[]) => {
        clearTimeout(timer);
        this.#socket.off("disconnect", lost);
        resolve(answer);
      });
    });
  }

  async #join(): Promise<void> {
    clearTimeout(this.#timer);
    this.#become("connecting");
    const since = this.#since();
    const request: Record<string, unknown> = { app_id: this.#appId };
    if (this.#token) request.hashed_token = this.#token;
    if (since !== null) request.since = since;
    let error: unknown;
    let joined: unknown;
    const refused = new Promise<unknown[]>((resolve) => {
      this.#refuse = () => resolve(["CLIENT_ERROR"]);
    });
    try {
      [error, joined] = await Promise.race([this.#ask("auth", request), refused]);
    } catch {
      // Lost with its connection, which comes back; or no answer at all, as where the app isn't served.
      if (this.#socket.connected) this.#comeBack();
      return;
    }
    if (!error) {
      this.#retries = 0;
      this.refusal = "";
      this.#socket.delay = this.#delay;
      this.emit("joined", joined as Joined);
      this.#become("joined");
    } else if (COMES_BACK.has(String(error))) {
      this.refusal = String(error);
      this.#become("offline");
      this.#comeBack();
    } else {
      this.refusal = String(error);
      this.#become("refused");
      this.#socket.disconnect();
    }
  }

  #comeBack(): void {
    const wait = Math.min(FIRST_RETRY * 2 ** this.#retries, LAST_RETRY);
    this.#retries += 1;
    clearTimeout(this.#timer);
    // Not all in the same moment.
    this.#timer = setTimeout(() => this.#socket.disconnect().connect(), wait * (1 + Math.random()));
  }

  #become(state: State): void {
    if (this.state === state) return;
    if (this.state === "refused" && state === "offline") return;
    this.state = state;
    this.emit("state", state);
  }
}

function isRange(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.every(Number.isFinite) && 0 <= value[0] && value[0] <= value[1];
}

export function isStaff(role: RoleName | undefined): boolean {
  return role === "admin" || role === "owner" || role === "mod";
}
