// The list of records: only what is seen is asked for and drawn.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { Foreign, clock, number, shortDay, span } from "./text.js";
import { toggled } from "./query.js";

const ROW = 24;
const CHUNK = 128;

// Rows by record number, fetched in chunks and kept.
export class Rows {
  #chunks = new Map();

  constructor(data, journal) {
    this.fetch = (first, last) => data.rows(journal, first, last);
  }

  // What is known of a record's row at once; `late` is called when it has arrived.
  get(seq, records, late) {
    const index = Math.floor((seq - 1) / CHUNK);
    const first = index * CHUNK + 1;
    const last = Math.min(records, first + CHUNK - 1);
    let chunk = this.#chunks.get(index);
    if (!chunk || chunk.last < last) {
      const before = chunk;
      chunk = { rows: before ? before.rows : [], last };
      chunk.ready = this.fetch(first, last).then((rows) => Object.assign(chunk, { rows, done: true }));
      chunk.ready.catch(() => this.#chunks.delete(index)); // asked again when somebody looks again
      this.#chunks.set(index, chunk);
    }
    const row = chunk.rows[seq - first];
    if (!row && late && !chunk.done) chunk.ready.then(late, () => {});
    return row;
  }

  async wait(seq, records) {
    this.get(seq, records);
    await this.#chunks.get(Math.floor((seq - 1) / CHUNK)).ready;
    return this.get(seq, records);
  }
}

const STATE_CLASS = ["idle", "search", "analysis", "send", "wait"];

function Line({ row, place, total, before, chosen, words, choose }) {
  const [seq, at, event, , dest, trouble, , text] = row;
  const opens = words.events[event] === "WindowOpened";
  return html`<div role="option" id=${`r${seq}`} aria-selected=${chosen} aria-posinset=${place + 1} aria-setsize=${total}
    class="row ${chosen ? "chosen" : ""} ${opens ? "opens" : ""}" style=${{ top: `${place * ROW}px` }} onClick=${() => choose(seq)}>
    <span class="seq">${number(seq)}</span>
    <span class="time" title=${shortDay(at)}>${clock(at, 0).slice(0, 8)}<small>${clock(at).slice(8)}</small></span>
    <span class="since">${before ? `+${span(at - before[1])}` : shortDay(at)}</span>
    <span class="dot ${STATE_CLASS[dest]}" title=${words.states[dest]}></span>
    <span class="event ${trouble ? "bad-text" : ""}">${trouble ? html`<b aria-label="to look at">!</b> ` : ""}${words.events[event]}</span>
    <span class="what"><${Foreign} text=${text} /></span>
  </div>`;
}

function EventMenu({ words, query, change }) {
  return html`<details class="menu">
    <summary>Events</summary>
    <div class="choices" role="group" aria-label="Events">
      ${words.events.map(
        (name) => html`<label><input type="checkbox" checked=${query.split(/\s+/).includes(`event:${name}`)} onChange=${() => change(toggled(query, `event:${name}`))} /> ${name}</label>`,
      )}
    </div>
  </details>`;
}

export function Records({ rows, records, found, searched, seq, query, setQuery, choose, words, searchBox }) {
  const list = useRef();
  const [, redraw] = useState(0);
  const [place, setPlace] = useState({ top: 0, height: 400 });
  const late = () => redraw((n) => n + 1);
  const total = found ? found.length : records;
  const seqAt = (index) => (found ? found[index] : index + 1);
  const placeOf = (wanted) => {
    if (!found) return wanted - 1;
    let low = 0;
    for (let high = found.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (found[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  useLayoutEffect(() => {
    const element = list.current;
    const update = () => setPlace({ top: element.scrollTop, height: element.clientHeight });
    element.addEventListener("scroll", update, { passive: true });
    const watch = new ResizeObserver(update);
    watch.observe(element);
    update();
    return () => {
      element.removeEventListener("scroll", update);
      watch.disconnect();
    };
  }, []);
  // The list moves only when the selection does, and only as far as it must.
  useEffect(() => {
    const element = list.current;
    const y = placeOf(seq) * ROW;
    if (y < element.scrollTop + ROW || y > element.scrollTop + element.clientHeight - 2 * ROW)
      element.scrollTop = y - element.clientHeight * 0.4;
  }, [seq, query, found !== null]);

  const first = Math.max(0, Math.floor(place.top / ROW) - 6);
  const last = Math.min(total, Math.ceil((place.top + place.height) / ROW) + 6);
  const lines = [];
  for (let index = first; index < last; index++) {
    const row = rows.get(seqAt(index), records, late);
    const before = index && rows.get(seqAt(index - 1), records, late);
    if (row) lines.push(html`<${Line} key=${row[0]} row=${row} place=${index} total=${total} before=${before} chosen=${row[0] === seq} words=${words} choose=${choose} />`);
  }
  const trouble = query.split(/\s+/).includes("is:trouble");
  return html`<section class="card records" aria-label="Records">
    <header class="line">
      <h2>Records</h2>
      <span class="muted" role="status">${found ? `${number(found.length)} of ${number(records)}${searched === null ? "" : `, searched to ${number(searched)} …`}` : number(records)}</span>
      <input ref=${searchBox} class="grow" type="search" value=${query} aria-label="Search records" spellcheck="false"
        placeholder='words  -not  event:NAME  post:ID  is:trouble' onInput=${(event) => setQuery(event.target.value)} />
      <${EventMenu} words=${words} query=${query} change=${setQuery} />
      <button class=${trouble ? "on" : ""} aria-pressed=${trouble} onClick=${() => setQuery(toggled(query, "is:trouble"))} title="Only what somebody should look at (key t)">! only</button>
    </header>
    <div ref=${list} class="list" tabindex="0" role="listbox" aria-label="Records" aria-activedescendant=${`r${seq}`}>
      <div class="tall" style=${{ height: `${total * ROW}px` }}>${lines}</div>
    </div>
  </section>`;
}
