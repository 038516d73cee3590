// SPDX-License-Identifier: Apache-2.0
// Where the reader is: #/region/370100/overview?period=month&year=2026&number=10

// An address that is spoilt leads to the start.
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [kind = "", id = "", view = ""] = path.includes("%") && !decode(path) ? [] : path.split("/").map(decode);
  return { kind, id, view, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function link(place) {
  const query = new URLSearchParams(Object.entries(place.query || {}).filter(([, value]) => value !== undefined && value !== null && value !== "")).toString();
  return `#/${place.kind}/${encodeURIComponent(place.id)}/${place.view}${query ? `?${query}` : ""}`;
}

export const go = (place) => (location.hash = link(place));

// The same place with some of its question changed.
export const change = (place, query) => ({ ...place, query: { ...place.query, ...query } });

// The period goes along from view to view, other choices stay behind.
export function keepPeriod(query) {
  const { period, year, number, ryear, quarter } = query;
  return { period, year, number, ryear, quarter };
}
