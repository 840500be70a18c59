// What this browser remembers. In a frame of another site it may not be allowed to; then it forgets.

/** Return what was remembered under a key, null where there is nothing, or nothing that can be read. */
export function recall(key: string, storage: "local" | "session" = "local"): unknown {
  try {
    return JSON.parse(area(storage).getItem(`tornado-chat:${key}`) ?? "null");
  } catch {
    return null;
  }
}

/** Remember what JSON can hold; null forgets it. */
export function remember(key: string, value: unknown, storage: "local" | "session" = "local"): void {
  try {
    if (value === null) area(storage).removeItem(`tornado-chat:${key}`);
    else area(storage).setItem(`tornado-chat:${key}`, JSON.stringify(value));
  } catch {
    // Not allowed, or full.
  }
}

function area(storage: "local" | "session"): Storage {
  return storage === "local" ? localStorage : sessionStorage;
}
