import type { Context } from "./context";
import { append, foreign, h, icon } from "./dom";
import { rank, type User } from "./protocol";
import { avatar, badge } from "./row";

const MOST = 300; // rows; who looks for somebody else types a letter

/** Who is here, with a search. */
export class People {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #search: HTMLInputElement;
  readonly #list = h("ul", { class: "people" });
  readonly #more = h("p", { class: "hint" });

  constructor(context: Context) {
    const { texts, session } = context;
    this.#context = context;
    this.#search = h("input", {
      type: "search",
      class: "search",
      placeholder: texts.t("people.search"),
      "aria-label": texts.t("people.search"),
      autocomplete: "off",
    });
    this.#search.addEventListener("input", () => this.#draw());
    this.element = h("div", { class: "panel-body" }, this.#search, this.#list, this.#more);
    const update = () => this.element.isConnected && this.#draw();
    for (const name of ["users", "mutes"] as const) session.room.on(name, update);
    session.on("ignored", update);
  }

  /** Draw it; while it isn't shown nothing is done. */
  opened(): void {
    this.#draw();
  }

  focus(): void {
    this.#search.focus();
  }

  #draw(): void {
    const { session, texts } = this.#context;
    const wanted = this.#search.value.trim().toLowerCase();
    const all = [...session.room.users.values()].sort(inOrder);
    const found = all.filter((user) => user.uname.toLowerCase().includes(wanted));
    const focused = document.activeElement?.closest<HTMLElement>("[data-uname]")?.dataset.uname;
    this.#list.replaceChildren(...found.slice(0, MOST).map((user) => this.#row(user)));
    if (focused !== undefined) {
      const rows = [...this.#list.querySelectorAll<HTMLElement>("[data-uname]")];
      rows.find((row) => row.dataset.uname === focused)?.focus({ preventScroll: true });
    }
    const { count } = session.room;
    const hidden = found.length - MOST;
    const hint = !found.length
      ? texts.t("people.nobody")
      : hidden > 0
        ? texts.t("people.more", { count: hidden })
        : count !== null
          ? texts.t("people.big", { count })
          : "";
    this.#more.textContent = hint;
  }

  #row(user: User): HTMLElement {
    const { session, texts } = this.#context;
    const button = h("button", {
      type: "button",
      class: "person",
      "aria-haspopup": "menu",
      onclick: () => this.#context.openMenu(button, { user }),
    });
    button.dataset.uname = user.uname;
    const muted = session.room.mutes.has(user.uname.toLowerCase());
    append(
      button,
      avatar(user.uname),
      foreign(user.uname, "person-name"),
      badge({ user }, this.#context),
      muted &&
        h(
          "span",
          { class: "state", title: texts.t("people.muted") },
          icon("muted"),
          h("span", { class: "unseen" }, texts.t("people.muted")),
        ),
      session.ignored.has(user.uname) && h("span", { class: "state-text" }, texts.t("people.ignored")),
      user.uname === session.me?.uname && h("span", { class: "state-text" }, texts.t("people.you")),
    );
    return h("li", {}, button);
  }
}

function inOrder(one: User, other: User): number {
  return rank(other.role) - rank(one.role) || one.uname.localeCompare(other.uname);
}
