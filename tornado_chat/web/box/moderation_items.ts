import { runAndTell } from "./actions";
import { quoted } from "./completion";
import type { Context, Subject } from "./context";
import { ask, Dialog } from "./dialog";
import { foreign, h } from "./dom";
import type { MenuItem } from "./menu";

interface Note {
  number: number;
  at: string;
  by: string;
  text: string;
}

const SPANS = ["10m", "1h", "1d", "7d"];

/** What a moderator may do with a message or a name: what there is a command for, to whom they stand above. */
export function moderatorsItems(subject: Subject, context: Context): MenuItem[] {
  const { session, texts } = context;
  const { user, message } = subject;
  const { may } = { may: (command: string) => session.may(command) };
  const name = quoted(user.uname);
  const bot = Boolean(message?.plugin);
  const own = user.uname === session.me?.uname;
  const above = !own && !bot && session.outranks(session.room.users.get(user.uname)?.role ?? user.role);
  const items: MenuItem[] = [];
  const add = (allowed: boolean, key: string, item: Omit<MenuItem, "label">) => {
    if (allowed) items.push({ label: texts.t(`mod.${key}`), ...item });
  };
  const run = (command: string) => void runAndTell(command, context);
  add(Boolean(message) && may("delete") && (own || bot || above), "delete", {
    danger: true,
    run: () => run(`/delete ${message?.id}`),
  });
  add(Boolean(message) && may("pin"), "pin", { run: () => run(`/pin ${message?.text}`) });
  if (!above) return separated(items);
  add(may("purge"), "purge", { danger: true, run: () => void purge(user.uname, context) });
  const muted = session.room.mutes.has(user.uname.toLowerCase());
  add(muted && may("unmute"), "unmute", { run: () => run(`/unmute ${name}`) });
  add(!muted && may("mute"), "mute", {
    items: [
      ...SPANS.map((span) => ({ label: texts.t(`span.${span}`), run: () => run(`/mute ${name} ${span}`) })),
      { label: texts.t("mod.span"), run: () => void withReason("mute", user.uname, context) },
    ],
  });
  add(may("warn"), "warn", { run: () => void withReason("warn", user.uname, context) });
  add(may("kick"), "kick", { danger: true, run: () => run(`/kick ${name}`) });
  add(may("ban"), "ban", { danger: true, run: () => void withReason("ban", user.uname, context) });
  add(may("banip") && session.room.users.has(user.uname), "banip", {
    danger: true,
    run: () => void withReason("banip", user.uname, context),
  });
  add(may("whois"), "whois", { run: () => void whois(user.uname, context) });
  add(may("notes") && may("note"), "notes", { run: () => void notes(user.uname, context) });
  return separated(items);
}

function separated(items: MenuItem[]): MenuItem[] {
  return items.map((item, index) => (index === 0 ? { ...item, separated: true } : item));
}

async function purge(uname: string, context: Context): Promise<void> {
  const { t } = bound(context);
  const sure = await ask(context.root, {
    title: t("mod.purge"),
    text: t("mod.purge-sure", { name: uname }),
    yes: t("mod.purge-yes"),
    no: t("mod.cancel"),
    danger: true,
  });
  if (sure) await runAndTell(`/purge ${quoted(uname)}`, context);
}

/** Ask for how long and why, then do it. */
async function withReason(command: "mute" | "ban" | "banip" | "warn", uname: string, context: Context): Promise<void> {
  const { t } = bound(context);
  const spans = command === "mute" ? SPANS : ["1d", "7d", "0"];
  const choices = spans.map((span): [string, string] => [span, t(`span.${span}`)]);
  const answer = await ask(context.root, {
    title: t(`mod.${command}-title`, { name: uname }),
    fields: [
      ...(command === "warn" ? [] : [{ name: "span", label: t("mod.for"), kind: "choice" as const, choices }]),
      { name: "reason", label: t("mod.reason"), kind: "text", required: command === "warn" },
    ],
    yes: t(`mod.${command}-yes`),
    no: t("mod.cancel"),
    danger: command !== "warn",
  });
  if (!answer) return;
  const words = [`/${command}`, quoted(uname), answer.span, answer.reason].filter(Boolean);
  await runAndTell(words.join(" "), context);
}

async function whois(uname: string, context: Context): Promise<void> {
  const { error, text } = await context.session.run(`/whois ${quoted(uname)}`);
  const lines = (text ?? context.texts.t(error ? "ack.refused" : "mod.nothing")).split("\n");
  showDialog(context, uname, h("ul", { class: "card" }, ...lines.map((line) => h("li", {}, foreign(line)))));
}

async function notes(uname: string, context: Context): Promise<void> {
  const { session } = context;
  const { t } = bound(context);
  const list = h("ul", { class: "card" });
  const field = h("input", { type: "text", maxlength: 300, "aria-label": t("mod.note-text"), required: true });
  const form = h(
    "form",
    { class: "inline" },
    field,
    h("button", { type: "submit", class: "button" }, t("mod.note-add")),
  );
  const said = h("p", { class: "failure", role: "alert" });
  const load = async () => {
    const { data, text, error } = await session.run(`/notes ${quoted(uname)}`);
    said.textContent = error ? (text ?? t("ack.refused")) : "";
    const found = (data as { notes?: Note[] } | null)?.notes ?? [];
    list.replaceChildren(
      ...found.map(row),
      ...(found.length || error ? [] : [h("li", { class: "hint" }, t("mod.nothing"))]),
    );
  };
  const row = (note: Note) => {
    const drop = async () => {
      await session.run(`/unnote ${quoted(uname)} ${note.number}`);
      await load();
      field.focus();
    };
    const about = `${note.by}, ${context.texts.moment(new Date(note.at))}`;
    return h(
      "li",
      {},
      foreign(note.text),
      h("span", { class: "hint" }, about),
      h("button", { type: "button", class: "small", onclick: () => void drop() }, t("mod.note-drop")),
    );
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { error, text } = await session.run(`/note ${quoted(uname)} ${field.value.trim()}`);
    if (error) said.textContent = text ?? t("ack.refused");
    else field.value = "";
    if (!error) await load();
  });
  showDialog(context, t("mod.notes-title", { name: uname }), list, said, form);
  await load();
}

function showDialog(context: Context, title: string, ...content: Node[]): void {
  const close = h("button", { type: "button", class: "button" }, context.texts.t("drawer.close"));
  const dialog = new Dialog(context.root, title, ...content, h("div", { class: "dialog-buttons" }, close));
  close.addEventListener("click", () => dialog.close());
  dialog.open();
}

function bound(context: Context): { t: Context["texts"]["t"] } {
  return { t: (key, params) => context.texts.t(key, params) };
}
