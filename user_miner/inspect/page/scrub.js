// Steps through the records: buttons, and a slider over the stretch that the strip shows.
import { color, html, useLayoutEffect, useRef, useScheme, useWidth } from "./ui.js";
import { moment, number } from "./text.js";

const HIGH = 8;

function Ticks({ trouble, from, to }) {
  const canvas = useRef();
  const box = useRef();
  const width = useWidth(box);
  const scheme = useScheme();
  useLayoutEffect(() => {
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.current.width = width * ratio;
    canvas.current.height = HIGH * ratio;
    const context = canvas.current.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = color("bad");
    for (const seq of trouble) if (seq >= from && seq <= to) context.fillRect(7 + ((seq - from) / Math.max(1, to - from)) * (width - 15), 0, 1.5, HIGH - 2);
  }, [trouble, from, to, width, scheme]);
  return html`<div ref=${box} class="ticks"><canvas ref=${canvas} height=${HIGH} aria-hidden="true"></canvas></div>`;
}

export function Scrubber({ seq, records, from, to, at, trouble, playing, live, following, act }) {
  const button = (name, sign, title, key) => html`<button class=${name} onClick=${() => act(name)} title=${`${title} (${key})`} aria-label=${title}>${sign}</button>`;
  return html`<footer class="card scrubber" aria-label="Steps">
    <div class="buttons">
      ${button("first", "|‹", "First record", "Home")}
      ${button("trouble-before", "« !", "Trouble before", "p")}
      ${button("window-before", "‹‹", "Window before", "Shift ←")}
      ${button("before", "‹", "Record before", "←")}
      ${button("play", playing ? "❚❚" : "▶", playing ? "Pause" : "Play", "space")}
      ${button("after", "›", "Record after", "→")}
      ${button("window-after", "››", "Window after", "Shift →")}
      ${button("trouble-after", "! »", "Trouble after", "n")}
      ${button("last", "›|", "Last record", "End")}
    </div>
    <div class="slide">
      <${Ticks} trouble=${trouble} from=${from} to=${to} />
      <input type="range" min=${from} max=${to} value=${seq} aria-label="Record" aria-valuetext=${`record ${seq}, ${at ? moment(at) : ""}`} onInput=${(event) => act("to", Number(event.target.value))} />
    </div>
    <div class="place"><b>${number(seq)}</b> <span class="muted">of ${number(records)}</span> <span class="muted when">· ${at ? `${moment(at)} UTC` : ""}</span></div>
    ${live ? html`<button class=${following ? "on follow" : "follow"} aria-pressed=${following} onClick=${() => act("follow")} title="Stay at the newest record (f)">follow</button>` : null}
  </footer>`;
}
