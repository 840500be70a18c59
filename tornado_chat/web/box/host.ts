import { Emitter } from "./emitter";
import { type Envelope, envelope, type HostOptions, isToken, isWebUrl, opened } from "./host_protocol";
import { allows } from "./origins";
import type { Message, User } from "./protocol";

export interface Events {
  /** The page answered: who its visitor is (null: a guest), and what it wants. Comes again where the page does. */
  init: { token: string | null; options: HostOptions };
  /** The page's visitor logged in, or is somebody else now. */
  login: string;
  logout: undefined;
  /** Whether the page shows the box now. */
  shown: boolean;
  /** Whether a window that the page opened is to sound, and not this. */
  elsewhere: boolean;
  /** The visitor came here by keyboard or click: go to where they can write. */
  focus: undefined;
  /** How the box is to look; nobody has checked it. */
  theme: Record<string, unknown>;
}

const PATIENCE = 2000; // ms that a page has to say who its visitor is
const MAX_TITLE = 80;
const KEPT = new Set(["ready", "user", "unread", "state"]); // what a page is told that is known only later

/**
 * The page that the box is in, or that opened it in a window of its own.
 *
 * It is told nothing but a greeting, and nothing it says counts, until it has shown that the app allows its origin.
 */
export class Host extends Emitter<Events> {
  /** Whether there is no such page: the box stands by itself. */
  readonly alone: boolean;
  /** Whether the box is in a frame of it. */
  readonly framed: boolean;
  /** Whose token the page gave; null for a guest, where it gave none in time, and where there is no page. */
  readonly token: Promise<string | null>;
  readonly #window: Window | null;
  readonly #lists: readonly (readonly string[])[];
  readonly #waiting = new Map<string, Envelope>();
  #origin: string | null = null;
  #settle: (token: string | null) => void = () => {};
  #settled = false;

  /** `lists` are the `origins` of each app on the page; a page must be allowed by all. */
  constructor(lists: readonly (readonly string[])[]) {
    super();
    this.#lists = lists;
    this.framed = window.parent !== window;
    const opener = window.opener as Window | null;
    this.#window = this.framed ? window.parent : opener;
    this.alone = this.#window === null;
    this.token = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (this.#window === null) {
      this.#give(null);
      return;
    }
    addEventListener("message", (event) => this.#heard(event));
    setTimeout(() => this.#give(null), PATIENCE);
    this.#window.postMessage(envelope("hello"), "*"); // it says nothing, and to whom isn't known yet
  }

  /** The box can be used; `title` is the app's. */
  ready(title: string): void {
    this.#tell("ready", { title });
  }

  /** Who the visitor is; null for a guest. `refused`: though the page gave a token. */
  user(user: User | null, refused: boolean): void {
    this.#tell("user", { user: user && { id: user.id, uname: user.uname, role: user.role }, refused });
  }

  message(message: Message): void {
    this.#tell("message", said(message));
  }

  mention(message: Message): void {
    this.#tell("mention", said(message));
  }

  /** How many messages the visitor hasn't seen. */
  unread(count: number): void {
    this.#tell("unread", { count });
  }

  state(state: string): void {
    this.#tell("state", { state });
  }

  /** The visitor wants the box small. */
  minimise(): void {
    this.#tell("minimise");
  }

  #tell(type: string, data: object = {}): void {
    const message = envelope(type, data);
    if (this.#origin !== null) this.#send(message, this.#origin);
    else if (this.#window && KEPT.has(type)) this.#waiting.set(type, message);
  }

  #send(message: Envelope, origin: string): void {
    // A page without an origin, such as a file, can't be addressed; it may hear it because the app allows all.
    this.#window?.postMessage(message, origin === "null" ? "*" : origin);
  }

  #heard(event: MessageEvent): void {
    if (event.source !== this.#window || !this.#admits(event.origin)) return;
    const message = opened(event.data);
    if (!message) return;
    if (message.type === "init") this.#begin(event.origin, message);
    else if (event.origin === this.#origin) this.#obey(message);
  }

  #admits(origin: string): boolean {
    return origin === location.origin || this.#lists.every((patterns) => allows(patterns, origin));
  }

  #begin(origin: string, { token, options }: Envelope): void {
    this.#origin = origin;
    for (const message of this.#waiting.values()) this.#send(message, origin);
    this.#waiting.clear();
    const given = isToken(token) ? token : null;
    const late = this.#settled;
    this.#give(given);
    this.emit("init", { token: given, options: optionsOf(options) });
    if (late && given !== null) this.emit("login", given);
  }

  #obey({ type, ...data }: Envelope): void {
    if (type === "login" && isToken(data.token)) this.emit("login", data.token);
    else if (type === "logout") this.emit("logout", undefined);
    else if (type === "shown") {
      this.emit("elsewhere", data.elsewhere === true);
      this.emit("shown", data.open === true);
    } else if (type === "focus") this.emit("focus", undefined);
    else if (type === "theme") this.emit("theme", data);
  }

  #give(token: string | null): void {
    this.#settled = true;
    this.#settle(token);
  }
}

/** Greet the page that the box is in, or that opened it. Each of `lists` has the `origins` of one app. */
export function connectHost(...lists: (readonly string[])[]): Host {
  return new Host(lists);
}

/** Tell a page of the chat's own that was opened in a window who its visitor is, each time that it asks. */
export function handOver(popup: Window, token: () => string | null): void {
  const answer = (event: MessageEvent) => {
    if (popup.closed) removeEventListener("message", answer);
    if (event.source !== popup || event.origin !== location.origin || opened(event.data)?.type !== "hello") return;
    popup.postMessage(envelope("init", { token: token(), options: {} }), location.origin);
  };
  addEventListener("message", answer);
}

function said(message: Message): object {
  return { id: message.id, user: { uname: message.user.uname, role: message.user.role }, text: message.text };
}

function optionsOf(given: unknown): HostOptions {
  const { title, loginUrl } = (typeof given === "object" && given !== null ? given : {}) as Record<string, unknown>;
  const options: HostOptions = {};
  if (typeof title === "string" && title.trim()) options.title = title.slice(0, MAX_TITLE);
  if (isWebUrl(loginUrl)) options.loginUrl = loginUrl;
  return options;
}
