// The library that draws; preact.js is loaded before (docs/operators/inspector.md tells how it was made).
export const { h, html, render, useState, useEffect, useLayoutEffect, useRef, useMemo } = globalThis.preact;

// The width of an element in CSS pixels, as it changes.
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setWidth(ref.current ? ref.current.clientWidth : 0));
    watch.observe(ref.current);
    setWidth(ref.current.clientWidth);
    return () => watch.disconnect();
  }, []);
  return width;
}

// What a promise came to; null until then. An older one that comes late is left aside.
export function useAnswer(ask, inputs) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    let current = true;
    ask().then(
      (value) => current && setAnswer(value),
      () => current && setAnswer(null),
    );
    return () => {
      current = false;
    };
  }, inputs);
  return answer;
}

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Counts up when the system turns to dark or back, for what is drawn on a canvas.
export function useScheme() {
  const [turned, setTurned] = useState(0);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const turn = () => setTurned((n) => n + 1);
    dark.addEventListener("change", turn);
    return () => dark.removeEventListener("change", turn);
  }, []);
  return turned;
}
