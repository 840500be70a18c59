import { quoted } from "./completion";
import type { Context, Subject } from "./context";
import type { MenuItem } from "./menu";

/** What every visitor may do with a message or a name. */
export function everybodysItems(subject: Subject, context: Context): MenuItem[] {
  const { session, texts } = context;
  const { user, message } = subject;
  const items: MenuItem[] = [];
  const own = user.uname === session.me?.uname;
  const bot = Boolean(message?.plugin);
  if (session.me && !own && !bot) {
    items.push({ label: texts.t("menu.mention"), run: () => context.insert(`@${user.uname} `) });
  }
  if (message) items.push({ label: texts.t("menu.copy"), run: () => void copy(message.text, context) });
  if (message && !own && !bot && session.may("report")) {
    items.push({
      label: texts.t("menu.report"),
      separated: true,
      items: ["spam", "insult", "scam", "other"].map((reason) => ({
        label: texts.t(`report.${reason}`),
        run: () => void runAndTell(`/report ${message.id} ${texts.t(`report.${reason}`)}`, context),
      })),
    });
  }
  if (!own && !bot && user.role === "member") {
    const ignored = session.ignored.has(user.uname);
    items.push({
      label: texts.t(ignored ? "menu.unignore" : "menu.ignore"),
      run: () => void toggleIgnored(user.uname, context),
    });
  }
  return items;
}

/** Run a command and show what it answers, as if it had been typed. */
export async function runAndTell(command: string, context: Context): Promise<boolean> {
  const { session, texts } = context;
  const { error, text } = await session.act(command);
  const known = texts.has(`ack.${error}`) ? texts.t(`ack.${error}`) : texts.t("ack.refused");
  const told = text ?? (error ? known : "");
  if (told) {
    session.notice(told, error ? "error" : "plain");
  }
  return error === null;
}

async function toggleIgnored(uname: string, context: Context): Promise<void> {
  const { session, texts } = context;
  const ignored = session.ignored.has(uname);
  if (session.me && session.may("ignore")) {
    await runAndTell(`${ignored ? "/unignore" : "/ignore"} ${quoted(uname)}`, context);
    return;
  }
  session.ignored.toggle(uname);
  context.announcer.say(texts.t(ignored ? "ignore.off" : "ignore.on", { name: uname }));
}

async function copy(text: string, context: Context): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    context.announcer.say(context.texts.t("menu.copied"));
  } catch {
    // A frame without permission: the old way.
    const field = document.createElement("textarea");
    field.value = text;
    context.root.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
