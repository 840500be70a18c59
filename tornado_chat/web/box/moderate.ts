import { Box } from "./box";
import { isStaff } from "./connection";
import { append, foreign, h, icon, show } from "./dom";
import { recall, remember } from "./memory";
import { moderatorsItems } from "./moderation_items";
import { addModeration } from "./moderation_panel";
import { type Beginning, begin } from "./page";
import type { PageApp, PageData } from "./protocol";
import { Session } from "./session";
import { Sound } from "./sound";
import type { Texts } from "./texts";

const MOST = 8; // apps, as the server shows on one page
const KEYS = "keys";

/** Several apps side by side, for who minds them all. */
function moderate({ page, texts, host }: Beginning): HTMLElement {
  const sound = new Sound(true);
  const said = h("p", { class: "failure", role: "alert" });
  let tried = 0; // columns that a token was given for
  const login = (token: string | null, to = columns) => {
    tried = token === null ? 0 : to.length;
    said.textContent = "";
    for (const column of to) column.login(token);
  };
  // One who has an account for each site gives one token after the other.
  const guests = () => columns.filter(({ session }) => session.me === null);
  const form = loginForm(page, texts, said, (token) => login(token, guests()));
  const out = () => login(null);
  const logout = h("button", { type: "button", class: "button", onclick: out }, texts.t("mod.logout"));
  let settled = false;
  const update = () => {
    const left = guests();
    const anybody = left.length < columns.length;
    show(logout, anybody);
    for (const { session, nobody } of columns)
      show(nobody, anybody && session.state === "joined" && !isStaff(session.me?.role));
    // Nobody is asked while it may turn out who they are.
    if (!left.length) show(form, false);
    else if (settled && columns.every(({ session: { state } }) => state === "joined" || state === "refused")) {
      show(form, true);
      // Why somebody is refused stands in the column.
      if (tried === left.length && left.some(({ session }) => session.state === "joined"))
        said.textContent = texts.t("mod.unknown");
    }
    const waiting = columns.reduce((sum, { waiting }) => sum + waiting, 0);
    document.title = (waiting ? `(${waiting}) ` : "") + texts.t("mod.page");
  };
  const columns = page.apps.map((app) => new Column(app, texts, sound, update));
  const bar = h("header", { class: "head-bar moderate-bar" }, h("h1", {}, texts.t("mod.page")));
  append(bar, ...columns.map((column, index) => column.chip(index, columns)));
  if (columns.length > 1) bar.append(keysSwitch(columns, texts));
  append(bar, columns.length < MOST && addForm(columns, texts), logout);
  const row = h("div", { class: "columns" }, ...columns.map(({ element }) => element));
  void host.token.then((given) => {
    settled = true;
    for (const column of columns) column.start(given);
    update();
  });
  host.on("login", login);
  host.on("logout", () => login(null));
  update();
  return h("main", { class: "moderate" }, bar, form, row);
}

/** The digits lead to the columns, for who leaves that on: a stray key must not be in the way of who speaks to it. */
function keysSwitch(columns: Column[], texts: Texts): HTMLElement {
  const box = h("input", { type: "checkbox", class: "switch", role: "switch" });
  box.checked = recall(KEYS) !== false;
  box.addEventListener("change", () => remember(KEYS, box.checked));
  document.addEventListener("keydown", (event) => {
    const typing = (event.target as Element).closest("input:not([type=checkbox]), textarea, select, dialog");
    if (!box.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    columns[Number(event.key) - 1]?.goTo();
  });
  return h("label", { class: "keys" }, texts.t("mod.keys", { count: Math.min(columns.length, 9) }), box);
}

/** One app of them. */
class Column {
  readonly element: HTMLElement;
  readonly session: Session;
  readonly id: number;
  /** How much waits for a decision. */
  waiting = 0;
  #token: string | null = null;
  #staff = false;
  readonly #kept: string; // the key that the token is remembered under: for this tab, never in an address
  readonly #app: PageApp;
  readonly #texts: Texts;
  readonly #box: Box;
  readonly #count = h("span", { class: "number" });
  readonly #waits = h("span", { class: "unseen" });
  readonly #go = h("button", { type: "button", class: "chip-go", onclick: () => this.goTo() });
  /** Says that one is no moderator here. */
  readonly nobody: HTMLElement;

  /** `changed` is told of who one is there, of the connection, and of what waits. */
  constructor(app: PageApp, texts: Texts, sound: Sound, changed: () => void) {
    this.#app = app;
    this.id = app.id;
    this.#kept = `token:${app.id}`;
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
      this.waiting = count;
      this.#count.textContent = count ? String(count) : "";
      this.#waits.textContent = count ? ` ${texts.t("mod.waits")}` : "";
      changed();
    });
    this.nobody = h("p", { class: "connection refused", role: "status", hidden: true }, texts.t("mod.no-staff"));
    this.element = h("div", { class: "column" }, this.nobody, this.#box.element);
    session.on("me", (me) => {
      const staff = isStaff(me?.role);
      if (staff && !this.#staff && this.#box.drawer.shown === null) this.#box.drawer.open("moderation", false);
      this.#staff = staff;
      if (me) remember(this.#kept, this.#token, "session");
      changed();
    });
    session.on("state", changed);
  }

  /** Come in, as whom the page around this says, or as who was here before. */
  start(given: string | null): void {
    const token = given ?? recall(this.#kept, "session");
    if (typeof token === "string") this.login(token);
    else this.session.start();
  }

  login(token: string | null): void {
    this.#token = token;
    if (token === null) remember(this.#kept, null, "session");
    this.session.login(token);
  }

  get #name(): string {
    return this.#app.title || this.#texts.t("mod.app", { id: this.#app.id });
  }

  /** The button that leads here, with what waits, and the one that takes this away. */
  chip(index: number, columns: Column[]): HTMLElement {
    append(
      this.#go,
      h("kbd", { "aria-hidden": "true" }, String(index + 1)),
      foreign(this.#name),
      this.#count,
      this.#waits,
    );
    const label = this.#texts.t("mod.drop-app", { name: this.#name });
    const drop = h("button", { type: "button", class: "chip-drop", "aria-label": label }, icon("close"));
    drop.addEventListener("click", () => {
      goToApps(columns.filter((column) => column !== this));
    });
    return h("span", { class: "chip" }, this.#go, columns.length > 1 && drop);
  }

  goTo(): void {
    this.element.scrollIntoView({ inline: "start", block: "nearest" });
    this.#box.drawer.open("moderation");
  }
}

function goToApps(apps: { id: number }[]): void {
  location.assign(`/moderate/${apps.map(({ id }) => id)}${location.search}${location.hash}`);
}

function addForm(columns: Column[], texts: Texts): HTMLElement {
  const field = h("input", {
    type: "number",
    min: 1,
    required: true,
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
  field.addEventListener("input", () => field.setCustomValidity(""));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const id = Number(field.value);
    const here = columns.find((column) => column.id === id);
    if (here) here.goTo();
    else if ((await fetch(`/moderate/${id}`, { method: "HEAD" }).catch(() => null))?.ok) goToApps([...columns, { id }]);
    else {
      field.setCustomValidity(texts.t("mod.no-app"));
      field.reportValidity();
    }
  });
  return form;
}

function loginForm(page: PageData, texts: Texts, said: HTMLElement, done: (token: string) => void): HTMLElement {
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
    { class: "guest inline", hidden: true },
    h("p", {}, texts.t("mod.login")),
    said,
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

document.body.append(moderate(begin()));
