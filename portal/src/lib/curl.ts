/* Equivalent requests as text, without any secret. Pure. */

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A curl line of one management call; the key is a placeholder, never the session's. */
export function curlLine(origin: string, method: string, path: string, body?: unknown): string {
  const parts = [`curl ${method === "GET" ? "" : `-X ${method} `}${quote(`${origin}/core/v1${path}`)}`, `  -H 'Authorization: YOUR_API_KEY'`];
  if (body !== undefined) {
    parts.push(`  -H 'Content-Type: application/json'`);
    parts.push(`  -d ${quote(JSON.stringify(body))}`);
  }
  return parts.join(" \\\n");
}

export interface RegistrationFields {
  [name: string]: unknown;
}

export function registrationCurl(origin: string, fields: RegistrationFields): string {
  return [`curl -X POST ${quote(`${origin}/v1/devices`)}`, `  -H 'Content-Type: application/json'`, `  -d ${quote(JSON.stringify(fields, null, 2))}`].join(" \\\n");
}

export function registrationJs(origin: string, fields: RegistrationFields): string {
  return [
    `const reply = await fetch(${JSON.stringify(`${origin}/v1/devices`)}, {`,
    `  method: "POST",`,
    `  headers: { "Content-Type": "application/json" },`,
    `  body: JSON.stringify(${JSON.stringify(fields, null, 2).replaceAll("\n", "\n  ")}),`,
    `});`,
    `const { id, access_key, mqtt_hub_url } = await reply.json();`,
  ].join("\n");
}

export function registrationPython(origin: string, fields: RegistrationFields): string {
  const pairs = Object.entries(fields).map(([k, v]) => `    ${JSON.stringify(k)}: ${JSON.stringify(v)},`);
  return [
    `import json, urllib.request`,
    ``,
    `body = json.dumps({`,
    ...pairs,
    `}).encode()`,
    `request = urllib.request.Request(${JSON.stringify(`${origin}/v1/devices`)}, body,`,
    `                                 {"Content-Type": "application/json"})`,
    `device = json.load(urllib.request.urlopen(request))`,
    `print(device["id"], device["access_key"], device["mqtt_hub_url"])`,
  ].join("\n");
}
