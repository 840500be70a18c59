import { isStaff } from "./connection";
import type { Context } from "./context";
import { h, uniqueId } from "./dom";
import type { Drawer, Panel } from "./drawer";
import { logTab } from "./moderation_log";
import { modesTab } from "./moderation_modes";
import { queueTab, reportsTab, sanctionsTab, type Tab } from "./moderation_tabs";

/** The moderators' panel: what waits, what was reported, who is muted and banned, the modes, the log. */
export class ModerationPanel implements Panel {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #bar: HTMLElement;
  readonly #place: HTMLElement;
  readonly #tabs: Tab[];
  readonly #buttons = new Map<string, HTMLButtonElement>();
  #shown = "";
  #reports = 0;
  /** Told how much waits for a decision. */
  onCount: (count: number) => void = () => {};

  constructor(context: Context) {
    this.#context = context;
    const { session, texts } = context;
    this.#bar = h("div", { class: "tabs", role: "tablist", "aria-label": texts.t("mod.title") });
    this.#place = h("div", { class: "tab-place", role: "tabpanel", id: uniqueId("tab") });
    this.element = h("div", { class: "panel-body moderation" }, this.#bar, this.#place);
    const counted = (count: number) => {
      this.#reports = count;
      this.#count();
    };
    this.#tabs = [
      queueTab(context),
      reportsTab(context, counted),
      sanctionsTab(context, "mutes"),
      sanctionsTab(context, "bans"),
      modesTab(context),
      logTab(context),
    ];
    this.#bar.addEventListener("keydown", (event) => this.#key(event));
    session.room.on("held", () => this.#count());
    session.on("commands", () => this.#commandsChanged());
    this.#commandsChanged();
  }

  opened(): void {
    this.#draw();
    // What went wrong there before is over.
    for (const said of this.#place.querySelectorAll("[role=alert]")) said.textContent = "";
    this.#tab?.refresh();
  }

  focus(): void {
    this.#buttons.get(this.#shown)?.focus();
  }

  get #usable(): Tab[] {
    return this.#tabs.filter(({ commands }) => commands.some((command) => this.#context.session.may(command)));
  }

  get #tab(): Tab | undefined {
    return this.#tabs.find(({ name }) => name === this.#shown);
  }

  #commandsChanged(): void {
    const { session } = this.#context;
    // Known before the tab is looked at, for the count.
    if (isStaff(session.me?.role) && session.may("reports"))
      this.#tabs.find(({ name }) => name === "reports")?.refresh();
    this.#draw();
    if (this.element.isConnected) this.#tab?.refresh();
  }

  #draw(): void {
    const usable = this.#usable;
    if (!usable.some(({ name }) => name === this.#shown)) this.#shown = usable[0]?.name ?? "";
    if (usable.map(({ name }) => name).join() !== [...this.#buttons.keys()].join()) {
      this.#buttons.clear();
      this.#bar.replaceChildren(...usable.map((tab) => this.#button(tab)));
    }
    for (const [name, button] of this.#buttons) {
      button.setAttribute("aria-selected", String(name === this.#shown));
      button.tabIndex = name === this.#shown ? 0 : -1;
    }
    const tab = this.#tab;
    if (tab && this.#place.firstChild !== tab.element) this.#place.replaceChildren(tab.element);
    this.#place.setAttribute("aria-labelledby", this.#buttons.get(this.#shown)?.id ?? "");
    this.#count();
  }

  #button(tab: Tab): HTMLButtonElement {
    const attributes = { type: "button", role: "tab", id: uniqueId("tab"), "aria-controls": this.#place.id };
    const button = h(
      "button",
      attributes,
      h("span", {}, this.#context.texts.t(`mod.${tab.name}`)),
      h("span", { class: "number" }),
    );
    button.addEventListener("click", () => this.#show(tab.name));
    this.#buttons.set(tab.name, button);
    return button;
  }

  #show(name: string): void {
    this.#shown = name;
    this.opened();
  }

  #key(event: KeyboardEvent): void {
    const names = [...this.#buttons.keys()];
    const at = names.indexOf(this.#shown);
    const step = getComputedStyle(this.element).direction === "rtl" ? -1 : 1;
    const to = { ArrowRight: at + step, ArrowLeft: at - step, Home: 0, End: -1, ArrowDown: at }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (event.key === "ArrowDown") {
      this.#tab?.focus();
      return;
    }
    this.#show(names.at(to % names.length) ?? "");
    this.focus();
  }

  #count(): void {
    const { room } = this.#context.session;
    const numbers: Record<string, number> = { queue: room.held.size, reports: this.#reports };
    for (const [name, button] of this.#buttons) {
      const count = numbers[name] ?? 0;
      if (button.lastElementChild) button.lastElementChild.textContent = count ? String(count) : "";
    }
    this.onCount(room.held.size + this.#reports);
  }
}

/** Give a box the panel while its visitor is staff. `counted` is told what waits. */
export function addModeration(context: Context, drawer: Drawer, counted: (count: number) => void = () => {}): void {
  const { session, texts } = context;
  let panel: ModerationPanel | null = null;
  let added = false;
  const update = () => {
    const staff = isStaff(session.me?.role);
    if (staff === added) return;
    added = staff;
    if (!staff) {
      drawer.drop("moderation");
      counted(0);
      return;
    }
    panel ??= new ModerationPanel(context); // one for good: it listens as long as the session is
    const button = drawer.add("moderation", texts.t("mod.title"), "shield", panel);
    const badge = h("span", { class: "count", hidden: true });
    button.append(badge);
    panel.onCount = (count) => {
      badge.textContent = count > 99 ? "99+" : String(count);
      badge.hidden = count === 0;
      button.setAttribute("aria-label", count ? texts.t("mod.waiting", { count }) : texts.t("mod.title"));
      counted(count);
    };
  };
  session.on("me", update);
  update();
}
