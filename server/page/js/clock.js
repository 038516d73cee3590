// SPDX-License-Identifier: Apache-2.0
// The server's clock: days and hours are those of its zone, whatever the browser's clock and zone are.

let zoneMs = 8 * 3600 * 1000;
let skewMs = 0;

// text: the server's time with its zone, such as 2026-11-24T10:00:00+08:00.
export function setClock(text) {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(text) || [null, "+", 0, 0];
  zoneMs = (sign === "-" ? -1 : 1) * (hours * 60 + Number(minutes)) * 60000;
  skewMs = Date.parse(text) - Date.now();
}

// +08:00
export function zoneText() {
  const minutes = Math.abs(zoneMs) / 60000;
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  return `${zoneMs < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

// Milliseconds since 1970.
export const now = () => Date.now() + skewMs;

// Now as the server's clock on the wall shows it: 2026-11-24T10:00:00.000
export const wallTime = () => new Date(now() + zoneMs).toISOString().slice(0, 23);

export function today() {
  const text = wallTime().slice(0, 10);
  const [year, month, day] = text.split("-").map(Number);
  return { year, month, day, text };
}
