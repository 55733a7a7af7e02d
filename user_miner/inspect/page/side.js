// What one record did: the state after it, what it changed and why, and the life of a post.
import { html, useAnswer, useState } from "./ui.js";
import { Foreign, inertText, moment, number, postOf, shortPath, valueText } from "./text.js";
import { data } from "./data.js";

const STATES = { WaitingForWindow: "idle", Scraping: "search", Analyzing: "analysis", Submitting: "send", Backoff: "wait" };
const MOST_CHANGES = 60;

export function Pill({ state }) {
  return html`<span class="pill ${STATES[state]}">${state}</span>`;
}

// A value of the state; a click goes to the record that set it.
function Value({ path, value, find }) {
  const text = html`<${Foreign} text=${valueText(path, value)} most=${160} />`;
  if (value === null || value === undefined) return html`<span class="none">nothing</span>`;
  return html`<button class="value" title="Go to the record that set it" onClick=${find}>${text}</button>`;
}

export function Changes({ changes, seq, setter }) {
  const [all, setAll] = useState(false);
  // A post that comes or goes is one line, not one for each of its values.
  const [come, gone] = [1, 2].map((side) => new Set(changes.filter((change) => change[0].endsWith("].post.id") && change[side] === null).map(([path]) => postOf(path))));
  const shown = changes.filter(([path]) => !(come.has(postOf(path)) || gone.has(postOf(path))) || path.endsWith("].post.id"));
  const contentOf = (post, side) => (changes.find(([path]) => path === `posts[id=${post}].post.content`) || [])[side];
  return html`<ul class="changes">
    ${(all ? shown : shown.slice(0, MOST_CHANGES)).map(([path, before, after]) => {
      const post = postOf(path);
      if (come.has(post) || gone.has(post)) {
        const text = contentOf(post, come.has(post) ? 2 : 1) || "";
        return html`<li><span class="sign ${come.has(post) ? "add" : "drop"}">${come.has(post) ? "+" : "−"}</span><span>post …${post.slice(-6)} ${come.has(post) ? "came" : "is settled"}: <${Foreign} text=${text} most=${90} /></span></li>`;
      }
      const sign = before === null ? "+" : after === null ? "−" : "~";
      const kind = { "+": "add", "−": "drop", "~": "turn" }[sign];
      return html`<li><span class="sign ${kind}">${sign}</span><span><span class="path" title=${inertText(path)}>${shortPath(path)}</span>${" "}
        ${before === null ? null : html`<${Value} path=${path} value=${before} find=${() => setter(path, seq - 1)} />`}
        ${before === null || after === null ? " " : " → "}
        ${after === null ? null : html`<b><${Foreign} text=${valueText(path, after)} most=${160} /></b>`}</span></li>`;
    })}
    ${shown.length > MOST_CHANGES && !all ? html`<li><button class="link" onClick=${() => setAll(true)}>${number(shown.length - MOST_CHANGES)} more</button></li>` : null}
    ${changes.length ? null : html`<li class="muted">nothing</li>`}
  </ul>`;
}

export function Why({ step, event, source, words }) {
  const rows = words.table.filter(([name, from]) => name === event && from === source);
  return html`<ol class="why">
    ${rows.map(([, from, dest, guards], index) => {
      const taken = index === step.taken;
      const tried = step.taken === null || index <= step.taken;
      return html`<li class=${taken ? "taken" : "muted"}>
        ${dest === null ? `stay in ${from}` : `to ${dest}`}, ${taken ? html`<b>taken</b>` : tried ? "not taken" : "not tried"}
        ${guards.length ? html`<ul>${guards.map((guard, n) => html`<li title=${guard}><b class=${step.guards[index][n] === "1" ? "ok-text" : "bad-text"}>${step.guards[index][n] === "1" ? "yes" : "no"}</b> ${words.guards[guard]}</li>`)}</ul>` : null}
      </li>`;
    })}
  </ol>`;
}

function Posts({ state, chosen, openPost }) {
  const posts = new Map();
  for (const path of Object.keys(state)) {
    const id = postOf(path);
    if (id) posts.set(id, { ...posts.get(id), [path.slice(path.indexOf("].") + 2)]: state[path] });
  }
  if (!posts.size) return html`<p class="muted">none</p>`;
  return html`<ul class="posts">${[...posts].map(([id, post]) => {
    const tokens = Object.keys(post).filter((key) => key.startsWith("tokens")).map((key) => key.replace(/^tokens(\.|\["?)/, "").replace(/"?\]$/, ""));
    const stage = state["open.post_id"] === id ? `attempt ${state["open.attempt"]} under way` : post.deferred ? "put off" : post.analyzed ? "to send" : "to analyze";
    return html`<li class=${id === chosen ? "chosen" : ""}><button class="plain" onClick=${() => openPost(id)}>
      <span><b>${post["post.author"] ? html`@<${Foreign} text=${post["post.author"]} most=${40} />` : "post"}</b> <span class="muted">…${id.slice(-6)}${post.analyzed ? ` · score ${(post.score || 0).toFixed(3)} · ` : ""}${tokens.length ? html`<${Foreign} text=${tokens.join(", ")} most=${80} />` : post.analyzed ? "no subnet" : ""}</span> · ${stage}</span>
      <span class="text muted"><${Foreign} text=${post["post.content"] || "its text was left out"} most=${200} /></span>
    </button></li>`;
  })}</ul>`;
}

function Now({ state }) {
  const facts = [
    ["window", state["window.number"] === undefined ? "none yet" : `${state["window.number"]}, blocks ${number(state["window.start_block"])} to ${number(state["window.start_block"] + state["window.blocks"] - 1)}`],
    ["counted in it", `${state[`counted.${state["newest.start_block"]}`] || 0} of ${state.served_max_submissions || state["policy.max_submissions_per_window"]}`],
    ["process", state.running ? `runs, start ${state.epoch}` : "none"],
    ["since record 1", `${number(state["totals.accepted"] || 0)} accepted, ${number(state["totals.rejected"] || 0)} rejected, ${number(state["totals.abandoned"] || 0)} given up`],
    ["remembers", `${number(state.seen || 0)} posts, ${number(state.answers || 0)} analyses`],
  ];
  if (state["backoff.kind"]) facts.push(["backoff", `${state["backoff.kind"]}${state["backoff.due_ms"] ? ` until ${moment(state["backoff.due_ms"])}` : ` until block ${number(state["backoff.until_block"])}`}`]);
  if (state.api_down) facts.push(["status endpoint", "does not answer"]);
  if (state["refused.kind"]) facts.push(["analyses", `refused: ${state["refused.kind"]}`]);
  return html`<dl class="facts">${facts.map(([name, value]) => [html`<dt>${name}</dt>`, html`<dd>${value}</dd>`])}</dl>`;
}

function Whole({ state, seq, setter }) {
  const [text, setText] = useState("");
  const paths = Object.keys(state).filter((path) => `${path} ${valueText(path, state[path])}`.toLowerCase().includes(text.toLowerCase()));
  return html`<details class="whole">
    <summary>All of the state, ${number(Object.keys(state).length)} values</summary>
    <input type="search" value=${text} placeholder="search in the state" aria-label="Search in the state" onInput=${(event) => setText(event.target.value)} />
    <ul class="changes">${paths.slice(0, 300).map((path) => html`<li><span class="path" title=${inertText(path)}>${shortPath(path)}</span> <${Value} path=${path} value=${state[path]} find=${() => setter(path, seq)} /></li>`)}</ul>
    ${paths.length > 300 ? html`<p class="muted">${number(paths.length - 300)} more: search for them.</p>` : null}
  </details>`;
}

function Written({ journal, seq }) {
  const [open, setOpen] = useState(false);
  const record = useAnswer(() => (open ? data.record(journal, seq) : Promise.resolve(null)), [journal, seq, open]);
  return html`<details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>The record as written</summary>
    ${record ? html`<pre tabindex="0"><${Foreign} text=${JSON.stringify(record, null, 1)} most=${100000} /></pre>` : null}
  </details>`;
}

export function PostLife({ journal, post, rows, records, seq, go, close, words }) {
  const life = useAnswer(async () => {
    const found = [];
    for (let start = 1; start !== null; ) {
      const [seqs, next] = await data.find(journal, `post:${post}`, start);
      found.push(...seqs);
      start = next;
    }
    const lines = await Promise.all(found.map((n) => rows.wait(n, records)));
    const chosen = lines.find((line) => words.events[line[2]] === "PostsScraped");
    const begin = chosen ? (await data.step(journal, chosen[0])).state : {};
    const facts = Object.entries(begin).filter(([path]) => postOf(path) === post && path.includes("].post."));
    return { lines, facts: Object.fromEntries(facts.map(([path, value]) => [path.slice(path.lastIndexOf(".") + 1), value])) };
  }, [journal, post, records]);
  return html`<section class="life" aria-label="A post's life">
    <header class="line"><h3>Post ${inertText(post)}</h3><span class="grow"></span><button onClick=${close} aria-label="Close the post">×</button></header>
    ${life
      ? html`${life.facts.author || life.facts.content ? html`<p><b>@<${Foreign} text=${life.facts.author || ""} /></b><br /><${Foreign} text=${life.facts.content || ""} most=${1000} /></p>` : null}
        <p class="muted">${["likes", "retweets", "responses", "quotes", "followers"].filter((name) => name in life.facts).map((name) => `${number(life.facts[name])} ${name}`).join(" · ")}</p>
        <ol class="events">${life.lines.map(
          ([n, at, event, , , trouble, , text]) => html`<li class=${n === seq ? "chosen" : ""}><button class="plain" onClick=${() => go(n)}><span class="muted">${number(n)} ${moment(at)}</span> <b class=${trouble ? "bad-text" : ""}>${words.events[event]}</b><br /><${Foreign} text=${text} /></button></li>`,
        )}</ol>`
      : html`<p class="muted">looking …</p>`}
  </section>`;
}

export function Side({ journal, seq, row, step, post, rows, records, go, openPost, setter, words, pinned, pin, note }) {
  if (!row || !step) return html`<aside class="card side" aria-label="The selected record"><p class="muted">…</p></aside>`;
  const event = words.events[row[2]];
  const source = words.states[row[3]];
  const dest = words.states[row[4]];
  return html`<aside class="card side" aria-label="The selected record" tabindex="0">
    ${post ? html`<${PostLife} key=${post} journal=${journal} post=${post} rows=${rows} records=${records} seq=${seq} go=${go} close=${() => openPost("")} words=${words} />` : null}
    <header class="line"><h2>State after record ${number(seq)}</h2><span class="grow"></span>
      <button class=${pinned === seq ? "on" : ""} aria-pressed=${pinned === seq} onClick=${pin} title="Compare other records with this one (c)">pin</button></header>
    <p><${Pill} state=${dest} />${source === dest ? null : html` <span class="muted">from ${source}</span>`}</p>
    <p><b class=${row[5] ? "bad-text" : ""}>${event}</b> <span class="muted">${moment(row[1])}</span><br /><${Foreign} text=${row[7]} most=${600} /></p>
    ${note ? html`<p class="note" role="status">${note}</p>` : null}
    <h3>What it changed</h3>
    <${Changes} changes=${step.changes} seq=${seq} setter=${setter} />
    <h3>Why</h3>
    <${Why} step=${step} event=${event} source=${source} words=${words} />
    <h3>Effects</h3>
    <ul class="changes">
      ${step.begun.map((effect) => html`<li><span class="sign add">+</span><span>begins: ${inertText(effect)}</span></li>`)}
      ${step.ended.map((effect) => html`<li><span class="sign drop">−</span><span>ends: ${inertText(effect)}</span></li>`)}
      ${step.begun.length + step.ended.length ? null : html`<li class="muted">the same are wanted as before</li>`}
    </ul>
    <h3>Posts without a verdict</h3>
    <${Posts} state=${step.state} chosen=${row[6]} openPost=${openPost} />
    ${row[6] && !post ? html`<p><button class="link" onClick=${() => openPost(row[6])}>The life of post ${inertText(row[6])}</button></p>` : null}
    <h3>Now</h3>
    <${Now} state=${step.state} />
    <${Whole} state=${step.state} seq=${seq} setter=${setter} />
    ${data.live ? html`<${Written} journal=${journal} seq=${seq} />` : null}
  </aside>`;
}
