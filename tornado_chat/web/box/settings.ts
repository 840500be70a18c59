import type { Context } from "./context";
import { h, uniqueId } from "./dom";
import type { Sound } from "./sound";

/** What a visitor chooses for this browser. */
export class Settings {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #ignored = h("ul", { class: "ignored" });

  constructor(context: Context, sound: Sound, logout: (() => void) | null) {
    this.#context = context;
    const { texts, session } = context;
    const id = uniqueId("sound");
    const toggle = h("input", { type: "checkbox", id, role: "switch", class: "switch", checked: sound.on });
    toggle.addEventListener("change", () => {
      sound.on = toggle.checked;
      void sound.play();
    });
    this.element = h(
      "div",
      { class: "panel-body" },
      h("div", { class: "setting" }, h("label", { for: id }, texts.t("settings.sound")), toggle),
      h("h3", {}, texts.t("settings.ignored")),
      this.#ignored,
    );
    if (logout)
      this.element.append(
        h("button", { type: "button", class: "button", onclick: logout }, texts.t("settings.logout")),
      );
    session.on("ignored", () => this.element.isConnected && this.opened());
  }

  opened(): void {
    const { session, texts } = this.#context;
    const names = session.ignored.names;
    this.#ignored.replaceChildren(
      ...names.map((name) => {
        const back = () => this.#context.openMenu(button, { user: { uname: name, role: "member" } });
        const button = h(
          "button",
          { type: "button", class: "person", "aria-haspopup": "menu", onclick: back },
          h("bdi", {}, name),
        );
        return h("li", {}, button);
      }),
      ...(names.length ? [] : [h("li", { class: "hint" }, texts.t("settings.nobody"))]),
    );
  }

  focus(): void {
    this.element.querySelector<HTMLElement>("input")?.focus();
  }
}
