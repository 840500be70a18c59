import { everybodysItems } from "./actions";
import { Announcer } from "./announcer";
import { Composer } from "./composer";
import type { Context, Subject } from "./context";
import { foreign, h, icon, show } from "./dom";
import { Drawer } from "./drawer";
import { Emitter } from "./emitter";
import type { HostOptions } from "./host_protocol";
import { Menu, type MenuItem } from "./menu";
import { People } from "./people";
import type { DemoUser, Message, PageApp } from "./protocol";
import { mentions } from "./rich_text";
import type { Session } from "./session";
import { Settings } from "./settings";
import type { Sound } from "./sound";
import { Status } from "./status";
import type { Texts } from "./texts";
import { Timeline } from "./timeline";

export interface Options {
  app: PageApp;
  session: Session;
  texts: Texts;
  sound: Sound;
  /** Where a guest logs in; empty: the site says how. */
  loginUrl: string;
  /** Whom the demo lets a guest be. */
  demoUsers: DemoUser[];
  /** Makes the box small; null where it stands by itself. */
  minimise: (() => void) | null;
  /** What else can be done with a message or a name, such as what moderators may. */
  items?: (subject: Subject, context: Context) => MenuItem[];
  /** What it is among others on one page; by itself it is the page's main part. */
  landmark?: "section";
}

export interface Events {
  unread: number;
  mention: Message;
}

/** The chatbox of one app, put together. */
export class Box extends Emitter<Events> {
  readonly element: HTMLElement;
  readonly context: Context;
  readonly drawer: Drawer;
  /** Whether the page around it shows it. */
  #shown = true;
  #unread = 0;
  #wanted = false; // whether the field is to have the focus once it is there
  readonly #options: Options;
  readonly #timeline: Timeline;
  readonly #composer: Composer;
  readonly #guest = h("div", { class: "guest" });
  readonly #middle: HTMLElement;
  readonly #who = h("span", { class: "here" });
  readonly #title: HTMLElement;
  #loginUrl: string;

  constructor(options: Options) {
    super();
    this.#options = options;
    const { session, texts, app } = options;
    this.element = h(options.landmark ?? "main", { class: "box", "aria-label": app.title || texts.t("box.title") });
    this.#title = h(options.landmark ? "h2" : "h1");
    this.#loginUrl = options.loginUrl;
    const menu = new Menu(this.element);
    const itemsFor = (subject: Subject) => [
      ...everybodysItems(subject, this.context),
      ...(options.items?.(subject, this.context) ?? []),
    ];
    this.context = {
      session,
      texts,
      announcer: new Announcer(texts),
      root: this.element,
      itemsFor,
      openMenu: (anchor, subject) => {
        const items = itemsFor(subject);
        if (items.length) menu.open(anchor, subject.user.uname, items);
      },
      insert: (text) => {
        if (this.#middle.inert) this.drawer.close(false);
        this.#composer.insert(text);
      },
      focusField: () => this.focus(),
    };
    this.drawer = new Drawer(texts, options.landmark ? app.title : "");
    this.drawer.add("people", texts.t("people.title"), "people", new People(this.context));
    this.drawer.add("settings", texts.t("settings.title"), "gear", new Settings(this.context, options.sound, null));
    this.#timeline = new Timeline(this.context);
    this.#composer = new Composer(this.context, app.id);
    this.#middle = h(
      "div",
      { class: "middle" },
      new Status(this.context).element,
      this.#timeline.element,
      this.#guest,
      this.#composer.element,
    );
    this.element.append(
      this.#head(app),
      h("div", { class: "body" }, this.#middle, this.drawer.element),
      this.context.announcer.element,
    );
    session.on("me", (me) => {
      this.#drawGuest();
      if (me && this.#wanted) this.focus();
      this.#wanted = false;
    });
    session.on("state", () => this.#drawGuest());
    session.room.on("users", () => this.#drawCount());
    session.on("message", (message) => this.#heard(message));
    session.on("notice", (text) => this.context.announcer.say(text));
    document.addEventListener("visibilitychange", () => this.#seen());
    // Where the visitor writes somewhere else meanwhile, the focus stays there.
    window.addEventListener("blur", () => {
      this.#wanted = false;
    });
    this.drawer.changed = () => this.#cover();
    new ResizeObserver(() => this.#cover()).observe(this.element);
    this.#drawGuest();
    this.#drawCount();
  }

  /** Take over what the page around it wants. */
  setSite({ title, loginUrl }: HostOptions): void {
    if (title) this.#title.replaceChildren(foreign(title));
    if (loginUrl) this.#loginUrl = loginUrl;
    this.#drawGuest();
  }

  /** Say whether the page around it shows the box. */
  set shown(shown: boolean) {
    this.#shown = shown;
    if (!shown) this.#wanted = false;
    if (shown) {
      this.#seen();
      if (this.#timeline.following) this.#timeline.toEnd();
    }
  }

  focus(): void {
    if (this.#middle.inert) this.drawer.close(false);
    const { hidden } = this.#composer.element;
    if (hidden) this.#timeline.focusLast();
    else this.#composer.focus();
    // Who opened it before it had come in wants to write.
    this.#wanted = hidden && this.#options.session.state !== "joined";
  }

  #head(app: PageApp): HTMLElement {
    const { texts, minimise } = this.#options;
    this.#title.append(foreign(app.title || texts.t("box.title")));
    const title = h("div", { class: "title" }, this.#title, this.#who);
    const head = h("header", { class: "head-bar" }, title, this.drawer.buttons);
    if (minimise) {
      head.append(
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": texts.t("box.minimise"),
            title: texts.t("box.minimise"),
            onclick: minimise,
          },
          icon("down"),
        ),
      );
      this.element.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && !event.defaultPrevented) minimise();
      });
    }
    return head;
  }

  /** What a drawer lies over can't be reached. */
  #cover(): void {
    const { element, shown } = this.drawer;
    this.#middle.inert = shown !== null && getComputedStyle(element).position === "absolute";
  }

  #drawCount(): void {
    const { session, texts } = this.#options;
    const count = session.room.count ?? session.room.users.size;
    this.#who.textContent = count ? texts.t("people.count", { count }) : "";
  }

  /** A guest reads, and is told how to talk. */
  #drawGuest(): void {
    const { session, texts, demoUsers } = this.#options;
    const loginUrl = this.#loginUrl;
    const guest = session.me === null;
    show(this.#composer.element, !guest);
    show(this.#guest, guest && session.state === "joined");
    if (!guest) return;
    this.#guest.replaceChildren(
      h("p", {}, texts.t(loginUrl ? "guest.text" : demoUsers.length ? "guest.demo" : "guest.site")),
    );
    if (loginUrl) {
      this.#guest.append(
        h("a", { class: "button primary", href: loginUrl, target: "_top", rel: "noopener" }, texts.t("guest.login")),
      );
      return;
    }
    this.#guest.append(
      ...demoUsers.map(({ token, uname, role }) =>
        h(
          "button",
          { type: "button", class: "button", onclick: () => session.login(token) },
          role === "member" ? uname : `${uname} (${texts.t(`role.${role}`)})`,
        ),
      ),
    );
  }

  #heard(message: Message): void {
    const { session, texts, sound } = this.#options;
    const { me } = session;
    const own = !message.plugin && message.user.uname === me?.uname;
    if (own || session.ignored.hides(message)) return;
    this.context.announcer.message(texts.t("message.said", { name: message.user.uname, text: message.text }));
    if (me && mentions(message.text, me.uname)) {
      void sound.play();
      this.emit("mention", message);
    }
    if (this.#shown && !document.hidden) return;
    this.#unread += 1;
    this.emit("unread", this.#unread);
  }

  #seen(): void {
    if (!this.#shown || document.hidden || this.#unread === 0) return;
    this.#unread = 0;
    this.emit("unread", 0);
  }
}
