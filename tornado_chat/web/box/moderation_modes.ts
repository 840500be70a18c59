import type { Context } from "./context";
import { append, foreign, h, show, uniqueId } from "./dom";
import { told } from "./moderation_list";
import type { Tab } from "./moderation_tabs";

const MODES = ["slow", "lock", "members", "unique"];
const SPANS = ["10m", "1h", "1d"];

interface Switch {
  row: HTMLElement;
  toggle: HTMLInputElement;
  left: HTMLElement;
}

/** What is turned on in the room, as switches. */
export function modesTab(context: Context): Tab {
  const modes = new Modes(context);
  return {
    name: "modes",
    commands: [...MODES, "pin"],
    element: modes.element,
    refresh: () => modes.refresh(),
    focus: () => modes.focus(),
  };
}

class Modes {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #said = h("p", { class: "failure", role: "alert" });
  readonly #span: HTMLSelectElement;
  readonly #seconds: HTMLInputElement;
  readonly #pin: HTMLElement;
  readonly #pinned = h("p", {});
  readonly #switches: Map<string, Switch>;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(context: Context) {
    const { session, texts } = context;
    this.#context = context;
    const id = uniqueId("for");
    this.#span = h(
      "select",
      { id, class: "search" },
      ...SPANS.map((value) => h("option", { value }, texts.t(`span.${value}`))),
    );
    this.#seconds = h("input", {
      type: "number",
      class: "search",
      min: 1,
      max: 21_600,
      value: 10,
      required: true,
      "aria-label": texts.t("mod.slow-seconds"),
      onchange: () => {
        const slow = session.room.modes.get("slow");
        if (!slow || !this.#seconds.reportValidity()) return;
        // It lasts as long as it was to last.
        const left = slow.until ? `${Math.floor((Date.parse(slow.until) - session.room.now()) / 1000)}s` : "";
        void this.#run(`/slow ${this.#seconds.value} ${left}`);
      },
    });
    this.#switches = new Map(MODES.map((name) => [name, this.#switch(name)]));
    const unpin = h(
      "button",
      { type: "button", class: "small", onclick: () => void this.#run("/unpin").then(() => this.focus()) },
      texts.t("mod.unpin"),
    );
    this.#pin = h("div", { class: "setting" }, this.#pinned, unpin);
    this.element = h(
      "div",
      { class: "switches" },
      this.#said,
      h("div", { class: "setting" }, h("label", { for: id }, texts.t("mod.for")), this.#span),
      ...[...this.#switches.values()].map(({ row }) => row),
      this.#pin,
    );
    session.room.on("modes", () => this.refresh());
    session.on("commands", () => this.refresh());
  }

  focus(): void {
    [...this.#switches.values()].find(({ row }) => !row.hidden)?.toggle.focus();
  }

  refresh(): void {
    const { session } = this.#context;
    const { modes } = session.room;
    for (const [name, { row, toggle }] of this.#switches) {
      show(row, session.may(name) && (name !== "lock" || session.may("unlock")));
      toggle.checked = modes.has(name);
    }
    const slow = modes.get("slow")?.value;
    if (typeof slow === "number" && document.activeElement !== this.#seconds) this.#seconds.value = String(slow);
    const pinned = modes.get("pin")?.value as { text?: unknown } | undefined;
    show(this.#pin, pinned !== undefined && session.may("unpin"));
    this.#pinned.replaceChildren(foreign(String(pinned?.text ?? ""), "words"));
    this.#tick();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => (this.element.isConnected ? this.#tick() : clearInterval(this.#timer)), 1000);
  }

  /** Count down what is left of each. */
  #tick(): void {
    const { session, texts } = this.#context;
    for (const [name, { left }] of this.#switches) {
      const until = session.room.modes.get(name)?.until;
      const seconds = until ? Math.max(Date.parse(until) - session.room.now(), 0) / 1000 : 0;
      left.textContent = until ? texts.t("mod.left", { left: texts.left(seconds) }) : "";
    }
  }

  #switch(name: string): Switch {
    const id = uniqueId("mode");
    const left = h("span", { class: "case-about", id: `${id}-left` });
    const toggle = h("input", { type: "checkbox", role: "switch", class: "switch", id, "aria-describedby": left.id });
    toggle.addEventListener("change", () => void this.#set(name, toggle.checked));
    const row = h("div", { class: "setting" });
    const label = h("label", { for: id }, this.#context.texts.t(`mod.mode-${name}`));
    append(row, h("div", { class: "mode-name" }, label, left), name === "slow" && this.#seconds, toggle);
    return { row, toggle, left };
  }

  async #set(name: string, on: boolean): Promise<void> {
    const off = name === "lock" ? "/unlock" : `/${name} off`;
    await this.#run(on ? `/${name}${name === "slow" ? ` ${this.#seconds.value || 10}` : ""} ${this.#span.value}` : off);
  }

  async #run(command: string): Promise<void> {
    const reply = await this.#context.session.run(command);
    const text = told(reply, this.#context);
    this.#said.textContent = reply.error ? text : "";
    this.#context.announcer.say(text);
    this.refresh();
  }
}
