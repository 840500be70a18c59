import type { Context } from "./context";
import { foreign, h, icon, show } from "./dom";
import type { Mode } from "./protocol";

const CALM = 1500; // ms that a connection may take before anything is said of it

/** What holds for the whole room just now: the connection where it is down, a pinned message, the modes. */
export class Status {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #connection = h("div", { class: "connection", role: "status" });
  readonly #modes = h("div", { class: "modes" });
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.element = h("div", { class: "status" }, this.#connection, this.#modes);
    context.session.room.on("modes", () => this.#drawModes());
    context.session.on("state", () => this.#stateChanged());
    this.#drawModes();
    this.#stateChanged();
  }

  #stateChanged(): void {
    clearTimeout(this.#timer);
    const { state } = this.#context.session;
    // A blink of the network isn't worth a word.
    if (state === "joined" || state === "refused") this.#drawState();
    else this.#timer = setTimeout(() => this.#drawState(), CALM);
  }

  #drawState(): void {
    const { session, texts } = this.#context;
    const { state, refusal } = session;
    show(this.#connection, state !== "joined");
    this.#connection.className = `connection ${state}`;
    if (state === "joined") {
      this.#connection.replaceChildren();
      return;
    }
    const why = `refused.${refusal}`;
    const text = texts.t(texts.has(why) ? why : state === "refused" ? "refused.other" : `state.${state}`);
    const again = h(
      "button",
      { type: "button", class: "small", onclick: () => session.retryNow() },
      texts.t("state.again"),
    );
    this.#connection.replaceChildren(h("span", {}, text), again);
  }

  #drawModes(): void {
    const { room } = this.#context.session;
    this.#modes.replaceChildren(...[...room.modes].map(([name, mode]) => this.#mode(name, mode)));
    show(this.#modes, room.modes.size > 0);
  }

  #mode(name: string, mode: Mode): HTMLElement {
    const { texts, session } = this.#context;
    const line = h(
      "p",
      { class: `mode mode-${name === "pin" ? "pin" : "other"}` },
      icon(name === "pin" ? "pin" : "clock"),
    );
    const text = h("span", {});
    const pinned = name === "pin" ? (mode.value as { uname?: unknown; text?: unknown } | null) : null;
    if (pinned && typeof pinned.text === "string") {
      if (typeof pinned.uname === "string" && pinned.uname) text.append(foreign(pinned.uname, "pinned-by"), ": ");
      text.append(foreign(pinned.text));
    } else {
      const value = typeof mode.value === "number" ? texts.span(mode.value) : "";
      text.append(foreign(texts.has(`mode.${name}`) ? texts.t(`mode.${name}`, { value }) : name));
    }
    if (mode.until)
      text.append(" ", h("span", { class: "until" }, texts.t("mode.until", { time: this.#until(mode.until) })));
    if (mode.reason) text.append(" (", foreign(mode.reason), ")");
    line.append(text);
    line.title = session.room.modes.has("pin") && name === "pin" ? (text.textContent ?? "") : "";
    return line;
  }

  #until(iso: string): string {
    const { texts, session } = this.#context;
    const at = new Date(iso);
    const soon = at.getTime() - session.room.now() < 43_200_000;
    return soon ? texts.time(at) : texts.moment(at);
  }
}
