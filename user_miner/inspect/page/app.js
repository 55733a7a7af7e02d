// The page: what is selected stands in the address, everything else follows from it.
import { html, render, useAnswer, useEffect, useMemo, useRef, useState } from "./ui.js";
import { Foreign, inertText, number } from "./text.js";
import { data } from "./data.js";
import { toggled } from "./query.js";
import { Strip } from "./strip.js";
import { Gantt } from "./gantt.js";
import { Records, Rows } from "./records.js";
import { Scrubber } from "./scrub.js";
import { Side } from "./side.js";
import { AuditView, Compare, Costs, Journals, Machine, Validators } from "./pages.js";

const PAGES = { timeline: "Time line", costs: "Costs and latency", validators: "Validators", audit: "Audit", machine: "Machine", compare: "Compare", journals: "Journals" };
const KEYS = [
  ["← →", "record before, after"], ["Shift ← →", "window before, after"], ["p n", "trouble before, after"], ["Home End", "first, last record"],
  ["space", "play"], ["f", "follow what is added"], ["/", "search"], ["t", "only what somebody should look at"], ["c", "pin, to compare"],
  ["1 to 7", "the views"], ["Esc", "close what is open"], ["?", "these keys"],
];
const PLAY_MS = 220;
const UNSETTLED = 140; // entries whose outcome may still come: at most 64 windows (events/windows.py), with gaps between

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const whole = (name) => (/^\d{1,15}$/.test(told.get(name) || "") ? Number(told.get(name)) : null);
  const page = told.get("p") in PAGES ? told.get("p") : "timeline";
  return { journal: whole("j") || 0, seq: whole("r"), query: told.get("q") || "", page, pinned: whole("c"), post: told.get("post") || "", first: whole("w") };
}

function writeAddress({ journal, seq, query, page, pinned, post, first }) {
  const told = new URLSearchParams();
  if (journal) told.set("j", journal);
  if (page !== "timeline") told.set("p", page);
  if (seq !== null) told.set("r", seq);
  if (query) told.set("q", query);
  if (pinned) told.set("c", pinned);
  if (post) told.set("post", post);
  if (first !== null) told.set("w", first);
  const address = `#${told}`;
  if (location.hash !== address && (location.hash || address !== "#")) history.replaceState(null, "", address);
}

const named = (columns) => (row) => Object.fromEntries(columns.map((name, index) => [name, row[index]]));

function indexOfRecord(windows, seq) {
  let low = 0;
  for (let high = windows.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (windows[middle].seq <= seq) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

// A journal as far as it was read, its windows, and whether the server is heard.
function useJournal(journal, words) {
  const [known, setKnown] = useState({ journal: -1, about: null, windows: [], heard: true });
  useEffect(() => {
    if (!words) return undefined;
    let current = true;
    let have = [];
    let busy = Promise.resolve();
    const take = (about) => {
      busy = busy.then(async () => {
        const first = Math.max(0, have.length - UNSETTLED);
        const rows = await data.windows(journal, Math.min(first, about.strip));
        have = [...have.slice(0, first), ...rows.map(named(words.columns))];
        if (current) setKnown({ journal, about: await data.about(journal), windows: have, heard: true });
      }).catch(() => current && setKnown((before) => ({ ...before, heard: false })));
    };
    data.about(journal).then(take, () => {});
    const end = data.follow(journal, (about, heard) => (heard ? take(about) : current && setKnown((before) => ({ ...before, heard: false }))));
    return () => {
      current = false;
      end();
    };
  }, [journal, words]);
  return known.journal === journal ? known : { about: null, windows: [], heard: true };
}

// All records that a search line admits, as they are found; null without a line.
function useFound(journal, query, records) {
  const [found, setFound] = useState(null);
  const kept = useRef({ key: "", seqs: [], next: 1 });
  useEffect(() => {
    const key = `${journal} ${query}`;
    if (!query.trim()) {
      kept.current = { key: "", seqs: [], next: 1 };
      setFound(null);
      return undefined;
    }
    let current = true;
    if (kept.current.key !== key) kept.current = { key, seqs: [], next: 1 };
    const wait = setTimeout(async () => {
      let state = kept.current;
      for (let next = state.next; next !== null && next <= records && current; ) {
        const answer = await data.find(journal, query, next).catch(() => null);
        if (!answer || !current) return;
        // The server may have read on meanwhile: what it found there comes with the next search.
        next = answer[1] === null || answer[1] > records ? null : answer[1];
        state = { key, seqs: [...state.seqs, ...answer[0].filter((n) => n <= records)], next: next === null ? records + 1 : next };
        kept.current = state;
        setFound({ key, seqs: state.seqs, searched: next === null ? null : next - 1 });
      }
    }, 120);
    return () => {
      current = false;
      clearTimeout(wait);
    };
  }, [journal, query, records]);
  return query.trim() && found && found.key === `${journal} ${query}` ? found : null;
}

function Help({ close }) {
  return html`<div class="over" onClick=${close}><div class="card help" role="dialog" aria-modal="true" aria-label="Keys" onClick=${(event) => event.stopPropagation()}>
    <div class="line"><h2>Keys</h2><span class="grow"></span><button onClick=${close} aria-label="Close">×</button></div>
    <dl class="facts">${KEYS.map(([key, what]) => [html`<dt><kbd>${key}</kbd></dt>`, html`<dd>${what}</dd>`])}</dl></div></div>`;
}

function App() {
  const start = useAnswer(() => data.start(), []);
  const [view, setView] = useState(readAddress);
  const [help, setHelp] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [note, setNote] = useState("");
  const searchBox = useRef();
  const words = start && start.words;
  const { about, windows, heard } = useJournal(view.journal, words);
  const records = about ? about.records : 0;
  const rows = useMemo(() => new Rows(data, view.journal), [view.journal]);
  const found = useFound(view.journal, view.query, records);
  const trouble = useFound(view.journal, "is:trouble", records);
  const troubles = trouble ? trouble.seqs : [];
  const following = view.seq === null;
  const seq = Math.max(1, Math.min(records, following ? records : view.seq));
  const here = useAnswer(
    async () => (records ? { seq, row: await rows.wait(seq, records), step: await data.step(view.journal, seq) } : null),
    [view.journal, rows, seq, records > 0],
  );
  const { row, step } = here && here.seq === seq ? here : { row: null, step: null };
  const last = useRef(null);
  if (row) last.current = { row, step, seq };
  const shown = row ? { row, step, seq } : last.current || { row: null, step: null, seq };
  const selected = indexOfRecord(windows, seq);
  const w = windows[selected];
  const chart = useAnswer(
    async () => (w ? { selected, journal: view.journal, ...(await data.gantt(view.journal, selected)) } : null),
    [view.journal, selected, w && w.seq, selected >= windows.length - 2 ? records : 0],
  );
  // The audit comes behind the first view; the server judges aside, and tells when it has come further.
  const audit = useAnswer(
    async () => (shown.row && !about.reading ? { journal: view.journal, told: await data.audit(view.journal) } : null),
    [view.journal, shown.row !== null, about && !about.reading, records, about && about.judged],
  );
  const [judged, report] = audit && audit.journal === view.journal ? audit.told : [0, null];
  const findings = useMemo(() => {
    const marked = report ? report.findings.filter((f) => f.kind !== "note").flatMap((f) => f.seqs) : [];
    return new Set(marked.map((n) => indexOfRecord(windows, n)));
  }, [report, windows.length]);

  const place = useRef(seq); // where the last key led, which may not be drawn yet when the next one comes
  place.current = seq;
  const change = (part) => setView((before) => ({ ...before, ...part }));
  const go = (n) => {
    setNote("");
    place.current = Math.max(1, Math.min(records, n));
    change({ seq: place.current, first: null });
  };
  const choose = (index) => {
    const chosen = windows[Math.max(0, Math.min(windows.length - 1, index))];
    if (chosen) go(chosen.number === null && chosen.why ? chosen.why : chosen.seq);
    if (view.first !== null) change({ first: view.first });
  };
  const setter = async (path, from) => {
    const n = from > 0 ? await data.setter(view.journal, path, from).catch(() => null) : 0;
    if (n === null) return;
    if (n) go(n);
    setNote(n ? `This record set ${inertText(path)}.` : `No record set ${inertText(path)}: it is so from the beginning.`);
  };
  const nextOf = (list, by) => {
    if (by > 0) return list.find((n) => n > place.current);
    return list.findLast((n) => n < place.current);
  };
  const stepBy = (by) => {
    const next = found ? nextOf(found.seqs, by) : place.current + by;
    if (next) go(next);
  };
  const windowBy = (by) => {
    let index = indexOfRecord(windows, place.current) + by;
    while (windows[index] && windows[index].number === null && windows[index].count) index += by;
    if (windows[index]) go(windows[index].seq);
  };
  const act = (name, value) => {
    const does = {
      first: () => go(1), last: () => (data.live ? change({ seq: null, first: null }) : go(records)), before: () => stepBy(-1), after: () => stepBy(1), to: () => change({ seq: value }),
      "window-before": () => windowBy(-1), "window-after": () => windowBy(1),
      "trouble-before": () => go(nextOf(troubles, -1) || place.current), "trouble-after": () => go(nextOf(troubles, 1) || place.current),
      play: () => setPlaying((now) => !now), follow: () => change({ seq: following ? records : null, first: null }),
    };
    if (name !== "play") setPlaying(false);
    does[name]();
  };

  useEffect(() => writeAddress(view), [view]);
  useEffect(() => {
    const turn = () => setView(readAddress());
    addEventListener("hashchange", turn);
    return () => removeEventListener("hashchange", turn);
  }, []);
  useEffect(() => {
    document.title = about ? `${number(seq)} · user-miner` : "user-miner";
  }, [seq, about]);
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(() => (seq < records ? stepBy(1) : setPlaying(false)), PLAY_MS);
    return () => clearTimeout(timer);
  }, [playing, seq, records, here]);
  useEffect(() => {
    const press = (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key === "Escape") {
        setHelp(false);
        setNote("");
        document.querySelectorAll("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
        if (typing) event.target.blur();
        else change({ post: "" });
        return;
      }
      if (event.ctrlKey || event.altKey || event.metaKey || (typing && event.target.type !== "range" && event.target.type !== "checkbox")) return;
      const page = Object.keys(PAGES)[Number(event.key) - 1];
      const does = {
        ArrowLeft: () => act(event.shiftKey ? "window-before" : "before"), ArrowRight: () => act(event.shiftKey ? "window-after" : "after"),
        Home: () => act("first"), End: () => act("last"), n: () => act("trouble-after"), p: () => act("trouble-before"), " ": () => act("play"), f: () => data.live && act("follow"),
        "/": () => searchBox.current && searchBox.current.focus(), t: () => change({ query: toggled(view.query, "is:trouble") }), c: () => change({ pinned: seq }), "?": () => setHelp((now) => !now),
      }[event.key] || (page && (page !== "journals" || start.journals.length > 1) && (() => change({ page })));
      if (!does || (event.key === " " && /^(BUTTON|SUMMARY)$/.test(event.target.tagName))) return;
      event.preventDefault();
      does();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  if (!start || !about) return html`<p class="muted loading">reading …</p>`;
  const strip = { from: 1, to: Math.max(1, records) };
  if (windows.length > 400 && w) {
    strip.from = windows[Math.max(0, selected - 200)].seq;
    strip.to = windows[selected + 200] ? windows[selected + 200].seq : records;
  }
  const pages = Object.entries(PAGES).filter(([name]) => name !== "journals" || start.journals.length > 1);
  const state = about.reading ? "reading" : !heard ? "not heard" : !data.live ? "recorded" : about.running ? "live" : "stopped";
  return html`
    <header class="top">
      <h1>user-miner</h1>
      <span class="muted who"><${Foreign} text=${about.name} most=${80} />${about.hotkey ? ` · ${inertText(about.hotkey.slice(0, 8))}… on netuid ${about.netuid} · ` : ""}<${Foreign} text=${about.api_url} most=${80} />${about.dry_run ? " · dry run" : ""}</span>
      <ul class="numbers">
        <li title=${about.totals.salvaged ? `${number(about.totals.salvaged)} more are known only from behind a gap` : ""}><b class="ok-text" data-total="accepted">${number(about.totals.accepted)}</b> accepted</li>
        <li><b data-total="rejected">${number(about.totals.rejected)}</b> rejected</li>
        <li><b data-total="abandoned">${number(about.totals.abandoned)}</b> given up</li>
        <li><b class="bad-text" data-total="trouble">${number(about.trouble)}</b> to look at</li>
        <li class="state ${state.replace(" ", "-")}"><span role="status">${state}</span></li>
      </ul>
    </header>
    <nav aria-label="Views">
      ${pages.map(([name, title]) => html`<button class=${view.page === name ? "on" : ""} aria-current=${view.page === name ? "page" : null} onClick=${() => change({ page: name })}>${title}</button>`)}
      <span class="grow"></span>
      <button onClick=${() => setHelp(true)} aria-label="Keys" title="Keys (?)">?</button>
    </nav>
    ${about.stopped ? html`<p class="card warning" role="alert"><b>${records ? `Read as far as record ${number(records)}.` : "Nothing can be read here."}</b> <${Foreign} text=${about.stopped} most=${1200} /></p>` : null}
    ${about.tail_bytes && records ? html`<p class="card warning">${number(about.tail_bytes)} bytes of an unfinished record follow.</p>` : null}
    ${start.made ? html`<section class="made muted" aria-label="This report">Written ${start.made} from ${number(records)} records; head <code class="hash">${about.hash}</code>; ${report ? html`<b class=${report.ok ? "ok-text" : "bad-text"}>${report.ok ? "audit: no rule is broken" : "audit: rules are broken"}</b>` : null}${start.redacted ? "; without texts and authors" : ""}. To be small it leaves out: records as written, hashes but the head's, a post's text behind ${number(start.longest)} characters, digits behind the sixth, authors' ids, the days their accounts were made, and the ids of posts' other versions. The journal has them.</section>` : null}
    ${!records && !about.stopped ? html`<section class="card"><h2>No record yet</h2><p class="muted">${about.reading ? "The journal is being read." : about.tail_bytes ? `The ${number(about.tail_bytes)} bytes here are no whole record: one is being written, or this is no journal of user-miner.` : "What the miner writes appears here."}</p></section>` : null}
    ${records && view.page === "timeline" && w
      ? html`<main class="timeline">
          <${Strip} windows=${windows} selected=${selected} first=${view.first} words=${words} findings=${findings} judged=${report ? judged : 0} counts=${about.windows} choose=${choose} move=${(first) => change({ first })} />
          <div class="main">
            <${Gantt} label="The selected window" window=${w} chart=${chart && chart.selected === selected && chart.journal === view.journal ? chart : null} seq=${seq} at=${shown.row ? shown.row[1] : 0} go=${go} openPost=${(post) => change({ post })} words=${words} />
            <${Records} rows=${rows} records=${records} found=${found && found.seqs} searched=${found ? found.searched : null} seq=${seq} query=${view.query} setQuery=${(query) => change({ query })} choose=${go} words=${words} searchBox=${searchBox} />
          </div>
          <${Side} journal=${view.journal} seq=${shown.seq} row=${shown.row} step=${shown.step} post=${view.post} rows=${rows} records=${records} go=${go} openPost=${(post) => change({ post })} setter=${setter} words=${words} pinned=${view.pinned} pin=${() => change({ pinned: view.pinned === seq ? null : seq })} note=${note} />
        </main>`
      : null}
    ${records && view.page !== "timeline"
      ? html`<main class="page">
          ${view.page === "costs" ? html`<${Costs} journal=${view.journal} records=${records} windows=${windows} choose=${(index) => { choose(index); change({ page: "timeline" }); }} />` : null}
          ${view.page === "validators" ? html`<${Validators} journal=${view.journal} records=${records} rows=${rows} words=${words} go=${(n) => { go(n); change({ page: "timeline" }); }} />` : null}
          ${view.page === "audit" ? html`<${AuditView} about=${about} judged=${judged} audit=${report} go=${(n) => { go(n); change({ page: "timeline" }); }} />` : null}
          ${view.page === "machine" ? html`<${Machine} row=${shown.row} step=${shown.step} words=${words} seq=${shown.seq} setSearch=${(query) => change({ query, page: "timeline" })} />` : null}
          ${view.page === "compare" ? html`<${Compare} journal=${view.journal} pinned=${view.pinned} seq=${seq} windows=${windows} rows=${rows} records=${records} indexOf=${(n) => indexOfRecord(windows, n)} go=${go} openPost=${(post) => change({ post, page: "timeline" })} words=${words} unpin=${() => change({ pinned: null })} />` : null}
          ${view.page === "journals" ? html`<${Journals} names=${start.journals} columns=${words.columns} open=${(journal) => setView({ ...readAddress(), journal, seq: null, pinned: null, post: "", first: null, query: "", page: "timeline" })} />` : null}
        </main>`
      : null}
    ${records ? html`<${Scrubber} seq=${seq} records=${records} from=${strip.from} to=${strip.to} at=${shown.row ? shown.row[1] : 0} trouble=${troubles} playing=${playing} live=${data.live} following=${following} act=${act} />` : null}
    ${help ? html`<${Help} close=${() => setHelp(false)} />` : null}`;
}

render(html`<${App} />`, document.getElementById("app"));
