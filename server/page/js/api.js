// SPDX-License-Identifier: Apache-2.0
// Questions to the server. The token lives as long as the browser's tab.

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const underway = new Map();
let onSignedOut = () => {};

export const token = () => sessionStorage.getItem("token");
export const whenSignedOut = (listener) => (onSignedOut = listener);

export function keepToken(text) {
  sessionStorage.setItem("token", text);
}

export function forgetToken() {
  sessionStorage.removeItem("token");
  underway.clear();
}

export function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters || {}))
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  const text = query.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

async function fail(answer) {
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) onSignedOut();
  throw new ApiError(answer.status, problem.detail || answer.statusText);
}

async function ask(url, options = {}) {
  const headers = { Accept: "application/json", Authorization: `Bearer ${token()}`, ...options.headers };
  const answer = await fetch(url, { ...options, headers, credentials: "omit" });
  return answer.ok ? answer : fail(answer);
}

// The same question asked twice at the same time is one; the browser asks again with the tag it has.
export function get(path, parameters) {
  const url = address(path, parameters);
  if (!underway.has(url)) {
    const answer = ask(url).then((a) => a.json()).finally(() => underway.delete(url));
    underway.set(url, answer);
  }
  return underway.get(url);
}

// null where there is nothing, or not for this token.
export function getIfThere(path, parameters) {
  return get(path, parameters).catch((error) => {
    if (error.status === 401) throw error;
    return null;
  });
}

// body: an object, or the text of a table.
export async function send(method, path, parameters, body, type = "application/json") {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await ask(address(path, parameters), { method, body: text, headers: { "Content-Type": type } });
  return answer.json();
}

// All pages of a list, up to a limit.
export async function getAll(path, parameters, name, limit = 5000) {
  const rows = [];
  let cursor;
  do {
    const page = await get(path, { ...parameters, cursor });
    rows.push(...page[name]);
    cursor = page.next;
  } while (cursor && rows.length < limit);
  return rows;
}

export async function getText(url) {
  return (await fetch(url)).json();
}

// A list as CSV or a workbook, into the browser's downloads; spreadsheets want the mark for Chinese.
export async function download(path, parameters, name, format = "csv") {
  const bom = format === "csv" ? 1 : undefined;
  const answer = await ask(address(path, { ...parameters, format, bom }), { headers: { Accept: "*/*" } });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${name}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Which routes this server has: what it does not have is not shown.
let routes = new Set();
export async function learnRoutes() {
  const answer = await fetch("/api/v1/openapi.json");
  const paths = (await answer.json()).paths;
  routes = new Set(Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((m) => `${m.toUpperCase()} ${path}`)));
}
export const knows = (route) => routes.has(route);
