import { checkedLook, type EmbedSettings, isAppId, MAX_APPS, pageUrl, warn } from "./embed_settings";
import { STYLE } from "./embed_style";
import { type EmbedTexts, embedTexts } from "./embed_texts";
import { type Envelope, envelope, isToken, type Look, opened } from "./host_protocol";
import { isLight, settled } from "./theme";

export const EVENTS = ["ready", "login", "logout", "message", "mention", "unread", "state", "open", "close"] as const;
type Listener = (data: unknown) => void;

const PATIENCE = 8000; // ms that the chat has to say hello, once its frame has loaded
const MOST_PATIENCE = 300_000;
const MOST_SHOWN = 99; // unread messages, on the badge
const STEP = 68; // px from one launcher to the next, where several are on one side
const POPUP = "popup,width=420,height=680";
const WIDE_POPUP = "popup,width=1200,height=800";

/** One tag's box: a frame of the chat's own origin, and, where it is docked, the button that shows it. */
export class EmbedBox {
  readonly settings: EmbedSettings;
  /** Where it is docked. Other tags' boxes see it, which are of another class by the same name. */
  side = "";
  /** Its place there, from the corner. */
  place = 0;
  readonly #texts: EmbedTexts;
  readonly #origin: string;
  readonly #host = document.createElement("tornado-chat");
  readonly #panel = document.createElement("div");
  readonly #note = document.createElement("p");
  readonly #launcher = document.createElement("button");
  readonly #badge = document.createElement("span");
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #end = new AbortController();
  /** Aborted when it is taken out of the page. */
  readonly ended = this.#end.signal;
  #frame: HTMLIFrameElement | null = null;
  #boxes = (): EmbedBox[] => [];
  #popups: Window[] = [];
  #watch: ReturnType<typeof setInterval> | undefined;
  #popup: Window | undefined; // the one that popOut() opened
  #title: string;
  #token: string | null;
  #refused: string | null = null; // the token that the console was warned of
  #user: { uname?: unknown } | null = null;
  #unread = 0;
  #open = false;
  #greeted = false;
  #loading = false;
  #wantsFocus = false;
  #focused: Element | null = null; // what had the focus then

  constructor(settings: EmbedSettings) {
    this.settings = settings;
    this.#origin = new URL(settings.base).origin;
    this.#title = settings.title;
    this.#token = settings.token;
    this.#texts = embedTexts(settings.lang ? [settings.lang] : navigator.languages);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether the site took it out of the page, with what it was in. */
  get isGone(): boolean {
    return this.#host.shadowRoot !== null && !this.#host.isConnected;
  }

  /** Put it into the page: `place` does that. `boxes` are all that there are. */
  mount(place: (element: HTMLElement) => void, boxes: () => EmbedBox[]): void {
    const { mode, side } = this.settings;
    this.#boxes = boxes;
    if (mode === "docked") {
      this.side = side || (getComputedStyle(document.body).direction === "rtl" ? "left" : "right");
      while (this.#beside.some((other) => other.place === this.place)) this.place += 1;
    }
    Object.assign(this.#host.dataset, { mode, side: this.side });
    this.#build();
    this.#applyLook();
    const signal = this.ended;
    addEventListener("message", (event) => this.#heard(event), { signal });
    this.#dark.addEventListener("change", () => this.#applyLook(), { signal });
    place(this.#host);
    const begins = this.settings.open && !this.#beside.some((other) => other.isOpen);
    if (mode !== "docked" || begins || this.#open) this.#show(true);
    // A box that is small waits for its page, which the visitor came for.
    else if (document.readyState === "complete") this.#load();
    else addEventListener("load", () => this.#load(), { signal });
  }

  open(): void {
    this.#wantsFocus = true;
    this.#show(true);
    this.#focus();
    this.#focused = document.activeElement;
  }

  close(): void {
    const focused = document.activeElement === this.#host;
    this.#show(false);
    if (focused) this.#launcher.focus();
  }

  toggle(): void {
    if (this.#open) this.close();
    else this.open();
  }

  /** Let the visitor be the user that a token stands for. */
  login(token: string): void {
    if (!isToken(token)) {
      warn("login() expects the token of a user, 1 to 4096 printable characters; logout() makes a guest");
      return;
    }
    this.#token = token;
    this.#tell("login", { token });
  }

  logout(): void {
    this.#token = null;
    this.#tell("logout");
  }

  /** Call `listener` at each event of a name. */
  on(name: string, listener: Listener): void {
    if (!EVENTS.some((known) => known === name) || typeof listener !== "function") {
      warn(`on(${JSON.stringify(name)}) expects one of ${EVENTS.join(", ")}, and a function`);
      return;
    }
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  off(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** Show the box in a window of its own. False where the browser doesn't let it. */
  popOut(): boolean {
    const { app } = this.settings;
    if (!this.#popUp(`chat/${app}`, `tornado-chat-${app}`, POPUP)) return false;
    this.#popup = this.#popups.at(-1);
    if (this.settings.mode === "docked") this.close();
    // Nobody tells a page that a window is closed.
    clearInterval(this.#watch);
    this.#watch = setInterval(() => {
      if (this.#popup?.closed) clearInterval(this.#watch);
      if (!this.#open) this.#tellShown();
    }, 1000);
    return true;
  }

  /** Open the moderators' page of some apps. False where the browser doesn't let it. */
  moderate(apps: number | number[] = this.settings.app): boolean {
    const list = [...new Set(Array.isArray(apps) ? apps : [apps])];
    if (!list.length || list.length > MAX_APPS || !list.every(isAppId)) {
      warn(`moderate() expects 1 to ${MAX_APPS} numbers of apps, such as [2, 3]`);
      return false;
    }
    return this.#popUp(`moderate/${list.join(",")}`, "tornado-chat-moderate", WIDE_POPUP);
  }

  /** Change how it looks. */
  theme(look: Look): void {
    Object.assign(
      this.settings.look,
      checkedLook(Object(look), (key) => `theme() ${key}`),
    );
    this.#applyLook();
    this.#tell("theme", settled(this.settings.look));
  }

  /** Take it out of the page. */
  destroy(): void {
    this.#end.abort();
    clearInterval(this.#watch);
    this.#listeners.clear();
    this.#host.remove();
  }

  /** The others that are docked on its side. */
  get #beside(): EmbedBox[] {
    return this.#boxes().filter((other) => other !== this && other.side && other.side === this.side);
  }

  #build(): void {
    const root = this.#host.attachShadow({ mode: "open" });
    adoptStyle(root);
    this.#panel.className = "panel";
    this.#panel.id = "panel";
    this.#note.setAttribute("role", "status");
    root.append(this.#panel);
    this.#draw();
    if (this.settings.mode !== "docked") return;
    this.#launcher.type = "button";
    this.#launcher.className = "launcher";
    this.#launcher.setAttribute("aria-controls", "panel");
    this.#badge.className = "badge";
    this.#badge.setAttribute("aria-hidden", "true");
    this.#launcher.append(
      icon(
        "opens",
        "M4 6.5A2.5 2.5 0 016.5 4h11A2.5 2.5 0 0120 6.5v7a2.5 2.5 0 01-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 014 13.5z",
      ),
      icon("closes", "M6 9.5l6 6 6-6"),
      this.#badge,
    );
    this.#launcher.addEventListener("click", () => this.toggle());
    this.#launcher.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    root.append(this.#launcher);
  }

  /** Put the chat's frame into the page; another one, where what has loaded in it isn't the chat. */
  #load(patience = PATIENCE): void {
    if (this.#greeted || this.#loading) return;
    this.#loading = true;
    const frame = document.createElement("iframe");
    frame.title = this.settings.title || this.#texts.chat;
    frame.allow = "autoplay; clipboard-write";
    frame.referrerPolicy = "no-referrer";
    frame.src = pageUrl(this.settings, `chat/${this.settings.app}`, this.settings.mode);
    // A frame doesn't tell a page that there was no answer, or which.
    frame.onload = () => {
      this.#loading = false;
      setTimeout(() => {
        if (this.#greeted || !frame.isConnected) return;
        const { app } = this.settings;
        warn(`no chat at ${frame.src}; is there an app ${app}, and is ${location.origin} in its origins?`);
        this.#load(Math.min(patience * 2, MOST_PATIENCE));
      }, patience);
    };
    // There may be no end to its loading, either.
    setTimeout(() => {
      if (!this.#greeted) this.#note.textContent = this.#texts.away;
    }, PATIENCE);
    this.#frame = frame;
    this.#panel.replaceChildren(this.#note, frame);
  }

  #show(open: boolean): void {
    if (open) {
      this.#load();
      // They would cover each other.
      for (const other of this.#beside) other.close();
    } else this.#wantsFocus = false;
    if (this.#open === open) return;
    this.#open = open;
    this.#draw();
    this.#tellShown();
    this.#emit(open ? "open" : "close");
  }

  /** Put the cursor into the box, now or once it is there. */
  #focus(): void {
    this.#frame?.focus();
    if (!this.#greeted || !this.#wantsFocus) return;
    this.#wantsFocus = false;
    // Where there is no mouse, a keyboard would come up over the talk.
    if (!matchMedia("(hover: none)").matches) this.#tell("focus");
  }

  #draw(): void {
    this.#panel.classList.toggle("open", this.#open);
    this.#panel.inert = !this.#open;
    if (this.settings.mode !== "docked") this.#host.hidden = !this.#open;
    this.#label();
  }

  #label(): void {
    const title = this.#title;
    const what = this.#open ? this.#texts.close : this.#texts.open;
    const unread = this.#unread ? `, ${this.#texts.unread(this.#unread)}` : "";
    this.#launcher.title = `${what}${title && `: ${title}`}${unread}`;
    this.#launcher.setAttribute("aria-expanded", String(this.#open));
    this.#badge.hidden = this.#unread === 0;
    this.#badge.textContent = this.#unread > MOST_SHOWN ? `${MOST_SHOWN}+` : String(this.#unread);
  }

  #applyLook(): void {
    const { theme, accent = "", background = "" } = settled(this.settings.look);
    this.#host.toggleAttribute("data-dark", theme === "dark" || (theme !== "light" && this.#dark.matches));
    const { style } = this.#host;
    style.setProperty("--shift", `${this.place * STEP}px`);
    // An empty one is taken away.
    style.setProperty("--accent", accent);
    style.setProperty("--on-accent", accent && (isLight(accent) ? "#000" : "#fff"));
    style.setProperty("--background", background);
  }

  #popUp(path: string, name: string, features: string): boolean {
    const url = pageUrl(this.settings, path, "window");
    const popup = window.open(url, name, features);
    this.#popups = this.#popups.filter((other) => !other.closed && other !== popup);
    if (!popup) {
      warn("the browser opens no window; call this when the visitor clicks");
      return false;
    }
    this.#popups.push(popup);
    popup.focus();
    return true;
  }

  #tellShown(): void {
    this.#tell("shown", { open: this.#open, elsewhere: !this.#open && this.#popup?.closed === false });
  }

  /** Tell the frame, and the windows, that have said that they are there. The token goes to the chat's origin only. */
  #tell(type: string, data: object = {}): void {
    const message = envelope(type, data);
    if (this.#greeted) this.#frame?.contentWindow?.postMessage(message, this.#origin);
    if (type === "shown" || type === "focus") return;
    for (const popup of this.#popups) if (!popup.closed) popup.postMessage(message, this.#origin);
  }

  #heard(event: MessageEvent): void {
    if (event.origin !== this.#origin || !event.source) return;
    const framed = event.source === this.#frame?.contentWindow;
    if (!framed && !this.#popups.some((popup) => popup === event.source)) return;
    const message = opened(event.data);
    if (!message) return;
    if (message.type === "hello") this.#welcome(event.source as Window, framed);
    else if (framed) this.#told(message);
  }

  #welcome(box: Window, framed: boolean): void {
    const { title, loginUrl } = this.settings;
    box.postMessage(envelope("init", { token: this.#token, options: { title, loginUrl } }), this.#origin);
    if (!framed) return;
    this.#greeted = true;
    this.#host.toggleAttribute("data-greeted", true);
    this.#tellShown();
    // Who writes somewhere else meanwhile stays there.
    if (this.#wantsFocus && document.activeElement === this.#focused) this.#focus();
  }

  #told({ type, ...data }: Envelope): void {
    if (type === "ready") {
      this.#title ||= data.title as string;
      this.#label();
      this.#emit("ready");
    } else if (type === "user") this.#isNow(data.user as { uname?: unknown } | null, data.refused === true);
    else if (type === "message" || type === "mention")
      this.#emit(type, { id: data.id, user: data.user, text: data.text });
    else if (type === "state") this.#emit("state", data.state);
    else if (type === "unread" && Number.isSafeInteger(data.count)) {
      this.#unread = Math.max(data.count as number, 0);
      this.#label();
      this.#emit("unread", this.#unread);
    } else if (type === "minimise" && this.settings.mode === "docked") {
      this.#show(false);
      this.#launcher.focus();
    }
  }

  #isNow(user: { uname?: unknown } | null, refused: boolean): void {
    const before = this.#user;
    this.#user = user;
    if (refused && this.#refused !== this.#token) {
      this.#refused = this.#token;
      warn(
        "the token was not taken: it may have run out, be signed with another key, " +
          "or have a role other than member, mod, owner, admin",
      );
    }
    if (user && user.uname !== before?.uname) this.#emit("login", user);
    else if (!user && (before || refused)) this.#emit("logout");
  }

  #emit(name: string, data?: unknown): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(data);
      } catch (error) {
        reportError(error); // the site's; it keeps no other from hearing of it
      }
    }
  }
}

function adoptStyle(root: ShadowRoot): void {
  if ("adoptedStyleSheets" in root) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    return;
  }
  // Safari before 16.4. There the site's policy must allow it.
  const element = document.createElement("style");
  element.textContent = STYLE;
  (root as ShadowRoot).append(element);
}

function icon(name: string, path: string): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("class", name);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(namespace, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
