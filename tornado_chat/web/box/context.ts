import type { Announcer } from "./announcer";
import type { MenuItem } from "./menu";
import type { Message, Speaker } from "./protocol";
import type { Session } from "./session";
import type { Texts } from "./texts";

/** Of what a menu is opened: a message, or a name alone. */
export interface Subject {
  user: Speaker;
  message?: Message;
}

/** What the parts of one box share. */
export interface Context {
  readonly session: Session;
  readonly texts: Texts;
  readonly announcer: Announcer;
  /** The box's own element, which menus and drawers are put into. */
  readonly root: HTMLElement;
  /** What can be done with a message or a name, as this visitor may. */
  itemsFor(subject: Subject): MenuItem[];
  /** Open that menu at an element. */
  openMenu(anchor: HTMLElement, subject: Subject): void;
  /** Put a text where the cursor is in the field, and go there. */
  insert(text: string): void;
  /** Go to the field. */
  focusField(): void;
}
