import type { Context } from "./context";
import { h, show, uniqueId } from "./dom";
import type { CommandInfo } from "./protocol";

const MOST = 8;
const DURATIONS = ["10m", "1h", "1d", "7d"];

interface Choice {
  /** What is put in the place of `from` to the cursor. */
  insert: string;
  label: string;
  help: string;
  from: number;
  duration?: boolean;
}

/** What may come next while somebody types: commands after a slash, their arguments, names after an @. */
export class Completion {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #field: HTMLTextAreaElement;
  readonly #usage = h("div", { class: "usage" });
  readonly #list: HTMLElement;
  #choices: Choice[] = [];
  #at = 0;
  #dismissed = ""; // for this text it was closed

  constructor(context: Context, field: HTMLTextAreaElement) {
    this.#context = context;
    this.#field = field;
    const id = uniqueId("choices");
    this.#list = h("div", { class: "choices", role: "listbox", id, "aria-label": context.texts.t("completion.label") });
    this.element = h("div", { class: "completion", hidden: true }, this.#usage, this.#list);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", id);
    field.setAttribute("aria-haspopup", "listbox");
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    field.addEventListener("blur", () => this.close());
  }

  get isOpen(): boolean {
    return this.#choices.length > 0;
  }

  /** Look anew what fits. */
  update(): void {
    const { value, selectionStart } = this.#field;
    const before = value.slice(0, selectionStart);
    const command = this.#command(value);
    this.#usage.replaceChildren();
    if (command && /\s/.test(before)) {
      this.#usage.append(h("code", {}, command.usage), h("span", {}, command.help));
    }
    const choices = this.#dismissed === value ? [] : this.#choicesFor(before, command);
    const typed = before.toLowerCase();
    const whole = ({ insert, from }: Choice) => insert.trim().toLowerCase() === typed.slice(from);
    const first = choices.find(whole);
    const others = choices.filter((choice) => choice !== first);
    this.#open(others.length ? [...(first ? [first] : []), ...others].slice(0, MOST) : []);
  }

  close(): void {
    this.#usage.replaceChildren();
    this.#open([]);
  }

  /** Handle a key of the field's; tells whether that was it. */
  key(event: KeyboardEvent): boolean {
    if (!this.isOpen) return false;
    const count = this.#choices.length;
    if (event.key === "ArrowDown") this.#mark((this.#at + 1) % count);
    else if (event.key === "ArrowUp") this.#mark((this.#at + count - 1) % count);
    else if (event.key === "Tab" || (event.key === "Enter" && this.#mayEnter())) this.#choose(this.#at);
    else if (event.key === "Escape") {
      this.#dismissed = this.#field.value;
      this.close();
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** Enter takes the choice, unless what is typed can be sent as it is. */
  #mayEnter(): boolean {
    const choice = this.#choices[this.#at];
    if (!choice) return false;
    const typed = this.#field.value.slice(choice.from, this.#field.selectionStart).toLowerCase();
    if (this.#at > 0) return true;
    if (typed === choice.insert.trim().toLowerCase() || typed === "@") return false;
    if (choice.duration && /^\d+[a-z]*$/.test(typed)) return false;
    return choice.from === 0 || typed.length > 0;
  }

  #command(value: string): CommandInfo | null {
    const word = /^\/(\S+)/.exec(value)?.[1]?.toLowerCase();
    const { commands } = this.#context.session;
    return commands.find((info) => info.name === word || info.aliases.includes(word ?? "")) ?? null;
  }

  #choicesFor(before: string, command: CommandInfo | null): Choice[] {
    const slash = /^\/(\S*)$/.exec(before);
    if (slash) return this.#commandsLike((slash[1] ?? "").toLowerCase());
    if (command) return this.#arguments(before, command);
    const at = /(?:^|\s)@([^\s@]{0,40})$/u.exec(before);
    if (at) return this.#names(at[1] ?? "", before.length - (at[1] ?? "").length - 1, (name) => `@${name} `);
    return [];
  }

  #commandsLike(typed: string): Choice[] {
    return this.#context.session.commands
      .filter((info) => info.name.startsWith(typed) || info.aliases.some((alias) => alias.startsWith(typed)))
      .sort((one, other) => one.name.localeCompare(other.name))
      .map((info) => ({ insert: `/${info.name} `, label: info.usage, help: info.help, from: 0 }));
  }

  #arguments(before: string, command: CommandInfo): Choice[] {
    const words = before.split(/\s+/);
    const typed = words.at(-1) ?? "";
    const from = before.length - typed.length;
    const param = command.params[words.length - 2];
    if (param?.kind === "user") return this.#names(typed.replace(/^[@"]/, ""), from, (name) => `${quoted(name)} `);
    const duration = param?.kind === "duration";
    const wanted = param?.kind === "choice" ? (param.choices ?? []) : duration ? DURATIONS : [];
    return wanted
      .filter((choice) => choice.startsWith(typed.toLowerCase()))
      .map((choice) => ({ insert: `${choice} `, label: choice, help: "", from, duration }));
  }

  #names(typed: string, from: number, inserted: (name: string) => string): Choice[] {
    const lower = typed.toLowerCase();
    const { room } = this.#context.session;
    return room
      .names()
      .filter((name) => name.toLowerCase().startsWith(lower) && name !== room.me?.uname)
      .map((name) => ({ insert: inserted(name), label: name, help: "", from }));
  }

  #open(choices: Choice[]): void {
    this.#choices = choices;
    this.#list.replaceChildren(
      ...choices.map((choice, index) => {
        const label = h("bdi", { class: "choice-label" }, choice.label);
        const option = h("div", { role: "option", id: uniqueId("choice"), class: "choice" }, label);
        if (choice.help) option.append(h("span", { class: "choice-help" }, choice.help));
        option.addEventListener("click", () => this.#choose(index));
        return option;
      }),
    );
    show(this.element, choices.length > 0 || this.#usage.childElementCount > 0);
    show(this.#list, choices.length > 0);
    this.#mark(0);
  }

  #mark(index: number): void {
    this.#at = index;
    this.#field.removeAttribute("aria-activedescendant");
    [...this.#list.children].forEach((option, number) => {
      option.setAttribute("aria-selected", String(number === index));
      if (number !== index) return;
      this.#field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    });
  }

  #choose(index: number): void {
    const choice = this.#choices[index];
    if (!choice) return;
    this.#field.setRangeText(choice.insert, choice.from, this.#field.selectionStart, "end");
    this.#field.dispatchEvent(new Event("input"));
    this.#field.focus();
  }
}

/** A uname as a command takes it, whatever is in it. */
export function quoted(uname: string): string {
  // What looks like an address is one to /ban, unless it is in quotes.
  const special = /[\s"@\\*]|^(more|[\da-f.:/]*[.:/][\da-f.:/]*)$/i.test(uname);
  return special ? `"${uname.replace(/["\\]/g, "\\$&")}"` : uname;
}
