import { h, uniqueId } from "./dom";

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

/** A modal dialog: a title, what it says, fields, and two buttons. The focus goes back to where it was. */
export class Dialog {
  readonly element: HTMLDialogElement;
  readonly #root: HTMLElement;

  /** `root` is what it is put into. */
  constructor(root: HTMLElement, title: string, ...content: Node[]) {
    this.#root = root;
    const id = uniqueId("dialog");
    this.element = h(
      "dialog",
      { class: "dialog", "aria-labelledby": id },
      h("h2", { id }, h("bdi", {}, title)),
      ...content,
    );
    this.element.addEventListener("keydown", (event) => event.stopPropagation());
    this.element.addEventListener("close", () => this.element.remove());
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.element.close();
    });
  }

  open(): void {
    this.#root.append(this.element);
    this.element.showModal();
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
  no: string;
  danger?: boolean;
  /** Does it with what was filled in, by name; returns what went wrong, which can be mended then, or null. */
  run(answer: Record<string, string>): Promise<string | null>;
}

/** Ask for something, and do it. */
export function ask(root: HTMLElement, question: Question): void {
  const inputs = new Map<string, () => string>();
  const form = h("form", { method: "dialog" });
  if (question.text) form.append(h("p", {}, question.text));
  for (const field of question.fields ?? []) inputs.set(field.name, addField(form, field));
  const said = h("p", { class: "failure", role: "alert" });
  const no = h("button", { type: "button", class: "button" }, question.no);
  const yes = h(
    "button",
    { type: "submit", class: question.danger ? "button danger" : "button primary" },
    question.yes,
  );
  form.append(said, h("div", { class: "dialog-buttons" }, no, yes));
  const dialog = new Dialog(root, question.title, form);
  no.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy) return;
    form.ariaBusy = "true";
    const wrong = await question.run(Object.fromEntries([...inputs].map(([name, value]) => [name, value()])));
    form.ariaBusy = null;
    if (wrong === null) dialog.close();
    else said.textContent = wrong;
  });
  dialog.open();
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
