import type { Context } from "./context";
import { append, foreign, h, show, uniqueId } from "./dom";
import { told } from "./moderation_list";
import type { Tab } from "./moderation_tabs";

const MODES = ["slow", "lock", "members", "unique"];
const SPANS = ["10m", "1h", "1d"];

interface Switch {
  name: string;
  row: HTMLElement;
  toggle: HTMLInputElement;
  lasts: HTMLElement;
}

/** What is turned on in the room, as switches. */
export function modesTab(context: Context): Tab {
  const { session, texts, announcer } = context;
  const { room } = session;
  const said = h("p", { class: "failure", role: "alert" });
  const pinned = h("p");
  const id = uniqueId("for");
  const span = h(
    "select",
    { id, class: "search" },
    ...SPANS.map((value) => h("option", { value }, texts.t(`span.${value}`))),
  );
  const left = (until: string) => Math.max(Math.floor((Date.parse(until) - room.now()) / 1000), 0);
  const run = async (command: string) => {
    const reply = await session.act(command);
    const text = told(reply, context);
    said.textContent = reply.error ? text : "";
    announcer.say(text);
    refresh();
  };
  const seconds = h("input", {
    type: "number",
    class: "search",
    min: 1,
    max: 21_600,
    value: 10,
    required: true,
    "aria-label": texts.t("mod.slow-seconds"),
    onchange: () => {
      const slow = room.modes.get("slow");
      // It lasts as long as it was to last.
      if (slow && seconds.reportValidity())
        void run(`/slow ${seconds.value} ${slow.until ? `${left(slow.until)}s` : ""}`);
    },
  });
  const switches = MODES.map((name): Switch => {
    const id = uniqueId("mode");
    const lasts = h("span", { class: "case-about", id: `${id}-left` });
    const off = name === "lock" ? "/unlock" : `/${name} off`;
    const toggle = h("input", {
      type: "checkbox",
      role: "switch",
      class: "switch",
      id,
      "aria-describedby": lasts.id,
      onchange: () =>
        void run(toggle.checked ? `/${name}${name === "slow" ? ` ${seconds.value || 10}` : ""} ${span.value}` : off),
    });
    const row = h("div", { class: "setting" });
    const label = h("label", { for: id }, texts.t(`mod.mode-${name}`));
    append(row, h("div", { class: "mode-name" }, label, lasts), name === "slow" && seconds, toggle);
    return { name, row, toggle, lasts };
  });
  const focus = () => switches.find(({ row }) => !row.hidden)?.toggle.focus();
  const unpin = h(
    "button",
    { type: "button", class: "small", onclick: () => void run("/unpin").then(focus) },
    texts.t("mod.unpin"),
  );
  const pin = h("div", { class: "setting" }, pinned, unpin);
  const element = h(
    "div",
    { class: "switches" },
    said,
    h("div", { class: "setting" }, h("label", { for: id }, texts.t("mod.for")), span),
    ...switches.map(({ row }) => row),
    pin,
  );
  // Counts down what is left of each.
  const tick = () => {
    for (const { name, lasts } of switches) {
      const until = room.modes.get(name)?.until;
      lasts.textContent = until ? texts.t("mod.left", { left: texts.left(left(until)) }) : "";
    }
  };
  let timer: ReturnType<typeof setInterval> | undefined;
  const refresh = () => {
    const { modes } = room;
    for (const { name, row, toggle } of switches) {
      show(row, session.may(name) && (name !== "lock" || session.may("unlock")));
      toggle.checked = modes.has(name);
    }
    const slow = modes.get("slow")?.value;
    if (typeof slow === "number" && document.activeElement !== seconds) seconds.value = String(slow);
    const value = modes.get("pin")?.value as { text?: unknown } | undefined;
    show(pin, value !== undefined && session.may("unpin"));
    pinned.replaceChildren(foreign(String(value?.text ?? ""), "words"));
    tick();
    clearInterval(timer);
    timer = setInterval(() => (element.isConnected ? tick() : clearInterval(timer)), 1000);
  };
  room.on("modes", refresh);
  session.on("commands", refresh);
  return { name: "modes", commands: [...MODES, "pin"], element, refresh, focus };
}
