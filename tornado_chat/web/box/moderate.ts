import { Box } from "./box";
import { isStaff } from "./connection";
import { append, foreign, h, icon, show } from "./dom";
import type { Host } from "./host";
import { recall, remember } from "./memory";
import { moderatorsItems } from "./moderation_items";
import { addModeration } from "./moderation_panel";
import type { PageApp, PageData } from "./protocol";
import { Session } from "./session";
import { Sound } from "./sound";
import type { Texts } from "./texts";

const TOKEN = "token"; // remembered for this tab, never in an address

/** Several apps side by side, for who minds them all. */
export function moderate(page: PageData, texts: Texts, host: Host): HTMLElement {
  const sound = new Sound(true);
  const columns = page.apps.map((app) => new Column(app, texts, sound));
  const login = (token: string) => {
    for (const column of columns) column.session.login(token);
    show(form, false);
  };
  const form = loginForm(page, texts, (token) => {
    remember(TOKEN, token, "session");
    login(token);
  });
  const bar = h("header", { class: "head-bar moderate-bar" }, h("h1", {}, texts.t("mod.page")));
  append(bar, ...columns.map((column, index) => column.chip(index)), addForm(page.apps, texts));
  document.addEventListener("keydown", (event) => {
    const typing = (event.target as Element).closest("input, textarea, select, dialog");
    if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) columns[Number(event.key) - 1]?.goTo();
  });
  const element = h(
    "main",
    { class: "moderate" },
    bar,
    form,
    h("div", { class: "columns" }, ...columns.map(({ element }) => element)),
  );
  void host.token.then((given) => {
    const known = given ?? recall(TOKEN, "session");
    for (const column of columns) column.session.start();
    if (typeof known === "string") login(known);
  });
  host.on("login", login);
  return element;
}

/** One app of them. */
class Column {
  readonly element: HTMLElement;
  readonly session: Session;
  readonly #app: PageApp;
  readonly #texts: Texts;
  readonly #box: Box;
  readonly #count = h("span", { class: "number" });
  readonly #nobody: HTMLElement;

  constructor(app: PageApp, texts: Texts, sound: Sound) {
    this.#app = app;
    this.#texts = texts;
    this.session = new Session(location.origin, app.id, null, null);
    const { session } = this;
    this.#box = new Box({
      app: { ...app, title: this.#name },
      session,
      texts,
      sound,
      loginUrl: app.login_url,
      demoUsers: [],
      minimise: null,
      items: moderatorsItems,
      landmark: "section",
    });
    addModeration(this.#box.context, this.#box.drawer, (count) => {
      this.#count.textContent = count ? String(count) : "";
    });
    this.#nobody = h("p", { class: "connection refused", role: "status", hidden: true }, texts.t("mod.no-staff"));
    this.element = h("div", { class: "column" }, this.#nobody, this.#box.element);
    session.on("me", (me) => {
      const staff = isStaff(me?.role);
      show(this.#nobody, me !== null && !staff);
      if (staff && this.#box.drawer.shown === null) this.#box.drawer.open("moderation", false);
    });
  }

  get #name(): string {
    return this.#app.title || this.#texts.t("mod.app", { id: this.#app.id });
  }

  /** The button that leads here, with what waits, and the one that takes this away. */
  chip(index: number): HTMLElement {
    const go = h("button", { type: "button", class: "chip-go", onclick: () => this.goTo() });
    append(go, h("kbd", { "aria-hidden": "true" }, String(index + 1)), foreign(this.#name), this.#count);
    const label = this.#texts.t("mod.drop-app", { name: this.#name });
    const drop = h("button", { type: "button", class: "chip-drop", "aria-label": label }, icon("close"));
    drop.addEventListener("click", () => {
      const left = appsHere().filter((id) => id !== this.#app.id);
      if (left.length) location.assign(`/moderate/${left.join(",")}${location.search}`);
    });
    return h("span", { class: "chip" }, go, drop);
  }

  goTo(): void {
    this.element.scrollIntoView({ inline: "start", block: "nearest" });
    this.#box.drawer.open("moderation");
  }
}

function appsHere(): number[] {
  return (location.pathname.split("/").pop() ?? "").split(",").map(Number);
}

function addForm(apps: PageApp[], texts: Texts): HTMLElement {
  const field = h("input", {
    type: "number",
    min: 1,
    class: "search",
    "aria-label": texts.t("mod.add-app"),
    placeholder: texts.t("mod.add-app"),
  });
  const form = h(
    "form",
    { class: "inline" },
    field,
    h("button", { type: "submit", class: "button" }, texts.t("mod.add")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = Number(field.value);
    const known = apps.some((app) => app.id === id);
    if (Number.isSafeInteger(id) && id > 0 && !known)
      location.assign(`/moderate/${[...appsHere(), id].join(",")}${location.search}`);
  });
  return form;
}

function loginForm(page: PageData, texts: Texts, done: (token: string) => void): HTMLElement {
  const field = h("input", {
    type: "password",
    class: "search",
    "aria-label": texts.t("mod.token"),
    placeholder: texts.t("mod.token"),
    autocomplete: "off",
    maxlength: 4096,
  });
  const users = (page.demo_users ?? []).filter(({ role }) => isStaff(role));
  const buttons = users.map(({ token, uname }) =>
    h("button", { type: "button", class: "button", onclick: () => done(token) }, uname),
  );
  const form = h(
    "form",
    { class: "guest inline" },
    h("p", {}, texts.t("mod.login")),
    field,
    h("button", { type: "submit", class: "button primary" }, texts.t("guest.login")),
    ...buttons,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value) done(field.value.trim());
    field.value = "";
  });
  return form;
}
