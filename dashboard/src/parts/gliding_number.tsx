// A figure that glides to its new value. `data-value` holds the exact one at once.

import { useEffect, useRef } from "preact/hooks";
import { Glide } from "../gliding";
import { writeFigure, type Figure } from "../figures";

export function GlidingNumber({ value, kind }: { value: number | string | null; kind: Figure["kind"] }) {
  const place = useRef<HTMLSpanElement>(null);
  const glide = useRef<Glide | null>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const exact = writeFigure(value, kind);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const number = value === null ? null : Number(value);
    if (number === null || glide.current === null || calm || document.visibilityState === "hidden") {
      glide.current = number === null ? null : new Glide(number);
      element.textContent = exact;
      return undefined;
    }
    const moving = glide.current;
    moving.aim(number, performance.now());
    let frame = 0;
    const step = () => {
      const now = performance.now();
      // The last frame writes the exact text, not the text of a floating point number.
      element.textContent = moving.done(now) ? exact : writeFigure(moving.at(now), kind);
      if (!moving.done(now)) frame = requestAnimationFrame(step);
    };
    step();
    return () => cancelAnimationFrame(frame);
  }, [value, kind]);
  return <span ref={place} class="number" data-value={value === null ? "" : String(value)} />;
}
