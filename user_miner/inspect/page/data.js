// Where the page's data comes from: a server on this machine, or blocks in the page itself. Both answer the same questions.
import { admits, parseQuery } from "./query.js";

async function ask(path, values = {}) {
  const answer = await fetch(`api/${path}?${new URLSearchParams(values)}`);
  const found = answer.ok ? await answer.json() : null;
  if (found === null) throw new Error(`${path}: ${answer.status}`);
  return found;
}

class Served {
  live = true;
  start = () => ask("start");
  about = (journal) => ask("about", { journal });
  windows = (journal, first) => ask("windows", { journal, first });
  rows = (journal, first, last) => ask("rows", { journal, first, last });
  record = (journal, seq) => ask("record", { journal, seq });
  step = (journal, seq) => ask("step", { journal, seq });
  setter = (journal, path, seq) => ask("setter", { journal, path, seq });
  gantt = (journal, index) => ask("gantt", { journal, index });
  find = (journal, query, start) => ask("find", { journal, query, start });
  costs = (journal) => ask("costs", { journal });
  audit = (journal) => ask("audit", { journal });

  follow(journal, tell) {
    const stream = new EventSource(`api/follow?journal=${journal}`);
    stream.onmessage = (message) => tell(JSON.parse(message.data), true);
    stream.onerror = () => tell(null, false);
    return () => stream.close();
  }
}

async function inflated(name) {
  const text = document.getElementById(`data-${name}`).textContent;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// What audit/inspect/packed.py left out of a block is put back.
function unpacked(block) {
  const { first, ids } = block;
  const text = (short) => short.replace(/\ue000(\d+)\ue000/g, (_, place) => ids[place]);
  let at = block.at;
  const rows = block.rows.map(([since, event, source, dest, trouble, post, line], index) => {
    at += since;
    return [first + index, at, event, source, dest, trouble, post === null ? null : ids[post], text(line)];
  });
  const state = { ...block.state };
  const authors = {};
  const note = (path, value) => path.endsWith("].post.author") && (authors[/\d+/.exec(path)[0]] = value);
  Object.entries(state).forEach(([path, value]) => note(path, value));
  const valueOf = (path, value, at) => {
    if (typeof value === "string") return value.startsWith("\ue000") ? ids[value.slice(1)] : value;
    if (!Number.isInteger(value)) return value;
    if (path.endsWith("_ms")) return value + at;
    if (path.endsWith(".timestamp")) return value + Math.floor(at / 1000);
    return /^(spent|totals)\./.test(path) && Number.isInteger(state[path]) ? value + state[path] : value;
  };
  const effects = (places) => {
    const found = [];
    for (let place = 0; place < places.length; ) {
      const effect = block.effects[places[place++]];
      found.push(effect.includes("\ue000") ? effect.replace("\ue000", ids[places[place++]]) : effect);
    }
    return found;
  };
  const reasons = block.reasons.map(([guards, taken, stream, begun, ended], index) => {
    const changes = [];
    const set = (path, after) => {
      changes.push([path, state[path] ?? null, after]);
      if (after === null) delete state[path];
      else state[path] = after;
    };
    let post = "";
    for (let place = 0; place < stream.length; ) {
      const path = stream[place++];
      if (path < 0) {
        post = ids[-1 - path];
        continue;
      }
      const value = stream[place++];
      if (path === 0) Object.keys(state).filter((key) => key.startsWith(`posts[id=${post}]`)).forEach((key) => set(key, null));
      else {
        const whole = block.paths[path].replace("*", post);
        set(whole, valueOf(whole, value, rows[index][1]));
        note(whole, state[whole]);
      }
    }
    return { guards, taken, changes, begun: effects(begun), ended: effects(ended) };
  });
  const gantts = {};
  for (const [index, chart] of Object.entries(block.gantts)) {
    const bars = (near) => near.map(([since, wide, kind, seq]) => [chart.from + since, chart.from + since + wide, kind, seq && seq + chart.first - 1]);
    gantts[index] = !chart.lanes ? chart : {
      ...chart, to: chart.from + chart.to, states: bars(chart.states), search: bars(chart.search), folds: chart.folds.map(([since, wide]) => [chart.from + since, chart.from + since + wide]),
      lanes: chart.lanes.map(([post, carried_from, verdict, seq, near]) => ({ post: ids[post], author: authors[ids[post]] || "", carried_from, verdict, verdict_seq: seq && seq + chart.first - 1, bars: bars(near) })),
    };
  }
  return { first, state: block.state, rows, reasons, gantts };
}

// One journal, in blocks of so many records, each with the state before it and all that its records changed.
class Embedded {
  live = false;
  #head = inflated("head");
  #blocks = new Map();

  async #block(seq) {
    const { size } = await this.#head;
    const index = Math.floor((seq - 1) / size);
    if (!this.#blocks.has(index)) {
      if (this.#blocks.size > 8) this.#blocks.delete(this.#blocks.keys().next().value);
      this.#blocks.set(index, inflated(`block-${index}`).then(unpacked));
    }
    return this.#blocks.get(index);
  }

  start = async () => ({ words: (await this.#head).words, journals: [(await this.#head).about.name], ...(await this.#head).made });
  about = async () => (await this.#head).about;
  windows = async (_, first) => (await this.#head).windows.slice(first);
  costs = async () => (await this.#head).costs;
  audit = async () => [(await this.#head).about.records, (await this.#head).audit];
  record = async () => null;

  async rows(_, first, last) {
    const found = [];
    for (let seq = first; seq <= last; ) {
      const block = await this.#block(seq);
      const end = Math.min(last, block.first + block.rows.length - 1);
      found.push(...block.rows.slice(seq - block.first, end - block.first + 1));
      seq = end + 1;
      if (end < block.first) break;
    }
    return found;
  }

  async step(_, seq) {
    const block = await this.#block(seq);
    const state = { ...block.state };
    for (let index = 0; index <= seq - block.first; index++)
      for (const [path, , after] of block.reasons[index].changes) {
        if (after === null) delete state[path];
        else state[path] = after;
      }
    return { state, ...block.reasons[seq - block.first] };
  }

  async setter(_, path, seq) {
    for (let at = seq; at > 0; ) {
      const block = await this.#block(at);
      for (; at >= block.first; at--) if (block.reasons[at - block.first].changes.some((change) => change[0] === path)) return at;
    }
    return 0;
  }

  async gantt(_, index) {
    const { windows, about } = await this.#head;
    const block = await this.#block(Math.min(windows[index][1], about.records));
    return block.gantts[index] || {};
  }

  async find(_, text, start) {
    const query = parseQuery(text);
    const { about, words, size } = await this.#head;
    if (start > about.records) return [[], null];
    const block = await this.#block(start);
    const found = block.rows.filter((row, index) => row[0] >= start && admits(query, row, block.reasons[index], words));
    const next = block.first + size;
    return [found.map((row) => row[0]), next > about.records ? null : next];
  }

  follow = () => () => {};
}

export const data = document.getElementById("data-head") ? new Embedded() : new Served();
