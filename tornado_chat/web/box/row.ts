import { hueOf, initialOf } from "./colour";
import type { Context } from "./context";
import { append, foreign, h, icon } from "./dom";
import type { Message } from "./protocol";
import { mentions, richText } from "./rich_text";
import type { Entry, PendingEntry } from "./room";

const TOGETHER = 5 * 60_000; // ms; what one says within them stands under one name

/** What of a row depends on the one before it; where it changes, the row is made anew. */
export function shapeOf(entry: Entry, before: Entry | undefined, context: Context): string {
  const state = entry.kind === "pending" ? `${entry.failure} ${entry.reason}` : "";
  return `${dayOver(entry, before, context)} ${!goesOn(entry, before, context)} ${state}`;
}

/** Make one line of the conversation. `before` is the one above it. */
export function makeRow(entry: Entry, before: Entry | undefined, context: Context): HTMLElement {
  const day = dayOver(entry, before, context);
  const lead = !goesOn(entry, before, context);
  const row = h("li", { class: `row ${entry.kind}`, tabindex: -1 });
  row.dataset.shape = shapeOf(entry, before, context);
  if (day) row.append(h("div", { class: "day" }, h("span", {}, day)));
  if (entry.kind === "notice") row.append(noticeLine(entry, context));
  else if (entry.kind === "pending") row.append(pendingLine(entry, context, lead));
  else fillMessage(row, entry.message, context, lead);
  return row;
}

/** The day that is said above an entry: where it isn't that of the one before. */
function dayOver(entry: Entry, before: Entry | undefined, { texts, session }: Context): string {
  if (before && sameDay(before.at, entry.at)) return "";
  return texts.day(new Date(entry.at), new Date(session.room.now()));
}

function goesOn(entry: Entry, before: Entry | undefined, context: Context): boolean {
  if (!before || entry.at - before.at > TOGETHER || !sameDay(before.at, entry.at)) return false;
  const one = speakerOf(entry, context);
  return one !== null && one === speakerOf(before, context);
}

/** Who speaks in an entry, so that two of them can be compared; null for what is nobody's. */
function speakerOf(entry: Entry, context: Context): string | null {
  if (entry.kind === "notice") return null;
  if (entry.kind === "pending") return ` ${context.session.me?.uname}`;
  const { message } = entry;
  if (message.me) return null;
  return `${message.plugin ?? ""} ${message.user.uname}`;
}

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

function fillMessage(row: HTMLElement, message: Message, context: Context, lead: boolean): void {
  const { session, texts } = context;
  const own = !message.plugin && message.user.uname === session.me?.uname;
  row.dataset.id = String(message.id);
  row.classList.toggle("lead", lead);
  row.classList.toggle("own", own);
  row.classList.toggle("me", Boolean(message.me));
  const me = session.me?.uname ?? null;
  row.classList.toggle("mentioned", !own && me !== null && mentions(message.text, me));
  const line = h("div", { class: "line" });
  if (message.me) {
    const text = h("p", { class: "text" }, nameOf(message, context), " ");
    append(text, body(message, context));
    append(line, text, time(message, context));
  } else {
    const head = h("div", { class: lead ? "head" : "head unseen" }, nameOf(message, context), badge(message, context));
    append(head, lead && own && h("span", { class: "state-text" }, texts.t("people.you")));
    append(head, lead && time(message, context));
    append(line, lead && avatar(message.user.uname), head, h("p", { class: "text" }, body(message, context)));
    append(line, !lead && time(message, context));
  }
  if (message.shadow) line.append(h("p", { class: "aside" }, texts.t("message.shadow")));
  const subject = { user: message.user, message };
  const label = texts.t("message.actions", { name: message.user.uname });
  const more = h(
    "button",
    {
      type: "button",
      class: "more",
      tabindex: -1,
      "aria-label": label,
      "aria-haspopup": "menu",
      onclick: () => context.openMenu(more, subject),
    },
    icon("more"),
  );
  append(row, line, more);
  row.addEventListener("contextmenu", (event) => {
    if ((event.target as Element).closest("a") || getSelection()?.toString()) return;
    event.preventDefault();
    context.openMenu(more, subject);
  });
  row.addEventListener("keydown", (event) => {
    if (event.target !== row || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    context.openMenu(row, subject);
  });
}

function body(message: Message, context: Context): HTMLElement {
  const text = foreign("", "words");
  text.append(...richText(message.text, context.session.me?.uname ?? null));
  return text;
}

function nameOf(message: Message, context: Context): HTMLElement {
  const name = h(
    "button",
    { type: "button", class: "name", tabindex: -1, "aria-haspopup": "menu" },
    foreign(message.user.uname),
  );
  name.style.setProperty("--hue", String(hueOf(message.user.uname)));
  name.addEventListener("click", () => context.openMenu(name, { user: message.user, message }));
  return name;
}

/** What stands beside a name: the role of staff, or that it is a bot. */
export function badge(speaker: Pick<Message, "user" | "plugin">, context: Context): HTMLElement | null {
  const role = speaker.plugin ? "bot" : speaker.user.role;
  return context.texts.has(`role.${role}`)
    ? h("span", { class: `badge ${role}` }, context.texts.t(`role.${role}`))
    : null;
}

export function avatar(uname: string): HTMLElement {
  const element = h("span", { class: "avatar", "aria-hidden": "true" }, initialOf(uname));
  element.style.setProperty("--hue", String(hueOf(uname)));
  return element;
}

function time(message: Message, context: Context): HTMLElement {
  const at = new Date(message.at);
  if (Number.isNaN(at.getTime())) return h("time", {}); // a server of before says no times
  return h("time", { datetime: message.at, title: context.texts.moment(at) }, context.texts.time(at));
}

function noticeLine(entry: Entry & { kind: "notice" }, context: Context): HTMLElement {
  const text = foreign(entry.text, "words");
  const note = h("span", { class: "only-you" }, context.texts.t("notice.only-you"));
  return h("div", { class: `line notice ${entry.tone}` }, text, entry.own && note);
}

function pendingLine(entry: PendingEntry, context: Context, lead: boolean): HTMLElement {
  const { session, texts } = context;
  const uname = session.me?.uname ?? "";
  const line = h("div", { class: entry.failure ? "line failed" : "line waiting" });
  append(
    line,
    lead && avatar(uname),
    lead && h("div", { class: "head" }, foreign(uname, "name")),
    h("p", { class: "text" }, foreign(entry.text, "words")),
  );
  if (!entry.failure) {
    line.append(
      h("span", { class: "sending" }, icon("clock"), h("span", { class: "unseen" }, texts.t("pending.sending"))),
    );
    return line;
  }
  const known = texts.has(`ack.${entry.failure}`) ? texts.t(`ack.${entry.failure}`) : texts.t("ack.refused");
  const button = (key: string, run: () => void) =>
    h("button", { type: "button", class: "small", onclick: run }, texts.t(key));
  line.append(
    h("p", { class: "failure", role: "alert" }, foreign(entry.reason ?? known)),
    h(
      "div",
      { class: "buttons" },
      button("pending.retry", () => session.retry(entry)),
      button("pending.edit", () => {
        session.discard(entry);
        context.insert(entry.text);
      }),
      button("pending.discard", () => {
        session.discard(entry);
        context.focusField();
      }),
    ),
  );
  return line;
}
