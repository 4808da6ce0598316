import { describe, expect, it } from "vitest";
import { Glide } from "./gliding";

describe("gliding number", () => {
  it("stands still at first", () => {
    const glide = new Glide(10);
    expect(glide.at(0)).toBe(10);
    expect(glide.done(0)).toBe(true);
  });

  it("moves one way and ends exactly at the target", () => {
    const glide = new Glide(0.1, 400);
    glide.aim(28_278.3, 1000);
    let before = glide.at(1000);
    expect(before).toBe(0.1);
    for (let now = 1016; now < 1400; now += 16) {
      const at = glide.at(now);
      expect(at).toBeGreaterThan(before);
      expect(at).toBeLessThan(28_278.3);
      before = at;
    }
    expect(glide.at(1400)).toBe(28_278.3);
    expect(glide.done(1400)).toBe(true);
  });

  it("goes on from where it is when the target changes on the way", () => {
    const glide = new Glide(0, 400);
    glide.aim(100, 0);
    const middle = glide.at(200);
    glide.aim(50, 200);
    expect(glide.at(200)).toBeCloseTo(middle, 9);
    expect(glide.at(600)).toBe(50);
  });

  it("does not run backwards when the clock does", () => {
    const glide = new Glide(0, 400);
    glide.aim(100, 1000);
    expect(glide.at(900)).toBe(0);
  });
});
