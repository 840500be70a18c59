import type { Context } from "./context";
import { append, foreign, h } from "./dom";
import type { Reply } from "./protocol";

/** One thing that a moderator decides on. */
export interface Item {
  id: string;
  /** Whose it is. */
  name: string;
  /** It is no user's. */
  network?: boolean;
  /** What they said, where they said something. */
  text?: string;
  /** Until when it holds, in the server's time: shown as what is left, and gone then; null: for good. */
  until?: number | null;
  /** What else there is to know. */
  about: string[];
  decisions: Decision[];
}

export interface Decision {
  label: string;
  /** The key that does it, while the item has the focus. */
  key: string;
  danger?: boolean;
  /** The item stays where it is. */
  stays?: boolean;
  run(): Promise<Reply>;
}

export interface Page {
  page: number;
  pages: number;
}

const UNASKED = 700; // ms in which no key decides, after the focus went to another item by itself

/** What an ack says to a moderator. */
export function told({ error, text }: Reply, { texts }: Context): string {
  return text ?? texts.t(error === null ? "mod.done" : texts.has(`ack.${error}`) ? `ack.${error}` : "ack.refused");
}

const APART = 300; // ms from an answer to the next question: in a raid there is news all the time

/** Run `load` now; asked for again meanwhile, run it once more, a while after it is through. */
export function coalesced(load: () => Promise<void>): () => void {
  let wanted = false;
  let running = false;
  return async () => {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      await load();
      await new Promise((done) => setTimeout(done, APART));
    }
    running = false;
  };
}

/** A list of what waits, or holds, page by page: a decision is one key, and the next item has the focus then. */
export class ModerationList {
  readonly element: HTMLElement;
  /** The page that is wanted. */
  page = 1;
  /** Asked for another page. */
  onPage: () => void = () => {};
  readonly #context: Context;
  readonly #list = h("ul", { class: "cases" });
  readonly #empty: HTMLElement;
  readonly #told = h("p", { role: "alert" }); // of the last decision
  readonly #failed = h("p", { class: "failure", role: "alert" }); // of loading
  readonly #hint: HTMLElement;
  readonly #pager: HTMLElement;
  readonly #number = h("span", { class: "hint" });
  readonly #back: HTMLButtonElement;
  readonly #on: HTMLButtonElement;
  readonly #rows = new Map<string, { row: HTMLElement; shape: string }>();
  readonly #decided = new Set<string>();
  #items: Item[] = [];
  #quietUntil = 0;
  #shown: Page = { page: 1, pages: 1 };
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(context: Context, hint: string) {
    const { texts } = context;
    this.#context = context;
    this.#hint = h("p", { class: "hint keys-hint" }, hint);
    this.#empty = h("p", { class: "empty", tabindex: -1, hidden: true }, texts.t("mod.empty"));
    const turn = (key: string, step: number) =>
      h("button", { type: "button", class: "small", onclick: () => this.#turn(step) }, texts.t(key));
    this.#back = turn("mod.page-back", -1);
    this.#on = turn("mod.page-on", 1);
    this.#pager = h("div", { class: "pager", hidden: true }, this.#back, this.#number, this.#on);
    this.element = h("div", {}, this.#hint, this.#failed, this.#told, this.#list, this.#empty, this.#pager);
    this.#list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show a page of items. The focus stays on its item; where that is gone, it goes to the next one. */
  show(items: Item[], { page, pages }: Page): void {
    const before = document.activeElement;
    const turned = page !== this.#shown.page && this.element.contains(before);
    const at = this.#focusedIndex();
    const focused = this.#items[at]?.id;
    const wanted = items.map((item) => this.#rowOf(item));
    this.#items = items;
    for (const row of [...this.#list.children]) if (!wanted.includes(row as HTMLElement)) row.remove();
    wanted.forEach((row, index) => {
      if (this.#list.children[index] !== row) this.#list.insertBefore(row, this.#list.children[index] ?? null);
    });
    const ids = new Set(items.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    this.#hint.hidden = items.length === 0;
    this.#empty.hidden = items.length > 0;
    this.#shown = { page, pages };
    this.#pager.hidden = pages < 2;
    this.#number.textContent = `${page} / ${pages}`;
    this.#back.disabled = page <= 1;
    this.#on.disabled = page >= pages;
    this.#tick();
    if (focused !== undefined || turned || before === this.#empty) this.#refocus(at, focused);
    for (const id of this.#decided) if (!ids.has(id)) this.#decided.delete(id);
  }

  /** Put the focus where it belongs, as it was here: `at` and `focused` tell on which item. */
  #refocus(at: number, focused: string | undefined): void {
    const still = this.#items.findIndex(({ id }) => id === focused);
    if (still >= 0) {
      if (this.#focusedIndex() !== still) this.#focus(still);
      return;
    }
    // A key that was meant for what another moderator was quicker with must not hit what came into its place.
    if (focused === undefined || !this.#decided.has(focused)) this.#quietUntil = performance.now() + UNASKED;
    this.#focus(at);
  }

  /** Say why the page that is wanted can't be had; empty: it can. */
  fail(text: string): void {
    this.#failed.textContent = text;
    if (!text) return;
    this.#empty.hidden = true;
    this.page = this.#shown.page;
  }

  focus(): void {
    this.#focus(0);
  }

  #rowOf(item: Item): HTMLElement {
    const shape = JSON.stringify(item);
    const known = this.#rows.get(item.id);
    if (known?.shape === shape) return known.row;
    const row = this.#row(item);
    this.#rows.set(item.id, { row, shape });
    return row;
  }

  #row(item: Item): HTMLElement {
    const row = h("li", { class: "case", tabindex: 0 });
    row.dataset.case = item.id;
    const buttons = item.decisions.map((decision) => {
      const attributes = {
        type: "button",
        class: decision.danger ? "small danger" : "small",
        "aria-keyshortcuts": decision.key,
      };
      const button = h("button", attributes, decision.label, " ", h("kbd", { "aria-hidden": "true" }, decision.key));
      button.addEventListener("click", () => void this.#decide(item.id, decision));
      return button;
    });
    const { openMenu } = this.#context;
    const menu = () => openMenu(name, { user: { uname: item.name, role: "member" } });
    const name = h(
      "button",
      { type: "button", class: "name", "aria-haspopup": "menu", onclick: menu },
      foreign(item.name),
    );
    append(
      row,
      item.network ? foreign(item.name, "name") : name,
      item.text !== undefined && h("p", { class: "case-text" }, foreign(item.text, "words")),
      item.until !== undefined && h("p", { class: "case-about left" }, this.#left(item.until)),
      ...item.about.filter(Boolean).map((line) => h("p", { class: "case-about" }, foreign(line))),
      buttons.length > 0 && h("div", { class: "buttons" }, ...buttons),
    );
    return row;
  }

  #left(until: number | null): string {
    const { texts, session } = this.#context;
    if (until === null) return texts.t("span.0");
    return texts.t("mod.left", { left: texts.left((until - session.room.now()) / 1000) });
  }

  /** Count down what is left, as long as somebody looks; what is over goes. */
  #tick(): void {
    clearInterval(this.#timer);
    if (!this.#items.some(({ until }) => until)) return;
    this.#timer = setInterval(() => {
      if (!this.element.isConnected) {
        clearInterval(this.#timer);
        return;
      }
      const now = this.#context.session.room.now();
      const lasting = this.#items.filter(({ until }) => !until || until > now);
      if (lasting.length < this.#items.length) this.show(lasting, this.#shown);
      for (const { id, until } of lasting) {
        const left = this.#rows.get(id)?.row.querySelector(".left");
        if (left && until) left.textContent = this.#left(until);
      }
    }, 1000);
  }

  #turn(step: number): void {
    this.page = this.#shown.page + step;
    this.onPage();
  }

  async #decide(id: string, decision: Decision): Promise<void> {
    const row = this.#rows.get(id)?.row;
    if (!row || row.ariaBusy) return;
    row.ariaBusy = "true";
    // The button goes with the item.
    if (row.contains(document.activeElement)) row.focus();
    if (!decision.stays) this.#decided.add(id);
    const reply = await decision.run();
    row.ariaBusy = null;
    if (reply.error) this.#decided.delete(id);
    const text = told(reply, this.#context);
    const seen = reply.error !== null || decision.stays;
    this.#told.className = reply.error ? "failure" : "case-about";
    this.#told.textContent = seen ? text : "";
    if (!seen) this.#context.announcer.say(text);
  }

  #key(event: KeyboardEvent): void {
    const at = this.#focusedIndex();
    const item = this.#items[at];
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    // Where that isn't a letter of these, as in Greek, it is the one that has its place.
    const pressed = (event.key > "~" ? event.code.slice(3) : event.key).toLowerCase();
    const decision = item.decisions.find(({ key }) => key === pressed);
    if (decision) {
      // A key that is held down decides once.
      if (!event.repeat && performance.now() > this.#quietUntil) void this.#decide(item.id, decision);
    } else if (pressed === "j" || pressed === "arrowdown") this.#focus(at + 1);
    else if (pressed === "k" || pressed === "arrowup") this.#focus(at - 1);
    else return;
    event.preventDefault();
  }

  #focusedIndex(): number {
    const row = document.activeElement?.closest<HTMLElement>("[data-case]");
    return row && this.#list.contains(row) ? [...this.#list.children].indexOf(row) : -1;
  }

  #focus(index: number): void {
    const rows = this.#list.children;
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)] ?? this.#empty;
    (row as HTMLElement).focus();
  }
}
