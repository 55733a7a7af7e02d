// Where the page's data comes from: a server on this machine, or blocks in the page itself. Both answer the same questions.
import { admits, parseQuery } from "./query.js";

async function ask(path, values = {}) {
  const answer = await fetch(`api/${path}?${new URLSearchParams(values)}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
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
      this.#blocks.set(index, inflated(`block-${index}`));
    }
    return this.#blocks.get(index);
  }

  start = async () => ({ words: (await this.#head).words, journals: [(await this.#head).about.name], ...(await this.#head).made });
  about = async () => (await this.#head).about;
  windows = async (_, first) => (await this.#head).windows.slice(first);
  costs = async () => (await this.#head).costs;
  audit = async () => (await this.#head).audit;
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
    return block.gantts[index];
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
