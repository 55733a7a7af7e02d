// How numbers, times and foreign texts are written.
import { html } from "./ui.js";

const grouped = new Intl.NumberFormat("en-US");
const zeros = (n, width = 2) => String(n).padStart(width, "0");
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const number = (n) => (n === null || n === undefined ? "–" : grouped.format(n));

export function dayOf(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}

export function shortDay(ms) {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

export function clock(ms, digits = 3) {
  const text = new Date(ms).toISOString();
  return text.slice(11, digits ? 20 + digits : 19); // UTC, like the journal
}

export function moment(ms) {
  return `${dayOf(ms)} ${clock(ms, 3)}`;
}

export function span(ms) {
  if (ms < 0) return `−${span(-ms)}`;
  if (ms < 1000) return `${ms} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3600000) return `${Math.floor(ms / 60000)} min`;
  if (ms < 172800000) return `${(ms / 3600000).toFixed(1)} h`;
  return `${(ms / 86400000).toFixed(1)} d`;
}

// A value of the state or of a report: floats are cut, times are dates.
export function valueText(path, value) {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "number") {
    if (/_ms$/.test(path) && value > 1e11) return moment(value);
    if (/(timestamp|account_created)$/.test(path)) return moment(value * 1000);
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

// Controls, zero-width and direction marks: shown by their code, so that no text can hide or turn what stands beside it.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]/u;

const code = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

// The same for where only a plain text can stand.
export function inertText(text) {
  return HIDDEN.test(text) ? [...text].map((character) => (HIDDEN.test(character) ? `[${code(character)}]` : character)).join("") : text;
}

export function Foreign({ text, most = 400 }) {
  const whole = String(text);
  const cut = whole.length > most ? `${whole.slice(0, most)}…` : whole;
  if (!HIDDEN.test(cut)) return html`<bdi>${cut}</bdi>`;
  const parts = [];
  let plain = "";
  for (const character of cut) {
    if (HIDDEN.test(character)) {
      parts.push(plain, html`<span class="mark">${code(character)}</span>`);
      plain = "";
    } else plain += character;
  }
  return html`<bdi>${parts}${plain}</bdi>`;
}

// "posts[id=212…].score" as people read it.
export function shortPath(path) {
  return inertText(path).replace(/^posts\[id=(\d+)\]\.(post\.)?/, (_, id) => `post …${id.slice(-6)} `);
}

export const postOf = (path) => (/^posts\[id=(\d+)\]/.exec(path) || [])[1];
