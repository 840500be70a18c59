export type Params = Record<string, string | number>;

/** The texts of one language, from the catalogue that the server put into the page. */
export class Texts {
  readonly lang: string;
  readonly #texts: Record<string, string>;
  readonly #plurals: Intl.PluralRules;
  readonly #time: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #dayAndYear: Intl.DateTimeFormat;
  readonly #moment: Intl.DateTimeFormat;
  readonly #relativeDay: Intl.RelativeTimeFormat;

  constructor(lang: string, texts: Record<string, string>) {
    this.lang = lang;
    this.#texts = texts;
    this.#plurals = new Intl.PluralRules(lang);
    this.#time = new Intl.DateTimeFormat(lang, { timeStyle: "short" });
    this.#day = new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long" });
    this.#dayAndYear = new Intl.DateTimeFormat(lang, { day: "numeric", month: "long", year: "numeric" });
    this.#moment = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" });
    this.#relativeDay = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  }

  /** The text of a key, with `{name}` replaced. With `count`, of `key.one`, `key.other` and what the language has more. */
  t(key: string, params: Params = {}): string {
    let text = this.#texts[key];
    if (text === undefined && typeof params.count === "number") {
      text = this.#texts[`${key}.${this.#plurals.select(params.count)}`] ?? this.#texts[`${key}.other`];
    }
    return (text ?? key).replace(/\{(\w+)\}/g, (whole, name: string) =>
      Object.hasOwn(params, name) ? String(params[name]) : whole,
    );
  }

  /** Whether there is a text of this key. */
  has(key: string): boolean {
    return Object.hasOwn(this.#texts, key);
  }

  /** "14:05" */
  time(at: Date): string {
    return this.#time.format(at);
  }

  /** Day and time, for tooltips and lists. */
  moment(at: Date): string {
    return this.#moment.format(at);
  }

  /** "today", "yesterday", "Monday, 3 March", "3 March 2024" */
  day(at: Date, now: Date): string {
    const days = Math.round((midnight(at) - midnight(now)) / 86_400_000);
    if (days === 0 || days === -1) return capital(this.#relativeDay.format(days, "day"), this.lang);
    return at.getFullYear() === now.getFullYear() ? this.#day.format(at) : this.#dayAndYear.format(at);
  }

  /** "5 sec", "2 min", "1:30": how long something takes. */
  span(seconds: number): string {
    const whole = seconds < 60 || (seconds % 60 === 0 && seconds < 3600);
    if (!whole) return this.left(seconds);
    const unit = seconds < 60 ? "second" : "minute";
    const format = new Intl.NumberFormat(this.lang, { style: "unit", unit, unitDisplay: "short" });
    return format.format(unit === "second" ? seconds : seconds / 60);
  }

  /** "0:42", "12:03", "2 d 3 h": what is left of a wait. */
  left(seconds: number): string {
    const whole = Math.max(Math.ceil(seconds), 0);
    if (whole < 3600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    const minutes = Math.ceil(whole / 60);
    if (minutes < 1440) return this.t("span.hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
    return this.t("span.days", { d: Math.floor(minutes / 1440), h: Math.floor(minutes / 60) % 24 });
  }
}

function midnight(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

function capital(text: string, lang: string): string {
  return text.charAt(0).toLocaleUpperCase(lang) + text.slice(1);
}
