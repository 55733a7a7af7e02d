// The other views: costs and latency, validators, the audit, the machine, a comparison, and all journals.
import { html, useAnswer, useLayoutEffect, useRef, useScheme, useWidth } from "./ui.js";
import { Foreign, inertText, moment, number, shortDay, shortPath, span, valueText } from "./text.js";
import { data } from "./data.js";
import { drawOverview, outcomeText, windowTitle } from "./strip.js";
import { Gantt } from "./gantt.js";
import { Changes, Pill, Why } from "./side.js";

const dollars = (usd) => (usd === null || usd === undefined ? "no price" : `$${usd.toFixed(2)}`);

function Table({ caption, heads, rows }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}><table><caption class="unseen">${caption}</caption>
    <thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

function DayBars({ days }) {
  const box = useRef();
  const width = useWidth(box);
  const most = Math.max(0.01, ...days.map((day) => day.x.usd + (day.llm.usd || 0)));
  const wide = width / Math.max(1, days.length);
  return html`<div ref=${box}><svg width=${width} height="140" aria-hidden="true">
    ${days.map((day, index) => {
      const x = day.x.usd / most;
      const llm = (day.llm.usd || 0) / most;
      const each = Math.max(1, Math.min(60, wide - 4));
      return html`<g><title>${day.day}: X ${dollars(day.x.usd)}, LLM ${dollars(day.llm.usd)}</title>
        <rect class="search" x=${index * wide + 2} y=${115 - 100 * x} width=${each} height=${100 * x} />
        <rect class="analysis" x=${index * wide + 2} y=${115 - 100 * (x + llm)} width=${each} height=${100 * llm} />
        ${wide > 44 || index % Math.ceil(50 / wide) === 0 ? html`<text class="tick" x=${index * wide + 2} y="132">${shortDay(Date.parse(day.day))}</text>` : null}</g>`;
    })}
  </svg></div>`;
}

const LINES = [["search_ms", "search"], ["analysis_ms", "analysis"], ["submission_ms", "send"]];

function Latency({ windows, choose }) {
  const box = useRef();
  const width = useWidth(box);
  const all = windows.flatMap((w) => LINES.map(([name]) => w[name])).filter((ms) => ms > 0);
  const high = Math.log10(Math.max(1000, ...all) * 1.2);
  const low = Math.log10(Math.max(1, Math.min(100, ...all) / 1.2));
  const y = (ms) => 180 - ((Math.log10(Math.max(1, ms)) - low) / (high - low)) * 170;
  const x = (index) => 56 + (index / Math.max(1, windows.length - 1)) * (width - 64);
  const grid = [];
  for (let power = Math.ceil(low); power <= high; power++) grid.push(10 ** power);
  const each = Math.max(1, Math.ceil(windows.length / Math.max(1, width)));
  return html`<div ref=${box} class="latency" onClick=${(event) => choose(Math.max(0, Math.min(windows.length - 1, Math.round(((event.offsetX - 56) / (width - 64)) * (windows.length - 1)))))}>
    <svg width=${width} height="200" aria-hidden="true">
      ${grid.map((ms) => html`<g><line class="rule" x1="56" x2=${width} y1=${y(ms)} y2=${y(ms)} /><text class="tick" x="0" y=${y(ms) + 4}>${span(ms)}</text></g>`)}
      ${LINES.map(([name, kind]) => {
        const points = [];
        for (let at = 0; at < windows.length; at += each) {
          const values = windows.slice(at, at + each).map((w) => w[name]).filter((ms) => ms !== null);
          if (values.length) points.push(`${x(at).toFixed(1)},${y(Math.max(...values)).toFixed(1)}`);
        }
        return html`<polyline class="curve ${kind}" points=${points.join(" ")} />`;
      })}
    </svg></div>`;
}

export function Costs({ journal, records, windows, choose }) {
  const days = useAnswer(() => data.costs(journal), [journal, records]);
  if (!days) return html`<p class="muted">…</p>`;
  const sum = (part) => days.reduce((total, day) => total + part(day), 0);
  return html`<section class="card"><header class="line"><h2>Costs by day</h2><span class="muted">X ${dollars(sum((d) => d.x.usd))} · LLM ${days.some((d) => d.llm.usd === null) ? "without a price" : dollars(sum((d) => d.llm.usd))} · ${number(sum((d) => d.accepted))} accepted</span>
      <ul class="legend"><li class="search">X</li><li class="analysis">LLM</li></ul></header>
    <${DayBars} days=${days} />
    <${Table} caption="Costs by day" heads=${["Day", "Windows", "Accepted", "X", "Posts read", "Users read", "LLM", "Calls", "Tokens in", "Tokens out"]}
      rows=${days.map((d) => [d.day, number(d.windows), number(d.accepted), dollars(d.x.usd), number(d.x.posts), number(d.x.users), dollars(d.llm.usd), number(d.llm.calls), number(d.llm.prompt_tokens), number(d.llm.completion_tokens)])} /></section>
  <section class="card"><header class="line"><h2>Latency by window</h2><span class="muted">the median of each window; a click selects it</span>
      <ul class="legend"><li class="search">search</li><li class="analysis">analysis</li><li class="send">submission</li></ul></header>
    <${Latency} windows=${windows} choose=${choose} />
    <${Table} caption="The slowest windows" heads=${["Slowest windows", "Search", "Analysis", "Submission"]}
      rows=${windows.map((w, index) => [w, index]).filter(([w]) => LINES.some(([name]) => w[name]))
        .sort(([a], [b]) => Math.max(...LINES.map(([n]) => b[n] || 0)) - Math.max(...LINES.map(([n]) => a[n] || 0))).slice(0, 8)
        .map(([w, index]) => [html`<button class="link" onClick=${() => choose(index)}>${windowTitle(w)}</button>`, ...LINES.map(([name]) => (w[name] === null ? "–" : span(w[name])))])} /></section>`;
}

export function Validators({ journal, records, rows, go, words }) {
  const lines = useAnswer(async () => {
    const found = [];
    for (let start = 1; start !== null; ) {
      const [seqs, next] = await data.find(journal, "event:ScoreObserved event:ValidationObserved", start);
      found.push(...seqs);
      start = next;
    }
    return Promise.all(found.slice(-500).map((seq) => rows.wait(seq, records)));
  }, [journal, records]);
  if (!lines) return html`<p class="muted">looking …</p>`;
  const refused = lines.filter((line) => line[5]).length;
  return html`<section class="card"><header class="line"><h2>Validators' words</h2><span class="muted">${number(lines.length)} records, ${number(refused)} refusals. Nothing here can check them.</span></header>
    ${lines.length ? html`<ol class="events">${lines.map(([seq, at, event, , , trouble, , text]) => html`<li><button class="plain" onClick=${() => go(seq)}><span class="muted">${number(seq)} ${moment(at)}</span> <b class=${trouble ? "bad-text" : ""}>${words.events[event]}</b> <${Foreign} text=${text} /></button></li>`)}</ol>` : html`<p class="muted">No validator told anything in this journal.</p>`}</section>`;
}

// Nested numbers as the audit gives them.
function Accounts({ name, value }) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return html`<dt>${inertText(name).replaceAll("_", " ")}</dt><dd data-account=${name}>${Array.isArray(value) ? value.join(", ") || "none" : inertText(String(value))}</dd>`;
  const parts = Object.entries(value);
  return html`<dt>${inertText(name).replaceAll("_", " ")}</dt><dd>${parts.length ? html`<dl class="facts">${parts.map(([part, inner]) => html`<${Accounts} name=${part} value=${inner} />`)}</dl>` : "none"}</dd>`;
}

export function AuditView({ about, judged, audit, go }) {
  if (!judged) return html`<p class="muted">judging …</p>`;
  if (!audit) return html`<section class="card"><h2>Audit</h2><p class="bad-text">The journal cannot be read to its end: <${Foreign} text=${about.stopped} most=${1000} /></p></section>`;
  const findings = audit.findings.filter((finding) => finding.kind !== "note");
  return html`<section class="card verdict-card"><header class="line"><h2>Audit</h2><span class=${audit.ok ? "ok-text" : "bad-text"}><b>${audit.ok ? "no rule is broken" : `${number(findings.length)} findings`}</b></span><span class="muted">${number(audit.records)} records, ${audit.rules.length} rules, ${number(audit.findings.length - findings.length)} notes</span></header>
    <p class="muted">head of the chain: record ${number(about.records)}, <code class="hash">${about.hash}</code></p>
    <ul class="findings">${[...findings, ...audit.findings.filter((f) => f.kind === "note")].map(
      (finding) => html`<li><b class=${finding.kind === "note" ? "" : "bad-text"}>${finding.rule}</b> ${finding.kind === "note" ? html`<span class="muted">note</span>` : null} <${Foreign} text=${finding.found} most=${600} />${finding.expected ? html` <span class="muted">expected: <${Foreign} text=${finding.expected} most=${400} /></span>` : null}
        ${finding.seqs.slice(0, 8).map((seq) => html` <button class="link" onClick=${() => go(seq)}>record ${number(seq)}</button>`)}</li>`,
    )}</ul></section>
  <section class="card accounts"><h2>Accounts</h2><div class="columns">${Object.entries(audit.accounts).map(([name, value]) => html`<dl class="facts" key=${name}><${Accounts} name=${name} value=${value} /></dl>`)}</div></section>`;
}

const PLACES = { WaitingForWindow: [150, 60], Scraping: [450, 60], Analyzing: [600, 190], Submitting: [380, 300], Backoff: [110, 270] };

export function Machine({ row, step, words, seq, setSearch }) {
  if (!row || !step) return html`<p class="muted">…</p>`;
  const event = words.events[row[2]];
  const [source, dest] = [words.states[row[3]], words.states[row[4]]];
  const edges = new Map();
  for (const [name, from, to] of words.table)
    if (to !== null && to !== from) edges.set(`${from}>${to}`, [...new Set([...(edges.get(`${from}>${to}`) || []), name])]);
  return html`<section class="card"><header class="line"><h2>The machine</h2><span class="muted">record ${number(seq)}, ${event}: ${source === dest ? `stays in ${source}` : `from ${source} to ${dest}`}. A click on a line searches for its events.</span></header>
    <div class="scroll" tabindex="0" role="group" aria-label="State diagram"><svg class="machine" viewBox="0 0 720 360" role="img" aria-label=${`State diagram; the step of record ${seq} leads from ${source} to ${dest}`}>
      <defs>${["tip", "tip-taken"].map((id) => html`<marker id=${id} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class=${id} d="M0 0 8 4 0 8z" /></marker>`)}</defs>
      ${[...edges].sort(([key]) => (key === `${source}>${dest}` ? 1 : -1)).map(([key, names]) => {
        const [from, to] = key.split(">");
        const [[ax, ay], [bx, by]] = [PLACES[from], PLACES[to]];
        const far = Math.hypot(bx - ax, by - ay);
        const [nx, ny] = [-(by - ay) / far, (bx - ax) / far];
        const trim = (x, y, tx, ty) => {
          const part = Math.min(74 / Math.max(1, Math.abs(tx - x)), 24 / Math.max(1, Math.abs(ty - y)));
          return [x + (tx - x) * part, y + (ty - y) * part];
        };
        const middle = [(ax + bx) / 2 + nx * 26, (ay + by) / 2 + ny * 26];
        const [sx, sy] = trim(ax, ay, ...middle);
        const [ex, ey] = trim(bx, by, ...middle);
        const taken = from === source && to === dest;
        const path = `M${sx} ${sy}Q${middle[0]} ${middle[1]} ${ex} ${ey}`;
        return html`<g class="edge ${taken ? "taken" : ""}" onClick=${() => setSearch(names.map((name) => `event:${name}`).join(" "))}><title>${from} to ${to}: ${names.join(", ")}</title>
          <path class="touch" d=${path} /><path d=${path} marker-end="url(#${taken ? "tip-taken" : "tip"})" />
          ${taken ? html`<text x=${middle[0]} y=${middle[1]} text-anchor="middle">${event}</text>` : null}</g>`;
      })}
      ${Object.entries(PLACES).map(([name, [x, y]]) => html`<g class="node ${name === dest ? "here" : ""}"><rect x=${x - 72} y=${y - 21} width="144" height="42" rx="21" /><text x=${x} y=${y + 5} text-anchor="middle">${name}</text></g>`)}
    </svg></div>
    <h3>Rows of the table for ${event} in ${source}</h3>
    <${Why} step=${step} event=${event} source=${source} words=${words} />
    <${Table} caption="Lines of the diagram" heads=${["From", "To", "Events"]} rows=${[...edges].map(([key, names]) => [...key.split(">"), names.join(", ")])} /></section>`;
}

export function Compare({ journal, pinned, seq, windows, rows, records, indexOf, go, openPost, words, unpin }) {
  const places = pinned ? [pinned, seq].map(indexOf) : [];
  const both = useAnswer(
    async () => pinned && Promise.all([pinned, seq].map(async (n, side) => {
      const [row, step, chart] = await Promise.all([rows.wait(n, records), data.step(journal, n), data.gantt(journal, places[side])]);
      return { seq: n, at: row[1], w: windows[places[side]], chart, ...step };
    })),
    [journal, pinned, seq, ...places, Math.max(0, ...places) >= windows.length - 2 ? records : 0],
  );
  if (!pinned) return html`<section class="card"><h2>Compare</h2><p>Pin a record in the time line (key <kbd>c</kbd>), select another one, and come back: what differs between the two states and their windows stands here.</p></section>`;
  if (!both) return html`<p class="muted">…</p>`;
  const [one, other] = both.map((step) => step.state);
  const paths = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const changes = paths.filter((path) => JSON.stringify(one[path]) !== JSON.stringify(other[path])).map((path) => [path, one[path] ?? null, other[path] ?? null]);
  const two = both.map(({ w }) => w);
  const numbers = ["accepted", "rejected", "abandoned", "trouble", "posts", "users", "prompt", "completion"];
  return html`<section class="card"><header class="line"><h2>Record ${number(pinned)} and record ${number(seq)}</h2><span class="grow"></span><button onClick=${unpin}>unpin</button></header></section>
  <div class="pair">${both.map(({ seq: n, at, w, chart }, side) => html`<${Gantt} key=${side} label=${`The window of record ${number(n)}`} window=${w} chart=${chart} beside=${both[1 - side].chart} seq=${n} at=${at} go=${go} openPost=${openPost} words=${words} />`)}</div>
  <section class="card"><${Table} caption="Two windows" heads=${["Value", `Record ${number(pinned)}`, `Record ${number(seq)}`]}
      rows=${[["state", ...both.map(({ state }) => html`<${Pill} state=${state.state} />`)], ["window", ...two.map((w) => windowTitle(w, words))], ["began", ...two.map((w) => moment(w.at_ms))], ["outcome", ...two.map((w) => outcomeText(w, words))],
        ...numbers.map((name) => [{ abandoned: "given up", trouble: "to look at", posts: "posts read", users: "users read", prompt: "tokens in", completion: "tokens out" }[name] || name, ...two.map((w) => number(w[name]))]),
        ...LINES.map(([name]) => [name.replace("_ms", ", median"), ...two.map((w) => (w[name] === null ? "–" : span(w[name])))])]} />
  </section>
  <section class="card"><h2>What differs in the state, ${number(changes.length)} values</h2>
    <${Changes} changes=${changes} seq=${pinned + 1} setter=${(path) => data.setter(journal, path, pinned).then((n) => n && go(n), () => {})} />
  </section>`;
}

function Overview({ windows }) {
  const box = useRef();
  const canvas = useRef();
  const width = useWidth(box);
  const scheme = useScheme();
  useLayoutEffect(() => {
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = 28 * ratio;
    const context = canvas.current.getContext("2d");
    context.scale(ratio, ratio);
    drawOverview(context, windows, width, 28);
  }, [windows, width, scheme]);
  return html`<div ref=${box} class="canvas"><canvas ref=${canvas} height="28" aria-hidden="true"></canvas></div>`;
}

export function Journals({ names, open, columns }) {
  const all = useAnswer(() => Promise.all(names.map(async (_, journal) => ({ about: await data.about(journal), windows: (await data.windows(journal, 0)).map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]]))) }))), [names]);
  if (!all) return html`<p class="muted">…</p>`;
  return html`${all.map(({ about, windows }, journal) => html`<section class="card"><header class="line"><h2><button class="link" onClick=${() => open(journal)}><${Foreign} text=${about.name} /></button></h2>
      <span class="muted">${inertText(about.hotkey.slice(0, 8))}… · ${number(about.records)} records · ${number(about.windows.used)} of ${number(about.windows.seen)} windows used · ${number(about.totals.accepted)} accepted · ${number(about.trouble)} to look at</span></header>
    <${Overview} windows=${windows} />${about.stopped ? html`<p class="bad-text"><${Foreign} text=${about.stopped} most=${600} /></p>` : null}</section>`)}`;
}
