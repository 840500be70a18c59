// Which pages may use an app: the patterns of its `origins`, read as the server reads them (origins.py).

const PATTERN = /^(https?):\/\/(\*\.)?([a-z0-9.-]+|\[[0-9a-f:]+\])(:(?:[0-9]{1,5}|\*))?$/;
const DEFAULT_PORTS: Record<string, string> = { http: ":80", https: ":443" };

/** Whether an origin, as a browser writes it, fits one of the patterns. */
export function allows(patterns: readonly string[], origin: string): boolean {
  return patterns.some((pattern) => pattern === "*" || fits(pattern, origin));
}

function fits(pattern: string, origin: string): boolean {
  const match = PATTERN.exec(pattern);
  if (!match) return false;
  const [, scheme = "", wild, host = "", written = ""] = match;
  const port = written === DEFAULT_PORTS[scheme] ? "" : written; // browsers leave it out
  const hosts = (wild ? "(?:[a-z0-9-]+\\.)+" : "") + host.replace(/[.[\]]/g, "\\$&");
  const ports = port === ":*" ? "(?::[0-9]{1,5})?" : port;
  return new RegExp(`^${scheme}://${hosts}${ports}$`).test(origin);
}
