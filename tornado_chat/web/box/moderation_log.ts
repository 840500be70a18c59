import type { Context } from "./context";
import { foreign, h } from "./dom";
import { told } from "./moderation_list";
import type { Tab } from "./moderation_tabs";

interface Entry {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
  message_id: number | null;
  seconds: number | null;
  reason: string;
  text: string;
}

const MOST = 300; // entries; who looks for something older searches

/** The audit log, with a search. */
export function logTab(context: Context): Tab {
  const log = new Log(context);
  return {
    name: "log",
    commands: ["log"],
    element: log.element,
    refresh: () => log.refresh(),
    focus: () => log.focus(),
  };
}

class Log {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #field: HTMLInputElement;
  readonly #said = h("p", { class: "failure", role: "alert" });
  readonly #list = h("ul", { class: "log" });
  readonly #newer: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  #turn = 0; // what is asked for last is what is shown
  #words = ""; // what was searched for
  #last = ""; // the id of the last entry that is shown
  #reader: string | undefined;
  #read = false; // whether the reader went further down than the first page

  constructor(context: Context) {
    const { texts, session } = context;
    this.#context = context;
    const words = texts.t("mod.log-search");
    this.#field = h("input", { type: "search", class: "search", placeholder: words, "aria-label": words });
    this.#field.maxLength = 100;
    const find = h("button", { type: "submit", class: "button" }, texts.t("mod.log-find"));
    const form = h("form", { class: "inline" }, this.#field, find);
    const button = (key: string, run: () => void) =>
      h("button", { type: "button", class: "button", hidden: true, onclick: run }, texts.t(key));
    this.#newer = button("mod.log-newer", () => void this.#load(true));
    this.#more = button("mod.log-more", () => {
      this.#read = true;
      void this.#load(true, this.#last);
    });
    this.element = h("div", {}, form, this.#said, this.#newer, this.#list, this.#more);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#words = this.#field.value.trim();
      void this.#load();
    });
    session.on("plugin_event", ({ plugin, name }) => {
      if (plugin !== "audit" || name !== "entry" || !this.element.isConnected) return;
      this.refresh();
    });
    this.#reader = session.me?.uname;
    session.on("me", () => {
      // The next one may not read what this one did.
      if (session.me?.uname === this.#reader) return;
      this.#reader = session.me?.uname;
      this.#list.replaceChildren();
      this.#words = this.#field.value = "";
      this.#read = false;
    });
  }

  focus(): void {
    this.#field.focus();
  }

  /** Show the newest entries that fit what was searched for; who reads further down isn't torn away. */
  refresh(): void {
    if (!this.element.isConnected) return;
    if (this.#read) this.#newer.hidden = false;
    else void this.#load();
  }

  async #load(focus = false, before = ""): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const { texts, session, announcer } = this.#context;
    const place = before && `before:${before}`;
    const reply = await session.run(["/log *", place, this.#words].filter(Boolean).join(" "));
    if (turn !== this.#turn) return;
    this.#said.textContent = reply.error ? told(reply, this.#context) : "";
    const page = reply.data as { entries: Entry[]; more: boolean } | null;
    if (reply.error || !page) return;
    const rows = page.entries.map((entry) => logRow(entry, this.#context));
    this.#read = before !== "";
    if (before) this.#list.append(...rows);
    else {
      this.#newer.hidden = true;
      this.#list.replaceChildren(...(rows.length ? rows : [h("li", { class: "empty" }, texts.t("mod.nothing"))]));
    }
    if (focus) rows[0]?.focus();
    this.#last = page.entries.at(-1)?.id ?? "";
    this.#more.hidden = !page.more || this.#list.childElementCount >= MOST;
    if (this.#words && !rows.length) announcer.say(texts.t("mod.nothing"));
  }
}

function logRow(entry: Entry, { texts }: Context): HTMLElement {
  const what = [entry.action, entry.target, entry.message_id ? `#${entry.message_id}` : ""].filter(Boolean).join(" ");
  const lasts = entry.seconds ? ` (${texts.left(entry.seconds)})` : "";
  return h(
    "li",
    { tabindex: -1 },
    h("time", { datetime: entry.at }, texts.moment(new Date(entry.at))),
    h(
      "p",
      {},
      foreign(entry.actor, "case-name"),
      " ",
      foreign(what),
      lasts,
      entry.reason && ": ",
      entry.reason && foreign(entry.reason),
    ),
    entry.text && h("p", { class: "case-text" }, foreign(entry.text, "words")),
  );
}
