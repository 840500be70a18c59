import type { Look } from "./host_protocol";

/** Put a look on the page, in place of the one that it has. What isn't a theme or a colour is passed over. */
export function applyLook(look: Record<string, unknown>): void {
  const root = document.documentElement;
  root.dataset.theme = look.theme === "light" || look.theme === "dark" ? look.theme : "system";
  for (const name of ["accent", "background", "text"] as const) {
    const given = String(look[name] ?? "");
    const value = CSS.supports("color", given) ? given : ""; // which takes it away
    root.style.setProperty(`--site-${name}`, value);
    if (name !== "accent") continue;
    const light = value && isLight(value);
    root.style.setProperty("--on-accent", value && (light ? "#000" : "#fff"));
    // As words it is readable where the page is as dark as it is light, or the other way round; else it is mixed in less.
    root.style.setProperty("--dark-accent", light ? "35%" : "");
    root.style.setProperty("--light-accent", value && !light ? "35%" : "");
  }
}

/** Return a look whose theme is that of its colours, where it names none: what they leave open must be readable on them. */
export function settled(look: Look): Look {
  const { theme, background, text } = look;
  if (theme === "light" || theme === "dark" || !(background || text)) return look;
  const light = background ? isLight(background) : !isLight(text as string);
  return { ...look, theme: light ? "light" : "dark" };
}

/** Whether black is easier to read on a colour than white: its relative luminance (WCAG 2.2) is above 0.179. */
export function isLight(colour: string): boolean {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  if (!context) return false;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0] = Array.from(context.getImageData(0, 0, 1, 1).data, (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179;
}
