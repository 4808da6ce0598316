// A number on its way from one value to another. Starting anew in the middle of a glide begins where it is, so that figures that
// change twice a second never jump.

export class Glide {
  private from: number;
  private began = 0;

  constructor(
    private to: number,
    private readonly duration_ms = 450,
  ) {
    this.from = to;
  }

  get target(): number {
    return this.to;
  }

  aim(to: number, now_ms: number): void {
    this.from = this.at(now_ms);
    this.to = to;
    this.began = now_ms;
  }

  /** Exactly the target once the time is over. */
  at(now_ms: number): number {
    if (this.done(now_ms)) return this.to;
    const part = Math.max(0, (now_ms - this.began) / this.duration_ms);
    const eased = 1 - (1 - part) ** 3;
    return this.from + (this.to - this.from) * eased;
  }

  done(now_ms: number): boolean {
    return this.from === this.to || now_ms - this.began >= this.duration_ms;
  }
}
