import { h, uniqueId } from "./dom";

export interface Field {
  name: string;
  label: string;
  kind: "text" | "choice";
  /** Of a choice: [value, label]. */
  choices?: [string, string][];
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
}

/** Ask for something; resolves with what was filled in, by name, or null where it was called off. */
export function ask(root: HTMLElement, question: Question): Promise<Record<string, string> | null> {
  return new Promise((resolve) => {
    const inputs = new Map<string, HTMLInputElement | HTMLSelectElement>();
    const form = h("form", { method: "dialog" });
    if (question.text) form.append(h("p", {}, question.text));
    for (const field of question.fields ?? []) {
      const id = uniqueId("field");
      const input =
        field.kind === "choice"
          ? h("select", { id }, ...(field.choices ?? []).map(([value, label]) => h("option", { value }, label)))
          : h("input", { id, type: "text", maxlength: 150, autocomplete: "off", required: field.required });
      inputs.set(field.name, input);
      form.append(h("label", { for: id }, field.label), input);
    }
    const no = h("button", { type: "button", class: "button" }, question.no);
    form.append(
      h(
        "div",
        { class: "dialog-buttons" },
        no,
        h("button", { type: "submit", class: question.danger ? "button danger" : "button primary" }, question.yes),
      ),
    );
    const dialog = new Dialog(root, question.title, form);
    let answer: Record<string, string> | null = null;
    no.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", () => {
      answer = Object.fromEntries([...inputs].map(([name, input]) => [name, input.value.trim()]));
    });
    dialog.element.addEventListener("close", () => resolve(answer));
    dialog.open();
  });
}
