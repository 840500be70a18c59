import { h, type IconName, icon } from "./dom";
import type { Texts } from "./texts";

/** What a drawer shows. */
export interface Panel {
  readonly element: HTMLElement;
  /** It is shown from now on. */
  opened(): void;
  focus(): void;
}

interface Tab {
  panel: Panel;
  title: string;
  button: HTMLButtonElement;
}

/** The place beside (or, where it is narrow, above) the conversation that one panel at a time is shown in. */
export class Drawer {
  readonly element: HTMLElement;
  /** The buttons that open it, for the head of the box. */
  readonly buttons = h("div", { class: "head-buttons" });
  readonly #tabs = new Map<string, Tab>();
  readonly #title = h("h2", {});
  readonly #place = h("div", { class: "drawer-place" });
  readonly #owner: string;
  /** It was opened, or closed. */
  changed: () => void = () => {};
  #open: string | null = null;

  /** `place` is what the box is called, where there are several. */
  constructor(texts: Texts, place = "") {
    this.#owner = place;
    const close = h(
      "button",
      { type: "button", class: "icon-button", "aria-label": texts.t("drawer.close"), onclick: () => this.close() },
      icon("close"),
    );
    this.element = h(
      "section",
      { class: "drawer", hidden: true, "aria-label": "" },
      h("header", { class: "drawer-head" }, this.#title, close),
      this.#place,
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
  }

  /** The name of the panel that is shown; null: none. */
  get shown(): string | null {
    return this.#open;
  }

  /** Add a panel with its button; returns the button, for what is to be counted on it. */
  add(name: string, title: string, picture: IconName, panel: Panel): HTMLButtonElement {
    const button = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": title,
        title,
        "aria-expanded": "false",
        onclick: () => this.toggle(name),
      },
      icon(picture),
    );
    this.#tabs.set(name, { panel, title, button });
    this.buttons.append(button);
    return button;
  }

  /** Take a panel and its button away. */
  drop(name: string): void {
    if (this.#open === name) this.close(false);
    this.#tabs.get(name)?.button.remove();
    this.#tabs.delete(name);
  }

  toggle(name: string): void {
    if (this.#open === name) this.close();
    else this.open(name);
  }

  open(name: string, focus = true): void {
    const tab = this.#tabs.get(name);
    if (!tab) return;
    this.close(false);
    this.#open = name;
    this.#title.textContent = tab.title;
    this.element.setAttribute("aria-label", this.#owner ? `${tab.title}: ${this.#owner}` : tab.title);
    this.#place.replaceChildren(tab.panel.element);
    tab.button.setAttribute("aria-expanded", "true");
    this.element.hidden = false;
    this.changed();
    tab.panel.opened();
    if (focus) tab.panel.focus();
  }

  close(back = true): void {
    const tab = this.#open === null ? undefined : this.#tabs.get(this.#open);
    this.#open = null;
    this.element.hidden = true;
    this.#place.replaceChildren();
    tab?.button.setAttribute("aria-expanded", "false");
    this.changed();
    if (back) tab?.button.focus();
  }
}
