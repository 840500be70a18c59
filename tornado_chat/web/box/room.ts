import { isStaff } from "./connection";
import { Emitter } from "./emitter";
import type { HeldMessage, Joined, Message, Mode, Mute, User } from "./protocol";

/** One line of the conversation. What isn't a message is this visitor's own, and stands where it came up. */
export type Entry =
  | { kind: "message"; key: string; at: number; message: Message }
  | { kind: "notice"; key: string; at: number; text: string; tone: "plain" | "error"; own: boolean }
  | PendingEntry;

export interface PendingEntry {
  kind: "pending";
  key: string;
  at: number;
  text: string;
  cid: string;
  /** null while it is under way; else the code of why it failed. */
  failure: string | null;
  /** What the server said of it. */
  reason?: string;
}

export interface Events {
  /** Everything is different. */
  reset: undefined;
  /** Something was added, removed or changed among the entries. */
  entries: undefined;
  removed: { entry: Entry; index: number };
  users: undefined;
  mutes: undefined;
  modes: undefined;
  held: undefined;
}

const MAX_ENTRIES = 20_000; // beyond, the oldest are dropped while the newest are being read; they can be asked for again

/** What is known of one app's room: the conversation, who is here, what is held, muted and turned on. */
export class Room extends Emitter<Events> {
  readonly entries: Entry[] = [];
  readonly users = new Map<string, User>();
  readonly mutes = new Map<string, Mute>();
  readonly modes = new Map<string, Mode>();
  readonly held = new Map<number, HeldMessage>();
  me: User | null = null;
  /** How many are here, where there are too many to know each; else null. */
  count: number | null = null;
  /** Whether there may be messages before the first one. */
  more = true;
  /** Add it to Date.now() to have the server's time. */
  clockOffset = 0;
  readonly #messages = new Map<number, Entry & { kind: "message" }>();
  #newest = 0;

  get newest(): number {
    return this.#newest;
  }

  get oldest(): number | null {
    for (const entry of this.entries) if (entry.kind === "message") return entry.message.id;
    return null;
  }

  /** The server's time, in ms since 1970. */
  now(): number {
    return Date.now() + this.clockOffset;
  }

  /** Take over what `auth` answered; returns the messages that are new here. */
  load(joined: Joined): Message[] {
    const { room } = joined;
    this.me = joined.user ?? null;
    this.clockOffset = Date.parse(joined.now) - Date.now() || 0;
    this.setUsers(room.users, room.user_count ?? null);
    this.mutes.clear();
    for (const [key, mute] of Object.entries(room.muteList)) this.mutes.set(key, mute);
    this.modes.clear();
    for (const [name, mode] of Object.entries(room.modes)) this.modes.set(name, mode);
    this.held.clear();
    for (const held of joined.held ?? []) this.held.set(held.id, held);
    const goesOn = joined.reload === false;
    if (goesOn) {
      for (const id of room.deleted ?? []) this.remove(id);
    } else {
      this.#begin();
    }
    const fresh = room.history.filter((message) => this.#insert(message));
    this.emit(goesOn ? "entries" : "reset", undefined);
    for (const name of ["users", "mutes", "modes", "held"] as const) this.emit(name, undefined);
    return goesOn ? fresh : [];
  }

  /** Add a message that was said now; false where it is known already. */
  add(message: Message): boolean {
    const added = this.#insert(message);
    if (added) this.emit("entries", undefined);
    return added;
  }

  /** Put older messages (oldest first) before all that is there. */
  prepend(messages: Message[], more: boolean): void {
    const entries = messages.filter((message) => !this.#messages.has(message.id)).map(entryOf);
    for (const entry of entries) this.#messages.set(entry.message.id, entry);
    this.entries.unshift(...entries);
    this.more = more;
    this.emit("entries", undefined);
  }

  find(id: number): Message | undefined {
    return this.#messages.get(id)?.message;
  }

  remove(id: number): void {
    const entry = this.#messages.get(id);
    if (!entry) return;
    this.#messages.delete(id);
    this.#drop(entry);
  }

  removeAll(ids: Iterable<number>): void {
    for (const id of ids) this.remove(id);
    this.emit("entries", undefined);
  }

  /** Add a line that only this visitor sees. */
  put(entry: Entry): void {
    this.entries.push(entry);
    this.emit("entries", undefined);
  }

  /** Take such a line away. */
  take(entry: Entry): void {
    this.#drop(entry);
    this.emit("entries", undefined);
  }

  changed(): void {
    this.emit("entries", undefined);
  }

  /** Drop the oldest where there are too many. For when nobody reads them. */
  trim(): void {
    const surplus = this.entries.length - MAX_ENTRIES;
    if (surplus <= 0) return;
    for (const entry of this.entries.splice(0, surplus)) {
      if (entry.kind === "message") this.#messages.delete(entry.message.id);
    }
    this.more = true;
  }

  setUsers(users: Record<string, User>, count: number | null): void {
    this.users.clear();
    for (const user of Object.values(users)) this.users.set(user.uname, user);
    this.count = count;
    this.emit("users", undefined);
  }

  putUser(user: User): void {
    this.users.set(user.uname, user);
    if (this.me && this.me.uname === user.uname) this.me = user;
    this.emit("users", undefined);
  }

  dropUser(uname: string): void {
    this.users.delete(uname);
    this.emit("users", undefined);
  }

  setCount(count: number): void {
    this.count = count;
    // From now on only staff are told of one by one.
    for (const [uname, user] of this.users) if (!isStaff(user.role)) this.users.delete(uname);
    this.emit("users", undefined);
  }

  putMute(mute: Mute): void {
    this.mutes.set(mute.uname.toLowerCase(), mute);
    this.emit("mutes", undefined);
  }

  dropMute(uname: string): void {
    this.mutes.delete(uname.toLowerCase());
    this.emit("mutes", undefined);
  }

  putMode(name: string, mode: Mode | null): void {
    if (mode) this.modes.set(name, mode);
    else this.modes.delete(name);
    this.emit("modes", undefined);
  }

  putHeld(held: HeldMessage): void {
    this.held.set(held.id, held);
    this.emit("held", undefined);
  }

  dropHeld(id: number): void {
    this.held.delete(id);
    this.emit("held", undefined);
  }

  /** Every name that was seen here: of those who are here, then of those who spoke. */
  names(): string[] {
    const names = new Set(this.users.keys());
    for (let index = this.entries.length - 1; index >= 0 && names.size < 500; index -= 1) {
      const entry = this.entries[index];
      if (entry?.kind === "message" && !entry.message.plugin) names.add(entry.message.user.uname);
    }
    return [...names];
  }

  #begin(): void {
    this.#messages.clear();
    // What is under way is not lost by it.
    const kept = this.entries.filter((entry) => entry.kind === "pending");
    this.entries.splice(0, this.entries.length, ...kept);
    this.#newest = 0;
    this.more = true;
  }

  #insert(message: Message): boolean {
    if (this.#messages.has(message.id)) return false;
    const entry = entryOf(message);
    this.#messages.set(message.id, entry);
    this.#newest = Math.max(this.#newest, message.id);
    // Before what is under way, and in the order of the ids.
    let index = this.entries.length;
    while (index > 0 && comesAfter(this.entries[index - 1], message.id)) index -= 1;
    this.entries.splice(index, 0, entry);
    return true;
  }

  #drop(entry: Entry): void {
    const index = this.entries.indexOf(entry);
    if (index < 0) return;
    this.entries.splice(index, 1);
    this.emit("removed", { entry, index });
  }
}

function comesAfter(entry: Entry | undefined, id: number): boolean {
  return entry?.kind === "pending" || (entry?.kind === "message" && entry.message.id > id);
}

function entryOf(message: Message): Entry & { kind: "message" } {
  return { kind: "message", key: `m${message.id}`, at: Date.parse(message.at) || Date.now(), message };
}
