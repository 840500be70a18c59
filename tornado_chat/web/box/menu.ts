import { append, h, type IconName, icon } from "./dom";

export interface MenuItem {
  label: string;
  run?(): void;
  /** Does harm, and is shown so. */
  danger?: boolean;
  icon?: IconName;
  /** A line above it. */
  separated?: boolean;
  /** Opens a menu in the place of this one, such as "Mute for…". */
  items?: MenuItem[];
}

/** Give the focus back to where it was; else to what was made anew in its place, or to what stands by. */
export function focusBack(root: HTMLElement, where: Element | null): void {
  const again = ["data-id", "data-uname", "data-case"].map((name) => {
    const value = where?.closest(`[${name}]`)?.getAttribute(name);
    return value ? root.querySelector(`[${name}="${CSS.escape(value)}"]`) : null;
  });
  for (const to of [where, ...again, root.querySelector("[aria-expanded=true], .field")]) {
    if (document.activeElement === document.body) (to as HTMLElement | null)?.focus();
  }
}

/** A menu at an element, for mouse and keyboard, as the ARIA practices have it. One is open at a time. */
export class Menu {
  readonly #root: HTMLElement;
  #open: { element: HTMLElement; anchor: HTMLElement; end: AbortController } | null = null;

  /** `root` is what it is put into, and stays within. */
  constructor(root: HTMLElement) {
    this.#root = root;
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  open(anchor: HTMLElement, label: string, items: MenuItem[]): void {
    this.close(false);
    const element = h("div", { class: "menu", role: "menu", "aria-label": label, tabindex: -1 });
    const end = new AbortController();
    this.#open = { element, anchor, end };
    anchor.setAttribute("aria-expanded", "true");
    this.#fill(label, items);
    this.#root.append(element);
    this.#place();
    element.addEventListener("keydown", (event) => this.#key(event));
    const { signal } = end;
    document.addEventListener(
      "pointerdown",
      (event) => {
        if (!element.contains(event.target as Node)) this.close(false);
      },
      { capture: true, signal },
    );
    window.addEventListener("resize", () => this.close(false), { signal });
    window.addEventListener("blur", () => this.close(false), { signal });
    this.#buttons[0]?.focus();
  }

  /** Close it; `back` puts the focus where it came from. */
  close(back = true): void {
    if (!this.#open) return;
    const { element, anchor, end } = this.#open;
    this.#open = null;
    end.abort();
    element.remove();
    anchor.removeAttribute("aria-expanded");
    if (back) focusBack(this.#root, anchor);
  }

  #fill(label: string, items: MenuItem[]): void {
    const element = this.#open?.element;
    if (!element) return;
    element.setAttribute("aria-label", label);
    element.replaceChildren(h("div", { class: "menu-title", role: "presentation" }, h("bdi", {}, label)));
    for (const item of items) {
      if (item.separated) element.append(h("div", { class: "menu-line", role: "separator" }));
      const button = h("button", {
        type: "button",
        role: "menuitem",
        tabindex: -1,
        class: item.danger ? "danger" : "",
        "aria-haspopup": item.items ? "menu" : undefined,
        onclick: () => this.#choose(item),
      });
      append(
        button,
        item.icon && icon(item.icon),
        h("span", {}, item.label),
        item.items && h("span", { class: "menu-more", "aria-hidden": "true" }, "›"),
      );
      element.append(button);
    }
  }

  #choose(item: MenuItem): void {
    if (item.items) {
      this.#fill(item.label, item.items);
      this.#place();
      this.#buttons[0]?.focus();
      return;
    }
    this.close();
    item.run?.();
  }

  get #buttons(): HTMLElement[] {
    return [...(this.#open?.element.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  }

  #key(event: KeyboardEvent): void {
    const buttons = this.#buttons;
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const step = (to: number) => {
      event.preventDefault();
      buttons[(to + buttons.length) % buttons.length]?.focus();
    };
    event.stopPropagation();
    if (event.key === "ArrowDown") step(at + 1);
    else if (event.key === "ArrowUp") step(at < 0 ? buttons.length - 1 : at - 1);
    else if (event.key === "Home") step(0);
    else if (event.key === "End") step(buttons.length - 1);
    else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      this.close();
    } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
      const letter = event.key.toLocaleLowerCase();
      const order = [...buttons.slice(at + 1), ...buttons.slice(0, at + 1)];
      order.find((button) => button.textContent?.trim().toLocaleLowerCase().startsWith(letter))?.focus();
    }
  }

  /** Below its anchor where there is room, else above; never outside the root. */
  #place(): void {
    if (!this.#open) return;
    const { element, anchor } = this.#open;
    const bounds = this.#root.getBoundingClientRect();
    const at = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = element;
    const rtl = getComputedStyle(this.#root).direction === "rtl";
    const wanted = rtl ? at.left : at.right - width;
    const left = Math.min(Math.max(wanted, bounds.left + 8), bounds.right - width - 8);
    const below = at.bottom + 4;
    const top = below + height <= bounds.bottom - 8 ? below : Math.max(at.top - height - 4, bounds.top + 8);
    element.style.left = `${left - bounds.left}px`;
    element.style.top = `${top - bounds.top}px`;
  }
}
