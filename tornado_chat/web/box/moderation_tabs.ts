import { quoted } from "./completion";
import type { Context } from "./context";
import { coalesced, type Decision, type Item, ModerationList, type Page, told } from "./moderation_list";

/** One tab of the moderators' panel. */
export interface Tab {
  name: string;
  /** The commands of which there must be one. */
  commands: string[];
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

const PAGE = 20; // held messages that are shown at a time
const PAGE_OF_REPORTS = 10; // as /reports gives them
const SHOWN = 5; // reporters of one message

/** What waits for a moderator. */
export function queueTab(context: Context): Tab {
  const { session, texts } = context;
  const list = new ModerationList(context, texts.t("mod.queue-keys"));
  const refresh = () => {
    const held = [...session.room.held.values()];
    const pages = Math.max(Math.ceil(held.length / PAGE), 1);
    const page = Math.min(list.page, pages);
    list.page = page;
    const items = held.slice((page - 1) * PAGE, page * PAGE).map((each) => ({
      id: String(each.id),
      name: each.user.uname,
      text: each.text,
      about: [[each.plugin, each.reason].filter(Boolean).join(": "), texts.moment(new Date(each.at))],
      decisions: [
        ...decision(context, "approve", "a", `/approve ${each.id}`),
        ...decision(context, "deny", "d", `/deny ${each.id}`, { danger: true }),
      ],
    }));
    list.show(items, { page, pages });
  };
  session.room.on("held", refresh);
  return tabOf("queue", list, refresh);
}

/** What was reported; `counted` is told how many cases are open, as far as is known. */
export function reportsTab(context: Context, counted: (count: number) => void): Tab {
  const { session, texts } = context;
  const list = new ModerationList(context, texts.t("mod.reports-keys"));
  const item = (report: Case): Item => {
    const said = report.reports.slice(0, SHOWN).map(({ uname, reason }) => (reason ? `${uname}: ${reason}` : uname));
    const more = report.count - said.length;
    return {
      id: String(report.message_id),
      name: report.uname,
      text: report.text,
      about: more > 0 ? [...said, `+${more}`] : said,
      decisions: [
        ...decision(context, "delete", "d", `/delete ${report.message_id}`, { danger: true }),
        ...decision(context, "mute10", "m", `/mute ${quoted(report.uname)} 10m`, { danger: true, stays: true }),
        ...decision(context, "dismiss", "x", `/dismiss ${report.message_id}`),
      ],
    };
  };
  const refresh = coalesced(async () => {
    const found = await fetchPage<{ reports: Case[] }>(context, list, "/reports");
    if (!found) return;
    const { reports, page, pages } = found;
    list.show(reports.map(item), found);
    // Pages are full but for the last; what that has is known once it is looked at.
    counted((pages - 1) * PAGE_OF_REPORTS + (page === pages ? reports.length : 1));
  });
  session.on("plugin_event", ({ plugin }) => plugin === "report" && refresh());
  return tabOf("reports", list, refresh);
}

/** Who is muted, or banned, for how long, and the way back. */
export function sanctionsTab(context: Context, kind: "mutes" | "bans"): Tab {
  const { session, texts } = context;
  const list = new ModerationList(context, texts.t("mod.undo-keys"));
  const item = (name: string, row: Ban | MuteRow, undo: string): Item => ({
    id: name,
    name,
    until: row.expires_at === null ? null : Date.parse(row.expires_at),
    about: [texts.t("mod.by", { name: row.by }), row.reason],
    decisions: decision(context, "undo", "u", undo),
  });
  const refresh = coalesced(async () => {
    if (!list.element.isConnected) return;
    const found = await fetchPage<{ mutes?: MuteRow[]; bans?: Ban[] }>(context, list, `/${kind}`);
    if (!found) return;
    const mutes = (found.mutes ?? []).map((row) => item(row.uname, row, `/unmute ${quoted(row.uname)}`));
    // Who isn't shown an address can't lift its ban from here.
    const hidden = (ban: Ban) => ban.network && !/[.:]/.test(ban.target);
    const undo = (ban: Ban) => (hidden(ban) ? "" : `/unban ${ban.network ? ban.target : quoted(ban.target)}`);
    const bans = (found.bans ?? []).map((row, index) => ({
      ...item(row.target, row, undo(row)),
      network: row.network,
      ...(hidden(row) && { id: `${row.target} ${index}` }),
    }));
    list.show([...mutes, ...bans], found);
  });
  if (kind === "mutes") session.room.on("mutes", refresh);
  else session.on("plugin_event", ({ plugin, name }) => plugin === "ban" && name === "changed" && refresh());
  return tabOf(kind, list, refresh);
}

function tabOf(name: string, list: ModerationList, refresh: () => void): Tab {
  list.onPage = refresh;
  return { name, commands: [name], element: list.element, refresh, focus: () => list.focus() };
}

/** What is decided by a command, where one may. */
function decision(context: Context, label: string, key: string, line: string, more?: Partial<Decision>): Decision[] {
  const { session, texts } = context;
  const [command = ""] = line.slice(1).split(" ");
  return session.may(command) ? [{ label: texts.t(`mod.${label}`), key, run: () => session.act(line), ...more }] : [];
}

/** Fetch the page of a list that it wants; null where that failed, which it shows then. */
async function fetchPage<Data>(context: Context, list: ModerationList, command: string): Promise<(Data & Page) | null> {
  const { page } = list;
  const reply = await context.session.run(`${command} ${page}`);
  if (reply.error === "COMMAND_REFUSED" && page > 1) {
    // There are no longer so many pages.
    list.page = 1;
    return fetchPage(context, list, command);
  }
  list.fail(reply.error ? told(reply, context) : "");
  if (reply.error) return null;
  const data = reply.data as (Data & Page) | null;
  // Unless another was asked for meanwhile.
  if (data && list.page === page) list.page = data.page;
  return data;
}
