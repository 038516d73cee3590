// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them, by language and unit.
import { now } from "./clock.js";
import { currentLanguage, locale, t } from "./i18n.js";

export const NONE = "—";

// Larger units where a number would be too long to read: [from, divisor, unit].
const larger = {
  zh: { kgce: [[1e4, 1e3, "tce"]], kg: [[1e4, 1e3, "t"]], kWh: [[1e5, 1e4, "万kWh"]], m3: [[1e6, 1e4, "万m³"]],
        yuan: [[1e5, 1e4, "万元"]] },
  en: { kgce: [[1e4, 1e3, "tce"]], kg: [[1e4, 1e3, "t"]], kWh: [[1e7, 1e6, "GWh"], [1e5, 1e3, "MWh"]], yuan: [] },
};

export function number(value, decimals) {
  if (value === null || value === undefined) return NONE;
  const digits = decimals === undefined ? digitsFor(value) : decimals;
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "−");
}

// Four significant digits and no false precision.
function digitsFor(value) {
  const size = Math.abs(value);
  if (size === 0 || size >= 1000) return 0;
  if (size >= 100) return 1;
  return size >= 10 ? 2 : size >= 0.1 ? 3 : 4;
}

export function unitName(unit) {
  const words = { "1": "%", yuan: t("unit.yuan"), m3: "m³", L: "L" };
  if (words[unit]) return words[unit];
  return unit.replace("m2", "m²").replace("m3", "m³").replace("person", t("unit.person")).replace("yuan", t("unit.yuan"));
}

// {divisor, unit} in which values of this size are read.
export function scaleOf(size, unit) {
  if (unit === "1") return { divisor: 0.01, unit: "%" };
  for (const [from, divisor, name] of larger[currentLanguage()][unit] || [])
    if (Math.abs(size) >= from) return { divisor, unit: name };
  return { divisor: 1, unit: unitName(unit) };
}

// {number, unit} of a value in the API's unit.
export function quantity(value, unit) {
  if (value === null || value === undefined) return { number: NONE, unit: unitName(unit) };
  const scale = scaleOf(value, unit);
  return { number: number(value / scale.divisor, unit === "1" ? 1 : undefined), unit: scale.unit };
}

// A number at an axis: no more digits than it needs.
export function tick(value) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 3 }).format(value).replace("-", "−");
}

export function text(value, unit) {
  const q = quantity(value, unit);
  return value === null || value === undefined ? NONE : `${q.number} ${q.unit}`;
}

// A part in the unit that its whole is read in.
export function partText(value, whole, unit) {
  if (value === null || value === undefined) return NONE;
  const scale = scaleOf(whole, unit);
  return `${number(value / scale.divisor)} ${scale.unit}`;
}

// In its own unit, so that the rows of a column can be compared; exact: with all its digits.
export function plain(value, unit, isExact) {
  return value === null || value === undefined ? NONE : `${isExact ? tick(value) : number(value)} ${unitName(unit)}`;
}

export function share(value, decimals = 1) {
  return value === null || value === undefined ? NONE : `${number(value * 100, decimals)}%`;
}

// A share that is nearly but not quite one must not read 100%.
export function coverage(value) {
  if (value === null || value === undefined) return NONE;
  if (value < 1 && value > 0.9995) return "99.9%";
  return value === 1 ? "100%" : share(value);
}

export function change(value) {
  if (value === null || value === undefined) return NONE;
  const size = number(Math.abs(value) * 100, 1);
  return `${Number(size) === 0 ? "±" : value > 0 ? "+" : "−"}${size}%`;
}

// The difference of two shares, in points of per cent.
export function points(value) {
  const size = number(Math.abs(value) * 100, 1);
  return t("word.points", { n: `${Number(size) === 0 ? "±" : value > 0 ? "+" : "−"}${size}` });
}

// ---- times: the server's own zone, as its texts say it ----
const wall = (text) => {
  const [date, time = "00:00"] = text.split("T");
  const [year, month, day] = date.split("-").map(Number);
  return { year, month, day, time: time.slice(0, 5) };
};

export function day(text, withYear = true) {
  const at = wall(text);
  if (currentLanguage() === "zh") return `${withYear ? `${at.year}年` : ""}${at.month}月${at.day}日`;
  return `${at.day} ${t(`month.${at.month}`)}${withYear ? ` ${at.year}` : ""}`;
}

export function month(number) {
  return currentLanguage() === "zh" ? `${number}月` : t(`month.${number}`);
}

export function moment(text) {
  return `${day(text, false)} ${wall(text).time}`;
}

// With its seconds, as readings are told apart.
export const exactMoment = (text) => `${day(text, false)} ${text.slice(11, 19)}`;

export const clock = (text) => wall(text).time;
export const parts = wall;

export function ago(text) {
  const minutes = Math.round((now() - Date.parse(text)) / 60000);
  if (minutes < 1) return t("ago.now");
  if (minutes < 60) return t("ago.minutes", { n: minutes });
  if (minutes < 48 * 60) return t("ago.hours", { n: Math.round(minutes / 60) });
  return t("ago.days", { n: Math.round(minutes / 1440) });
}

// How long since then: 40 分钟, 3 小时, 5 天
export function duration(text) {
  const minutes = Math.max(1, Math.round((now() - Date.parse(text)) / 60000));
  if (minutes < 60) return t("lasting.minutes", { n: minutes });
  return minutes < 48 * 60 ? t("lasting.hours", { n: Math.round(minutes / 60) }) : t("lasting.days", { n: Math.round(minutes / 1440) });
}

// ---- days of the calendar, without a zone ----
export function addDays(text, n) {
  const date = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + n);
  return date.toISOString().slice(0, 10);
}

export function weekday(text) {
  return (new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7;
}

export function daysInMonth(year, month) {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

export const iso = (year, month, day) => `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
