// The shapes of what goes over the wire, as README.md gives them.

export type RoleName = "admin" | "owner" | "mod" | "member";

export interface Speaker {
  uname: string;
  role: RoleName;
}

export interface User extends Speaker {
  id: number;
}

export interface Message {
  id: number;
  at: string;
  user: Speaker;
  text: string;
  plugin?: string;
  me?: boolean;
  shadow?: boolean;
}

export interface HeldMessage {
  id: number;
  at: string;
  expires_at: string;
  user: Speaker;
  text: string;
  plugin: string;
  reason: string;
  me?: boolean;
}

export interface Mute {
  uname: string;
  mins: number;
  expires_at: string;
}

export interface Mode {
  value: unknown;
  until: string | null;
  reason: string;
}

export interface RoomState {
  users: Record<string, User>;
  history: Message[];
  muteList: Record<string, Mute>;
  modes: Record<string, Mode>;
  user_count?: number;
  deleted?: number[];
}

export interface Joined {
  user?: User;
  room: RoomState;
  held?: HeldMessage[];
  reload?: boolean;
  now: string;
}

export interface CommandParam {
  name: string;
  kind: "user" | "duration" | "number" | "message_id" | "choice" | "text";
  required: boolean;
  choices?: string[];
}

export interface CommandInfo {
  name: string;
  aliases: string[];
  usage: string;
  help: string;
  role: RoleName;
  cooldown: number;
  params: CommandParam[];
}

/** What `command` answered. `error` is null where it was done. */
export interface Reply {
  error: string | null;
  text: string | null;
  data: unknown;
}

export interface PluginEvent {
  plugin: string;
  name: string;
  data: unknown;
}

/** What the server wrote into the page. */
export interface PageApp {
  id: number;
  title: string;
  login_url: string;
  origins: string[];
}

export interface DemoUser {
  token: string;
  uname: string;
  role: RoleName;
}

export interface PageData {
  apps: PageApp[];
  lang: string;
  dir: "ltr" | "rtl";
  texts: Record<string, string>;
  version: string;
  demo_users: DemoUser[] | null;
  snapshot: Joined | null;
}

const RANKS: Record<RoleName, number> = { admin: 3, owner: 2, mod: 1, member: 0 };

/** 3 for an admin, 0 for a member, a guest, and what isn't known. */
export function rank(role: string | undefined): number {
  return Object.hasOwn(RANKS, role ?? "") ? RANKS[role as RoleName] : 0;
}

export const MAX_TEXT = 350; // UTF-16 units, as the server counts
