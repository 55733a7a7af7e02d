// The windows of a journal: all of them binned above, those around the selection below, one column each.
import { color, html, useLayoutEffect, useRef, useScheme, useWidth } from "./ui.js";
import { clock, moment, number, shortDay } from "./text.js";

const COLUMN = 11;
const OVERVIEW = 20;
const DOTS = 12;
const CELLS = 46;
const TICKS = 24;
const HEIGHT = OVERVIEW + 8 + DOTS + CELLS + 8 + TICKS;

export function windowTitle(w, words) {
  if (w.count > 1) return `${number(w.count)} windows`;
  return w.number === null ? (w.count ? "A window" : "Before the first window") : `Window ${w.number}`;
}

export function outcomeText(w, words) {
  if (!w.count) return "";
  if (w.outcome === "used") return `${w.accepted} accepted${w.rejected ? `, ${w.rejected} rejected` : ""}${w.abandoned ? `, ${w.abandoned} given up` : ""}`;
  if (w.outcome) return `missed: ${w.outcome === "unexplained" ? "nothing recorded explains it" : words.missed[w.outcome] || w.outcome}`;
  return "open";
}

// Starts, gaps and signed checkpoints in words.
export function marksText(w, words) {
  const names = Object.keys(words.marks).filter((name) => w.marks & words.marks[name]);
  return names.length ? `; ${names.join(", ")}` : "";
}

export const isMissed = (w) => Boolean(w.count && w.outcome && w.outcome !== "used");

// What a column stands for when several share one pixel: the worst of them.
function worst(windows) {
  if (windows.some((w) => w.rejected || w.trouble > 2)) return "bad";
  if (windows.some((w) => w.abandoned)) return "given";
  return windows.some(isMissed) ? "missed" : "";
}

// A finding of the audit is seen even where something else is worse.
export function drawOverview(context, windows, width, height, findings = new Set()) {
  const step = Math.max(1, windows.length / width);
  const wide = Math.max(1, width / Math.max(1, windows.length));
  for (let x = 0, at = 0; at < windows.length; x += wide, at += step) {
    const group = windows.slice(Math.floor(at), Math.max(Math.floor(at) + 1, Math.floor(at + step)));
    const quota = group.reduce((sum, w) => sum + w.quota, 0) || 1;
    const share = group.reduce((sum, w) => sum + w.accepted, 0) / quota;
    context.fillStyle = color("ok");
    context.fillRect(x, height * (1 - share), Math.ceil(wide), height * share);
    const trouble = worst(group);
    if (!trouble) continue;
    context.fillStyle = color(trouble);
    context.fillRect(x, 0, Math.max(2, Math.ceil(wide) - (wide > 4 ? 1 : 0)), 4);
  }
  context.fillStyle = color("accent");
  for (const index of findings) context.fillRect((index / windows.length) * width, 0, Math.max(2, Math.ceil(wide)), 8);
}

// What an audit says of the windows, as far as it has come.
function foundText(judged, findings) {
  if (!judged) return "";
  return findings.size ? `, findings of the audit in ${number(findings.size)}` : ", no finding of the audit";
}

function triangle(context, x, y, name) {
  context.fillStyle = color(name);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + 4, y + 6);
  context.lineTo(x - 4, y + 6);
  context.fill();
}

function drawColumn(context, w, x, top, marks, found) {
  const wide = COLUMN - 2;
  if (w.trouble || found) {
    context.fillStyle = color(found ? "accent" : "bad");
    context.beginPath();
    context.arc(x + wide / 2, top - DOTS / 2, 2.6, 0, 7);
    context.fill();
  }
  const high = CELLS / Math.max(1, w.quota);
  if (w.count > 1 || (w.number === null && w.count)) {
    context.fillStyle = color("cell");
    context.fillRect(x, top, wide, CELLS);
    context.strokeStyle = color("missed");
    for (let y = 4; y < CELLS + wide; y += 6) {
      context.beginPath();
      context.moveTo(x, top + Math.min(CELLS, y));
      context.lineTo(x + Math.min(wide, y), top + Math.max(0, y - wide));
      context.stroke();
    }
  } else if (w.count) {
    const settled = [...Array(w.accepted).fill("ok"), ...Array(w.rejected).fill("bad"), ...Array(w.abandoned).fill("given")];
    for (let n = 0; n < w.quota; n++) {
      context.fillStyle = color(settled[n] || "cell");
      context.fillRect(x, top + CELLS - (n + 1) * high + 1, wide, high - 1.5);
    }
    if (isMissed(w)) {
      context.strokeStyle = color("missed");
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x, top + CELLS);
      context.lineTo(x + wide, top);
      context.stroke();
      context.lineWidth = 1;
    }
  }
  if (w.marks & marks.checkpoint) {
    context.fillStyle = color("accent");
    context.fillRect(x, top + CELLS + 0.5, wide, 1.5);
  }
  if (w.marks & (marks.start | marks.gap | marks["torn tail"])) {
    const serious = w.marks & (marks.crash | marks.gap | marks["torn tail"]);
    triangle(context, x + wide / 2, top + CELLS + 3, serious ? "bad" : "muted");
  }
}

export function Strip({ windows, selected, first, words, findings, judged, choose, move, counts }) {
  const box = useRef();
  const canvas = useRef();
  const width = useWidth(box);
  const scheme = useScheme();
  const most = Math.max(1, Math.floor(width / COLUMN));
  const start = Math.max(0, Math.min(first === null ? selected - Math.floor(most * 0.6) : first, windows.length - most));
  const shown = windows.slice(start, start + most);
  const top = OVERVIEW + 8 + DOTS;

  useLayoutEffect(() => {
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = HEIGHT * ratio;
    const context = canvas.current.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = color("cell");
    context.fillRect(0, 0, width, OVERVIEW);
    drawOverview(context, windows, width, OVERVIEW, findings);
    const scale = width / Math.max(1, windows.length);
    context.strokeStyle = color("accent");
    context.lineWidth = 2;
    context.strokeRect(start * scale + 1, 1, Math.max(6, Math.min(width - 2, shown.length * scale - 2)), OVERVIEW - 2);
    context.lineWidth = 1;
    context.font = "11px system-ui, sans-serif";
    let lastDay = "";
    let lastX = -99;
    shown.forEach((w, index) => {
      const x = index * COLUMN;
      if (start + index === selected) {
        context.fillStyle = color("chosen");
        context.fillRect(x - 1, OVERVIEW + 6, COLUMN, HEIGHT - OVERVIEW - 6 - TICKS + 8);
        context.fillStyle = color("accent");
        context.fillRect(x - 1, top + CELLS + 9, COLUMN, 3);
      }
      drawColumn(context, w, x, top, words.marks, findings.has(start + index));
      const day = shortDay(w.at_ms);
      const fresh = day !== lastDay;
      if (x - lastX > (fresh ? 56 : 130) && x < width - 40) {
        context.fillStyle = color("muted");
        if (fresh) context.fillRect(x, HEIGHT - 13, 1, 13);
        context.fillText(fresh ? day : clock(w.at_ms, 0).slice(0, 5), x + 4, HEIGHT - 3);
        lastX = x;
      }
      lastDay = day;
    });
  }, [windows, width, start, selected, scheme, findings]);

  const at = (event) => {
    const place = canvas.current.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  };
  const look = (x) => move(Math.max(0, Math.floor((x / width) * windows.length - most / 2)));
  const down = (event) => {
    const [x, y] = at(event);
    if (y <= OVERVIEW + 3) {
      canvas.current.setPointerCapture(event.pointerId);
      look(x);
    } else choose(Math.min(windows.length - 1, start + Math.floor(x / COLUMN)));
  };
  const drag = (event) => {
    const [x, y] = at(event);
    if (event.buttons && canvas.current.hasPointerCapture(event.pointerId)) look(x);
    const index = start + Math.floor(x / COLUMN);
    const w = y > OVERVIEW ? windows[index] : null;
    canvas.current.title = w ? `${windowTitle(w, words)}, ${moment(w.at_ms).slice(0, 19)}: ${outcomeText(w, words)}${marksText(w, words)}${findings.has(index) ? "; a finding of the audit" : ""}` : "";
  };
  const key = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -most, PageDown: most }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    choose(Math.max(0, Math.min(windows.length - 1, selected + by)));
  };
  const now = windows[selected];
  const missed = Object.entries(counts.missed);
  return html`<section class="card strip" aria-label="Windows">
    <header class="line">
      <h2>${number(counts.seen)} windows</h2>
      <span class="muted">${number(counts.used)} used, ${number(missed.reduce((sum, [, n]) => sum + n, 0))} missed${foundText(judged, findings)}</span>
      <ul class="legend" aria-label="Colours">
        <li class="ok">accepted</li><li class="bad">rejected, or to look at</li><li class="given">given up</li><li class="missed">missed</li><li class="start">start, gap</li><li class="signed">signed</li>${findings.size ? html`<li class="found">finding</li>` : null}
      </ul>
    </header>
    <div ref=${box} class="canvas" tabindex="0" role="slider" aria-label="Window" aria-valuemin="0" aria-valuemax=${windows.length - 1}
      aria-valuenow=${selected} aria-valuetext=${now ? `${windowTitle(now, words)}, ${outcomeText(now, words)}` : "none"} onKeyDown=${key}>
      <canvas ref=${canvas} height=${HEIGHT} onPointerDown=${down} onPointerMove=${drag}></canvas>
    </div>
    <div class="unseen"><table>
      <caption>Windows around the selected one</caption>
      <thead><tr><th>Window</th><th>Began</th><th>Outcome</th><th>To look at</th></tr></thead>
      <tbody>${windows.slice(Math.max(0, selected - 5), selected + 6).map(
        (w, n) => html`<tr><td>${windowTitle(w, words)}</td><td>${moment(w.at_ms)}</td><td>${outcomeText(w, words)}${marksText(w, words)}</td><td>${w.trouble} records${findings.has(Math.max(0, selected - 5) + n) ? ", a finding of the audit" : ""}</td></tr>`,
      )}</tbody>
    </table></div>
  </section>`;
}
