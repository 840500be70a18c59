import type { Context } from "./context";
import { append, h, uniqueId } from "./dom";
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

/** A modal dialog, which is open from the start. The focus goes back to where it was. */
export class Dialog {
  readonly #element: HTMLDialogElement;
  readonly #said = h("p", { class: "failure", role: "alert" });
  readonly #context: Context;

  /** `body` is put between its title and its buttons: one that closes it and says `no`, and maybe `yes`. */
  constructor(context: Context, title: string, body: HTMLElement, no: string, yes?: Node) {
    this.#context = context;
    const { root } = context;
    const before = document.activeElement;
    const id = uniqueId("dialog");
    const close = () => this.close();
    body.prepend(h("h2", { id }, h("bdi", {}, title)));
    const buttons = h("div", { class: "dialog-buttons" });
    append(buttons, h("button", { type: "button", class: "button", onclick: close }, context.texts.t(no)), yes);
    body.append(this.#said, buttons);
    let outside = false;
    this.#element = h(
      "dialog",
      {
        class: "dialog",
        "aria-labelledby": id,
        onkeydown: (event: Event) => event.stopPropagation(),
        // The body fills it. A drag that selects a text in there may end outside.
        onpointerdown: ({ target }: Event) => {
          outside = target === this.#element;
        },
        onclick: ({ target }: Event) => {
          if (outside && target === this.#element) close();
        },
        onclose: () => {
          this.#element.remove();
          focusBack(root, before);
        },
      },
      body,
    );
    root.append(this.#element);
    this.#element.showModal();
  }

  close(): void {
    this.#element.close();
  }

  /** Say what went wrong: here, or where this was closed meanwhile, in the conversation. Empty: nothing. */
  fail(text: string): void {
    if (this.#element.open) this.#said.textContent = text;
    else if (text) this.#context.session.notice(text, "error");
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
  const yes = h(
    "button",
    { type: "submit", class: question.danger ? "button danger" : "button primary" },
    question.yes,
  );
  const dialog = new Dialog(context, question.title, form, "mod.cancel", yes);
  onSubmit(form, async () => {
    const wrong = await question.run(Object.fromEntries([...inputs].map(([name, value]) => [name, value()])));
    if (wrong === null) dialog.close();
    else dialog.fail(wrong);
  });
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
    placeholder: other,
    "aria-label": other,
  });
  form.append(h("label", { for: id }, label));
  if (!choices) {
    form.append(text);
    return () => text.value.trim();
  }
  const options = choices.map(([value, name]) => h("option", { value }, name));
  const choice = h("select", { id, class: "search" }, ...options);
  text.id = `${id}-other`;
  const update = () => {
    text.hidden = choice.value !== "";
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
