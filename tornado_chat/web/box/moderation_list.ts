import type { Context } from "./context";
import { append, foreign, h } from "./dom";
import type { Reply } from "./protocol";

/** One thing that a moderator decides on. */
export interface Item {
  id: string;
  /** Whose it is. */
  name: string;
  /** What they said, where they said something. */
  text?: string;
  /** What else there is to know. */
  about: string[];
  decisions: Decision[];
}

export interface Decision {
  label: string;
  /** The key that does it, while the item has the focus. */
  key: string;
  danger?: boolean;
  run(): Promise<Reply>;
}

/** A list of what waits, or holds: a decision is one key, and the next item has the focus then. */
export class ModerationList {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #list = h("ul", { class: "cases" });
  readonly #said = h("p", { class: "failure", role: "alert" });
  readonly #hint: HTMLElement;
  #items: Item[] = [];

  constructor(context: Context, hint: string) {
    this.#context = context;
    this.#hint = h("p", { class: "hint" }, hint);
    this.element = h("div", { tabindex: -1 }, this.#hint, this.#said, this.#list);
    this.#list.addEventListener("keydown", (event) => this.#key(event));
  }

  show(items: Item[]): void {
    const focused = this.#focusedIndex();
    this.#items = items;
    this.#hint.hidden = items.length === 0;
    const empty = h("li", { class: "empty" }, this.#context.texts.t("mod.empty"));
    this.#list.replaceChildren(...items.map((item) => this.#row(item)), ...(items.length ? [] : [empty]));
    if (focused < 0) return;
    if (items.length) this.#focus(Math.min(focused, items.length - 1));
    else this.element.focus();
  }

  fail(text: string): void {
    this.#said.textContent = text;
  }

  focus(): void {
    this.#focus(0);
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
      button.addEventListener("click", () => void this.#decide(row, decision));
      return button;
    });
    append(
      row,
      h("p", { class: "case-name" }, foreign(item.name)),
      item.text !== undefined && h("p", { class: "case-text" }, foreign(item.text, "words")),
      ...item.about.filter(Boolean).map((line) => h("p", { class: "case-about" }, foreign(line))),
      h("div", { class: "buttons" }, ...buttons),
    );
    return row;
  }

  async #decide(row: HTMLElement, decision: Decision): Promise<void> {
    if (row.getAttribute("aria-busy")) return;
    row.setAttribute("aria-busy", "true");
    if (row.contains(document.activeElement)) row.focus();
    const { error, text } = await decision.run();
    row.removeAttribute("aria-busy");
    const { texts, announcer } = this.#context;
    const told = text ?? texts.t(error ? (texts.has(`ack.${error}`) ? `ack.${error}` : "ack.refused") : "mod.done");
    this.#said.textContent = error ? told : "";
    announcer.say(told);
  }

  #key(event: KeyboardEvent): void {
    const at = this.#focusedIndex();
    const item = this.#items[at];
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = this.#list.children[at] as HTMLElement;
    const decision = item.decisions.find(({ key }) => key === event.key);
    if (decision) void this.#decide(row, decision);
    else if (event.key === "j" || event.key === "ArrowDown") this.#focus(at + 1);
    else if (event.key === "k" || event.key === "ArrowUp") this.#focus(at - 1);
    else return;
    event.preventDefault();
  }

  #focusedIndex(): number {
    const row = document.activeElement?.closest<HTMLElement>("[data-case]");
    return row && this.#list.contains(row) ? [...this.#list.children].indexOf(row) : -1;
  }

  #focus(index: number): void {
    const rows = this.#list.querySelectorAll<HTMLElement>("[data-case]");
    rows[Math.min(Math.max(index, 0), rows.length - 1)]?.focus();
  }
}
