import { Emitter } from "./emitter";
import { recall, remember } from "./memory";
import type { Message } from "./protocol";

/** Whom this visitor doesn't want to read: as the server's plugin `ignore` says; without it, as this browser remembers. */
export class Ignored extends Emitter<{ changed: undefined }> {
  #names = new Set<string>();
  readonly #key: string;

  constructor(appId: number) {
    super();
    this.#key = `ignored:${appId}`;
    this.#names = new Set(stored(this.#key));
  }

  get names(): string[] {
    return [...this.#names];
  }

  has(uname: string): boolean {
    return this.#names.has(uname.toLowerCase());
  }

  /** Whether a message is not to be shown. Staff and bots are always heard. */
  hides(message: Message): boolean {
    return message.user.role === "member" && !message.plugin && this.has(message.user.uname);
  }

  /** Go back to what this browser remembers, for whoever comes next. */
  reset(): void {
    this.replace(stored(this.#key));
  }

  /** Take over the server's list. */
  replace(unames: string[]): void {
    this.#names = new Set(unames.map((uname) => uname.toLowerCase()));
    this.emit("changed", undefined);
  }

  /** Where the server keeps no list: remember it here. */
  toggle(uname: string): void {
    const name = uname.toLowerCase();
    if (!this.#names.delete(name)) this.#names.add(name);
    remember(this.#key, [...this.#names]);
    this.emit("changed", undefined);
  }
}

function stored(key: string): string[] {
  const value = recall(key);
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}
