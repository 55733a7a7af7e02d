// One window as lanes: the state, the search, and each post. Idle time may be folded.
import { html, useRef, useWidth } from "./ui.js";
import { Foreign, clock, inertText, moment, number, span } from "./text.js";
import { outcomeText, windowTitle } from "./strip.js";

const LANE = 21;
const FOLD = 46;
const KINDS = {
  Scraping: "search", Analyzing: "analysis", Submitting: "send", Backoff: "wait", WaitingForWindow: "idle", down: "down",
  search: "search", failed: "bad", analysis: "analysis", "analysis failed": "bad", accepted: "send", rejected: "bad",
  "rate limited": "bad", unknown: "bad", wait: "wait", "under way": "send",
};
const VERDICTS = { accepted: "✓ accepted", rejected: "✗ rejected", "given up": "✗ given up", "left out": "– left out", "carried on": "→ carried on", pending: "… pending" };

const foldOf = (chart, width) => Math.min(FOLD, (width * 0.4) / Math.max(1, chart.folds.length));

// How wide a millisecond is where a chart fills the width, but for its folded stretches.
function perOf(chart, width) {
  const folded = chart.folds.reduce((sum, [from, to]) => sum + to - from, 0);
  return (width - chart.folds.length * foldOf(chart, width)) / Math.max(1, chart.to - chart.from - folded);
}

// Where a moment lies, given the folded stretches; a second is as wide as in the other chart beside it.
function scaleOf(chart, left, width, beside) {
  const fold = foldOf(chart, width);
  const per = Math.min(...[chart, beside].filter((one) => one && one.states).map((one) => perOf(one, width)));
  return (ms) => {
    let x = left + (Math.min(Math.max(ms, chart.from), chart.to) - chart.from) * per;
    for (const [from, to] of chart.folds) {
      if (ms >= to) x += fold - (to - from) * per;
      else if (ms > from) x += (ms - from) * (fold / (to - from) - per);
    }
    return x;
  };
}

function Bar({ bar, x, y, chosen, go, label }) {
  const [from, to, kind, seq] = bar;
  const a = x(from);
  const wide = Math.max(kind === "idle" ? 0 : 3, x(to) - a);
  const open = () => seq && go(seq);
  const name = { down: "no process", WaitingForWindow: "waiting" }[kind] || kind;
  return html`<g class="bar ${KINDS[kind]} ${chosen ? "chosen" : ""}" onClick=${open}>
    <title>${name}, ${span(to - from)}${seq ? `, record ${number(seq)}` : ""}</title>
    <rect x=${a} y=${y + 3} width=${wide} height=${LANE - 7} rx="2" />
    ${label && wide > name.length * 7 + 8 ? html`<text x=${a + 5} y=${y + LANE - 7.5}>${name}</text>` : null}
  </g>`;
}

export function Gantt({ window: w, chart, beside, label, seq, at, go, openPost, words }) {
  const box = useRef();
  const width = useWidth(box);
  const title = html`<h2>${windowTitle(w, words)}</h2>`;
  const empty = !chart || !chart.states;
  const left = width < 520 ? 118 : 208;
  const x = empty ? null : scaleOf(chart, left, Math.max(50, width - left - 8), beside);
  const lanes = empty ? [] : chart.lanes;
  const height = (lanes.length + 2) * LANE + 22;
  const ticks = [];
  if (!empty && width)
    for (const ms of [...new Set([chart.from, ...chart.states.flatMap(([from, to]) => [from, to]), ...lanes.flatMap((l) => l.bars.map((b) => b[1]))])].sort((a, b) => a - b))
      if (x(ms) < width - 60 && (!ticks.length || x(ms) - x(ticks.at(-1)) > 84)) ticks.push(ms);
  return html`<section class="card gantt" aria-label=${label}>
    <header class="line">
      ${title}
      <span class="muted grow">${moment(w.at_ms).slice(0, 19)} · ${empty ? "" : `${number(chart.last - chart.first + 1)} records in ${span(chart.to - chart.from)} · `}${outcomeText(w, words)}</span>
      <ul class="legend" aria-label="Colours"><li class="search">search</li><li class="analysis">analysis</li><li class="send">submission</li><li class="wait">wait</li><li class="down">no process</li></ul>
    </header>
    <div ref=${box} class="lanes" tabindex="0" role="group" aria-label="Lanes of this window">
      ${empty
        ? html`<p class="muted">${w.count > 1 || w.number === null ? "Nothing was recorded in it." : "…"} ${w.why ? html`<button class="link" onClick=${() => go(w.why)}>Record ${number(w.why)}</button> tells why.` : null}</p>`
        : html`<svg width=${width} height=${height} aria-hidden="true">
            <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-back" width="6" height="6" /><rect class="hatch-line" width="2" height="6" /></pattern></defs>
            ${chart.folds.map(
              ([from, to]) => html`<g class="fold"><rect x=${x(from)} y="0" width=${x(to) - x(from)} height=${height - 20} /><text x=${(x(from) + x(to)) / 2} y=${height - 25} text-anchor="middle">${span(to - from)}</text></g>`,
            )}
            <text class="name" x="0" y="14">State</text>
            ${chart.states.map((bar) => html`<${Bar} bar=${bar} x=${x} y=${0} go=${go} label />`)}
            <text class="name" x="0" y=${LANE + 14}>Search</text>
            ${chart.search.map((bar) => html`<${Bar} bar=${bar} x=${x} y=${LANE} go=${go} chosen=${bar[3] === seq} />`)}
            ${lanes.map((lane, index) => {
              const y = (index + 2) * LANE;
              const good = lane.verdict === "accepted";
              return html`<g>
                <line class="rule" x1="0" x2=${width} y1=${y} y2=${y} />
                <g class="name post" onClick=${() => openPost(lane.post)}><title>${lane.carried_from !== null ? `carried from window ${lane.carried_from}` : `post ${lane.post}`}</title>
                  <text class="name" x="0" y=${y + 14}>${lane.carried_from !== null ? "↪ " : ""}${lane.author ? `@${inertText(lane.author).slice(0, left > 150 ? 15 : 13)}` : `…${lane.post.slice(-8)}`}</text></g>
                ${left > 150 ? html`<text class="verdict ${good ? "ok-text" : lane.verdict === "pending" ? "" : "bad-text"}" x="118" y=${y + 14}>${VERDICTS[lane.verdict]}</text>` : null}
                ${lane.bars.map((bar) => html`<${Bar} bar=${bar} x=${x} y=${y} go=${go} chosen=${bar[3] === seq} />`)}
              </g>`;
            })}
            ${at >= chart.from && at <= chart.to ? html`<line class="now" x1=${x(at)} x2=${x(at)} y1="0" y2=${height - 20} />` : null}
            ${ticks.map((ms) => html`<text class="tick" x=${x(ms)} y=${height - 5}>${clock(ms).slice(0, 10)}</text>`)}
          </svg>`}
    </div>
    ${empty
      ? null
      : html`<div class="unseen"><table>
          <caption>Lanes of this window</caption>
          <thead><tr><th>Lane</th><th>What</th><th>From</th><th>For</th><th>Record</th></tr></thead>
          <tbody>
            ${chart.states.map(([from, to, kind, n]) => html`<tr><td>State</td><td>${kind}</td><td>${clock(from)}</td><td>${span(to - from)}</td><td>${n}</td></tr>`)}
            ${chart.search.map(([from, to, kind, n]) => html`<tr><td>Search</td><td>${kind}</td><td>${clock(from)}</td><td>${span(to - from)}</td><td>${n}</td></tr>`)}
            ${lanes.map((lane) => [
              html`<tr><td>Post ${lane.post} by <${Foreign} text=${lane.author} /></td><td>${lane.verdict}</td><td></td><td></td><td>${lane.verdict_seq || ""}</td></tr>`,
              ...lane.bars.map(([from, to, kind, n]) => html`<tr><td>Post ${lane.post}</td><td>${kind}</td><td>${clock(from)}</td><td>${span(to - from)}</td><td>${n}</td></tr>`),
            ])}
          </tbody>
        </table></div>`}
  </section>`;
}
