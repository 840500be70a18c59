import { Connection, Lost, type State } from "./connection";
import { uniqueId } from "./dom";
import { Emitter } from "./emitter";
import { Ignored } from "./ignored";
import { recall, remember } from "./memory";
import { type CommandInfo, type Joined, type Message, type PluginEvent, type Reply, rank, type User } from "./protocol";
import { type Entry, type PendingEntry, Room } from "./room";

export interface Events {
  state: State;
  /** Who this is; null for a guest. */
  me: User | null;
  /** Somebody said something just now. */
  message: Message;
  /** Whether, and until when, this visitor has to wait may be different. */
  wait: undefined;
  commands: undefined;
  ignored: undefined;
  plugin_event: PluginEvent;
  /** A line came up that is no message. */
  notice: string;
  /** This visitor said something, or ran a command. */
  said: undefined;
  /** A command that was typed came to nothing, and the server didn't say more than this code. */
  failed: { text: string; error: string };
}

/** Whose messages are under way: each with its text, its cid, and why it failed. */
interface Left {
  uname: string;
  lines: [string, string, string | null][];
}

/** Why this visitor can't speak now, and until when, in the server's time. */
export interface Wait {
  why: "muted" | "slow";
  until: number;
}

const MOST_KEPT = 50; // messages that are remembered over a reload
const SAME_ANSWER = new Set(["INTERNAL_ERROR", "LOST"]); // under the same cid it may still go well
const MESSAGE_TAKEN = new Set([null, "MESSAGE_HELD"]);

/** One visitor in one app: the connection, what is known of the room, and what is under way. Knows no page. */
export class Session extends Emitter<Events> {
  readonly room = new Room();
  readonly ignored: Ignored;
  commands: CommandInfo[] = [];
  readonly #connection: Connection;
  #token: string | null;
  #knownTo: string | null | undefined; // whose eyes saw what the room remembers; undefined: nobody's
  #spoke = 0; // when this visitor spoke last, in the server's time
  #lastNotice: Entry | null = null;
  #outside: Entry | null = null; // what the server said last to one who isn't in
  #catchingUp = false;
  readonly #lost = new Map<string, string>(); // the cids of commands that weren't answered
  #restored = false;
  #left: Left | null = null; // what is under way, as it is remembered over a reload
  readonly #key: string; // under which it is
  #older: Promise<void> | null = null;

  constructor(url: string, appId: number, token: string | null, snapshot: Joined | null) {
    super();
    this.#token = token;
    this.ignored = new Ignored(appId);
    this.#key = `pending:${appId}`;
    if (snapshot) {
      this.room.load(snapshot);
      this.#knownTo = null;
    }
    this.#connection = new Connection(url, appId, token, () =>
      this.#knownTo === this.#token && this.room.newest ? this.room.newest : null,
    );
    this.#listen();
  }

  get state(): State {
    return this.#connection.state;
  }

  get refusal(): string {
    return this.#connection.refusal;
  }

  get me(): User | null {
    return this.room.me;
  }

  /** Whether this visitor stands above somebody of that role. */
  outranks(role: string | undefined): boolean {
    return rank(this.me?.role) > rank(role);
  }

  /** Whether there is such a command for this visitor. */
  may(command: string): boolean {
    return this.commands.some((info) => info.name === command);
  }

  start(): void {
    this.#connection.start();
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  /** Become the user that a token stands for; null: a guest. */
  login(token: string | null): void {
    if (token === this.#token && (token === null || this.me || this.state === "connecting")) return;
    this.#token = token;
    this.#spoke = 0;
    this.#lost.clear();
    this.commands = [];
    // It is put back where this is the same user with another token.
    for (const entry of this.#pending()) this.room.take(entry);
    this.#restored = false;
    this.ignored.reset();
    if (token === null) this.#forget();
    this.#connection.become(token);
  }

  /** Say something, or run a command where it begins with a slash. */
  say(text: string): void {
    if (text.startsWith("/")) void this.#typed(text);
    else this.#post(this.#newPending(text));
    this.emit("said", undefined);
  }

  /** Send again what failed. */
  retry(entry: PendingEntry, text = entry.text): void {
    this.room.take(entry);
    // What may have been stored is said once, under its own id.
    const same = entry.failure && SAME_ANSWER.has(entry.failure) && text === entry.text;
    this.#post(this.#newPending(text, same ? entry.cid : undefined));
  }

  discard(entry: PendingEntry): void {
    this.room.take(entry);
    this.#keep();
  }

  /** Run a command for the page itself: its answer is shown by who asked. Never rejects. */
  async run(text: string, cid = uniqueId("c")): Promise<Reply> {
    if (this.state !== "joined") return { error: "UNSENT", text: null, data: null };
    try {
      return await this.#connection.command(text, cid);
    } catch {
      return { error: "LOST", text: null, data: null };
    }
  }

  /** Run a command that does something. Where no answer came it may be done, and tried again it is done once. */
  async act(text: string): Promise<Reply> {
    const cid = this.#lost.get(text) ?? uniqueId("c");
    const reply = await this.run(text, cid);
    if (reply.error === "LOST") this.#lost.set(text, cid);
    else this.#lost.delete(text);
    return reply;
  }

  /** Show a line that is no message. `own`: nobody else sees it, as far as that is known. */
  notice(text: string, tone: "plain" | "error" = "plain", own = true, aloud = true): Entry {
    const entry: Entry = { kind: "notice", key: uniqueId("n"), at: this.room.now(), text, tone, own };
    this.room.put(entry);
    if (aloud) this.emit("notice", text);
    return entry;
  }

  /** Fetch what was said before; once at a time. Rejects where that failed. */
  async older(): Promise<void> {
    const before = this.room.oldest;
    if (before === null || !this.room.more) return;
    this.#older ??= this.#connection
      .before(before, 50)
      // Where all begins anew meanwhile, these are no one's predecessors.
      .then(({ messages, more }) => this.room.oldest === before && this.room.prepend(messages, more))
      .then(() => undefined)
      .finally(() => {
        this.#older = null;
      });
    await this.#older;
  }

  /** Why this visitor can't speak now; null where they can. */
  get wait(): Wait | null {
    const { me, room } = this;
    if (!me) return null;
    const now = room.now();
    const mute = room.mutes.get(me.uname.toLowerCase());
    if (mute && Date.parse(mute.expires_at) > now) return { why: "muted", until: Date.parse(mute.expires_at) };
    const slow = room.modes.get("slow");
    if (slow && typeof slow.value === "number" && rank(me.role) === 0) {
      const until = this.#spoke + slow.value * 1000;
      if (until > now) return { why: "slow", until };
    }
    return null;
  }

  #listen(): void {
    const { room } = this;
    const connection = this.#connection;
    connection.on("joined", (joined) => this.#joined(joined));
    connection.on("state", (state) => {
      if (state === "refused") this.#forget();
      this.emit("state", state);
    });
    connection.on("new_message", (message) => this.#heard(message));
    connection.on("message_deleted", ({ id }) => room.removeAll([id]));
    connection.on("messages_purged", ({ ids }) => room.removeAll(ids));
    connection.on("user_joined", (user) => room.putUser(user));
    connection.on("user_updated", (user) => {
      const role = this.me?.role;
      room.putUser(user);
      if (this.me && this.me.role !== role) this.#changedRole();
    });
    connection.on("user_left", ({ uname }) => room.dropUser(uname));
    connection.on("users", ({ users }) => room.setUsers(users, null));
    connection.on("user_count", ({ count }) => room.setCount(count));
    connection.on("user_muted", (mute) => room.putMute(mute));
    connection.on("user_unmuted", ({ uname }) => room.dropMute(uname));
    connection.on("mode_changed", ({ name, on, value, until, reason }) =>
      room.putMode(name, on ? { value, until: until ?? null, reason: reason ?? "" } : null),
    );
    connection.on("message_held", (held) => room.putHeld(held));
    connection.on("message_reviewed", ({ id }) => room.dropHeld(id));
    connection.on("system_message", (text) => {
      if (this.#outside) room.take(this.#outside);
      // Who isn't let in hears why once, and not at each try.
      this.#lastNotice = this.notice(text, "plain", false, this.#outside === null);
      this.#outside = this.state === "joined" ? null : this.#lastNotice;
    });
    connection.on("client_error", (text) => {
      this.notice(text, "error");
    });
    connection.on("plugin_event", (event) => {
      if (event.plugin === "ignore" && event.name === "list") {
        this.ignored.replace((event.data as { unames?: string[] })?.unames ?? []);
      }
      this.emit("plugin_event", event);
    });
    room.on("mutes", () => this.emit("wait", undefined));
    room.on("modes", () => this.emit("wait", undefined));
    this.ignored.on("changed", () => this.emit("ignored", undefined));
  }

  #joined(joined: Joined): void {
    const fresh = this.room.load(joined);
    this.#knownTo = this.#token;
    const own = this.room.entries.findLast(
      (entry) => entry.kind === "message" && !entry.message.plugin && entry.message.user.uname === this.me?.uname,
    );
    this.#spoke = Math.max(this.#spoke, own?.at ?? 0);
    this.#outside = null;
    this.#restore();
    this.emit("me", this.me);
    this.emit("wait", undefined);
    for (const message of fresh) this.emit("message", message);
    // After this turn, when `joined` is known.
    queueMicrotask(() => {
      void this.#catchUp();
      void this.#fetchCommands();
    });
  }

  /** Nobody is logged in any more. */
  #forget(): void {
    if (!this.me) return;
    this.room.me = null;
    this.emit("me", null);
    this.emit("wait", undefined);
  }

  /**
   * Put back what was under way when the page was left, or when the token was another one. What was stored all the same is
   * said once, by its cid.
   */
  #restore(): void {
    if (this.#restored || !this.me) return;
    this.#restored = true;
    // What was typed since then is there, too.
    for (const entry of this.#pending()) this.room.take(entry);
    const { uname, lines } = this.#left ?? (recall(this.#key, "session") as Left | null) ?? {};
    if (uname !== this.me.uname || !Array.isArray(lines)) this.#keep();
    else for (const [text, cid, failure] of lines) this.#newPending(text, cid, failure);
  }

  #keep(): void {
    if (!this.me) return;
    const { uname } = this.me;
    // While it isn't known whether this is still the same user, what they had before is kept beside it.
    const before = this.#restored || this.#left?.uname !== uname ? [] : this.#left.lines;
    const now = this.#pending().map(({ text, cid, failure }): Left["lines"][0] => [text, cid, failure]);
    const lines = [...before.filter(([, cid]) => now.every(([, other]) => other !== cid)), ...now].slice(0, MOST_KEPT);
    this.#left = { uname, lines };
    remember(this.#key, lines.length ? this.#left : null, "session");
  }

  async #fetchCommands(): Promise<void> {
    try {
      this.commands = await this.#connection.commands();
      this.emit("commands", undefined);
    } catch {
      // It comes again with the connection.
    }
  }

  #changedRole(): void {
    // Other things are to be seen now, such as what is held.
    this.#knownTo = undefined;
    this.#connection.become(this.#token);
  }

  #heard(message: Message): void {
    if (this.me && !message.plugin && message.user.uname === this.me.uname) {
      this.#spoke = Date.parse(message.at);
      this.emit("wait", undefined);
    }
    if (this.room.add(message)) this.emit("message", message);
  }

  #newPending(text: string, cid = uniqueId("m"), failure: string | null = null): PendingEntry {
    const entry: PendingEntry = { kind: "pending", key: uniqueId("p"), at: this.room.now(), text, cid, failure };
    this.room.put(entry);
    this.#keep();
    return entry;
  }

  #pending(): PendingEntry[] {
    return this.room.entries.filter((entry) => entry.kind === "pending");
  }

  #post(entry: PendingEntry): void {
    // What is said now comes after what waits; without a connection all of it waits.
    if (!this.#catchingUp && this.state === "joined") void this.#send(entry);
  }

  /**
   * Send what waits, one after the other: a filter that refuses one would refuse, and punish, all of them. What may have
   * arrived is said once, by its cid.
   */
  async #catchUp(): Promise<void> {
    if (this.#catchingUp || !this.me) return;
    this.#catchingUp = true;
    let refused = false;
    for (let entry = this.#waiting(); entry && this.state === "joined"; entry = this.#waiting()) {
      if (refused) this.#fail(entry, "UNSENT");
      else await this.#send(entry);
      refused ||= entry.failure !== null && !SAME_ANSWER.has(entry.failure);
    }
    this.#catchingUp = false;
  }

  #waiting(): PendingEntry | undefined {
    return this.#pending().find(({ failure }) => failure === null);
  }

  async #send(entry: PendingEntry): Promise<void> {
    this.#lastNotice = null;
    let error: string | null;
    try {
      error = await this.#connection.say(entry.text, entry.cid);
    } catch (failure) {
      // With the connection it is sent again; where that stands, it is for the visitor to say.
      if (!(failure instanceof Lost) || this.state !== "joined") return;
      error = "LOST";
    }
    if (!this.room.entries.includes(entry)) return;
    if (error === "MESSAGE_HELD") this.#quote(entry);
    if (MESSAGE_TAKEN.has(error)) this.discard(entry);
    else this.#fail(entry, error);
  }

  #fail(entry: PendingEntry, error: string | null): void {
    entry.failure = error;
    this.#keep();
    this.#explain(entry);
  }

  /** Have the line in which the server said that it waits say what waits. */
  #quote(entry: PendingEntry): void {
    const notice = this.#lastNotice;
    if (notice?.kind !== "notice") return;
    notice.text += `: ${entry.text}`;
    notice.key = uniqueId("n"); // so that its row is made anew
  }

  /** Put what the server said about it, just before, into the line that it is about. */
  #explain(entry: PendingEntry): void {
    const notice = this.#lastNotice;
    this.#lastNotice = null;
    if (notice?.kind === "notice") {
      entry.reason = notice.text;
      this.room.take(notice);
    }
    this.room.changed();
  }

  async #typed(text: string): Promise<void> {
    const { error, text: answer } = await this.run(text);
    if (answer) this.notice(answer, error ? "error" : "plain");
    else if (error) this.emit("failed", { text, error });
  }
}
