// The search line, as audit/inspect/query.py reads it; here for a report, whose records are searched in the browser.
export function parseQuery(text) {
  const query = { events: [], notEvents: [], posts: [], notPosts: [], trouble: null, words: [], notWords: [] };
  const lists = { event: query.events, "-event": query.notEvents, post: query.posts, "-post": query.notPosts };
  for (const part of text.match(/"[^"]*"|\S+/g) || []) {
    const word = part.replaceAll('"', "");
    const [, key, value] = /^(-?[a-z]+):(.+)$/.exec(word) || [];
    if (key in lists) lists[key].push(value);
    else if (key === "is" && value === "trouble") query.trouble = true;
    else if (key === "-is" && value === "trouble") query.trouble = false;
    else if (word.startsWith("-")) word.length > 1 && query.notWords.push(word.slice(1).toLowerCase());
    else query.words.push(word.toLowerCase());
  }
  return query;
}

export function admits(query, row, reason, words) {
  const [, , event, , , trouble, post, line] = row;
  const name = words.events[event];
  if ((query.events.length && !query.events.includes(name)) || query.notEvents.includes(name)) return false;
  if (query.trouble !== null && Boolean(trouble) !== query.trouble) return false;
  const names = (id) => post === id || (name === "PostsScraped" && reason.changes.some(([path]) => path.startsWith(`posts[id=${id}]`)));
  if ((query.posts.length && !query.posts.some(names)) || query.notPosts.some(names)) return false;
  if (!query.words.length && !query.notWords.length) return true;
  const text = `${name} ${line} ${JSON.stringify(reason.changes)}`.toLowerCase();
  return query.words.every((word) => text.includes(word)) && !query.notWords.some((word) => text.includes(word));
}

// The line with a part put in, or taken out where it stands.
export function toggled(text, part) {
  const parts = text.split(/\s+/).filter(Boolean);
  return (parts.includes(part) ? parts.filter((p) => p !== part) : [...parts, part]).join(" ");
}
