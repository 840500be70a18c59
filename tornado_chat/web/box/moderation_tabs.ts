import { quoted } from "./completion";
import type { Context } from "./context";
import { foreign, h, uniqueId } from "./dom";
import { type Decision, type Item, ModerationList } from "./moderation_list";

/** One tab of the moderators' panel. */
export interface Tab {
  name: string;
  /** The command that there must be. */
  command: string;
  element: HTMLElement;
  /** Show what is so now. */
  refresh(): void;
  focus(): void;
}

interface Ban {
  target: string;
  network: boolean;
  expires_at: string | null;
  by: string;
  reason: string;
}

interface MuteRow {
  uname: string;
  expires_at: string;
  by: string;
  reason: string;
}

export interface Case {
  message_id: number;
  uname: string;
  text: string;
  count: number;
  reports: { uname: string; reason: string }[];
}

/** What waits for a moderator. */
export function queueTab(context: Context): Tab {
  const { session, texts } = context;
  const list = new ModerationList(context, texts.t("mod.queue-keys"));
  const decision = (id: number, command: string, key: string, danger = false): Decision => ({
    label: texts.t(`mod.${command}`),
    key,
    danger,
    run: () => session.run(`/${command} ${id}`),
  });
  const refresh = () =>
    list.show(
      [...session.room.held.values()].map((held) => ({
        id: String(held.id),
        name: held.user.uname,
        text: held.text,
        about: [[held.plugin, held.reason].filter(Boolean).join(": "), texts.moment(new Date(held.at))],
        decisions: [decision(held.id, "approve", "a"), decision(held.id, "deny", "d", true)],
      })),
    );
  session.room.on("held", refresh);
  return { name: "queue", command: "queue", element: list.element, refresh, focus: () => list.focus() };
}

/** What was reported; `counted` is told how many cases are open. */
export function reportsTab(context: Context, counted: (count: number) => void): Tab {
  const { session, texts } = context;
  const list = new ModerationList(context, texts.t("mod.reports-keys"));
  const item = (report: Case): Item => ({
    id: String(report.message_id),
    name: report.uname,
    text: report.text,
    about: report.reports.slice(0, 5).map(({ uname, reason }) => (reason ? `${uname}: ${reason}` : uname)),
    decisions: [
      { label: texts.t("mod.delete"), key: "d", danger: true, run: () => session.run(`/delete ${report.message_id}`) },
      {
        label: texts.t("mod.mute10"),
        key: "m",
        danger: true,
        run: () => session.run(`/mute ${quoted(report.uname)} 10m`),
      },
      { label: texts.t("mod.dismiss"), key: "x", run: () => session.run(`/dismiss ${report.message_id}`) },
    ],
  });
  const refresh = async () => {
    const { data, error, text } = await session.run("/reports");
    list.fail(error ? (text ?? texts.t("ack.refused")) : "");
    const reports = (data as { reports?: Case[] } | null)?.reports ?? [];
    if (error) return;
    list.show(reports.map(item));
    counted(reports.length);
  };
  session.on("plugin_event", ({ plugin }) => plugin === "report" && void refresh());
  return {
    name: "reports",
    command: "reports",
    element: list.element,
    refresh: () => void refresh(),
    focus: () => list.focus(),
  };
}

/** Who is muted, or banned, for how long, and the way back. */
export function sanctionsTab(context: Context, kind: "mutes" | "bans"): Tab {
  const { session, texts } = context;
  const list = new ModerationList(context, texts.t("mod.undo-keys"));
  const left = (until: string | null) =>
    until === null
      ? texts.t("span.0")
      : texts.t("mod.left", { left: texts.left((Date.parse(until) - session.room.now()) / 1000) });
  const item = (name: string, row: Ban | MuteRow, undo: string | null): Item => ({
    id: name,
    name,
    about: [left(row.expires_at), texts.t("mod.by", { name: row.by }), row.reason],
    decisions: undo === null ? [] : [{ label: texts.t("mod.undo"), key: "u", run: () => session.run(undo) }],
  });
  const refresh = async () => {
    if (!list.element.isConnected) return;
    const { data, error, text } = await session.run(`/${kind}`);
    list.fail(error ? (text ?? texts.t("ack.refused")) : "");
    if (error) return;
    const found = data as { mutes?: MuteRow[]; bans?: Ban[] } | null;
    const mutes = (found?.mutes ?? []).map((row) => item(row.uname, row, `/unmute ${quoted(row.uname)}`));
    // Who isn't shown an address can't lift its ban from here.
    const hidden = (ban: Ban) => ban.network && !/[.:]/.test(ban.target);
    const undo = (ban: Ban) => (hidden(ban) ? null : `/unban ${ban.network ? ban.target : quoted(ban.target)}`);
    list.show([...mutes, ...(found?.bans ?? []).map((row) => item(row.target, row, undo(row)))]);
  };
  if (kind === "mutes") session.room.on("mutes", () => void refresh());
  else session.on("plugin_event", ({ plugin, name }) => plugin === "ban" && name === "changed" && void refresh());
  return { name: kind, command: kind, element: list.element, refresh: () => void refresh(), focus: () => list.focus() };
}

/** What is turned on in the room, as switches. */
export function modesTab(context: Context): Tab {
  const { session, texts, announcer } = context;
  const said = h("p", { class: "failure", role: "alert" });
  const list = h("div", { class: "switches" });
  const seconds = h("input", {
    type: "number",
    min: 1,
    max: 21_600,
    value: 10,
    "aria-label": texts.t("mod.slow-seconds"),
  });
  const span = h("select", { "aria-label": texts.t("mod.for") });
  span.append(...["10m", "1h", "1d"].map((value) => h("option", { value }, texts.t(`span.${value}`))));
  const commands: [string, (on: boolean) => string][] = [
    ["slow", (on) => (on ? `/slow ${Number(seconds.value) || 10} ${span.value}` : "/slow off")],
    ["lock", (on) => (on ? `/lock ${span.value}` : "/unlock")],
    ["members", (on) => (on ? `/members ${span.value}` : "/members off")],
    ["unique", (on) => (on ? `/unique ${span.value}` : "/unique off")],
  ];
  const switches = new Map<string, HTMLInputElement>();
  const refresh = () => {
    const there = commands.filter(([name]) => session.may(name));
    if (switches.size !== there.length) {
      switches.clear();
      list.replaceChildren(h("div", { class: "setting" }, h("span", {}, texts.t("mod.for")), span));
      for (const [name, command] of there) {
        const id = uniqueId("mode");
        const toggle = h("input", { type: "checkbox", role: "switch", class: "switch", id });
        toggle.addEventListener("change", async () => {
          const { error, text } = await session.run(command(toggle.checked));
          said.textContent = error ? (text ?? texts.t("ack.refused")) : "";
          announcer.say(text ?? texts.t("mod.done"));
          refresh();
        });
        switches.set(name, toggle);
        list.append(
          h(
            "div",
            { class: "setting" },
            h("label", { for: id }, texts.t(`mod.mode-${name}`)),
            name === "slow" && seconds,
            toggle,
          ),
        );
      }
    }
    for (const [name, toggle] of switches) toggle.checked = session.room.modes.has(name);
  };
  session.room.on("modes", refresh);
  session.on("commands", refresh);
  const element = h("div", {}, said, list);
  return {
    name: "modes",
    command: "slow",
    element,
    refresh,
    focus: () => list.querySelector<HTMLElement>("input,select")?.focus(),
  };
}

interface Entry {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
  message_id: number | null;
  seconds: number | null;
  reason: string;
  text: string;
}

const MOST_ENTRIES = 300;

/** The audit log, with a search. */
export function logTab(context: Context): Tab {
  const { session, texts } = context;
  const field = h("input", {
    type: "search",
    class: "search",
    placeholder: texts.t("mod.log-search"),
    "aria-label": texts.t("mod.log-search"),
  });
  const said = h("p", { class: "failure", role: "alert" });
  const list = h("ul", { class: "log" });
  const more = h("button", { type: "button", class: "button", hidden: true }, texts.t("mod.log-more"));
  const form = h(
    "form",
    { class: "inline" },
    field,
    h("button", { type: "submit", class: "button" }, texts.t("mod.log-find")),
  );
  const element = h("div", {}, form, said, list, more);
  const load = async (command: string, anew: boolean) => {
    const { data, error, text } = await session.run(command);
    said.textContent = error ? (text ?? texts.t("ack.refused")) : "";
    const page = data as { entries: Entry[]; more: boolean } | null;
    if (error || !page) return;
    if (anew) list.replaceChildren();
    list.append(...page.entries.map((entry) => logRow(entry, context)));
    if (!list.childElementCount) list.append(h("li", { class: "empty" }, texts.t("mod.nothing")));
    more.hidden = !page.more || list.childElementCount >= MOST_ENTRIES;
  };
  const refresh = () => {
    if (!element.isConnected) return;
    const words = field.value.trim();
    void load(words ? `/log * ${words}` : "/log", true);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    refresh();
  });
  more.addEventListener("click", () => void load("/log more", false));
  // Who reads further down isn't torn away.
  session.on("plugin_event", ({ plugin, name }) => {
    if (plugin === "audit" && name === "entry" && !more.matches(":focus") && list.childElementCount <= 11) refresh();
  });
  return { name: "log", command: "log", element, refresh, focus: () => field.focus() };
}

function logRow(entry: Entry, { texts }: Context): HTMLElement {
  const what = [entry.action, entry.target, entry.message_id ? `#${entry.message_id}` : ""].filter(Boolean).join(" ");
  const lasts = entry.seconds ? ` (${texts.left(entry.seconds)})` : "";
  return h(
    "li",
    {},
    h("time", { datetime: entry.at }, texts.moment(new Date(entry.at))),
    h(
      "p",
      {},
      foreign(entry.actor, "case-name"),
      " ",
      foreign(what),
      lasts,
      entry.reason && ": ",
      entry.reason && foreign(entry.reason),
    ),
    entry.text && h("p", { class: "case-text" }, foreign(entry.text, "words")),
  );
}
