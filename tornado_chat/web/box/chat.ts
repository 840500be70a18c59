import { Box } from "./box";
import type { Host } from "./host";
import { moderatorsItems } from "./moderation_items";
import { addModeration } from "./moderation_panel";
import { begin } from "./page";
import { Session } from "./session";
import { Sound } from "./sound";
import { applyLook } from "./theme";

/** Do what the page around the box says, and tell it what happens. */
function attach(host: Host, title: string, session: Session, box: Box, sound: Sound): void {
  let given: string | null = null; // the page's token, until it turns out to be nobody's
  host.on("init", ({ token, options }) => {
    given = token;
    box.setSite(options);
  });
  host.on("login", (token) => {
    given = token;
    session.login(token);
  });
  host.on("logout", () => {
    given = null;
    session.login(null);
  });
  host.on("shown", (open) => {
    box.shown = open;
  });
  host.on("elsewhere", (elsewhere) => {
    sound.elsewhere = elsewhere;
  });
  host.on("focus", () => box.focus());
  host.on("theme", applyLook);
  session.on("me", (me) => {
    // One who is banned is nobody, too, but while being refused.
    const refused = !me && given !== null && session.state === "connecting";
    if (refused) given = null;
    host.user(me, refused);
  });
  session.on("message", (message) => host.message(message));
  session.on("state", (state) => {
    host.state(state);
    if (state === "joined") host.ready(title);
  });
  box.on("mention", (message) => host.mention(message));
  box.on("unread", (count) => host.unread(count));
}

function main(): void {
  const { page, options, host, texts } = begin();
  const [app] = page.apps;
  if (!app) return;
  const session = new Session(location.origin, app.id, null, page.snapshot);
  const sound = new Sound(options.sound !== "off");
  const box = new Box({
    app,
    session,
    texts,
    sound,
    loginUrl: app.login_url,
    demoUsers: page.demo_users ?? [],
    minimise: options.mode === "docked" && host.framed ? () => host.minimise() : null,
    items: moderatorsItems,
  });
  addModeration(box.context, box.drawer);
  document.body.append(box.element);
  attach(host, app.title, session, box, sound);
  void host.token.then((token) => (token === null ? session.start() : session.login(token)));
}

main();
