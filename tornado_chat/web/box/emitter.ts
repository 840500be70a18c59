/** Who listens to what, by the name of the event and the type of what it brings. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(data: never) => void>>();

  /** Call `listener` at each event of this name; returns what ends that. */
  on<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Tell everybody who listens. One that fails keeps no other from hearing of it. */
  emit<Name extends keyof Events>(name: Name, data: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (data: Events[Name]) => void)(data);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
