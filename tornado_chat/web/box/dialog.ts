import type { Context } from "./context";
import { h, uniqueId } from "./dom";
import { focusBack } from "./menu";

export interface Field {
  name: string;
  label: string;
  /** What can be chosen, as [value, label]; without it, it is text. */
  choices?: [string, string][];
  /** Of a choice: what the field says that comes up where the value "" is chosen. */
  other?: string;
  /** What the text must look like. */
  pattern?: string;
  required?: boolean;
}

/** A modal dialog: a title, and what it says. The focus goes back to where it was. */
export class Dialog {
  readonly element: HTMLDialogElement;
  /** What went wrong. */
  readonly said = h("p", { class: "failure", role: "alert" });
  readonly #context: Context;

  /** `body` fills it, so that whatever else of it is hit is outside. */
  constructor(context: Context, title: string, body: HTMLElement) {
    this.#context = context;
    const id = uniqueId("dialog");
    body.prepend(h("h2", { id }, h("bdi", {}, title)));
    let outside = false; // a drag that selects a text may end there
    this.element = h("dialog", { class: "dialog", "aria-labelledby": id }, body);
    this.element.addEventListener("keydown", (event) => event.stopPropagation());
    this.element.addEventListener("pointerdown", ({ target }) => {
      outside = target === this.element;
    });
    this.element.addEventListener("click", ({ target }) => {
      if (outside && target === this.element) this.close();
    });
  }

  open(): void {
    const { root } = this.#context;
    const before = document.activeElement;
    this.element.addEventListener("close", () => {
      this.element.remove();
      focusBack(root, before);
    });
    root.append(this.element);
    this.element.showModal();
  }

  /** Say what went wrong: here, or where this was closed meanwhile, in the conversation. */
  fail(text: string): void {
    if (this.element.open) this.said.textContent = text;
    else this.#context.session.notice(text, "error");
  }

  close(): void {
    this.element.close();
  }
}

export interface Question {
  title: string;
  text?: string;
  fields?: Field[];
  yes: string;
  danger?: boolean;
  /** Does it with what was filled in, by name; returns what went wrong, which can be mended then, or null. */
  run(answer: Record<string, string>): Promise<string | null>;
}

/** Ask for something, and do it. */
export function ask(context: Context, question: Question): void {
  const inputs = new Map<string, () => string>();
  const form = h("form", { method: "dialog" });
  if (question.text) form.append(h("p", {}, question.text));
  for (const field of question.fields ?? []) inputs.set(field.name, addField(form, field));
  const dialog = new Dialog(context, question.title, form);
  const close = () => dialog.close();
  const no = h("button", { type: "button", class: "button", onclick: close }, context.texts.t("mod.cancel"));
  const yes = h(
    "button",
    { type: "submit", class: question.danger ? "button danger" : "button primary" },
    question.yes,
  );
  form.append(dialog.said, h("div", { class: "dialog-buttons" }, no, yes));
  onSubmit(form, async () => {
    const wrong = await question.run(Object.fromEntries([...inputs].map(([name, value]) => [name, value()])));
    if (wrong === null) dialog.close();
    else dialog.fail(wrong);
  });
  dialog.open();
}

/** Do something whenever a form is submitted; once at a time. */
export function onSubmit(form: HTMLFormElement, run: () => Promise<void>): void {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy) return;
    form.ariaBusy = "true";
    await run();
    form.ariaBusy = null;
  });
}

/** Add a field to a form; returns what reads it. */
function addField(form: HTMLElement, field: Field): () => string {
  const id = uniqueId("field");
  const { label, choices, other, pattern, required } = field;
  const text = h("input", {
    id,
    type: "text",
    class: "search",
    maxlength: 150,
    autocomplete: "off",
    pattern,
    required,
  });
  form.append(h("label", { for: id }, label));
  if (!choices) {
    form.append(text);
    return () => text.value.trim();
  }
  const options = choices.map(([value, name]) => h("option", { value }, name));
  const choice = h("select", { id, class: "search" }, ...options);
  text.id = `${id}-other`;
  text.setAttribute("aria-label", other ?? "");
  text.placeholder = other ?? "";
  const update = () => {
    text.hidden = choice.value !== "";
    text.required = !text.hidden;
    text.disabled = text.hidden;
  };
  choice.addEventListener("change", () => {
    update();
    if (!text.hidden) text.focus();
  });
  update();
  form.append(choice, text);
  return () => choice.value || text.value.trim();
}
