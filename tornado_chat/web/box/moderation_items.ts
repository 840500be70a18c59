import { runAndTell } from "./actions";
import { quoted } from "./completion";
import type { Context, Subject } from "./context";
import { ask, Dialog, onSubmit } from "./dialog";
import { foreign, h } from "./dom";
import type { MenuItem } from "./menu";
import { told } from "./moderation_list";
import { MAX_TEXT } from "./protocol";

interface Note {
  number: number;
  at: string;
  by: string;
  text: string;
}

const SPANS = ["10m", "1h", "1d", "7d"];
const MOST_PAGES = 10; // of notes about one user

/** What a moderator may do with a message or a name: what there is a command for, to whom they stand above. */
export function moderatorsItems(subject: Subject, context: Context): MenuItem[] {
  const { session, texts } = context;
  const { user, message } = subject;
  const may = (command: string) => session.may(command);
  const name = quoted(user.uname);
  const bot = Boolean(message?.plugin);
  const own = user.uname === session.me?.uname;
  const other = !own && !bot;
  const above = other && session.outranks(session.room.users.get(user.uname)?.role ?? user.role);
  const items: MenuItem[] = [];
  let apart = true; // whether the next one begins a group
  const add = (allowed: boolean, key: string, item: Omit<MenuItem, "label">) => {
    if (!allowed) return;
    items.push({ label: texts.t(`mod.${key}`), separated: apart, ...item });
    apart = false;
  };
  const run = (command: string) => void runAndTell(command, context);
  const pinned = message !== undefined && pinnedId(context) === message.id;
  add(Boolean(message) && may(pinned ? "unpin" : "pin"), pinned ? "unpin" : "pin", {
    run: () => {
      // Somebody may have pinned something else meanwhile.
      if (!pinned) run(`/pin ${message?.id}`);
      else if (pinnedId(context) === message?.id) run("/unpin");
    },
  });
  add(Boolean(message) && may("delete") && (own || bot || above), "delete", {
    danger: true,
    run: () => run(`/delete ${message?.id}`),
  });
  apart = true;
  add(other && may("whois"), "whois", { run: () => void whois(user.uname, context) });
  if (!above) return items;
  add(may("notes") && may("note"), "notes", { run: () => void notes(user.uname, context) });
  apart = true;
  const { mutes, users, count } = session.room;
  add(may("warn"), "warn", { run: () => withReason("warn", user.uname, context) });
  add(mutes.has(user.uname.toLowerCase()) && may("unmute"), "unmute", { run: () => run(`/unmute ${name}`) });
  add(may("mute"), "mute", {
    items: [
      ...SPANS.map((span) => ({ label: texts.t(`span.${span}`), run: () => run(`/mute ${name} ${span}`) })),
      { label: texts.t("mod.span"), run: () => withReason("mute", user.uname, context) },
    ],
  });
  add(may("kick"), "kick", { run: () => run(`/kick ${name}`) });
  apart = true;
  add(may("ban"), "ban", { danger: true, run: () => withReason("ban", user.uname, context) });
  // Where there are too many, only the server knows who is here.
  add(may("banip") && (count !== null || users.has(user.uname)), "banip", {
    danger: true,
    run: () => withReason("banip", user.uname, context),
  });
  add(may("purge"), "purge", { danger: true, run: () => purge(user.uname, context) });
  return items;
}

function pinnedId({ session }: Context): unknown {
  return (session.room.modes.get("pin")?.value as { id?: unknown } | undefined)?.id;
}

/** Run a command of a dialog's: told as if it had been typed where it was done; returns what went wrong. */
async function attempt(command: string, context: Context): Promise<string | null> {
  const reply = await context.session.act(command);
  const text = told(reply, context);
  if (reply.error) return text;
  if (reply.text) context.session.notice(text);
  else context.announcer.say(text);
  return null;
}

function purge(uname: string, context: Context): void {
  const { texts } = context;
  ask(context, {
    title: texts.t("mod.purge"),
    text: texts.t("mod.purge-sure", { name: uname }),
    yes: texts.t("mod.purge-yes"),
    danger: true,
    run: () => attempt(`/purge ${quoted(uname)}`, context),
  });
}

/** Ask for how long and why, then do it. */
function withReason(command: "mute" | "ban" | "banip" | "warn", uname: string, context: Context): void {
  const { texts } = context;
  const spans = command === "mute" ? SPANS : ["1d", "7d", "0"];
  const choices = [...spans, ""].map((span): [string, string] => [span, texts.t(span ? `span.${span}` : "mod.span")]);
  const span = {
    name: "span",
    label: texts.t("mod.for"),
    choices,
    other: texts.t("mod.span-other"),
    required: true,
    pattern: "\\s*[0-9]+([smhdw]([0-9]+[smhdw])*)?\\s*",
  };
  const reason = { name: "reason", label: texts.t("mod.reason"), required: command === "warn" };
  ask(context, {
    title: texts.t(`mod.${command}-title`, { name: uname }),
    fields: command === "warn" ? [reason] : [span, reason],
    yes: texts.t(`mod.${command}-yes`),
    danger: command !== "warn",
    // Closed: a reason such as "2d of spam" begins with what is a duration, too.
    run: ({ span: lasts, reason: why }) =>
      attempt(`/${command} ${quoted(uname)} ${lasts ? `${lasts}; ` : ""}${why}`, context),
  });
}

async function whois(uname: string, context: Context): Promise<void> {
  const reply = await context.session.run(`/whois ${quoted(uname)}`);
  const lines = told(reply, context).split("\n");
  showDialog(context, uname, h("ul", { class: "card" }, ...lines.map((line) => h("li", {}, foreign(line)))));
}

async function notes(uname: string, context: Context): Promise<void> {
  const { session, texts } = context;
  const name = quoted(uname);
  const begin = `/note ${name} `;
  const list = h("ul", { class: "card" });
  const label = texts.t("mod.note-text");
  const field = h("input", {
    class: "search",
    maxlength: MAX_TEXT - begin.length,
    "aria-label": label,
    placeholder: label,
    required: true,
  });
  const add = h("button", { type: "submit", class: "button primary" }, texts.t("mod.note-add"));
  const form = h("form", { class: "inline" }, field, add);
  const load = async () => {
    const found: Note[] = [];
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const reply = await session.run(`/notes ${name} ${page}`);
      if (reply.error) {
        dialog.fail(told(reply, context));
        return;
      }
      const data = reply.data as { notes: Note[]; pages: number };
      found.push(...data.notes);
      pages = Math.min(data.pages, MOST_PAGES);
    }
    const nothing = h("li", { class: "hint" }, texts.t("mod.nothing"));
    list.replaceChildren(...(found.length ? found.map(row) : [nothing]));
  };
  const change = async (command: string) => {
    const reply = await session.act(command);
    const text = told(reply, context);
    dialog.fail(reply.error ? text : "");
    if (reply.error) return false;
    context.announcer.say(text);
    await load();
    return true;
  };
  const row = (note: Note) => {
    const drop = () => void change(`/unnote ${name} ${note.number}`).then((done) => done && field.focus());
    const about = h("span", { class: "hint" }, foreign(note.by), `, ${texts.moment(new Date(note.at))}`);
    const button = h("button", { type: "button", class: "small", onclick: drop }, texts.t("mod.note-drop"));
    return h("li", {}, foreign(note.text), about, session.may("unnote") && button);
  };
  onSubmit(form, async () => {
    const text = field.value.trim();
    field.value = "";
    if (!(await change(begin + text))) field.value ||= text;
  });
  const dialog = showDialog(context, texts.t("mod.notes-title", { name: uname }), list, form);
  await load();
  field.focus(); // now that it stands still
}

function showDialog(context: Context, title: string, ...content: Node[]): Dialog {
  // It is read from its beginning, and the button is at its end.
  return new Dialog(context, title, h("div", { tabindex: -1, autofocus: true }, ...content), "drawer.close");
}
