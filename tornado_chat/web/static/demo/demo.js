"use strict";
// The demo page: the seed's protocol, and nothing else. Whatever comes from outside becomes text, never HTML.

const APP_ID = 2;
const MAX_TEXT = 350; // UTF-16 units, as the server counts
const MAX_SHOWN = 500; // lines kept in the page
const RANK = { __proto__: null, admin: 3, owner: 2, mod: 1 };
const $ = (id) => document.getElementById(id);

const users = new Map(); // uname -> {uname, role}
const mutes = new Map(); // lowercase uname -> {uname, mins, expires_at}
const modes = new Map(); // name -> {value, until, reason}
const KEPT_OUT = { __proto__: null, BANNED: "you are banned", NAME_REFUSED: "your name is refused", JOIN_REFUSED: "you can't come in" };
const ignored = new Set(); // lowercase unames, as the plugin `ignore` sends them
let me = null;
let joined = false;
let unseen = 0; // messages below what is being read
const pending = new Map(); // pending.get(cid) = text, until it is answered
let newest = null; // the id of the newest message that is shown; null: begin anew

const socket = io({ autoConnect: false });

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// What somebody wrote: its direction is its own, and doesn't turn the words around it.
function foreign(text, className) {
  const node = element("span", text, className);
  node.dir = "auto";
  return node;
}

function role(name) {
  return name in RANK || name === "bot" ? element("span", name, "role") : document.createTextNode("");
}

function show(line) {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  while (list.childElementCount > MAX_SHOWN) list.firstElementChild.remove();
  if (atEnd || line.className === "own") toEnd();
  else if (line.dataset.id && !line.hidden) showUnseen(unseen + 1);
}

function toEnd() {
  $("messages").scrollTop = $("messages").scrollHeight;
  showUnseen(0);
}

function showUnseen(count) {
  unseen = count;
  $("newer").hidden = count === 0;
  $("newer").textContent = count === 1 ? "1 new message ↓" : `${count} new messages ↓`;
}

function notice(text, className = "notice") {
  show(element("li", text, className));
}

function showMessage(message) {
  const line = element("li", undefined, me && message.user.uname === me.uname ? "own" : "");
  line.dataset.id = message.id;
  newest = Math.max(newest ?? 0, message.id);
  const text = foreign(message.text, "text");
  const between = message.me ? " " : ": ";
  line.append(foreign(message.user.uname, "name"), role(message.plugin ? "bot" : message.user.role), between, text);
  if (message.me) line.classList.add("me");
  if (message.shadow) line.append(element("span", " (only its sender and staff see this)", "notice"));
  // Staff and bots are always heard.
  if (message.user.role === "member" && !message.plugin) line.dataset.by = message.user.uname.toLowerCase();
  line.hidden = ignored.has(line.dataset.by);
  show(line);
}

function commandButton(label, text) {
  const button = element("button", label);
  button.disabled = !joined;
  button.addEventListener("click", () => send(newId(), text));
  return button;
}

// A uname as a command takes it, whatever is in it.
function quoted(uname) {
  return /[\s"@\\]/.test(uname) ? `"${uname.replace(/["\\]/g, "\\$&")}"` : uname;
}

// The time of the day, or the day where it isn't soon.
function clock(iso) {
  const at = new Date(iso);
  const soon = at - Date.now() < 43_200_000;
  return at.toLocaleString([], soon ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" });
}

// As the server words it: 90 is "1 h 30 min", 1440 is "1 d".
function lasting(mins) {
  const parts = [[Math.floor(mins / 1440), "d"], [Math.floor(mins / 60) % 24, "h"], [mins % 60, "min"]];
  return parts.filter(([amount]) => amount).map(([amount, unit]) => `${amount} ${unit}`).join(" ") || "a moment";
}

function byName(one, other) {
  return one.uname.localeCompare(other.uname);
}

function showUsers() {
  const rank = me === null ? 0 : RANK[me.role] || 0;
  $("users").replaceChildren(...[...users.values()].sort(byName).map((user) => {
    const line = element("li");
    line.append(foreign(user.uname), role(user.role), element("span", "", "grow"));
    if (rank > (RANK[user.role] || 0) && !mutes.has(user.uname.toLowerCase())) {
      line.append(commandButton("Mute 10 min", `/mute ${quoted(user.uname)} 10`));
    }
    return line;
  }));
  $("mutes").replaceChildren(...[...mutes.values()].map((mute) => {
    const line = element("li");
    line.append(foreign(mute.uname), ` until ${clock(mute.expires_at)}`, element("span", "", "grow"));
    if (rank) {
      line.append(commandButton("Unmute", `/unmute ${quoted(mute.uname)}`));
    }
    return line;
  }));
}

function described(name, mode) {
  if (name === "slow") return `slow mode: one message every ${mode.value} s`;
  if (name === "pin" && mode.value && typeof mode.value.text === "string") return `pinned: ${mode.value.uname ? `${mode.value.uname}: ` : ""}${mode.value.text}`;
  return { __proto__: null, lock: "locked: only staff speak", members: "members only", unique: "unique messages only" }[name] || name;
}

function showModes() {
  $("modes").replaceChildren(...[...modes].map(([name, mode]) => {
    const line = element("li");
    line.append(foreign(described(name, mode)));
    if (mode.until) line.append(` until ${clock(mode.until)}`);
    if (mode.reason) line.append(" (", foreign(mode.reason), ")");
    return line;
  }));
}

function setState(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
  const mayTalk = joined && me !== null;
  $("text").disabled = $("send").disabled = !mayTalk;
  $("text").placeholder = mayTalk ? "Say something" : joined ? "Pick a user to talk" : "Not connected";
}

function join() {
  const token = $("who").value;
  const request = { app_id: APP_ID };
  if (token) request.hashed_token = token;
  if (newest !== null) request.since = newest;
  socket.emit("auth", request, (error, data) => {
    if (error in KEPT_OUT) {
      setState("offline", KEPT_OUT[error]);
      return;
    }
    if (error) {
      const kicked = error === "KICKED"; // for a moment, as a system_message says
      setState("offline", kicked ? "you were kicked; coming back in a while" : "the server can't let you in right now; trying again");
      setTimeout(() => socket.disconnect().connect(), (kicked ? 15_000 : 2000) + Math.random() * 2000);
      return;
    }
    joined = true;
    me = data.user || null;
    users.clear();
    mutes.clear();
    modes.clear();
    Object.entries(data.room.modes).forEach(([name, mode]) => modes.set(name, mode));
    Object.values(data.room.users).forEach((user) => users.set(user.uname, user));
    Object.entries(data.room.muteList).forEach(([key, mute]) => mutes.set(key, mute));
    if (data.reload === false) remove(data.room.deleted);
    else $("messages").replaceChildren();
    newest = data.reload === false ? newest : 0;
    data.room.history.forEach(showMessage);
    (data.held || []).forEach(showHeld);
    toEnd();
    showUsers();
    showModes();
    setState("connected", me ? `connected as ${me.uname}` : "connected as a guest");
    if (me) $("text").focus();
    // What wasn't answered may have arrived or not: under the same id it is said once.
    if (me) for (const [cid, text] of pending) send(cid, text);
  });
}

function countText() {
  const length = $("text").value.trim().length;
  $("count").textContent = length > MAX_TEXT - 70 ? String(MAX_TEXT - length) : "";
  $("count").classList.toggle("over", length > MAX_TEXT);
}

socket.on("connect", join);
socket.on("disconnect", (reason) => {
  joined = false;
  // The client comes back by itself, but not where the server closed: after a kick, or a ban, which `auth` then tells.
  if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000 + Math.random() * 1000);
  setState("offline", "offline; reconnecting…");
  showUsers();
});
socket.on("connect_error", () => setState("offline", "offline; reconnecting…"));
socket.on("new_message", showMessage);
socket.on("system_message", (text) => notice(text));
socket.on("client_error", (text) => notice(text, "notice error"));
socket.on("user_joined", (user) => {
  users.set(user.uname, user);
  showUsers();
  notice(`${user.uname} came in`);
});
socket.on("user_updated", (user) => {
  users.set(user.uname, user);
  if (me && me.uname === user.uname) me = user;
  showUsers();
});
// Not all in the same moment: each comes back at a time of its own in between.
socket.on("server_closing", ({ come_back_in: [soonest, latest] }) => {
  socket.io.reconnectionDelay(soonest + Math.random() * (latest - soonest));
});
socket.on("user_left", (user) => {
  users.delete(user.uname);
  showUsers();
  notice(`${user.uname} left`);
});
// In a big room only staff are told of one by one; when it is small again, here is everybody.
socket.on("users", (data) => {
  users.clear();
  Object.values(data.users).forEach((user) => users.set(user.uname, user));
  showUsers();
});
socket.on("user_count", (data) => notice(`${data.count} users are here`));
function remove(ids) {
  for (const id of ids) document.querySelector(`#messages li[data-id="${Number(id)}"]`)?.remove();
}
socket.on("message_deleted", (data) => remove([data.id]));
socket.on("messages_purged", (data) => remove(data.ids));
function showHeld(held) {
  const line = element("li", "waiting: ", "notice");
  line.append(foreign(held.user.uname), ": ", foreign(held.text));
  if (held.reason) line.append(" (", foreign(held.reason), ")");
  line.append(`; /approve ${held.id} or /deny ${held.id}`);
  show(line);
}
socket.on("message_held", showHeld);
// Who typed it is told by a system_message what came of it; this is for everybody else.
function tellOfMute(text) {
  if (![...pending.values()].some((line) => /^\/(un)?mute\s/i.test(line))) notice(text);
}
socket.on("user_muted", (mute) => {
  mutes.set(mute.uname.toLowerCase(), mute);
  showUsers();
  tellOfMute(`${mute.uname} is muted for ${lasting(mute.mins)}`);
});
socket.on("mode_changed", ({ name, on, ...mode }) => {
  if (on) modes.set(name, mode);
  else modes.delete(name);
  showModes();
});
socket.on("plugin_event", ({ plugin, name, data }) => {
  if (plugin !== "ignore" || name !== "list") return;
  ignored.clear();
  data.unames.forEach((uname) => ignored.add(uname.toLowerCase()));
  for (const line of $("messages").children) line.hidden = ignored.has(line.dataset.by);
});
socket.on("user_unmuted", (mute) => {
  mutes.delete(mute.uname.toLowerCase());
  showUsers();
  tellOfMute(`${mute.uname} may talk again`);
});

function send(cid, text) {
  pending.set(cid, text);
  socket.emit("new_message", text, { cid }, (error) => {
    pending.delete(cid);
    // What the server refuses comes back into the field, unless something else was begun meanwhile. What is held was taken.
    if (error && error !== "MESSAGE_HELD" && $("text").value === "") $("text").value = text;
    countText();
  });
}

function newId() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join("-");
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = $("text");
  const text = field.value.trim();
  if (!text || text.length > MAX_TEXT || !joined) return;
  field.value = "";
  countText();
  send(newId(), text);
});
$("text").addEventListener("input", countText);
$("newer").addEventListener("click", toEnd);
$("messages").addEventListener("scroll", () => {
  const list = $("messages");
  if (list.scrollHeight - list.scrollTop - list.clientHeight < 40) showUnseen(0);
});
$("who").addEventListener("change", () => {
  sessionStorage.setItem("who", $("who").value);
  newest = null; // somebody else may see other things
  ignored.clear();
  pending.clear();
  socket.disconnect().connect();
});

$("who").value = sessionStorage.getItem("who") || "";
socket.connect();
